"""What an engine accepts in daemon.json, and what makes a reload do harm. Pure.

Sources: moby daemon/reload.go, reload_unix.go, daemon/command/daemon.go, at v20.10.24,
v24.0.0, v28.5.2 and docker-v29.7.2; 29.x read, not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.flags import NOWHERE
from registry_host.engine.keys import (
    Directive,
    Version,
    directives,
    find_directive,
    show_version,
)
from registry_host.errors import Problem, advised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.engine.flagplaces import FlagPlace
    from registry_host.engine.flags import Flags
    from registry_host.jsonfile.jsontext import Document

_RESTART = 'sudo systemctl restart docker'
# Addresses that 29.0.0 to 29.2.1 lose at a reload; flag and key.
_ADDRESSES = (
    ('dns', 'dns'),
    ('host-gateway-ip', 'host-gateway-ip'),
    ('host-gateway-ip', 'host-gateway-ips'),
)
_EFFECTS = {
    'add-runtime': 'is dropped, as "runtimes" stands in the file',
    'authorization-plugin': 'is dropped: the engine then authorises everyone',
    'insecure-registry': 'is dropped, as "registry-mirrors" stands in the file',
    'max-concurrent-downloads': 'falls back to its default',
    'max-concurrent-uploads': 'falls back to its default',
    'max-download-attempts': 'falls back to its default',
}


def warnings(
    document: Document,
    version: Version | None,
    flags: Flags,
    places: Mapping[str, FlagPlace] = NOWHERE,
) -> tuple[Problem, ...]:
    """Find what is accepted, and makes a reload do more, or less, than it says."""
    return (
        *_obsolete_keys(document, version),
        *_obsolete_storage(document, version),
        *_flags_reset_by_reload(document, version, flags, places),
        *_corrupted_addresses(document, version, flags),
        *_lost_registries(document, version),
    )


def _obsolete_keys(document: Document, version: Version | None) -> Iterator[Problem]:
    for key in document.root:
        directive = find_directive(key)
        if directive is None:
            continue
        if directive.ignored and (version is None or version >= directive.ignored):
            since = show_version(directive.ignored)
            yield _obsolete(document, directive, f'has no effect since Docker {since}')
        end = directive.ended
        if end and (version is None or version < end):
            effect = f'keeps Docker {show_version(end)} and newer from starting'
            yield _obsolete(document, directive, effect)


def _obsolete(document: Document, directive: Directive, effect: str) -> Problem:
    key, instead = directive.key, directive.instead
    return Problem(
        code='directive-obsolete',
        where=document.where(key),
        message=advised(
            f'"{key}" {effect}',
            f'rename it to "{instead}"' if instead else 'remove it',
        ),
    )


def _obsolete_storage(document: Document, version: Version | None) -> Iterator[Problem]:
    if not ('storage-driver' in document.root or 'storage-opts' in document.root):
        return
    from registry_host.engine.startstorage import upcoming

    for where, message, advice in upcoming(document, version):
        yield Problem('directive-obsolete', advised(message, advice), where=where)


def _flags_reset_by_reload(
    document: Document,
    version: Version | None,
    flags: Flags,
    places: Mapping[str, FlagPlace],
) -> Iterator[Problem]:
    """A reload knows the file alone: what it always sets anew, a flag cannot keep."""
    if not flags:
        return
    for directive in directives().values():
        flag = directive.flag or ''
        is_reset = directive.is_reset_by_reload and not document.has(directive.key)
        if flag in flags and is_reset:
            yield _reset_by_reload(flag, directive.key, places)
    if 'add-runtime' in flags and document.has('runtimes'):
        yield _reset_by_reload('add-runtime', 'runtimes', places)
    is_old = version is not None and version < (25, 0, 0)
    if is_old and 'insecure-registry' in flags and document.has('registry-mirrors'):
        yield _reset_by_reload('insecure-registry', 'insecure-registries', places)


def _reset_by_reload(flag: str, key: str, places: Mapping[str, FlagPlace]) -> Problem:
    effect = _EFFECTS.get(flag, 'is dropped')
    place = places.get(flag, 'the unit')
    return Problem(
        code='reload-resets-flag',
        message=f'--{flag} is given as a flag alone: at a reload it {effect}; '
        f'move it from {place} into daemon.json, as "{key}"',
    )


def _corrupted_addresses(
    document: Document, version: Version | None, flags: Flags
) -> Iterator[Problem]:
    if version is None or not (29, 0, 0) <= version < (29, 3, 0):
        return
    keys = [key for flag, key in _ADDRESSES if document.has(key) or flag in flags]
    for key in dict.fromkeys(keys):
        yield Problem(
            code='reload-corrupts-dns',
            where=document.where(key) if document.has(key) else '',
            message=f'Docker {show_version(version)} corrupts "{key}" at every reload, '
            'for containers that start later; upgrade to 29.3, or restart the engine '
            'afterwards',
            hint=_RESTART,
        )


def _lost_registries(document: Document, version: Version | None) -> Iterator[Problem]:
    if version is None:
        return
    is_affected = (23, 0, 0) <= version < (23, 0, 7) or version == (24, 0, 0)
    keys = ('registry-mirrors', 'insecure-registries')
    if is_affected and all(document.has(key) for key in keys):
        fixed = '23.0.7' if version < (24, 0, 0) else '24.0.1'
        yield Problem(
            code='reload-loses-insecure',
            where=document.where('insecure-registries'),
            message=f'Docker {show_version(version)} loses the insecure registries at '
            f'a reload; upgrade to {fixed}, or restart the engine afterwards',
            hint=_RESTART,
        )
