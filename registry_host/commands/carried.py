"""What is reported of a command that changes a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Exit, Finding
from registry_host.host.locations import JOURNAL, PENDING
from registry_host.plan.readings import Served
from registry_host.progress import Proof
from registry_host.registry.instances import CONFIGS
from registry_host.reporting.report import Report, undo_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.targets.planning import Planned
    from registry_host.transaction.carryout import Carried, Manner, Request


def report_of(request: Request, manner: Manner, carried: Carried) -> Report:
    """Make the report of what was, or would be, carried out."""
    report = Report(
        command=request.command,
        exit_code=Exit.PENDING if carried.is_due else Exit.DONE,
        entries=carried.entries,
        outcome=carried.outcome,
        forecast=carried.forecast,
        is_check=manner.is_check,
        has_diff=manner.has_diff,
        confirm_within=manner.confirm_within,
        findings=carried.mended,
        is_mending=manner.is_check and any(map(_is_taken_back, carried.mended)),
    )
    if carried.planned is None:
        return report
    plan = carried.planned.plan
    came_to = carried.outcome or carried.forecast
    report = report._replace(
        proofs=(*plan.standing, *_beyond_root(carried.planned)),
        services=(came_to.services if came_to else ())
        or tuple(Served(need.service, need.needed) for need in plan.needs),
    )
    findings = (*carried.mended, *plan.findings)
    if carried.outcome is not None:
        report = report._replace(
            undo=undo_line(carried.outcome.checkpoint, is_undo=request.is_undo)
        )
        findings += carried.outcome.findings
    if carried.forecast is not None:
        findings += carried.forecast.findings
    return report._replace(plan=plan, findings=tuple(dict.fromkeys(findings)))


def _is_taken_back(finding: Finding) -> bool:
    """Whether it tells of a run that the next one rolls back first.

    One that still waits for confirmation is not.
    """
    from registry_host.transaction.rollback import FINISH

    return finding.path in (JOURNAL, PENDING) and finding.remedy == (FINISH,)


def _beyond_root(planned: Planned) -> Iterator[Proof]:
    """Say why of a host that does not run only the files are proved."""
    is_needed = any(need.needed for need in planned.plan.needs)
    if is_needed and not planned.facts.is_live:
        why = 'below a root folder nothing is contacted'
        yield Proof('reachable', '', 'skipped', why)
        yield Proof('pulls', '', 'skipped', why)


def with_registries(host: Host, report: Report) -> Report:
    """Say that registries of this host stay, where client settings are undone."""
    if not host.names(CONFIGS):
        return report
    from registry_host.registry.installed import installed as registries_of

    names = [each.name for each in registries_of(host)]
    if not names:
        return report
    finding = Finding(
        check='registry-installed',
        severity='info',
        message=f'this host still runs {", ".join(names)}, installed by registry-host',
        remedy=tuple(f'sudo registry-host registry uninstall {n}' for n in names),
    )
    return report._replace(findings=(*report.findings, finding))
