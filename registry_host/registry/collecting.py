"""Garbage collection of a push instance, by the unit that keeps pushes away meanwhile.

The unit, and not this process, makes the registry read-only and ends that: whatever
becomes of this process, no push comes between the mark and the sweep, and the registry
takes pushes afterwards.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, Problem
from registry_host.namedtuples import NamedTuple
from registry_host.registry.health import await_answer, beside, properties
from registry_host.registry.instances import UNITS, read_only_of, unit_of

if TYPE_CHECKING:
    from registry_host.host.host import Host

# Of one run; a registry of some terabytes takes that long.
COLLECT_TIMEOUT_S = 6 * 3600.0


class Collected(NamedTuple):
    """What a collection has marked, and removed."""

    marked: int = 0
    removed: int = 0


def is_empty(host: Host, storage: str) -> bool:
    """Whether nothing was ever pushed: the program takes that for a failure."""
    return not host.exists(f'{storage}/docker/registry/v2/repositories')


def keeps_pushes_away(host: Host, name: str) -> bool:
    """Whether the unit of an instance reads the file that makes it read-only.

    Units that an earlier registry-host has installed do not.
    """
    unit = host.read(f'{UNITS}/{unit_of(name)}').content or b''
    return f'EnvironmentFile=-{read_only_of(name)}\n'.encode() in unit


def collect(host: Host, name: str) -> Collected | None:
    """Remove what no image refers to; ApplyError with the reason, and all as before.

    None: the program did not say how much that was.
    """
    unit, served = beside(name, 'collect.service'), unit_of(name)
    state = properties(host, served, 'ActiveState').get('ActiveState')
    began = time.time()
    try:
        done = host.run(['systemctl', 'start', unit], timeout_s=COLLECT_TIMEOUT_S)
    finally:
        # An interrupt would leave it running; it restarts the registry when it ends.
        restarted = time.time()
        host.run(['systemctl', 'stop', unit])
    if state == 'active':
        await_answer(host, name, since=restarted)
    said = _said(host, unit, began)
    if not done.is_ok:
        raise ApplyError(_failed(unit, said, is_serving=state == 'active'))
    return _counted(said)


def _said(host: Host, unit: str, began: float) -> list[str]:
    """What the programs of a unit have printed since then.

    By time: systemd forgets the invocation of a unit that has ended well.
    """
    words = ['journalctl', '-o', 'cat', '--no-pager', f'--since=@{began:.3f}']
    lines = host.run([*words, f'_SYSTEMD_UNIT={unit}']).out.splitlines()
    return [line for line in lines if not line.startswith('See "systemctl ')]


def _counted(said: list[str]) -> Collected | None:
    for line in reversed(said):
        found = re.search(r'(\d+) blobs marked, (\d+) blobs', line)
        if found:
            return Collected(int(found[1]), int(found[2]))
    return None


def _failed(unit: str, said: list[str], *, is_serving: bool) -> Problem:
    from registry_host.redact import redact

    reason = f': {redact(said[-1])}' if said else ''
    end = '; the registry takes pushes again' if is_serving else ''
    return Problem(
        'registry-gc',
        f'the collection failed{reason}{end}',
        where=unit,
        hint=f'journalctl -u {unit} -n 20',
    )
