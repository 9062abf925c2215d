from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_host.host.records import FileState
from registry_host.plan.changes import Change
from registry_host.plan.diffs import unified_diff
from registry_host.targets import TARGETS

STATE = FileState(path='/f', realpath='/f', content=None, mode=0o644, uid=0, gid=0)
LINES = st.lists(st.sampled_from(['a', 'b', 'c', 'd\r', '']), max_size=30)


def diff(before, after, target='docker-daemon'):
    states = (STATE._replace(content=content) for content in (before, after))
    return unified_diff(Change(target, *states), TARGETS[target].redact)


def patched(lines, text):
    """Apply a diff, holding each of its lines against the file that it is of."""
    result, at = [], 0
    for line in text.splitlines(keepends=True)[2:]:
        if found := re.match(r'@@ -(\d+)(?:,(\d+))? ', line):
            start = int(found[1]) - (1 if found[2] != '0' else 0)
            result, at = result + lines[at:start], start
        elif line[0] == '+':
            result.append(line[1:])
        else:
            assert lines[at] == line[1:]
            result += lines[at : at + 1] if line[0] == ' ' else []
            at += 1
    return result + lines[at:]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(before=LINES, after=LINES, head=st.integers(0, 9), tail=st.integers(0, 9))
def test_a_diff_leads_from_before_to_after(before, after, head, tail):
    one, other = (
        ''.join(f'{line}\n' for line in ['h'] * head + middle + ['t'] * tail)
        for middle in (before, after)
    )
    text = diff(one.encode(), other.encode())
    if one == other:
        assert text == ''
    else:
        assert patched(one.splitlines(True), text) == other.splitlines(True)


def test_hunks_are_numbered_in_the_whole_file():
    before = ''.join(f'{n}\n' for n in range(1, 101))
    after = before.replace('50\n', 'fifty\n')
    assert diff(before.encode(), after.encode()) == (
        '--- /f\n+++ /f\n@@ -47,7 +47,7 @@\n 47\n 48\n 49\n-50\n+fifty\n 51\n 52\n 53\n'
    )


def test_what_is_too_long_is_not_compared():
    before = b'"x",\n' * 4000
    assert diff(before, b'"y",\n' * 4000) == (
        '--- /f\n+++ /f\n (4000 lines, too many to be shown)\n'
    )
    assert '+new\n' in diff(before, before + b'new\n')


@pytest.mark.parametrize(
    ('text', 'shown'),
    (
        pytest.param('\x1b]0;t\x07', '<U+001B>]0;t<U+0007>', id='escape'),
        pytest.param('\x9b2J', '<U+009B>2J', id='c1'),
        pytest.param('\u202ecba', '<U+202E>cba', id='bidi'),
        pytest.param('a\rb', 'a<U+000D>b', id='carriage-return'),
        pytest.param('é 漢', 'é 漢', id='letters'),
    ),
)
def test_nothing_commands_a_terminal(text, shown):
    assert f'+{shown}\n' in diff(b'', f'{text}\n'.encode())


SECRET = 'hunter2'


@pytest.mark.parametrize(
    ('target', 'text'),
    (
        pytest.param(
            'docker-daemon', r'{"http-proxy": "http:\/\/u:hunter2@p:1"}', id='slashes'
        ),
        pytest.param(
            'docker-daemon', r'{"http-proxy": "http://u:hunter2\u0040p:1"}', id='at'
        ),
        pytest.param(
            'docker-daemon', r'{"labels": ["x=http\u003a//u:hunter2@p"]}', id='colon'
        ),
        pytest.param('docker-config', '{"plugins": {"a": ["hunter2"]}}', id='element'),
        pytest.param(
            'docker-config', '{"auths": {"r": {"auth": "hunter2"}}}', id='auth'
        ),
        pytest.param('docker-config', '{"new": "hunter2"}', id='unknown'),
        pytest.param('docker-config', '{"new":\n\n "hunter2"}', id='two-lines'),
    ),
)
def test_a_secret_is_known_however_it_is_spelled(target, text):
    assert SECRET not in diff(b'{}', text.encode(), target)
    assert SECRET not in diff(text.encode(), text.encode() + b' ', target)


def test_numbers_may_be_secrets_too():
    text = diff(b'{}', b'{"auths": {"r": {"pin": 12345, "on": true}}}', 'docker-config')
    assert '12345' not in text
    assert '"on": true' in text


def test_what_is_no_secret_is_shown():
    config = b'{"credsStore": "pass", "proxies": {"default": {"noProxy": ".lab"}}}'
    assert config.decode() in diff(b'{}', config, 'docker-config')
    daemon = b'{"labels": ["a=b"], "log-opts": {"max-size": "10m"}}'
    assert daemon.decode() in diff(b'{}', daemon)


def test_what_follows_a_config_json_is_masked():
    rest = b' hunter2\n{"auths": {"r": {"auth": "hunter2"}}} "httpProxy": hunter2\n'
    text = diff(b'{}' + rest, b'{"psFormat": 1}' + rest, 'docker-config')
    assert 'hunter2' not in text
    assert '+{"psFormat": "********"} ********\n' in text
