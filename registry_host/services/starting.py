"""The next start of an engine, checked on its host before it is asked for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from registry_host.engine import activate
from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.failures import last_failure
from registry_host.engine.nextstart import files_read, refusals
from registry_host.engine.start import Surroundings
from registry_host.errors import ConfigError, Finding, Problem
from registry_host.jsonfile.config import placed
from registry_host.levels import Activation, Allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.find import EngineFacts
    from registry_host.engine.start import Refusal
    from registry_host.host.host import Host
    from registry_host.jsonfile.jsontext import Document
    from registry_host.levels import RestartPolicy

DATA_ROOT = '/var/lib/docker'
SWARM_STATE = 'swarm/docker-state.json'


def is_explained(reason: str, found: tuple[Refusal, ...]) -> bool:
    return any(each.sign and each.sign in reason for each in found)


def next_refusals(
    host: Host, engine: EngineFacts, document: Document
) -> tuple[Refusal, ...]:
    """Check a file against the tables, and against what is observed around it."""
    around = _surroundings(host, engine, document)
    return refusals(document, engine.version, engine.flags, around)


def allowed(
    host: Host, engine: EngineFacts, needed: Activation, policy: RestartPolicy
) -> Allowed:
    """Put a restart off which would leave a dead engine, whatever the policy is.

    A run is refused where it is planned; ways back, which no user decides,
    come here.
    """
    may = activate.allowed(host, engine, needed, policy)
    if may.activation is not Activation.RESTART or not engine.is_running:
        return may
    reason = _refusal_now(host, engine)
    return Allowed(Activation.RELOAD, reason) if reason else may


def _refusal_now(host: Host, engine: EngineFacts) -> str:
    try:
        daemon = DaemonJson.read(host.read(engine.config_path, user=engine.user))
    except ConfigError:
        return ''
    found = next_refusals(host, engine, daemon.document)
    return str(placed(found[0].problem, engine.config_path)) if found else ''


def _surroundings(host: Host, engine: EngineFacts, document: Document) -> Surroundings:
    """Look at what rules depend on; only root sees all files, as an engine does.

    One of a user, or of a snap, may see others by the same name.
    """
    is_seen = host.is_live and host.is_root and engine.packaging == 'system'
    paths = files_read(document, engine.version) if is_seen else ()
    return Surroundings(
        is_in_swarm=_is_in_swarm(host, engine, document),
        absent=frozenset(path for path in paths if _is_absent(host, path)),
        is_containerd_store=bool(engine.info and engine.info.is_containerd_store),
    )


def _is_in_swarm(host: Host, engine: EngineFacts, document: Document) -> bool:
    """One that does not run says it by what it has kept (moby daemon/cluster)."""
    if engine.info is not None:
        return engine.info.is_in_swarm
    if engine.state != 'stopped' or not host.is_root:
        return False
    given = document.get('data-root') or engine.flags.get('data-root', ('',))[-1]
    folder = given if isinstance(given, str) and given else DATA_ROOT
    return '\0' not in folder and host.exists(f'{folder}/{SWARM_STATE}')


def _is_absent(host: Host, path: str) -> bool:
    if '\0' in path:
        return True
    with contextlib.suppress(OSError):
        return not host.exists(path)
    return True


def failure_of(host: Host, engine: EngineFacts) -> str:
    """Say why the engine is dead; '' if it is not, or if only others may read that."""
    if engine.state != 'stopped' or not engine.unit or not host.is_root:
        return ''
    return last_failure(host, engine.unit)


def start_again(unit: str | None) -> str:
    """The command that starts an engine once its mistake is mended."""
    name = unit or 'docker.service'
    return f'sudo systemctl reset-failed {name} && sudo systemctl start {name}'


def failed_findings(host: Host, engine: EngineFacts) -> Iterator[Finding]:
    """Tell a run that the engine, which is to read a file when it starts, did not."""
    if reason := failure_of(host, engine):
        yield Finding(
            check='engine-failed',
            severity='warning',
            message=f'the engine does not run, and its last start failed: {reason}; '
            'fix that first',
            path=engine.config_path,
            remedy=(start_again(engine.unit),),
        )


def not_running(host: Host, engine: EngineFacts) -> Problem:
    """Say why there is no engine to reload."""
    code = f'engine-{engine.state}'
    if reason := failure_of(host, engine):
        return Problem(
            code=code,
            where='engine',
            message=f'the engine does not run: its last start failed: {reason}; '
            'fix that first',
            hint=start_again(engine.unit),
        )
    messages = {
        'absent': 'no Docker engine is installed or running',
        'stopped': 'the engine does not run: it reads daemon.json when it starts',
        'unknown': 'a root folder has no engine to reload',
    }
    return Problem(
        code=code,
        where='engine',
        message=messages.get(engine.state, 'does not run'),
        hint='sudo systemctl start docker' if engine.state == 'stopped' else '',
    )
