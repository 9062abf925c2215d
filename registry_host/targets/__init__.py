"""The targets, and the plan that they make together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.ledger import Ledger, ledger_change
from registry_host.plan import Activation, FileState, Finding, Plan
from registry_host.targets import docker_config, docker_daemon
from registry_host.targets.target import FileRef, Target, TargetPlan

if TYPE_CHECKING:
    from registry_host.facts import Facts
    from registry_host.host import Host
    from registry_host.settings import Settings

TARGETS: Mapping[str, Target] = {
    target.NAME: target for target in (docker_daemon, docker_config)
}

Files = tuple[tuple[Target, FileRef, FileState], ...]


def read_files(host: Host, settings: Settings, facts: Facts, ledger: Ledger) -> Files:
    """Read all that the targets ask for; ConfigError names every unreadable one."""
    found: list[tuple[Target, FileRef, FileState]] = []
    problems: list[Problem] = []
    for target in TARGETS.values():
        for ref in target.files(settings, facts, ledger):
            try:
                state = host.read(ref.path, user=ref.user, folder_mode=ref.folder_mode)
            except ConfigError as err:
                problems += err.problems
            else:
                found.append((target, ref, state))
    if problems:
        raise ConfigError(*problems)
    return tuple(found)


def build_plan(
    settings: Settings,
    facts: Facts,
    files: Files,
    ledger: Ledger,
    ledger_state: FileState,
) -> Plan:
    """Join what each target makes of its files; ConfigError holds all that is wrong."""
    parts: list[TargetPlan] = []
    problems: list[Problem] = []
    for target, ref, state in files:
        applied = ledger.find(target.NAME, ref.path)
        try:
            parts.append(target.plan_file(settings, facts, ref, state, applied))
        except ConfigError as err:
            problems += err.problems
    if problems:
        raise ConfigError(*problems)
    after = ledger.with_checked(settings.digest)
    for part in parts:
        after = after.with_applied(part.applied)
    expected = (part.expected for part in parts if part.expected)
    return Plan(
        changes=tuple(part.change for part in parts),
        record=ledger_change(ledger_state, after),
        expected=next(expected, None),
        drift=max((part.drift for part in parts), default=Activation.NONE),
        findings=_settings_findings(settings)
        + tuple(finding for part in parts for finding in part.findings),
    )


def _settings_findings(settings: Settings) -> tuple[Finding, ...]:
    return tuple(Finding.of(problem, 'warning') for problem in settings.warnings)
