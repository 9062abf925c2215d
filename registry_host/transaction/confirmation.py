"""A change that waits for confirmation, and is undone automatically without it.

A marker on disk says which run waits, and until when. A timer outside of the
session starts `registry-host revert` then, which does nothing without the marker.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from registry_host.errors import (
    ApplyError,
    ConfigError,
    LockedError,
    Problem,
    SettingsError,
    quoted,
)
from registry_host.host.locations import PENDING
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from registry_host.host.host import Host

VERSION = 1
CONFIRM = 'sudo registry-host confirm'
_SYSTEMD_RUNS = '/run/systemd/system'


class Pending(NamedTuple):
    """A run that waits for confirmation.

    `deadline` is in seconds of CLOCK_BOOTTIME, of the boot `boot`. `token` is what the
    timer was started with.
    """

    checkpoint: int
    token: str
    boot: str
    deadline: float

    def seconds_left(self, host: Host) -> float:
        """How long there is to confirm; 0 where the time is over, or the boot."""
        boot, now = host.boot_clock()
        return max(0.0, self.deadline - now) if boot == self.boot else 0.0


def load_pending(host: Host) -> Pending | None:
    """Read the marker; ConfigError if it is damaged."""
    content = host.read_state(PENDING).content
    if content is None:
        return None
    try:
        return _decode(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(_damaged(host.below_root(PENDING))) from None


def _decode(document: dict[str, Any]) -> Pending:
    """Take the token for what it is, part of the name of a unit, and nothing else."""
    checkpoint, deadline = document['checkpoint'], document['deadline']
    if type(checkpoint) is not int or checkpoint < 1:
        raise ValueError('no number of a run')
    if type(deadline) not in (int, float) or not math.isfinite(deadline):
        raise ValueError('no time')
    for name in ('token', 'boot'):
        if not re.fullmatch('[0-9a-z-]{1,64}', document[name], re.ASCII):
            raise ValueError(f'no {name}')
    return Pending(checkpoint, document['token'], document['boot'], deadline)


def require_possible(host: Host) -> None:
    """Refuse where nothing runs that could take a change back; SettingsError."""
    if not host.is_live:
        message = 'a root folder has no timer that could take a change back'
        raise SettingsError(Problem('confirm-root', message, '--confirm-within'))


def arm(host: Host, checkpoint: int, seconds: float) -> None:
    """Have a run wait for confirmation: the marker first, then the timer.

    Raises OSError, or ApplyError where no timer can be had. The seconds count from now,
    until `start_over` has them count from the end of the run.
    """
    boot, now = host.boot_clock()
    token = os.urandom(8).hex()
    _save(host, Pending(checkpoint, token, boot, now + seconds))
    if host.exists(_SYSTEMD_RUNS):
        _start_timer(host, token, seconds)
    else:
        host.start_detached(_revert_argv(token, '--after', f'{seconds}'))


def start_over(host: Host, seconds: float) -> None:
    """Have the seconds count from now: the run has ended, and there is time to look."""
    pending = load_pending(host)
    if pending is not None:
        boot, now = host.boot_clock()
        _save(host, pending._replace(boot=boot, deadline=now + seconds))


def _save(host: Host, pending: Pending) -> None:
    text = json.dumps({'version': VERSION, **pending._asdict()}, indent=1)
    host.write_state(PENDING, f'{text}\n'.encode())


def _start_timer(host: Host, token: str, seconds: float) -> None:
    """Start a transient timer: no unit file, and not part of any login session."""
    done = host.run(
        [
            'systemd-run',
            '--quiet',
            '--collect',
            f'--unit={_unit_of(token)}',
            '--description=registry-host: undo a change that was not confirmed',
            f'--on-active={seconds}',
            '--timer-property=AccuracySec=100ms',
            '--',
            *_revert_argv(token),
        ]
    )
    if not done.is_ok:
        lines = done.err.strip().splitlines() or ['no reason given']
        raise ApplyError(
            Problem(
                code='confirm-timer',
                where='systemd-run',
                message=f'no timer could be started: {lines[-1]}',
                hint='systemctl status',
            )
        )


def _unit_of(token: str) -> str:
    return f'registry-host-confirm-{token}'


def _revert_argv(token: str, *options: str) -> list[str]:
    """Run registry-host with the interpreter and search path of this process."""
    path = [os.path.abspath(folder) for folder in sys.path if folder]
    code = (
        f'import sys; sys.path[:] = {path!r}; '
        'from registry_host.cli import main; main(sys.argv[1:])'
    )
    return [sys.executable, '-c', code, 'revert', *options, token]


def disarm(host: Host, checkpoint: int) -> None:
    """Stop waiting for the confirmation of a run: first the marker, then the timer."""
    pending = load_pending(host)
    if pending is None or pending.checkpoint != checkpoint:
        return
    host.remove_state(PENDING)
    if host.exists(_SYSTEMD_RUNS):
        with contextlib.suppress(OSError):
            host.run(['systemctl', 'stop', f'{_unit_of(pending.token)}.timer'])


def busy(pending: Pending, seconds: float) -> LockedError:
    return LockedError(
        Problem(
            code='confirm-pending',
            where=f'run {pending.checkpoint}',
            message=f'is waiting for confirmation for another {seconds:.0f} s, and '
            'nothing else is changed until then; confirm it, or undo it',
            hint=f'{CONFIRM}\nsudo registry-host undo',
        )
    )


def _damaged(name: str) -> Problem:
    return Problem(
        code='pending-damaged',
        where=name,
        message='is damaged, so which run waits for confirmation is not known; '
        'without it, the last run stands',
        hint=f'sudo mv {quoted(name, name + ".damaged")}',
    )
