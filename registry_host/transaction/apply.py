"""The one order of effects: look again, note, write, activate, prove, commit."""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, Finding, Problem, quoted
from registry_host.host.replacing import changed
from registry_host.levels import ALWAYS, Activation, Allowed
from registry_host.progress import Proof
from registry_host.transaction import checkpoints, confirmation, unproved
from registry_host.transaction.activating import Services
from registry_host.transaction.candidate import judge, recorded, require_unchanged
from registry_host.transaction.hold import hold
from registry_host.transaction.journal import Journal
from registry_host.transaction.outcome import Outcome, failure_of
from registry_host.transaction.run import Ledgers, Run, Step, Touched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.plan.changes import Change, Plan
    from registry_host.plan.readings import Need
    from registry_host.services.service import Service
    from registry_host.targets.planning import Planned
    from registry_host.transaction.order import Order


def apply_plan(host: Host, planned: Planned, order: Order) -> Outcome:
    """Bring a plan about, whole or not at all; within a transaction.

    Raises ConflictError (75) or ConfigError (2) before anything is written, ApplyError
    (1) with all as it was before.
    """
    plan = planned.plan
    is_undo = order.origin.undoes is not None
    is_as_asked = plan.is_empty and not is_undo
    if is_as_asked and not plan.writes and order.checks.image is None:
        return Outcome()
    if not plan.is_empty or plan.writes or is_undo:
        judge(host, planned, is_by_itself=order.is_by_itself)
        require_unchanged(host, plan)
        checkpoints.require_room(plan.writes)
    plan, services = _services(host, planned, order)
    if is_as_asked:
        return _as_asked(host, plan, services, order)
    if plan.writes or is_undo:  # Even if nothing of the run that is undone is left.
        return _run(host, plan, services, order)
    outcome = services.activate_alone()
    if outcome.done is not Activation.NONE:
        _note(host, order, services)
    return outcome._replace(findings=services.findings + outcome.findings)


def _as_asked(host: Host, plan: Plan, services: Services, order: Order) -> Outcome:
    """Write the ledger alone, and have the proof that an earlier run could not have."""
    for change in plan.writes:  # One file: there is nothing to go back from.
        write_file(host, change, change.before, change.after)
    if order.checks.image is None:
        return Outcome()
    services.activate(None)
    _note(host, order, services)
    return Outcome(findings=services.findings)


def _note(host: Host, order: Order, services: Services) -> None:
    """Remember what a run that is in no history could not prove, or did."""
    unproved.remember(host, order.checks, services.findings)
    is_put_off = services.is_put_off
    unproved.forget(host, order.checks, services.findings, is_put_off=is_put_off)


def forecast(host: Host, planned: Planned, order: Order) -> Outcome:
    """Say what applying a plan would come to; raises what that would, too."""
    if host.is_root:  # Others see less of the services than the run will.
        judge(host, planned, is_by_itself=False)
    checkpoints.require_room(planned.plan.writes)
    plan, services = _services(host, planned, order)
    is_undo = order.origin.undoes is not None
    return services.forecast(is_alone=not plan.writes and not is_undo)


def _services(host: Host, planned: Planned, order: Order) -> tuple[Plan, Services]:
    """Settle how far each service may be activated, and note that in the plan."""
    plan = planned.plan
    found = {service.name: service for service in planned.services}
    may = tuple(_allowed(host, found[n.service], n, order) for n in plan.needs)
    levels = zip(plan.needs, may, strict=True)
    needs = tuple(
        _noted(host, found[need.service], need._replace(done=each.activation))
        for need, each in levels
    )
    plan = recorded(plan._replace(needs=needs), planned.services)
    return plan, Services(host, planned._replace(plan=plan), may, order)


def _noted(host: Host, service: Service, need: Need) -> Need:
    """Note what a way back has to find again of a service that is to be disturbed."""
    if need.done is Activation.NONE:
        return need
    return need._replace(seen=need.seen._replace(condition=service.condition(host)))


def _allowed(host: Host, service: Service, need: Need, order: Order) -> Allowed:
    if need.needed is Activation.NONE:
        return Allowed(Activation.NONE)
    if service.seen.is_running or service.is_started:
        return service.allowed(host, need.needed, order.restart)
    if order.is_by_itself and service.seen.state == 'unreachable':
        # It may be the change that has done this to it.
        return service.allowed(host, Activation.RESTART, ALWAYS)
    return Allowed(Activation.NONE)


# The run


def _run(host: Host, plan: Plan, services: Services, order: Order) -> Outcome:
    with Journal(host, _run_of(host, plan, order), failure_of) as journal:
        journal.open()
        run = journal.run
        if order.confirm_within is not None:
            confirmation.arm(host, run.id, order.confirm_within)
        findings = tuple(_write(host, run))
        services.activate(journal)
        _finish(host, run)
        if services.is_put_off:
            host.progress.doubt('pulls', 'a restart was put off')
        findings += (*services.findings, *hold(host, journal, services.facts))
        is_put_off, checks = services.is_put_off, order.checks
        number = journal.run.id
        unproved.remember(host, checks, findings, run=number, is_put_off=is_put_off)
        journal.commit()
    with contextlib.suppress(OSError):
        unproved.forget(host, checks, findings, is_put_off=is_put_off)
    with contextlib.suppress(OSError):
        if order.confirm_within is not None:
            confirmation.start_over(host, order.confirm_within)
        # If not, more are kept than need be, until next time.
        checkpoints.prune(host)
    outcome = services.outcome()
    return outcome._replace(
        findings=findings + outcome.findings, checkpoint=journal.run.id
    )


def _run_of(host: Host, plan: Plan, order: Order) -> Run:
    return Run(
        id=checkpoints.next_id(host),
        origin=order.origin,
        started=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
        by=host.invoker_name(),
        needs=plan.needs,
        steps=tuple(
            Step(
                change=change,
                temporary=host.temporary_for(change.before),
                passing=() if change.interim is None else (change.interim,),
            )
            for change in plan.writes
        ),
        files=tuple(Touched(change.path, change.action) for change in plan.pending),
        ledgers=_ledgers_of(plan),
    )


def _ledgers_of(plan: Plan) -> Ledgers:
    if plan.record is None:
        return Ledgers()
    return Ledgers(plan.record.before.content, plan.record.after.content)


def _write(host: Host, run: Run) -> Iterator[Finding]:
    for step in run.steps:
        change = step.change
        how = write_file(host, change, change.before, change.first, step.temporary)
        if how == 'in-place':
            yield _in_place(change.path)


def write_file(
    host: Host,
    change: Change,
    before: FileState,
    after: FileState,
    temporary: str | None = None,
) -> str:
    try:
        return host.replace_file(before, after, temporary)
    except OSError as err:
        why = err.strerror or str(err)
        host.progress.prove(Proof('written', change.path, 'failed', why))
        raise _write_failed(err, change) from None


def _finish(host: Host, run: Run) -> None:
    """Take out what was there only for the engine to forget it, and empty folders."""
    folders: list[FileState] = []
    for step in run.steps:
        change = step.change
        if change.after.content is None:
            folders.append(change.after)
        if change.interim is None:
            continue
        now = host.read(change.path, user=change.before.user)
        if not now.is_same_file(change.first):
            raise changed(change.path)
        write_file(host, change, now, change.after, step.temporary)
    for state in folders:
        host.remove_folders(state)


def _in_place(path: str) -> Finding:
    return Finding(
        check='written-in-place',
        severity='info',
        message=f'{path} is mounted on its own and cannot be replaced: '
        'it was overwritten in place',
        path=path,
    )


def _write_failed(err: OSError, change: Change) -> ApplyError:
    path = change.path
    hints = {
        errno.ENOSPC: f'df -h {quoted(path.rpartition("/")[0])}',
        errno.EPERM: f'lsattr {quoted(path)}',
        errno.EROFS: f'findmnt -T {quoted(path)}',
    }
    return ApplyError(
        Problem(
            code='write-failed',
            where=path,
            message=f'could not be written ({err.strerror or err})',
            hint=hints.get(err.errno or 0, f'sudo namei -l {quoted(path)}'),
        )
    )
