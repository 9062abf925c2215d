"""How an engine asks a registry: by which scheme, trust and proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.engine.trust import roots
from registry_host.host.wire import Answer, Request

if TYPE_CHECKING:
    from registry_host.engine.route import Route
    from registry_host.host.host import Host
    from registry_host.settings.mirrors import Mirror

TIMEOUT_S = 3.0
# What a proxy answers in the place of the one that was asked: RFC 9110, section 15.
_OF_PROXIES = frozenset({407, 502, 503, 504})


def request_of(host: Host, mirror: Mirror, route: Route) -> Request:
    """Ask GET /v2/ as an engine that takes this route does.

    With the containerd store up to 27, a network in insecure-registries allows plain
    HTTP, and leaves certificates verified (observed, 26.1.5).
    """
    is_dropped, scheme = _is_scheme_dropped(route), mirror.scheme
    # By plain HTTP nothing is verified: there is no need to wait for an answer.
    look_up = host.addresses if scheme == 'https' or is_dropped else None
    is_named = route.insecure.names(mirror.host, mirror.port)
    is_insecure = route.insecure.covers(mirror.host, mirror.port, look_up)
    if is_dropped and not is_insecure and not mirror.is_loopback:
        scheme = 'https'
    return Request(
        url=f'{scheme}://{mirror.endpoint}/v2/',
        timeout_s=TIMEOUT_S,
        is_verified=not (is_named if is_dropped else is_insecure),
        authorities=_authorities(host, mirror, route) if scheme == 'https' else (),
        proxy=proxy_for(mirror, scheme, route),
    )


def _is_scheme_dropped(route: Route) -> bool:
    """Up to 27, the containerd store speaks HTTPS whatever a mirror's scheme is.

    Source: moby 27 daemon/containerd/resolver.go; not so since 28.0 (daemon/hosts.go).
    """
    is_old = route.version is not None and route.version < CONTAINERD_OWN_HOSTS
    return route.is_containerd_store and is_old


def _authorities(host: Host, mirror: Mirror, route: Route) -> tuple[str, ...]:
    """Find the CA files that this engine trusts for this mirror.

    The containerd store since 28.0 looks under the name of the registry that is
    mirrored, not of the mirror (observed, 28.5.2).
    """
    is_new = route.version is not None and route.version >= CONTAINERD_OWN_HOSTS
    name = 'docker.io' if route.is_containerd_store and is_new else mirror.endpoint
    folder = f'/etc/docker/certs.d/{name}'
    own = (f'{folder}/{file}' for file in host.names(folder) if file.endswith('.crt'))
    return (*roots(host, route.trust), *own)


def proxy_for(mirror: Mirror, scheme: str, route: Route) -> str | None:
    """Name the proxy that a Go program asks for it; None where it goes directly."""
    proxy = route.https_proxy if scheme == 'https' else route.http_proxy
    if not proxy or mirror.is_loopback:
        return None
    if route.no_proxy and route.no_proxy.bypasses(
        mirror.host, _port_of(mirror, scheme)
    ):
        return None
    return proxy


def _port_of(mirror: Mirror, scheme: str) -> int:
    return mirror.port or (443 if scheme == 'https' else 80)


def answered_by_proxy(request: Request, answer: Answer) -> bool:
    """Whether an answer is the proxy's own; in a tunnel it is from the other end."""
    is_plain = request.url.startswith('http://')
    return bool(request.proxy) and is_plain and answer.status in _OF_PROXIES
