"""The upstream of a cache, its login there, and how long it keeps what it has."""

from __future__ import annotations

import pytest

CONFIG = '/etc/docker/registry/config.yml'
TEXT = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/cache\n'
    'http:\n  addr: 127.0.0.1:5000\nproxy:\n'
)
BOTH = '  username: lab\n  password: hunter2-and-more\n'


def found(root, upstream, more='', *words):
    path = root.write(CONFIG, f'{TEXT}  remoteurl: {upstream}\n{more}', 0o600)
    ended = root.run('registry', 'check', str(path), *words, '--format=json')
    assert 'hunter2' not in ended.out
    return [(each['check'], each['severity']) for each in ended.json['findings']]


@pytest.mark.parametrize(
    ('upstream', 'check'),
    (
        ('https://quay.io', None),
        ('https://index.docker.io', None),
        ('https://registry-1.docker.io:443/', None),
        ('https://docker.io', 'upstream-hub'),
        ('https://hub.docker.com', 'upstream-hub'),
        ('http://localhost:5000', 'upstream-self'),
        ('http://127.0.0.1:5001', None),
        ('"https://quay.io "', 'upstream-scheme'),
        ('https://quay.io/v2', 'upstream-path'),
        ('quay.io', 'upstream-scheme'),
    ),
)
def test_an_upstream(root, upstream, check):
    assert found(root, upstream) == ([(check, 'error')] if check else [])


@pytest.mark.parametrize(
    ('upstream', 'more', 'check'),
    (
        ('https://quay.io', BOTH, None),
        ('https://quay.io', '  username: lab\n', 'login-incomplete'),
        ('https://quay.io', '  password: hunter2-and-more\n', 'login-incomplete'),
        ('http://hub.example', BOTH, 'login-in-clear'),
        ('http://127.0.0.1:5001', BOTH, None),
    ),
)
def test_a_login(root, upstream, more, check):
    assert found(root, upstream, more) == ([(check, 'warning')] if check else [])


@pytest.mark.parametrize(
    ('ttl', 'major', 'expected'),
    (
        ('168h', '3', []),
        ('0', '3', []),
        ('3600', '3', [('ttl-nanoseconds', 'error')]),
        ('7d', '3', [('value-type', 'error')]),
        ('7d', '2', [('ttl-ignored', 'warning')]),
    ),
)
def test_how_long_it_keeps_what_it_has(root, ttl, major, expected):
    words = (f'  ttl: {ttl}\n', '--distribution', major)
    assert found(root, 'https://quay.io', *words) == expected
