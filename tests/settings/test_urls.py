from __future__ import annotations

import json
import re

import pytest
from recorded import load

from registry_host.engine.rules import engine_accepts_insecure, engine_accepts_mirror
from registry_host.settings.insecure import check_insecure_registry, registry_key
from registry_host.settings.mirrors import Mirror, check_mirror, mirror_key
from registry_host.settings.proxies import Proxy, check_no_proxy, check_proxy

NEWEST = (29, 7, 0)


def problems(checked):
    return [(problem.code, problem.hint) for problem in checked.errors]


@pytest.mark.parametrize(
    ('text', 'url'),
    (
        pytest.param('http://172.16.17.38', 'http://172.16.17.38', id='address'),
        pytest.param('http://m:5000/', 'http://m:5000', id='closing-slash'),
        pytest.param('HTTP://M.Example:80', 'http://m.example:80', id='letter-case'),
        pytest.param(
            'https://[2001:DB8::1]:5000', 'https://[2001:db8::1]:5000', id='v6'
        ),
        pytest.param('http://[::1]', 'http://[::1]', id='v6-without-port'),
        pytest.param('http://localhost:5000', 'http://localhost:5000', id='localhost'),
        pytest.param(
            'http://bücher.example', 'http://xn--bcher-kva.example', id='idna'
        ),
        pytest.param(
            'http://m.example:65535', 'http://m.example:65535', id='last-port'
        ),
        pytest.param('http://a-b.c9', 'http://a-b.c9', id='hyphen'),
    ),
)
def test_mirror(text, url):
    checked = check_mirror(text)
    assert checked.errors == ()
    assert str(checked.value) == url


@pytest.mark.parametrize(
    ('text', 'expected'),
    (
        pytest.param(
            'http://172.16.17.38/v2',
            [('mirror-path', 'http://172.16.17.38')],
            id='path',
        ),
        pytest.param(
            'registry.lab:5000',
            [('mirror-scheme', 'http://registry.lab:5000')],
            id='bare',
        ),
        pytest.param(
            'ftp://h.example', [('mirror-scheme', 'http://h.example')], id='ftp'
        ),
        pytest.param('http:/m', [('mirror-scheme', 'http://m')], id='one-slash'),
        pytest.param('http//m', [('mirror-scheme', 'http://m')], id='no-colon'),
        pytest.param('//m', [('mirror-scheme', 'http://m')], id='relative'),
        pytest.param(
            'https://https://m/', [('mirror-scheme', 'https://m/')], id='twice'
        ),
        pytest.param('http://m?', [('mirror-query', 'http://m')], id='empty-query'),
        pytest.param(
            'http://m#', [('mirror-fragment', 'http://m')], id='empty-fragment'
        ),
        pytest.param('http://m//', [('mirror-path', 'http://m')], id='two-slashes'),
        pytest.param('http://', [('mirror-host', '')], id='no-host'),
        pytest.param('http://:5000', [('mirror-host', '')], id='only-a-port'),
        pytest.param('http://m:', [('mirror-port', 'for example :5000')], id='no-port'),
        pytest.param('http://m:0', [('mirror-port', 'for example :5000')], id='port-0'),
        pytest.param(
            'http://m:99999', [('mirror-port', 'for example :5000')], id='port-range'
        ),
        pytest.param(
            'http://m:\u0665\u0660', [('mirror-port', 'for example :5000')], id='digits'
        ),
        pytest.param('http://my_m', [('mirror-host', 'my-m')], id='underscore'),
        pytest.param(
            'http://m..example', [('mirror-host', 'remove the extra dot')], id='dots'
        ),
        pytest.param(
            'http://m.example.', [('mirror-host', 'm.example')], id='last-dot'
        ),
        pytest.param('http://999.1.1.1', [('mirror-host', '')], id='bad-ipv4'),
        pytest.param('http://1.2.3', [('mirror-host', '')], id='short-ipv4'),
        pytest.param(
            'http://::1:5000', [('mirror-host', '[::1:5000]')], id='unbracketed'
        ),
        pytest.param(
            'http://[fe80::1%eth0]',
            [('mirror-host', 'use an address without %ZONE')],
            id='zone',
        ),
        pytest.param(
            f'http://{"a" * 64}.example', [('mirror-host', '')], id='long-label'
        ),
        pytest.param(
            f'http://{"a." * 130}example', [('mirror-host', '')], id='long-name'
        ),
        pytest.param('http://m ', [('mirror-character', 'http://m')], id='blank'),
        pytest.param(
            '', [('mirror-empty', 'http://registry.example:5000')], id='empty'
        ),
        pytest.param(
            'http://n:8081/repository/docker-hub',
            [
                (
                    'mirror-path',
                    'a repository of Nexus or Artifactory needs a port or a sub-domain '
                    'of its own: give it one, and use that root, as http://n:5000',
                )
            ],
            id='nexus',
        ),
        pytest.param(
            'https://registry-1.docker.co',
            [
                (
                    'mirror-hub-typo',
                    'did you mean registry-1.docker.io? '
                    '(Docker Hub itself needs no mirror)',
                )
            ],
            id='typo',
        ),
        pytest.param(
            'http://user:pw@m',
            [('mirror-userinfo', 'leave out everything up to the @')],
            id='user-info',
        ),
        pytest.param(
            'https://@m',
            [('mirror-userinfo', 'leave out everything up to the @')],
            id='empty-user-info',
        ),
    ),
)
def test_mirror_refused(text, expected):
    checked = check_mirror(text)
    assert checked.value is None
    assert problems(checked) == expected


def test_all_that_is_wrong_with_one_mirror_at_once():
    checked = check_mirror('ftp://user:pw@h:99999/v2?x#y')
    assert [problem.code for problem in checked.errors] == [
        'mirror-scheme',
        'mirror-userinfo',
        'mirror-port',
        'mirror-path',
        'mirror-query',
        'mirror-fragment',
    ]
    assert checked.input == 'ftp://xxxxx:xxxxx@h:99999/v2?x#y'


@pytest.mark.parametrize(
    ('text', 'code'),
    (
        pytest.param('http://172.16.17.38', 'mirror-ip', id='address'),
        pytest.param('https://registry-1.docker.io', 'mirror-hub', id='hub'),
        pytest.param('https://quay.io', 'mirror-other-hub', id='other-hub'),
    ),
)
def test_mirror_warned_of(text, code):
    assert [problem.code for problem in check_mirror(text).warnings] == [code]


@pytest.mark.parametrize(
    'host',
    ('registry.docker.corp.example', 'docker.corp', 'hub.corp.example', 'docker'),
)
def test_a_name_of_ones_own_is_no_misspelling(host):
    checked = check_mirror(f'http://{host}')
    assert (checked.errors, checked.warnings) == ((), ())


@pytest.mark.parametrize(
    'case', load('mirrors')['cases'], ids=lambda case: repr(case['input'])
)
def test_we_are_never_more_lenient_than_an_engine(case):
    mirror = check_mirror(case['input']).value
    if mirror is None:
        return
    for version in ((20, 10, 0), (26, 1, 5), (28, 5, 2), NEWEST):
        assert engine_accepts_mirror(str(mirror), version)


@pytest.mark.parametrize(
    'case', load('insecure_registries')['cases'], ids=lambda case: repr(case['input'])
)
def test_what_we_store_is_what_an_engine_takes(case):
    registry = check_insecure_registry(case['input']).value
    if registry is not None:
        assert engine_accepts_insecure(str(registry), NEWEST)


@pytest.mark.parametrize(
    ('one', 'other', 'is_equal'),
    (
        pytest.param('http://M:5000/', 'http://m:5000', True, id='spelling'),
        pytest.param('http://m:80', 'http://m', True, id='default-port'),
        pytest.param('https://m:443/', 'https://m', True, id='default-tls-port'),
        pytest.param('http://m', 'https://m', False, id='scheme'),
        pytest.param('http://m', 'http://m:5000', False, id='port'),
        pytest.param('http://m/p', 'http://m', False, id='path-is-another'),
        pytest.param('http://m/p/', 'http://m/p', True, id='path-and-slash'),
        pytest.param('http://[::1]:1', 'http://[0:0::1]:1', True, id='v6'),
    ),
)
def test_equal_mirrors(one, other, is_equal):
    assert (mirror_key(one) == mirror_key(other)) is is_equal


# Insecure registries


@pytest.mark.parametrize(
    ('text', 'stored'),
    (
        pytest.param('registry.lab:5002', 'registry.lab:5002', id='host-and-port'),
        pytest.param('Registry.Lab', 'registry.lab', id='letter-case'),
        pytest.param('http://reg:5000/', 'reg:5000', id='scheme-and-slash'),
        pytest.param('10.0.0.5/8', '10.0.0.0/8', id='network'),
        pytest.param('http://10.0.0.0/8', '10.0.0.0/8', id='scheme-and-network'),
        pytest.param('2001:db8::/32', '2001:db8::/32', id='v6-network'),
        pytest.param('2001:db8::1', '2001:db8::1', id='v6'),
        pytest.param('[2001:db8::1]', '[2001:db8::1]', id='v6-in-brackets'),
        pytest.param('[::1]:5000', '[::1]:5000', id='v6-and-port'),
    ),
)
def test_registry(text, stored):
    checked = check_insecure_registry(text)
    assert checked.errors == ()
    assert str(checked.value) == stored


@pytest.mark.parametrize(
    ('text', 'code', 'hint'),
    (
        pytest.param('reg/team', 'insecure-path', 'reg', id='path'),
        pytest.param(
            '10.0.0.0/33', 'insecure-cidr', 'for example 10.0.0.0/8', id='cidr'
        ),
        pytest.param(
            '*.lab', 'insecure-host', 'letters, digits, hyphens and dots', id='*'
        ),
        pytest.param('a b', 'insecure-character', '', id='blank'),
        pytest.param(
            '-x', 'insecure-host', 'letters, digits, hyphens and dots', id='-'
        ),
        pytest.param('reg:0', 'insecure-port', 'for example :5000', id='port-0'),
        pytest.param('svn://x', 'insecure-scheme', 'x', id='scheme'),
        pytest.param('', 'insecure-empty', 'registry.example:5000', id='empty'),
    ),
)
def test_registry_refused(text, code, hint):
    checked = check_insecure_registry(text)
    assert checked.value is None
    assert (code, hint) in problems(checked)


@pytest.mark.parametrize(
    ('text', 'code'),
    (
        pytest.param('docker.io', 'insecure-docker-hub', id='hub'),
        pytest.param('127.0.0.0/8', 'insecure-builtin', id='loopback'),
        pytest.param('0.0.0.0/0', 'insecure-wide', id='all'),
        pytest.param('10.0.0.0/8', 'insecure-wide', id='eight'),
    ),
)
def test_registry_warned_of(text, code):
    assert [p.code for p in check_insecure_registry(text).warnings] == [code]


MATCHES = load('insecure_match')


@pytest.mark.parametrize(
    'case', MATCHES['cases'], ids=[str(i) for i in range(len(MATCHES['cases']))]
)
def test_matching_as_the_engine(case):
    entries = [*case['insecure_registries'], '127.0.0.0/8', '::1/128']
    registries = [check_insecure_registry(text).value for text in entries]
    is_v6 = case['registry'].startswith('::')
    host, _, port = (
        (case['registry'], '', '') if is_v6 else (case['registry'].partition(':'))
    )
    addresses = MATCHES['dns'].get(host, [host])
    is_insecure = host != 'docker.io' and any(
        r and r.matches(host, int(port) if port else None, addresses)
        for r in registries
    )
    assert is_insecure is not case['secure']


def test_equal_registries():
    assert registry_key('http://reg:5000') == registry_key('reg:5000/')
    assert registry_key('10.1.0.0/8') == registry_key('10.0.0.0/8')
    assert registry_key('reg') != registry_key('reg:5000')


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


def test_mirror_is_a_value():
    assert Mirror('http', 'm', 5000) == check_mirror('http://m:5000').value
    assert json.dumps(str(Mirror('http', '::1', 5))) == '"http://[::1]:5"'


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
