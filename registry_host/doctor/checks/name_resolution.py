"""resolv.conf, the DNS manager, and whether mirrors are found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    Findings,
    check,
    finding,
    or_ok,
    skipped,
)
from registry_host.host.locations import RESOLV_CONF
from registry_host.resolver.owner import UNITS, Ownership
from registry_host.resolver.steps import steps
from registry_host.resolver.traps import FATAL, Trap, traps

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.errors import Finding, Severity


def _other_nameserver(name: str, host: str, ownership: Ownership) -> Finding:
    """Tell how this host gets another nameserver, for each host has its own way."""
    return finding(
        name,
        'info',
        f'to have this host ask a nameserver that knows {host} (NAMESERVER below)',
        *steps(ownership, 'NAMESERVER'),
        path=ownership.target,
    )


@check('mirror-resolves', 'each nameserver knows the name of each registry mirror')
def mirror_resolves(seen: Observed) -> Findings:
    name = 'mirror-resolves'
    hosts = dict.fromkeys(m.host for m in seen.mirrors if not m.is_ip)
    for host in hosts:
        is_resolved = bool(seen.addresses.get(host))
        severity: Severity = 'warning' if is_resolved else 'error'
        is_known_by_all = True
        for server in seen.nameservers:
            lookup = seen.lookups.get((host, server))
            failure = lookup.failure if lookup else 'no answer in time'
            if failure:
                is_known_by_all = False
                message = f'nameserver {server} does not resolve {host}: {failure}'
                remedy = f'is the name right? If so, replace the nameserver {server}'
                yield finding(name, severity, message, remedy)
        if not is_resolved and seen.ownership is not None:
            yield _other_nameserver(name, host, seen.ownership)
        if is_resolved and is_known_by_all:
            shown = ', '.join(seen.addresses[host])
            yield finding(name, 'ok', f'{host} resolves to {shown}')
        elif not is_resolved and is_known_by_all:
            message = f'{host} does not resolve on this host'
            yield finding(name, 'error', message, f'getent ahosts {host}')


@check('resolv-conf', 'every reader of /etc/resolv.conf sees the same in it')
def resolv_conf(seen: Observed) -> Findings:
    name = 'resolv-conf'
    if seen.resolv_conf is None:
        yield skipped(name, f'{RESOLV_CONF} cannot be read')
        return
    yield from or_ok(
        (_trapped(name, trap) for trap in traps(seen.resolv_conf, seen.interfaces)),
        name,
        f'glibc, musl and Go see the same in {RESOLV_CONF}',
    )


def _trapped(name: str, trap: Trap) -> Finding:
    severity: Severity = 'error' if trap.code in FATAL else 'warning'
    message = f'{RESOLV_CONF}:{trap.line}: {trap.message}'
    return finding(name, severity, message, path=RESOLV_CONF)


@check('nameserver-owner', 'what writes /etc/resolv.conf is known, and is there')
def nameserver_owner(seen: Observed) -> Findings:
    name, owned = 'nameserver-owner', seen.ownership
    if owned is None:
        yield finding(
            name, 'error', f'{RESOLV_CONF} cannot be read', f'ls -l {RESOLV_CONF}'
        )
        return
    message = f'{RESOLV_CONF}: {owned.title}: {"; ".join(owned.evidence)}'
    if owned.is_active is False:
        message += '; so nobody keeps it up to date'
        unit = UNITS.get(owned.owner)
        remedy = (f'systemctl status {unit}',) if unit else ()
        yield finding(name, 'warning', message, *remedy)
    elif owned.rivals:
        message += f'; but {" and ".join(owned.rivals)} will write over it'
        yield finding(name, 'warning', message)
    else:
        yield finding(name, 'ok', message)
