"""The main job: settings and facts to a plan, the plan to the host."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.errors import (
    Exit,
    Finding,
    ProbeError,
    Problem,
)
from registry_host.host.locations import JOURNAL, LEFT_BEHIND, PENDING, UNTOLD
from registry_host.levels import IF_SAFE
from registry_host.redact import redact_command
from registry_host.reporting.report import Report, undo_line
from registry_host.settings.areas import MIRRORS
from registry_host.settings.asked import read_asked
from registry_host.targets import dns_manager, docker_daemon
from registry_host.targets.planning import (
    Planned,
    plan_asked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.plan.changes import Plan
    from registry_host.plan.facts import Facts


class Manner(NamedTuple):
    """How a command goes about a change, whatever the change is.

    `arguments` are those of our own command line, secrets and all; only `line` may be
    shown. `confirm_within` is in seconds; None is for good.
    """

    arguments: tuple[str, ...]
    is_check: bool = False
    has_diff: bool = False
    restart: str = IF_SAFE
    lock_timeout_s: float = 10.0
    confirm_within: float | None = None

    @property
    def line(self) -> str:
        return redact_command(self.arguments)

    def __repr__(self) -> str:
        return f'Manner({self.line!r})'


def configure(
    host: Host,
    manner: Manner,
    *,
    settings_file: str | None,
    flags: Mapping[str, Any],
    is_probing: bool,
    is_replacing: bool = False,
) -> Report:
    """Bring the host to what is asked, or (`is_check`) tell what that would take."""
    with _in_order(host, manner) as mended:
        report = _configure(
            host,
            manner,
            settings_file,
            flags,
            is_probing=is_probing,
            is_replacing=is_replacing,
        )
    return report._replace(findings=tuple(dict.fromkeys(mended + report.findings)))


def _configure(
    host: Host,
    manner: Manner,
    settings_file: str | None,
    flags: Mapping[str, Any],
    *,
    is_probing: bool,
    is_replacing: bool,
) -> Report:
    asked = read_asked(host, file=settings_file, flags=flags, is_replacing=is_replacing)
    planned = plan_asked(host, asked)
    if is_probing:
        planned = require_nameservers(host, planned)
        require_registries(host, planned)
    return _run(host, 'configure', manner, planned, lambda: plan_asked(host, asked))


def _has_unfinished(host: Host) -> bool:
    """Whether there is something that the next transaction mends, or waits for."""
    is_cut_short = any(map(host.exists, (JOURNAL, PENDING, UNTOLD)))
    return is_cut_short or bool(host.names(LEFT_BEHIND))


@contextlib.contextmanager
def _in_order(host: Host, manner: Manner) -> Iterator[tuple[Finding, ...]]:
    """Plan on a host without unfinished runs, for they may have left torn files.

    What was mended, or (`is_check`) would be, is told with an error too.
    """
    mended: tuple[Finding, ...] = ()
    if _has_unfinished(host):
        from registry_host.transaction.lock import transaction, unfinished

        if manner.is_check:
            mended = unfinished(host)
            host.progress.note(mended)
        else:
            with transaction(host, lock_timeout_s=manner.lock_timeout_s) as mended:
                pass
    yield mended


def _run(
    host: Host,
    command: str,
    manner: Manner,
    planned: Planned,
    plan_again: Callable[[], Planned],
) -> Report:
    """Report a plan, or bring it about as it is once we are the only writer."""
    if manner.is_check:
        if planned.plan.pending:
            from registry_host.transaction.checkpoints import require_room

            require_room(planned.plan.writes)
        is_done = planned.plan.is_empty and not _has_unfinished(host)
        report = _with_entries(host, _report_of(command, manner, planned))
        return report._replace(exit_code=Exit.DONE if is_done else Exit.PENDING)
    if planned.plan.is_empty and not planned.plan.writes:
        return _report_of(command, manner, planned)
    from registry_host.transaction import confirmation
    from registry_host.transaction.apply import Order, apply_plan
    from registry_host.transaction.lock import transaction
    from registry_host.transaction.run import Origin

    if manner.confirm_within is not None:
        confirmation.require_possible(host)
    order = Order(
        Origin(command, manner.line),
        manner.restart,
        manner.confirm_within,
        planned.names,
        planned.endpoints,
    )
    with transaction(host, lock_timeout_s=manner.lock_timeout_s) as mended:
        planned = plan_again()
        report = _with_entries(host, _report_of(command, manner, planned))
        outcome = apply_plan(host, planned.plan, planned.facts.engine, order)
    return report._replace(
        outcome=outcome,
        undo=undo_line(outcome),
        findings=mended + report.findings + outcome.findings,
    )


def _with_entries(host: Host, report: Report) -> Report:
    """Say which managed entries come and go, before the run is in the history."""
    if report.plan is None or not report.plan.pending:
        return report
    from registry_host.transaction.managed import entry_changes

    return report._replace(entries=entry_changes(host, report.plan))


def _report_of(command: str, manner: Manner, planned: Planned) -> Report:
    plan, facts = planned.plan, planned.facts
    return Report(
        command=command,
        plan=plan,
        is_check=manner.is_check,
        has_diff=manner.has_diff,
        confirm_within=manner.confirm_within,
        findings=plan.findings + _engine_findings(facts, plan),
    )


def require_nameservers(host: Host, planned: Planned) -> Planned:
    """Ask the nameservers that are about to be written; ProbeError if one is no use.

    Returns the plan with the names that they all know, to be found once it is done.
    """
    plan, settings = planned.plan, planned.settings
    is_pending = any(c.target == dns_manager.NAME for c in plan.pending)
    if not is_pending or not planned.facts.is_live or not settings.nameservers:
        return planned
    from registry_host.resolver.asking import HUB, probe_nameservers

    mirrors = settings.mirrors or docker_daemon.mirrors_of(host, planned.facts.engine)
    named = [mirror for mirror in mirrors if not mirror.is_ip]
    names = tuple(dict.fromkeys(mirror.host for mirror in named)) or (HUB,)
    problems = probe_nameservers(host, settings.nameservers, names)
    if problems:
        raise ProbeError(*map(_or_all_the_same, problems))
    endpoints = tuple(dict.fromkeys(mirror.endpoint for mirror in named))
    return planned._replace(names=names, endpoints=endpoints)


def _or_all_the_same(problem: Problem) -> Problem:
    hint = f'{problem.hint} (--no-probe writes it all the same)'
    return problem._replace(hint=hint)


def require_registries(host: Host, planned: Planned) -> None:
    """Ask the mirrors that are about to be written; ProbeError if one is no use.

    Those by a name that new nameservers alone know cannot be asked yet.
    """
    plan, settings, facts = planned.plan, planned.settings, planned.facts
    change = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    if change is None or not facts.is_live or not settings.mirrors:
        return
    if not docker_daemon.has_new(change, MIRRORS):
        return
    from registry_host.registry.probe import probe_mirrors

    route = docker_daemon.route_after(host, change, facts.engine)
    probes = probe_mirrors(host, settings.mirrors, route)
    problems = [
        probe.problem
        for probe in probes
        if probe.problem
        and (
            probe.problem.code != 'mirror-unresolved'
            or probe.mirror.host not in planned.names
        )
    ]
    if problems:
        raise ProbeError(*map(_or_all_the_same, problems))


def _engine_findings(facts: Facts, plan: Plan) -> tuple[Finding, ...]:
    """Tell what of the engine could not be asked, where a plan depends on it."""
    problem = facts.engine.problem
    if problem is None or not any(c.target == docker_daemon.NAME for c in plan.changes):
        return ()
    return (Finding.of(problem, 'warning'),)
