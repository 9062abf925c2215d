"""Connections that are kept between requests: which are taken again, and which not."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import threading
import time

import pytest
from services import make_certificates

from registry_host.host import keepalive
from registry_host.host.keepalive import KeepAlive
from registry_host.host.wire import ConnectionFailed, Request, get, send_once

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
CHUNKED = (
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'
    b'0\r\nX-Trailer: x\r\n\r\n'
)


class Server:
    """Answers the requests of each connection in turn, and counts both.

    `replies` are bytes, a number of seconds to wait, or None: it hangs up.
    """

    def __init__(self, *replies, context=None):
        self.replies = replies
        self.context = context
        self.connections = 0
        self.requests = []
        self.ends = []
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self._threads = []
        self._start(self._accept)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                end = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self.ends.append(end)
            self._start(self._serve, end)

    def _serve(self, end):
        with contextlib.suppress(OSError):
            if self.context is not None:
                end = self.context.wrap_socket(end, server_side=True)
                self.ends.append(end)
            said = b''
            while True:
                while b'\r\n\r\n' not in said:
                    data = end.recv(65536)
                    if not data:
                        return
                    said += data
                head, _, said = said.partition(b'\r\n\r\n')
                number = len(self.requests)
                self.requests.append(head.decode())
                reply = self.replies[min(number, len(self.replies) - 1)]
                for part in reply if isinstance(reply, tuple) else (reply,):
                    if part is None:
                        end.shutdown(socket.SHUT_RDWR)
                        return
                    if isinstance(part, (int, float)):
                        time.sleep(part)
                    else:
                        end.sendall(part)

    def hang_up(self):
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        # A number that a thread still reads from is not to become another socket.
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
        for end in self.ends:
            end.close()


@pytest.fixture
def server_of():
    made = []

    def make(*replies, **how):
        made.append(Server(*replies, **how))
        return made[-1]

    yield make
    for server in made:
        server.close()


def request_to(server, **how):
    how.setdefault('keep_alive', KeepAlive())
    scheme = 'https' if server.context else 'http'
    url = f'{scheme}://127.0.0.1:{server.port}/'
    return Request(url=url, timeout_s=how.pop('timeout_s', 5), **how)


@pytest.mark.parametrize('reply', (OK, CHUNKED))
def test_a_connection_is_taken_again(server_of, reply):
    server = server_of(reply)
    request = request_to(server)
    assert [get(request).body for _ in range(5)] == [b'ok'] * 5
    assert (server.connections, len(server.requests)) == (1, 5)


def test_without_it_each_request_has_its_own(server_of):
    server = server_of(OK)
    for _ in range(3):
        get(request_to(server, keep_alive=None))
    assert server.connections == 3


def test_heads_too(server_of):
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n'
    server = server_of(head)
    request = request_to(server, method='HEAD')
    assert [get(request).status for _ in range(3)] == [200] * 3
    assert server.connections == 1


def test_tls_is_not_shaken_hands_for_again(server_of, tmp_path):
    import ssl

    authority, certificate, key = make_certificates(tmp_path, 'r.lab', '127.0.0.1')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = server_of(OK, context=context)
    request = request_to(server, authorities=(str(authority),))
    assert [get(request).body for _ in range(4)] == [b'ok'] * 4
    assert server.connections == 1
    # Another trust is another connection, and here none.
    other = request_to(server, keep_alive=request.keep_alive)
    with pytest.raises(ConnectionFailed, match='tls-untrusted'):
        get(other)


@pytest.mark.parametrize(
    'reply',
    (
        b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
        b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
        (b'HTTP/1.1 200 OK\r\n\r\nok', None),
    ),
)
def test_one_that_ends_with_its_reply_is_not_kept(server_of, reply):
    server = server_of(reply)
    request = request_to(server)
    assert [get(request).body for _ in range(2)] == [b'ok'] * 2
    assert server.connections == 2


def test_one_whose_reply_was_not_read_to_its_end_is_not_kept(server_of):
    server = server_of(OK)
    request = request_to(server, limit_bytes=1)
    assert [get(request).body for _ in range(2)] == [b'o'] * 2
    assert server.connections == 2


def test_what_nobody_asked_for_is_not_taken_for_the_next_reply(server_of):
    server = server_of(OK + b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', OK)
    late = server_of((OK, 0.1, b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), OK)
    for each in (server, late):
        request = request_to(each)
        assert get(request).body == b'ok'
        time.sleep(0.3)
        assert get(request).body == b'ok'
    assert late.connections == 2


def test_one_that_was_closed_meanwhile_is_seen(server_of):
    server = server_of(OK)
    request = request_to(server)
    get(request)
    server.hang_up()
    assert get(request).body == b'ok'
    assert (server.connections, len(server.requests)) == (2, 2)


def test_one_that_is_closed_at_the_next_request_is_asked_again(server_of):
    """As where the other side's close and our request cross."""
    server = server_of(OK, None, OK)
    request = request_to(server)
    get(request)
    assert get(request).body == b'ok'
    assert (server.connections, len(server.requests)) == (2, 3)


def test_what_may_have_had_an_effect_is_sent_once(server_of):
    server = server_of(OK, None, OK)
    request = request_to(server)
    get(request)
    put = request_to(server, method='PUT', body=b'', keep_alive=request.keep_alive)
    with pytest.raises(ConnectionFailed, match='RemoteDisconnected'):
        send_once(put)
    assert (server.connections, len(server.requests)) == (2, 2)


def test_an_old_one_is_left(server_of, monkeypatch):
    server = server_of(OK)
    request = request_to(server)
    get(request)
    monkeypatch.setattr(keepalive, '_IDLE_S', 0.0)
    get(request)
    assert server.connections == 2


def test_a_silent_one_is_late(server_of):
    server = server_of(OK, 5, OK)
    request = request_to(server, timeout_s=0.5)
    get(request)
    begun = time.monotonic()
    with pytest.raises(ConnectionFailed, match='timeout'):
        get(request)
    assert time.monotonic() - begun < 3


def test_a_reply_that_drips_is_late_on_a_kept_connection(server_of):
    drip = tuple(item for byte in OK for item in (bytes([byte]), 0.1))
    server = server_of(OK, drip)
    request = request_to(server, timeout_s=0.5)
    get(request)
    begun = time.monotonic()
    with pytest.raises(ConnectionFailed, match=re.escape('no answer within 0.5 s')):
        get(request)
    assert time.monotonic() - begun < 2
    assert len(server.requests) == 2


def test_threads_have_one_each(server_of):
    server = server_of((0.05, OK))
    request = request_to(server)
    found = []

    def ask():
        found.extend(get(request).body for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [b'ok'] * 20
    assert server.connections <= 4


def test_a_redirect_to_another_server_has_another_connection(server_of):
    there = server_of(OK)
    location = f'http://127.0.0.1:{there.port}/there'
    words = f'HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n'
    server = server_of(words.encode())
    request = request_to(server, authorization='Basic secret')
    assert [get(request).body for _ in range(3)] == [b'ok'] * 3
    assert (server.connections, there.connections) == (1, 1)
    assert not any('secret' in each for each in there.requests)


def test_a_proxy_is_part_of_the_way(server_of):
    proxy = server_of(OK)
    url = 'http://192.0.2.1:5000/v2/'
    through = f'http://u:hunter2@127.0.0.1:{proxy.port}'
    request = Request(url=url, timeout_s=2, proxy=through, keep_alive=KeepAlive())
    for _ in range(3):
        get(request)
    assert proxy.connections == 1
    assert proxy.requests[2].startswith(f'GET {url} HTTP/1.1')
    assert 'Proxy-Authorization: Basic' in proxy.requests[2]
    unnamed = Request(
        url=url,
        timeout_s=2,
        proxy=through.replace('u:hunter2@', ''),
        keep_alive=request.keep_alive,
    )
    get(unnamed)
    assert proxy.connections == 2


def test_they_are_closed_with_it(server_of):
    server = server_of(OK)
    request = request_to(server)
    get(request)
    end = server.ends[0]
    end.settimeout(5)
    del request
    gc.collect()
    assert end.recv(1) == b''
