"""Taking back one run of the past: a plan like any other, made from its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.find import EngineFacts, look_at_engine, running_containers
from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    RegistryHostError,
    UndoError,
    quoted,
)
from registry_host.levels import IF_SAFE
from registry_host.namedtuples import NamedTuple
from registry_host.plan.changes import Change, Plan
from registry_host.plan.facts import Facts
from registry_host.plan.ledger import (
    Applied,
    Ledger,
    keys_changed,
    load_ledger,
    read_ledger,
)
from registry_host.plan.unmerge import InseparableError, revert
from registry_host.settings.areas import AREAS, CLIENT, ENGINE, EXCLUSIVE, NAMESERVERS
from registry_host.settings.load import exactly
from registry_host.settings.model import NOTHING_ASKED
from registry_host.targets import (
    TARGETS,
    daemon_change,
    dns_manager,
    dns_memory,
    docker_daemon,
)
from registry_host.targets.planning import Planned, joined, left_alone
from registry_host.targets.target import FileRef, TargetPlan, absent
from registry_host.transaction.apply import Order, apply_plan
from registry_host.transaction.recovery import masked
from registry_host.transaction.run import Origin, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.levels import RestartPolicy
    from registry_host.settings.model import Settings
    from registry_host.transaction.outcome import Outcome


class Undone(NamedTuple):
    """What it took to take a run back."""

    plan: Plan
    outcome: Outcome


def take_back(
    host: Host,
    run: Run,
    *,
    line: str,
    restart: RestartPolicy = IF_SAFE,
    is_by_itself: bool = False,
) -> Undone:
    """Take back what one run did, and only that; within a transaction.

    Raises UndoError with a diff where others have changed the same since, and what
    apply_plan raises. `is_by_itself`: nobody is there to decide, so what users did to
    their own files does not hold up the rest.
    """
    planned = plan_undo(host, run, is_by_itself=is_by_itself)
    order = Order(
        Origin('undo', line, undoes=run.id), restart=restart, is_by_itself=is_by_itself
    )
    plan, engine = planned.plan, planned.facts.engine
    return Undone(plan, apply_plan(host, plan, engine, order))


def plan_undo(host: Host, run: Run, *, is_by_itself: bool = False) -> Planned:
    """Plan the way from what the files are now to what they were without this run."""
    engine = look_at_engine(host)
    ledger, ledger_state = load_ledger(host)
    ledgers = (*_ledgers(run), ledger)
    is_about_names = any(past.target == dns_manager.NAME for past in run.changes)
    facts = Facts.of_engine(host, engine)
    if is_about_names:
        facts = facts._replace(containers=running_containers(host, engine))
    parts: list[TargetPlan] = []
    problems: list[Problem] = []
    findings: list[Finding] = list(masked(run))
    left: list[Problem] = []
    gone: list[Problem] = []
    for past in reversed(run.changes):
        user = past.before.user
        if user is not None and host.find_user(name=user.name) != user:
            gone.append(_user_gone(user, past))
            findings.append(Finding.of(gone[-1], 'warning', past.path))
            continue
        try:
            now = host.read(past.path, user=user, folder_mode=past.before.folder_mode)
            entries = (each.find(past.target, past.path) for each in ledgers)
            parts.append(_part_back(past, now, Entries(*entries), facts))
        except RegistryHostError as err:
            is_told = (user is not None and isinstance(err, ConfigError)) or (
                is_by_itself and (user is not None or isinstance(err, UndoError))
            )
            if is_told:
                findings += (left_alone(each, past.path) for each in err.problems)
                left += err.problems
            else:
                problems += err.problems
    if not parts and not is_by_itself:  # There is nothing else that could go back.
        problems += left or gone
    if problems:
        raise UndoError(*problems)
    plan = joined(parts, ledger, ledger_state, findings)
    return Planned(plan, NOTHING_ASKED, facts)


class Entries(NamedTuple):
    """Our part of one file before the run, after it, and now."""

    was: Applied
    made: Applied
    now: Applied


def _part_back(
    past: Change, now: FileState, entries: Entries, facts: Facts
) -> TargetPlan:
    """Take back what a run did to one file, whoever else has written there since.

    Where nobody has, the old bytes come back. Else our part becomes what it was, by the
    merge of any other run, and theirs stays.
    """
    if now.content == past.after.content and entries.now == entries.made:
        change = _changed_back(past, now, past.before.content, facts)
        is_read = _is_read(past, facts.engine)
        expected = daemon_change.expectation(change, facts.engine) if is_read else None
        use = dns_memory.use_of(change.owner, entries.now, entries.was)
        return TargetPlan(change, entries.was, expected=expected, use=use)
    if not _areas(entries):  # It had only put back what others had taken out.
        return _reverted(past, now, entries, facts)
    ref = FileRef(now.path, now.user, now.folder_mode)
    part = TARGETS[past.target].plan_file(
        _asked_before(past.target, entries), facts, ref, now, entries.now
    )
    for area, key in part.applied.keys.items():
        if dns_memory.LINES in part.applied.keys:
            break  # What others say by the way is read again each time.
        if area in _areas(entries) and key.before != entries.was.before(area):
            raise UndoError(_inseparable(past, now, f'"{area}"'))
    return part


def _reverted(
    past: Change, now: FileState, entries: Entries, facts: Facts
) -> TargetPlan:
    try:
        is_text = past.target == dns_manager.NAME
        states = (past.before.content, past.after.content, now.content)
        content = revert(*states, is_text=is_text)
    except InseparableError as err:
        raise UndoError(_inseparable(past, now, str(err))) from None
    change = _changed_back(past, now, content, facts)
    return TargetPlan(change=change, applied=entries.now)


def _changed_back(
    past: Change, now: FileState, content: bytes | None, facts: Facts
) -> Change:
    target, engine = _with_content(past, now, content), facts.engine
    if past.target != docker_daemon.NAME or now == target:
        owner = past.owner if facts.is_live else ''
        return Change(past.target, now, target, past.activation, owner=owner)
    if not _is_read(past, engine):
        engine = EngineFacts(state='unknown')
    docker_daemon.require_accepted(target, engine)
    return daemon_change.settle(now, target, engine)


def _is_read(past: Change, engine: EngineFacts) -> bool:
    return past.target == docker_daemon.NAME and past.path == engine.config_path


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


def _areas(entries: Entries) -> frozenset[str]:
    """The areas that the run changed for one file."""
    names = {*entries.was.keys, *entries.made.keys}
    return frozenset(
        name
        for name in names
        if entries.was.keys.get(name) != entries.made.keys.get(name)
    )


def _asked_before(target: str, entries: Entries) -> Settings:
    """The settings that make our part what it was before the run, and touch no more."""
    reader = ENGINE if target == docker_daemon.NAME else CLIENT
    areas = _areas(entries)
    if EXCLUSIVE in areas:
        areas |= {NAMESERVERS}
    wish = {area: entries.was.ours(area) for area in areas & AREAS}
    if NAMESERVERS in wish:
        wish[NAMESERVERS] = dns_memory.asked_before(entries.was)
    return exactly(
        wish,
        readers=(reader,),
        is_exclusive=dns_memory.has_exclusive(entries.was),
    )


def _ledgers(run: Run) -> tuple[Ledger, Ledger]:
    """What we remembered before and after a run."""
    before, after = run.ledgers
    return read_ledger(before), read_ledger(after)


def require_newest(run: Run, since: Iterable[Run]) -> None:
    """Refuse to pull a run out from under later ones that changed the same keys.

    Those were made from what this one had left: without it, taking them back would
    bring back what it had put.
    """
    mine = keys_changed(*_ledgers(run))
    for later in since:
        both = sorted(mine & keys_changed(*_ledgers(later)))
        if both:
            asked = (each for each in both if each[1] in AREAS)
            path, key = next(asked, both[0])
            raise UndoError(
                Problem(
                    code='undo-order',
                    where=run.title,
                    message=f'{later.title} has changed "{key}" in {path} since',
                    hint=f'take that back first: sudo registry-host undo {later.id}',
                )
            )


def _user_gone(user: User, past: Change) -> Problem:
    """A directory service may be down, too: the run stays to be undone later."""
    return Problem(
        code='user-gone',
        message=f'{past.path} is left as it is: there is no user {user.name} now as '
        'there was then',
        hint=f'getent passwd {quoted(user.name)}',
    )


def _inseparable(past: Change, now: FileState, what: str) -> Problem:
    from registry_host.plan.diffs import unified_diff

    since = past._replace(before=past.after, after=now)
    return Problem(
        code='undo-conflict',
        where=past.path,
        message=f'somebody else has changed {what} since',
        hint='take back those lines by hand, then run the same command again',
        excerpt=unified_diff(since),
    )
