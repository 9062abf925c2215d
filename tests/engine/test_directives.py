from __future__ import annotations

import base64
import json

import pytest
from recorded import load

from registry_host.engine.directives import conflicts, lint, parse_flags, parse_version
from registry_host.errors import Problem
from registry_host.jsonfile import jsontext
from registry_host.jsonfile.jsonvalue import JsonTextError

OBSERVED = load('directives_observed')
RECORDED = load('daemon_json')['cases']
ENGINES = OBSERVED['engines']
# What an engine accepts, and we do not: it does nothing, or a reload fails later.
HARMLESS = {'directive-ignored', 'directive-misplaced', 'reload-impossible'}


def read(document):
    text = document if isinstance(document, str) else json.dumps(document)
    return jsontext.read(text.encode())


def codes(document, version='28.5.2'):
    problems = lint(read(document), version and parse_version(version))
    return [problem.code for problem in problems]


def refusals(content, engine, words=()):
    """What we say against a document as the recorder gave it to the engine."""
    own = ['--config-file=x', *([] if engine == '20.10.24' else ['--validate'])]
    document, flags = read(content), parse_flags(['dockerd', *own, *words])
    problems = (*lint(document, parse_version(engine)), *conflicts(document, flags))
    return [problem for problem in problems if problem.code not in HARMLESS]


# Against real engines

# The engine loads these and does not start: --validate never looks at the one, before
# 28.3 not at the other, and from 25.0 on no longer at the third.
LOADS_WITHOUT_STARTING = ('insecure-registries', 'registry-mirrors', '"runc"')
# Held to be too far off: the engine is asked about them itself where it can validate.
NOT_ASKED = {
    '{"builder": {"gc": {"defaultReservedSpace": 5}}}',
    '{"builder": {"gc": {"policy": [{"filter": "x"}]}}}',
    '{"builder": {"gc": {"policy": [{"filter": ["nokey"]}]}}}',
    '{"builder": {"gc": {"policy": [{"filter": {"unused-for": ["1h"]}}]}}}',
    '{"builder": {"history": {"maxAge": 5, "maxEntries": "x"}}}',
    '{"default-address-pools": [{"base": "x", "size": 24}]}',
    '{"default-shm-size": "1."}',
    '{"default-shm-size": ".5g"}',
    '{"features": {"windows-dns-proxy": true}}',
    '{"runtimes": {"a": {"options": []}}}',
    '{"runtimes": {"a": {"runtimeType": 5}}}',
}
# Only the newest takes these sizes.
TOO_STRICT = {'{"default-shm-size": "1e3"}', '{"default-shm-size": "1_000"}'}
# An object where a key that is only read past stood: nobody writes that.
READ_PAST = ('deprecated-key-path', 'allow-nondistributable-artifacts')


def assert_agrees(content, outcome, engine, words=()):
    try:
        problems = refusals(content, engine, words)
    except JsonTextError:
        return  # jsontext is stricter than the engines, and says so itself.
    note = (content, engine, outcome, problems)
    if outcome == '+':
        is_known = content in TOO_STRICT or any(
            name in content for name in LOADS_WITHOUT_STARTING
        )
        assert not problems or is_known, note
    elif outcome in 'utvcs':
        assert problems or content in NOT_ASKED, note


@pytest.mark.parametrize('name', OBSERVED['grid'])
def test_every_name_with_every_kind_of_value(name):
    for outcomes, values in OBSERVED['grid'][name].items():
        for value in values:
            content = f'{{"{name}":{value}}}'
            for engine, outcome in zip(ENGINES, outcomes, strict=True):
                if name not in READ_PAST or value[:4] != '{"x"':
                    assert_agrees(content, outcome, engine)


@pytest.mark.parametrize(
    'case', OBSERVED['cases'], ids=lambda case: case['content'] or 'empty'
)
def test_every_case(case):
    words = case.get('flags', ())
    for engine, outcome in zip(ENGINES, case['observed'], strict=True):
        assert_agrees(case['content'], outcome, engine, words)


def test_an_unknown_engine_is_any_of_them():
    """What is told without a version, every engine complains of."""
    cases = [case['content'] for case in OBSERVED['cases'] if 'flags' not in case]
    for content in cases:
        try:
            document = read(content)
        except JsonTextError:
            continue
        found = lint(document, None)
        each = [lint(document, parse_version(engine)) for engine in ENGINES]
        assert not found or all(each), content


def is_syntax(case):
    if 'content_base64' in case:
        return True
    try:
        read(case['content'])
    except JsonTextError:
        return True
    return False


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize(
    'case',
    [case for case in RECORDED if not is_syntax(case)],
    ids=lambda case: case['content'] or 'empty',
)
def test_recorded_documents(case, engine):
    problems = refusals(case['content'], engine, case.get('flags', ()))
    starts = 'start fails on every version' not in case.get('effect', '')
    assert bool(problems) is not (case['accepted'][engine] and starts)


def test_ignored_documents_are_told():
    for case in RECORDED:
        if case.get('effect') == 'none':
            assert codes(case['content']) in (
                ['directive-ignored'],
                ['directive-misplaced'],
            )


def test_syntax_is_refused_by_the_reader():
    for case in RECORDED:
        content = case.get('content', '').encode()
        if 'content_base64' in case:
            content = base64.b64decode(case['content_base64'])
        if is_syntax(case):
            with pytest.raises(JsonTextError):
                jsontext.read(content)


# What is told

IGNORED = 'is the name of a flag, and is silently ignored here'
UNKNOWN = 'is not a key that dockerd knows, and it refuses the whole file'
IN_CLIENT = 'it belongs in ~/.docker/config.json: move it there'
BY_UNIT = 'set it as Environment= in the unit, by systemctl edit docker.service'


@pytest.mark.parametrize(
    ('document', 'version', 'problem'),
    (
        pytest.param(
            {'registry-mirror': []},
            None,
            Problem(
                code='directive-ignored',
                where='1:2',
                message=f'"registry-mirror" {IGNORED}; rename it to "registry-mirrors"',
            ),
            id='flag-name',
        ),
        pytest.param(
            {'containerd-plugins-namespace': 'x'},
            None,
            Problem(
                code='directive-ignored',
                where='1:2',
                message=f'"containerd-plugins-namespace" {IGNORED}'
                '; remove it: only the flag --containerd-plugins-namespace does '
                'something',
            ),
            id='flag-without-key',
        ),
        pytest.param(
            {'http-proxy': 'http://u:hunter2@p'},
            None,
            Problem(
                code='directive-misplaced',
                where='1:2',
                message='"http-proxy" does nothing at the top level'
                '; move it into "proxies": {"http-proxy": "..."}',
            ),
            id='top-level-proxy',
        ),
        pytest.param(
            {'proxies': {'httpProxy': 'x'}},
            None,
            Problem(
                code='directive-unknown',
                where='1:14',
                message=f'"proxies.httpProxy" {UNKNOWN}'
                '; rename it to "http-proxy", as dockerd calls it',
            ),
            id='client-spelling',
        ),
        pytest.param(
            {'proxies': {'default': {'httpProxy': 'x'}}},
            None,
            Problem(
                code='directive-unknown',
                where='1:14',
                message=f'"proxies.default" {UNKNOWN}'
                '; put http-proxy, https-proxy, no-proxy right below "proxies"',
            ),
            id='client-shape',
        ),
        pytest.param(
            {'proxies': {'http-proxy': 'http://p'}},
            (20, 10, 24),
            Problem(
                code='directive-too-new',
                where='1:2',
                message='"proxies" is not known before Docker 23.0, and this is '
                '20.10.24'
                f'; {BY_UNIT}',
            ),
            id='proxies-too-new',
        ),
        pytest.param(
            {'proxies': {'debug': True}},
            (28, 5, 2),
            Problem(
                code='directive-ignored',
                where='1:14',
                message='"proxies.debug" is silently ignored here'
                '; move "debug" to the top level, or remove it',
            ),
            id='key-in-proxies',
        ),
        pytest.param(
            {'proxies': None},
            None,
            Problem(
                code='directive-type',
                where='1:2',
                message='"proxies" must be an object: {"...": ...}',
            ),
            id='null-proxies',
        ),
        pytest.param(
            {'wrapper': {'debug': True}},
            None,
            Problem(
                code='directive-ignored',
                where='1:2',
                message='"wrapper" is not a key that dockerd knows, though it starts '
                'so'
                '; remove it, or move what stands in it one level up',
            ),
            id='wrapped',
        ),
        pytest.param(
            {'wrapper': {'debug': True, 'debag': True}},
            None,
            Problem(
                code='directive-unknown',
                where='1:29',
                message=f'"wrapper.debag" {UNKNOWN}'
                '; did you mean "debug"? if not, remove it',
            ),
            id='wrapped-unknown',
        ),
        pytest.param(
            {'log-opt': {'max-size': '10m'}},
            None,
            Problem(
                code='directive-unknown',
                where='1:2',
                message=f'"log-opt" {UNKNOWN}; rename it to "log-opts"',
            ),
            id='flag-name-of-an-object',
        ),
        pytest.param(
            {'graph': '/x'},
            (28, 5, 2),
            Problem(
                code='directive-removed',
                where='1:2',
                message='"graph" was removed in Docker 23.0; rename it to "data-root"',
            ),
            id='removed',
        ),
        pytest.param(
            {'log-format': 'json'},
            (20, 10, 24),
            Problem(
                code='directive-too-new',
                where='1:2',
                message='"log-format" is not known before Docker 25.0, and this is '
                '20.10.24'
                '; remove it, or upgrade Docker to 25.0',
            ),
            id='too-new',
        ),
        pytest.param(
            {'debug': 'true'},
            None,
            Problem(
                code='directive-type',
                where='1:2',
                message='"debug" must be true or false, without quotes'
                '; the engine refuses the whole file otherwise',
            ),
            id='type',
        ),
        pytest.param(
            {'default-shm-size': 67108864},
            None,
            Problem(
                code='directive-type',
                where='1:2',
                message='"default-shm-size" must be a size in quotes: "64M"'
                '; the engine refuses the whole file otherwise',
            ),
            id='size-as-a-number',
        ),
        pytest.param(
            {'log-opts': {'max-size': '10m', 'max-file': 3}},
            None,
            Problem(
                code='directive-type',
                where='1:34',
                message='"log-opts.max-file" must be a string in double quotes'
                '; the engine refuses the whole file otherwise',
            ),
            id='type-of-a-member',
        ),
        pytest.param(
            {'log-level': 'loud'},
            None,
            Problem(
                code='directive-value',
                where='1:2',
                message='"log-level" must be one of debug, info, warn, error, fatal'
                '; write "info", or remove it',
            ),
            id='value',
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
            {'insecure-registries': ['r:5000', None]},
            None,
            Problem(
                code='directive-type',
                where='1:36',
                message='each entry of "insecure-registries" must be a string in '
                'double quotes'
                '; remove the null',
            ),
            id='null-entry',
        ),
        pytest.param(
            {'userland-proxy': True},
            (28, 5, 2),
            Problem(
                code='reload-impossible',
                where='1:2',
                message='"userland-proxy": true without "userland-proxy-path" makes '
                'the engine refuse every reload since Docker 25.0, although it starts '
                'with it'
                '; remove it (true is the default), or add "userland-proxy-path"',
            ),
            id='userland-proxy',
        ),
        pytest.param(
            ' \n',
            (20, 10, 24),
            Problem(
                code='file-empty',
                message='Docker does not start with an empty file before 23.0'
                '; write {} into it, or remove the file',
            ),
            id='empty-file',
        ),
    ),
)
def test_problem(document, version, problem):
    assert lint(read(document), version) == (problem,)


@pytest.mark.parametrize(
    ('key', 'advice'),
    (
        ('Registry-Mirrors', 'rename it to "registry-mirrors"'),
        ('registryMirrors', 'rename it to "registry-mirrors"'),
        ('registry_mirrors', 'rename it to "registry-mirrors"'),
        ('registry-mirrors ', 'rename it to "registry-mirrors"'),
        ('Registry-Mirror', 'rename it to "registry-mirrors"'),
        ('insecureRegistries', 'rename it to "insecure-registries"'),
        ('DNS', 'rename it to "dns"'),
        ('registry-mirors', 'did you mean "registry-mirrors"? if not, remove it'),
        ('insecure-registrys', 'did you mean "insecure-registries"? if not, remove it'),
        ('unknown-option', 'remove it'),
        ('httpProxy', 'move it into "proxies": {"http-proxy": "..."}'),
        (
            'all-proxy',
            'remove it: dockerd has http-proxy, https-proxy and no-proxy alone',
        ),
        ('resolv-conf', 'remove it: "dns" and "dns-search" are the keys'),
        ('default-init', 'rename it to "init-path"'),
        ('auths', IN_CLIENT),
        ('credsStore', IN_CLIENT),
        ('', 'remove it'),
    ),
)
def test_advice_on_an_unknown_key(key, advice):
    (problem,) = lint(read({key: []}), (28, 5, 2))
    assert (problem.code, problem.hint) == ('directive-unknown', '')
    assert problem.message.endswith(f' the whole file; {advice}')


def test_advice_knows_the_engine():
    (proxy,) = lint(read({'httpProxy': 'x'}), (20, 10, 24))
    assert proxy.message.endswith(f'; {BY_UNIT}')
    # Not "rename it": that engine would not know the name either.
    (other,) = lint(read({'logFormat': 'x'}), (20, 10, 24))
    assert other.message.endswith('; remove it')


@pytest.mark.parametrize(
    ('document', 'version', 'expected'),
    (
        pytest.param({}, None, [], id='nothing'),
        pytest.param('', '28.5.2', [], id='empty-file'),
        pytest.param('', None, [], id='empty-file-maybe'),
        pytest.param({'log-format': 'json'}, None, [], id='new-maybe'),
        pytest.param({'graph': '/x'}, None, [], id='removed-maybe'),
        pytest.param({'userland-proxy': True}, None, [], id='reload-maybe'),
        pytest.param({'userland-proxy': True}, '24.0.9', [], id='reload-before'),
        pytest.param(
            {'userland-proxy': True, 'userland-proxy-path': '/x'}, '28.5.2', []
        ),
        pytest.param({'proxies': {'http-proxy': 'x'}}, None, [], id='proxies-maybe'),
        pytest.param({'proxies': {}}, '20.10.24', [], id='empty-object-is-nothing'),
        pytest.param(
            {'registry-mirrors': None, 'insecure-registries': None}, None, [], id='null'
        ),
        pytest.param(
            {'registry-mirrors': ['http://m/p']}, '28.5.2', [], id='path-since-24.0.8'
        ),
        pytest.param(
            {'registry-mirrors': ['http://m/p']}, '20.10.24', ['mirror-path'], id='path'
        ),
        pytest.param({'registry-mirrors': ['http://m/p']}, None, [], id='path-maybe'),
        pytest.param(
            {'registry-mirrors': ['https://m/p', 'https:m']},
            None,
            [],
            id='some-engine-takes-both',
        ),
        pytest.param(
            {'insecure-registries': ['https://r:5000/']},
            None,
            ['insecure-registry-spelling'],
            id='what-validate-never-sees',
        ),
        pytest.param({'whatever': {}}, None, [], id='empty-wrapper'),
        pytest.param(
            {'whatever': {'graph': '/x'}}, '28.5.2', ['directive-removed'], id='nested'
        ),
        pytest.param(
            {'labels': ['x'] * 200}, '28.5.2', ['directive-value'] * 50, id='no-flood'
        ),
        pytest.param(
            {f'k{n}': 1 for n in range(99)}, None, ['directive-unknown'] * 50, id='many'
        ),
        pytest.param(
            {'registry-mirrors': {'a': 1}}, '28.5.2', ['directive-type'], id='object'
        ),
    ),
)
def test_lint(document, version, expected):
    assert codes(document, version) == expected


@pytest.mark.parametrize(
    'document',
    (
        {'alice:hunter2': 1},
        {'proxies': {'http://alice:hunter2@proxy': 1}},
        {'wrapper': {'hunter2 is my password': 1}},
        {'proxies': {'http-proxy': {'user': 'hunter2'}}},
        {'registry-mirrors': ['https://alice:hunter2@m']},
        {'registry-mirrors': ['alice:hunter2@m']},
        {'insecure-registries': ['https://alice:hunter2@m/']},
        {'labels': ['hunter2']},
        {'hosts': ['http://alice:hunter2@h']},
        {'dns': ['hunter2']},
        {'log-opts': {'splunk-token': ['hunter2']}},
    ),
)
def test_secrets_are_not_told(document):
    found = [lint(read(document), era) for era in (None, (20, 10, 24), (28, 5, 2))]
    assert any(found)
    assert 'hunter2' not in repr(found)


@pytest.mark.parametrize(
    ('name', 'version', 'words', 'is_refused'),
    (
        ('nvidia', '28.5.2', '', True),
        ('nvidia', '25.0.0', '-H fd://', True),
        ('nvidia', '28.5.2', '--add-runtime=nvidia=/x', False),
        ('nvidia', '28.5.2', '--add-runtime other=/x', True),
        ('nvidia', '28.5.2', None, False),  # Its flags are not known.
        ('nvidia', '24.0.0', None, True),
        ('nvidia', '24.0.0', '--add-runtime=nvidia=/x', True),
        ('io.containerd.kata.v2', '28.5.2', '', False),
        ('io.containerd.kata.v2', '20.10.24', '', True),
        ('/usr/bin/shim', '28.5.2', '', True),
        ('.kata', '28.5.2', '', True),
        ('runc', '28.5.2', '', False),
    ),
)
def test_default_runtime_by_file_or_flag(name, version, words, is_refused):
    """From 25.0 on an engine knows those of its flags, too (26.1.5, 28.5.2)."""
    flags = None if words is None else parse_flags(['dockerd', *words.split()])
    document = read({'default-runtime': name})
    problems = lint(document, parse_version(version), flags)
    assert [problem.code for problem in problems] == ['directive-value'] * is_refused
    members = {'default-runtime': name, 'runtimes': {name: {'path': '/x'}}}
    assert name == 'runc' or lint(read(members), parse_version(version), flags) == ()
