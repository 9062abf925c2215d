"""A program that takes long: followed, and ended, with its secret out of sight."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from registry_host.host.following import KEPT_BYTES
from registry_host.host.host import Host

SECRET = b'hunter2-' * 3
PYTHON = sys.executable


class Seen:
    """The lines and the bytes that were told of a program."""

    def __init__(self):
        self.lines = []
        self.sent = []

    def __call__(self, line, sent):
        if line:
            self.lines.append(line)
        self.sent.append(sent)


def follow(script, *arguments, argv_of=None, **options):
    """Run a Python script, whose first argument is the path of the secret."""
    seen = options.pop('seen', None) or Seen()
    done = Host().follow(
        argv_of or (lambda path: [PYTHON, '-c', script, path, *arguments]),
        **{
            'secret': SECRET,
            'env': {'PATH': '/usr/bin:/bin'},
            'idle_s': 20.0,
            'seen': seen,
            'is_stopped': lambda: False,
            **options,
        },
    )
    return done, seen


def is_running(pid):
    """Whether a process is there, and is no zombie that nobody has waited for."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'


def wait_until_gone(pid):
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline, f'{pid} runs on'
        time.sleep(0.02)


def descriptors():
    return len(os.listdir('/proc/self/fd'))


# Ends


def test_a_program_that_ends():
    script = 'import sys; print("a"); print("b", file=sys.stderr); sys.exit(3)'
    done, seen = follow(script)
    assert (done.code, done.out, done.err, done.is_ok) == (3, 'a\n', 'b\n', False)
    assert seen.lines == ['a']
    assert follow('')[0].is_ok


def test_a_program_that_is_not_there():
    done, _ = follow('', argv_of=lambda path: ['/nonexistent/skopeo', path])
    assert (done.code, done.out, done.err) == (None, '', 'No such file or directory')


def test_a_program_that_may_not_be_run(tmp_path):
    file = tmp_path / 'skopeo'
    file.write_text('')
    done, _ = follow('', argv_of=lambda path: [str(file), path])
    assert (done.code, done.err) == (None, 'Permission denied')


def test_no_more_files_may_be_opened():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        done, _ = follow('')
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (done.code, done.err) == (None, 'Too many open files')


def test_a_program_that_is_killed():
    done, _ = follow('import os; os.kill(os.getpid(), 9)')
    assert (done.code, done.is_ok) == (-9, False)


def test_where_the_ends_of_children_are_ignored():
    """As a parent may hand it down: then nobody learns of an exit code."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        done, seen = follow('print("a")')
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (done.code, seen.lines) == (0, ['a'])


def test_nothing_is_left_open():
    before = descriptors()
    for argv in (['true'], ['/nonexistent/x']):
        follow('', argv_of=lambda path, argv=argv: argv)
    with pytest.raises(ZeroDivisionError):
        follow('', argv_of=lambda path: 1 / 0)
    assert descriptors() == before


# The secret


CHILD = """
import os, sys, time
path = sys.argv[1]
print(open(path, 'rb').read().decode())
print(open(path, 'rb').read().decode())
print(os.readlink(path))
print(repr(dict(os.environ)))
print(repr(open('/proc/self/cmdline').read()))
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_the_secret_is_the_child_s_alone_and_then_gone():
    """It can be read more than once, for libraries do that."""
    seen = Seen()
    found = {}

    def is_stopped():
        if len(seen.lines) < 6:
            return False
        pid = int(seen.lines[-1])
        for name in ('cmdline', 'environ'):
            found[name] = Path(f'/proc/{pid}/{name}').read_bytes()
        found['pid'] = pid
        return True

    done, _ = follow(CHILD, seen=seen, is_stopped=is_stopped)
    first, second, link, environment, command, _ = seen.lines
    assert (first, second) == (SECRET.decode(),) * 2
    assert link.startswith('/memfd:registry-host')
    assert 'hunter2' not in environment + command + link
    assert b'hunter2' not in found['cmdline'] + found['environ']
    assert done.err == 'it was stopped'
    wait_until_gone(found['pid'])


def test_no_other_file_of_ours_goes_to_the_child(tmp_path):
    """A lock that it held would outlive the command."""
    script = 'import os; print(sorted(map(int, os.listdir("/proc/self/fd"))))'
    with (tmp_path / 'lock').open('w') as lock:
        os.set_inheritable(lock.fileno(), False)
        _, seen = follow(script)
    (line,) = seen.lines
    # The three streams, the secret, and the folder that is listed.
    assert len(line.split(',')) == 5, line


def test_the_environment_is_what_was_given(monkeypatch):
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'hunter2')
    script = 'import os; print(sorted(os.environ))'
    _, seen = follow(script, env={'PATH': '/bin', 'HTTPS_PROXY': 'http://p'})
    assert seen.lines == ["['HTTPS_PROXY', 'LC_ALL', 'PATH']"]


# Its end, if it is to end


def test_an_idle_program_is_ended():
    begun = time.monotonic()
    done, seen = follow(
        'import time; print("a", flush=True); time.sleep(60)', idle_s=0.6
    )
    assert (done.code, done.err, done.is_ok) == (None, 'no data for 1 s', False)
    assert seen.lines == ['a']
    assert time.monotonic() - begun < 5


def test_a_program_that_sends_is_not_idle():
    """Without a word on its output; what it sends is told."""
    script = (
        'import os, time\n'
        'a, b = os.pipe()\n'
        'for n in range(8): os.write(b, b"x" * 1000); time.sleep(0.25)\n'
    )
    done, seen = follow(script, idle_s=0.9)
    assert done.is_ok, done
    assert seen.sent[-1] - seen.sent[0] >= 0
    assert max(seen.sent) >= 8000


def test_a_script_whose_program_sends_is_not_idle():
    script = (
        'import os, time\n'
        'a, b = os.pipe()\n'
        'for n in range(12): os.write(b, b"x" * 2000); time.sleep(0.25)\n'
    )
    shell = '"$@"; exit 0'
    done, seen = follow(
        '',
        argv_of=lambda path: ['/bin/sh', '-c', shell, 'sh', PYTHON, '-c', script],
        idle_s=1.5,
    )
    assert done.is_ok, done
    assert max(seen.sent) >= 20_000


def test_a_program_that_wakes_itself_is_idle():
    """As the runtime of Go does by a byte in a pipe: a blob that stalls has no end."""
    script = (
        'import os, time\n'
        'a, b = os.pipe()\n'
        'while True: os.write(b, b"x"); os.read(a, 1); time.sleep(0.1)\n'
    )
    begun = time.monotonic()
    done, _ = follow(script, idle_s=1.0, is_stopped=lambda: too_long(begun))
    assert (done.code, done.err) == (None, 'no data for 1 s')


def too_long(begun):
    return time.monotonic() - begun > 15


GROUP = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize('how', ('stopped', 'idle', 'interrupted'))
def test_the_end_is_that_of_its_children_too(how):
    seen = Seen()

    def is_stopped():
        if how == 'interrupted' and seen.lines:
            raise KeyboardInterrupt
        return how == 'stopped' and bool(seen.lines)

    options = {'idle_s': 0.5 if how == 'idle' else 20.0}
    if how == 'interrupted':
        with pytest.raises(KeyboardInterrupt):
            follow(GROUP, seen=seen, is_stopped=is_stopped, **options)
    else:
        done, _ = follow(GROUP, seen=seen, is_stopped=is_stopped, **options)
        assert done.code is None
    wait_until_gone(int(seen.lines[0]))


def test_a_view_that_fails_leaves_no_program_behind():
    pids = []

    def seen(line, sent):
        if line:
            pids.append(int(line))
            raise ValueError(line)

    script = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'
    with pytest.raises(ValueError, match=r'\d+'):
        follow(script, seen=seen)
    wait_until_gone(pids[0])


@pytest.mark.parametrize('is_both', (False, True), ids=('stdout', 'both'))
def test_a_program_that_closes_its_output_early_and_runs_on(is_both):
    """It is stopped, and found idle, all the same."""
    closing = 'os.close(1)' + ('; os.close(2)' if is_both else '')
    script = f'import os, time; {closing}; time.sleep(60)'
    begun = time.monotonic()
    done, _ = follow(script, is_stopped=lambda: time.monotonic() - begun > 1)
    assert (done.code, done.err) == (None, 'it was stopped')
    done, _ = follow(script, idle_s=0.5)
    assert (done.code, done.err) == (None, 'no data for 0 s')
    assert time.monotonic() - begun < 10


def test_a_program_that_leaves_a_child_behind_with_its_output():
    """The program has ended, and is not waited for by way of its child."""
    script = (
        'import os, subprocess, sys\n'
        'words = [sys.executable, "-c", "import time; time.sleep(30)"]\n'
        'child = subprocess.Popen(words)\n'
        'print(child.pid, flush=True)\n'
    )
    begun = time.monotonic()
    done, seen = follow(script, idle_s=15.0)
    assert time.monotonic() - begun < 10
    assert done.code == 0
    wait_until_gone(int(seen.lines[0]))


# What it says


def test_megabytes_on_both_streams_are_read_and_their_ends_are_kept():
    script = (
        'import sys\n'
        'for n in range(40_000):\n'
        '    print(n, "o" * 50)\n'
        '    print(n, "e" * 50, file=sys.stderr)\n'
    )
    done, seen = follow(script)
    assert (done.code, len(seen.lines)) == (0, 40_000)
    assert len(done.out.encode()) == len(done.err.encode()) == KEPT_BYTES
    assert done.out.endswith(f'39999 {"o" * 50}\n')
    assert done.err.endswith(f'39999 {"e" * 50}\n')


def test_a_line_without_an_end_takes_no_memory():
    script = 'import sys; sys.stdout.write("x" * 5_000_000); print(); print("b")'
    done, seen = follow(script)
    assert seen.lines[-1] == 'b'
    assert all(len(line) <= KEPT_BYTES + 65536 for line in seen.lines)
    assert done.is_ok


def test_what_is_no_text_is_shown_as_such():
    script = r'import os; os.write(1, b"\xff\xfe\x00a\n"); os.write(2, b"\xff")'
    done, seen = follow(script)
    assert seen.lines == ['\ufffd\ufffd\0a']
    assert done.err == '\ufffd'


def test_many_at_once_in_threads():
    """Each has a secret and a session of its own."""
    results = {}
    script = 'import sys; print(open(sys.argv[1]).read(), sys.argv[2])'

    def run(number):
        seen = Seen()
        done, _ = follow(script, str(number), seen=seen, secret=f's{number}'.encode())
        results[number] = done.code, seen.lines

    before = descriptors()
    threads = [threading.Thread(target=run, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {n: (0, [f's{n} {n}']) for n in range(16)}
    assert descriptors() == before


def test_a_program_does_not_outlive_who_follows_it(tmp_path):
    """Killed, registry-host has no time to end it: the kernel does."""
    file = tmp_path / 'pid'
    sleeper = f'import os, time; open({str(file)!r}, "w").write(str(os.getpid()))'
    program = f'{sleeper}; time.sleep(600)'
    code = (
        'import sys\n'
        'from registry_host.host.host import Host\n'
        f'Host().follow(lambda path: [sys.executable, "-c", {program!r}], secret=b"",'
        ' env={}, idle_s=600, seen=lambda *_: None, is_stopped=lambda: False)'
    )
    with subprocess.Popen([sys.executable, '-c', code]) as follower:
        while not file.exists() or not file.read_text():
            time.sleep(0.01)
        pid = int(file.read_text())
        assert os.path.exists(f'/proc/{pid}')
        follower.kill()
    deadline = time.monotonic() + 10
    while os.path.exists(f'/proc/{pid}') and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not os.path.exists(f'/proc/{pid}')
