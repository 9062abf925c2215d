"""The lab itself: what every other test here stands on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import bounds
import pytest
import services
from lab import Lab

HELD = """
import time
def test_held(lab):
    lab.host('bookworm')
    lab.host('immutable')
    open('up', 'w').write(str(lab.bounds.group))
    time.sleep(600)
"""
PROGRAMS = {'systemd-nspawn', 'systemd', 'dockerd', 'dnsmasq', 'docker-registry'}


def test_host_pulls_through_the_cache(host, lab):
    host.write(
        '/etc/docker/daemon.json', '{"registry-mirrors": ["http://registry.lab:5000"]}'
    )
    host.run('systemctl reload docker')
    # Which ends before the engine has read it.
    services.wait_for('mirror', lambda: host.mirrors() == ['http://registry.lab:5000/'])
    before = len(lab.cache.requests(pull_of='library/hello'))
    host.run('docker pull hello')
    assert len(lab.cache.requests(pull_of='library/hello')) > before
    host.run('docker run --name=hello hello')
    # Not what the client was sent, of which an engine can lose the end.
    assert host.run('docker logs hello').stdout == 'hello from the lab\n'


def test_two_labs_side_by_side_and_nothing_left():
    spaces = {os.readlink('/proc/self/ns/net')}
    with Lab() as one, Lab() as other:
        for lab in (one, other):
            spaces.add(lab.run(['readlink', '/proc/self/ns/net']).stdout.decode())
        folders = one.folder, other.folder
        pids = [process.pid for process in (*one._processes, *other._processes)]
    assert len(spaces) == 3
    assert not any(folder.exists() for folder in folders)
    assert not any(Path(f'/proc/{pid}').exists() for pid in pids)


def processes_of(group: Path) -> dict[Path, str]:
    """Find the processes in a cgroup and those below it, and their names."""
    pids: list[str] = []
    found = {}
    # Hosts that have just booted start and end programs, and groups, all the time.
    for folder, _, files in os.walk(group):
        with contextlib.suppress(OSError):
            if 'cgroup.procs' in files:
                pids += (Path(folder) / 'cgroup.procs').read_text().split()
    for process in (Path('/proc', pid) for pid in pids):
        with contextlib.suppress(OSError):
            found[process] = (process / 'comm').read_text().strip()
    return found


@pytest.mark.parametrize('how', (signal.SIGTERM, signal.SIGKILL))
@pytest.mark.parametrize('workers', (0, 1))
def test_nothing_is_left_when_pytest_is_killed(tmp_path, how, workers):
    """With a worker, the one who hands out the tests is killed."""
    (tmp_path / 'test_held.py').write_text(HELD)
    words = ['-m', 'pytest', '-c', os.devnull, '-p', 'conftest', f'-n{workers}']
    here = {'PYTHONPATH': str(Path(__file__).parent), 'TMPDIR': str(tmp_path)}
    pytests = subprocess.Popen(
        [sys.executable, *words, 'test_held.py'],
        cwd=tmp_path,
        env={**os.environ, **here},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    up = tmp_path / 'up'
    services.wait_for(
        'two hosts', lambda: up.exists() and up.read_text() != '', timeout_s=90
    )
    group = Path(up.read_text())
    processes = processes_of(group)
    assert set(processes.values()) >= PROGRAMS
    (folder,) = tmp_path.glob('registry-host-lab-*')

    pytests.send_signal(how)

    pytests.wait(20)
    services.wait_for('the end', lambda: not folder.exists(), timeout_s=30)
    assert not group.exists()
    # A worker that is on its way out has yet to ask for the ends of its children.
    services.wait_for(
        f'the end of {processes}', lambda: not any(map(Path.exists, processes))
    )
    assert str(tmp_path) not in Path('/proc/self/mountinfo').read_text()
    assert str(tmp_path) not in subprocess.check_output(
        ['losetup', '--list'], text=True
    )


def test_a_host_that_inotify_has_no_room_for_is_not_booted():
    with (
        pytest.raises(RuntimeError) as refused,
        bounds.inotify_for_a_host(limit=13, timeout_s=0.2),
    ):
        pass
    assert str(refused.value).startswith('a host takes 14 inotify instances, and ')
    assert str(refused.value).endswith(
        ' of 13 are in use: end other labs, or raise fs.inotify.max_user_instances'
    )
