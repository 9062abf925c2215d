"""Planning a reload: no file changes, and the engine reads the one that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.environment import proxies_of
from registry_host.engine.find import look_at_engine
from registry_host.errors import EngineError, Finding
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.plan.ledger import load_ledger
from registry_host.plan.readings import Need, disagreeing
from registry_host.services.facts import Facts
from registry_host.services.starting import not_running
from registry_host.targets import docker_daemon
from registry_host.targets.daemon_refusals import require_accepted
from registry_host.targets.planning import Planned, PlannedFile, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.plan.wish import Values


def plan_reload(host: Host) -> Planned:
    """Plan to have the engine read its file; EngineError if there is none to do it."""
    engine = look_at_engine(host)
    if not engine.is_running:
        raise EngineError(engine.problem or not_running(host, engine))
    state = host.read(engine.config_path, user=engine.user)
    require_accepted(state, DaemonJson.read(state), engine)
    ledger, ledger_state = load_ledger(host)
    part = PlannedFile(
        Change(docker_daemon.NAME, state, state),
        ledger.find(docker_daemon.NAME, state.path),
    )
    facts = Facts.of_engine(host, engine)
    facts = facts._replace(environment=proxies_of(host, engine))
    planned = joined(host, facts, [part], ledger, ledger_state, ())
    view = planned.transition.after
    unasked = {service.name: service.unasked(view) for service in planned.services}
    due = dict(_due(planned))
    needs = tuple(_reloaded(planned, unasked, due))
    plan = planned.plan._replace(record=None, needs=needs)
    return planned._replace(plan=plan).with_findings(_beyond(planned, unasked, due))


def _beyond(
    planned: Planned,
    unasked: Mapping[str, Values],
    due: Mapping[str, Mapping[str, Values]],
) -> Iterator[Finding]:
    """Tell what a reload does not take back, and what it does not take up."""
    for service in planned.services:
        if areas := unasked[service.name]:
            yield Finding(
                check='live-unnamed',
                severity='warning',
                message=f'{service.title} uses {", ".join(areas)} that neither a file '
                'nor a flag names, until its next restart',
                remedy=(service.by_hand,),
            )
        if waiting := due[service.name]:
            yield Finding(
                check='restart-pending',
                severity='warning',
                message=f'{service.title} does not use {", ".join(waiting)} of its '
                'file until it has restarted',
                remedy=(service.by_hand,),
            )


def _due(planned: Planned) -> Iterator[tuple[str, Mapping[str, Values]]]:
    """Say of each service what takes a start, with what it has of that by now.

    It does not show all of what it uses: of that, the ledger knows what was put off.
    """
    noted = {need.service: need.due for need in planned.plan.needs}
    for service in planned.services:
        live = service.seen.live
        reading = service.reading(planned.transition.after)
        want = service.shows(reading).items()
        at_start = {area: text for area, text in want if area in reading.at_start}
        unread = () if live is None else disagreeing(at_start, live)
        shown = {area: (live or {}).get(area, ()) for area in unread}
        yield service.name, {**shown, **noted.get(service.name, {})}


def _reloaded(
    planned: Planned,
    unasked: Mapping[str, Values],
    due: Mapping[str, Mapping[str, Values]],
) -> Iterator[Need]:
    """Have each program that reads a file of the plan read it again."""
    transition = planned.transition
    for service in planned.services:
        paths = tuple(c.path for c in planned.plan.changes if service.reads(c.path))
        if paths:
            reading = service.reading(transition.after)
            yield Need(
                service=service.name,
                seen=service.seen,
                paths=paths,
                needed=Activation.RELOAD,
                base=reading.at_start,
                want=service.shows(reading),
                due=due[service.name],
                is_hidden=bool(unasked[service.name] or due[service.name]),
                is_engine=service.kind == 'engine',
            )
