"""A token server is asked only where a password may go."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from webservers import LOGIN, web_server

from registry_host.engine.clientlogins import StoredLogin
from registry_host.host.host import Host
from registry_host.registry.challenges import Challenge
from registry_host.registry.tokens import ask_token
from registry_host.registry.ways import Way, place_of_url


class Silent(Host):
    """A host that asks nobody."""

    def http_get(self, request):
        raise AssertionError(request.url)

    http_post = http_get


REFRESH = 'hunter2&refresh=é+/'
IDENTITY = StoredLogin('<token>', REFRESH, is_identity_token=True)


def asked(realm, origin, *, host=None, login=LOGIN, scope=''):
    return ask_token(
        host or Silent(),
        Way(),
        Challenge('bearer', realm, 'images'),
        origin=place_of_url(origin),
        credentials=login,
        scope=scope,
    )


@pytest.mark.parametrize('login', (LOGIN, IDENTITY), ids=('password', 'identity-token'))
@pytest.mark.parametrize(
    ('realm', 'origin', 'message'),
    (
        pytest.param(
            'http://auth.lab/token',
            'https://r.lab',
            'names a token server by plain HTTP (http://auth.lab): passwords go there',
            id='in-the-clear',
        ),
        pytest.param(
            'http://localhost:5001/token',
            'http://r.lab:5000',
            'names http://localhost:5001 as its token server: each client looks on '
            'itself',
            id='loopback',
        ),
        pytest.param(
            '/token',
            'https://r.lab',
            "names '/token' as its token server, which is not a URL",
            id='a-path',
        ),
        pytest.param(
            'https://me:hunter2@auth.lab/token',
            'https://r.lab',
            "names 'https://xxxxx:xxxxx@auth.lab/token' as its token server, which is "
            'not a URL',
            id='user-info',
        ),
        pytest.param(
            '',
            'https://r.lab',
            "names '' as its token server, which is not a URL",
            id='none',
        ),
    ),
)
def test_a_realm_that_is_not_asked(realm, origin, message, login):
    token = asked(realm, origin, login=login)
    assert (token.text, token.status) == ('', None)
    assert str(token.problem) == f'{origin}: {message} (auth.token.realm in its config)'
    assert 'hunter2' not in repr(token)


@pytest.mark.parametrize(
    'url',
    (
        'ftp://h',
        'https://',
        'https://u:p@h',
        'https://h:0',
        'https://h:99999',
        'https://h:x',
        'https://h:१',
        'https://a:b:c',
        'https://a\x1b[2J/',
        'h:5000',
        '',
    ),
)
def test_what_is_no_url_of_a_web_server(url):
    assert place_of_url(url) is None


# By an identity token


def exchanged(answer, *, scope='repository:a/b:pull'):
    """What comes of asking a token server once, and that server."""
    with web_server(answer) as server:
        origin = f'http://{server.endpoint}'
        realm = f'{origin}/token?x=1'
        token = asked(realm, origin, host=Host(), login=IDENTITY, scope=scope)
        assert 'hunter2' not in repr(token) + repr(server.asked)
        return token, server, origin


def test_an_identity_token_is_exchanged_by_post():
    """As distribution does (client/auth/session.go fetchTokenWithOAuth, 2.8)."""
    body = json.dumps({'access_token': 'secret', 'refresh_token': 'another'}).encode()
    token, server, _ = exchanged(lambda *_: (200, [], body))
    assert (token.text, token.problem) == ('secret', None)
    ((method, path, headers),) = server.asked
    assert (method, path) == ('POST', '/token?x=1')
    assert headers['content-type'] == 'application/x-www-form-urlencoded'
    assert 'authorization' not in headers
    assert parse_qs(server.bodies[0].decode(), strict_parsing=True) == {
        'grant_type': ['refresh_token'],
        'service': ['images'],
        'client_id': ['registry-host'],
        'scope': ['repository:a/b:pull'],
        'refresh_token': [REFRESH],
    }


@pytest.mark.parametrize(
    ('status', 'code', 'message'),
    (
        (
            401,
            'server-login',
            'does not take this identity token (401): it may have expired',
        ),
        (
            400,
            'server-login',
            'does not take this identity token (400): it may have expired',
        ),
        (404, 'server-login', 'takes no identity tokens (404)'),
        (405, 'server-login', 'takes no identity tokens (405)'),
        (500, 'server-realm', 'answers 500, and with no token'),
        (200, 'server-realm', 'answers 200, and with no token'),
    ),
)
def test_an_identity_token_that_brings_none(status, code, message):
    """It is not tried as a password: that would show it to whoever reads logs."""
    token, server, origin = exchanged(lambda *_: (status, [], b'{"error": "x"}'))
    assert (token.text, token.status, token.problem.code) == ('', status, code)
    assert str(token.problem).startswith(
        f'{origin}: its token server {origin} {message}'
    )
    is_login = code == 'server-login'
    assert token.problem.hint == (f'docker login {origin[7:]}' if is_login else '')
    assert [method for method, *_ in server.asked] == ['POST']


@pytest.mark.parametrize('status', (301, 302, 303, 307, 308))
def test_an_identity_token_is_not_sent_where_a_redirect_leads(status):
    with web_server(lambda *_: (200, [], b'{"token": "x"}')) as other:
        location = ('Location', f'http://{other.endpoint}/token')
        token, server, _ = exchanged(lambda *_: (status, [location], b''))
    assert (token.text, token.status) == ('', status)
    assert (len(server.asked), other.asked) == (1, [])
