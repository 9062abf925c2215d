"""The one order of effects: look again, note, write, activate, prove, commit."""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING

from registry_host.engine.activate import Allowed, activate, allowed, require_found
from registry_host.errors import (
    ApplyError,
    EngineError,
    Finding,
    Problem,
    RegistryHostError,
    quoted,
)
from registry_host.host.replacing import changed
from registry_host.levels import IF_SAFE, Activation
from registry_host.namedtuples import NamedTuple
from registry_host.resolver.use import Use
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.candidate import (
    require_reachable,
    require_unchanged,
    require_valid,
)
from registry_host.transaction.hold import hold
from registry_host.transaction.journal import Journal
from registry_host.transaction.outcome import (
    Outcome,
    failure_of,
    is_shown,
    not_taken,
    outcome_of,
    restart_pending,
)
from registry_host.transaction.run import Origin, Run, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import RestartPolicy
    from registry_host.plan.changes import Change, Plan


class Order(NamedTuple):
    """How a plan is to be applied: by which command, how far, and for how long.

    `confirm_within` is in seconds; None is for good. `names` are those that the host
    must find then, `endpoints` each HOST:PORT of which the engine must find the name.
    `is_by_itself`: nobody is there who could decide.
    """

    origin: Origin
    restart: RestartPolicy = IF_SAFE
    confirm_within: float | None = None
    names: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    is_by_itself: bool = False


def apply_plan(host: Host, plan: Plan, engine: EngineFacts, order: Order) -> Outcome:
    """Bring `plan` about, whole or not at all; within a transaction.

    Raises ConflictError (75) or ConfigError (2) before anything is written, ApplyError
    (1) with all as it was before.
    """
    is_undo = order.origin.undoes is not None
    if plan.is_empty and not plan.writes and not is_undo:
        return Outcome()
    if not order.is_by_itself:
        require_reachable(plan, engine)
    require_valid(host, plan, engine)
    require_unchanged(host, plan)
    checkpoints.require_room(plan.writes)
    may = Allowed(Activation.NONE)
    if plan.activation >= Activation.RELOAD and engine.is_running:
        may = allowed(host, engine, plan.activation, order.restart)
    elif order.is_by_itself and engine.state == 'unreachable' and engine.unit:
        # It may be the change that has done this to it.
        may = Allowed(Activation.RESTART)
    if is_undo:  # Even if nothing of the run is left: it has been taken back.
        return _run(host, plan, engine, may, order)
    if not plan.writes:
        return _activate_alone(host, plan, engine, may)
    if plan.is_empty:  # Only our own memory: one file, nothing to go back from.
        for change in plan.writes:
            write_file(host, change, change.before, change.after)
        return Outcome()
    return _run(host, plan, engine, may, order)


# Before the first byte


# The run


def _run(
    host: Host, plan: Plan, engine: EngineFacts, may: Allowed, order: Order
) -> Outcome:
    info = None

    def explain(err: OSError | RegistryHostError) -> RegistryHostError:
        return failure_of(err, engine)

    with Journal(host, _run_of(host, plan, engine, may, order), explain) as journal:
        journal.open()
        run = journal.run
        if order.confirm_within is not None:
            confirmation.arm(host, run.id, order.confirm_within)
        findings = (*_write(host, run), *_tell_owners(host, plan, run))
        if order.names:
            from registry_host.resolver.telling import require_resolved

            require_resolved(host, order.names)
        if may.activation is not Activation.NONE:
            journal.is_activated = True
            info = activate(host, engine, may.activation, plan.expected)
        if engine.is_running:
            require_found(host, engine, order.endpoints)
        _finish(host, run)
        findings += hold(host, journal)
        journal.commit()
    with contextlib.suppress(OSError):
        if order.confirm_within is not None:
            confirmation.start_over(host, order.confirm_within)
        # If not, more are kept than need be, until next time.
        checkpoints.prune(host)
    outcome = outcome_of(plan, engine, may, journal.run, info)
    return outcome._replace(findings=findings + outcome.findings)


def _run_of(
    host: Host, plan: Plan, engine: EngineFacts, may: Allowed, order: Order
) -> Run:
    return Run(
        id=checkpoints.next_id(host),
        origin=order.origin,
        started=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
        by=host.invoker_name(),
        needed=plan.activation,
        done=may.activation,
        live=engine.info.live if engine.info else None,
        steps=tuple(
            Step(
                change=change,
                temporary=host.temporary_for(change.before),
                passing=() if change.interim is None else (change.interim,),
            )
            for change in plan.writes
        ),
        files=tuple((change.path, change.action) for change in plan.pending),
        ledgers=_ledgers_of(plan),
    )


def _ledgers_of(plan: Plan) -> tuple[bytes | None, bytes | None]:
    if plan.record is None:
        return None, None
    return plan.record.before.content, plan.record.after.content


def _write(host: Host, run: Run) -> Iterator[Finding]:
    for step in run.steps:
        change = step.change
        how = write_file(host, change, change.before, change.first, step.temporary)
        if how == 'in-place':
            yield _in_place(change.path)


def _tell_owners(host: Host, plan: Plan, run: Run) -> Iterator[Finding]:
    """Have each owner of nameservers read its files, and look at what it uses then.

    One that configure has found is there; one that was told in the past may be gone.
    """
    if not run.owners:
        return
    from registry_host.resolver import untold
    from registry_host.resolver.telling import (
        PROOF_TIMEOUT_S,
        is_there,
        tell,
        use_again,
    )

    uses = {use.owner: use for use in plan.uses}
    for owner in run.owners:
        use = uses.get(owner, Use(owner))
        if run.origin.command != 'configure' or not use.nameservers:
            # It is to use less than before, and its files say so: that it cannot be
            # told holds up nothing.
            reason = untold.tell(host, owner, timeout_s=PROOF_TIMEOUT_S)
            if reason:
                yield untold.not_told(owner, reason)
                continue
            yield from use_again(host, use, is_told=is_there(host, owner))
            continue
        tell(host, owner)
        untold.forget(host, owner)
        yield from use_again(host, use, is_told=True)


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
        errno.ENOSPC: f'make room: df -h {quoted(path.rpartition("/")[0])}',
        errno.EPERM: f'is it immutable? lsattr {quoted(path)}',
        errno.EROFS: f'the file system is read-only: findmnt -T {quoted(path)}',
    }
    return ApplyError(
        Problem(
            code='write-failed',
            where=path,
            message=f'could not be written ({err.strerror or err})',
            hint=hints.get(err.errno or 0, f'namei -l {quoted(path)}'),
        )
    )


def _activate_alone(
    host: Host, plan: Plan, engine: EngineFacts, may: Allowed
) -> Outcome:
    """The file is right, and the engine does not know it."""
    if may.activation is Activation.NONE:
        return Outcome(pending=plan.activation)
    if plan.drift is Activation.RESTART and may.activation is not Activation.RESTART:
        findings = (restart_pending(plan, may, engine),)
        return Outcome(pending=plan.activation, findings=findings)
    try:
        info = activate(host, engine, may.activation, plan.expected)
    except (EngineError, OSError) as err:
        raise EngineError(not_taken(err, engine)) from None
    return Outcome(
        done=may.activation,
        is_verified=is_shown(plan, may),
        info=info,
        stopped=may.stopped,
    )


# Failure
