"""Where an engine listens, and which of its sockets it can be asked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry_host.host.host import Host
    from registry_host.host.records import User

SOCKET = '/var/run/docker.sock'
UNIX, FD, TCP = 'unix://', 'fd://', 'tcp://'
# As moby opts/hosts.go has it (20.10 to 29).
PORT, TLS_PORT = '2375', '2376'
_TLS_KEYS = ('tls', 'tlsverify')
_EVERYWHERE = {'0.0.0.0': '127.0.0.1', '[::]': '[::1]', '': '127.0.0.1'}  # noqa: S104 - where to ask, not to listen


class Listening(NamedTuple):
    """Where an engine is asked: the path of a socket, or tcp://HOST:PORT.

    `hosts` is all that it was told to listen at, as given; with `has_tls` a TCP port
    takes certificates that registry-host has not got.
    """

    address: str
    hosts: tuple[str, ...] = ()
    has_tls: bool = False

    @property
    def is_askable(self) -> bool:
        return not (self.has_tls and self.address.startswith(TCP))


def listening_of(
    host: Host,
    flags: Mapping[str, tuple[str, ...]],
    config_path: str,
    *,
    user: User | None = None,
    runtime_folder: str = '',
    unit: str | None = None,
) -> Listening:
    """Work out where an engine listens: by its flags, or else by "hosts" in its file.

    An engine does not start with both. Its file is read only where no flag says so.
    """
    default = f'{runtime_folder}/docker.sock' if user else SOCKET
    hosts = flags.get('host', ())
    has_tls = any(flags.get(key, ('false',))[-1] != 'false' for key in _TLS_KEYS)
    if not hosts:
        named, is_named_tls = _of_file(host, config_path, user)
        hosts, has_tls = named, has_tls or is_named_tls
    addresses = tuple(_addresses(hosts, default, has_tls=has_tls))
    if FD in addresses:
        activated = _activated(host, unit, default)
        addresses = tuple(activated if a == FD else a for a in addresses)
    local = [address for address in addresses if not address.startswith(TCP)]
    address = next(iter([*local, *addresses]), default)
    return Listening(address, tuple(hosts), has_tls)


def _of_file(host: Host, path: str, user: User | None) -> tuple[tuple[str, ...], bool]:
    from registry_host.jsonfile.config import read_json

    try:
        document = read_json(host.read(path, user=user))
    except ConfigError:
        return (), False
    hosts = document.get('hosts')
    named = hosts if isinstance(hosts, list) else ()
    has_tls = any(document.get(key) is True for key in _TLS_KEYS)
    return tuple(text for text in named if isinstance(text, str)), has_tls


def _addresses(hosts: Sequence[str], default: str, *, has_tls: bool) -> Iterator[str]:
    for text in map(str.strip, hosts):
        if text.startswith(UNIX):
            yield text.removeprefix(UNIX) or default
        elif text.startswith(FD):
            yield FD
        elif text.startswith(TCP) or '://' not in text:
            yield _tcp(text.removeprefix(TCP), has_tls=has_tls)


def _tcp(text: str, *, has_tls: bool) -> str:
    found = re.fullmatch(r'(\[[^]]*\]|[^:/]*)(?::(\d+))?/?', text)
    if found is None:
        return f'{TCP}{text}'
    name = _EVERYWHERE.get(found[1], found[1])
    return f'{TCP}{name}:{found[2] or (TLS_PORT if has_tls else PORT)}'


def _activated(host: Host, unit: str | None, default: str) -> str:
    """Name the socket that systemd has made for an engine; most leave it as it is."""
    if unit is None or host.exists(default):
        return default
    name = f'{unit.removesuffix(".service")}.socket'
    shown = host.run(['systemctl', 'show', '--property=Listen', name])
    found = re.search(r'^Listen=(/\S+) \(Stream\)', shown.out, re.MULTILINE)
    return found[1] if found else default
