"""A program that takes long: followed line by line, and ended when it is to end."""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

from registry_host.host.place import Place
from registry_host.host.records import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from subprocess import Popen

POLL_S = 0.2
_ENDING_POLL_S = 0.005
# Of what a program says, its end is kept.
KEPT_BYTES = 16 * 1024
# A program of Go wakes itself by a byte or two, several times a minute (skopeo 1.9.3).
_NOISE_BYTES = 1024


class Following(Place):
    """Programs that are watched while they run."""

    def follow(
        self,
        argv_of: Callable[[str], Sequence[str]],
        *,
        secret: bytes,
        env: Mapping[str, str],
        idle_s: float,
        seen: Callable[[str, int], None] | None,
        is_stopped: Callable[[], bool],
    ) -> Completed:
        """Run a program to its end; `argv_of` takes the path of a file with `secret`.

        That file is in memory, and this program's alone: no other user can open it, and
        nothing is left of it. `seen` is called with each line on standard output, and
        with '' meanwhile; always with the bytes that the program has sent so far, as
        far as the kernel tells. A program that moves no data for `idle_s` seconds, or
        no more than it may send itself, is ended, as it is when `is_stopped` says so:
        then the code is None, and `err` the reason. It ends with us, too, even where we
        are killed, if setpriv (util-linux) is there.
        """
        import subprocess

        file = -1
        try:
            file = os.memfd_create('registry-host', os.MFD_CLOEXEC)
            with os.fdopen(os.dup(file), 'wb') as handle:
                handle.write(secret)
            process = subprocess.Popen(  # noqa: S603 - no shell, argv from our own code
                _bound(argv_of(f'/proc/self/fd/{file}')),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**env, 'LC_ALL': 'C.UTF-8'},
                pass_fds=(file,),
                start_new_session=True,
            )
        except OSError as err:
            return Completed(code=None, out='', err=err.strerror or str(err))
        finally:
            if file >= 0:
                os.close(file)
        with process:
            try:
                reason, out, err_out = _follow(
                    process, idle_s, seen or _unseen, is_stopped
                )
            finally:
                _end(process)
        if reason:
            return Completed(code=None, out=out, err=reason)
        return Completed(code=process.returncode, out=out, err=err_out)


def _unseen(line: str, sent: int) -> None:
    """Show nothing."""


def _bound(argv: Sequence[str]) -> list[str]:
    """Have the kernel end a program with the thread that starts it (prctl(2))."""
    setpriv = '/usr/bin/setpriv'
    if os.access(argv[0], os.X_OK) and os.access(setpriv, os.X_OK):
        return [setpriv, '--pdeathsig', 'KILL', *argv]
    return list(argv)


def _follow(
    process: Popen[bytes],
    idle_s: float,
    seen: Callable[[str, int], None],
    is_stopped: Callable[[], bool],
) -> tuple[str, str, str]:
    """Return why it is to be ended, if it is, and the ends of its two streams."""
    import selectors

    kept = {'out': b'', 'err': b''}
    lines = b''
    moved, counted, since = (0, 0), 0, time.monotonic()
    with selectors.DefaultSelector() as streams:
        for name in kept:
            stream = getattr(process, f'std{name}')
            streams.register(stream, selectors.EVENT_READ, name)
        while True:
            # Asked first: what it has said until then is read below.
            has_ended = _has_ended(process)
            # One that has closed both is about to end.
            wait_s = POLL_S if streams.get_map() else _ENDING_POLL_S
            ready = streams.select(0 if has_ended else wait_s)
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    streams.unregister(key.fileobj)
                kept[key.data] = (kept[key.data] + data)[-KEPT_BYTES:]
                if key.data == 'out':
                    *whole, lines = (lines + data).split(b'\n')
                    lines = lines[-KEPT_BYTES:]
                    for line in whole:
                        seen(line.decode('utf-8', 'replace'), moved[1])
            if has_ended and not ready:
                break
            moved = _moved(process.pid)
            if sum(moved) - counted >= _NOISE_BYTES:
                counted, since = sum(moved), time.monotonic()
            seen('', moved[1])
            if is_stopped():
                return 'it was stopped', '', ''
            if time.monotonic() - since > idle_s:
                return f'no data for {idle_s:.0f} s', '', ''
    out, err = (kept[name].decode('utf-8', 'replace') for name in ('out', 'err'))
    return '', out, err


def _has_ended(process: Popen[bytes]) -> bool:
    """Whether it has, be it that a child of its own has its streams open still.

    It stays a zombie, so that its number is that of its group, and of nothing else.
    """
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, process.pid, options) is not None
    except ChildProcessError:  # The parent process ignores SIGCHLD.
        return True


def _moved(pid: int) -> tuple[int, int]:
    """Bytes that a process has read and written so far, on sockets as on files.

    Those of its children count, as of what a script runs. Source: proc(5),
    /proc/PID/io, rchar and wchar; what the kernel moves for a process by sendfile(2)
    counts too, and what children have done that have ended.
    """
    read = written = 0
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/io', 'rb') as file:
            found = re.findall(rb'^[rw]char: (\d+)', file.read(), re.MULTILINE)
        if len(found) == 2:
            read, written = int(found[0]), int(found[1])
        with open(f'/proc/{pid}/task/{pid}/children', 'rb') as file:
            for child in file.read().split():
                more = _moved(int(child))
                read, written = read + more[0], written + more[1]
    return read, written


def _end(process: Popen[bytes]) -> None:
    import signal

    # Its children too, where it has left some.
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
