"""What systemd says of an engine's unit and its socket."""

from __future__ import annotations

import pytest

from registry_host.engine.condition import condition_of, cure_of, reset_failed
from registry_host.host.host import Host
from registry_host.host.records import Completed

UNIT, SOCKET = 'docker.service', 'docker.socket'


def block(name, active, sub, load='loaded'):
    lines = (f'Id={name}', f'LoadState={load}', f'ActiveState={active}')
    return '\n'.join((*lines, f'SubState={sub}', ''))


class Systemd(Host):
    """A host whose systemd says one thing after the other."""

    def __init__(self, *answers):
        super().__init__('/')
        self.answers = list(answers)
        self.ran = []

    def run(self, argv, **_):
        self.ran.append(argv)
        text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Completed(0, text, '')


UP = f'{block(UNIT, "active", "running")}\n{block(SOCKET, "active", "running")}'
STARTING = f'{block(UNIT, "activating", "start")}\n{block(SOCKET, "active", "running")}'
RUNNING = {UNIT: 'active (running)', SOCKET: 'active (running)'}


@pytest.mark.parametrize(
    ('shown', 'expected'),
    (
        (UP, RUNNING),
        (STARTING, {SOCKET: 'active (running)'}),
        (
            f'{block(UNIT, "failed", "failed")}\n'
            f'{block(SOCKET, "inactive", "dead", "not-found")}',
            {UNIT: 'failed (failed)'},
        ),
        ('', {}),
    ),
)
def test_condition(shown, expected):
    assert condition_of(Systemd(shown), UNIT) == expected


def test_no_unit_has_no_condition():
    assert condition_of(Systemd(UP), None) == {}


def test_what_passes_is_waited_for():
    host = Systemd(STARTING, STARTING, UP)
    assert condition_of(host, UNIT, RUNNING, 5) == RUNNING
    assert len(host.ran) == 3


def test_what_does_not_pass_is_said():
    now = {UNIT: 'activating (start)', SOCKET: 'active (running)'}
    assert condition_of(Systemd(STARTING), UNIT, RUNNING, 0.2) == now


def test_failures_of_both_are_forgotten():
    host = Systemd('')
    reset_failed(host, 'my-docker.service')
    assert host.ran == [
        ['systemctl', 'reset-failed', 'my-docker.service'],
        ['systemctl', 'reset-failed', 'my-docker.socket'],
    ]


START = (
    'sudo systemctl reset-failed docker.service docker.socket; '
    'sudo systemctl restart docker.service'
)


@pytest.mark.parametrize(
    ('shown', 'pid', 'cure'),
    (
        (UP, 7, START),
        (block(UNIT, 'failed', 'failed'), None, START),
        (
            block(UNIT, 'failed', 'failed'),
            7,
            f'sudo kill 7 && tail --pid=7 -f /dev/null; {START}',
        ),
    ),
)
def test_cure(shown, pid, cure):
    assert cure_of(Systemd(shown), UNIT, pid) == cure
