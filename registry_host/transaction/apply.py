"""The one order of effects: look again, note, write, activate, prove, commit."""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING, NamedTuple

from registry_host.engine.activate import Allowed, activate, allowed, require_found
from registry_host.errors import (
    ApplyError,
    ConfigError,
    ConflictError,
    EngineError,
    Finding,
    Problem,
    RegistryHostError,
    quoted,
)
from registry_host.host.replacing import changed
from registry_host.levels import IF_SAFE, Activation
from registry_host.plan.unmerge import InseparableError, holds, revert
from registry_host.resolver.use import Use
from registry_host.targets import dns_manager, docker_config, docker_daemon
from registry_host.targets.logins import wait_for_logins
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.journal import Journal
from registry_host.transaction.run import Origin, Run, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.engine.api import Info
    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.changes import Change, Plan

VALIDATE_SINCE: Version = (23, 0, 0)
HOLD_ATTEMPTS = 3


class Order(NamedTuple):
    """How a plan is to be applied: by which command, how far, and for how long.

    `confirm_within` is in seconds; None is for good. `names` are those that the host
    must find then, `endpoints` each HOST:PORT of which the engine must find the name.
    `is_by_itself`: nobody is there who could decide.
    """

    origin: Origin
    restart: str = IF_SAFE
    confirm_within: float | None = None
    names: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    is_by_itself: bool = False


class Outcome(NamedTuple):
    """What a run came to: how far it was activated, and what the engine then showed.

    `pending` is what the engine still needs, NONE if nothing; `stopped` names the
    containers that a restart stopped; `checkpoint` is what `undo` takes.
    """

    done: Activation = Activation.NONE
    pending: Activation = Activation.NONE
    is_verified: bool = False
    info: Info | None = None
    findings: tuple[Finding, ...] = ()
    stopped: tuple[str, ...] = ()
    checkpoint: int | None = None


def apply_plan(host: Host, plan: Plan, engine: EngineFacts, order: Order) -> Outcome:
    """Bring `plan` about, whole or not at all; within a transaction.

    Raises ConflictError (75) or ConfigError (2) before anything is written, ApplyError
    (1) with all as it was before.
    """
    is_undo = order.origin.undoes is not None
    if plan.is_empty and not plan.writes and not is_undo:
        return Outcome()
    if not order.is_by_itself:
        _require_reachable(plan, engine)
    _require_valid(host, plan, engine)
    _require_unchanged(host, plan)
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
            _replace(host, change, change.before, change.after)
        return Outcome()
    return _run(host, plan, engine, may, order)


def _require_reachable(plan: Plan, engine: EngineFacts) -> None:
    """Refuse to change the file of an engine that runs and cannot be asked about it."""
    if plan.activation >= Activation.RELOAD and engine.state == 'unreachable':
        raise EngineError(*filter(None, [engine.problem]))


# Before the first byte


def _require_unchanged(host: Host, plan: Plan) -> None:
    for change in plan.writes:
        before = change.before
        now = host.read(change.path, user=before.user, folder_mode=before.folder_mode)
        if now != before:
            raise changed(change.path)


def _require_valid(host: Host, plan: Plan, engine: EngineFacts) -> None:
    """Let the engine itself judge the candidate, where it can without starting.

    `dockerd --validate` exists since 23.0, and sees conflicts with flags only if it is
    given those of the service (moby daemon/command, 26.1.5 and 28.5.2). What it never
    looks at is ours to check: see directives.lint.
    """
    candidate = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    can_validate = engine.version is not None and engine.version >= VALIDATE_SINCE
    if candidate is None or candidate.after.content is None:
        return
    if not engine.program or not can_validate:
        return
    with host.private_file(candidate.after.content) as path:
        flags = _without_config_file(engine.argv[1:])
        done = host.run([engine.program, '--validate', f'--config-file={path}', *flags])
    if done.code in (0, None):
        return
    from registry_host.redact import redact

    reason = (
        redact(done.err.strip().splitlines()[-1]) if done.err.strip() else 'invalid'
    )
    raise ConfigError(
        Problem(
            code='engine-refuses',
            where=candidate.path,
            message=f'dockerd --validate: {reason.replace(path, candidate.path)}',
            hint=f'mend the file, then try: dockerd --validate '
            f'--config-file={quoted(candidate.path)}',
        )
    )


def _without_config_file(argv: Sequence[str]) -> list[str]:
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word == '--config-file':
            next(words, None)
        elif not word.startswith('--config-file='):
            kept.append(word)
    return kept


# The run


def _run(
    host: Host, plan: Plan, engine: EngineFacts, may: Allowed, order: Order
) -> Outcome:
    info = None

    def explain(err: OSError | RegistryHostError) -> RegistryHostError:
        return _failure(err, engine)

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
        findings += _hold(host, journal)
        journal.commit()
    with contextlib.suppress(OSError):
        if order.confirm_within is not None:
            confirmation.start_over(host, order.confirm_within)
        # If not, more are kept than need be, until next time.
        checkpoints.prune(host)
    outcome = _outcome(plan, engine, may, journal.run, info)
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
        how = _replace(host, change, change.before, change.first, step.temporary)
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


def _replace(
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
        _replace(host, change, now, change.after, step.temporary)
    for state in folders:
        host.remove_folders(state)


def _hold(host: Host, journal: Journal) -> tuple[Finding, ...]:
    """Look whether what was written still stands, whoever else may write there.

    A program that had read the file before us, as a `docker login` that waited for its
    password, writes it without our part: that is then put in once more.
    """
    findings: list[Finding] = []
    for step in journal.run.steps:
        user = step.change.before.user
        if step.change.target == docker_config.NAME and user:
            if not wait_for_logins(host, user):
                findings.append(_login_under_way(step.change.path, user))
        for _ in range(HOLD_ATTEMPTS):
            now = host.read(step.change.path, user=user)
            again = _merged_again(step.change, now)
            if again == now.content:
                break
            _merge_again(host, journal, step, now, again)
        else:
            raise _overwritten(step.change.path)
    return tuple(findings)


def _login_under_way(path: str, user: User) -> Finding:
    return Finding(
        check='login-under-way',
        severity='warning',
        message=f'a docker login of {user.name} is under way: when it ends, it writes '
        f'{path} as it was before this run',
        path=path,
        remedy=('the same command again, once it has ended',),
    )


def _merge_again(
    host: Host, journal: Journal, step: Step, now: FileState, content: bytes | None
) -> None:
    """Write a file with our part and theirs; the journal knows of it first."""
    after = now._replace(content=content)
    if now.content is None:
        after = step.change.after._replace(content=content)
    if content is not None:
        journal.merge(step.change.path, content)
    with contextlib.suppress(ConflictError):
        host.replace_file(now, after, step.temporary)


def _merged_again(change: Change, now: FileState) -> bytes | None:
    """Work out what a file is with our part in it; ConflictError if it is not ours."""
    if now.content == change.after.content:
        return now.content
    if change.target != docker_config.NAME:
        is_text = change.target == dns_manager.NAME
        states = (change.before.content, change.after.content, now.content)
        if holds(*states, is_text=is_text):
            return now.content
        raise _overwritten(change.path)
    try:
        return revert(change.after.content, change.before.content, now.content)
    except InseparableError:
        raise _overwritten(change.path) from None


def _overwritten(path: str) -> ConflictError:
    return ConflictError(
        Problem(
            code='file-changed',
            where=path,
            message='was overwritten by somebody else right after our write',
            hint='run the same command again',
        )
    )


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
        findings = (_pending(plan, may, engine),)
        return Outcome(pending=plan.activation, findings=findings)
    try:
        info = activate(host, engine, may.activation, plan.expected)
    except (EngineError, OSError) as err:
        raise EngineError(_not_taken(err, engine)) from None
    return Outcome(
        done=may.activation,
        is_verified=_is_shown(plan, may),
        info=info,
        stopped=may.stopped,
    )


def _outcome(
    plan: Plan, engine: EngineFacts, may: Allowed, run: Run, info: Info | None
) -> Outcome:
    is_pending = engine.is_running and may.activation < plan.activation
    return Outcome(
        done=may.activation,
        pending=plan.activation if is_pending else Activation.NONE,
        is_verified=not is_pending
        and (info is not None or plan.activation is Activation.NONE)
        and _is_shown(plan, may),
        info=info,
        stopped=may.stopped,
        checkpoint=run.id,
        findings=(_pending(plan, may, engine),) if is_pending else (),
    )


def _is_shown(plan: Plan, may: Allowed) -> bool:
    """Whether all is proven: what it does not show, an engine reads when it starts."""
    return plan.is_shown or may.activation is Activation.RESTART


def _pending(plan: Plan, may: Allowed, engine: EngineFacts) -> Finding:
    restart = f'systemctl restart {engine.unit or "docker.service"}'
    # The same command would not find that the engine does not know it yet.
    is_unseen = any(map(docker_daemon.has_new_dns, plan.pending))
    again = 'the same command with --restart always, at a time that suits'
    return Finding(
        check='restart-pending',
        severity='warning',
        message=f'the engine uses it only once it has restarted: {may.reason}',
        remedy=(restart,) if is_unseen else (again, f'or: {restart}'),
    )


# Failure


def _failure(
    err: OSError | RegistryHostError, engine: EngineFacts
) -> RegistryHostError:
    if isinstance(err, EngineError):
        return ApplyError(_not_taken(err, engine))
    if isinstance(err, RegistryHostError):
        return err
    return ApplyError(
        Problem(
            code='write-failed',
            where=err.filename if isinstance(err.filename, str) else '',
            message=f'could not be written ({err.strerror or err})',
            hint='df -h /var/lib/registry-host',
        )
    )


def _not_taken(err: EngineError | OSError, engine: EngineFacts) -> Problem:
    unit = engine.unit or 'dockerd'
    problem = err.problems[0] if isinstance(err, EngineError) else None
    return Problem(
        code=problem.code if problem else 'reload-rejected',
        where=unit,
        message='the engine did not take the change: '
        f'{problem.message if problem else err}',
        hint=f'journalctl -u {unit} -n 20',
    )
