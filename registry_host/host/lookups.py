"""One nameserver asked for one name. Used by host.py alone."""

from __future__ import annotations

import socket
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from registry_host.errors import place_of
from registry_host.host.records import Lookup

DNS_PORT = 53


def look_up(
    name: str, nameserver: str, *, timeout_s: float, port: int = DNS_PORT
) -> Lookup:
    """Ask for A, then for AAAA if there is none; by TCP where UDP cuts the answer.

    Raises nothing, whatever the nameserver sends: it becomes the failure.
    """
    started = time.monotonic()
    failure = ''
    addresses: tuple[str, ...] = ()
    is_answered = False
    try:
        for kind in ('A', 'AAAA'):
            addresses, failure = _ask(name, kind, (nameserver, port), timeout_s)
            is_answered = True
            if addresses or failure:
                break
        else:
            failure = 'no address'
    except dns.exception.Timeout:
        failure = f'no answer within {timeout_s:g} s'
    except (OSError, EOFError, dns.exception.DNSException) as err:
        # Not its text, which may quote what was sent.
        failure = getattr(err, 'strerror', None) or f'odd answer ({type(err).__name__})'
    except Exception as err:  # noqa: BLE001 - whatever a stranger's bytes bring about
        failure = f'odd answer ({place_of(err)})'
    return Lookup(
        name=name,
        nameserver=nameserver,
        addresses=addresses,
        failure=failure,
        is_answered=is_answered,
        elapsed_ms=round((time.monotonic() - started) * 1000),
    )


def _ask(
    name: str, kind: str, server: tuple[str, int], timeout_s: float
) -> tuple[tuple[str, ...], str]:
    query = dns.message.make_query(name, kind)
    family = socket.AF_INET6 if ':' in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        # Connected, as Go's and glibc's are: only so the kernel tells of a refusal.
        end.connect(server)
        end.setblocking(False)
        answer, _ = dns.query.udp_with_fallback(
            query,
            server[0],
            timeout=timeout_s,
            port=server[1],
            ignore_unexpected=True,
            udp_sock=end,
        )
    if answer.rcode() != dns.rcode.NOERROR:
        return (), dns.rcode.to_text(answer.rcode())
    wanted = dns.rdatatype.from_text(kind)
    records = (record for rrset in answer.answer for record in rrset)
    return tuple(
        record.address
        for record in records
        # An A record of another class than IN has no address (CHAOS, RFC 1035 3.4.1).
        if (record.rdtype, record.rdclass) == (wanted, dns.rdataclass.IN)
    ), ''
