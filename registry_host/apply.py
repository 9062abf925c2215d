"""The one order of effects: lock, look again, write, activate, verify, or put back."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from registry_host.engine import RELOAD_TIMEOUT_S, Reload, reload
from registry_host.errors import (
    ApplyError,
    ConfigError,
    ConflictError,
    EngineError,
    PrivilegeError,
    Problem,
    RegistryHostError,
)
from registry_host.plan import Activation, Change, Finding, LiveLists, Plan
from registry_host.targets import docker_daemon

if TYPE_CHECKING:
    from registry_host.directives import Version
    from registry_host.engine import Info
    from registry_host.facts import EngineFacts, Facts
    from registry_host.host import Host

VALIDATE_SINCE: Version = (23, 0, 0)
# Whoever interrupts us will not wait for long.
HASTY_TIMEOUT_S = 3.0


class Outcome(NamedTuple):
    """What a run came to: how far it was activated, and what the engine then showed."""

    done: Activation = Activation.NONE
    is_verified: bool = False
    info: Info | None = None
    findings: tuple[Finding, ...] = ()


def apply_plan(host: Host, plan: Plan, facts: Facts) -> Outcome:
    """Bring `plan` about, whole or not at all.

    Raises LockedError or ConflictError (75) before anything is written, ConfigError (2)
    if the engine would refuse the file, ApplyError (1) with the old bytes back.
    """
    if not plan.writes and plan.is_empty:
        return Outcome()
    if facts.is_live and not facts.is_root:
        raise PrivilegeError(_needs_root())
    _require_reachable(plan, facts.engine)
    with host.lock():
        # An unfinished run of before is to be recovered here, once there is a journal.
        _require_unchanged(host, plan)
        _require_valid(host, plan, facts.engine)
        # The journal belongs here: all it takes to go back, before the first byte.
        findings = _write_all(host, plan.writes)
        if not _is_engine_concerned(plan, facts.engine):
            is_whole = plan.activation is Activation.NONE and not plan.is_empty
            return Outcome(is_verified=is_whole, findings=findings)
        outcome = _activate(host, plan, facts.engine)
        return outcome._replace(findings=findings)


def _needs_root() -> Problem:
    return Problem(
        code='needs-root',
        where='registry-host',
        message='only root may change this host',
        hint='run the same command with sudo',
    )


def _require_reachable(plan: Plan, engine: EngineFacts) -> None:
    """Refuse to change the file of an engine that runs and cannot be asked about it."""
    if plan.activation >= Activation.RELOAD and engine.state == 'unreachable':
        raise EngineError(*filter(None, [engine.problem]))


def _is_engine_concerned(plan: Plan, engine: EngineFacts) -> bool:
    return plan.activation >= Activation.RELOAD and engine.is_running


# Before the first byte


def _require_unchanged(host: Host, plan: Plan) -> None:
    for change in plan.writes:
        now = host.read(
            change.path, user=change.before.user, folder_mode=change.before.folder_mode
        )
        if now != change.before:
            raise ConflictError(
                Problem(
                    code='file-changed',
                    where=change.path,
                    message='was changed by somebody else since it was read',
                    hint='run the same command again',
                )
            )


def _require_valid(host: Host, plan: Plan, engine: EngineFacts) -> None:
    """Let the engine itself judge the candidate, where it can without starting.

    `dockerd --validate` exists since 23.0, and sees conflicts with flags only if it is
    given those of the service (moby daemon/command, 26.1.5 and 28.5.2). What it never
    looks at is ours to check: see directives.lint.
    """
    candidate = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    can_validate = engine.version is not None and engine.version >= VALIDATE_SINCE
    if candidate is None or not engine.program or not can_validate:
        return
    with host.private_file(candidate.after.content or b'') as path:
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
            f'--config-file={candidate.path}',
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


# Writing


def _write_all(host: Host, changes: Sequence[Change]) -> tuple[Finding, ...]:
    written: list[Change] = []
    findings: list[Finding] = []
    try:
        for change in changes:
            how = host.replace_file(change.after)
            written.append(change)
            if how == 'in-place':
                findings.append(_in_place(change.path))
        _require_written(host, written)
    except (OSError, RegistryHostError) as err:
        _put_back(host, written, cause=_write_problem(err, changes, written))
    except BaseException:  # Ctrl-C between two files.
        _restore(host, written)
        raise
    return tuple(findings)


def _in_place(path: str) -> Finding:
    return Finding(
        check='written-in-place',
        severity='info',
        message=f'{path} is mounted on its own and cannot be replaced: '
        'it was overwritten in place',
        path=path,
    )


def _require_written(host: Host, written: Sequence[Change]) -> None:
    for change in written:
        now = host.read(change.path, user=change.after.user)
        if (now.content, now.mode) != (change.after.content, change.after.mode):
            raise ConflictError(
                Problem(
                    code='file-changed',
                    where=change.path,
                    message='was overwritten by somebody else right after our write',
                    hint='run the same command again',
                )
            )


def _write_problem(
    err: OSError | RegistryHostError, changes: Sequence[Change], written: list[Change]
) -> RegistryHostError:
    if isinstance(err, RegistryHostError):
        return err
    path = changes[min(len(written), len(changes) - 1)].path
    hints = {
        errno.ENOSPC: f'make room: df -h {path.rpartition("/")[0]}',
        errno.EPERM: f'is it immutable? lsattr {path}',
        errno.EROFS: f'the file system is read-only: findmnt -T {path}',
    }
    return ApplyError(
        Problem(
            code='write-failed',
            where=path,
            message=f'could not be written ({err.strerror})',
            hint=hints.get(err.errno or 0, f'namei -l {path}'),
        )
    )


def _restore(host: Host, written: Sequence[Change]) -> list[str]:
    """Put the old bytes back, last one first; return the paths where that failed."""
    failed: list[str] = []
    for change in reversed(written):
        try:
            host.replace_file(change.before)
        except OSError:
            failed.append(change.path)
    return failed


def _put_back(
    host: Host, written: Sequence[Change], *, cause: RegistryHostError
) -> None:
    """Restore what was there, and raise `cause` with what became of the files."""
    failed = _restore(host, written)
    is_touched = any(change.target != 'ledger' for change in written)
    state = 'the old file is back' if is_touched else 'the old file is as it was'
    if failed:
        state = f'partly applied: {", ".join(failed)} could not be put back'
    problems = [p._replace(message=f'{p.message}; {state}') for p in cause.problems]
    failure = type(cause)(*problems)
    failure.state = ''
    raise failure from None


# Activation


def _activate(host: Host, plan: Plan, engine: EngineFacts) -> Outcome:
    """Reload, and compare what lives with what was asked; else go back to before."""
    try:
        done = _reload(host, engine)
        reason = _disagreement(done, plan.expected)
    except (EngineError, OSError) as err:
        done, reason = None, str(err)
    except BaseException:  # Ctrl-C while the engine is waited for.
        _restore(host, plan.writes)
        _reload_again(host, plan, engine, timeout_s=HASTY_TIMEOUT_S)
        raise
    if reason:
        _roll_back(host, plan, engine, reason)
    return Outcome(
        done=Activation.RELOAD, is_verified=True, info=done.info if done else None
    )


def _reload(
    host: Host, engine: EngineFacts, timeout_s: float = RELOAD_TIMEOUT_S
) -> Reload:
    if engine.pid is None:
        raise EngineError(Problem(code='engine-gone', message='no engine runs'))
    return reload(
        host,
        socket_path=engine.socket_path,
        pid=engine.pid,
        unit=engine.unit,
        timeout_s=timeout_s,
    )


def _reload_lists(
    host: Host,
    plan: Plan,
    engine: EngineFacts,
    lists: LiveLists,
    timeout_s: float,
) -> Reload:
    """Bring back live lists that the old file does not name.

    A reload keeps the value of a key that its file leaves out, so the lists are put
    into the file for the time of one reload.
    """
    for change in plan.writes:
        if change.target == docker_daemon.NAME:
            host.replace_file(docker_daemon.with_lists(change.before, lists))
            try:
                return _reload(host, engine, timeout_s)
            finally:
                host.replace_file(change.before)
    return _reload(host, engine, timeout_s)


def _disagreement(done: Reload, expected: LiveLists | None) -> str:
    if not done.is_taken:
        return done.reason
    if done.info is None:
        return 'the engine does not answer after the reload'
    if expected and not expected.agrees_with(done.info.lists):
        return 'the engine reloaded, but does not show what the file says'
    return ''


def _roll_back(host: Host, plan: Plan, engine: EngineFacts, reason: str) -> None:
    unit = engine.unit or 'dockerd'
    problem = Problem(
        code='reload-rejected',
        where=unit,
        message=f'the engine did not take the change: {reason}',
        hint=f'journalctl -u {unit} -n 20',
    )
    if not plan.writes:
        message = f'{problem.message}; nothing was written'
        raise ApplyError(problem._replace(message=message))
    try:
        _put_back(host, plan.writes, cause=ApplyError(problem))
    except ApplyError as err:
        live = _reload_again(host, plan, engine)
        problems = [p._replace(message=f'{p.message}; {live}') for p in err.problems]
        raise ApplyError(*problems) from None


def _reload_again(
    host: Host, plan: Plan, engine: EngineFacts, timeout_s: float = RELOAD_TIMEOUT_S
) -> str:
    """Activate the old files, and say whether the engine is as it was."""
    before = engine.info.lists if engine.info else None
    try:
        again = _reload(host, engine, timeout_s)
        if again.info and before and again.info.lists != before:
            again = _reload_lists(host, plan, engine, before, timeout_s)
    except (EngineError, OSError) as err:
        return f'the engine could not be reloaded ({err})'
    if again.info is None:
        return 'the engine does not answer'
    if before is None or again.info.lists == before:
        return 'the engine is as it was'
    return 'the live lists differ from before'
