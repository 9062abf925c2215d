"""A proof that a run could not have: each later run tries for it, until it has it.

Without that a run which could not be proved would be followed by one that finds nothing
to do, and says so, on a host that cannot pull.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding
from registry_host.host.locations import UNPROVED
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.host.host import Host
    from registry_host.services.transition import Checks

VERSION = 1
# The check that tells of the proof.
PULLS = 'pulls'


class Unproved(NamedTuple):
    """Which run could not have the proof, and why, in words.

    `has_asked`: its mirrors were asked, so that only the proof of the engine is open.
    """

    run: int
    reason: str
    has_asked: bool = False

    @property
    def told(self) -> Finding:
        run = f'run {self.run}' if self.run else 'an earlier run'
        message = f'{run} has not proved that pulls work: {self.reason}'
        return Finding(PULLS, 'warning', message, remedy=('sudo registry-host reload',))


def load(host: Host) -> Unproved | None:
    """Read what is not proved; a record that is damaged tells of no run."""
    if not host.exists(UNPROVED):
        return None
    try:
        found = json.loads(host.read_state(UNPROVED).content or b'')
        run, reason = int(found['run']), str(found['reason'])
        return Unproved(run, reason, found['mirrors'] == 'asked')
    except (ConfigError, ValueError, KeyError, TypeError, RecursionError):
        return Unproved(0, 'the record of it is damaged')


def remember(
    host: Host,
    checks: Checks,
    findings: Iterable[Finding],
    *,
    run: int | None = None,
    is_put_off: bool = False,
) -> None:
    """Remember that a run is not proved, if it is not.

    `run` None is for one that is in no history; `is_put_off`: a program goes on with
    what it had, so what was proved is not what will be in force.
    """
    reason = checks.unproved or _failed(findings)
    if is_put_off and checks.image is not None:
        reason = reason or 'a restart was put off'
    if not reason or checks.is_moot:
        return
    known = load(host)
    if run is None:
        run, reason = (known.run, known.reason) if known else (0, reason)
    _save(host, Unproved(run, reason, _has_asked(checks, known)), known)


def forget(
    host: Host,
    checks: Checks,
    findings: Iterable[Finding],
    *,
    is_put_off: bool = False,
) -> None:
    """Forget that an earlier run was not proved, if this one is, or nothing is left.

    Only once it is committed: what goes back is not proved either.
    """
    if checks.is_moot:
        host.remove_state(UNPROVED)
        return
    is_proved = checks.image is not None and not checks.unproved and not is_put_off
    if not is_proved or _failed(findings):
        return
    known = load(host)
    if known is not None and _has_asked(checks, known):
        host.remove_state(UNPROVED)


def _has_asked(checks: Checks, known: Unproved | None) -> bool:
    """Whether mirrors were asked, by this command or, where it asks none, before."""
    if checks.has_asked is None:
        return known is None or known.has_asked
    return checks.has_asked


def _save(host: Host, unproved: Unproved, known: Unproved | None) -> None:
    if unproved == known:
        return
    record = {
        'version': VERSION,
        'run': unproved.run,
        'reason': unproved.reason,
        'mirrors': 'asked' if unproved.has_asked else 'not asked',
    }
    host.write_state(UNPROVED, f'{json.dumps(record)}\n'.encode())


def _failed(findings: Iterable[Finding]) -> str:
    found = (each for each in findings if each.check == PULLS)
    return next((each.message for each in found if each.severity != 'ok'), '')
