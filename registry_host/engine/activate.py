"""Making an engine use what its file says, as gently as that goes, and proving it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from registry_host.engine.api import Client
from registry_host.engine.lifecycle import RELOAD_TIMEOUT_S, reload, restart
from registry_host.errors import EngineError, Problem, counted, listed
from registry_host.levels import IF_SAFE, NEVER, Activation, Allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry_host.engine.answers import Info
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.levels import RestartPolicy

NAMES_SHOWN = 5
NAMES_TIMEOUT_S = 10.0


def allowed(
    host: Host, engine: EngineFacts, needed: Activation, policy: RestartPolicy
) -> Allowed:
    """Hold a restart against the policy, and against what runs on this engine."""
    if needed is not Activation.RESTART:
        return Allowed(needed)
    if not engine.is_running:  # Nothing runs on it that a restart would stop.
        return Allowed(needed if engine.unit else Activation.NONE)
    if engine.unit is None:
        return Allowed(Activation.RELOAD, 'this engine is not run by a systemd unit')
    if policy == NEVER:
        return Allowed(Activation.RELOAD, '--restart never')
    info = engine.info
    is_sheltered = info is not None and info.is_live_restore
    running = () if is_sheltered else Client(host, engine.socket_path).running()
    stopped = tuple(container.name for container in running)
    if policy == IF_SAFE and stopped:
        return Allowed(Activation.RELOAD, f'a restart would stop {_named(stopped)}')
    if policy == IF_SAFE and info is not None and info.is_in_swarm:
        reason = 'this host is in a swarm, which would move its tasks elsewhere'
        return Allowed(Activation.RELOAD, reason)
    return Allowed(Activation.RESTART, stopped=stopped)


def _named(containers: tuple[str, ...]) -> str:
    what = counted(len(containers), 'running container')
    return f'{what}: {listed(containers, NAMES_SHOWN)}'


def activate(
    host: Host,
    engine: EngineFacts,
    how: Activation,
    *,
    is_expected: Callable[[Info], bool],
    timeout_s: float = RELOAD_TIMEOUT_S,
) -> Info:
    """Reload or restart, and wait until the engine shows what is expected.

    Returns what it shows then, as expected or not. Raises EngineError with the engine's
    own reason where it does not take the change.
    """
    if how is Activation.RESTART and engine.unit:
        return restart(
            host, socket_path=engine.socket_path, unit=engine.unit, pid=engine.pid
        )
    return _reload(host, engine, is_expected, timeout_s)


def require_found(host: Host, engine: EngineFacts, endpoints: Sequence[str]) -> None:
    """Wait until the engine finds the names of each HOST:PORT; EngineError if not.

    Programs in Go look at resolv.conf once in five seconds (net/dnsclient_unix.go).
    """
    client = Client(host, engine.socket_path)
    deadline = time.monotonic() + NAMES_TIMEOUT_S
    for endpoint in endpoints:
        while reason := client.not_found(endpoint):
            if time.monotonic() > deadline:
                message = f'it does not resolve the name of a mirror: {reason}'
                raise EngineError(Problem(code='engine-lookup', message=message))
            time.sleep(1)


def _reload(
    host: Host,
    engine: EngineFacts,
    is_expected: Callable[[Info], bool],
    timeout_s: float,
) -> Info:
    if engine.pid is None:
        raise EngineError(Problem(code='engine-gone', message='no engine runs'))
    done = reload(
        host,
        socket_path=engine.socket_path,
        pid=engine.pid,
        unit=engine.unit,
        is_expected=is_expected,
        timeout_s=timeout_s,
    )
    if not done.is_taken:
        raise EngineError(Problem(code='reload-rejected', message=done.reason))
    if done.info is None:
        message = 'the engine does not answer after the reload'
        raise EngineError(Problem(code='engine-gone', message=message))
    return done.info
