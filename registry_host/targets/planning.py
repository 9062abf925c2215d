"""From settings and facts to a plan: every target plans its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.find import look_at_engine
from registry_host.errors import ConfigError, EngineError, Finding, Problem
from registry_host.host.records import FileState
from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.plan.changes import Plan
from registry_host.plan.facts import Facts, gather
from registry_host.plan.ledger import Ledger, ledger_change, load_ledger
from registry_host.resolver.use import Use
from registry_host.settings.load import load
from registry_host.settings.model import NOTHING_ASKED
from registry_host.targets import TARGETS, dns_memory, docker_daemon
from registry_host.targets.target import FileRef, Target, TargetPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_host.engine.find import EngineState
    from registry_host.host.host import Host
    from registry_host.plan.selectors import Selection
    from registry_host.settings.asked import Asked
    from registry_host.settings.model import Settings


# As read, or why it could not be.
Files = tuple[tuple[Target, FileRef, FileState | ConfigError], ...]


def read_files(host: Host, settings: Settings, facts: Facts, ledger: Ledger) -> Files:
    """Read all that the targets ask for."""
    return tuple(
        (target, ref, _read(host, ref))
        for target in TARGETS.values()
        for ref in target.files(settings, facts, ledger)
    )


def _read(host: Host, ref: FileRef) -> FileState | ConfigError:
    try:
        return host.read(ref.path, user=ref.user, folder_mode=ref.folder_mode)
    except ConfigError as err:
        return err


def build_plan(
    settings: Settings,
    facts: Facts,
    files: Files,
    ledger: Ledger,
    ledger_state: FileState,
) -> Plan:
    """Join what each target makes of its files; ConfigError holds all that is wrong.

    Where ours is only withdrawn, a user whose own file is no use holds up nobody else:
    it is told, and stays in the ledger for the next time.
    """
    parts: list[TargetPlan] = []
    problems: list[Problem] = []
    left: list[Finding] = []
    for target, ref, state in files:
        applied = ledger.find(target.NAME, ref.path)
        try:
            if isinstance(state, ConfigError):
                raise state
            parts.append(target.plan_file(settings, facts, ref, state, applied))
        except ConfigError as err:
            if ref.is_withdrawn and ref.user is not None:
                left += (left_alone(problem, ref.path) for problem in err.problems)
            else:
                problems += err.problems
    problems += _shared(parts)
    if problems:
        raise ConfigError(*problems)
    findings = (
        *_settings_findings(settings),
        *left,
        *(finding for part in parts for finding in part.findings),
    )
    return joined(parts, ledger.with_checked(settings.digest), ledger_state, findings)


def joined(
    parts: Sequence[TargetPlan],
    ledger: Ledger,
    ledger_state: FileState,
    findings: Iterable[Finding],
) -> Plan:
    """Make one plan of those of the files, with what the ledger then says of them."""
    for part in parts:
        ledger = ledger.with_applied(part.applied)
    expected = (part.expected for part in parts if part.expected)
    return Plan(
        changes=tuple(part.change for part in parts),
        record=ledger_change(ledger_state, ledger),
        expected=next(expected, None),
        drift=max((part.drift for part in parts), default=Activation.NONE),
        uses=_uses(parts),
        findings=tuple(dict.fromkeys(findings)),  # Several files may say the same.
        is_shown=all(part.is_shown for part in parts),
    )


def _uses(parts: Sequence[TargetPlan]) -> tuple[Use, ...]:
    """Join what each owner is told by several files."""
    uses: dict[str, Use] = {}
    for use in (part.use for part in parts if part.use):
        other = uses.get(use.owner, Use(use.owner))
        nameservers = tuple(dict.fromkeys(other.nameservers + use.nameservers))
        gone = dict.fromkeys(other.gone + use.gone)
        uses[use.owner] = Use(
            owner=use.owner,
            nameservers=nameservers,
            gone=tuple(server for server in gone if server not in nameservers),
            is_exclusive=other.is_exclusive or use.is_exclusive,
        )
    return tuple(uses.values())


def _shared(parts: list[TargetPlan]) -> Iterable[Problem]:
    """Two users may have one file, by a link or a home: one change undoes another."""
    seen: dict[str, str] = {}
    for part in parts:
        state = part.change.before
        if state.realpath in seen:
            yield Problem(
                code='config-shared',
                where=state.path,
                message=f'is the same file as {seen[state.realpath]}',
                hint='name one of its users only',
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

    `names` are those that this host must find once it is done, and `endpoints` each
    HOST:PORT of which its engine must find the name.
    """

    plan: Plan
    settings: Settings
    facts: Facts
    names: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()

    def with_findings(self, findings: Iterable[Finding]) -> Planned:
        plan = self.plan
        return self._replace(plan=plan._replace(findings=(*plan.findings, *findings)))


def plan_asked(host: Host, asked: Asked) -> Planned:
    """Work out what would change for this host to be as asked."""
    ledger, ledger_state = load_ledger(host)
    settings = load(asked, is_known=ledger.checked.__contains__)
    planned = plan_settings(host, settings, ledger, ledger_state)
    if settings.is_declaration:
        return planned
    from registry_host.plan.declared import outlived_by_file

    return planned.with_findings(outlived_by_file(host, settings))


def plan_settings(
    host: Host, settings: Settings, ledger: Ledger, ledger_state: FileState
) -> Planned:
    settings = dns_memory.with_managed(settings, ledger)
    facts = gather(host, settings, ledger)
    files = read_files(host, settings, facts, ledger)
    plan = build_plan(settings, facts, files, ledger, ledger_state)
    planned = Planned(plan, settings, facts)
    return planned.with_findings(_engine_findings(facts, plan))


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
            *unknown_users(planned.facts, settings, ledger),
            *restored_by_file(host, settings),
        )
    )


def _engine_findings(facts: Facts, plan: Plan) -> tuple[Finding, ...]:
    """Tell what of the engine could not be asked, where a plan depends on it."""
    problem = facts.engine.problem
    if problem is None or not any(c.target == docker_daemon.NAME for c in plan.changes):
        return ()
    return (Finding.of(problem, 'warning'),)


def plan_reload(host: Host) -> Planned:
    """Plan to have the engine read its file; EngineError if there is none to do it."""
    engine = look_at_engine(host)
    if not engine.is_running:
        raise EngineError(engine.problem or _not_running(engine.state))
    state = host.read(engine.config_path, user=engine.user)
    plan = docker_daemon.plan_reload(state, engine)
    return Planned(plan, NOTHING_ASKED, Facts.of_engine(host, engine))


def _not_running(state: EngineState) -> Problem:
    messages = {
        'absent': 'no Docker engine is installed, nor running',
        'stopped': 'the engine does not run: it reads daemon.json when it starts',
        'unknown': 'a root folder has no engine to reload',
    }
    return Problem(
        code=f'engine-{state}',
        where='engine',
        message=messages.get(state, 'does not run'),
        hint='systemctl start docker' if state == 'stopped' else '',
    )
