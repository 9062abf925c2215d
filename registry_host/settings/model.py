"""Settings that passed every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple
from registry_host.settings.areas import AREAS, Operation

if TYPE_CHECKING:
    from registry_host.errors import Problem
    from registry_host.settings.checking import Checked
    from registry_host.settings.insecure import Registry
    from registry_host.settings.mirrors import Mirror
    from registry_host.settings.noproxy import NoProxy
    from registry_host.settings.proxies import Proxy


class Settings(NamedTuple):
    """What a run asks for, by area. `named` holds the areas that it may touch.

    `operation` says how: REPLACE makes the values the whole of what is managed in a
    named area (none withdraws what is managed there), ADD adds them, and REMOVE takes
    them out, or everything in the areas of `cleared`. `proxy_for` says who uses the
    proxies: 'engine', 'client'. `is_dns_exclusive`: the host asks no nameservers but
    these; None leaves that as it is. `engine_dns` are those of containers. REMOVE takes
    out the proxies that `unwanted` selects. `users` None means the invoker.
    `probe_image` is what the engine is asked to resolve as a proof; None leaves the
    choice, '' is nothing. `digest` identifies settings that passed the schema.
    `exposed` tells of passwords that others can see where they were given.
    """

    named: frozenset[str]
    is_declaration: bool
    operation: Operation = Operation.REPLACE
    cleared: frozenset[str] = frozenset()
    mirrors: tuple[Mirror, ...] = ()
    insecure: tuple[Registry, ...] = ()
    http_proxy: Proxy | None = None
    https_proxy: Proxy | None = None
    no_proxy: NoProxy | None = None
    unwanted: tuple[Proxy, ...] = ()
    proxy_for: frozenset[str] = frozenset()
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    is_dns_exclusive: bool | None = False
    engine_dns: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None
    probe_image: str | None = None
    digest: str = ''
    results: tuple[Checked[Any], ...] = ()
    exposed: tuple[Problem, ...] = ()

    def has_proxies_for(self, reader: str) -> bool:
        is_any = bool(self.http_proxy or self.https_proxy or self.no_proxy)
        return is_any and reader in self.proxy_for

    def operation_on(self, area: str) -> Operation:
        """Say what the run does to the managed entries of one area."""
        return Operation.REPLACE if area in self.cleared else self.operation

    @property
    def has_dns(self) -> bool:
        """Whether anything is asked of the host's own resolv.conf."""
        return bool(self.nameservers or self.search)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        warnings = (p for result in self.results for p in result.warnings)
        return (*warnings, *self.exposed)


NOTHING_ASKED = Settings(named=frozenset(), is_declaration=False)
WITHDRAW_ALL = Settings(named=AREAS, is_declaration=True)
