"""Which hop fails where there is a proxy on the way."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from registry_host.host.wire import ConnectionFailed, Request, get

# Nobody is asked for this: a proxy answers, or does not.
URLS = ('http://192.0.2.1:5000/v2/', 'https://192.0.2.1:5000/v2/')
LOGIN = b'HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n'


@contextlib.contextmanager
def proxy(answer):
    """Answer each connection alike; None is nobody, '' is silence."""
    server = socket.create_server(('127.0.0.1', 0))
    port = server.getsockname()[1]
    if answer is None:
        server.close()

    clients = []

    def serve():
        while True:
            try:
                clients.append(server.accept()[0])
            except OSError:
                return
            clients[-1].recv(65536)
            if answer:
                clients[-1].sendall(answer)
                clients[-1].close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f'http://u:hunter2@127.0.0.1:{port}'
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for client in clients:
            client.close()


def failure(url, answer):
    with proxy(answer) as through, pytest.raises(ConnectionFailed) as caught:
        get(Request(url=url, timeout_s=0.5, proxy=through))
    assert 'hunter2' not in str(caught.value)
    return caught.value


@pytest.mark.parametrize('url', URLS)
def test_a_proxy_that_is_not_there(url):
    found = failure(url, None)
    assert (found.is_of_proxy, found.reason) == (True, 'refused')


def test_a_proxy_that_refuses_a_tunnel():
    found = failure(URLS[1], LOGIN)
    assert (found.is_of_proxy, found.detail) == (True, 'it answers 407 Who are you')


def test_a_proxy_that_refuses_in_the_place_of_the_other():
    with proxy(LOGIN) as through:
        answer = get(Request(url=URLS[0], timeout_s=0.5, proxy=through))
    assert answer.status == 407


@pytest.mark.parametrize('url', URLS)
def test_silence_may_be_of_either(url):
    found = failure(url, b'')
    assert (found.is_of_proxy, found.reason) == (False, 'timeout')


def test_without_a_proxy_it_is_never_its_fault():
    with pytest.raises(ConnectionFailed) as caught:
        get(Request(url='http://127.0.0.1:1/', timeout_s=0.5))
    assert caught.value.is_of_proxy is False


def test_what_is_asked_for_is_told():
    """HEAD, and what an answer may be."""
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n'
    with proxy(head) as through:
        request = Request(
            url=URLS[0], timeout_s=0.5, proxy=through, method='HEAD', accept='a/b'
        )
        answer = get(request)
    assert (answer.status, answer.body) == (200, b'')
