"""What a registry mirror may be."""

from __future__ import annotations

import json

import pytest
from recorded import load

from registry_host.engine.rules import engine_accepts_mirror
from registry_host.settings.mirrors import Mirror, check_mirror, mirror_key

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
        pytest.param('http://m:', [('mirror-port', '')], id='no-port'),
        pytest.param('http://m:0', [('mirror-port', '')], id='port-0'),
        pytest.param('http://m:99999', [('mirror-port', '')], id='port-range'),
        pytest.param('http://m:\u0665\u0660', [('mirror-port', '')], id='digits'),
        pytest.param('http://my_m', [('mirror-host', 'my-m')], id='underscore'),
        pytest.param('http://m..example', [('mirror-host', 'm.example')], id='dots'),
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
            [('mirror-host', 'fe80::1')],
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
                    'http://n:5000',
                )
            ],
            id='nexus',
        ),
        pytest.param(
            'https://registry-1.docker.co',
            [
                (
                    'mirror-hub-typo',
                    '',
                )
            ],
            id='typo',
        ),
        pytest.param(
            'http://user:pw@m',
            [('mirror-userinfo', '')],
            id='user-info',
        ),
        pytest.param(
            'https://@m',
            [('mirror-userinfo', '')],
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
    ('one', 'other', 'is_equal'),
    (
        pytest.param('http://M:5000/', 'http://m:5000', True, id='spelling'),
        pytest.param('http://m:80', 'http://m', True, id='default-port'),
        pytest.param('https://m/', 'https://m', True, id='tls-and-slash'),
        # In certs.d and in insecure-registries they are two.
        pytest.param('https://m:443', 'https://m', False, id='default-tls-port'),
        pytest.param('https://M:5443', 'https://m:5443', False, id='tls-letters'),
        pytest.param('HTTP://m:5000', 'http://m:5000', False, id='letters-of-scheme'),
        pytest.param('HTTP://m:5000/', 'HTTP://m:5000', True, id='odd-and-slash'),
        pytest.param('http://m', 'https://m', False, id='scheme'),
        pytest.param('http://m', 'http://m:5000', False, id='port'),
        pytest.param('http://m/p', 'http://m', False, id='path-is-another'),
        pytest.param('http://m/p/', 'http://m/p', True, id='path-and-slash'),
        pytest.param('http://[::1]:1', 'http://[0:0::1]:1', True, id='v6'),
    ),
)
def test_equal_mirrors(one, other, is_equal):
    assert (mirror_key(one) == mirror_key(other)) is is_equal


def test_mirror_is_a_value():
    assert Mirror('http', 'm', 5000) == check_mirror('http://m:5000').value
    assert json.dumps(str(Mirror('http', '::1', 5))) == '"http://[::1]:5"'
