"""Runs of run.py, several at once, and strace attached to those that it is to cut."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__)
ENVIRON = {
    'PATH': os.environ['PATH'],
    'PYTHONDONTWRITEBYTECODE': '1',
    'PYTHONPATH': ':'.join(map(str, (HERE.parents[1], HERE.parents[2]))),
}


class Runner:
    """A process that forks one run at a time."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE.with_name('run.py')), str(root)],
            env=ENVIRON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(
        self, root: Path, what: str, strace: Sequence[str]
    ) -> subprocess.CompletedProcess[str]:
        told = root.with_name(f'{root.name}.told')
        assert self._process.stdin is not None
        print(json.dumps([str(root), what, str(told)]), file=self._process.stdin)
        self._process.stdin.flush()
        pid = self._answer()
        try:
            tracer = attached(pid, strace) if strace else None
        finally:  # Without strace it is not what was asked for, but it ends.
            os.kill(pid, signal.SIGCONT)
            code = self._answer()
        if tracer:
            tracer.communicate()
        stderr = told.read_text()
        told.unlink()
        return subprocess.CompletedProcess((str(root), what), code, '', stderr)

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def attached(pid: int, strace: Sequence[str]) -> subprocess.Popen[str]:
    """Return strace once it has a process, which waits meanwhile, and its children."""
    tracer = subprocess.Popen(
        ['strace', '-f', *strace, '-p', str(pid)], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert said == f'strace: Process {pid} attached\n', said
    return tracer


class Runners:
    """As many runners as there are runs at once; each starts with a root of its own."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._all = [Runner(root) for root in roots]
        self._free: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for runner in self._all:
            self._free.put(runner)

    def call(
        self, root: Path, what: str, *strace: str
    ) -> subprocess.CompletedProcess[str]:
        runner = self._free.get()
        try:
            return runner.call(root, what, strace)
        finally:
            self._free.put(runner)

    def close(self) -> None:
        for runner in self._all:
            runner.close()
