"""The undo command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.commands.carried import report_of, with_registries
from registry_host.errors import Finding, Problem, UndoError
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.carryout import Carried, Manner, Request, carry_out
from registry_host.transaction.lock import pending_run, require_root
from registry_host.transaction.run import APPLIED, DAMAGED, Origin, Run
from registry_host.transaction.undoing import plan_undo, require_newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.reporting.report import Report
    from registry_host.targets.planning import Planned


class Undo(Request):
    """Undo one run, the newest that was not undone if none is named."""

    command = 'undo'
    is_about_pending = True
    is_for_the_lock = True
    is_undo = True

    def __init__(self, number: int | None, *, is_probing: bool) -> None:
        self._number = number
        self._is_probing = is_probing
        self._run: Run | None = None
        self.note = _NOTHING

    def is_met(self, host: Host, mended: tuple[Finding, ...]) -> bool:
        """A run that had not ended is the newest: it has been rolled back by now."""
        if self._number is not None:
            return False
        cut_short = checkpoints.load_journal(host)
        if cut_short is not None:  # With --check, which recovers nothing.
            self.note = f'would roll back {cut_short.title}, which was cut short'
            return True
        is_met = any(each.check in ('recovered', 'not-confirmed') for each in mended)
        self.note = '' if is_met else self.note
        return is_met

    def plan(self, host: Host) -> Planned | None:
        self._run = _find(host, self._number)
        return plan_undo(host, self._run) if self._run else None

    def prove(self, host: Host, planned: Planned) -> Planned:
        if not planned.facts.is_live:
            return planned
        from registry_host.targets.proving import with_baseline

        # A run that waits for confirmation would be undone by its timer in any case.
        is_binding = pending_run(host) is None
        return with_baseline(
            host, planned, is_probing=self._is_probing, is_binding=is_binding
        )

    def require_admitted(self, host: Host) -> None:
        pending = pending_run(host)
        if pending is not None and self._run and pending.checkpoint != self._run.id:
            raise confirmation.busy(pending, pending.seconds_left(host))

    def origin(self, line: str) -> Origin:
        return Origin(self.command, line, undoes=self._run.id if self._run else None)

    def finish(self, host: Host) -> None:
        if self._run:
            confirmation.disarm(host, self._run.id)

    def note_of(self, carried: Carried, *, is_check: bool) -> str:
        """Say in a line what was, or would be, undone."""
        if carried.planned is None or self._run is None:
            return self.note
        if is_check:
            return f'would undo {self._run.title}'
        is_empty = carried.planned.plan.is_empty
        return '' if is_empty else f'undid {self._run.title}'


def undo(
    host: Host, manner: Manner, number: int | None, *, is_probing: bool = True
) -> Report:
    """Undo one run, the newest that was not undone if none is named.

    `is_probing`: the engine is asked whether it can pull, before and after.
    """
    require_root(host)
    request = Undo(number, is_probing=is_probing)
    carried = carry_out(host, request, manner)
    note = request.note_of(carried, is_check=manner.is_check)
    report = report_of(request, manner, carried)._replace(note=note)
    return with_registries(host, report)


_NOTHING = 'nothing to undo: there is no run whose changes are still in place'


def _find(host: Host, number: int | None) -> Run | None:
    """Pick a run; UndoError if the one that is named did, or does, nothing."""
    runs = checkpoints.history(host)
    undone = checkpoints.undone(runs)
    if number is None:
        for run in reversed(runs):
            if run.outcome == DAMAGED:
                checkpoints.load_run(host, run.id)  # Raises, with the way out.
            is_candidate = run.origin.undoes is None and not run.origin.counterpart
            if run.changes and run.id not in undone and is_candidate:
                return run
        return None
    run = checkpoints.load_run(host, number)
    if run.origin.counterpart:
        raise UndoError(_installs(run))
    if run.id in undone:
        raise UndoError(_undone(run, undone[run.id]))
    if not run.changes:
        raise UndoError(_came_to_nothing(run))
    require_newest(run, _since(run, runs, undone))
    return run


def _since(run: Run, runs: Iterable[Run], undone: Mapping[int, int]) -> Iterator[Run]:
    """The later runs that count, the newest first: not those that were undone."""
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
        message=f'was already undone by run {by}; undo that run to redo it',
        hint=f'sudo registry-host undo {by}',
    )


def _installs(run: Run) -> Problem:
    """A registry is removed, or installed again, by the command that says so."""
    done = run.origin.command.rpartition(' ')[2]
    return Problem(
        code='undo-installation',
        where=run.title,
        message=f'{done}ed a registry, which undo leaves alone; nothing was changed',
        hint='registry-host status',
    )


def _came_to_nothing(run: Run) -> Problem:
    return Problem(
        code='undo-nothing',
        where=run.title,
        message=f'changed nothing ({run.outcome})',
        hint='registry-host history',
    )
