"""Being the one who changes a host, and only one that is in order."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from registry_host.errors import (
    Finding,
    PrivilegeError,
    Problem,
    RegistryHostError,
    StateError,
    UndoError,
    quoted,
    repeat_with,
)
from registry_host.host.locations import (
    JOURNAL,
    LEFT_BEHIND,
    PENDING,
    STATE_FOLDER,
    UNTOLD,
)
from registry_host.levels import ALWAYS, LOCK_TIMEOUT_S
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.recovery import recover
from registry_host.transaction.rollback import FINISH
from registry_host.transaction.run import APPLIED, DAMAGED, Run
from registry_host.transaction.undoing import take_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.host.host import Host
    from registry_host.transaction.confirmation import Pending


def require_root(host: Host) -> None:
    if host.is_live and not host.is_root:
        raise PrivilegeError(
            Problem(
                code='needs-root',
                where='registry-host',
                message='only root may do this',
                hint=repeat_with('sudo'),
            )
        )


@contextlib.contextmanager
def transaction(
    host: Host,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    is_about_pending: bool = False,
) -> Iterator[tuple[Finding, ...]]:
    """Be the one writer, on a host without unfinished runs; yields what was mended.

    Raises PrivilegeError, LockedError if another run does not end in time or a change
    waits for confirmation, and ApplyError if an unfinished run cannot be rolled back.
    `is_about_pending`: this is about the change that waits for confirmation.
    """
    require_root(host)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(host.lock(lock_timeout_s))
            mended = _mend(host, is_about_pending=is_about_pending)
        except OSError as err:
            raise StateError(_state_unusable(err)) from None
        yield mended


def _mend(host: Host, *, is_about_pending: bool) -> tuple[Finding, ...]:
    host.clean_state()
    mended = recover(host)
    host.progress.mend(mended)
    told = _tell_again(host)
    host.progress.mend(told)
    pending = pending_run(host)
    if pending is None or is_about_pending:
        return (*mended, *told)
    seconds = pending.seconds_left(host)
    if seconds > 0:
        raise confirmation.busy(pending, seconds)
    return (*mended, *told, take_back_pending(host, pending))


def _tell_again(host: Host) -> tuple[Finding, ...]:
    if not host.exists(UNTOLD):
        return ()
    from registry_host.transaction.untold import tell_again

    return tuple(tell_again(host)) if host.is_live else ()


def _state_unusable(err: OSError) -> Problem:
    return Problem(
        code='state-unusable',
        where=STATE_FOLDER,
        message=f'cannot be used ({err.strerror or err})',
        hint=f'df -h {STATE_FOLDER}; findmnt -T {STATE_FOLDER}',
    )


def pending_run(host: Host) -> Pending | None:
    """Find the change that waits for confirmation; the marker of a failed run goes."""
    pending = confirmation.load_pending(host)
    if pending is None or _has_happened(host, pending.checkpoint):
        return pending
    confirmation.disarm(host, pending.checkpoint)
    return None


def _has_happened(host: Host, number: int) -> bool:
    """Whether a run was applied, and stands; one that is damaged may have been."""
    runs = checkpoints.history(host)
    happened = (APPLIED, DAMAGED)
    is_there = any(run.id == number and run.outcome in happened for run in runs)
    return is_there and number not in checkpoints.undone(runs)


def take_back_pending(host: Host, pending: Pending) -> Finding:
    """Undo a change that was not confirmed in time."""
    run = checkpoints.load_run(host, pending.checkpoint)
    line = f'not confirmed in time: run {run.id} was undone'
    undone = take_back(host, run, line=line, restart=ALWAYS, is_by_itself=True)
    confirmation.disarm(host, run.id)
    paths = ', '.join(change.path for change in undone.plan.pending)
    left = ''.join(f'; {finding.message}' for finding in undone.plan.findings)
    finding = Finding(
        check='not-confirmed',
        severity='warning',
        message=f'{run.title} was not confirmed in time, and was undone: '
        f'{paths or "nothing was left of it"}{left}',
        remedy=('registry-host history',),
    )
    host.progress.mend((finding,))
    return finding


def require_in_time(host: Host, pending: Pending) -> None:
    if pending.seconds_left(host) > 0:
        return
    finding = take_back_pending(host, pending)
    raise UndoError(
        Problem(
            code='confirm-late',
            message=f'too late: {finding.message}; run configure again',
            hint='sudo registry-host history',
        )
    )


def unfinished(host: Host) -> tuple[Finding, ...]:
    """Tell what the next transaction would recover first, as far as is known."""
    if host.is_live and not host.is_root:
        return ()
    try:
        return left_unfinished(host)
    except RegistryHostError as err:
        return _unreadable(err.problems)


def left_unfinished(host: Host) -> tuple[Finding, ...]:
    """The same for who may know; ConfigError if what would tell it is damaged."""
    run = checkpoints.load_journal(host)
    pending = confirmation.load_pending(host)
    if run is not None:
        return (
            Finding(
                check='unfinished-run',
                severity='error',
                message=f'{run.title} was cut short, and may be applied in part; the '
                'next run rolls it back first',
                path=JOURNAL,
                remedy=(FINISH,),
            ),
        )
    left = tuple(_left_behind(each) for each in checkpoints.left_behind(host))
    if host.exists(UNTOLD):
        from registry_host.transaction.untold import still_untold

        left += tuple(
            each._replace(check='unfinished-run') for each in still_untold(host)
        )
    return left if pending is None else (*left, _on_approval(host, pending))


def state_problems(host: Host) -> tuple[Finding, ...]:
    """Report which of the records of earlier runs cannot be read, as root."""
    if host.is_live and not host.is_root:
        return ()
    return _unreadable(checkpoints.damaged(host))


def _unreadable(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    found = (Finding.of(problem, 'error', problem.where) for problem in problems)
    return tuple(each._replace(check='unfinished-run') for each in found)


def _left_behind(run: Run) -> Finding:
    if not run.steps:
        return Finding('unfinished-run', 'error', run.origin.line)
    paths = ', '.join(step.change.path for step in run.steps)
    return Finding(
        check='unfinished-run',
        severity='warning',
        message=f'of {run.title}, {paths} could not be put back yet; each run tries: '
        'is there room?',
        path=LEFT_BEHIND,
        remedy=(f'df -h {quoted(run.steps[0].change.path)}',),
    )


def _on_approval(host: Host, pending: Pending) -> Finding:
    seconds = pending.seconds_left(host)
    state = (
        f'is waiting for confirmation, and is undone in {seconds:.0f} s'
        if seconds > 0
        else 'was not confirmed in time; the next run undoes it'
    )
    return Finding(
        check='unfinished-run',
        severity='warning',
        message=f'run {pending.checkpoint} {state}',
        path=PENDING,
        remedy=(confirmation.CONFIRM,) if seconds > 0 else (FINISH,),
    )
