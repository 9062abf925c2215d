"""Insecure registries: HOST[:PORT] or a network, and what each covers. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.settings.checking import (
    Checked,
    Checker,
    Parts,
    check_authority,
    endpoint_of,
    is_address,
    require_characters,
    take_apart,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    LookUp = Callable[[str], Iterable[str]]

DOCKER_HUB = 'docker.io'


class Registry(NamedTuple):
    """An insecure registry: HOST[:PORT], or a network. `str()` is what is stored."""

    host: str
    port: int | None = None
    is_bracketed: bool = False
    network: str | None = None

    def __str__(self) -> str:
        if self.network is not None:
            return self.network
        if self.port is None:
            return f'[{self.host}]' if self.is_bracketed else self.host
        return endpoint_of(self.host, self.port)

    @property
    def key(self) -> tuple[str, str]:
        return registry_key(str(self))

    @property
    def is_cidr(self) -> bool:
        return self.network is not None


class InsecureList:
    """Insecure registries as an engine looks them up.

    All but networks by the text that is stored, letter by letter. Source: moby
    daemon/pkg/registry/config.go isSecureIndex, b985e23; observed, 20.10.24, 26.1.5 and
    28.5.2: `R.lab:5000` and `r.lab:05000` leave `r.lab:5000` verified.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        keys = [registry_key(text) for text in texts]
        # An engine puts its own entry, a secure one, in the place of that.
        self._exact = {text for kind, text in keys if kind == 'host'} - {DOCKER_HUB}
        self._networks = [text for kind, text in keys if kind == 'cidr']

    def names(self, host: str, port: int | None) -> bool:
        """Whether HOST[:PORT] itself is in the list."""
        return endpoint_of(host, port) in self._exact

    def covers(
        self, host: str, port: int | None, look_up: LookUp | None = None
    ) -> bool:
        """Whether HOST[:PORT] is insecure, by its name or by a network.

        An engine looks up a name that is not in the list itself, and holds its
        addresses against the networks; without `look_up` a name is in none.
        """
        if self.names(host, port):
            return True
        if not self._networks or endpoint_of(host, port) == DOCKER_HUB:
            return False
        if is_address(host):
            return self._holds_any((host,))
        return look_up is not None and self._holds_any(look_up(host))

    def _holds_any(self, addresses: Iterable[str]) -> bool:
        from ipaddress import ip_address, ip_network

        found = [ip_address(text) for text in addresses if is_address(text)]
        networks = map(ip_network, self._networks)
        return any(address in network for network in networks for address in found)


def check_insecure_registry(text: str) -> Checked[Registry]:
    """Check an entry of insecure-registries against the rules.

    A scheme and one closing slash are dropped, for the engine would drop the one with a
    warning, and not start for the other (moby config.go loadInsecureRegistries).
    """
    check = Checker('insecure-registry', 'insecure', text)
    if not text.strip():
        check.error('empty', 'the registry is empty', 'registry.example:5000')
        return check.result(None)
    require_characters(check, text)
    stripped = text.strip()
    network = _network(without_scheme(stripped))
    if network is not None:
        _check_network(check, network)
        return check.result(Registry(host='', network=network))
    return _check_registry(check, stripped)


def _network(text: str) -> str | None:
    """Read a network as the engine prints it: one of mapped IPv4 is an IPv4 network.

    Go's net.IPNet prints `::ffff:10.0.0.0/104` as 10.0.0.0/8 (observed, 20.10.24,
    26.1.5 and 28.5.2).
    """
    if '/' not in text or not (text[0].isdigit() or ':' in text):
        return None
    from registry_host.settings.noproxy import parse_network

    network = parse_network(text)
    if network is None or network.version == 4 or network.prefixlen < 96:
        return None if network is None else str(network)
    mapped = network.network_address.ipv4_mapped
    return f'{mapped}/{network.prefixlen - 96}' if mapped else str(network)


def _check_network(check: Checker, network: str) -> None:
    from ipaddress import ip_network

    parsed = ip_network(network)
    if parsed.is_loopback:
        check.warn('builtin', 'loopback is insecure anyway: leave it out')
    elif parsed.num_addresses > 2 ** (parsed.max_prefixlen - 12):
        check.warn(
            'wide',
            f'switches off TLS verification for {network}, which is a large part of '
            'the network: name the registries one by one',
        )


def _check_registry(check: Checker, text: str) -> Checked[Registry]:
    parts = take_apart(text)
    if parts.scheme not in ('', 'http', 'https'):
        check.error('scheme', 'a registry has no scheme', parts.host)
    if parts.user_info is not None:
        check.error(
            'userinfo',
            'a registry has no credentials here: docker login keeps them',
        )
    host, port = _registry_host(check, parts)
    root = endpoint_of(host, port) if host else ''
    if parts.path not in ('', '/'):
        if re.fullmatch(r'[\d.:a-fA-F\[\]]+', parts.host) and parts.path[1:].isdigit():
            check.error('cidr', 'the network is not valid', '10.0.0.0/8')
        else:
            check.error('path', 'a registry is HOST[:PORT], without a path', root)
    if parts.query is not None or parts.fragment is not None:
        check.error('query', 'a registry is HOST[:PORT] alone', root)
    if host is None:
        return check.result(None)
    if host == DOCKER_HUB:
        message = 'Docker Hub is never insecure: leave it out, the engine ignores it'
        check.warn('docker-hub', message)
    is_bracketed = ':' in host and '[' in text
    if ':' in host and not is_bracketed:
        check.warn(
            'unbracketed',
            'an engine matches no registry with an IPv6 address that has no brackets',
            f'[{host}]',
        )
    return check.result(Registry(host, port, is_bracketed=is_bracketed))


def _registry_host(check: Checker, parts: Parts) -> tuple[str | None, int | None]:
    if parts.is_unbracketed and is_address(parts.host):
        return check.host(parts.host), None
    return check_authority(check, parts)


def spelled(text: str) -> Registry | None:
    """Read an entry of daemon.json as an engine does: its host keeps its letters."""
    registry = check_insecure_registry(text).value
    if registry is None or registry.is_cidr:
        return registry
    host = take_apart(text).host
    return registry._replace(host=host) if host.lower() == registry.host else registry


def registry_key(text: str) -> tuple[str, str]:
    """Give an entry as an engine stores and compares it: ('host' | 'cidr', text).

    Equal for entries that it takes for the same. A scheme is dropped, and the bits of a
    network behind its length; nothing else is changed, letter case among it. Source:
    moby daemon/pkg/registry/config.go loadInsecureRegistries, b985e23; observed in
    /info of 20.10.24, 26.1.5 and 28.5.2.
    """
    bare = without_scheme(text)
    network = _network(bare)
    return ('host', bare) if network is None else ('cidr', network)


def without_scheme(text: str) -> str:
    return re.sub(r'^https?://', '', text, flags=re.IGNORECASE)
