"""Entries of lists in daemon.json: what an engine refuses, and what misleads. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.engine.keys import Version, eras
from registry_host.engine.rules import engine_accepts_insecure, engine_accepts_mirror
from registry_host.errors import Problem, advised, quoted
from registry_host.settings.areas import INSECURE, MIRRORS
from registry_host.settings.insecure import (
    Registry,
    check_insecure_registry,
    registry_key,
)
from registry_host.settings.mirrors import check_mirror, has_odd_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
    from typing import Any

    from registry_host.settings.checking import Checked

ACCEPTS = {INSECURE: engine_accepts_insecure, MIRRORS: engine_accepts_mirror}
_CHECKS: Mapping[str, Callable[[str], Checked[Any]]] = {
    INSECURE: check_insecure_registry,
    MIRRORS: check_mirror,
}


def is_refused(area: str, text: str, version: Version | None) -> bool:
    """Whether an engine does not start with an entry; without a version, any engine."""
    versions = eras() if version is None else (version,)
    return not any(ACCEPTS[area](text, each) for each in versions)


def refusals(area: str, text: str) -> Iterator[Problem]:
    """Say why an engine does not start with an entry."""
    checked = _CHECKS[area](text)
    yield from checked.errors
    if not checked.errors:
        meant = str(checked.value)
        is_bare = meant == text
        message = f'dockerd does not start with the spelling {checked.input!r}'
        yield Problem(
            code=f'{checked.kind}-spelling',
            message=advised(message, 'add a port' if is_bare else ''),
            hint=f'{meant}:5000' if is_bare else meant,
        )


def insecure_doubts(
    text: str, listed: Collection[tuple[str, str]]
) -> tuple[Problem, ...]:
    """Tell of an entry that an engine takes, and that does not cover what it seems to.

    Nothing is wrong where another entry covers that; `listed` are the keys of all.
    """
    checked = check_insecure_registry(text)
    kind, stored = registry_key(text)
    meant = checked.value or _meant(stored)
    if checked.warnings or meant is None:
        return checked.warnings or checked.errors
    if kind == 'cidr' or meant.key == (kind, stored) or meant.key in listed:
        return ()
    problem = Problem(
        code='insecure-spelling',
        message=f'{checked.input!r} does not cover {meant}: Docker compares insecure '
        'registries letter by letter',
        hint=f'sudo registry-host configure --insecure-registry {quoted(str(meant))}',
    )
    return (problem,)


def _meant(stored: str) -> Registry | None:
    """Read an entry whose port is empty, or has a sign or zeros in front."""
    found = re.fullmatch(r'(.*):[+-]?([0-9]*)', stored, re.ASCII)
    port = found[2].lstrip('0') if found else ''
    if found is None or (found[2] and not port):
        return None
    text = f'{found[1]}:{port}' if port else found[1]
    return check_insecure_registry(text).value


def mirror_doubts(text: str, listed: Collection[Hashable]) -> tuple[Problem, ...]:
    """Tell of a mirror that an engine with a graphdriver takes and never asks.

    Nothing is wrong where it asks the same mirror by another entry; `listed` are the
    keys of all.
    """
    mirror = check_mirror(text).value if has_odd_scheme(text) else None
    if mirror is None or mirror.key in listed:
        return ()
    problem = Problem(
        code='mirror-scheme-case',
        message=f'{text!r} is never asked: Docker takes the scheme in lower case alone',
        hint=f'sudo registry-host configure --registry-mirror {quoted(str(mirror))}',
    )
    return (problem,)
