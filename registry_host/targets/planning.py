"""From settings and facts to a plan: every target plans its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host import services
from registry_host.errors import ConfigError, Finding, Problem
from registry_host.namedtuples import NamedTuple
from registry_host.plan.changes import Change, Plan
from registry_host.plan.ledger import Applied, Ledger, ledger_change, load_ledger
from registry_host.plan.wish import Wish
from registry_host.services.facts import Facts, gather
from registry_host.services.needs import needs_of, with_interims
from registry_host.services.transition import Checks, Transition
from registry_host.services.view import View
from registry_host.settings.load import load
from registry_host.settings.model import NOTHING_ASKED, Settings
from registry_host.targets import TARGETS
from registry_host.targets.foreseeing import foreseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.plan.selectors import Selection
    from registry_host.services.service import Service
    from registry_host.settings.asked import Asked
    from registry_host.targets.target import FileRef, Target


class Found(NamedTuple):
    """A file of a target as read, or why it could not be."""

    target: Target
    ref: FileRef
    state: FileState | ConfigError


def read_files(
    host: Host, settings: Settings, facts: Facts, ledger: Ledger
) -> tuple[Found, ...]:
    """Read all that the targets ask for."""
    return tuple(
        Found(target, ref, _read(host, ref))
        for target in TARGETS.values()
        for ref in target.files(settings, facts, ledger)
    )


def _read(host: Host, ref: FileRef) -> FileState | ConfigError:
    try:
        return host.read(ref.path, user=ref.user, folder_mode=ref.folder_mode)
    except ConfigError as err:
        return err


def build_plan(
    host: Host,
    settings: Settings,
    facts: Facts,
    files: Iterable[Found],
    ledger: Ledger,
    ledger_state: FileState,
) -> Planned:
    """Join what each target makes of its files; ConfigError holds all that is wrong.

    Where managed entries are only withdrawn, a user whose own file is unusable does
    not block the others: it is told, and stays in the ledger for the next time.
    """
    parts: list[PlannedFile] = []
    problems: list[Problem] = []
    findings: list[Finding] = []
    for target, ref, state in files:
        applied = ledger.find(target.NAME, ref.path)
        try:
            if isinstance(state, ConfigError):
                raise state
            wish = target.asked(settings, facts, ref, state, applied)
            merged = target.merge(ref, state, applied, wish, facts)
            change = Change(target.NAME, state, merged.after)
            parts.append(PlannedFile(change, merged.applied, wish))
            findings += target.told(settings, facts, state, merged)
        except ConfigError as err:
            if ref.is_withdrawn and ref.user is not None:
                findings += (left_alone(each, ref.path) for each in err.problems)
            else:
                problems += err.problems
    problems += _shared(parts)
    if problems:
        raise ConfigError(*problems)
    findings = [*_settings_findings(settings), *findings]
    ledger = ledger.with_checked(settings.digest)
    return joined(host, facts, parts, ledger, ledger_state, findings)


class PlannedFile(NamedTuple):
    """What one file becomes, what is managed in it then, and what was wished for it."""

    change: Change
    applied: Applied
    wish: Wish = Wish()


def joined(
    host: Host,
    facts: Facts,
    parts: Sequence[PlannedFile],
    ledger: Ledger,
    ledger_state: FileState,
    findings: Iterable[Finding],
    *,
    is_by_itself: bool = False,
) -> Planned:
    """Make one plan of those of the files, with what it takes of each service."""
    after = ledger
    for part in parts:
        after = after.with_applied(part.applied)
    changes = [part.change for part in parts]
    found = services.find(host, facts, [change.path for change in changes])
    changes = list(with_interims(changes, found))
    is_whole = bool(ledger.started)
    views = (
        View(host, {c.path: c.before for c in changes}, ledger, is_whole=is_whole),
        View(host, {c.path: c.first for c in changes}, after, is_whole=is_whole),
    )
    wishes = {part.change.path: part.wish for part in parts}
    plan = Plan(
        changes=tuple(changes),
        record=ledger_change(ledger_state, after),
        needs=tuple(needs_of(found, *views, wishes)),
        findings=tuple(dict.fromkeys(findings)),  # Several files may say the same.
    )
    planned = Planned(plan, facts, found, Transition(*views))
    return foreseen(host, planned, is_by_itself=is_by_itself)


def _shared(parts: list[PlannedFile]) -> Iterable[Problem]:
    """Two users may have one file, by a link or a home: one change undoes another."""
    seen: dict[str, str] = {}
    for part in parts:
        state = part.change.before
        if state.realpath in seen:
            yield Problem(
                code='config-shared',
                where=state.path,
                message=f'is the same file as {seen[state.realpath]}; name one of its '
                'users only',
            )
        seen[state.realpath] = state.path


def left_alone(problem: Problem, path: str) -> Finding:
    """Tell of a user's own file that is left as it is, while all else goes on."""
    message = f'{problem}; it is left as it is'
    return Finding.of(problem, 'warning', path)._replace(message=message)


def _settings_findings(settings: Settings) -> tuple[Finding, ...]:
    return tuple(Finding.of(problem, 'warning') for problem in settings.warnings)


class Planned(NamedTuple):
    """A plan, and what it was made from.

    `services` are those that it may concern, in the order of activation, `transition`
    their files before and after, and `checks` what must hold then.
    """

    plan: Plan
    facts: Facts
    services: tuple[Service, ...]
    transition: Transition
    settings: Settings = NOTHING_ASKED
    checks: Checks = Checks()

    def with_findings(self, findings: Iterable[Finding]) -> Planned:
        plan = self.plan
        return self._replace(plan=plan._replace(findings=(*plan.findings, *findings)))


def plan_asked(host: Host, asked: Asked, known: Facts | None = None) -> Planned:
    """Work out what would change for this host to be as asked; `known` as of gather."""
    ledger, ledger_state = load_ledger(host)
    settings = load(asked, checked=ledger.checked)
    planned = plan_settings(host, settings, ledger, ledger_state, known)
    if settings.is_declaration:
        return planned
    from registry_host.plan.declared import outlived_by_file

    return planned.with_findings(outlived_by_file(host, settings))


def plan_settings(
    host: Host,
    settings: Settings,
    ledger: Ledger,
    ledger_state: FileState,
    known: Facts | None = None,
) -> Planned:
    for target in TARGETS.values():
        settings = target.whole(settings, ledger)
    facts = gather(host, settings, ledger, known)
    files = read_files(host, settings, facts, ledger)
    planned = build_plan(host, settings, facts, files, ledger, ledger_state)
    planned = planned._replace(settings=settings)
    return planned.with_findings(
        (*_unseen_services(planned), *_other_readers(host, planned))
    )


def plan_withdrawal(host: Host, selection: Selection) -> Planned:
    """Work out what it takes to withdraw what is selected of the managed entries."""
    from registry_host.plan.declared import restored_by_file
    from registry_host.plan.selectors import not_managed, removal, unknown_users

    ledger, ledger_state = load_ledger(host)
    settings = removal(selection)
    planned = plan_settings(host, settings, ledger, ledger_state)
    return planned.with_findings(
        (
            *not_managed(selection, ledger),
            *unknown_users(planned.facts.former_users, settings, ledger),
            *restored_by_file(host, settings),
        )
    )


def _other_readers(host: Host, planned: Planned) -> Iterator[Finding]:
    """Tell of engines that read a file which changes, and are not told of it."""
    engine = planned.facts.engine
    path = engine.config_path
    if engine.pid is None or all(c.path != path for c in planned.plan.pending):
        return
    from registry_host.engine.find import other_engine, others_of

    for other in others_of(host, engine):
        if other.config_path == path:
            yield other_engine(engine, other)


def _unseen_services(planned: Planned) -> Iterator[Finding]:
    """Tell what could not be asked of a program, where a plan depends on it."""
    problem = planned.facts.engine.problem
    engine = planned.facts.engine.config_path
    if problem is not None and any(c.path == engine for c in planned.plan.changes):
        yield Finding.of(problem, 'warning')
