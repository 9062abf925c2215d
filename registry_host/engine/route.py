"""How an engine reaches registries: scheme, trust and proxies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_host.engine.environment import proxies_in, variables_of
from registry_host.engine.live import LiveLists, expected_lists
from registry_host.engine.rules import built_in_insecure
from registry_host.engine.trust import SYSTEM, Trust, trust_of
from registry_host.settings.areas import (
    HTTP_PROXY,
    HTTPS_PROXY,
    INSECURE,
    MIRRORS,
    NO_PROXY,
    PROXY_KEYS,
)
from registry_host.settings.insecure import InsecureList
from registry_host.settings.mirrors import Mirror, has_odd_scheme, spelled
from registry_host.settings.proxies import check_no_proxy, check_proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.settings.noproxy import NoProxy


_NONE = InsecureList(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How one engine reaches registries: what decides scheme, trust and proxy.

    `trust` is where it finds the authorities whose certificates it takes.
    """

    is_containerd_store: bool = False
    version: Version | None = None
    insecure: InsecureList = _NONE
    http_proxy: str = ''
    https_proxy: str = ''
    no_proxy: NoProxy | None = None
    trust: Trust = SYSTEM


def route_of(host: Host, engine: EngineFacts, daemon: DaemonJson) -> Route:
    """Learn the ways of an engine: its store, its insecure list, its proxies.

    /info shows proxies with their credentials masked: the one that is meant is looked
    for among those of its file, its flags and its environment.
    """
    insecure = insecure_of(engine, daemon)
    info = engine.info
    if info is None:
        return Route(insecure=insecure, version=engine.version)
    candidates = [*daemon.proxies.values()]
    for name in ('http-proxy', 'https-proxy'):
        candidates += engine.flags.get(name, ())
    variables = variables_of(host, engine)
    candidates += variables.values()
    return Route(
        is_containerd_store=info.is_containerd_store,
        version=engine.version,
        insecure=insecure,
        http_proxy=_unmasked(info.http_proxy, candidates),
        https_proxy=_unmasked(info.https_proxy, candidates),
        no_proxy=check_no_proxy(info.no_proxy).value if info.no_proxy else None,
        trust=trust_of(variables),
    )


def planned_route(host: Host, engine: EngineFacts, daemon: DaemonJson) -> Route:
    """Work out the ways of an engine once it has started with a daemon.json.

    Each proxy is that of the file or of a flag, else that of its environment.
    """
    variables = variables_of(host, engine)
    found = asked_proxies(daemon, engine, proxies_in(variables))
    return Route(
        is_containerd_store=bool(engine.info and engine.info.is_containerd_store),
        version=engine.version,
        insecure=insecure_of(engine, daemon),
        http_proxy=found[HTTP_PROXY],
        https_proxy=found[HTTPS_PROXY],
        no_proxy=check_no_proxy(found[NO_PROXY]).value if found[NO_PROXY] else None,
        trust=trust_of(variables),
    )


def insecure_of(engine: EngineFacts, daemon: DaemonJson) -> InsecureList:
    """Join what the file or a flag lists and the networks that are built in."""
    asked = daemon.asked(INSECURE, engine.flags)
    return InsecureList((*asked, *built_in_insecure(engine.version)))


def mirrors_of(daemon: DaemonJson, engine: EngineFacts) -> tuple[Mirror, ...]:
    """Read the mirrors that an engine asks, of those that its file or a flag names."""
    is_asked = bool(engine.info and engine.info.is_containerd_store)
    named = daemon.asked(MIRRORS, engine.flags)
    texts = (text for text in named if is_asked or not has_odd_scheme(text))
    return tuple(mirror for mirror in map(spelled, texts) if mirror)


def asked_lists(daemon: DaemonJson, engine: EngineFacts) -> LiveLists:
    """Say what an engine shows that uses its file, its flags, and what is built in."""
    return expected_lists(
        daemon.asked(MIRRORS, engine.flags),
        daemon.asked(INSECURE, engine.flags),
        engine.version,
    )


def asked_proxies(
    daemon: DaemonJson, engine: EngineFacts, environment: Mapping[str, str]
) -> Mapping[str, str]:
    """Say which proxies an engine uses once it has started, by area; '' for none.

    Each is that of its file, else that of a flag, else that of its `environment`.
    """
    found: dict[str, str] = {}
    for area in PROXY_KEYS:
        flags = engine.flags.get(area, ())
        text = daemon.proxies.get(area) or (flags[-1] if flags else '')
        found[area] = text or environment.get(area, '')
    return found


def _unmasked(masked: str, candidates: Iterable[str]) -> str:
    if 'xxxxx' not in masked:
        return masked
    for text in candidates:
        proxy = check_proxy(text, HTTP_PROXY).value
        if proxy is not None and str(proxy) == masked:
            return proxy.reveal()
    return masked
