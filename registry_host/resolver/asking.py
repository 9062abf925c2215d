"""Nameservers asked before they are written."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from registry_host.errors import Finding, Problem, place_of
from registry_host.host.concurrency import ask_all
from registry_host.host.records import Lookup
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry_host.host.host import Host

TIMEOUT_S = 2.0
# UDP, then TCP if the answer is cut; A, then AAAA if there is none.
DEADLINE_S = 4 * TIMEOUT_S
# The upstream of each mirror.
HUB = 'registry-1.docker.io'
# In the place of a nameserver: those that this host has.
_HOST = ''
_SINKHOLES = ('0.', '127.', '::')

Answers = dict[tuple[str, str], 'Lookup']


class Asked(NamedTuple):
    """What is wrong with nameservers, and the `names` that must be found by them."""

    problems: tuple[Problem, ...]
    names: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def probe_nameservers(
    host: Host, nameservers: Sequence[str], names: Sequence[str]
) -> Asked:
    """Ask each new nameserver for each name, all at once; say what is wrong with them.

    Each must know them all: after a "no such name" neither the C library nor Go asks
    the next one (glibc 2.36 resolv/res_query.c, Go net/dnsclient_unix.go). Docker Hub
    it need not know, where mirrors stand before it, or where this host does not find it
    now: it may have no way there. But it must not be led astray.
    """
    nonsense = f'{os.urandom(8).hex()}.invalid'
    jobs: dict[tuple[str, str], Callable[[], Any]] = {
        (server, name): partial(host.look_up, name, server, timeout_s=TIMEOUT_S)
        for server in nameservers
        for name in dict.fromkeys((*names, HUB, nonsense))
    }
    if not names:
        jobs[_HOST, HUB] = partial(host.addresses, HUB)
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)
    is_hub_found = bool(answers.pop((_HOST, HUB), ()))
    needed = tuple(dict.fromkeys(names)) or ((HUB,) if is_hub_found else ())
    return Asked(
        problems=tuple(
            problem
            for server in nameservers
            for problem in _wrong_with(server, needed, nonsense, answers)
        ),
        names=needed,
        findings=() if names else tuple(_without_hub(nameservers, answers)),
    )


def _without_hub(nameservers: Sequence[str], answers: Answers) -> Iterator[Finding]:
    for server in nameservers:
        lookup = answers.get((server, HUB))
        if lookup is not None and lookup.failure:
            yield Finding(
                'nameserver-hub',
                'warning',
                f'nameserver {server} does not resolve {HUB} ({lookup.failure}), nor '
                'does this host now: pulls take a mirror that it does resolve',
            )


def crashed(key: tuple[str, str], err: Exception) -> Any:
    """The result of a lookup that ended in a bug of registry-host."""
    server, name = key
    if server == _HOST:
        return ()
    failure = f'a bug in registry-host: {place_of(err)}'
    return Lookup(name=name, nameserver=server, failure=failure)


def _wrong_with(
    server: str, names: Sequence[str], nonsense: str, answers: Answers
) -> Iterator[Problem]:
    for name in dict.fromkeys((*names, HUB)):
        lookup = answers.get((server, name))
        failure = lookup.failure if lookup else f'no answer within {DEADLINE_S:g} s'
        addresses = lookup.addresses if lookup else ()
        is_dead = not names and not (lookup and lookup.is_answered)
        if is_dead or (failure and name in names):
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
        message=f'{message}; is the address right?',
    )
