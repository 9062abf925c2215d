"""Why a daemon.json must not be touched, or not be made what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine import directives
from registry_host.engine.keys import show_version
from registry_host.errors import ConfigError, Problem, SettingsError
from registry_host.jsonfile import editing
from registry_host.jsonfile.config import placed
from registry_host.settings.areas import ENGINE_DNS, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.records import FileState
    from registry_host.plan.wish import Values
    from registry_host.settings.model import Settings

PROXIES_SINCE: Version = (23, 0, 0)


def require_few(settings: Settings, managed: Values) -> None:
    """Refuse a nameserver that no container would ask, behind those managed already."""
    if settings.operation is not Operation.ADD:
        return
    from registry_host.settings.nameservers import too_many

    problem = too_many(managed, settings.engine_dns, ENGINE_DNS)
    if problem is not None:
        raise SettingsError(problem)


def require_proxies_known(engine: EngineFacts, edits: Iterable[editing.Edit]) -> None:
    """Refuse proxies that an engine before 23.0 does not start with."""
    is_put = any(isinstance(edit, editing.Put) for edit in edits)
    if is_put and engine.version is not None and engine.version < PROXIES_SINCE:
        raise ConfigError(
            Problem(
                code='proxies-unsupported',
                where='engine',
                message=f'Docker {show_version(engine.version)} does not start with '
                '"proxies" in daemon.json',
                hint='set HTTP_PROXY in the unit: systemctl edit docker.service',
            )
        )


def require_accepted(state: FileState, daemon: DaemonJson, engine: EngineFacts) -> None:
    """Raise ConfigError if this engine would not take the file as it is."""
    problems = [
        problem
        for problem in directives.lint(
            daemon.document, engine.version, engine.known_flags
        )
        + directives.conflicts(daemon.document, engine.flags, engine.places)
        # What we are about to write into an empty file cures it.
        if problem.code != 'file-empty'
    ]
    if problems:
        raise ConfigError(*(placed(problem, state.path) for problem in problems))


def require_no_new_conflict(
    state: FileState, made: DaemonJson, engine: EngineFacts
) -> None:
    """Raise ConfigError if a flag of the engine names what the file then names."""
    problems = directives.conflicts(
        made.document, engine.flags, engine.places, is_written=False
    )
    if problems:
        raise ConfigError(*(problem.at(state.path) for problem in problems))
