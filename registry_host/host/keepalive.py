"""Connections that stay open between requests, and the time that a reply may take."""

from __future__ import annotations

import contextlib
import io
import select
import threading
import time
import weakref
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import http.client
    from collections.abc import Hashable
    from socket import socket

    from registry_host.host.wire import Request

# Firewalls and load balancers drop idle connections silently, the earliest known ones
# after a minute; servers close their end, which is seen.
_IDLE_S = 30.0


class KeepAlive:
    """Connections without a request under way; may be used by several threads.

    A request takes one that goes the same way with the same trust. They are closed with
    this object, at the latest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Idle = {}
        weakref.finalize(self, _close_all, self._idle)

    def close(self) -> None:
        """Close them all; further ones may be kept."""
        with self._lock:
            _close_all(self._idle)

    def take(self, request: Request) -> http.client.HTTPConnection | None:
        """Hand out a connection that is open still; None where there is none."""
        key = _key_of(request)
        while True:
            with self._lock:
                idle = self._idle.get(key)
                if not idle:
                    return None
                since, connection = idle.pop()
            if time.monotonic() - since < _IDLE_S and not _is_over(connection.sock):
                return connection
            connection.close()

    def keep(self, request: Request, connection: http.client.HTTPConnection) -> None:
        """Take a connection back, whose reply was read to its end."""
        with self._lock:
            found = self._idle.setdefault(_key_of(request), [])
            found.append((time.monotonic(), connection))


_Idle = dict['Hashable', list[tuple[float, 'http.client.HTTPConnection']]]


def _close_all(idle: _Idle) -> None:
    while idle:
        _, found = idle.popitem()
        for _, connection in found:
            connection.close()


def _key_of(request: Request) -> Hashable:
    """All that decides where a connection leads, and which certificates it trusts."""
    url = urlsplit(request.url)
    return (
        url.scheme,
        url.netloc,
        request.proxy,
        request.is_verified,
        request.authorities,
        request.pinned,
        request.identity,
    )


def _is_over(end: socket) -> bool:
    """Whether the other side has closed it, or has sent something unasked."""
    watch = select.poll()
    watch.register(end, select.POLLIN)
    return bool(watch.poll(0))


def reply_until(deadline: float) -> Any:
    """Make what http.client reads a reply with: until a time of time.monotonic().

    The timeout of a socket is for each read, and a byte a second never meets it.
    """

    def reply(end: socket, *arguments: Any, **options: Any) -> HTTPResponse:
        timed: Any = _Timed(end, deadline)
        return HTTPResponse(timed, *arguments, **options)

    return reply


class _Timed:
    """As much of a socket as http.client reads a reply from (Python 3.10 to 3.14)."""

    def __init__(self, end: socket, deadline: float) -> None:
        self._end = end
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Open the reply; the socket stays open as long as it is."""
        raw: Any = self._end.makefile('rb', buffering=0)
        return io.BufferedReader(_Reading(self._end, raw, self._deadline))


class _Reading(io.RawIOBase):
    def __init__(self, end: socket, raw: io.RawIOBase, deadline: float) -> None:
        super().__init__()
        self._end = end
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._end.settimeout(left_s)
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._raw.close()
        super().close()
