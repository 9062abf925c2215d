"""What is reported of a command that changes a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Exit
from registry_host.reporting.report import Report, undo_line

if TYPE_CHECKING:
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
    )
    if carried.planned is None:
        return report
    plan = carried.planned.plan
    findings = (*carried.mended, *plan.findings)
    if carried.outcome is not None:
        report = report._replace(
            undo=undo_line(carried.outcome.checkpoint, is_undo=request.is_undo)
        )
        findings += carried.outcome.findings
    if carried.forecast is not None:
        findings += carried.forecast.findings
    return report._replace(plan=plan, findings=tuple(dict.fromkeys(findings)))
