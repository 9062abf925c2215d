"""The undo command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.find import look_at_engine
from registry_host.errors import Exit, Problem, UndoError
from registry_host.reporting.report import Report, undo_line
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.lock import (
    pending_run,
    require_root,
    transaction,
    unfinished,
)
from registry_host.transaction.managed import entry_changes
from registry_host.transaction.run import APPLIED, DAMAGED, Run
from registry_host.transaction.undoing import plan_undo, require_newest, take_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.host.host import Host


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
            return report._replace(note=note, findings=found, exit_code=Exit.PENDING)
        run = _find(host, number)
        if run is None:
            return report._replace(note=_NOTHING, findings=unfinished(host))
        plan = plan_undo(host, run, look_at_engine(host))
        return report._replace(
            plan=plan,
            entries=entry_changes(host, plan),
            findings=unfinished(host) + plan.findings,
            note=f'would take back {run.title}',
            exit_code=Exit.DONE if plan.is_empty else Exit.PENDING,
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
            raise confirmation.busy(pending, pending.seconds_left(host))
        undone = take_back(host, run, line=line, restart=restart)
        entries = entry_changes(host, undone.plan)
        confirmation.disarm(host, run.id)
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
            if run.outcome == DAMAGED:
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
        is_applied = each.outcome == APPLIED
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
