"""A DNS manager that cannot be told to read its files again holds up nothing."""

from __future__ import annotations

import json

import pytest
from test_codec import run_of, step_of

from registry_host.errors import ApplyError
from registry_host.host.host import Host
from registry_host.host.locations import JOURNAL, UNTOLD
from registry_host.host.records import Completed
from registry_host.transaction.lock import transaction, unfinished
from registry_host.transaction.untold import forget, load, remember

OPENRESOLV = '/etc/resolvconf.conf'
OLD, NEW = b'resolv_conf=/etc/resolv.conf\n', b'name_servers="9.9.9.9"\n'
HANGS = Completed(code=None, out='', err='no end within 5 s')
FAILS = Completed(code=1, out='', err='boo')
ENDS = Completed(code=0, out='', err='')


class Live(Host):
    """A root folder that counts as a host that runs, with resolvconf(8) alone."""

    is_live = True
    answer = HANGS
    has_resolvconf = True

    def __init__(self, root):
        super().__init__(root)
        self.asked = []

    def run(self, argv, *, timeout_s=30.0, uid=None):
        self.asked.append((*argv, timeout_s <= 10.0))
        return self.answer

    def find_program(self, name):
        is_there = name == 'resolvconf' and self.has_resolvconf
        return '/sbin/resolvconf' if is_there else None

    def processes(self, *names):
        return ()


@pytest.fixture
def cut(root):
    """A host on which a run was cut off after its file was written."""
    root.write(OPENRESOLV, NEW)
    step = step_of(
        OPENRESOLV, OLD, NEW, target='resolver', owner='openresolv', activation=0
    )
    root.write(JOURNAL, json.dumps(run_of(step, needed=0)), 0o600)
    (root.path / 'var/lib/registry-host').chmod(0o700)
    return Live(str(root.path))


def mended(host):
    """What the first transaction of another command reports."""
    host.has_told_again = False
    with transaction(host) as found:
        return found


@pytest.mark.parametrize(
    ('answer', 'reason'),
    ((HANGS, 'resolvconf -u: no end within 5 s'), (FAILS, 'resolvconf -u: boo')),
)
def test_a_recovery_goes_on_and_each_run_tries_again(root, cut, answer, reason):
    cut.answer = answer
    *told, again = mended(cut)
    assert root.read(OPENRESOLV).encode() == OLD
    assert [finding.check for finding in told] == ['recovered']
    assert (
        f'the old file is back; openresolv could not be told ({reason}), and may '
        'still use the nameservers of this run'
    ) in told[0].message
    expected = (
        f'openresolv could not be told to read its files again ({reason}): this host '
        'may still use nameservers that are no longer configured; each run tries again'
    )
    assert (again.check, again.message) == ('dns-manager-not-told', expected)
    assert again.remedy == ('sudo resolvconf -u',)
    assert [finding.check for finding in mended(cut)] == ['dns-manager-not-told']
    (finding,) = unfinished(cut)
    assert (finding.check, finding.severity) == ('unfinished-run', 'warning')
    cut.answer = ENDS
    assert [finding.check for finding in mended(cut)] == ['dns-manager-told']
    assert mended(cut) == unfinished(cut) == ()
    assert not (root.path / UNTOLD.lstrip('/')).exists()
    assert set(cut.asked) == {('resolvconf', '-u', True)}


def test_a_manager_that_is_gone_is_forgotten(root, cut):
    mended(cut)
    cut.has_resolvconf = False
    assert mended(cut) == ()
    assert not (root.path / UNTOLD.lstrip('/')).exists()


def test_an_error_of_the_system_is_a_reason_too(root, cut):
    class Broken(Live):
        def run(self, argv, *, timeout_s=30.0, uid=None):
            raise OSError(12, 'Cannot allocate memory')

    found = mended(Broken(cut.root))
    assert '(Cannot allocate memory)' in found[-1].message


@pytest.mark.parametrize(
    'text', ('', '{', '[]', '{"managers": 1}', '{"managers": ["$(id)", {}, null]}')
)
def test_a_record_that_is_none_says_nobody(root, text):
    host = Live(str(root.path))
    remember(host, 'openresolv')
    root.write(UNTOLD, text, 0o600)
    assert load(host) == ()
    assert mended(host) == ()
    assert not (root.path / UNTOLD.lstrip('/')).exists()


def test_what_is_told_in_the_meantime_is_forgotten(root):
    host = Live(str(root.path))
    for name in ('openresolv', 'dhcpcd', 'openresolv'):
        remember(host, name)
    assert load(host) == ('openresolv', 'dhcpcd')
    forget(host, 'openresolv')
    assert load(host) == ('dhcpcd',)
    forget(host, 'dhcpcd')
    assert load(host) == ()


def test_a_full_disk_does_not_hold_up_the_way_back(root, cut):
    class Full(Live):
        def write_state(self, path, content):
            if path == UNTOLD:
                raise OSError(28, 'No space left on device')
            super().write_state(path, content)

    (recovered,) = mended(Full(cut.root))
    assert 'openresolv could not be told' in recovered.message
    assert root.read(OPENRESOLV).encode() == OLD
    assert not (root.path / JOURNAL.lstrip('/')).exists()


def test_a_file_that_cannot_be_restored_still_keeps_the_journal(root, cut):
    class Full(Live):
        def replace_file(self, before, after, temporary=None):
            raise OSError(28, 'No space left on device')

    with pytest.raises(ApplyError):
        mended(Full(cut.root))
    assert (root.path / JOURNAL.lstrip('/')).exists()
