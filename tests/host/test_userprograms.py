"""A program that is asked: as whom it runs, what it gets, and when it is given up."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp

import pytest
from services import wait_for

from registry_host.host import userprograms
from registry_host.host.host import Host
from registry_host.host.records import Completed, User

OURSELVES = User('me', os.geteuid(), os.getegid(), '/nowhere')
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


@pytest.fixture
def program(tmp_path):
    """Write a program of these lines, and return its path."""

    def written(text, folder=tmp_path):
        path = f'{folder}/asked'
        with open(path, 'w') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(path, 0o755)
        return path

    return written


def ask(argv, question=b'registry.lab', timeout_s=20.0, **environ):
    host = Host(environ={'PATH': os.environ['PATH'], **environ})
    return host.ask(argv, question, user=OURSELVES, timeout_s=timeout_s)


def test_it_is_asked_on_its_standard_input(program):
    path = program('echo "$1 $(cat) $KEPT"; echo oh >&2; pwd >&2; exit 3')
    done = ask([path, 'get'], KEPT='ours')
    assert done == Completed(3, 'get registry.lab ours\n', 'oh\n/\n')


def test_one_that_does_not_listen(program):
    assert ask([program('echo yes')], b'x' * 10_000).out == 'yes\n'


@pytest.mark.parametrize('name', ('docker-credential-missing', '/etc/passwd', '/'))
def test_one_that_cannot_be_started(name):
    done = ask([name])
    assert (done.code, done.out) == (None, '')
    assert done.err in (os.strerror(2), os.strerror(13))


def has_ended(pid):
    try:
        status = Path(f'/proc/{pid}/status').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return 'State:\tZ' in status


def test_one_that_hangs_is_killed_with_its_children(program, tmp_path):
    path = program(f'sleep 1000 & echo $! > {tmp_path}/pid; echo hunter2; wait')
    started = time.monotonic()
    assert ask([path], timeout_s=0.5) == Completed(None, '', 'no end within 0.5 s')
    assert time.monotonic() - started < 5
    pid = int((tmp_path / 'pid').read_text())
    wait_for('end', lambda: has_ended(pid))


def test_one_that_leaves_others_behind_holds_up_nothing(program, tmp_path):
    """As an agent does that keeps the standard output that it was started with."""
    path = program(f'setsid sleep 1000 & echo $! > {tmp_path}/pid; echo yes')
    started = time.monotonic()
    try:
        assert ask([path]) == Completed(0, 'yes\n', '')
        assert time.monotonic() - started < 10
    finally:
        os.kill(int((tmp_path / 'pid').read_text()), 9)


@pytest.mark.parametrize('end', ('1', '2'))
def test_one_that_says_too_much(program, end):
    done = ask([program(f'yes hunter2 >&{end}')])
    assert done == Completed(None, '', 'more than 65536 bytes of output')


def test_an_interrupt_ends_it(program, tmp_path):
    path = program(f'echo $$ > {tmp_path}/pid; exec sleep 1000')

    class Interrupted(userprograms.selectors.DefaultSelector):
        def select(self, timeout=None):
            while not (tmp_path / 'pid').exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    before = userprograms.selectors.DefaultSelector
    userprograms.selectors.DefaultSelector = Interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            ask([path])
    finally:
        userprograms.selectors.DefaultSelector = before
    assert not os.path.exists(f'/proc/{int((tmp_path / "pid").read_text())}')


@needs_root
def test_as_another_user_it_has_nothing_of_root(program, tmp_path):
    """Ids, groups, files, environment, terminal: all are those of the user."""
    found = pwd.getpwnam('daemon')
    folder = mkdtemp(prefix='registry-host-test-')
    user = User('daemon', found.pw_uid, found.pw_gid, folder)
    os.chmod(folder, 0o755)
    os.makedirs(f'{folder}/bin')
    caps = 'grep -E "^Cap(Prm|Eff)" /proc/self/status'
    program(
        'id -u; id -g; id -G; env | sort; ls -l /proc/self/fd | grep -c of-root; '
        f'{caps}; cat < /dev/tty; head -c1 {tmp_path}/of-root',
        f'{folder}/bin',
    )
    environ = {'PATH': '/opt/x:sbin:/usr/bin', 'SECRET': 'hunter2', 'TERM': 'dumb'}
    with open(tmp_path / 'of-root', 'w') as file:
        os.set_inheritable(file.fileno(), True)
        host = Host(environ=environ)
        done = host.ask(['asked'], b'', user=user, timeout_s=20.0)
    shutil.rmtree(folder)
    groups = subprocess.run(['id', '-G', 'daemon'], capture_output=True, text=True)
    lines = done.out.splitlines()
    assert lines[:3] == [str(user.uid), str(user.gid), groups.stdout.strip()]
    path = f'{folder}/.local/bin:{folder}/bin:/usr/local/bin:/usr/bin:/bin:/opt/x'
    assert set(lines[3:-3]) == {
        f'HOME={folder}',
        'LC_ALL=C.UTF-8',
        'LOGNAME=daemon',
        f'PATH={path}',
        'PWD=/',
        'TERM=dumb',
        'USER=daemon',
    }
    assert lines[-3] == '0'
    assert [line.split()[1].strip('0') for line in lines[-2:]] == ['', '']
    assert '/dev/tty' in done.err
    assert 'of-root' in done.err


@needs_root
def test_a_program_that_the_user_may_not_run_does_not_run(tmp_path, program):
    path = program('id -u')
    os.chmod(path, 0o700)
    found = pwd.getpwnam('daemon')
    user = User('daemon', found.pw_uid, found.pw_gid, '/')
    done = Host().ask([path], b'', user=user, timeout_s=20.0)
    assert done == Completed(None, '', os.strerror(13))
