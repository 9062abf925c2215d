"""What a proxy may be, and the hints that are URLs."""

from __future__ import annotations

import re

import pytest

from registry_host.settings.mirrors import check_mirror
from registry_host.settings.proxies import Proxy, check_no_proxy, check_proxy


def problems(checked):
    return [(problem.code, problem.hint) for problem in checked.errors]


# Proxies


def test_proxy_shows_no_password():
    proxy = check_proxy('http://u:hunter2@p:3128', 'http-proxy').value
    assert isinstance(proxy, Proxy)
    assert 'hunter2' not in repr(proxy) + str(proxy)
    assert str(proxy) == 'http://xxxxx:xxxxx@p:3128'
    assert proxy.reveal() == 'http://u:hunter2@p:3128'
    assert str(proxy) != proxy.reveal()


@pytest.mark.parametrize(
    ('text', 'codes'),
    (
        pytest.param('p:3128', ['proxy-scheme'], id='no-scheme'),
        pytest.param('ftp://p:3128', ['proxy-scheme'], id='scheme'),
        pytest.param('http://p:99999', ['proxy-port'], id='port'),
        pytest.param('http://p/x', ['proxy-path'], id='path'),
        pytest.param('http://u:a/b@p', ['proxy-userinfo'], id='slash-in-password'),
        pytest.param('http://u:a%zz@p', ['proxy-userinfo'], id='bad-escape'),
        pytest.param('', ['proxy-empty'], id='empty'),
    ),
)
def test_proxy_refused(text, codes):
    checked = check_proxy(text, 'https-proxy')
    assert checked.kind == 'https-proxy'
    assert [problem.code for problem in checked.errors] == codes


@pytest.mark.parametrize(
    ('text', 'expected'),
    (
        pytest.param('a b', [('no-proxy-separator', 'a,b')], id='blank'),
        pytest.param('a;b', [('no-proxy-separator', 'a,b')], id='semicolon'),
        pytest.param('http://a/x', [('no-proxy-scheme', 'a')], id='url'),
        pytest.param(
            ' , ', [('no-proxy-empty', 'localhost,.example.com,10.0.0.0/8')], id='empty'
        ),
    ),
)
def test_no_proxy_refused(text, expected):
    assert problems(check_no_proxy(text)) == expected


@pytest.mark.parametrize(
    'check', (check_mirror, lambda text: check_proxy(text, 'http-proxy'))
)
@pytest.mark.parametrize(
    'text',
    (
        'http://nexus.corp.example:8081/repository/x/', 'eg:https://h', '<https://h>',
        '${REGISTRY_MIRROR}', 'https\uff1a//h', '-x', '"http://m"', '//m:5000', 'm/v2',
        'http=proxy:8080', 'http:m', 'http://http://m', 'ftp://m', 'http://m:5000:1',
    ),
)  # fmt: skip
def test_a_hint_that_is_a_url_is_accepted_when_pasted(check, text):
    for problem in check(text).errors:
        for url in re.findall(r'https?://[^\s…]+$', problem.hint):
            assert check(url).errors == (), (text, problem)
