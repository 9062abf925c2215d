"""One nameserver asked for one name. Used by host.py alone."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a nameserver said. `failure` is '' when it gave addresses."""

    name: str
    nameserver: str
    addresses: tuple[str, ...] = ()
    failure: str = ''
    elapsed_ms: int = 0


def look_up(name: str, nameserver: str, *, timeout_s: float) -> Lookup:
    """Ask for A, then for AAAA if there is none; by TCP where UDP cuts the answer."""
    started = time.monotonic()
    failure = ''
    addresses: tuple[str, ...] = ()
    try:
        for kind in ('A', 'AAAA'):
            addresses, failure = _ask(name, kind, nameserver, timeout_s)
            if addresses or failure:
                break
        else:
            failure = 'no address'
    except dns.exception.Timeout:
        failure = f'no answer within {timeout_s:g} s'
    except (OSError, EOFError, dns.exception.DNSException) as err:
        failure = str(err) or type(err).__name__
    return Lookup(
        name=name,
        nameserver=nameserver,
        addresses=addresses,
        failure=failure,
        elapsed_ms=round((time.monotonic() - started) * 1000),
    )


def _ask(
    name: str, kind: str, nameserver: str, timeout_s: float
) -> tuple[tuple[str, ...], str]:
    query = dns.message.make_query(name, kind)
    answer, _ = dns.query.udp_with_fallback(
        query, nameserver, timeout=timeout_s, ignore_unexpected=True
    )
    if answer.rcode() != dns.rcode.NOERROR:
        return (), dns.rcode.to_text(answer.rcode())
    wanted = dns.rdatatype.from_text(kind)
    records = (record for rrset in answer.answer for record in rrset)
    return tuple(r.address for r in records if r.rdtype == wanted), ''


def system_addresses(name: str) -> tuple[str, ...]:
    """Resolve as any program of this host does; () where it cannot."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
