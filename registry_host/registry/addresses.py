"""Addresses in the config of a registry, as Go takes them apart."""

from __future__ import annotations

import re

from registry_host.namedtuples import NamedTuple


class Listen(NamedTuple):
    """An address to listen on; `host` '' is every address of the host."""

    host: str
    port: str

    @property
    def is_loopback(self) -> bool:
        return self.host == 'localhost' or self.host.startswith(('127.', '::1'))

    @property
    def is_everywhere(self) -> bool:
        return self.host in ('', '0.0.0.0', '::')  # noqa: S104 - nothing is bound

    def overlaps(self, other: Listen) -> bool:
        """Whether two cannot both listen; port 0 is another one each time."""
        if self.port != other.port or self.port == '0':
            return False
        hosts = {self._name, other._name}
        return len(hosts) == 1 or self.is_everywhere or other.is_everywhere

    @property
    def _name(self) -> str:
        return '127.0.0.1' if self.host == 'localhost' else self.host


def listen_of(addr: str) -> Listen | None:
    """Take HOST:PORT apart as net.Listen does; None where it refuses it."""
    host, colon, port = addr.rpartition(':')
    if not colon:
        return None
    if host.startswith('[') and host.endswith(']'):
        host = host[1:-1]
    elif ':' in host or '[' in host or ']' in host:
        return None
    # A name of a service is looked up in /etc/services; a number must fit.
    is_number = re.fullmatch(r'\d+', port) is not None
    if is_number and int(port) > 65535:
        return None
    if not is_number and not re.fullmatch(r'[a-z][a-z0-9-]*', port):
        return None
    return Listen(host, str(int(port)) if is_number else port)


def split_url(url: str) -> tuple[str, str, str, str]:
    """Give scheme, login, HOST[:PORT] and the rest of a URL; '' for what is not there.

    Only `scheme://` makes a scheme here: `registry:5000` is a name and a port.
    """
    found = re.fullmatch(r'([A-Za-z][\w+.-]*)://([^/?#]*)([^\0]*)', url)
    if found is None:
        return '', '', '', url
    user, at, host = found[2].rpartition('@')
    return found[1].lower(), user if at else '', host, found[3]
