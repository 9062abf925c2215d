"""By which nameserver this host finds a name, and why it does not."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from registry_host.errors import ConfigError, Finding, quoted
from registry_host.host.concurrency import ask_all
from registry_host.host.locations import RESOLV_CONF
from registry_host.host.records import Lookup
from registry_host.namedtuples import NamedTuple
from registry_host.resolver.asking import TIMEOUT_S
from registry_host.resolver.evidence import gather
from registry_host.resolver.owner import decide
from registry_host.resolver.resolvconf import parse, view
from registry_host.resolver.steps import advice, steps
from registry_host.settings.checking import is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from registry_host.host.host import Host

DEADLINE_S = 3 * TIMEOUT_S
_HOST = ''


class Resolved(NamedTuple):
    """`addresses` are what programs of this host get; `source` says from where.

    `lookups` are what each nameserver said, by its address.
    """

    name: str
    addresses: tuple[str, ...]
    source: str = ''
    lookups: Mapping[str, Lookup] = {}

    def at(self, port: int) -> str:
        shown = (f'[{each}]' if ':' in each else each for each in self.addresses[:4])
        return ', '.join(f'{each}:{port}' for each in shown) or self.name


def resolve(host: Host, name: str) -> Resolved:
    """Ask as programs do, and each nameserver of resolv.conf by itself, all at once."""
    if is_address(name):
        return Resolved(name, (name,))
    servers = nameservers_of(host)
    jobs: dict[str, Callable[[], Any]] = {
        server: partial(host.look_up, name, server, timeout_s=TIMEOUT_S)
        for server in servers
    }
    jobs[_HOST] = partial(host.addresses, name)
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=_crashed)
    addresses = tuple(answers.pop(_HOST, ()))
    late = f'no answer within {DEADLINE_S:g} s'
    lookups = {
        server: answers.get(server)
        or Lookup(name=name, nameserver=server, failure=late)
        for server in servers
    }
    knowing = (s for s, each in lookups.items() if set(each.addresses) & set(addresses))
    server = next(knowing, '')
    source = f'nameserver {server}' if server else 'this host: /etc/hosts or NSS'
    return Resolved(name, addresses, source if addresses else '', lookups)


def nameservers_of(host: Host) -> tuple[str, ...]:
    """Those that a Go program asks, as the registry is one."""
    try:
        content = host.read(RESOLV_CONF).content or b''
    except ConfigError:
        content = b''
    return tuple(dict.fromkeys(view(parse(content), 'go').nameservers))


def _crashed(server: str, err: Exception) -> Any:
    from registry_host.resolver.asking import crashed

    return crashed((server, ''), err)


def unresolved(host: Host, found: Resolved, prefix: str, where: str) -> Finding:
    """Tell what each nameserver said, and how this host gets another one."""
    said = '; '.join(_said(each) for each in found.lookups.values())
    message = f'{where}: {found.name} does not resolve on this host: {said}'
    with contextlib.suppress(ConfigError):
        owned = decide(gather(host))
        way = advice(owned, 'NAMESERVER') or ' && '.join(steps(owned, 'NAMESERVER'))
        message += f'; to have it ask one that knows it (NAMESERVER): {way}'
    remedy = (f'getent ahosts {quoted(found.name)}',)
    return Finding(f'{prefix}-unresolved', 'error', message, RESOLV_CONF, remedy)


def _said(lookup: Lookup) -> str:
    server, failure = lookup.nameserver, lookup.failure
    if failure == 'Connection refused':
        return f'nameserver {server} refuses: no DNS server listens there on port 53'
    return f'nameserver {server}: {failure or "it is known there"}'


def slow_nameservers(found: Resolved, prefix: str, where: str) -> tuple[Finding, ...]:
    """Tell of those that fail while another one is asked after them."""
    return tuple(
        Finding(
            f'{prefix}-nameserver',
            'warning',
            f'{where}: {_said(lookup)}; each lookup waits for it, or fails by it',
            RESOLV_CONF,
            (f'getent ahosts {quoted(found.name)}',),
        )
        for server, lookup in found.lookups.items()
        if not lookup.is_answered and found.source.startswith('nameserver')
    )
