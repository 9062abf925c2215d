"""The Docker API over the engine's socket: what it uses now; reload, and prove it."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import time
from typing import TYPE_CHECKING, Any, TypeVar

from registry_host.engine.directives import Version, parse_version
from registry_host.engine.live import Live, LiveLists
from registry_host.errors import EngineError, Problem
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from registry_host.host.host import Host

API_TIMEOUT_S = 5.0
# A container takes some 2 kB of /containers/json, and so do 100 mirrors of /info.
ANSWER_LIMIT_BYTES = 16 * 2**20
HEAD_LIMIT_BYTES = 64 * 1024
# filters={"type":["daemon"],"event":["reload"]}
RELOAD_EVENTS = (
    '/events?filters=%7B%22type%22%3A%5B%22daemon%22%5D%2C'
    '%22event%22%3A%5B%22reload%22%5D%7D'
)


T = TypeVar('T')


class Info(NamedTuple):
    """The part of GET /info that concerns registries.

    Source: moby daemon/info.go; proxies come with their credentials masked.
    """

    version: Version | None
    lists: LiveLists
    http_proxy: str
    https_proxy: str
    no_proxy: str
    is_containerd_store: bool
    is_live_restore: bool
    is_in_swarm: bool
    running_containers: int

    @property
    def live(self) -> Live:
        return Live(
            lists=self.lists,
            proxies={
                'http-proxy': self.http_proxy,
                'https-proxy': self.https_proxy,
                'no-proxy': self.no_proxy,
            },
        )


class Container(NamedTuple):
    name: str
    image: str

    @property
    def is_registry(self) -> bool:
        """Whether it is made from an image whose last word is registry."""
        return 'registry' in self.image.rpartition('/')[2]


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
        return _parsed('/info', self._get('/info'), _parse_info)

    def running(self) -> tuple[Container, ...]:
        """List the running containers; OSError and EngineError as all here."""
        target = '/containers/json'
        return _parsed(target, self._get(target), _parse_containers)

    def not_found(self, endpoint: str) -> str:
        """Say why the engine does not find the name of HOST:PORT; '' if it does.

        Nothing but a pull and a login has it look a name up in the way of a pull, and a
        login without credentials leaves nothing behind but a line in its log (20.10.24,
        26.1.5, 28.5.2, observed).
        """
        body = json.dumps({'serveraddress': endpoint})
        answer = _message(self._ask('/auth', body)[1])
        name = re.escape(endpoint.partition(':')[0])
        found = re.search(rf'lookup {name}\b.*', answer)
        return found[0] if found else ''

    def _get(self, target: str) -> bytes:
        head, body = self._ask(target)
        _require_success(head, target)
        return body

    def _ask(self, target: str, content: str | None = None) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + API_TIMEOUT_S
        with self._request(target, API_TIMEOUT_S, content) as connection:
            answer = bytearray()
            while received := _received(connection, 65536, deadline):
                answer += received
                if len(answer) > ANSWER_LIMIT_BYTES:
                    raise EngineError(_no_answer(target))
        head, _, body = bytes(answer).partition(b'\r\n\r\n')
        return head, body

    @contextlib.contextmanager
    def _request(
        self, target: str, timeout_s: float, content: str | None = None
    ) -> Iterator[socket.socket]:
        # HTTP/1.0, so that the reply is never chunked and ends with the connection.
        head = f'GET {target} HTTP/1.0\r\nHost: docker\r\n'
        if content is not None:
            head = head.replace('GET', 'POST', 1) + (
                'Content-Type: application/json\r\n'
                f'Content-Length: {len(content.encode())}\r\n'
            )
        connection = self._host.connect_unix(self.path, timeout_s=timeout_s)
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
                    raise EngineError(_no_answer(RELOAD_EVENTS))
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


def _message(body: bytes) -> str:
    """Take the text of an error; '' where there is none."""
    try:
        return _text(json.loads(body)['message'])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ''


def _require_success(head: bytes, target: str) -> None:
    if not re.match(rb'HTTP/1\.[01] 200 ', head):
        raise EngineError(_no_answer(target))


def _no_answer(target: str) -> Problem:
    return Problem(
        code='engine-api',
        where='engine',
        message=f'did not answer GET {target.partition("?")[0]} as an engine does',
        hint='journalctl -u docker.service -n 20',
    )


def _parsed(target: str, body: bytes, parse: Callable[[Any], T]) -> T:
    """Make of an answer what it says; EngineError for one that no engine gives.

    Whatever listens at the socket is believed no more than its types: deep nesting,
    infinite numbers and halves of a pair (UTF-16) are not what an engine sends.
    """
    try:
        return parse(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise EngineError(_no_answer(target)) from None


def _parse_info(body: Any) -> Info:
    registries = _object(body.get('RegistryConfig'))
    indexes = _object(registries.get('IndexConfigs'))
    insecure = (name for name, index in indexes.items() if not _flag(index['Secure']))
    hosts = {('host', _text(name)) for name in insecure}
    cidrs = {('cidr', cidr) for cidr in _texts(registries.get('InsecureRegistryCIDRs'))}
    pairs = map(_texts, _list(body.get('DriverStatus')))
    status = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    running = body.get('ContainersRunning') or 0
    if type(running) is not int or running < 0:
        raise TypeError('no count')
    return Info(
        version=parse_version(_text(body.get('ServerVersion'))),
        lists=LiveLists(
            mirrors=_texts(registries.get('Mirrors')),
            insecure=frozenset(hosts | cidrs),
        ),
        http_proxy=_text(body.get('HttpProxy')),
        https_proxy=_text(body.get('HttpsProxy')),
        no_proxy=_text(body.get('NoProxy')),
        is_containerd_store=status.get('driver-type') == 'io.containerd.snapshotter.v1',
        is_live_restore=_flag(body.get('LiveRestoreEnabled')),
        is_in_swarm=_object(body.get('Swarm')).get('LocalNodeState') == 'active',
        running_containers=running,
    )


def _parse_containers(body: Any) -> tuple[Container, ...]:
    found = (
        Container(_text(entry['Names'][0]).lstrip('/'), _text(entry['Image']))
        for entry in _list(body)
    )
    return tuple(sorted(found))


# What an answer may hold; null, as Go sends it, is the empty value of each.


def _text(value: Any) -> str:
    text = '' if value is None else value
    if not isinstance(text, str) or b'\0' in text.encode():
        raise TypeError('no text')
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise TypeError('no flag')
    return bool(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise TypeError('no object')
    return value or {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise TypeError('no list')
    return value or []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))
