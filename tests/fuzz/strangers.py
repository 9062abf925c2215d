"""Servers on loopback that answer anything: over TCP, UDP and a Unix socket."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Reply = bytes | Callable[[socket.socket], None]


class Stranger:
    """Answers each connection, or datagram, with the reply of the moment."""

    def __init__(self, family: int, kind: int, address: Any) -> None:
        self.reply: Reply = b''
        self.socket = socket.socket(family, kind)
        self.socket.bind(address)
        self.is_stream = kind == socket.SOCK_STREAM
        if self.is_stream:
            self.socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                if self.is_stream:
                    connection, _ = self.socket.accept()
                    work = (connection, self.reply)
                    threading.Thread(target=_answer, args=work, daemon=True).start()
                else:
                    query, sender = self.socket.recvfrom(4096)
                    reply: Any = self.reply
                    answer = reply(query) if callable(reply) else reply
                    self.socket.sendto(answer, sender)
            except OSError:
                return


def _answer(connection: socket.socket, reply: Reply) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(5)
        connection.recv(65536)
        if callable(reply):
            reply(connection)
        else:
            connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


@contextlib.contextmanager
def stranger(
    family: int = socket.AF_INET,
    kind: int = socket.SOCK_STREAM,
    address: object = ('127.0.0.1', 0),
) -> Iterator[Stranger]:
    server = Stranger(family, kind, address)
    try:
        yield server
    finally:
        server.socket.close()


# Replies that do not end


def dripping(head: bytes, piece: bytes = b' ', pause_s: float = 0.05) -> Reply:
    """A byte now and then, so that no single read is ever late."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(head)
        until = time.monotonic() + 8
        while time.monotonic() < until:
            connection.sendall(piece)
            time.sleep(pause_s)

    return reply


def flooding(head: bytes, piece: bytes = b' ' * 65536, count: int = 6400) -> Reply:
    """As much as is taken, 400 MB at most."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(count):
            connection.sendall(piece)

    return reply


# Mutations


def mutated(random_: random.Random, content: bytes) -> bytes:
    """One answer with a few bytes changed, cut, doubled or put in."""
    text = bytearray(content)
    for _ in range(random_.choice((1, 1, 1, 2, 4, 6))):
        at = random_.randrange(len(text) + 1)
        end = min(len(text), at + random_.randint(1, 12))
        kind = random_.randrange(5)
        if kind == 0:
            text[at:end] = random_.randbytes(end - at)
        elif kind == 1:
            del text[at:end]
        elif kind == 2:
            text[at:at] = text[at:end] * random_.randint(1, 40)
        elif kind == 3:
            text[at:at] = random_.choice(ODD)
        else:
            text[at:] = b''
    return bytes(text)


ODD = (
    b'\x00', b'\xff\xfe', b'\x1b[31m', b'\x9b2J', '\u202e'.encode(), b'\r\n', b'\n\n',
    b'-1', b'99999999999999999999', b'1e999', b'NaN', b'null', b'[]', b'{}', b'\\ud800',
    b'"', b'[' * 5000, b':', b'%', b'@', b'\xed\xa0\x80',
)  # fmt: skip
