"""Garbage collection of a push instance, while it takes no pushes.

A push between the mark and the sweep loses blobs, and an instance that keeps blob
descriptors in memory takes what was swept for present: it is restarted before, as
read-only, and after (distribution 2.8.2, seen). The setting is in /run, where a power
cut forgets it.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, Problem
from registry_host.namedtuples import NamedTuple
from registry_host.registry.health import beside, properties, start
from registry_host.registry.instances import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host

# Of one run; a registry of some terabytes takes that long.
COLLECT_TIMEOUT_S = 6 * 3600.0
_READ_ONLY = """\
# Written by registry-host while it collects garbage.
[Service]
Environment="REGISTRY_STORAGE_MAINTENANCE_READONLY={\\"enabled\\":true}"
"""


class Collected(NamedTuple):
    """What a collection has marked, and removed."""

    marked: int = 0
    removed: int = 0


def is_empty(host: Host, storage: str) -> bool:
    """Whether nothing was ever pushed: the program takes that for a failure."""
    return not host.exists(f'{storage}/docker/registry/v2/repositories')


def collect(host: Host, name: str) -> Collected:
    """Remove what no image refers to; ApplyError with the reason, and all as before."""
    with _read_only(host, name):
        unit = beside(name, 'collect.service')
        done = host.run(['systemctl', 'start', unit], timeout_s=COLLECT_TIMEOUT_S)
        said = _said(host, unit)
        if not done.is_ok:
            raise ApplyError(_failed(name, unit, said))
    return _counted(said)


@contextlib.contextmanager
def _read_only(host: Host, name: str) -> Iterator[None]:
    """Have an instance refuse pushes for a while; pulls go on but for two restarts."""
    path = f'/run/systemd/system/{unit_of(name)}.d/registry-host-read-only.conf'
    before = host.read(path)
    after = before._replace(content=_READ_ONLY.encode(), mode=0o644)
    try:
        host.replace_file(before, after)
        start(host, name)
        yield
    finally:
        now = host.read(path)
        host.replace_file(now, now._replace(content=None))
        host.remove_folders(before)
        start(host, name)


def _said(host: Host, unit: str) -> list[str]:
    """What the last start of a unit has printed."""
    found = properties(host, unit, 'InvocationID').get('InvocationID', '')
    words = ['journalctl', '-o', 'cat', '--no-pager', f'_SYSTEMD_INVOCATION_ID={found}']
    return host.run(words).out.splitlines() if found else []


def _counted(said: list[str]) -> Collected:
    for line in reversed(said):
        found = re.search(r'(\d+) blobs marked, (\d+) blobs', line)
        if found:
            return Collected(int(found[1]), int(found[2]))
    return Collected()


def _failed(name: str, unit: str, said: list[str]) -> Problem:
    from registry_host.redact import redact

    reason = f': {redact(said[-1])}' if said else ''
    return Problem(
        'registry-gc',
        f'the collection failed{reason}; the registry takes pushes again',
        where=unit,
        hint=f'journalctl -u {unit} -n 20',
    )
