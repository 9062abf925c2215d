"""What an engine uses at the moment, as far as it shows that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.rules import built_in_insecure, engine_mirror
from registry_host.namedtuples import NamedTuple
from registry_host.settings.insecure import DOCKER_HUB, registry_key

if TYPE_CHECKING:
    from registry_host.engine.directives import Version


class LiveLists(NamedTuple):
    """What one engine uses now, or will once it has read a daemon.json.

    None in a list means that nothing is said of it: a reload keeps the value of a key
    that its file does not name. The insecure entries compare as sets, for /info orders
    them at random since 29.0 (moby daemon/info.go).
    """

    mirrors: tuple[str, ...] | None
    insecure: frozenset[tuple[str, str]] | None


def expected_lists(
    mirrors: tuple[str, ...] | None,
    insecure: tuple[str, ...] | None,
    version: Version | None,
) -> LiveLists:
    """Work out what /info shows once an engine has read these lists of a daemon.json.

    Source: moby daemon/pkg/registry/config.go loadMirrors, loadInsecureRegistries
    (b985e23, 2026-08); 127.0.0.0/8 is built in, ::1/128 since 28.0.0.
    """
    return LiveLists(
        mirrors=None
        if mirrors is None
        else tuple(dict.fromkeys(engine_mirror(text) for text in mirrors)),
        insecure=None if insecure is None else _expected_insecure(insecure, version),
    )


def _expected_insecure(
    insecure: tuple[str, ...], version: Version | None
) -> frozenset[tuple[str, str]]:
    entries = {registry_key(text) for text in insecure} - {('host', DOCKER_HUB)}
    return frozenset(entries) | {('cidr', cidr) for cidr in built_in_insecure(version)}
