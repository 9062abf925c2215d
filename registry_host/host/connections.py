"""Connections: HTTP, nameservers, sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from registry_host.host.records import Lookup
    from registry_host.host.tls import Certificate
    from registry_host.host.wire import Answer, Request

from registry_host.host.place import Place


class Connections(Place):
    """Other machines, and sockets of this one."""

    def http_get(self, request: Request) -> Answer:
        """Send one GET; ConnectionFailed says why there was no answer."""
        from registry_host.host.wire import get

        return get(request)

    def http_put(self, request: Request) -> Answer:
        """Send one PUT, which no redirect is followed for; fails as http_get()."""
        from registry_host.host.wire import send_once

        return send_once(request)

    def http_post(self, request: Request) -> Answer:
        """Send one POST, which no redirect is followed for; fails as http_get()."""
        from registry_host.host.wire import send_once

        return send_once(request)

    def certificate(self, request: Request) -> Certificate | None:
        """Say which certificate is shown at a URL, whatever it is worth."""
        from registry_host.host.wire import look_at_certificate

        return look_at_certificate(request)

    def look_up(self, name: str, nameserver: str, *, timeout_s: float) -> Lookup:
        """Ask one nameserver for the addresses of a name."""
        from registry_host.host.lookups import look_up

        return look_up(name, nameserver, timeout_s=timeout_s)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Resolve a name the way this host's programs do; () where it cannot."""
        import socket

        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return ()
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))

    def connect_engine(self, address: str, *, timeout_s: float) -> socket.socket:
        """Connect to the path of a socket, or to tcp://HOST:PORT."""
        if not address.startswith('tcp://'):
            return self.connect_unix(address, timeout_s=timeout_s)
        import socket

        name, _, port = address.removeprefix('tcp://').rpartition(':')
        number = int(port) if re.fullmatch('[0-9]{1,5}', port) else 0
        place = (name.strip('[]'), number if number <= 0xFFFF else 0)
        return socket.create_connection(place, timeout_s)

    def connect_unix(self, path: str, *, timeout_s: float) -> socket.socket:
        import socket

        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except BaseException:
            connection.close()
            raise
        return connection
