"""A token server is asked only where a password may go."""

from __future__ import annotations

import pytest
from webservers import LOGIN

from registry_host.host.host import Host
from registry_host.registry.challenges import Challenge
from registry_host.registry.tokens import ask_token
from registry_host.registry.ways import Way, place_of_url


class Silent(Host):
    """A host that asks nobody."""

    def http_get(self, request):
        raise AssertionError(request.url)


def asked(realm, origin):
    challenge = Challenge('bearer', realm, 'images')
    return ask_token(
        Silent(), Way(), challenge, origin=place_of_url(origin), credentials=LOGIN
    )


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
            "names '/token' as its token server, which is no URL",
            id='a-path',
        ),
        pytest.param(
            'https://me:hunter2@auth.lab/token',
            'https://r.lab',
            "names 'https://xxxxx:xxxxx@auth.lab/token' as its token server, which is "
            'no URL',
            id='user-info',
        ),
        pytest.param(
            '',
            'https://r.lab',
            "names '' as its token server, which is no URL",
            id='none',
        ),
    ),
)
def test_a_realm_that_is_not_asked(realm, origin, message):
    token = asked(realm, origin)
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
