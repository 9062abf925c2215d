"""An engine is reloaded or restarted, and seen to have done it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from registry_host.engine.api import Client
from registry_host.engine.condition import main_pid, reset_failed, result_of
from registry_host.engine.failures import last_failure, message_of
from registry_host.errors import EngineError, Problem
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from registry_host.engine.answers import Info
    from registry_host.host.host import Host


# An authorization plugin that does not answer holds a reload for about 15 s.
RELOAD_TIMEOUT_S = 20.0
# How long after the event of another reload that of this one may come.
OWN_EVENT_TIMEOUT_S = 3.0
# How long after an error in the engine's log its event may still come.
ERROR_GRACE_S = 0.5
SIGHUP, SIGTERM = 1, 15
# An engine gives its containers 10 s to end, and itself 15 s (--shutdown-timeout).
STOP_TIMEOUT_S = 30.0
# A cold start with many containers to bring back takes its time.
RESTART_TIMEOUT_S = 120.0


class Reload(NamedTuple):
    """How a reload ended. `reason` is the engine's own, redacted; '' if it took."""

    is_taken: bool
    reason: str
    info: Info | None


def reload(
    host: Host,
    *,
    socket_path: str,
    pid: int,
    unit: str | None,
    is_expected: Callable[[Info], bool] = lambda info: True,
    timeout_s: float = RELOAD_TIMEOUT_S,
) -> Reload:
    """Make the engine re-read its daemon.json, and wait until it says that it did.

    Neither the exit code of a reload nor the log line "Reloaded configuration" proves
    anything: moby sends the event only on commit (daemon/reload.go; 20.10 to 29). The
    event may be that of a reload which another has asked for just before, a run that
    was killed for one: until the engine shows what is expected, the next event is
    waited for.
    """
    client = Client(host, socket_path)
    if not client.is_answering():
        # A SIGHUP before the handler is installed ends the engine (moby, all versions).
        raise EngineError(_not_answering(socket_path))
    log = Log(host, pid)
    with client.reload_events() as events:
        _trigger(host, pid, unit)
        is_taken, reason = _wait_for_event(events, log, timeout_s)
        info = _info_or_none(client)
        if not is_taken or (info is not None and is_expected(info)):
            return Reload(is_taken=is_taken, reason=reason, info=info)
        _wait_for_event(events, log, min(timeout_s, OWN_EVENT_TIMEOUT_S))
    return Reload(is_taken=True, reason='', info=_info_or_none(client))


def restart(
    host: Host,
    *,
    socket_path: str,
    unit: str,
    pid: int | None = None,
    timeout_s: float = RESTART_TIMEOUT_S,
) -> Info:
    """Restart the engine's unit and wait until the engine answers.

    `pid` is that of an engine that runs, which may outlive its unit.

    Raises EngineError if it does not come back, with the reason of this start: it is
    read before anything else is tried. A unit that was started often is given a clean
    slate first: systemd would refuse to start it.
    """
    reset_failed(host, unit)
    if pid is not None and main_pid(host, unit) != pid:
        _stop(host, unit, pid)
    done = host.run(['systemctl', 'restart', unit], timeout_s=timeout_s)
    client = Client(host, socket_path)
    deadline = time.monotonic() + (timeout_s if done.is_ok else 0.0)
    while pid is None or not _is_engine(host, pid):  # It would answer as if new.
        try:
            return client.info()
        except (OSError, EngineError):
            if time.monotonic() >= deadline:
                break
        time.sleep(0.1)
    reason = last_failure(host, unit) or _first_line(done.err)
    result = result_of(host, unit)
    raise EngineError(
        Problem(
            code='restart-failed',
            where=unit,
            message=f'the engine did not come back: {reason}'
            + (f' ({unit}: {result})' if result else ''),
            hint=f'sudo journalctl -u {unit} -n 20',
        )
    )


def _stop(host: Host, unit: str, pid: int) -> None:
    """Stop an engine that is not the main process of its unit.

    Docker's unit ends its main process alone (KillMode=process): the engine would go
    on, and no other could start beside it (20.10.24, 26.1.5, 28.5.2, observed).
    """
    host.run(['systemctl', 'stop', unit], timeout_s=STOP_TIMEOUT_S)
    if not _is_engine(host, pid):
        return
    host.signal(pid, SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_engine(host, pid) and time.monotonic() < deadline:
        time.sleep(0.1)


def _is_engine(host: Host, pid: int) -> bool:
    return host.executable_of(pid).rpartition('/')[2].startswith('dockerd')


def _info_or_none(client: Client) -> Info | None:
    try:
        return client.info()
    except (OSError, EngineError):
        return None


def _not_answering(socket_path: str) -> Problem:
    return Problem(
        code='engine-not-ready',
        where=socket_path,
        message='the engine does not answer yet, so it was not reloaded',
        hint='systemctl status docker.service',
    )


def _trigger(host: Host, pid: int, unit: str | None) -> None:
    """Reload by the service manager where it knows how, else by a signal.

    The unit's main process may be another one, as a shell that has started the engine:
    the signal of a reload would end that, and the engine with it (20.10.24, 26.1.5,
    28.5.2, observed).
    """
    if unit is not None:
        properties = ('--property=CanReload', '--property=MainPID')
        shown = host.run(['systemctl', 'show', *properties, unit])
        found = dict(line.partition('=')[::2] for line in shown.out.splitlines())
        is_main = found.get('MainPID') == str(pid)
        if shown.is_ok and found.get('CanReload') == 'yes' and is_main:
            done = host.run(['systemctl', 'reload', unit])
            if done.is_ok:
                return
            message = f'systemctl reload failed: {_first_line(done.err)}'
            raise EngineError(
                Problem(code='reload-failed', where=unit, message=message)
            )
    host.signal(pid, SIGHUP)


def _wait_for_event(
    events: socket.socket, log: Log, timeout_s: float
) -> tuple[bool, str]:
    deadline = time.monotonic() + timeout_s
    events.settimeout(0.2)
    rejected_at: float | None = None
    while (now := time.monotonic()) < deadline:
        try:
            received = events.recv(65536)
        except TimeoutError:
            received = None
        if received:
            return True, ''
        if received == b'':
            return False, log.last_error() or 'the engine exited during the reload'
        if rejected_at is None and log.last_error():
            rejected_at = now
        if rejected_at is not None and now - rejected_at >= ERROR_GRACE_S:
            return False, log.last_error()
    return False, f'the engine reported no reload within {timeout_s:.0f} s'


class Log:
    """What an engine writes to the journal from now on; nothing where there is none."""

    def __init__(self, host: Host, pid: int) -> None:
        self._host = host
        self._argv = ('journalctl', '--quiet', '--output=cat', f'_PID={pid}')
        last = host.run([*self._argv, '--lines=1', '--show-cursor'])
        found = re.search(r'^-- cursor: (\S+)$', last.out, re.MULTILINE)
        self._after = [f'--after-cursor={found[1]}'] if found else ['--lines=20']

    def last_error(self) -> str:
        """Return the message of the newest line of level error, redacted, or ''."""
        shown = self._host.run([*self._argv, *self._after])
        errors = [line for line in shown.out.splitlines() if 'level=error' in line]
        return redact(message_of(errors[-1])) if errors else ''


def _first_line(text: str) -> str:
    """What follows says where to look for more."""
    lines = text.strip().splitlines()
    return redact(lines[0]) if lines else 'no reason given'
