"""What systemd has of an engine: its unit and the socket that starts it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from registry_host.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host

# States that pass by themselves.
_PASSING = ('activating', 'deactivating', 'reloading', 'maintenance')
_PROPERTIES = ('Id', 'LoadState', 'ActiveState', 'SubState')
# Longer than a unit waits before it starts a failed engine anew (RestartSec=2).
SETTLE_S = 4.0


def units_of(unit: str) -> tuple[str, str]:
    """Name the unit of an engine, and that of its socket, which fails with it."""
    return unit, f'{unit.removesuffix(".service")}.socket'


def condition_of(
    host: Host,
    unit: str | None,
    like: Mapping[str, str] | None = None,
    timeout_s: float = 0.0,
) -> dict[str, str]:
    """Say of each unit that there is what state it is in, as in 'active (running)'.

    A unit that is on its way to another state is left out; with `like`, it is waited
    until the units are in those states, or time is up.
    """
    if unit is None:
        return {}
    deadline = time.monotonic() + timeout_s
    while True:
        found = _shown(host, unit)
        is_over = time.monotonic() >= deadline
        if like is None or is_over or found == like:
            return {
                name: state
                for name, state in found.items()
                if like is not None or not state.startswith(_PASSING)
            }
        time.sleep(0.1)


def _shown(host: Host, unit: str) -> dict[str, str]:
    properties = [f'--property={name}' for name in _PROPERTIES]
    shown = host.run(['systemctl', 'show', *properties, *units_of(unit)])
    found: dict[str, str] = {}
    for block in shown.out.split('\n\n'):
        values = dict(line.partition('=')[::2] for line in block.splitlines())
        if values.get('LoadState') == 'loaded':
            state = f'{values.get("ActiveState")} ({values.get("SubState")})'
            found[values.get('Id', unit)] = state
    return found


def reset_failed(host: Host, unit: str) -> None:
    """Have systemd forget failures: it refuses a fourth start within a minute.

    Debian's unit has StartLimitBurst=3 and StartLimitIntervalSec=60, and its socket
    fails with it (observed, 20.10.24, 26.1.5 and 28.5.2).
    """
    for name in units_of(unit):
        host.run(['systemctl', 'reset-failed', name])


def cure_of(host: Host, unit: str, pid: int | None) -> str:
    """Give the command that has systemd run an engine again.

    A process that has outlived its unit keeps another engine from starting.
    """
    names = quoted(*units_of(unit))
    start = (
        f'sudo systemctl reset-failed {names}; sudo systemctl restart {quoted(unit)}'
    )
    is_left = pid is not None and not _shown(host, unit).get(unit, '').startswith(
        'active'
    )
    return (
        f'sudo kill {pid} && tail --pid={pid} -f /dev/null; {start}'
        if is_left
        else start
    )


def main_pid(host: Host, unit: str) -> int:
    """Return the pid of a unit's main process; 0 where it has none."""
    shown = host.run(['systemctl', 'show', '--property=MainPID', unit])
    pid = shown.out.strip().removeprefix('MainPID=')
    return int(pid) if pid.isdigit() else 0


def result_of(host: Host, unit: str) -> str:
    """Say how systemd has a unit's last start, where that is more than a failure."""
    shown = host.run(['systemctl', 'show', '--property=Result', unit])
    result = shown.out.strip().removeprefix('Result=')
    return '' if result in ('success', 'exit-code') else result
