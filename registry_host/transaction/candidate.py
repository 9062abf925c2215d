"""A plan is judged before the first byte: by its files, and by who reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.host.replacing import changed
from registry_host.levels import Activation
from registry_host.plan.ledger import ledger_change, read_ledger
from registry_host.services.needs import put_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.host import Host
    from registry_host.plan.changes import Plan
    from registry_host.services.service import Service
    from registry_host.targets.planning import Planned


def require_unchanged(host: Host, plan: Plan) -> None:
    for change in plan.writes:
        before = change.before
        now = host.read(change.path, user=before.user, folder_mode=before.folder_mode)
        if now != before:
            raise changed(change.path)


def judge(host: Host, planned: Planned, *, is_by_itself: bool) -> None:
    """Have each service judge its files as they would be; ConfigError, EngineError.

    With `is_by_itself` one that does not answer holds up nothing.
    """
    plan = planned.plan
    needed = {need.service: need.needed for need in plan.needs}
    for service in planned.services:
        files = {c.path: c.after for c in plan.pending if service.reads(c.path)}
        level = needed.get(service.name, Activation.NONE)
        if files or level is not Activation.NONE:
            service.judge(host, files, Activation.NONE if is_by_itself else level)


def recorded(plan: Plan, services: Sequence[Service]) -> Plan:
    """Have the ledger know which services go on with what they read when they started.

    What it says of instances that are gone by now is forgotten.
    """
    if plan.record is None:
        return plan
    ledger = read_ledger(plan.record.after.content)
    gone = {need.service for need in plan.needs} | {
        service.name
        for service in services
        for started in ledger.started
        if started.service == service.name and started.identity != service.seen.identity
    }
    kept = (each for each in ledger.started if each.service not in gone)
    started = (*kept, *put_off(plan.needs))
    if started == ledger.started:
        return plan
    record = ledger_change(plan.record.before, ledger._replace(started=started))
    return plan._replace(record=record)
