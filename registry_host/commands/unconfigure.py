"""The unconfigure command: managed entries are withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.commands.carried import report_of, with_registries
from registry_host.targets.planning import Planned, plan_withdrawal
from registry_host.transaction.carryout import Manner, Request, carry_out

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.plan.selectors import Selection
    from registry_host.reporting.report import Report


class Unconfigure(Request):
    """Withdraw what is selected of the managed entries, and nothing else."""

    command = 'unconfigure'

    def __init__(self, selection: Selection, *, is_probing: bool) -> None:
        self._selection = selection
        self._is_probing = is_probing

    def plan(self, host: Host) -> Planned:
        return plan_withdrawal(host, self._selection)

    def prove(self, host: Host, planned: Planned) -> Planned:
        if not planned.facts.is_live:
            return planned
        from registry_host.targets.proving import or_moot, with_baseline

        return or_moot(with_baseline(host, planned, is_probing=self._is_probing))


def unconfigure(
    host: Host, manner: Manner, selection: Selection, *, is_probing: bool
) -> Report:
    """Withdraw what is selected of the managed entries, and nothing else."""
    request = Unconfigure(selection, is_probing=is_probing)
    report = report_of(request, manner, carry_out(host, request, manner))
    return with_registries(host, report)
