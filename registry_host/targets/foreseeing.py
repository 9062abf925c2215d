"""What a plan leaves for the next start of the engine to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import DaemonJson
from registry_host.errors import ConfigError, Finding
from registry_host.jsonfile.config import placed
from registry_host.levels import Activation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.errors import Problem
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.targets.planning import Planned


def foreseen(host: Host, planned: Planned, *, is_by_itself: bool) -> Planned:
    """Tell of a file that the engine lives with, and does not start with again.

    The mistake is in foreign keys: registry-host sets none of them. A reload
    makes it no worse; a restart would leave a dead engine, so ConfigError if the plan
    takes one, unless it is carried out `is_by_itself`, which puts the restart off.
    """
    engine = planned.facts.engine
    if engine.state == 'absent':
        return planned
    takes_restart = engine.is_running and any(
        need.is_engine and need.needed is Activation.RESTART
        for need in planned.plan.needs
    )
    changes = {change.path: change for change in planned.plan.changes}
    change = changes.get(engine.config_path)
    if takes_restart and not is_by_itself:
        path, user = engine.config_path, engine.user
        stands = change.before if change else host.read(path, user=user)
        problems = tuple(_problems(host, planned, stands))
        if problems:
            raise ConfigError(*map(_at_restart, problems))
    if change is None:
        return planned
    return planned.with_findings(_findings(host, planned, change.after))


def _at_restart(problem: Problem) -> Problem:
    # In front, for the message ends with what to do about it.
    message = f'this change needs a restart, but {problem.message}'
    return problem._replace(message=message)


def _findings(host: Host, planned: Planned, after: FileState) -> Iterable[Finding]:
    for problem in _problems(host, planned, after):
        yield Finding.of(problem, 'warning', after.path)
    if planned.facts.engine.state == 'stopped':
        from registry_host.services.starting import failed_findings

        yield from failed_findings(host, planned.facts.engine)


def _problems(host: Host, planned: Planned, state: FileState) -> Iterator[Problem]:
    try:
        daemon = DaemonJson.read(state)
    except ConfigError:  # Of which the target tells more.
        return
    if daemon.concerns_start:
        from registry_host.services.starting import next_refusals

        for each in next_refusals(host, planned.facts.engine, daemon.document):
            yield placed(each.problem, state.path)
