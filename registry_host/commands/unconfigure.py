"""The unconfigure command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.commands.configure import Manner, _in_order, _run
from registry_host.targets.planning import Planned, plan_withdrawal

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.plan.selectors import Selection
    from registry_host.reporting.report import Report


def unconfigure(host: Host, manner: Manner, selection: Selection) -> Report:
    """Withdraw what is selected of the managed entries, and nothing else."""

    def plan() -> Planned:
        return plan_withdrawal(host, selection)

    with _in_order(host, manner) as mended:
        report = _run(host, 'unconfigure', manner, plan(), plan)
    return report._replace(findings=tuple(dict.fromkeys(mended + report.findings)))
