"""NO_PROXY as Go programs read it: dockerd, the docker client, the registry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Address = IPv4Address | IPv6Address


class _Matcher(NamedTuple):
    """One entry: an address or a domain (with its dot in front), maybe for one port."""

    port: str
    address: Address | None = None
    domain: str = ''
    has_apex: bool = False

    def matches(self, host: str, port: str, address: Address | None) -> bool:
        if self.port and self.port != port:
            return False
        if self.address is not None:
            return address == self.address
        is_apex = self.has_apex and host == self.domain[1:]
        return is_apex or host.endswith(self.domain)


class NoProxy(NamedTuple):
    """A list of what is reached directly. `str()` is the list as it is stored."""

    entries: tuple[str, ...]

    def __str__(self) -> str:
        return ','.join(self.entries)

    def bypasses(self, host: str, port: int | None = None) -> bool:
        """Say whether a Go program connects to `host` directly.

        Source: golang.org/x/net http/httpproxy/proxy.go, 0ca694d (2026-07).
        """
        host = host.strip().lower().removeprefix('[').removesuffix(']')
        host = _ascii(f'.{host}').removeprefix('.')
        address = _address(host)
        if host == 'localhost' or (address is not None and address.is_loopback):
            return True
        lowered = [entry.lower() for entry in self.entries]
        # A lone star ends the list: nothing is read behind it, and all is direct.
        if '*' in lowered:
            return True
        text = '' if port is None else str(port)
        return any(_matches(entry, host, text, address) for entry in lowered)


def parse_no_proxy(text: str) -> NoProxy:
    return NoProxy(tuple(part.strip() for part in text.split(',') if part.strip()))


def _address(text: str) -> Address | None:
    if not re.fullmatch(r'[0-9a-f.:]+', text):
        return None
    from ipaddress import ip_address

    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """Read ADDRESS/LENGTH as Go's net.ParseCIDR does; a netmask is no length there."""
    if not re.fullmatch(r'[0-9A-Fa-f.:]+/[0-9]{1,3}', text, re.ASCII):
        return None
    from ipaddress import ip_network

    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _matches(entry: str, host: str, port: str, address: Address | None) -> bool:
    network = parse_network(entry)
    if network is not None:
        return address is not None and address in network
    matcher = _matcher(entry)
    return matcher is not None and matcher.matches(host, port, address)


def _matcher(entry: str) -> _Matcher | None:
    name, port = _split_port(entry)
    if not name:
        return None
    address = _address(name)
    if address is not None:
        return _Matcher(port, address=address)
    name = name.removeprefix('*') if name.startswith('*.') else name
    has_apex = not name.startswith('.')
    domain = f'.{name}' if has_apex else name
    return _Matcher(port, domain=_ascii(domain), has_apex=has_apex)


def _split_port(entry: str) -> tuple[str, str]:
    """Split as net.SplitHostPort; what that refuses is a name as a whole."""
    bracketed = re.fullmatch(r'\[([^\]]*)\]:(.*)', entry)
    if bracketed:
        return bracketed[1], bracketed[2]
    if entry.count(':') == 1:
        name, _, port = entry.partition(':')
        return name, port
    return entry, ''


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    try:
        return '.' + idna.encode(domain.removeprefix('.'), uts46=True).decode()
    except idna.IDNAError:
        return domain
