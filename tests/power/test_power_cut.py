"""A run cut, or failed, at each of its system calls: all of before, or all of after."""

from __future__ import annotations

import collections
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from runner import Runners

STATE = 'var/lib/registry-host'
# All that can change a disk, another process, or what a reader sees.
CALLS = (
    'write',
    'pwrite64',
    'rename',
    'renameat',
    'renameat2',
    'link',
    'unlink',
    'unlinkat',
    'mkdir',
    'rmdir',
    'fsync',
    'fdatasync',
    'ftruncate',
    'fallocate',
    'chmod',
    'fchmod',
    'fchown',
    'fsetxattr',
    'kill',
)
ERRORS = ('ENOSPC', 'EIO', 'EACCES', 'EROFS')
WORKERS = os.cpu_count() or 1

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='owners are part of it')
pytestmark = needs_root


def make_root(path):
    """A host with odd modes and owners, so that a lost one shows."""
    files = {
        'etc/passwd': (
            0o644,
            0,
            'alice:x:1000:1000::/home/alice:/bin/sh\n'
            'bob:x:1001:1001::/home/bob:/bin/sh\n',
        ),
        'etc/docker/daemon.json': (0o640, 7, '{\n\t"labels" : ["a=b"],"icc":true}'),
        'home/alice/.docker/config.json': (0o600, 1000, '{"auths": {"r": {}}}\n'),
        'etc/resolv.conf': (0o644, 0, 'nameserver 192.0.2.1\n'),
        'etc/notary/notes': (0o644, 0, 'owner bob\n'),
        # A program that runs, and has read that.
        'run/notary.json': (0o644, 0, '{"registry-mirrors": [], "engine-dns": []}'),
        'run/notary.pid': (0o644, 0, '1'),
    }
    for name, (mode, uid, content) in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)
        os.chown(file, uid, uid)
    (path / 'home/bob').mkdir()
    os.chown(path / 'home/bob', 1001, 1001)
    return path


def seen(root):
    """Every file and folder but the state of runs: bytes, mode, owner.

    Which instance of a service runs may differ, and what one has begun to write.
    """
    found = {}
    for path in sorted(root.rglob('*')):
        name = str(path.relative_to(root))
        if not name.startswith(('var', 'run/notary.pid')) and path.suffix != '.new':
            stat = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            found[name] = (content, oct(stat.st_mode), stat.st_uid, stat.st_gid)
    return found


def passing(root):
    """What must not be left: temporary names, and a journal."""
    names = [path.name for path in root.rglob('*')]
    return [n for n in names if n.endswith('.registry-host') or n == 'journal.json']


def points(counts):
    return [(name, n) for name in counts for n in range(1, counts[name] + 1)]


class Leg:
    """One run from `before` to `after`, and how often it makes each call."""

    def __repr__(self):
        return self.what

    def __init__(self, runs, what, origin, folder):
        self.call = runs.call
        self.what = what
        self.origin = origin
        self.folder = folder
        self.before = seen(origin)
        self.reached = self.copy(origin, 'reached')
        self.counts = self.counted(self.reached, what)
        self.after = seen(self.reached)

    @property
    def points(self):
        return points(self.counts)

    def counted(self, root, what):
        """Say how often each call is made by a run that nothing disturbs."""
        log = self.folder / f'{what}.trace'
        done = self.call(root, what, '-o', str(log), '-e', f'trace={",".join(CALLS)}')
        assert done.returncode == 0, done.stderr
        names = re.findall(r'^\d+ +(\w+)\(', log.read_text(), re.MULTILINE)
        return collections.Counter(names)

    def injected(self, root, what, name, n, fault):
        only = ('-o', os.devnull, '-e', f'trace={name}')
        return self.call(root, what, *only, '-e', f'inject={name}:{fault}:when={n}')

    def copy(self, origin, name):
        copy = self.folder / f'{self.what}-{name}'
        subprocess.run(['cp', '-a', str(origin), str(copy)], check=True)
        return copy

    def judge(self, root):
        """Say what is wrong with a root that should be in order."""
        now = seen(root)
        if now not in (self.before, self.after):
            return f'neither before nor after: {self.differing(now)}'
        if left := passing(root):
            return f'left {left}'
        for name, state in now.items():
            if name.endswith('.json') and state[0] is not None:
                json.loads(state[0])
        is_applied = b'registry.lab' in now['etc/docker/daemon.json'][0]
        ledger = root / STATE / 'ledger.json'
        is_recorded = ledger.exists() and b'registry.lab' in ledger.read_bytes()
        if is_applied != is_recorded:
            return 'the ledger does not agree with the files'
        return None

    def differing(self, now):
        return [
            name
            for name in {*now, *self.after, *self.before}
            if now.get(name) not in (self.before.get(name), self.after.get(name))
        ] or 'a mixture'


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runners')
    runners = Runners([make_root(folder / str(n)) for n in range(WORKERS)])
    yield runners
    runners.close()


@pytest.fixture(scope='module')
def legs(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp('power')
    apply = Leg(runs, 'apply', make_root(folder / 'origin'), folder)
    changed = {n for n in apply.before if apply.before[n] != apply.after[n]}
    assert changed == {
        'etc/docker/daemon.json',
        'etc/notary/notes',
        'etc/resolv.conf',
        'run/notary.json',
        'home/alice/.docker/config.json',
    }
    made = set(apply.after) - set(apply.before)
    assert made == {'home/bob/.docker', 'home/bob/.docker/config.json'}
    undo = Leg(runs, 'undo', apply.reached, folder)
    assert undo.after == apply.before
    return apply, undo


def each(work, items):
    """Do `work` for all items; every failure is told, not only the first."""
    with ThreadPoolExecutor(WORKERS) as pool:
        found = zip(items, pool.map(work, items), strict=True)
        failures = [f'{item}: {failure}' for item, failure in found if failure]
    assert not failures, '\n'.join(failures)


def told(capsys, line):
    with capsys.disabled():
        print(f'\n  {line}', end=' ')


def test_cut_at_every_call(legs, capsys):
    """SIGKILL before each call; the next run finds, or makes, all of one state."""

    def cut(point):
        leg, *where = point
        root = leg.copy(leg.origin, '-'.join(map(str, where)))
        done = leg.injected(root, leg.what, *where, 'signal=SIGKILL')
        if done.returncode == 0:
            return 'was not cut'
        done = leg.call(root, 'recover')
        if done.returncode != 0:
            return f'recovery failed: {done.stderr}'
        if failure := leg.judge(root):
            return failure
        if seen(root) == leg.before:
            done = leg.call(root, leg.what)
        if done.returncode != 0 or seen(root) != leg.after:
            return f'does not go any more: {done.stderr}'
        shutil.rmtree(root)
        return None

    cuts = [(leg, *point) for leg in legs for point in leg.points]
    each(cut, cuts)
    told(capsys, f'{len(cuts)} points cut')
    assert len(cuts) > 100


def test_recovery_cut_at_every_call(legs, capsys):
    """From what two cuts leave, early and late, recovery is cut at all its calls."""
    total = 0
    for leg in legs:
        for n in (2, leg.counts['renameat2']):
            torn = leg.copy(leg.origin, f'torn-{n}')
            leg.injected(torn, leg.what, 'renameat2', n, 'signal=SIGKILL')
            clean = leg.copy(torn, f'recovered-{n}')
            counts = leg.counted(clean, 'recover')
            each(
                lambda point, torn=torn, leg=leg: _cut_recovery(leg, torn, point),
                points(counts),
            )
            total += counts.total()
    told(capsys, f'{total} points of the recovery cut')
    assert total > 100


def _cut_recovery(leg, torn, point):
    root = leg.copy(torn, f'{torn.name}-{point[0]}-{point[1]}')
    leg.injected(root, 'recover', *point, 'signal=SIGKILL')
    done = leg.call(root, 'recover')
    if done.returncode != 0:
        return f'recovery failed: {done.stderr}'
    failure = leg.judge(root)
    if seen(root) != leg.before:
        failure = failure or 'not what was before'
    shutil.rmtree(root)
    return failure


@pytest.mark.parametrize('error', ERRORS)
def test_every_call_fails(legs, capsys, error):
    """A call that fails is an error of one line with exit 1, and all is as before."""

    def fail(point):
        leg, *where = point
        root = leg.copy(leg.origin, '-'.join(map(str, (error, *where))))
        done = leg.injected(root, leg.what, *where, f'error={error}')
        if done.returncode != 1:
            return f'exit {done.returncode}: {done.stderr[-300:]}'
        if seen(root) != leg.before:
            return f'not as before: {leg.differing(seen(root))}'
        if len(done.stderr.splitlines()) != 1:
            return f'not one line: {done.stderr[-300:]}'
        recovered = leg.call(root, 'recover')
        if recovered.returncode != 0:
            return f'recovery failed: {recovered.stderr}'
        failure = leg.judge(root)
        shutil.rmtree(root)
        return failure

    failing = [(leg, *point) for leg in legs for point in leg.points]
    each(fail, failing)
    told(capsys, f'{len(failing)} calls failed with {error}')
