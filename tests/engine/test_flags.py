from __future__ import annotations

import json

import pytest
from recorded import load

from registry_host.engine.directives import conflicts, parse_flags
from registry_host.errors import Problem
from registry_host.jsonfile import jsontext

ENGINES = load('dockerd_flags')['engines']


def read(document):
    return jsontext.read(json.dumps(document).encode())


@pytest.mark.parametrize('engine', ENGINES)
def test_every_flag_of_the_engine_is_known(engine):
    for name, flag in ENGINES[engine].items():
        value = ('v',) if flag['takes_value'] else ('true',)
        assert parse_flags(['dockerd', f'--{name}', 'v']) == {name: value}
        if flag['shorthand']:
            argv = ['dockerd', f'-{flag["shorthand"]}', 'v']
            assert parse_flags(argv) == {name: value}


@pytest.mark.parametrize(
    ('words', 'flags'),
    (
        pytest.param('--debug', {'debug': ('true',)}, id='bool'),
        pytest.param('--debug=false', {'debug': ('false',)}, id='bool-value'),
        pytest.param('--debug false', {'debug': ('true',)}, id='bool-takes-no-word'),
        pytest.param('-D=false', {'debug': ('false',)}, id='bool-shorthand-value'),
        pytest.param('-H fd:// -Htcp://x', {'host': ('fd://', 'tcp://x')}, id='list'),
        pytest.param('-H=fd://', {'host': ('fd://',)}, id='shorthand-equals'),
        pytest.param('-l=', {'log-level': ('=',)}, id='lone-equals-is-the-value'),
        pytest.param('-H --debug', {'host': ('--debug',)}, id='any-word-is-a-value'),
        pytest.param(
            '-Dl debug', {'debug': ('true',), 'log-level': ('debug',)}, id='joined'
        ),
        pytest.param(
            '-Dl=info', {'debug': ('true',), 'log-level': ('info',)}, id='joined-value'
        ),
        pytest.param(
            '-g /a -G docker -b none -p /p -s vfs',
            {
                'graph': ('/a',),
                'group': ('docker',),
                'bridge': ('none',),
                'pidfile': ('/p',),
                'storage-driver': ('vfs',),
            },
            id='shorthands',
        ),
        pytest.param(
            '--registry-mirror https://a --registry-mirror=https://b',
            {'registry-mirror': ('https://a', 'https://b')},
            id='both-forms',
        ),
        pytest.param('--log-opt a=b', {'log-opt': ('a=b',)}, id='first-equals-only'),
        pytest.param(
            '--unknown --debug', {'unknown': ('',), 'debug': ('true',)}, id='unknown'
        ),
        pytest.param('--unknown x', {'unknown': ('x',)}, id='unknown-with-value'),
        pytest.param('-Zx', {'Z': ('x',)}, id='unknown-shorthand'),
        pytest.param('word --debug', {'debug': ('true',)}, id='word-between'),
        pytest.param('-- --debug', {}, id='end'),
        pytest.param('--mtu', {'mtu': ('',)}, id='value-missing'),
        pytest.param('-', {}, id='dash'),
        pytest.param('', {}, id='none'),
    ),
)
def test_parse_flags(words, flags):
    assert parse_flags(['/usr/sbin/dockerd', *words.split()]) == flags


def test_no_command_line_at_all():
    assert parse_flags([]) == {}


@pytest.mark.parametrize(
    ('document', 'words', 'places'),
    (
        pytest.param(
            {'registry-mirrors': []}, '--registry-mirror=https://y', ['1:2'], id='list'
        ),
        pytest.param({'insecure-registries': None}, '--insecure-registry=x', ['1:2']),
        pytest.param({'debug': True}, '--debug=false', ['1:2'], id='bool'),
        pytest.param({'hosts': ['fd://']}, '-H fd://', ['1:2'], id='equal'),
        pytest.param(
            {'debug': True, 'hosts': []}, '-D -H fd://', ['1:2', '1:17'], id='two'
        ),
        pytest.param(
            {'runtimes': {'a': {'path': 'x'}}}, '--add-runtime b=/y', [], id='merged'
        ),
        pytest.param({'debug': True}, '--registry-mirror=https://y', [], id='another'),
        pytest.param(
            {'proxies': {'no-proxy': 'a', 'http-proxy': 'x'}},
            '--http-proxy=http://y',
            ['1:31'],
            id='proxy',
        ),
        pytest.param({'log-opts': {'a': 'b'}}, '--log-opt a=c', ['1:2'], id='object'),
        pytest.param({'log-opts': {'debug': 'b'}}, '--debug', [], id='members-stay'),
        pytest.param({'any': {'debug': True}}, '--debug', ['1:10'], id='looks-inside'),
        pytest.param({'registry-mirror': []}, '--registry-mirror=x', [], id='ignored'),
        pytest.param({'host-gateway-ip': ''}, '--host-gateway-ip=x', ['1:2'], id='old'),
        pytest.param(
            {'host-gateway-ips': []}, '--host-gateway-ip=x', ['1:2'], id='new'
        ),
        pytest.param({'builder': {}}, '--debug', [], id='no-flag'),
        pytest.param({'config-file': 'x'}, '--config-file=y', ['1:2'], id='no-key'),
    ),
)
def test_conflicts(document, words, places):
    found = conflicts(read(document), parse_flags(['dockerd', *words.split()]))
    assert [(problem.code, problem.where) for problem in found] == [
        ('flag-conflict', place) for place in places
    ]


def test_conflict_is_told_with_its_flag():
    flags = parse_flags(['dockerd', '-H', 'fd://', '-Htcp://0.0.0.0:2375'])
    assert conflicts(read({'hosts': ['fd://']}), flags) == (
        Problem(
            code='flag-conflict',
            where='1:2',
            message='"hosts" is also given as the flag --host=fd:// '
            '--host=tcp://0.0.0.0:2375: the engine refuses what is given twice, even '
            'if it is equal'
            '; remove "hosts" from the file, or the flag',
            hint='sudo systemctl edit --full docker.service',
        ),
    )


@pytest.mark.parametrize(
    ('document', 'argument', 'shown'),
    (
        pytest.param(
            {'proxies': {'http-proxy': 'x'}},
            '--http-proxy=http://u:hunter2@p:1',
            '--http-proxy=http://xxxxx:xxxxx@p:1',
            id='proxy',
        ),
        pytest.param(
            {'proxies': {'https-proxy': 'x'}},
            '--https-proxy=u:hunter2 and/more@p',
            '--https-proxy=xxxxx:xxxxx@p',
            id='not-a-url',
        ),
        pytest.param(
            {'log-opts': {}},
            '--log-opt=splunk-token=hunter2',
            '--log-opt=splunk-token=...',
            id='token',
        ),
        pytest.param(
            {'labels': []}, '--label=a=\x1b[2J', "--label='a=\\x1b[2J'", id='terminal'
        ),
        pytest.param(
            {'labels': []},
            f'--label={"a" * 500}',
            f'--label={"a" * 100}...',
            id='long',
        ),
    ),
)
def test_value_as_it_is_shown(document, argument, shown):
    (problem,) = conflicts(read(document), parse_flags(['dockerd', argument]))
    assert f'the flag {shown}: the engine' in problem.message
    assert 'hunter2' not in repr(problem)


def test_many_values_are_not_all_shown():
    flags = {'label': ('a=1', 'b=2', 'c=3', 'd=4')}
    (problem,) = conflicts(read({'labels': []}), flags)
    assert '--label=a=1 --label=b=2 --label=c=3 ...: the' in problem.message
