"""The proxies that a unit's files name, by the order in which systemd takes them."""

from __future__ import annotations

import pytest

from registry_host.engine.environment import proxies_of
from registry_host.engine.find import EngineFacts
from registry_host.host.host import Host

ETC = '/etc/systemd/system/docker.service'
LIB = '/lib/systemd/system/docker.service'
FILE = '/etc/default/docker'
STOPPED = EngineFacts('stopped')


def unit(*lines):
    return '\n'.join(('[Unit]', 'HTTP_PROXY=http://no', '[Service]', *lines, ''))


@pytest.mark.parametrize(
    ('files', 'expected'),
    (
        pytest.param({}, {}, id='nothing'),
        pytest.param(
            {LIB: unit('Environment=HTTP_PROXY=http://p:1 NO_PROXY=a,b')},
            {'http-proxy': 'http://p:1', 'no-proxy': 'a,b'},
            id='two-in-a-line',
        ),
        pytest.param(
            {LIB: unit('Environment="NO_PROXY=a b" \'HTTPS_PROXY=http://p%%40:1\'')},
            {'no-proxy': 'a b', 'https-proxy': 'http://p%40:1'},
            id='quotes-and-specifiers',
        ),
        pytest.param(
            {LIB: unit('Environment=HTTP_PROXY="http://p:1" NO_PROXY=\'a b\'')},
            {'http-proxy': 'http://p:1', 'no-proxy': 'a b'},
            id='quotes-around-values',
        ),
        pytest.param(
            {LIB: unit('Environment=HTTP_PROXY=http://p:1 \\', '  NO_PROXY=a')},
            {'http-proxy': 'http://p:1', 'no-proxy': 'a'},
            id='a-line-that-goes-on',
        ),
        pytest.param(
            {LIB: unit('Environment=http_proxy=http://l:1')},
            {'http-proxy': 'http://l:1'},
            id='lower-case',
        ),
        pytest.param(
            {LIB: unit('Environment=http_proxy=http://l:1 HTTP_PROXY=http://u:1')},
            {'http-proxy': 'http://u:1'},
            id='upper-case-goes-first',
        ),
        pytest.param(
            {
                LIB: unit('Environment=HTTP_PROXY=http://unit:1'),
                f'{ETC}.d/a.conf': unit('Environment=HTTP_PROXY=http://drop-in:1'),
            },
            {'http-proxy': 'http://drop-in:1'},
            id='drop-in',
        ),
        pytest.param(
            {
                LIB: unit('Environment=HTTP_PROXY=http://unit:1'),
                f'{ETC}.d/a.conf': unit('Environment='),
            },
            {},
            id='taken-back',
        ),
        pytest.param(
            {
                f'{LIB}.d/a.conf': unit('Environment=HTTP_PROXY=http://lib:1'),
                f'{ETC}.d/a.conf': unit('Environment=NO_PROXY=a'),
            },
            {'no-proxy': 'a'},
            id='drop-in-of-the-same-name',
        ),
        pytest.param(
            {
                LIB: unit('EnvironmentFile=-/etc/default/docker'),
                f'{ETC}.d/a.conf': unit('Environment=HTTP_PROXY=http://drop-in:1'),
                FILE: '# HTTP_PROXY=http://no\nHTTP_PROXY="http://file%40:1"\n',
            },
            {'http-proxy': 'http://file%40:1'},
            id='the-file-goes-before-drop-ins',
        ),
        pytest.param(
            {
                LIB: unit('EnvironmentFile=-/etc/default/docker'),
                FILE: 'HTTP_PROXY=http://p%%40:1\nNO_PROXY=a, b\n',
            },
            {'http-proxy': 'http://p%%40:1', 'no-proxy': 'a, b'},
            id='a-file-has-no-specifiers-and-its-lines-are-whole',
        ),
        pytest.param(
            {LIB: unit('EnvironmentFile=-/etc/default/docker')}, {}, id='no-such-file'
        ),
        pytest.param(
            {LIB: unit('Environment=HTTP_PROXY=')}, {}, id='an-empty-one-is-none'
        ),
    ),
)
def test_proxies_of_a_unit(root, files, expected):
    for path, content in files.items():
        root.write(path, content)
    assert proxies_of(Host(str(root.path)), STOPPED) == expected
