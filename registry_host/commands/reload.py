"""The reload command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.commands.carried import report_of
from registry_host.targets.planning import Planned, plan_reload
from registry_host.transaction.carryout import Manner, Request, carry_out

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.reporting.report import Report


class Reload(Request):
    """Make the engine re-read its daemon.json, and hold it against the live lists."""

    command = 'reload'
    is_for_the_lock = True

    def plan(self, host: Host) -> Planned:
        return plan_reload(host)


def reload(host: Host, manner: Manner) -> Report:
    """Make the engine re-read its daemon.json, and prove that it did."""
    request = Reload()
    return report_of(request, manner, carry_out(host, request, manner))
