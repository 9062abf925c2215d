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
    from collections.abc import Hashable, Iterable


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
    def key(self) -> Hashable:
        return self.network or (self.host, self.port)

    @property
    def is_cidr(self) -> bool:
        return self.network is not None

    def matches(self, host: str, port: int | None, addresses: Iterable[str]) -> bool:
        """Say whether the engine holds this registry for insecure by this entry.

        HOST[:PORT] must be equal, port included; a network must hold an address of the
        host. Source: moby daemon/pkg/registry/config.go isSecureIndex, b985e23.
        """
        if self.network is None:
            return (self.host, self.port) == (host, port)
        from ipaddress import ip_address, ip_network

        network = ip_network(self.network)
        return any(ip_address(a) in network for a in addresses if is_address(a))


class InsecureList:
    """Insecure registries as an engine looks them up: all but networks by equality."""

    def __init__(self, texts: Iterable[str]) -> None:
        found = [check_insecure_registry(text).value for text in texts]
        self._exact = {(r.host, r.port) for r in found if r and not r.is_cidr}
        self._networks = [r for r in found if r and r.is_cidr]

    def covers(self, host: str, port: int | None) -> bool:
        """Whether TLS is not verified for HOST[:PORT], which is no name to look up."""
        is_in_network = any(r.matches(host, port, (host,)) for r in self._networks)
        return (host, port) in self._exact or is_in_network


def check_insecure_registry(text: str) -> Checked[Registry]:
    """Hold an entry of insecure-registries against our rules.

    A scheme and one closing slash are dropped, for the engine would drop the one with a
    warning, and not start for the other (moby config.go loadInsecureRegistries).
    """
    check = Checker('insecure-registry', 'insecure', text)
    if not text.strip():
        check.error('empty', 'the registry is empty', 'registry.example:5000')
        return check.result(None)
    require_characters(check, text)
    stripped = text.strip()
    network = _network(re.sub(r'^https?://', '', stripped, flags=re.IGNORECASE))
    if network is not None:
        _check_network(check, network)
        return check.result(Registry(host='', network=network))
    return _check_registry(check, stripped)


def _network(text: str) -> str | None:
    if '/' not in text or not (text[0].isdigit() or ':' in text):
        return None
    from registry_host.settings.noproxy import parse_network

    network = parse_network(text)
    return None if network is None else str(network)


def _check_network(check: Checker, network: str) -> None:
    from ipaddress import ip_network

    parsed = ip_network(network)
    if parsed.is_loopback:
        check.warn('builtin', 'loopback is insecure anyway', 'leave it out')
    elif parsed.num_addresses > 2 ** (parsed.max_prefixlen - 12):
        check.warn(
            'wide',
            f'switches off TLS verification for {network}, which is a great part of '
            'the network',
            'name the registries one by one: HOST:PORT',
        )


def _check_registry(check: Checker, text: str) -> Checked[Registry]:
    parts = take_apart(text)
    if parts.scheme not in ('', 'http', 'https'):
        check.error('scheme', 'a registry has no scheme', parts.host)
    if parts.user_info is not None:
        check.error(
            'userinfo',
            'a registry has no credentials here',
            'docker login keeps them',
        )
    host, port = _registry_host(check, parts)
    root = endpoint_of(host, port) if host else ''
    if parts.path not in ('', '/'):
        if re.fullmatch(r'[\d.:a-fA-F\[\]]+', parts.host) and parts.path[1:].isdigit():
            check.error('cidr', 'the network is not valid', 'for example 10.0.0.0/8')
        else:
            check.error('path', 'a registry is HOST[:PORT], without a path', root)
    if parts.query is not None or parts.fragment is not None:
        check.error('query', 'a registry is HOST[:PORT] alone', root)
    if host is None:
        return check.result(None)
    if host == 'docker.io':
        message = 'Docker Hub is never insecure: the engine ignores this entry'
        check.warn('docker-hub', message, 'leave it out')
    is_bracketed = ':' in host and '[' in text
    return check.result(Registry(host, port, is_bracketed=is_bracketed))


def _registry_host(check: Checker, parts: Parts) -> tuple[str | None, int | None]:
    if parts.is_unbracketed and is_address(parts.host):
        return check.host(parts.host), None
    return check_authority(check, parts)


def registry_key(text: str) -> Hashable:
    registry = check_insecure_registry(text).value
    return text if registry is None else registry.key
