"""What is left on disk when a step fails: all of before, or all of after."""

from __future__ import annotations

import errno
import json

import pytest
from places import CONFIG_JSON, DAEMON_JSON

from registry_host.errors import ApplyError, ConflictError, StoppedError
from registry_host.host.host import Host
from registry_host.host.locations import JOURNAL
from registry_host.settings.asked import read_asked
from registry_host.targets.planning import plan_asked
from registry_host.transaction import checkpoints
from registry_host.transaction.apply import apply_plan
from registry_host.transaction.lock import transaction, unfinished
from registry_host.transaction.order import Order
from registry_host.transaction.run import Origin

FLAGS = {
    'registry-mirrors': ['http://m:5000'],
    'http-proxy': 'http://p:1',
    'for': ['client'],
    'users': ['alice'],
}


def planned(host, flags=FLAGS):
    return plan_asked(host, read_asked(host, file=None, flags=flags))


def applied(host, flags=FLAGS, meanwhile=lambda: None):
    """Plan and apply; what somebody else does `meanwhile` is between the two."""
    with transaction(host):
        plan = planned(host, flags)
        meanwhile()
        return apply_plan(host, plan, Order(Origin('configure', 'configure')))


class FailsAt(Host):
    """Fails in the rename number `at`, as a disk that fills up would."""

    def __init__(self, root, at):
        super().__init__(root)
        self.at = at

    def rename(self, source, destination, flags):
        self.at -= 1
        if self.at == 0:
            raise OSError(errno.ENOSPC, 'No space left on device', destination)
        super().rename(source, destination, flags)


@pytest.mark.parametrize('at', (1, 2, 3))
def test_all_or_nothing(root, at):
    root.write(DAEMON_JSON, '{"debug": false}')
    root.write(CONFIG_JSON, '{"auths": {}}', 0o600)
    before = {path: content for path, (_, _, content) in root.snapshot().items()}
    host = FailsAt(str(root.path), at)
    assert len(planned(host).plan.writes) == 3
    with pytest.raises(ApplyError) as caught:
        applied(host)
    after = {path: content for path, (_, _, content) in root.snapshot().items()}
    assert {p: c for p, c in after.items() if '/checkpoints/' not in p} == before
    (problem,) = caught.value.problems
    assert 'No space left on device' in problem.message
    assert problem.message.endswith(('is back', 'as it was'))


def test_failure_to_put_back_is_told(root):
    class NeverAgain(FailsAt):
        def rename(self, source, destination, flags):
            if self.at <= 0:
                raise OSError(errno.EIO, 'Input/output error', destination)
            super().rename(source, destination, flags)

    root.write(DAEMON_JSON, '{"debug": false}')
    root.write(CONFIG_JSON, '{}', 0o600)
    host = NeverAgain(str(root.path), 3)
    with pytest.raises(ApplyError) as caught:
        applied(host)
    (problem,) = caught.value.problems
    assert f'partly applied: {DAEMON_JSON}' in problem.message
    assert problem.hint == 'sudo registry-host undo'
    assert host.read(JOURNAL).content is not None


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
    seen = []

    def meanwhile():
        change(file)
        seen.append(root.snapshot())

    with pytest.raises(ConflictError) as caught:
        applied(host, meanwhile=meanwhile)
    assert caught.value.exit_code == 75
    assert [root.snapshot()] == seen


def test_interruption_between_two_files_puts_back(root):
    class Interrupted(Host):
        count = 0

        def rename(self, source, destination, flags):
            self.count += 1
            if self.count == 2:
                raise KeyboardInterrupt
            super().rename(source, destination, flags)

    root.write(DAEMON_JSON, '{"debug": false}')
    host = Interrupted(str(root.path))
    before = root.read(DAEMON_JSON)
    with pytest.raises(StoppedError):
        applied(host)
    assert root.read(DAEMON_JSON) == before
    assert sorted(path.rpartition('/')[2] for path in root.snapshot()) == [
        '1.json',
        'daemon.json',
        'passwd',
    ]


class FullHome(Host):
    """The disk of the users is full, and nobody else's."""

    def replace_file(self, before, after, temporary=None):
        if after.user is not None:
            raise OSError(errno.ENOSPC, 'No space left on device', after.realpath)
        return super().replace_file(before, after, temporary)


def test_a_users_full_disk_holds_up_nobody_else(root):
    """After a run that was cut short; what could not be put back is tried again."""
    root.write(DAEMON_JSON, '{"debug": false}')
    root.write(CONFIG_JSON, '{"auths": {}}', 0o600)
    host = Host(str(root.path))
    applied(host)
    run = checkpoints.load_run(host, 1)
    checkpoints.save_journal(host, run)
    host.remove_state('/var/lib/registry-host/checkpoints/1.json')

    for _ in range(2):
        with transaction(FullHome(str(root.path))) as mended:
            (finding,) = mended
        assert f'{CONFIG_JSON} (No space left on device)' in finding.message
    assert finding.check == 'left-behind'
    assert root.read(DAEMON_JSON) == '{"debug": false}'
    assert 'httpProxy' in root.read(CONFIG_JSON)
    (told,) = unfinished(host)
    assert 'could not be put back yet; each run tries' in told.message

    with transaction(host) as mended:
        (finding,) = mended
    assert finding.check == 'put-back'
    assert root.read(CONFIG_JSON) == '{"auths": {}}'
    assert unfinished(host) == ()


def test_plan_after_apply_is_empty(root):
    root.write(DAEMON_JSON, json.dumps({'registry-mirrors': ['https://other']}))
    host = Host(str(root.path))
    applied(host)
    plan = planned(host).plan
    assert plan.is_empty
    assert plan.writes == ()


def test_without_root_nothing_is_begun(root):
    class Unprivileged(Host):
        is_live = True
        is_root = False

    before = root.snapshot()
    host = Unprivileged(str(root.path))
    with pytest.raises(Exception, match='only root') as caught, transaction(host):
        pass
    assert caught.value.exit_code == 1
    assert root.snapshot() == before
