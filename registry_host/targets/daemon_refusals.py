"""Why a daemon.json must not be touched, or not be made what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine import directives
from registry_host.engine.keys import show_version
from registry_host.errors import ConfigError, Problem, SettingsError, quoted
from registry_host.jsonfile import editing
from registry_host.jsonfile.config import placed
from registry_host.redact import redact
from registry_host.settings.areas import ENGINE_DNS, PROXY_KEYS, Operation

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
    puts = [edit for edit in edits if isinstance(edit, editing.Put)]
    if puts and engine.version is not None and engine.version < PROXIES_SINCE:
        raise ConfigError(
            Problem(
                code='proxies-unsupported',
                where='engine',
                message=f'Docker {show_version(engine.version)} does not start with '
                '"proxies" in daemon.json',
                hint=_by_unit(engine.unit or 'docker.service', puts),
            )
        )


def _by_unit(unit: str, puts: Iterable[editing.Put]) -> str:
    """Give the command that has the unit name the proxies, as all engines read them.

    A password is not shown, so that one with any is left to an editor. systemd takes
    %% for a % (systemd.unit(5)).
    """
    members: dict[str, str] = {}
    for put in puts:
        found = put.value if isinstance(put.value, dict) else {put.path[-1]: put.value}
        members |= {name: str(text) for name, text in found.items()}
    if not set(members) <= set(PROXY_KEYS) or any(
        redact(text) != text for text in members.values()
    ):
        return f'sudo systemctl edit {unit}'
    lines = ['[Service]']
    for key, text in members.items():
        name = key.upper().replace('-', '_')
        lines.append(f'Environment="{name}={text.replace("%", "%%")}"')
    folder = f'/etc/systemd/system/{unit}.d'
    return (
        f'sudo mkdir -p {folder} && printf "%s\\n" {quoted(*lines)} | '
        f'sudo tee {folder}/registry-host-proxy.conf && '
        f'sudo systemctl daemon-reload && sudo systemctl restart {unit}'
    )


def require_accepted(state: FileState, daemon: DaemonJson, engine: EngineFacts) -> None:
    """Raise ConfigError if this engine would not take the file as it is."""
    problems = [
        problem
        for problem in directives.lint(
            daemon.document, engine.version, engine.known_flags
        )
        + directives.conflicts(daemon.document, engine.flags, engine.places)
        # What is about to be written into an empty file cures it.
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
