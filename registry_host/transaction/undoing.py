"""Taking back one run of the past: a plan like any other, made from its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    RegistryHostError,
    UndoError,
    quoted,
)
from registry_host.levels import IF_SAFE, Activation
from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Applied, keys_changed, load_ledger
from registry_host.plan.wish import Wish
from registry_host.services.facts import look
from registry_host.services.transition import Checks
from registry_host.settings.areas import AREAS
from registry_host.settings.model import NOTHING_ASKED
from registry_host.targets import TARGETS
from registry_host.targets.planning import Planned, PlannedFile, joined, left_alone
from registry_host.targets.target import FileRef, absent
from registry_host.transaction.apply import apply_plan
from registry_host.transaction.checkpoints import ledgers_of
from registry_host.transaction.order import Order
from registry_host.transaction.parts import Part, part_of
from registry_host.transaction.recovery import masked
from registry_host.transaction.run import Origin, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.levels import RestartPolicy
    from registry_host.plan.changes import Change, Plan
    from registry_host.services.facts import Facts
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
    apply_plan raises. `is_by_itself`: no user is there to decide, so what users did to
    their own files does not hold up the rest.
    """
    planned = plan_undo(host, run, is_by_itself=is_by_itself)
    is_about_engines = planned.plan.activation is not Activation.NONE
    order = Order(
        Origin('undo', line, undoes=run.id),
        restart=restart,
        checks=Checks(
            unproved='it was undone automatically' if is_about_engines else ''
        ),
        is_by_itself=is_by_itself,
    )
    return Undone(planned.plan, apply_plan(host, planned, order))


def plan_undo(host: Host, run: Run, *, is_by_itself: bool = False) -> Planned:
    """Plan the way from what the files are now to what they were without this run."""
    ledgers = ledgers_of(run)
    ledger, ledger_state = load_ledger(host)
    facts = look(host, [past.path for past in run.changes])
    parts: list[PlannedFile] = []
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
            applied = ledger.find(past.target, past.path)
            part, told = _part_back(part_of(past, ledgers), now, applied, facts)
            parts.append(part)
            findings += told
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
    return joined(
        host, facts, parts, ledger, ledger_state, findings, is_by_itself=is_by_itself
    )


def _part_back(
    part: Part, now: FileState, applied: Applied, facts: Facts
) -> tuple[PlannedFile, Iterable[Finding]]:
    """Undo what a run did to one file, with all that was written there since.

    If nothing was, the old bytes are restored. Else what is managed becomes what it
    was, by the merge of any other run, and what is foreign stays. Returns what is to be
    told of that, too.
    """
    past, target = part.change, part.target
    ref = FileRef(now.path, now.user, now.folder_mode, is_withdrawn=True)
    wish = part.wish_before(facts)
    if now.content == past.after.content and applied == part.made:
        back = _with_content(past, now, past.before.content)
        if now.user is None:  # Nor may those be what an engine refuses by now.
            target.merge(ref, back, part.was, Wish(), facts)
        change = past._replace(before=now, after=back, interim=None)
        return PlannedFile(change, part.was, wish), ()
    merged = target.merge(ref, now, applied, wish, facts)
    for area in merged.overruled & wish.areas.keys():
        if merged.applied.before(area) != part.was.before(area):
            raise UndoError(_inseparable(past, now, f'"{area}"'))
    change = past._replace(before=now, after=merged.after, interim=None)
    findings = target.told(NOTHING_ASKED, facts, now, merged)
    return PlannedFile(change, merged.applied, wish), findings


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


def require_newest(run: Run, since: Iterable[Run]) -> None:
    """Refuse to pull a run out from under later ones that changed the same keys.

    Those were made from what this one had left: without it, taking them back would
    bring back what it had put.
    """
    mine = keys_changed(*ledgers_of(run))
    for later in since:
        both = sorted(mine & keys_changed(*ledgers_of(later)))
        if both:
            asked = (each for each in both if each[1] in AREAS)
            path, key = next(asked, both[0])
            raise UndoError(
                Problem(
                    code='undo-order',
                    where=run.title,
                    message=f'{later.title} has changed "{key}" in {path} since; '
                    'undo that run first',
                    hint=f'sudo registry-host undo {later.id}',
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

    since = past._replace(before=past.after, after=now, interim=None)
    return Problem(
        code='undo-conflict',
        where=past.path,
        message=f'{what} was changed outside registry-host since; revert those lines '
        'by hand, then run the same command again',
        excerpt=unified_diff(since, TARGETS[past.target].redact),
    )
