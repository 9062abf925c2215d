"""Which hop fails on the way through a proxy; what is sent, and to whom."""

from __future__ import annotations

import contextlib
import socket
import threading
from datetime import datetime, timezone

import pytest
from services import make_certificates
from webservers import web_server

from registry_host.host.wire import (
    ConnectionFailed,
    Request,
    get,
    look_at_certificate,
    send_once,
)

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


def test_a_query_is_sent_and_what_comes_twice_is_kept():
    asked = []

    def answer(method, path, headers):
        asked.append(path)
        return 401, [('WWW-Authenticate', 'Basic'), ('WWW-Authenticate', 'Bearer')], b''

    with web_server(answer) as server:
        found = get(Request(url=f'http://{server.endpoint}/t?a=b', timeout_s=2))
    assert asked == ['/t?a=b']
    assert found.headers['www-authenticate'] == 'Basic, Bearer'


def test_a_put_is_sent_with_its_body_and_follows_nothing():
    def answer(method, path, headers):
        return 307, [('Location', '/elsewhere')], b''

    with web_server(answer) as server:
        request = Request(
            url=f'http://{server.endpoint}/x',
            timeout_s=2,
            method='PUT',
            body=b'four',
            content_type='a/b',
            authorization='Basic hunter2',
        )
        assert send_once(request).status == 307
    assert 'hunter2' not in repr(request)
    ((method, path, headers),) = server.asked
    assert (method, path) == ('PUT', '/x')
    assert headers['content-length'] == '4'
    assert (headers['content-type'], headers['authorization']) == (
        'a/b',
        'Basic hunter2',
    )


@pytest.mark.parametrize('is_same', (True, False))
def test_a_login_is_sent_to_its_origin_alone(is_same):
    with web_server(lambda *_: (200, [], b'')) as other:

        def answer(method, path, headers):
            if path == '/there':
                return 200, [], b''
            place = server.endpoint if is_same else other.endpoint
            return 302, [('Location', f'http://{place}/there')], b''

        with web_server(answer) as server:
            url = f'http://{server.endpoint}/'
            get(Request(url=url, timeout_s=2, authorization='Basic x'))
    *_, last = (*server.asked, *other.asked)
    assert last[1] == '/there'
    assert ('authorization' in last[2]) == is_same


def test_a_redirect_may_be_left_alone():
    with web_server(lambda *_: (301, [('Location', '/there')], b'')) as server:
        url = f'http://{server.endpoint}/'
        found = get(Request(url=url, timeout_s=2, is_followed=False))
    assert (found.status, len(server.asked)) == (301, 1)


@pytest.mark.parametrize('is_named', (True, False))
def test_a_name_counts_where_go_looks_for_it(tmp_path, is_named):
    """In subjectAltName; curl and others take a subject's common name as well."""
    files = make_certificates(tmp_path, 'localhost', '127.0.0.1', has_names=is_named)
    authority, *pair = files
    with web_server(lambda *_: (200, [], b''), tls=tuple(pair)) as server:
        url = f'https://localhost:{server.endpoint.rpartition(":")[2]}/'
        request = Request(url=url, timeout_s=2, authorities=(str(authority),))
        if is_named:
            assert get(request).status == 200
            return
        with pytest.raises(ConnectionFailed) as caught:
            get(request)
    assert caught.value.reason == 'tls-untrusted'


def test_a_certificate_is_read_whatever_it_is_worth(tmp_path):
    _, *pair = make_certificates(tmp_path, 'odd.lab', '192.0.2.1', days=-1)
    with web_server(lambda *_: (200, [], b''), tls=tuple(pair)) as server:
        request = Request(url=f'https://{server.endpoint}/', timeout_s=2)
        found = look_at_certificate(request)
    assert (found.subject, found.issuer, found.names, found.is_self_signed) == (
        'odd.lab',
        'Lab-CA',
        ('odd.lab', '192.0.2.1'),
        False,
    )
    assert found.expires < datetime.now(timezone.utc)


def test_without_tls_there_is_no_certificate():
    with web_server(lambda *_: (200, [], b'')) as server:
        url = f'https://{server.endpoint}/'
        assert look_at_certificate(Request(url=url, timeout_s=2)) is None
