"""What services have in common that are no engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import Allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import Activation, RestartPolicy
    from registry_host.plan.wish import Values
    from registry_host.services.view import View


class Ordinary:
    """A program that may be told at any time, and takes its files as they are.

    The policy of restarts is about containers, and none of them goes with it.
    """

    def unasked(self, view: View) -> tuple[str, ...]:
        return ()

    def interim(
        self,
        path: str,
        was: FileState,
        made: FileState,
        keeps: Mapping[str, Values] | None,
    ) -> bytes | None:
        return None

    def judge(
        self, host: Host, candidates: Mapping[str, FileState], needed: Activation
    ) -> None:
        """It does not judge a file that it has not been given."""

    def allowed(self, host: Host, needed: Activation, policy: RestartPolicy) -> Allowed:
        return Allowed(needed)

    def condition(
        self,
        host: Host,
        like: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Mapping[str, str]:
        """Each run looks whether it does its work."""
        return {}
