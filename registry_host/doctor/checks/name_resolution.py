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
from registry_host.errors import quoted
from registry_host.host.locations import RESOLV_CONF
from registry_host.resolver.asking import HUB
from registry_host.resolver.owner import OWN_FILE, UNITS, Ownership
from registry_host.resolver.steps import advice, steps
from registry_host.resolver.traps import FATAL, Trap, traps

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.errors import Finding, Severity


def _other_nameserver(name: str, host: str, ownership: Ownership) -> Finding:
    """Tell how this host gets another nameserver, for each host has its own way."""
    commands = steps(ownership, 'NAMESERVER')
    return finding(
        name,
        'info',
        f'to have this host ask a nameserver that knows {host} (NAMESERVER): '
        + (advice(ownership, 'NAMESERVER') or ' && '.join(commands)),
        path=ownership.target,
    )


@check('mirror-resolves', 'each nameserver knows the name of each registry mirror')
def mirror_resolves(seen: Observed) -> Findings:
    name = 'mirror-resolves'
    hosts = dict.fromkeys(m.host for m in seen.mirrors if not m.is_ip)
    for host in hosts:
        is_resolved = bool(seen.addresses.get(host))
        if not is_resolved and _answers_by_name(seen, host):
            message = (
                f'{host} does not resolve on this host, and is reached all the same'
            )
            yield finding(name, 'ok', message)
            continue
        severity: Severity = 'warning' if is_resolved else 'error'
        is_known_by_all = True
        for server in seen.nameservers:
            lookup = seen.lookups.get((host, server))
            failure = lookup.failure if lookup else 'no answer in time'
            if failure:
                is_known_by_all = False
                message = f'nameserver {server} does not resolve {host}: {failure}'
                yield finding(name, severity, message, f'getent ahosts {quoted(host)}')
        if not is_resolved and not is_known_by_all and seen.ownership is not None:
            yield _other_nameserver(name, host, seen.ownership)
        if is_resolved and is_known_by_all:
            shown = ', '.join(seen.addresses[host])
            yield finding(name, 'ok', f'{host} resolves to {shown}')
        elif not is_resolved and is_known_by_all:
            message = f'{host} does not resolve on this host'
            if seen.nameservers:
                message += ', though each nameserver knows it'
            yield finding(name, 'error', message, f'getent ahosts {quoted(host)}')


def _answers_by_name(seen: Observed, host: str) -> bool:
    """Whether a mirror was reached all the same, as by a proxy, which looks it up."""
    probes = (seen.probes.get(mirror) for mirror in seen.mirrors if mirror.host == host)
    return any(probe is not None and probe.problem is None for probe in probes)


@check('resolv-conf', 'every reader of /etc/resolv.conf sees the same in it')
def resolv_conf(seen: Observed) -> Findings:
    name = 'resolv-conf'
    if seen.resolv_conf is None:
        yield skipped(name, f'{RESOLV_CONF} cannot be read')
        return
    found = traps(seen.resolv_conf, seen.interfaces)
    if not seen.names_nameserver and (seen.facts.is_live or not found):
        yield _without_nameserver(name, seen)
        if not found:
            return
    yield from or_ok(
        (_trapped(name, trap) for trap in found),
        name,
        f'glibc, musl and Go see the same in {RESOLV_CONF}',
    )


def _without_nameserver(name: str, seen: Observed) -> Finding:
    """Tell what becomes of a host whose resolv.conf names no nameserver.

    Programs ask 127.0.0.1 and ::1 then (glibc 2.36 res_init.c; Go dnsconfig_unix.go).
    """
    what = 'names no nameserver' if seen.has_resolv_conf else 'does not exist'
    message = f'{RESOLV_CONF} {what}: programs ask 127.0.0.1:53 and [::1]:53'
    if not seen.facts.is_live:
        return skipped(name, f'{RESOLV_CONF} {what}')
    found = [host for host, addresses in seen.addresses.items() if addresses]
    lost = [host for host, addresses in seen.addresses.items() if not addresses]
    if found and not lost:
        return finding(name, 'ok', f'{message}, and {found[0]} resolves all the same')
    host = lost[0] if lost else HUB
    message += f', and {host} does not resolve'
    return finding(
        name, 'error', message, f'getent ahosts {quoted(host)}', path=RESOLV_CONF
    )


def _trapped(name: str, trap: Trap) -> Finding:
    severity: Severity = 'error' if trap.code in FATAL else 'warning'
    message = f'{RESOLV_CONF}:{trap.line}: {trap.message}'
    return finding(name, severity, message, path=RESOLV_CONF)


@check('nameserver-owner', 'the DNS manager of /etc/resolv.conf is known, and active')
def nameserver_owner(seen: Observed) -> Findings:
    name, owned = 'nameserver-owner', seen.ownership
    if owned is None:
        yield finding(
            name, 'error', f'{RESOLV_CONF} cannot be read', f'ls -l {RESOLV_CONF}'
        )
        return
    evidence = owned.evidence
    if not seen.has_resolv_conf:
        evidence = tuple(each for each in evidence if each != OWN_FILE)
    message = f'{RESOLV_CONF}: {owned.title}: {"; ".join(evidence)}'
    if owned.is_active is False:
        message += '; so nothing keeps it up to date'
        unit = UNITS.get(owned.owner)
        remedy = (f'systemctl status {unit}',) if unit else ()
        yield finding(name, 'warning', message, *remedy)
    elif owned.rivals:
        message += f'; but {" and ".join(owned.rivals)} will write over it'
        yield finding(name, 'warning', message)
    else:
        yield finding(name, 'ok', message)
