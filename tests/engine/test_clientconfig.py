"""config.json as docker clients decode it, held against what real ones did."""

from __future__ import annotations

import base64
import json
import re

import pytest
from envelope import texts
from places import CONFIG_JSON
from recorded import load

from registry_host.engine import clientconfig
from registry_host.engine.keys import parse_version
from registry_host.jsonfile import jsontext
from registry_host.jsonfile.jsonvalue import JsonTextError

OBSERVED = load('client_config')
CORPUS = load('cli_config')
PROXY = (
    'configure',
    '--proxy-for=client',
    '--http-proxy=http://p:1',
    '--user=alice',
)
SECRET = 'hunter2'
COST = (
    '; docker cannot load the file as it is, and empties the logins in it at the next '
    'docker login'
)


def is_loaded(content, version=None):
    try:
        document = jsontext.read(content, is_first_value=True)
    except JsonTextError:
        return False
    return not list(clientconfig.lint(document, version))


# Against real clients


@pytest.mark.parametrize('version', OBSERVED['versions'])
def test_table_is_what_each_client_does(version):
    differing = [
        text
        for text, loaded_by in OBSERVED['documents']
        if is_loaded(text.encode(), parse_version(version))
        != (loaded_by == 'all' or version in loaded_by)
    ]
    # An empty user name: 20.10 alone decodes it, and lint tells of it whatever client.
    empty_user = '{"auths": {"r.example": {"auth": "OnA="}}}'
    assert differing == ([empty_user] if version == '20.10.24' else [])


def test_what_any_client_refuses_is_refused():
    differing = [
        text
        for text, loaded_by in OBSERVED['documents']
        if is_loaded(text.encode()) != (loaded_by == 'all')
    ]
    assert differing == []


def test_what_costs_logins_is_refused():
    for text, kept_by in OBSERVED['logins_kept']:
        assert is_loaded(text.encode()) == (kept_by == 'all')


def test_every_member_was_observed():
    documents = ' '.join(text for text, _ in OBSERVED['documents'])
    table = json.loads(clientconfig.resource_text('engine/schema/client.json'))

    def names(shape):
        if isinstance(shape, dict):
            for name, inner in shape.items():
                yield from () if name == '*' else (name,)
                yield from names(inner)

    missing = [name for name in names(table['members']) if f'"{name}"' not in documents]
    assert missing == []


def test_versions_from_29_on_ignore_experimental():
    content = b'{"experimental": true}'
    assert not is_loaded(content, (28, 5, 2))
    assert is_loaded(content, (29, 0, 0))


def saves():
    for case in CORPUS['save']:
        if 'before_base64' in case:
            yield base64.b64decode(case['before_base64']), case['after']
        elif case['before'] is not None and 'after' in case:
            yield case['before'].encode(), case['after']


@pytest.mark.parametrize(('content', 'after'), tuple(saves()))
def test_a_file_that_docker_saves_whole_is_accepted(content, after):
    is_kept = bool({'psFormat', 'proxies'} & set(json.loads(after)))
    # A member given twice is refused rather than judged: which was meant is not known.
    is_twice = content.count(b'"proxies"') == 2
    assert is_loaded(content) == ((is_kept and not is_twice) or not content)


@pytest.mark.parametrize('case', CORPUS['env'])
def test_proxies_that_reach_containers_are_accepted(case):
    assert is_loaded(json.dumps({'proxies': case['proxies']}).encode())


# What is said


@pytest.mark.parametrize(
    ('content', 'message', 'advice'),
    (
        pytest.param(
            '{"proxies": {"httpProxy": "http://u:hunter2@p", "noProxy": "x"}}',
            '1:14: "httpProxy" and "noProxy" must stand in "default", not in '
            f'"proxies" itself{COST}',
            'move "httpProxy" and "noProxy" into "default": "proxies": '
            '{"default": {"httpProxy": "...", "noProxy": "..."}}',
            id='flat-proxies',
        ),
        pytest.param(
            '{"experimental": true}',
            f'1:2: "experimental" must be a string, not a boolean{COST}',
            'write "experimental": "enabled"',
            id='experimental',
        ),
        pytest.param(
            '{"proxies": {"default": {"noProxy": ["localhost", ".corp.example"]}}}',
            f'1:26: "proxies.default.noProxy" must be a string, not a list{COST}',
            'write one string, its entries joined by commas: '
            '"noProxy": "localhost,.corp.example"',
            id='no-proxy-list',
        ),
        pytest.param(
            '{"proxies": {"default": {"noProxy": ["http://u:hunter2@p"]}}}',
            f'1:26: "proxies.default.noProxy" must be a string, not a list{COST}',
            'write one string, its entries joined by commas: "noProxy": "FIRST,SECOND"',
            id='no-proxy-list-with-a-secret',
        ),
        pytest.param(
            '{"plugins": {"x": {"enabled": false}}}',
            f'1:20: "plugins.x.enabled" must be a string, not a boolean{COST}',
            'write "enabled": "false"',
            id='plugin',
        ),
        pytest.param(
            '{"HttpHeaders": {"X-Token": 12345}}',
            f'1:18: "HttpHeaders.X-Token" must be a string, not a number{COST}',
            'put the number in double quotes',
            id='header',
        ),
        pytest.param(
            '{"auths": {"r.example": {"auth": "hunter2"}}}',
            '1:26: "auths.r.example.auth" must be the base64 form of USER:PASSWORD, '
            f'not this string{COST}',
            'remove the entry of r.example, then log in to it again',
            id='auth',
        ),
        pytest.param(
            '{"auths": {"u:hunter2@r": "hunter2"}}',
            f'1:12: "auths.<name>" must be an object, not this string{COST}',
            'write "<name>": {...}, or remove it',
            id='secret-in-a-name',
        ),
        pytest.param(
            '{"credHelpers": "pass"}',
            f'1:2: "credHelpers" must be an object, not this string{COST}',
            'write "credHelpers": {"NAME": "VALUE"}, or remove it',
            id='object',
        ),
        pytest.param(
            '{"pruneFilters": ["a", 1]}',
            f'1:24: each entry of "pruneFilters" must be a string, not a number{COST}',
            'put the number in double quotes',
            id='entry',
        ),
        pytest.param(
            '{"pruneFilters": "a"}',
            f'1:2: "pruneFilters" must be a list of strings, not this string{COST}',
            'put it in brackets: "pruneFilters": ["..."]',
            id='list',
        ),
    ),
)
def test_messages(content, message, advice):
    (problem,) = clientconfig.lint(jsontext.read(content.encode()))
    assert (problem.code, problem.hint) == ('config-type', '')
    assert str(problem) == f'{message}; {advice}'


def test_every_wrong_member_is_told_and_no_value_is():
    for text, _ in OBSERVED['documents']:
        if '"noProxy": ["x"]' in text:  # The names in it are no secrets, and are shown.
            continue
        content = re.sub('"x"(?!:)', f'"{SECRET}"', text).encode()
        try:
            document = jsontext.read(content, is_first_value=True)
        except JsonTextError:
            continue
        assert SECRET not in repr(list(clientconfig.lint(document)))


# The commands


def test_configure_refuses_and_writes_nothing(root):
    root.write(CONFIG_JSON, '{\n  "plugins": {"x": {"enabled": false}}\n}')
    before = root.snapshot()
    ended = root.run(*PROXY)
    assert (ended.code, ended.err) == (
        2,
        f'error: {CONFIG_JSON}:2:21: "plugins.x.enabled" must be a string, not a '
        f'boolean{COST}; write "enabled": "false"; nothing was written\n',
    )
    assert root.snapshot() == before


def test_doctor_tells_of_every_member(root):
    root.write('/root/.docker/config.json', '{"psFormat": 1, "Experimental": false}')
    ended = root.run('doctor', '--only=client-config', '--format=json')
    found = [
        (finding['severity'], finding['message'], texts(finding))
        for finding in ended.json['findings']
    ]
    path = '/root/.docker/config.json'
    assert (ended.code, found) == (
        1,
        [
            (
                'error',
                f'{path}:1:2: "psFormat" must be a string, not a number{COST}; '
                'put the number in double quotes',
                [],
            ),
            (
                'error',
                f'{path}:1:17: "Experimental" must be a string, not a boolean{COST}; '
                'write "Experimental": "disabled"',
                [],
            ),
        ],
    )


@pytest.mark.parametrize(
    ('before', 'after'),
    (
        pytest.param(
            '{"psFormat":"x"} } garbage\n',
            '{"psFormat":"x","proxies":{"default":{"httpProxy":"http://p:1"}}}'
            ' } garbage\n',
            id='what-follows-stays',
        ),
        pytest.param(
            '{"proxies":null}',
            '{"proxies":{"default":{"httpProxy":"http://p:1"}}}',
            id='null-proxies',
        ),
        pytest.param(
            '{"proxies": {"default": null, "a": null}}',
            '{"proxies": {"default": {"httpProxy": "http://p:1"}, "a": null}}',
            id='null-default',
        ),
        pytest.param(
            '{"proxies":{"default":{"httpProxy":null}}}',
            '{"proxies":{"default":{"httpProxy":"http://p:1"}}}',
            id='null-proxy',
        ),
        pytest.param(
            'null',
            '{\n    "proxies": {\n        "default": {\n'
            '            "httpProxy": "http://p:1"\n        }\n    }\n}\n',
            id='null-file',
        ),
    ),
)
def test_what_docker_takes_is_edited_and_undone(root, before, after):
    root.write(CONFIG_JSON, before, 0o600)
    assert root.run(*PROXY).code == 0
    assert root.read(CONFIG_JSON) == after
    assert root.run(*PROXY, '--check').code == 0
    assert root.run('undo').code == 0
    assert root.read(CONFIG_JSON) == before


def test_unconfigure_keeps_what_follows_the_object(root):
    before = '{"psFormat": "x"}\n{"psFormat": 1}\n'
    root.write(CONFIG_JSON, before, 0o600)
    root.run(*PROXY)
    assert root.run('unconfigure').code == 0
    assert root.read(CONFIG_JSON) == before


# A file that was broken since


BROKEN = '{"proxies": {"default": {"httpProxy": "http://p:1"}}, "experimental": true}'


@pytest.mark.parametrize(('command', 'code'), (('undo', 1), ('unconfigure', 0)))
def test_a_file_broken_since_is_told_and_stays(root, command, code):
    root.run(*PROXY)
    root.write(CONFIG_JSON, BROKEN)
    before = root.snapshot()[str(root.path / CONFIG_JSON.lstrip('/'))]
    ended = root.run(command)
    shown = ended.out + ended.err
    assert ended.code == code
    assert '"experimental" must be a string, not a boolean' in shown
    assert 'write "experimental": "enabled"' in shown
    assert root.snapshot()[str(root.path / CONFIG_JSON.lstrip('/'))] == before
    root.write(CONFIG_JSON, BROKEN.replace('true', '"enabled"'))
    assert root.run(command).code == 0
    assert json.loads(root.read(CONFIG_JSON)) == {'experimental': 'enabled'}


def test_undo_goes_on_with_the_rest_and_tells(root):
    root.run(*PROXY, '--mirror=http://m')
    root.write(CONFIG_JSON, BROKEN)
    ended = root.run('undo')
    assert ended.code == 0
    assert root.read(CONFIG_JSON) == BROKEN
    assert not (root.path / 'etc/docker/daemon.json').exists()
    assert '; it is left as it is' in ended.out + ended.err
