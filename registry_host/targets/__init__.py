"""The targets, and the plan that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.ledger import Ledger, ledger_change
from registry_host.plan import Activation, FileState, Finding, Plan, Use
from registry_host.targets import docker_config, docker_daemon, resolver
from registry_host.targets.target import FileRef, Target, TargetPlan

if TYPE_CHECKING:
    from registry_host.facts import Facts
    from registry_host.host import Host
    from registry_host.settings import Settings

TARGETS: Mapping[str, Target] = {
    target.NAME: target for target in (resolver, docker_daemon, docker_config)
}

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
