"""A proof that a run could not have: each later run tries for it, until it has it.

Without that a run which could not be proved would be followed by one that finds nothing
to do, and says so, on a host that cannot pull.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.locations import UNPROVED
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.services.transition import Checks

VERSION = 1
# The check that tells of the proof.
PULLS = 'pulls'


class Unproved(NamedTuple):
    """Which run could not have the proof, and why, in words."""

    run: int
    reason: str


def is_open(host: Host) -> bool:
    """Whether there is a proof to be had yet; as root, for others do not see it."""
    return host.exists(UNPROVED)


def load(host: Host) -> Unproved | None:
    """Read what is not proved; a record that is damaged tells of no run."""
    try:
        content = host.read_state(UNPROVED).content
        if content is None:
            return None
        found = json.loads(content)
        return Unproved(int(found['run']), str(found['reason']))
    except (ConfigError, ValueError, KeyError, TypeError, RecursionError):
        return Unproved(0, 'the record of it is damaged')


def settle(
    host: Host,
    checks: Checks,
    findings: Iterable[Finding],
    *,
    run: int | None = None,
    is_put_off: bool = False,
) -> None:
    """Remember that a run is not proved, or forget that an earlier one was not.

    `run` None is for one that is in no history; `is_put_off`: a program goes on with
    what it had, so what was proved is not what will be in force.
    """
    reason = checks.unproved or _failed(findings)
    if is_put_off and checks.image is not None:
        reason = reason or 'a restart was put off'
    if not reason:
        if checks.image is not None and is_open(host):
            host.remove_state(UNPROVED)
    elif run is not None or not is_open(host):
        record = {'version': VERSION, 'run': run or 0, 'reason': reason}
        host.write_state(UNPROVED, f'{json.dumps(record)}\n'.encode())


def _failed(findings: Iterable[Finding]) -> str:
    found = (each for each in findings if each.check == PULLS)
    return next((each.message for each in found if each.severity != 'ok'), '')
