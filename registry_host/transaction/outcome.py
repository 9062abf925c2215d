"""What a run came to, and why one did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import (
    ApplyError,
    EngineError,
    Finding,
    Problem,
    RegistryHostError,
)
from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.targets import daemon_change

if TYPE_CHECKING:
    from registry_host.engine.activate import Allowed
    from registry_host.engine.api import Info
    from registry_host.engine.find import EngineFacts
    from registry_host.plan.changes import Plan
    from registry_host.transaction.run import Run


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


def outcome_of(
    plan: Plan, engine: EngineFacts, may: Allowed, run: Run, info: Info | None
) -> Outcome:
    is_pending = engine.is_running and may.activation < plan.activation
    return Outcome(
        done=may.activation,
        pending=plan.activation if is_pending else Activation.NONE,
        is_verified=not is_pending
        and (info is not None or plan.activation is Activation.NONE)
        and is_shown(plan, may),
        info=info,
        stopped=may.stopped,
        checkpoint=run.id,
        findings=(restart_pending(plan, may, engine),) if is_pending else (),
    )


def is_shown(plan: Plan, may: Allowed) -> bool:
    """Whether all is proven: what it does not show, an engine reads when it starts."""
    return plan.is_shown or may.activation is Activation.RESTART


def restart_pending(plan: Plan, may: Allowed, engine: EngineFacts) -> Finding:
    restart = f'systemctl restart {engine.unit or "docker.service"}'
    # The same command would not find that the engine does not know it yet.
    is_unseen = any(map(daemon_change.has_new_dns, plan.pending))
    again = 'the same command with --restart always, at a time that suits'
    return Finding(
        check='restart-pending',
        severity='warning',
        message=f'the engine uses it only once it has restarted: {may.reason}',
        remedy=(restart,) if is_unseen else (again, f'or: {restart}'),
    )


def failure_of(
    err: OSError | RegistryHostError, engine: EngineFacts
) -> RegistryHostError:
    if isinstance(err, EngineError):
        return ApplyError(not_taken(err, engine))
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


def not_taken(err: EngineError | OSError, engine: EngineFacts) -> Problem:
    unit = engine.unit or 'dockerd'
    problem = err.problems[0] if isinstance(err, EngineError) else None
    return Problem(
        code=problem.code if problem else 'reload-rejected',
        where=unit,
        message='the engine did not take the change: '
        f'{problem.message if problem else err}',
        hint=f'journalctl -u {unit} -n 20',
    )
