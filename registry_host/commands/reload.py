"""The reload command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.commands.carried import report_of
from registry_host.targets.reloading import plan_reload
from registry_host.transaction.carryout import Manner, Request, carry_out

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.reporting.report import Report
    from registry_host.targets.planning import Planned


class Reload(Request):
    """Make the engine re-read its daemon.json, and hold it against the live lists."""

    command = 'reload'
    is_for_the_lock = True

    def __init__(self, *, is_probing: bool) -> None:
        self._is_probing = is_probing

    def plan(self, host: Host) -> Planned:
        return plan_reload(host)

    def prove(self, host: Host, planned: Planned) -> Planned:
        """What the file says is not this run's doing, and stays."""
        from registry_host.targets.proving import with_baseline

        return with_baseline(
            host, planned, is_probing=self._is_probing, is_binding=False
        )


def reload(host: Host, manner: Manner, *, is_probing: bool = True) -> Report:
    """Make the engine re-read its daemon.json, and prove that it did.

    `is_probing`: the engine is asked whether it can pull, before and after.
    """
    request = Reload(is_probing=is_probing)
    return report_of(request, manner, carry_out(host, request, manner))
