"""A change that waits for confirmation."""

from __future__ import annotations

import json

from earlier import MIRROR, configured, put_on_approval
from places import CHECKPOINTS, DAEMON_JSON

# On approval


def test_a_root_folder_has_no_timer(root):
    ended = root.run('configure', '--mirror', MIRROR, '--confirm-within', '5')
    assert (ended.code, ended.err) == (
        2,
        'error: --confirm-within: a root folder has no timer that could take a change '
        'back; nothing was written\n',
    )
    assert not (root.path / DAEMON_JSON.lstrip('/')).exists()


def test_an_approval_that_is_over_holds_up_nobody(root):
    """Somebody else has changed the same, so it cannot go back, and nobody decides."""
    words = ('--proxy-for=engine', '--http-proxy')
    configured(root, *words, 'http://p:1')
    configured(root, *words, 'http://p:2')
    put_on_approval(root, 2)
    root.write(DAEMON_JSON, '{"proxies": {"http-proxy": "http://theirs:1"}}')
    ended = root.run('configure', '--mirror', MIRROR)
    assert ended.code == 0
    assert 'run 2 (configure, ' in ended.out
    assert 'was not confirmed in time' in ended.out
    told = 'revert those lines by hand, then run the same command again'
    changed = '"http-proxy" was changed outside registry-host since'
    assert f'{changed}; {told}; it is left as it is' in ended.out
    assert json.loads(root.read(DAEMON_JSON)) == {
        'proxies': {'http-proxy': 'http://theirs:1'},
        'registry-mirrors': [MIRROR],
    }
    assert root.run('doctor', '--only', 'unfinished-run').code == 0


def test_history_says_that_nobody_has_confirmed_a_run(root):
    configured(root, '--mirror', MIRROR)
    put_on_approval(root, 1)
    assert root.run('configure', '--mirror', 'http://b').code == 0
    ended = root.run('history')
    assert '     not confirmed in time: run 1 was undone\n' in ended.out
    assert 'revert' not in ended.out


def test_an_approval_of_what_is_undone_is_over(root):
    configured(root, '--mirror', 'http://a')
    root.run('undo')
    put_on_approval(root, 1)
    assert root.run('configure', '--mirror', 'http://b').code == 0
    assert not (root.path / 'var/lib/registry-host/pending.json').exists()


def test_an_approval_of_a_damaged_checkpoint_is_not_forgotten(root):
    configured(root, '--mirror', 'http://a')
    root.write(f'{CHECKPOINTS}/1.json', '{', 0o600)
    put_on_approval(root, 1)
    ended = root.run('configure', '--mirror', 'http://b')
    assert ended.code == 2
    assert f'{CHECKPOINTS}/1.json: is damaged, ' in ended.err
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://a']}
    assert (root.path / 'var/lib/registry-host/pending.json').exists()


def test_a_forecast_counts_what_an_approval_that_is_over_takes_back(root):
    """Exit 3, and changed: the run itself would undo the one before it."""
    configured(root, '--mirror', MIRROR)
    put_on_approval(root, 1)
    ended = root.run('configure', '--mirror', MIRROR, '--check', '--format=json')
    assert ended.code == 3
    report = json.loads(ended.out)
    assert report['changed'] is True
    (finding,) = report['findings']
    assert 'was not confirmed in time' in finding['message']
