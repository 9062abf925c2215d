"""What came of activating a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.errors import Finding
    from registry_host.plan.wish import Values


class Shown(NamedTuple):
    """What a service shows once it is activated, in words for a report.

    `lines` are areas and the text that each has; `running` counts what goes on running.
    """

    lines: tuple[tuple[str, str], ...] = ()
    running: int = 0


class Activated(NamedTuple):
    """What came of activating a service."""

    live: Mapping[str, Values] | None = None
    shown: Shown | None = None
    findings: tuple[Finding, ...] = ()
