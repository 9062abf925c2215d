"""Commands about runs of the past: history, undo, confirm, and the timer's revert."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from registry_host import checkpoints, confirm
from registry_host.checkpoints import Run
from registry_host.errors import Problem, UndoError
from registry_host.facts import look_at_engine
from registry_host.managed import entry_changes
from registry_host.plan import Finding
from registry_host.report import Report, undo_line
from registry_host.transaction import (
    pending_run,
    require_in_time,
    require_root,
    take_back_pending,
    transaction,
    unfinished,
)
from registry_host.undo import plan_undo, require_newest, take_back

if TYPE_CHECKING:
    from registry_host.host import Host

EXIT_PENDING = 3
# A run that is under way may wait for its engine; the timer waits for the run.
REVERT_LOCK_TIMEOUT_S = 600.0


def history(host: Host) -> Report:
    """List the runs, the oldest first."""
    require_root(host)
    findings = unfinished(host)
    return Report(command='history', runs=checkpoints.history(host), findings=findings)


def undo(
    host: Host,
    *,
    number: int | None,
    is_check: bool,
    has_diff: bool,
    restart: str,
    lock_timeout_s: float,
    line: str,
) -> Report:
    """Take back one run, the newest that stands if none is named."""
    report = Report(command='undo', is_check=is_check, has_diff=has_diff)
    require_root(host)
    if is_check:
        cut_short = checkpoints.load_journal(host)
        if cut_short is not None and number is None:
            note = f'would take back {cut_short.title}, which was cut short'
            found = unfinished(host)
            return report._replace(note=note, findings=found, exit_code=EXIT_PENDING)
        run = _find(host, number)
        if run is None:
            return report._replace(note=_NOTHING, findings=unfinished(host))
        plan = plan_undo(host, run, look_at_engine(host))
        return report._replace(
            plan=plan,
            entries=entry_changes(host, plan),
            findings=unfinished(host) + plan.findings,
            note=f'would take back {run.title}',
            exit_code=0 if plan.is_empty else EXIT_PENDING,
        )
    with transaction(
        host, lock_timeout_s=lock_timeout_s, is_about_pending=True
    ) as mended:
        is_it = any(each.check in ('recovered', 'not-confirmed') for each in mended)
        if is_it and number is None:
            return report._replace(findings=mended)
        run = _find(host, number)
        if run is None:
            return report._replace(note=_NOTHING, findings=mended)
        pending = pending_run(host)
        if pending is not None and pending.checkpoint != run.id:
            raise confirm.busy(pending, pending.seconds_left(host))
        undone = take_back(host, run, line=line, restart=restart)
        entries = entry_changes(host, undone.plan)
        confirm.disarm(host, run.id)
    return report._replace(
        plan=undone.plan,
        entries=entries,
        outcome=undone.outcome,
        undo=undo_line(undone.outcome, is_undo=True),
        findings=mended + undone.plan.findings + undone.outcome.findings,
        note='' if undone.plan.is_empty else f'took back {run.title}',
    )


_NOTHING = 'nothing to undo: no run stands that changed anything'


def _find(host: Host, number: int | None) -> Run | None:
    """Pick a run; UndoError if the one that is named did, or does, nothing."""
    runs = checkpoints.history(host)
    undone = checkpoints.undone(runs)
    if number is None:
        for run in reversed(runs):
            if run.outcome == checkpoints.DAMAGED:
                checkpoints.load_run(host, run.id)  # Raises, with the way out.
            if run.changes and run.id not in undone and run.origin.undoes is None:
                return run
        return None
    run = checkpoints.load_run(host, number)
    if run.id in undone:
        raise UndoError(_undone(run, undone[run.id]))
    if not run.changes:
        raise UndoError(_came_to_nothing(run))
    require_newest(run, _since(run, runs, undone))
    return run


def _since(run: Run, runs: Iterable[Run], undone: Mapping[int, int]) -> Iterator[Run]:
    """The later runs that count, the newest first: not those that were taken back."""
    later = {each.id: each for each in runs if each.id > run.id}
    for each in sorted(later.values(), reverse=True):
        target = each.origin.undoes
        is_undoing_later = target is not None and target in later
        is_applied = each.outcome == checkpoints.APPLIED
        if is_applied and each.id not in undone and not is_undoing_later:
            yield each


def _undone(run: Run, by: int) -> Problem:
    return Problem(
        code='undo-done',
        where=run.title,
        message=f'is undone already, by run {by}',
        hint=f'to bring it back: sudo registry-host undo {by}',
    )


def _came_to_nothing(run: Run) -> Problem:
    return Problem(
        code='undo-nothing',
        where=run.title,
        message=f'changed nothing ({run.outcome})',
        hint='registry-host history',
    )


def confirm_pending(host: Host, *, lock_timeout_s: float) -> Report:
    """Let the change on approval stand."""
    with transaction(
        host, lock_timeout_s=lock_timeout_s, is_about_pending=True
    ) as mended:
        pending = pending_run(host)
        if pending is None:
            raise UndoError(_none_pending())
        require_in_time(host, pending)
        confirm.disarm(host, pending.checkpoint)
        run = checkpoints.load_run(host, pending.checkpoint)
    note = f'confirmed: {run.title} stays'
    return Report(command='confirm', findings=mended, note=note)


def _none_pending() -> Problem:
    return Problem(
        code='confirm-none',
        message='no change is on approval',
        hint='sudo registry-host history',
    )


def revert(host: Host, token: str, *, after_s: float) -> Report:
    """What the timer calls: take the change back if it is still on approval then."""
    mended: tuple[Finding, ...] = ()
    while True:
        time.sleep(after_s)
        with transaction(
            host, lock_timeout_s=REVERT_LOCK_TIMEOUT_S, is_about_pending=True
        ) as found:
            mended += found
            pending = pending_run(host)
            if pending is None or pending.token != token:
                note = 'confirmed: nothing to take back'
                return Report(command='revert', findings=mended, note=note)
            # The run may have ended long after it had started the timer.
            after_s = pending.seconds_left(host)
            if after_s <= 0:
                finding = take_back_pending(host, pending)
                return Report(command='revert', findings=(*mended, finding))
