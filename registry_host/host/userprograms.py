"""A program of a user, asked one question; it need not end, nor stop talking."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from registry_host.host.records import Completed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry_host.host.records import User

ANSWER_LIMIT_BYTES = 64 * 1024
# A program that cannot be killed (it may be setuid, or wait for a disk) is left behind.
KILL_TIMEOUT_S = 2.0
# How long to listen to what a program that has ended left running with its pipes.
_AFTER_END_S = 0.2
_FOLDERS = ('/usr/local/bin', '/usr/bin', '/bin')
# What sudo hands on, and a program needs to show a dialog (sudoers(5), env_keep).
_KEPT = ('DISPLAY', 'XAUTHORITY', 'TERM', 'LANG')


def ask(
    argv: Sequence[str],
    question: bytes,
    *,
    env: Mapping[str, str],
    user: User | None = None,
    timeout_s: float,
) -> Completed:
    """Run a program in / with `question` on its standard input, and no terminal.

    With `user` it has the ids and groups of that user alone; that takes root. Of its
    output, ANSWER_LIMIT_BYTES are taken; one that says more, or has not ended within
    `timeout_s`, is killed with its children: then `code` is None.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd='/',
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=os.getgrouplist(user.name, user.gid) if user else None,
        )
    except (OSError, ValueError) as err:
        said = err.strerror if isinstance(err, OSError) else ''
        return Completed(code=None, out='', err=said or type(err).__name__)
    try:
        out, err_out = _heard(process, question, time.monotonic() + timeout_s)
    except BaseException as err:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_TIMEOUT_S)
        if isinstance(err, TimeoutError | subprocess.TimeoutExpired):
            said = f'no end within {timeout_s:g} s'
        elif isinstance(err, OverflowError):
            said = f'more than {ANSWER_LIMIT_BYTES} bytes of output'
        else:
            raise
        return Completed(code=None, out='', err=said)
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
    return Completed(
        code=process.returncode,
        out=out.decode('utf-8', 'replace'),
        err=err_out.decode('utf-8', 'replace'),
    )


def _heard(
    process: subprocess.Popen[bytes], question: bytes, deadline: float
) -> tuple[bytes, bytes]:
    """Ask, and listen to the end; TimeoutError, OverflowError for too much."""
    pipes = (process.stdin, process.stdout, process.stderr)
    stdin, *outputs = (pipe for pipe in pipes if pipe is not None)
    # A pipe takes it at once; one that has ended already does not want it.
    with contextlib.suppress(BrokenPipeError):
        os.write(stdin.fileno(), question)
    stdin.close()
    heard = {pipe.fileno(): bytearray() for pipe in outputs}
    with selectors.DefaultSelector() as selector:
        for fd in heard:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            ready = selector.select(min(left_s, _AFTER_END_S))
            if not ready and process.poll() is not None:
                break
            for key, _ in ready:
                received = os.read(key.fd, ANSWER_LIMIT_BYTES)
                heard[key.fd] += received
                if not received:
                    selector.unregister(key.fd)
            if sum(map(len, heard.values())) > ANSWER_LIMIT_BYTES:
                raise OverflowError
    process.wait(max(0.0, deadline - time.monotonic()))
    out, err = heard.values()
    return bytes(out), bytes(err)


def environment_of(user: User, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment that a user's own session would have, as far as root knows it.

    `environ` is that of sudo: of it, nothing but the PATH and the display is handed on.
    The folders of the user come first, as in the .profile of Debian (bash 5.2).
    """
    own = (f'{user.home}/.local/bin', f'{user.home}/bin')
    folders = (*own, *_FOLDERS, *environ.get('PATH', '').split(':'))
    found = {name: environ[name] for name in _KEPT if name in environ}
    found |= {
        'HOME': user.home,
        'USER': user.name,
        'LOGNAME': user.name,
        'PATH': ':'.join(dict.fromkeys(each for each in folders if each[:1] == '/')),
    }
    # Where a user who is logged in has the D-Bus that keeps secrets (pam_systemd(8)).
    runtime = f'/run/user/{user.uid}'
    if os.path.isdir(runtime):
        found['XDG_RUNTIME_DIR'] = runtime
        found['DBUS_SESSION_BUS_ADDRESS'] = f'unix:path={runtime}/bus'
    return found
