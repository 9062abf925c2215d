"""Work done in a child process that has given root's privileges away for good."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import errno
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from registry_host.errors import ConfigError, ConflictError, Problem
from registry_host.host.records import FileState, User

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar('Result', FileState, str)
# The user may stop the child, and must not decide how long it is waited for.
TIMEOUT_S = 20.0
# A file system of the user's own can hold even a killed child (fuse(4)).
KILL_TIMEOUT_S = 2.0
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def run_as(user: User, work: Callable[[], Result]) -> Result:
    """Run `work` with the ids of `user` alone, and return or raise what it did.

    Supplementary groups are dropped too. A process that changed its uid cannot be
    traced by the user (prctl(2), PR_SET_DUMPABLE), so what comes back can be trusted;
    it is read as literals nevertheless, never as code or pickles. The child ends with
    its parent: an orphan would write on, and hold the lock until it has ended.
    """
    library = ctypes.CDLL(None)
    parent = os.getpid()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            # A child that cannot be killed must not block readers of the output.
            void = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(void, fd)
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            # Only now, for a change of ids clears it (Linux kernel/cred.c 6.1).
            library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            # No core of it, with what root has read, whatever fs.suid_dumpable says.
            library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(status)
            with open(writer, 'wb') as pipe:
                pipe.write(repr(_attempt(work)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    try:
        answer = _answer_of(reader, time.monotonic() + TIMEOUT_S)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(reader)
        _wait_for(child)
    try:
        kind, value = ast.literal_eval(answer.decode())
    except (ValueError, SyntaxError):
        # It was killed, before its answer or amid it.
        raise ChildProcessError(
            errno.ECHILD, f'the process that works as {user.name} was killed'
        ) from None
    return cast(Result, _unpack(kind, value, user))


def _wait_for(child: int) -> None:
    """Wait for the end of a child; one that cannot even be killed is left behind."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    pause_s = 0.0001
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() >= deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            return
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.02)


def _answer_of(reader: int, deadline: float) -> bytes:
    answer = bytearray()
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        received = os.read(reader, 1 << 20)
        if not received:
            return bytes(answer)
        answer += received
    raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def _attempt(work: Callable[[], FileState | str]) -> tuple[str, object]:
    try:
        result = work()
    except (ConfigError, ConflictError) as err:
        problems = [problem._asdict() for problem in err.problems]
        return type(err).__name__, problems
    except OSError as err:
        return 'oserror', (err.errno, err.strerror, err.filename)
    if isinstance(result, FileState):
        return 'state', {**result._asdict(), 'user': None}
    return 'text', result


def _unpack(kind: str, value: Any, user: User) -> FileState | str:
    for error in (ConfigError, ConflictError):
        if kind == error.__name__:
            raise error(*(Problem(**problem) for problem in value))
    if kind == 'oserror':
        raise OSError(*value)
    if kind == 'state':
        return FileState(**{**value, 'user': user})
    return str(value)
