from __future__ import annotations

import base64
import json

import pytest
from recorded import load

from registry_host import jsontext
from registry_host.directives import (
    PROXIES,
    conflicts,
    directives,
    lint,
    parse_flags,
    parse_version,
    warnings,
)
from registry_host.errors import Problem

OBSERVED = load('directives_observed')['cases']
RECORDED = load('daemon_json')['cases']
FLAGS = load('dockerd_flags')['engines']
ENGINES = ('20.10.24', '26.1.5', '28.5.2')


def read(document):
    text = document if isinstance(document, str) else json.dumps(document)
    return jsontext.read(text.encode())


def codes(document, version='28.5.2'):
    problems = lint(read(document), version and parse_version(version))
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ('text', 'version'),
    (
        ('20.10.24+dfsg1', (20, 10, 24)),
        ('28.5.2', (28, 5, 2)),
        ('29.0.0-rc.1', (29, 0, 0)),
        ('Docker version 26.1.5+dfsg1, build 411e817', (26, 1, 5)),
        ('23.0', (23, 0, 0)),
        ('dev', None),
        ('', None),
    ),
)
def test_version(text, version):
    assert parse_version(text) == version


# The table, against real engines


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('case', OBSERVED, ids=lambda case: case['content'])
def test_every_key_as_the_engine_takes_it(case, engine):
    found = codes(case['content'], engine)
    if case['accepted'][engine]:
        # The engine is content with what it ignores; the operator would not be.
        assert found in ([], ['directive-ignored'], ['directive-misplaced'])
    else:
        assert found


@pytest.mark.parametrize('engine', ENGINES)
def test_every_flag_of_the_engine_is_known(engine):
    for name, flag in FLAGS[engine].items():
        value = ('v',) if flag['takes_value'] else ('true',)
        assert parse_flags(['dockerd', f'--{name}', 'v']) == {name: value}
        if flag['shorthand']:
            assert parse_flags(['dockerd', f'-{flag["shorthand"]}', 'v']) == {
                name: value
            }


def test_the_table_names_every_flag_that_sets_a_key():
    known = {directive.flag for directive in directives().values()} | set(PROXIES)
    without_key = {
        'config-file',
        'containerd-plugins-namespace',
        'cri-containerd',
        'help',
        'validate',
        'version',
    }
    for engine in ENGINES:
        assert set(FLAGS[engine]) - known - without_key == set()


def is_syntax(case):
    if 'content_base64' in case:
        return True
    try:
        jsontext.read(case['content'].encode())
    except jsontext.JsonTextError:
        return True
    return False


# What no lint of ours covers: values, which the engine itself is asked about.
VALUES = ('"dns"', 'dns-search', 'labels', 'log-level')


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize(
    'case',
    [c for c in RECORDED if not is_syntax(c)],
    ids=lambda case: case['content'] or 'empty',
)
def test_recorded_documents(case, engine):
    version = parse_version(engine)
    document = read(case['content'])
    flags = parse_flags(['dockerd', *case.get('flags', ())])
    problems = lint(document, version) + conflicts(document, flags)
    if case['accepted'][engine]:
        starts = 'fails on every version' not in case.get('effect', '')
        is_ignored = all(p.code == 'directive-ignored' for p in problems)
        assert is_ignored if starts else problems
    elif not any(name in case['content'] for name in VALUES):
        assert problems or case['content'] == ''


def test_syntax_is_refused_by_the_reader():
    for case in RECORDED:
        content = case.get('content', '').encode()
        if 'content_base64' in case:
            content = base64.b64decode(case['content_base64'])
        if is_syntax(case):
            with pytest.raises(jsontext.JsonTextError):
                jsontext.read(content)


# What is told


@pytest.mark.parametrize(
    ('document', 'version', 'problem'),
    (
        pytest.param(
            {'registry-mirror': []},
            None,
            Problem(
                code='directive-ignored',
                where='1:2',
                message='"registry-mirror" is the name of a flag, and is silently '
                'ignored here',
                hint='rename it to "registry-mirrors"',
            ),
            id='flag-name',
        ),
        pytest.param(
            {'Registry-Mirrors': []},
            None,
            Problem(
                code='directive-unknown',
                where='1:2',
                message='"Registry-Mirrors" is not a key that dockerd knows, and it '
                'refuses the whole file',
                hint='did you mean "registry-mirrors"?',
            ),
            id='letter-case',
        ),
        pytest.param(
            {'http-proxy': 'http://u:hunter2@p'},
            None,
            Problem(
                code='directive-misplaced',
                where='1:2',
                message='"http-proxy" does nothing at the top level',
                hint='move it into "proxies": {"http-proxy": "..."} '
                '(Docker 23.0 and newer)',
            ),
            id='top-level-proxy',
        ),
        pytest.param(
            {'proxies': {'httpProxy': 'x'}},
            None,
            Problem(
                code='directive-unknown',
                where='1:14',
                message='not a key that dockerd knows in "proxies", and it refuses the '
                'whole file',
                hint='rename it to "http-proxy": '
                'httpProxy is for ~/.docker/config.json',
            ),
            id='client-spelling',
        ),
        pytest.param(
            {'proxies': {'http-proxy': 'http://p'}},
            (20, 10, 24),
            Problem(
                code='directive-too-new',
                where='1:14',
                message='"proxies" are not known before Docker 23.0, and this is '
                '20.10.24',
                hint='set them in the unit: systemctl edit docker.service',
            ),
            id='proxies-too-new',
        ),
        pytest.param(
            {'debug': 'true'},
            None,
            Problem(
                code='directive-type',
                where='1:2',
                message='"debug" must be true or false, without quotes',
                hint='the engine refuses the whole file otherwise',
            ),
            id='type',
        ),
        pytest.param(
            {'registry-mirrors': ['http://ok', 'x:5000']},
            None,
            Problem(
                code='mirror-scheme',
                where='1:36',
                message="'x:5000': the scheme is missing",
                hint='http://x:5000',
            ),
            id='entry',
        ),
        pytest.param(
            {'userland-proxy': True},
            (28, 5, 2),
            Problem(
                code='reload-impossible',
                where='1:2',
                message='"userland-proxy": true without "userland-proxy-path" makes '
                'the engine refuse every reload since Docker 25.0, although it starts '
                'with it',
                hint='remove it (true is the default), or add "userland-proxy-path"',
            ),
            id='userland-proxy',
        ),
    ),
)
def test_problem(document, version, problem):
    assert lint(read(document), version) == (problem,)


@pytest.mark.parametrize(
    ('document', 'version', 'expected'),
    (
        pytest.param({'log-format': 'json'}, None, [], id='unknown-engine-is-lenient'),
        pytest.param(
            {'log-format': 'json'}, '20.10.24', ['directive-too-new'], id='new'
        ),
        pytest.param({'graph': '/x'}, '28.5.2', ['directive-removed'], id='removed'),
        pytest.param({'graph': '/x'}, '20.10.24', [], id='not-yet-removed'),
        pytest.param({'registry-mirrors': None}, '28.5.2', [], id='null-list'),
        pytest.param(
            {'registry-mirrors': {}}, '28.5.2', ['directive-type'], id='object'
        ),
        pytest.param(
            {'registry-mirrors': ['http://m/p']}, '28.5.2', [], id='path-since-24.0.8'
        ),
        pytest.param(
            {'registry-mirrors': ['http://m/p']}, '20.10.24', ['mirror-path'], id='path'
        ),
        pytest.param({'registry-mirrors': ['http://m/p']}, None, [], id='path-maybe'),
        pytest.param(
            {'insecure-registries': ['https://r:5000/']},
            None,
            ['insecure-registry-spelling'],
            id='what-validate-never-sees',
        ),
        pytest.param({'mtu': 1.5}, '28.5.2', ['directive-type'], id='no-whole-number'),
        pytest.param(
            {'log-opts': {'a': 1}}, '28.5.2', ['directive-type'], id='log-opts'
        ),
    ),
)
def test_lint(document, version, expected):
    assert codes(document, version) == expected


# Flags


@pytest.mark.parametrize(
    ('words', 'flags'),
    (
        pytest.param('--debug', {'debug': ('true',)}, id='bool'),
        pytest.param('--debug=false', {'debug': ('false',)}, id='bool-value'),
        pytest.param('-H fd:// -Htcp://x', {'host': ('fd://', 'tcp://x')}, id='list'),
        pytest.param(
            '-Dl debug', {'debug': ('true',), 'log-level': ('debug',)}, id='joined'
        ),
        pytest.param(
            '--registry-mirror https://a --registry-mirror=https://b',
            {'registry-mirror': ('https://a', 'https://b')},
            id='both-forms',
        ),
        pytest.param(
            '--unknown --debug', {'unknown': ('',), 'debug': ('true',)}, id='?'
        ),
        pytest.param('-- --debug', {}, id='end'),
        pytest.param('', {}, id='none'),
    ),
)
def test_parse_flags(words, flags):
    assert parse_flags(['/usr/sbin/dockerd', *words.split()]) == flags


@pytest.mark.parametrize(
    ('document', 'words', 'keys'),
    (
        pytest.param(
            {'registry-mirrors': []}, '--registry-mirror=https://y', [1], id='l'
        ),
        pytest.param({'debug': True}, '--debug=false', [1], id='equal-or-not'),
        pytest.param({'hosts': ['fd://']}, '-H fd://', [1], id='shorthand'),
        pytest.param(
            {'runtimes': {'a': {'path': 'x'}}}, '--add-runtime b=/y', [], id='m'
        ),
        pytest.param({'debug': True}, '--registry-mirror=https://y', [], id='another'),
        pytest.param(
            {'proxies': {'http-proxy': 'x'}}, '--http-proxy=http://y', [1], id='proxy'
        ),
        pytest.param({'log-opts': {'a': 'b'}}, '--log-opt a=c', [1], id='object'),
    ),
)
def test_conflicts(document, words, keys):
    found = conflicts(read(document), parse_flags(['dockerd', *words.split()]))
    assert [problem.code for problem in found] == ['flag-conflict'] * len(keys)


def test_conflict_masks_credentials():
    flags = parse_flags(['dockerd', '--http-proxy=http://u:hunter2@p:1'])
    (problem,) = conflicts(read({'proxies': {'http-proxy': 'x'}}), flags)
    assert 'hunter2' not in repr(problem)
    assert '--http-proxy=http://xxxxx:xxxxx@p:1' in problem.message


@pytest.mark.parametrize(
    ('document', 'version', 'words', 'expected'),
    (
        pytest.param({}, '28.5.2', '', [], id='none'),
        pytest.param(
            {},
            '28.5.2',
            '--max-concurrent-downloads=9',
            ['reload-resets-flag'],
            id='max',
        ),
        pytest.param(
            {}, '28.5.2', '--authorization-plugin=x', ['reload-resets-flag'], id='authz'
        ),
        pytest.param(
            {'dns': ['9.9.9.9']}, '29.1.0', '', ['reload-corrupts-dns'], id='dns'
        ),
        pytest.param({'dns': ['9.9.9.9']}, '29.3.0', '', [], id='dns-fixed'),
        pytest.param(
            {'registry-mirrors': [], 'insecure-registries': []},
            '23.0.6',
            '',
            ['reload-loses-insecure'],
            id='lists',
        ),
        pytest.param(
            {'registry-mirrors': []},
            '20.10.24',
            '--insecure-registry=x',
            ['reload-resets-flag'],
            id='insecure-flag',
        ),
    ),
)
def test_hazards(document, version, words, expected):
    flags = parse_flags(['dockerd', *words.split()])
    found = warnings(read(document), parse_version(version), flags)
    assert [problem.code for problem in found] == expected
