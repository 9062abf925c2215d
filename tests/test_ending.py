"""How a command ends: closed streams, full devices, a lost terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from earlier import MIRROR
from places import DAEMON_JSON


@pytest.mark.parametrize(
    ('redirect', 'code'),
    (
        pytest.param('>/dev/full', 1, id='full'),
        pytest.param('| head -c 0; exit ${PIPESTATUS[0]}', 0, id='nobody-reads'),
    ),
)
def test_output_that_cannot_be_written_is_no_bug(root, redirect, code):
    program = f'{sys.executable} -m registry_host --root {root.path}'
    script = f'{program} configure --mirror {MIRROR} {redirect}'
    done = subprocess.run(['bash', '-c', script], check=False, capture_output=True)
    assert done.returncode == code
    assert b'bug' not in done.stderr
    assert MIRROR in root.read(DAEMON_JSON)


@pytest.mark.parametrize('closed', ('>&-', '2>&-', '<&-', '<&- >&- 2>&-'))
def test_a_closed_stream_takes_nothing_from_the_run(root, closed):
    """The number of the stream must not go to a file, which would be written into."""
    program = f'{sys.executable} -m registry_host --root {root.path}'
    script = f'{program} configure --mirror {MIRROR} {closed}'
    done = subprocess.run(['bash', '-c', script], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b'')
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': [MIRROR]}
    refused = f'{program} configure --mirror {MIRROR}/v2 {closed}'
    done = subprocess.run(['bash', '-c', refused], check=False, capture_output=True)
    assert done.returncode == 2
    for file in (root.path / 'var/lib/registry-host').rglob('*'):
        assert b'error: ' not in (file.read_bytes() if file.is_file() else b'')


@pytest.mark.parametrize(
    ('ignores', 'code'),
    (
        pytest.param(False, 130, id='terminal-lost'),
        pytest.param(True, 0, id='nohup'),
    ),
)
def test_a_hangup_ends_a_run_unless_it_is_ignored(root, ignores, code):
    words = '--root', str(root.path), 'configure', '--settings', '-'
    run = subprocess.Popen(
        [sys.executable, '-m', 'registry_host', *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(
            signal.SIGHUP, signal.SIG_IGN if ignores else signal.SIG_DFL
        ),
    )
    with run:
        while not is_reading_stdin(run.pid):
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(signal.SIGHUP)
        run.communicate(json.dumps({'registry-mirrors': [MIRROR]}).encode(), 10)
    assert run.returncode == code
    assert (root.path / DAEMON_JSON[1:]).exists() == ignores


def is_reading_stdin(pid):
    """Whether a process waits in read(0, ...)."""
    number, descriptor, *_ = [*Path(f'/proc/{pid}/syscall').read_text().split(), '', '']
    return (number, descriptor) == ('0', '0x0')
