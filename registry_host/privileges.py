"""Work done in a child process that has given root's privileges away for good."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from registry_host.errors import ConfigError, Problem
from registry_host.plan import FileState, User

Result = TypeVar('Result', FileState, str)


def run_as(user: User, work: Callable[[], Result]) -> Result:
    """Run `work` with the ids of `user` alone, and return or raise what it did.

    Supplementary groups are dropped too. A process that changed its uid cannot be
    traced by the user (prctl(2), PR_SET_DUMPABLE), so what comes back is our own; it is
    read as literals nevertheless, never as code or pickles.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            with open(writer, 'wb') as pipe:
                pipe.write(repr(_attempt(work)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, 'rb') as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise ChildProcessError(f'the child for {user.name!r} ended without an answer')
    kind, value = ast.literal_eval(answer.decode())
    return cast(Result, _unpack(kind, value, user))


def _attempt(work: Callable[[], FileState | str]) -> tuple[str, object]:
    try:
        result = work()
    except ConfigError as err:
        return 'problems', [problem._asdict() for problem in err.problems]
    except OSError as err:
        return 'oserror', (err.errno, err.strerror, err.filename)
    if isinstance(result, FileState):
        return 'state', {**result._asdict(), 'user': None}
    return 'text', result


def _unpack(kind: str, value: Any, user: User) -> FileState | str:
    if kind == 'problems':
        raise ConfigError(*(Problem(**problem) for problem in value))
    if kind == 'oserror':
        raise OSError(*value)
    if kind == 'state':
        return FileState(**{**value, 'user': user})
    return str(value)
