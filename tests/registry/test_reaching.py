"""The way to a registry: scheme, trust, logins, and what is none, as an engine goes."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from services import make_certificates
from webservers import API, LOGIN, free_port, registry, tokens, web_server

from registry_host.engine.clientlogins import StoredLogin
from registry_host.engine.route import Route
from registry_host.engine.trust import Trust
from registry_host.errors import Problem
from registry_host.host.host import Host
from registry_host.host.wire import ConnectionFailed
from registry_host.registry.challenges import Challenge
from registry_host.registry.reaching import reach
from registry_host.settings.insecure import InsecureList

LOCAL = Route(insecure=InsecureList(('127.0.0.0/8',)))
WRONG = StoredLogin('lab', 'hunter2-hunter2')
OPEN = (200, [API], b'{}')


def reached(domain, *, route=LOCAL, login=None, host=None):
    found = reach(host or Host(), route, domain, login)
    assert (found.server is None) == (found.problem is not None)
    assert not any(secret in repr(found) for secret in (LOGIN.secret, 'hunter2'))
    if found.problem is not None:
        assert found.problem.where == domain
    return found


def refused(domain, **how):
    return reached(domain, **how).problem


@pytest.fixture(scope='module')
def hub(tmp_path_factory):
    with registry(tmp_path_factory.mktemp('hub') / 'storage') as endpoint:
        yield endpoint


def test_an_insecure_registry_is_asked_by_plain_http_where_it_speaks_that(hub):
    server = reached(hub).server
    assert (str(server.place), server.challenge) == (f'http://{hub}', None)
    assert not server.way.is_verified


@pytest.mark.parametrize('is_reset', (False, True))
def test_plain_http_of_one_that_ends_a_handshake_without_a_word(is_reset):
    """As some proxies do: an engine asks by plain HTTP whatever becomes of TLS."""
    with silent_about_tls(is_reset=is_reset) as endpoint:
        assert str(reached(endpoint).server.place) == f'http://{endpoint}'


@contextlib.contextmanager
def silent_about_tls(*, is_reset):
    reply = (
        b'HTTP/1.0 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\n\r\n{}'
    )
    is_over = threading.Event()

    def serve():
        while not is_over.is_set():
            with contextlib.suppress(OSError):
                end, _ = server.accept()
                with end:
                    is_http = end.recv(3, socket.MSG_PEEK) == b'GET'
                    # What is left unread makes the kernel reset the connection.
                    if is_http or not is_reset:
                        end.recv(65536)
                    if is_http:
                        end.sendall(reply)

    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f'127.0.0.1:{server.getsockname()[1]}'
        finally:
            is_over.set()
            thread.join()


def test_any_other_one_is_not(hub):
    assert refused(hub, route=Route()) == Problem(
        'copy-not-tls',
        'speaks plain HTTP, and is not an insecure registry of this host',
        hub,
        f'sudo registry-host configure --insecure-registry {hub}',
    )


def test_certificates(tmp_path):
    authority, *pair = make_certificates(tmp_path, 'localhost', '127.0.0.1')
    with registry(tmp_path / 'tls', tls=tuple(pair)) as endpoint:
        trusting = Route(trust=Trust((str(authority),), ()))
        server = reached(endpoint, route=trusting).server
        assert (str(server.place), server.way.is_verified) == (
            f'https://{endpoint}',
            True,
        )
        # An insecure registry may have any.
        server = reached(endpoint).server
        assert (str(server.place), server.way.is_verified) == (
            f'https://{endpoint}',
            False,
        )
        problem = refused(endpoint, route=Route(trust=Trust((), ())))
    assert 'certificate' in problem.message
    assert f'/etc/docker/certs.d/{endpoint}' in problem.message + problem.hint


def test_no_login_goes_to_one_whose_certificate_is_not_trusted(tmp_path):
    _, *pair = make_certificates(tmp_path, 'localhost', '127.0.0.1')
    challenge = ('WWW-Authenticate', 'Basic realm="x"')
    with web_server(lambda *_: (401, [API, challenge], b''), tls=tuple(pair)) as server:
        refused(server.endpoint, route=Route(trust=Trust((), ())), login=LOGIN)
    assert server.asked
    assert all('authorization' not in headers for _, _, headers in server.asked)


# Logins


def test_a_login_has_to_be_taken(tmp_path):
    with registry(tmp_path / 'closed', has_login=True) as closed:
        server = reached(closed, login=LOGIN).server
        assert (server.challenge, server.login) == (Challenge('basic'), LOGIN)
        # Without one, what can be had without one is left to be seen.
        assert reached(closed).server.login is None
        problem = refused(closed, login=WRONG)
    assert (problem.code, problem.hint) == ('server-login', f'docker login {closed}')


def test_a_login_at_a_token_server(tmp_path):
    with tokens(tmp_path) as environment:
        with registry(tmp_path / 'closed', environment=environment) as closed:
            server = reached(closed, login=LOGIN).server
            assert server.challenge.auth == 'bearer'
            problem = refused(closed, login=WRONG)
    assert (problem.code, problem.hint) == ('server-login', f'docker login {closed}')


def test_a_token_server_that_fails_is_no_matter_of_the_login():
    def answer(method, path, headers):
        if path.startswith('/token'):
            return 500, [], b''
        realm = f'Bearer realm="http://{headers["host"]}/token",service="x"'
        return 401, [API, ('WWW-Authenticate', realm)], b''

    with web_server(answer) as server:
        problem = refused(server.endpoint, login=LOGIN)
    assert problem.code == 'server-realm'
    assert 'answers 500' in problem.message
    assert problem.hint == ''


def test_a_login_is_not_sent_where_none_is_asked_for():
    with web_server(lambda *_: OPEN) as server:
        assert reached(server.endpoint, login=LOGIN).server.login == LOGIN
    assert all('authorization' not in headers for _, _, headers in server.asked)


# What is no registry


@pytest.mark.parametrize(
    ('reply', 'words'),
    (
        (
            (200, [('Content-Type', 'text/html')], b'<html>'),
            'is not a registry: it answers',
        ),
        ((404, [], b''), 'is not a registry: it answers 404 at /v2/'),
        ((401, [], b''), 'answers 401'),
        ((500, [], b''), 'answers 500: it fails, and its log says why'),
        ((502, [], b''), 'answers 502'),
        ((302, [('Location', '/v2/')], b''), 'more than 5 redirects'),
        (
            (302, [('Location', 'http://[')], b''),
            'redirects to something that is not an address',
        ),
    ),
)
def test_what_answers_and_is_no_registry(reply, words):
    with web_server(lambda *_: reply) as server:
        problem = refused(server.endpoint, login=LOGIN)
    assert words in problem.message
    assert all('authorization' not in headers for _, _, headers in server.asked)


def test_a_registry_behind_a_redirect(hub):
    location = ('Location', f'http://{hub}/v2/')
    with web_server(lambda *_: (301, [location], b'')) as server:
        assert str(reached(server.endpoint).server.place) == f'http://{server.endpoint}'


def test_nothing_listens():
    nobody = f'127.0.0.1:{free_port()}'
    problem = refused(nobody)
    assert problem == Problem(
        'server-refused',
        'nothing listens there (Connection refused)',
        nobody,
    )


@pytest.mark.parametrize(
    'domain', ('127.0.0.1:0', 'r.lab:65536', f'r.lab:{"9" * 5000}')
)
def test_a_port_that_is_none(domain):
    assert refused(domain).message == 'its port is not one from 1 to 65535'


# Whom it asks


class Recording(Host):
    """A host that finds nobody, and keeps whom it asked."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def addresses(self, name):
        return ()

    def http_get(self, request):
        self.urls.append(request.url)
        raise ConnectionFailed('resolve', 'no such name')


@pytest.mark.parametrize(
    ('domain', 'url'),
    (
        ('docker.io', 'https://registry-1.docker.io/v2/'),
        ('quay.io', 'https://quay.io/v2/'),
        ('HUB.lab:5001', 'https://hub.lab:5001/v2/'),
        ('localhost:5000', 'https://localhost:5000/v2/'),
        ('[2001:db8::1]:5000', 'https://[2001:db8::1]:5000/v2/'),
        ('[2001:db8::1]', 'https://[2001:db8::1]/v2/'),
    ),
)
def test_the_address_of_a_registry(domain, url):
    host = Recording()
    problem = refused(domain, route=Route(), host=host)
    assert host.urls == [url]
    assert 'does not resolve' in problem.message
