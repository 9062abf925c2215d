"""The one object of --format json: the same for every command, errors included."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from envelope import SCHEMA, envelope, proofs, service
from jsonschema import Draft202012Validator
from places import CONFIG_JSON, DAEMON_JSON
from roots import run_command

from registry_host.cli import cli
from registry_host.errors import ConflictError, Problem
from registry_host.host.host import Host
from registry_host.reporting import report

MIRROR = ('--mirror', 'http://m')
PAGE = SCHEMA.with_name('json.md')
KEYS = [
    *('version', 'command', 'ok', 'changed', 'host', 'changes', 'services', 'proofs'),
    *('findings', 'errors', 'run', 'results', 'status'),
]
# Each ends with a code, on a host with one run in its history.
LINES = (
    (('configure', *MIRROR), 0),
    (('configure', *MIRROR, '--check', '--diff'), 0),
    (('configure', '--mirror=http://n', '--check'), 3),
    (('configure', '--mirror=m/v2', '--nameserver=x'), 2),
    (('configure', '--bogus'), 2),
    (('configure', '--confirm-within=inf'), 2),
    (('unconfigure', '--check'), 3),
    (('unconfigure', 'mirrors', 'http://elsewhere'), 0),
    (('unconfigure',), 0),
    (('undo', '--check'), 3),
    (('undo',), 0),
    (('undo', '7'), 2),
    (('history',), 0),
    (('status',), 0),
    (('confirm',), 1),
    (('revert', 'token'), 0),
    (('validate', *MIRROR, '--insecure-registry=*'), 2),
    (('validate', '--daemon-json=/nonexistent'), 2),
    (('reload',), 1),
    (('doctor',), 0),
    (('doctor', '--list'), 0),
    (('registry', 'check'), 0),
    (('registry', 'check', '/nonexistent'), 2),
    (('registry', 'check', '--distribution=4'), 2),
    (('registry', 'render', 'push'), 0),
    (('registry', 'install', 'push', '--check'), 3),
    (('registry', 'uninstall', 'push'), 2),
    (('registry', 'gc', 'push'), 2),
    (('registry', 'bogus'), 2),
    (('image', 'copy', 'nginx', '--to=r.lab'), 2),
    (('image', 'bogus'), 2),
    (('bogus',), 2),
)
# Those of a group as reports name them: 'registry render'.
COMMANDS = {
    ' '.join(filter(None, (name, inner)))
    for name, command in cli.commands.items()
    for inner in ('', *getattr(command, 'commands', ()))
}


def test_hints_know_each_command_by_its_name():
    """In them a root goes in front of a command; in a sentence, it does not."""
    shown = {name for name, command in cli.commands.items() if not command.hidden}
    assert set(report.COMMANDS) == shown


@pytest.mark.parametrize(('words', 'code'), LINES, ids=lambda row: str(row))
def test_every_command_prints_the_same_object(root, words, code):
    root.run('configure', *MIRROR)
    ended = root.run(*words, '--format=json')
    assert (ended.code, ended.err) == (code, '')
    assert list(ended.json) == KEYS
    assert ended.json['command'] == command_of(words)
    assert ended.json['ok'] is (code in (0, 3))


def command_of(words):
    """Name the command of a line, with that of its group."""
    named = (words[0], ' '.join(words[:2]))
    return next((name for name in reversed(named) if name in COMMANDS), '')


def test_no_command_is_left_out():
    assert {command_of(words) for words, _ in LINES} >= COMMANDS


def test_the_schema_is_one_and_leaves_nothing_open():
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    objects = [part for part in walk(schema) if part.get('type') == 'object']
    assert len(objects) > 10
    for part in objects:
        assert part['additionalProperties'] is False
        assert part['required'] == list(part['properties'])


def walk(part):
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from walk(inner)


def test_the_page_shows_an_object_and_each_of_its_keys():
    text = PAGE.read_text()
    example = re.findall(r'^    [{].*?^    [}]$', text, re.MULTILINE | re.DOTALL)
    assert list(envelope(example[0])) == KEYS
    assert re.findall(r'^\| `([a-z]+)` \|', text, re.MULTILINE) == KEYS


def test_json_where_there_is_no_root_and_no_command(tmp_path, capsys):
    for words in (('--root', str(tmp_path / 'x'), 'doctor'), ('--bogus',)):
        ended = run_command(capsys, *words, '--format=json')
        assert (ended.code, len(ended.json['errors'])) == (2, 1)


# How it ends


@pytest.mark.parametrize(
    ('error', 'code', 'name'),
    (
        (ValueError('http://u:hunter2@p'), 70, 'bug'),
        (KeyboardInterrupt(), 130, 'interrupted'),
        (OSError(5, 'Input/output error', '/dev/x'), 1, 'system'),
        (ConflictError(Problem('file-changed', 'changed')), 75, 'file-changed'),
    ),
    ids=('bug', 'interrupt', 'disk', 'conflict'),
)
def test_an_end_that_comes_too_soon(root, monkeypatch, error, code, name):
    def end(*args, **kwargs):
        raise error

    monkeypatch.setattr('registry_host.targets.planning.gather', end)
    ended = root.run('configure', *MIRROR, '--format=json')
    assert (ended.code, ended.codes) == (code, [name])
    assert (ended.json['ok'], ended.json['changed']) == (False, False)
    assert ended.json['host'] == 'unchanged'


def test_a_run_of_which_the_last_write_fails_is_rolled_back(root, monkeypatch):
    """Its proofs are those up to there."""

    class Full(Host):
        def replace_file(self, before, after, temporary=None):
            if after.path == CONFIG_JSON:
                raise OSError(28, 'No space left on device')
            return super().replace_file(before, after, temporary)

    monkeypatch.setattr('registry_host.cli.Host', Full)
    words = ('--user=alice', '--proxy-for=client', '--no-proxy=a', '--format=json')
    ended = root.run('configure', *MIRROR, *words)
    assert (ended.code, ended.codes) == (1, ['write-failed'])
    assert (ended.json['host'], ended.json['changed']) == ('rolled-back', False)
    failed = (CONFIG_JSON, 'failed', 'No space left on device')
    assert proofs(ended.json, 'written') == [failed]


def test_what_was_recovered_is_a_change(root):
    root.run('configure', *MIRROR)
    state = root.path / 'var/lib/registry-host'
    (state / 'checkpoints/1.json').rename(state / 'journal.json')
    for words in (('undo',), ('configure', *MIRROR)):
        forecast = root.run(*words, '--check', '--format=json')
        assert (forecast.code, forecast.json['host']) == (3, 'unchanged')
        assert forecast.json['changed'] is True
    ended = root.run('undo', '--format=json')
    assert (ended.code, ended.json['host']) == (0, 'recovered')
    assert ended.json['changed'] is True
    again = root.run('undo', '--format=json')
    assert (again.json['host'], again.json['changed']) == ('unchanged', False)


def test_what_is_as_asked_is_proved_by_what_was_seen(root):
    root.run('configure', *MIRROR)
    found = root.run('configure', *MIRROR, '--format=json').json
    assert (found['host'], found['changed']) == ('unchanged', False)
    assert proofs(found, 'written') == [(DAEMON_JSON, 'ok', 'as asked already')]
    assert service(found) == ('none', 'none', 'none')


def test_a_forecast_proves_nothing_that_is_not_there_yet(root):
    found = root.run('configure', *MIRROR, '--check', '--format=json').json
    forecast = 'a forecast: nothing is written'
    assert proofs(found, 'written') == [(DAEMON_JSON, 'skipped', forecast)]
    assert [proof['outcome'] for proof in found['proofs']] == ['skipped'] * 4
    assert (found['host'], found['changed']) == ('unchanged', True)


def test_checks_are_results_of_a_list(root):
    found = root.run('doctor', '--list', '--format=json').json
    assert found['findings'] == []
    title = 'the host matches its settings file'
    assert found['results'][-1] == {'check': 'drift', 'title': title}


def test_a_remedy_is_a_command_to_run_as_it_is(root):
    root.write(DAEMON_JSON, '{"proxies": {"http-proxy": "http://u:hunter2@p:1"}}')
    found = root.run('doctor', '--only=proxy-password', '--format=json').json
    (finding,) = found['findings']
    path = f'{root.path}{DAEMON_JSON}'
    words = ['chmod', '600', path]
    assert finding['remedy'] == [{'text': f'chmod 600 {path}', 'argv': words}]
    assert Path(path).exists()
