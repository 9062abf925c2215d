"""What is left on disk when a step fails: all of before, or all of after."""

from __future__ import annotations

import errno
import json

import pytest

from registry_host.apply import apply_plan
from registry_host.configure import make_plan
from registry_host.errors import ApplyError, ConflictError
from registry_host.facts import EngineFacts, Facts
from registry_host.host import Host

DAEMON_JSON = '/etc/docker/daemon.json'
CONFIG_JSON = '/home/alice/.docker/config.json'
FLAGS = {
    'registry-mirrors': ['http://m:5000'],
    'http-proxy': 'http://p:1',
    'users': ['alice'],
}


def planned(host, flags=FLAGS):
    plan, _, facts = make_plan(host, settings_file=None, flags=flags)
    return plan, facts


class FailsAt(Host):
    """Fails in the rename number `at`, as a disk that fills up would."""

    def __init__(self, root, at):
        super().__init__(root)
        self.at = at

    def rename(self, source, destination):
        self.at -= 1
        if self.at == 0:
            raise OSError(errno.ENOSPC, 'No space left on device', destination)
        super().rename(source, destination)


@pytest.mark.parametrize('at', (1, 2, 3))
def test_all_or_nothing(root, at):
    root.write(DAEMON_JSON, '{"debug": false}')
    root.write(CONFIG_JSON, '{"auths": {}}', 0o600)
    before = {path: content for path, (_, _, content) in root.snapshot().items()}
    host = FailsAt(str(root.path), at)
    plan, facts = planned(host)
    assert len(plan.writes) == 3
    with pytest.raises(ApplyError) as caught:
        apply_plan(host, plan, facts)
    after = {path: content for path, (_, _, content) in root.snapshot().items()}
    assert after == before
    (problem,) = caught.value.problems
    assert 'No space left on device' in problem.message
    assert problem.message.endswith(('is back', 'as it was'))


def test_failure_to_put_back_is_told(root):
    class NeverAgain(FailsAt):
        def rename(self, source, destination):
            if self.at <= 0:
                raise OSError(errno.EIO, 'Input/output error', destination)
            super().rename(source, destination)

    root.write(DAEMON_JSON, '{"debug": false}')
    root.write(CONFIG_JSON, '{}', 0o600)
    host = NeverAgain(str(root.path), 3)
    plan, facts = planned(host)
    with pytest.raises(ApplyError) as caught:
        apply_plan(host, plan, facts)
    (problem,) = caught.value.problems
    assert f'partly applied: {DAEMON_JSON}' in problem.message


@pytest.mark.parametrize(
    'change',
    (
        pytest.param(lambda file: file.write_text('{"debug": true}'), id='content'),
        pytest.param(lambda file: file.chmod(0o600), id='mode'),
        pytest.param(lambda file: file.unlink(), id='gone'),
    ),
)
def test_a_file_changed_since_the_plan_is_not_touched(root, change):
    file = root.write(DAEMON_JSON, '{"debug": false}')
    host = Host(str(root.path))
    plan, facts = planned(host)
    change(file)
    before = root.snapshot()
    with pytest.raises(ConflictError) as caught:
        apply_plan(host, plan, facts)
    assert caught.value.exit_code == 75
    assert root.snapshot() == before


def test_interruption_between_two_files_puts_back(root):
    class Interrupted(Host):
        count = 0

        def rename(self, source, destination):
            self.count += 1
            if self.count == 2:
                raise KeyboardInterrupt
            super().rename(source, destination)

    root.write(DAEMON_JSON, '{"debug": false}')
    host = Interrupted(str(root.path))
    plan, facts = planned(host)
    before = root.read(DAEMON_JSON)
    with pytest.raises(KeyboardInterrupt):
        apply_plan(host, plan, facts)
    assert root.read(DAEMON_JSON) == before
    assert sorted(path.rpartition('/')[2] for path in root.snapshot()) == [
        'daemon.json',
        'passwd',
    ]


def test_plan_after_apply_is_empty(root):
    root.write(DAEMON_JSON, json.dumps({'registry-mirrors': ['https://other']}))
    host = Host(str(root.path))
    apply_plan(host, *planned(host))
    plan, _ = planned(host)
    assert plan.is_empty
    assert plan.writes == ()


def test_inverse_is_exact(root):
    root.write(DAEMON_JSON, '{ "debug" :false }', 0o640)
    host = Host(str(root.path))
    plan, facts = planned(host, {'registry-mirrors': ['http://m:5000']})
    (change,) = plan.pending
    apply_plan(host, plan, facts)
    host.replace_file(change.inverse().after)
    assert host.read(DAEMON_JSON) == change.before


def test_without_root_nothing_is_begun(root):
    host = Host(str(root.path))
    plan, facts = planned(host)
    live = Facts(**{**facts._asdict(), 'is_live': True, 'is_root': False})
    with pytest.raises(Exception, match='only root') as caught:
        apply_plan(host, plan, live)
    assert caught.value.exit_code == 1
    assert live.engine == EngineFacts(state='unknown')
