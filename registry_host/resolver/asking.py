"""Nameservers asked before they are written."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from registry_host.errors import Problem, place_of, quoted
from registry_host.host.concurrency import ask_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry_host.host.host import Host
    from registry_host.host.lookups import Lookup

TIMEOUT_S = 2.0
# UDP, then TCP if the answer is cut; A, then AAAA if there is none.
DEADLINE_S = 4 * TIMEOUT_S
# The upstream of each mirror.
HUB = 'registry-1.docker.io'
_SINKHOLES = ('0.', '127.', '::')

Answers = dict[tuple[str, str], 'Lookup']


def probe_nameservers(
    host: Host, nameservers: Sequence[str], names: Sequence[str]
) -> tuple[Problem, ...]:
    """Ask each new nameserver for each name, all at once; say what is wrong with them.

    Each must know them all: after a "no such name" neither the C library nor Go asks
    the next one (glibc 2.36 resolv/res_query.c, Go net/dnsclient_unix.go). Docker Hub
    it need not know, where mirrors stand before it, but it must not lead it astray.
    """
    nonsense = f'{os.urandom(8).hex()}.invalid'
    jobs: dict[tuple[str, str], Callable[[], Lookup]] = {
        (server, name): partial(host.look_up, name, server, timeout_s=TIMEOUT_S)
        for server in nameservers
        for name in dict.fromkeys((*names, HUB, nonsense))
    }
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)
    return tuple(
        problem
        for server in nameservers
        for problem in _wrong_with(server, names, nonsense, answers)
    )


def crashed(key: tuple[str, str], err: Exception) -> Lookup:
    """The result of a lookup that ended in a bug of registry-host."""
    from registry_host.host.lookups import Lookup

    server, name = key
    failure = f'a bug in registry-host: {place_of(err)}'
    return Lookup(name=name, nameserver=server, failure=failure)


def _wrong_with(
    server: str, names: Sequence[str], nonsense: str, answers: Answers
) -> Iterator[Problem]:
    for name in dict.fromkeys((*names, HUB)):
        lookup = answers.get((server, name))
        failure = lookup.failure if lookup else f'no answer within {DEADLINE_S:g} s'
        addresses = lookup.addresses if lookup else ()
        if failure and name in names:
            yield _problem(server, 'dead', f'does not resolve {name}: {failure}')
        elif any(address.startswith(_SINKHOLES) for address in addresses):
            shown = ', '.join(addresses)
            yield _problem(server, 'sinkhole', f'sends {name} nowhere: {shown}')
    lookup = answers.get((server, nonsense))
    if lookup and lookup.addresses:
        shown = ', '.join(lookup.addresses)
        message = f'makes up addresses for names that do not exist: {shown}'
        yield _problem(server, 'lying', message)


def _problem(server: str, kind: str, message: str) -> Problem:
    return Problem(
        code=f'nameserver-{kind}',
        where=f'--nameserver {server}',
        message=message,
        hint=f'is the address right? nslookup {HUB} {quoted(server)}',
    )
