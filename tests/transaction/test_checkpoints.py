"""What is kept of runs, and shown by history."""

from __future__ import annotations

import json
import re
import stat

import pytest
from earlier import MIRROR, configured, numbers
from places import CHECKPOINTS, CONFIG_JSON, DAEMON_JSON

from registry_host.host.host import Host

# history


def test_history_as_text(root, monkeypatch):
    monkeypatch.setenv('SUDO_USER', 'alice')
    assert root.run('history').out == 'no run has changed this host yet\n'
    configured(root, '--mirror', MIRROR)
    configured(
        root,
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy',
        'http://u:hunter2@p:1',
    )
    root.run('undo')
    text = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'TIME', root.run('history').out)
    line = root.program
    assert text == (
        '  1  TIME  alice  applied\n'
        f'     {line} configure --mirror {MIRROR}\n'
        f'     create {DAEMON_JSON}\n'
        '  2  TIME  alice  applied, undone by 3\n'
        f'     {line} configure --user=alice --proxy-for=client --http-proxy http://xxxxx:xxxxx@p:1\n'
        f'     create {CONFIG_JSON}\n'
        '  3  TIME  alice  applied, undoes 2\n'
        f'     {line} undo\n'
        f'     delete {CONFIG_JSON}\n'
    )


def test_history_as_json(root):
    configured(root, '--mirror', MIRROR)
    ended = root.run('history', '--format=json')
    assert ended.json['results'] == [
        {
            'id': '1',
            'started': ended.json['results'][0]['started'],
            'by': 'root',
            'command': 'configure',
            'line': f'registry-host --root {root.path} configure --mirror {MIRROR}',
            'files': [{'path': DAEMON_JSON, 'action': 'create'}],
            'services': [{'name': 'docker', 'needed': 'reload', 'done': 'none'}],
            'outcome': 'applied',
            'undoes': None,
            'undone-by': None,
        }
    ]


def test_checkpoints_are_roots_alone_and_twenty(root):
    for number in range(24):
        configured(root, '--mirror', f'http://m{number}')
    assert numbers(root) == list(range(5, 25))
    folder = root.path / CHECKPOINTS.lstrip('/')
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_checkpoint_hides_no_other(root):
    root.write(DAEMON_JSON, '{}')
    configured(root, '--mirror', 'http://a')
    configured(root, '--mirror', 'http://b')
    root.write(f'{CHECKPOINTS}/1.json', '{"version": 1, "id"', 0o600)
    ended = root.run('history')
    assert ended.code == 0
    assert f'{CHECKPOINTS}/1.json: is damaged, ' in ended.out
    configured(root, '--mirror', 'http://c')
    assert root.run('undo', '1', '--format=json').codes == ['checkpoint-damaged']
    root.run('undo')
    root.run('undo')
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://a']}


def test_a_checkpoint_of_a_newer_version_is_left_alone(root):
    configured(root, '--mirror', 'http://a')
    path = f'{CHECKPOINTS}/1.json'
    newer = json.loads(root.read(path)) | {'version': 3}
    root.write(path, json.dumps(newer), 0o600)
    ended = root.run('undo', '1')
    assert (ended.code, ended.err) == (
        2,
        f'error: {root.path}{path}: was written by a newer registry-host: that '
        'version reads it; nothing was written\nhint:  registry-host --version\n',
    )


def test_unknown_checkpoint(root):
    ended = root.run('undo', '7')
    assert (ended.code, ended.err) == (
        2,
        'error: 7: there is no such checkpoint; nothing was written\n'
        f'hint:  {root.program} history\n',
    )


def test_failed_runs_leave_no_more_behind_than_others(root):
    class Full(Host):
        def rename(self, source, destination, flags):
            raise OSError(28, 'No space left on device', destination)

    from registry_host.commands.configure import configure
    from registry_host.errors import ApplyError
    from registry_host.transaction.carryout import Manner

    for number in range(24):
        flags = {'registry-mirrors': [f'http://m{number}'], 'users': ['alice']}
        with pytest.raises(ApplyError):
            configure(
                Full(str(root.path)),
                Manner(('configure',)),
                settings_file=None,
                flags=flags,
                is_probing=False,
            )
    assert numbers(root) == list(range(5, 25))
