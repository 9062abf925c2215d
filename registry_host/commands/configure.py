"""The configure command: from settings to a host that is as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.commands.carried import report_of
from registry_host.settings.asked import read_asked
from registry_host.targets.planning import Planned, plan_asked
from registry_host.transaction.carryout import Manner, Request, carry_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.reporting.report import Report
    from registry_host.settings.asked import Asked


class Configure(Request):
    """Bring the host to what is asked by flags and a settings file."""

    command = 'configure'
    is_strict = True

    def __init__(
        self,
        *,
        settings_file: str | None,
        flags: Mapping[str, Any],
        is_probing: bool,
        is_pulling: bool,
        is_replacing: bool,
    ) -> None:
        self._file = settings_file
        self._flags = flags
        self._is_probing = is_probing
        self._is_pulling = is_pulling
        self._is_replacing = is_replacing
        self._asked: Asked | None = None

    def plan(self, host: Host) -> Planned:
        if self._asked is None:  # Standard input can be read once.
            self._asked = read_asked(
                host,
                file=self._file,
                flags=self._flags,
                is_replacing=self._is_replacing,
            )
        return plan_asked(host, self._asked)

    def prove(self, host: Host, planned: Planned) -> Planned:
        if not planned.facts.is_live:
            return planned
        from registry_host.services.transition import Again
        from registry_host.targets.proving import prove, waived
        from registry_host.transaction.unproved import load as load_unproved

        if not self._is_probing:
            return waived(host, planned)
        unproved = load_unproved(host)
        again = Again()
        if unproved is not None:
            again = Again(pulls=True, mirrors=not unproved.has_asked)
        return prove(host, planned, again, is_pulled=self._is_pulling)


def configure(
    host: Host,
    manner: Manner,
    *,
    settings_file: str | None,
    flags: Mapping[str, Any],
    is_probing: bool,
    is_pulling: bool = False,
    is_replacing: bool = False,
) -> Report:
    """Bring the host to what is asked, or (`is_check`) tell what that would take.

    `is_probing`: other machines and the engine are asked whether it works, the engine
    by a real pull if `is_pulling`.
    """
    request = Configure(
        settings_file=settings_file,
        flags=flags,
        is_probing=is_probing,
        is_pulling=is_pulling,
        is_replacing=is_replacing,
    )
    return report_of(request, manner, carry_out(host, request, manner))
