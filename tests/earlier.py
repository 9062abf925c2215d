"""What earlier runs have left on the host of a test."""

from __future__ import annotations

import json
import os

from places import CHECKPOINTS, CONFIG_JSON, DAEMON_JSON, JOURNAL

from registry_host.host.host import Host
from registry_host.transaction import checkpoints

MIRROR = 'http://registry.lab:5000'


def configured(root, *words):
    ended = root.run('configure', *words)
    assert ended.code == 0, ended.err
    return ended


def numbers(root):
    names = os.listdir(root.path / CHECKPOINTS.lstrip('/'))
    return sorted(int(name.partition('.')[0]) for name in names)


def cut_short(root):
    """Leave the journal of a run behind, with its files written: as a cut would."""
    configured(
        root,
        '--mirror',
        MIRROR,
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
    )
    host = Host(str(root.path))
    run = checkpoints.load_run(host, 1)
    checkpoints.save_journal(host, run)
    host.remove_state(f'{CHECKPOINTS}/1.json')


def reopen(root, number):
    """Make a run one that was cut short, with all of its files written."""
    checkpoint = root.path / f'{CHECKPOINTS[1:]}/{number}.json'
    checkpoint.rename(root.path / JOURNAL[1:])


def leave_behind(root):
    """A run of which alice's file could not be put back, and is ours still."""
    cut_short(root)
    host = Host(str(root.path))
    run = checkpoints.load_journal(host)
    steps = tuple(step for step in run.steps if step.change.path == CONFIG_JSON)
    checkpoints.leave_behind(host, run._replace(steps=steps))
    host.remove_state('/var/lib/registry-host/journal.json')
    host.remove_state('/var/lib/registry-host/ledger.json')
    root.path.joinpath(DAEMON_JSON.lstrip('/')).unlink()


def put_on_approval(root, number):
    """As a run with --confirm-within leaves it, of a boot that is over."""
    marker = {'version': 1, 'checkpoint': number, 'token': 'x', 'boot': 'x'}
    path = '/var/lib/registry-host/pending.json'
    root.write(path, json.dumps(marker | {'deadline': 0.0}), 0o600)
