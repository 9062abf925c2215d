"""The Docker API over the engine's socket: what it uses now; reload, and prove it."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.answers import (
    Container,
    Held,
    Info,
    error_of,
    message_of,
    no_answer,
    parse_containers,
    parse_digest,
    parse_held,
    parse_info,
    parse_platform,
    parse_tags,
    parsed,
)
from registry_host.errors import EngineError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.settings.images import Image

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
API_TIMEOUT_S = 5.0
# A container takes some 2 kB of /containers/json, and so do 100 mirrors of /info.
ANSWER_LIMIT_BYTES = 16 * 2**20
HEAD_LIMIT_BYTES = 64 * 1024
# filters={"type":["daemon"],"event":["reload"]}
RELOAD_EVENTS = (
    '/events?filters=%7B%22type%22%3A%5B%22daemon%22%5D%2C'
    '%22event%22%3A%5B%22reload%22%5D%7D'
)


class Client:
    """One engine's API. OSError and EngineError are all that it raises."""

    def __init__(self, host: Host, path: str) -> None:
        self._host = host
        self.path = path

    def is_answering(self) -> bool:
        try:
            return self._get('/_ping').strip() == b'OK'
        except (OSError, EngineError):
            return False

    def info(self) -> Info:
        return parsed('/info', self._get('/info'), parse_info)

    def platform(self) -> str:
        """Name the platform of the images that it pulls: linux/amd64."""
        return parsed('/version', self._get('/version'), parse_platform)

    def running(self) -> tuple[Container, ...]:
        """List the running containers; OSError and EngineError as all here."""
        target = '/containers/json'
        return parsed(target, self._get(target), parse_containers)

    def not_found(self, endpoint: str) -> str:
        """Say why the engine does not find the name of HOST:PORT; '' if it does.

        Nothing but a pull and a login has it look a name up in the way of a pull, and a
        login without credentials leaves nothing behind but a line in its log (20.10.24,
        26.1.5, 28.5.2, observed).
        """
        body = json.dumps({'serveraddress': endpoint})
        answer = message_of(self._ask('/auth', body)[1])
        name = re.escape(endpoint.partition(':')[0])
        found = re.search(rf'lookup {name}\b.*', answer)
        return found[0] if found else ''

    def tags(self) -> tuple[str, ...]:
        """Name the images that the engine has pulled, by their tags.

        One that was built or loaded has no digest by that name (20.10 to 28.5; with the
        containerd store it has).
        """
        return parsed('/images/json', self._get('/images/json'), parse_tags)

    def resolve(self, image: str, *, timeout_s: float) -> tuple[int, str]:
        """Have the engine look an image up as for a pull, and download nothing.

        Returns the status of its answer, and the digest or the engine's own words. It
        asks its mirrors in order, and then Docker Hub, with its own proxies,
        nameservers and certificates (20.10.24, 26.1.5, 28.5.2, observed). TimeoutError
        if there is no answer in time.
        """
        target = f'/distribution/{image}/json'
        head, body = self._ask(target, timeout_s=timeout_s)
        found = re.match(rb'HTTP/1\.[01] ([0-9]{3}) ', head)
        if found is None:
            raise EngineError(no_answer(target))
        status = int(found[1])
        if status != 200:
            return status, message_of(body)
        return status, parsed(target, body, parse_digest)

    def pull(self, image: Image, *, timeout_s: float) -> str:
        """Pull an image; the engine's own words if that fails, and '' if not.

        `timeout_s` is for each wait for more of the answer, which is a line of JSON for
        each step. TimeoutError if there is nothing more for so long: the engine gives
        up then, as the connection ends (moby api/server/router/image, 20.10 to 28.5).
        """
        words = f'fromImage={image.repository}&tag={image.tag}'
        return self.stream(f'/images/create?{words}', timeout_s=timeout_s)

    def stream(
        self, target: str, *, timeout_s: float, headers: Mapping[str, str] = _NO_HEADERS
    ) -> str:
        """POST what the engine tells the steps of: its own words if it fails, else ''.

        `timeout_s` as for pull().
        """
        with self._request(target, timeout_s, '', headers=headers) as connection:
            answer = bytearray()
            while received := _received(
                connection, 65536, time.monotonic() + timeout_s
            ):
                answer += received
                # The end of the answer says what came of it.
                del answer[HEAD_LIMIT_BYTES:-HEAD_LIMIT_BYTES]
        head, _, body = bytes(answer).partition(b'\r\n\r\n')
        if not re.match(rb'HTTP/1\.[01] 200 ', head):
            return message_of(body) or 'no reason given'
        return error_of(body)

    def inspect(self, image: Image | str) -> Held:
        """Look which image the engine has by a name; one without id if it has none."""
        target = f'/images/{image}/json'
        head, body = self._ask(target)
        is_there = re.match(rb'HTTP/1\.[01] 200 ', head)
        return parsed(target, body, parse_held) if is_there else Held()

    def tag(self, image_id: str, image: Image) -> None:
        """Have a name stand for an image; EngineError if the engine refuses."""
        words = f'repo={image.repository}&tag={image.tag}'
        self._change('POST', f'/images/{image_id}/tag?{words}')

    def remove(self, name: str) -> None:
        """Remove an image, or one of its names; EngineError if it is in use."""
        self._change('DELETE', f'/images/{name}')

    def _change(self, method: str, target: str) -> None:
        head, body = self._ask(target, '', method=method)
        if not re.match(rb'HTTP/1\.[01] 20[0-9] ', head):
            raise EngineError(no_answer(target)._replace(message=message_of(body)))

    def _get(self, target: str) -> bytes:
        head, body = self._ask(target)
        _require_success(head, target)
        return body

    def _ask(
        self,
        target: str,
        content: str | None = None,
        timeout_s: float | None = None,
        method: str = 'POST',
    ) -> tuple[bytes, bytes]:
        timeout_s = API_TIMEOUT_S if timeout_s is None else timeout_s
        deadline = time.monotonic() + timeout_s
        with self._request(target, timeout_s, content, method) as connection:
            answer = bytearray()
            while received := _received(connection, 65536, deadline):
                answer += received
                if len(answer) > ANSWER_LIMIT_BYTES:
                    raise EngineError(no_answer(target))
        head, _, body = bytes(answer).partition(b'\r\n\r\n')
        return head, body

    @contextlib.contextmanager
    def _request(
        self,
        target: str,
        timeout_s: float,
        content: str | None = None,
        method: str = 'POST',
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Iterator[socket.socket]:
        # HTTP/1.0, so that the reply is never chunked and ends with the connection.
        head = f'GET {target} HTTP/1.0\r\nHost: docker\r\n'
        head += ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
        if content is not None:
            head = head.replace('GET', method, 1) + (
                'Content-Type: application/json\r\n'
                f'Content-Length: {len(content.encode())}\r\n'
            )
        connection = self._host.connect_engine(self.path, timeout_s=timeout_s)
        with connection:
            connection.sendall(f'{head}\r\n{content or ""}'.encode())
            yield connection

    @contextlib.contextmanager
    def reload_events(self) -> Iterator[socket.socket]:
        """Subscribe; the connection then yields a line of JSON for each reload."""
        deadline = time.monotonic() + API_TIMEOUT_S
        with self._request(RELOAD_EVENTS, API_TIMEOUT_S) as connection:
            head = bytearray()
            # Byte by byte: what follows the head belongs to the events.
            while not head.endswith(b'\r\n\r\n'):
                received = _received(connection, 1, deadline)
                if not received or len(head) > HEAD_LIMIT_BYTES:
                    raise EngineError(no_answer(RELOAD_EVENTS))
                head += received
            _require_success(bytes(head), '/events')
            yield connection


def _received(connection: socket.socket, size: int, deadline: float) -> bytes:
    """Receive some bytes; TimeoutError once the time for all of them is up."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError(errno.ETIMEDOUT, 'the answer does not end')
    connection.settimeout(left_s)
    return connection.recv(size)


def _require_success(head: bytes, target: str) -> None:
    if not re.match(rb'HTTP/1\.[01] 200 ', head):
        raise EngineError(no_answer(target))
