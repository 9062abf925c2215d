"""The confirm command, and the revert of a change that waited in vain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from registry_host.errors import Finding, Problem, UndoError
from registry_host.reporting.report import Report
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.lock import (
    pending_run,
    require_in_time,
    take_back_pending,
    transaction,
)

if TYPE_CHECKING:
    from registry_host.host.host import Host


# A run that is under way may wait for its engine; the timer waits for the run.
REVERT_LOCK_TIMEOUT_S = 600.0


def confirm_pending(host: Host, *, lock_timeout_s: float) -> Report:
    """Keep the change that waits for confirmation."""
    with transaction(
        host, lock_timeout_s=lock_timeout_s, is_about_pending=True
    ) as mended:
        pending = pending_run(host)
        if pending is None:
            raise UndoError(_none_pending())
        require_in_time(host, pending)
        confirmation.disarm(host, pending.checkpoint)
        run = checkpoints.load_run(host, pending.checkpoint)
    note = f'confirmed: {run.title} stays'
    return Report(command='confirm', findings=mended, note=note)


def _none_pending() -> Problem:
    return Problem(
        code='confirm-none',
        message='no change is waiting for confirmation',
        hint='sudo registry-host history',
    )


def revert(host: Host, token: str, *, after_s: float) -> Report:
    """What the timer calls: undo the change if it still waits for confirmation then."""
    mended: tuple[Finding, ...] = ()
    while True:
        time.sleep(after_s)
        with transaction(
            host, lock_timeout_s=REVERT_LOCK_TIMEOUT_S, is_about_pending=True
        ) as found:
            mended += found
            pending = pending_run(host)
            if pending is None or pending.token != token:
                note = 'confirmed: nothing to undo'
                return Report(command='revert', findings=mended, note=note)
            # The run may have ended long after it had started the timer.
            after_s = pending.seconds_left(host)
            if after_s <= 0:
                finding = take_back_pending(host, pending)
                return Report(command='revert', findings=(*mended, finding))
