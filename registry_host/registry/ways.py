"""How one program of this host reaches web servers: proxies, trust, patience."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from registry_host.engine.route import Route
from registry_host.engine.trust import roots
from registry_host.host.wire import Request
from registry_host.namedtuples import NamedTuple
from registry_host.registry.requests import proxy_for
from registry_host.settings.checking import DEFAULT_PORTS, take_apart
from registry_host.settings.mirrors import Mirror

if TYPE_CHECKING:
    from typing import Any

    from registry_host.engine.trust import Trust
    from registry_host.host.host import Host
    from registry_host.host.keepalive import KeepAlive


class Way(NamedTuple):
    """`authorities` are the files of all certificates that the program trusts.

    `is_verified` False takes any certificate, as for an insecure registry. `identity`
    is the certificate and the key that a server is shown which asks for them.
    `keep_alive` is for a program that asks much: see Request.
    """

    route: Route = Route()
    authorities: tuple[str, ...] = ()
    timeout_s: float = 5.0
    is_verified: bool = True
    identity: tuple[str, str] | None = None
    keep_alive: KeepAlive | None = None

    def request(self, url: str, **more: Any) -> Request:
        """Ask for a URL as that program would; `more` as in Request."""
        mirror = place_of_url(url)
        is_tls = mirror is not None and mirror.scheme == 'https'
        return Request(
            url=url,
            timeout_s=self.timeout_s,
            authorities=self.authorities if is_tls else (),
            proxy=proxy_for(mirror, mirror.scheme, self.route) if mirror else None,
            identity=self.identity if is_tls else None,
            keep_alive=self.keep_alive,
            **{'is_verified': self.is_verified, **more},
        )


def authorities(host: Host, trust: Trust, endpoint: str = '') -> tuple[str, ...]:
    """Name the files that are trusted; with `endpoint`, as an engine trusts it.

    Those of certs.d count for registries by host and port, and without a port where an
    image has none (moby daemon/pkg/registry, 20.10 to 28.5; any image store).
    """
    paths = list(roots(host, trust))
    if endpoint:
        folder = f'/etc/docker/certs.d/{endpoint}'
        names = host.names(folder)
        paths += [f'{folder}/{name}' for name in names if name.endswith('.crt')]
    found = []
    for path in paths:
        with contextlib.suppress(OSError):  # A circle of links.
            found.append(host.resolve(path))
    return tuple(found)


def identity_of(host: Host, endpoint: str) -> tuple[str, str] | None:
    """Find the certificate that an engine shows to a registry, and its key.

    They are NAME.cert and NAME.key of certs.d. An engine offers all pairs, of which the
    first counts here. Source: moby registry/registry.go ReadCertsDirectory (20.10).
    """
    folder = f'/etc/docker/certs.d/{endpoint}'
    names = host.names(folder)
    for name in names:
        key = f'{name.removesuffix(".cert")}.key'
        if name.endswith('.cert') and key in names:
            return host.resolve(f'{folder}/{name}'), host.resolve(f'{folder}/{key}')
    return None


def place_of_url(url: str) -> Mirror | None:
    """Say where a URL leads to; None where it is no URL of a web server."""
    parts = take_apart(url)
    port = parts.port or ''
    if parts.scheme not in DEFAULT_PORTS or not parts.host or parts.is_unbracketed:
        return None
    # A realm is the word of a stranger, and goes into messages.
    is_host = re.fullmatch(r'[a-z0-9._-]+|[0-9a-f:.]+', parts.host.lower())
    is_port = re.fullmatch('[0-9]{0,5}', port) and int(port or 1) in range(1, 0x10000)
    if parts.user_info is not None or not is_host or not is_port:
        return None
    return Mirror(parts.scheme, parts.host.lower(), int(port) if port else None)


def require_place(url: str) -> Mirror:
    """Say where a URL leads to that was found to be one."""
    place = place_of_url(url)
    if place is None:
        raise ValueError(url)
    return place


def place_of_proxy(proxy: str | None) -> Mirror | None:
    """Say where a proxy is, without its login."""
    if proxy is None:
        return None
    parts = take_apart(proxy)
    port = int(parts.port) if parts.port and parts.port.isdigit() else None
    return Mirror(parts.scheme, parts.host.lower(), port)
