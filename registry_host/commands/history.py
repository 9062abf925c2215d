"""The history command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.reporting.report import Report
from registry_host.transaction import checkpoints
from registry_host.transaction.lock import require_root, unfinished

if TYPE_CHECKING:
    from registry_host.host.host import Host


def history(host: Host) -> Report:
    """List the runs, the oldest first."""
    require_root(host)
    findings = unfinished(host)
    return Report(command='history', runs=checkpoints.history(host), findings=findings)
