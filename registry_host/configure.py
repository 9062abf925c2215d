"""The main job: settings and facts to a plan, the plan to the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.checkpoints import load_ledger
from registry_host.errors import EngineError, ProbeError, Problem
from registry_host.facts import Facts, gather
from registry_host.plan import Finding, Plan
from registry_host.report import Report
from registry_host.settings import NOTHING_ASKED, Settings, load, read_asked
from registry_host.targets import build_plan, docker_daemon, read_files

if TYPE_CHECKING:
    from registry_host.host import Host

EXIT_PENDING = 3


class Planned(NamedTuple):
    """A plan, and what it was made from."""

    plan: Plan
    settings: Settings
    facts: Facts


def make_plan(
    host: Host, *, settings_file: str | None, flags: Mapping[str, Any]
) -> Planned:
    """Read settings, host and files, and work out what would change."""
    ledger, ledger_state = load_ledger(host)
    asked = read_asked(host, file=settings_file, flags=flags)
    settings = load(asked, is_known=ledger.checked.__contains__)
    facts = gather(host, settings, ledger)
    files = read_files(host, settings, facts, ledger)
    plan = build_plan(settings, facts, files, ledger, ledger_state)
    return Planned(plan, settings, facts)


def configure(
    host: Host,
    *,
    settings_file: str | None,
    flags: Mapping[str, Any],
    is_check: bool,
    has_diff: bool,
    is_probing: bool,
) -> Report:
    """Bring the host to what is asked, or (`is_check`) tell what that would take."""
    plan, settings, facts = make_plan(host, settings_file=settings_file, flags=flags)
    if is_probing:
        require_registries(host, settings, facts, plan)
    report = Report(
        command='configure',
        plan=plan,
        is_check=is_check,
        has_diff=has_diff,
        findings=plan.findings + _engine_findings(facts, plan),
    )
    if is_check:
        return report._replace(exit_code=0 if plan.is_empty else EXIT_PENDING)
    if plan.is_empty and not plan.writes:
        return report
    from registry_host.apply import apply_plan

    outcome = apply_plan(host, plan, facts)
    return report._replace(outcome=outcome, findings=report.findings + outcome.findings)


def require_registries(
    host: Host, settings: Settings, facts: Facts, plan: Plan
) -> None:
    """Ask the mirrors that are about to be written; ProbeError if one is no use."""
    change = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    if change is None or not facts.is_live or not settings.mirrors:
        return
    if not docker_daemon.has_new_mirrors(change):
        return
    from registry_host.probe import probe_mirrors

    route = docker_daemon.route_after(host, change, facts.engine)
    probes = probe_mirrors(host, settings.mirrors, route)
    problems = [probe.problem for probe in probes if probe.problem]
    if problems:
        raise ProbeError(
            *(
                problem._replace(
                    hint=f'{problem.hint} (--no-probe writes it all the same)',
                )
                for problem in problems
            )
        )


def _engine_findings(facts: Facts, plan: Plan) -> tuple[Finding, ...]:
    """Tell what of the engine could not be asked, where a plan depends on it."""
    problem = facts.engine.problem
    if problem is None or not any(c.target == docker_daemon.NAME for c in plan.changes):
        return ()
    return (Finding.of(problem, 'warning'),)


def reload(host: Host) -> Report:
    """Make the engine re-read its daemon.json, and hold it against the live lists."""
    ledger, _ = load_ledger(host)
    facts = gather(host, NOTHING_ASKED, ledger)
    engine = facts.engine
    if not engine.is_running:
        raise EngineError(engine.problem or _not_running(engine.state))
    state = host.read(engine.config_path, user=engine.user)
    plan = docker_daemon.plan_reload(state, engine)
    from registry_host.apply import apply_plan

    outcome = apply_plan(host, plan, facts)
    return Report(command='reload', plan=plan, outcome=outcome)


def _not_running(state: str) -> Problem:
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
