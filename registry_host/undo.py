"""Taking back one run of the past: a plan like any other, made from its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from registry_host.apply import Order, Outcome, apply_plan
from registry_host.checkpoints import Origin, Run
from registry_host.errors import ConfigError, Problem, UndoError
from registry_host.facts import EngineFacts, look_at_engine
from registry_host.ledger import (
    LEDGER,
    ledger_change,
    load_ledger,
    read_ledger,
    reverted,
)
from registry_host.plan import IF_SAFE, Activation, Change, FileState, Finding, Plan
from registry_host.revert import InseparableError, revert
from registry_host.targets import docker_daemon
from registry_host.targets.target import absent

if TYPE_CHECKING:
    from registry_host.host import Host


class Undone(NamedTuple):
    """What it took to take a run back."""

    plan: Plan
    outcome: Outcome


def take_back(host: Host, run: Run, *, line: str, restart: str = IF_SAFE) -> Undone:
    """Take back what one run did, and only that; within a transaction.

    Raises UndoError with a diff where others have changed the same since, and what
    apply_plan raises.
    """
    engine = look_at_engine(host)
    plan = plan_undo(host, run, engine)
    order = Order(Origin('undo', line, undoes=run.id), restart=restart)
    return Undone(plan, apply_plan(host, plan, engine, order))


def plan_undo(host: Host, run: Run, engine: EngineFacts) -> Plan:
    """Plan the way from what the files are now to what they were without this run."""
    changes: list[Change] = []
    problems: list[Problem] = []
    findings: list[Finding] = []
    for past in reversed(run.changes):
        user = past.before.user
        if user is not None and host.find_user(name=user.name) != user:
            findings.append(_user_gone(past))
            continue
        try:
            now = host.read(past.path, user=user, folder_mode=past.before.folder_mode)
        except ConfigError as err:
            problems += err.problems
            continue
        try:
            changes.append(_change_back(past, now, engine))
        except InseparableError as err:
            problems.append(_inseparable(past, now, str(err)))
    if problems:
        raise UndoError(*problems)
    daemon = next((c for c in changes if _is_read(c, engine)), None)
    return Plan(
        changes=tuple(changes),
        record=_record(host, run),
        expected=docker_daemon.expectation(daemon, engine) if daemon else None,
        findings=tuple(findings),
    )


def _is_read(change: Change, engine: EngineFacts) -> bool:
    return change.target == docker_daemon.NAME and change.path == engine.config_path


def _change_back(past: Change, now: FileState, engine: EngineFacts) -> Change:
    content = revert(past.before.content, past.after.content, now.content)
    target = _with_content(past, now, content)
    change = Change(
        target=past.target, before=now, after=target, activation=Activation.NONE
    )
    if past.target != docker_daemon.NAME or now == target:
        return change._replace(activation=past.activation)
    if not _is_read(past, engine):
        engine = EngineFacts(state='unknown')
    docker_daemon.require_accepted(target, engine)
    return docker_daemon.settle(now, target, engine)


def _with_content(past: Change, now: FileState, content: bytes | None) -> FileState:
    if content == now.content:
        return now
    if content is None:
        return absent(now, len(past.before.missing_folders))
    if now.content is None:
        return past.before._replace(
            content=content,
            realpath=now.realpath,
            link=now.link,
            missing_folders=now.missing_folders,
        )
    return now._replace(content=content)


def _record(host: Host, run: Run) -> Change | None:
    step = next((s.change for s in run.steps if s.change.path == LEDGER), None)
    if step is None:
        return None
    before, after = read_ledger(step.before.content), read_ledger(step.after.content)
    now, state = load_ledger(host)
    return ledger_change(state, reverted(before, after, now))


def _user_gone(past: Change) -> Finding:
    user = past.before.user
    name = user.name if user else ''
    return Finding(
        check='user-gone',
        severity='warning',
        message=f'{past.path} is left as it is: there is no user {name} any more as '
        'there was then',
        path=past.path,
    )


def _inseparable(past: Change, now: FileState, reason: str) -> Problem:
    from registry_host.diffs import unified_diff

    since = past._replace(before=past.after, after=now)
    return Problem(
        code='undo-conflict',
        where=past.path,
        message=f'was changed by somebody else since: {reason}',
        hint='take back those lines by hand, then run the same command again',
        excerpt=unified_diff(since),
    )
