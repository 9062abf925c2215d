"""An unfinished run is rolled back by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, Finding, Problem, quoted
from registry_host.host.locations import JOURNAL
from registry_host.levels import IF_SAFE
from registry_host.progress import HostState
from registry_host.services.facts import Facts
from registry_host.transaction.checkpoints import (
    close,
    forget_left_behind,
    leave_behind,
    left_behind,
    load_journal,
)
from registry_host.transaction.rollback import FINISH, go_back
from registry_host.transaction.run import RECOVERED, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host


def recover(host: Host) -> tuple[Finding, ...]:
    """Undo what an unfinished run has done; the lock is held. ApplyError if it cannot.

    May itself be cut at any step, and be run again.
    """
    mended = tuple(f for run in left_behind(host) for f in _try_again(host, run))
    run = load_journal(host)
    if run is None:
        return mended
    host.progress.reach(HostState.PARTLY_CHANGED, FINISH)
    names = [need.service for need in run.needs]
    facts = Facts.of_host(host)
    back = go_back(host, run, facts, activated=names, policy=IF_SAFE)
    left = _of_users(run, back.failed)
    note = ''
    is_of_users = bool(left.steps) and len(left.steps) == len(back.failed)
    if is_of_users and back.is_engine_back:
        leave_behind(host, left)
        note = '; each run tries that again'
    elif not back.is_whole:
        raise ApplyError(
            Problem(
                code='recovery-incomplete',
                where=run.title,
                message=f'had not ended, and cannot be rolled back: {back}',
                hint=FINISH,
            )
        )
    recovered = _mended('recovered', f'{run.title} had not ended: {back}{note}')
    findings = (*mended, *masked(run), recovered)
    try:
        close(host, run, RECOVERED)
    finally:  # An interrupt right behind the change of its name does not undo that.
        if not host.exists(JOURNAL):
            host.progress.mend(findings)
    return findings


def masked(run: Run) -> Iterator[Finding]:
    """Report what of a record is not put back, for it would grant rights."""
    for path in run.masked:
        yield Finding(
            check='not-put-back',
            severity='warning',
            message=f'{path}: the record of {run.title} names a special mode, an '
            'owner or an attribute that grants rights, which is not put back',
            path=path,
            remedy=(f'ls -l {quoted(path)}',),
        )


def _mended(check: str, message: str) -> Finding:
    return Finding(check, 'warning', message, remedy=('registry-host history',))


def _of_users(run: Run, paths: Mapping[str, str]) -> Run:
    """Pick the steps of a run that only concern users' own files."""
    steps = (step for step in run.steps if step.change.path in paths)
    return run._replace(
        steps=tuple(
            step
            for step in steps
            if step.change.before.user and step.change.before.user.uid != 0
        )
    )


def _try_again(host: Host, run: Run) -> tuple[Finding, ...]:
    """Put back files of users that could not be: their disk may have room by now.

    Until then they block nothing else.
    """
    if not run.steps:
        return (_mended('left-behind', run.origin.line),)
    back = go_back(host, run, Facts.unknown(host), activated=(), policy=IF_SAFE)
    if back.failed:
        return (_mended('left-behind', f'of {run.title}: {back}'),)
    forget_left_behind(host, run)
    return (*masked(run), _mended('put-back', f'of {run.title}: {back}'))
