"""resolv.conf(5) as the C library reads it."""

from __future__ import annotations

import re

NAMESERVERS_LIMIT = 3
_NAMESERVER = re.compile(r'nameserver[ \t]+(\S+)')


def nameservers(text: str) -> tuple[str, ...]:
    """Return the nameservers that are asked: the first three that are addresses.

    The keyword must stand in column 0, what follows the address is ignored, a line that
    holds no address takes no place, and without any it is 127.0.0.1 that is asked
    (glibc resolv/res_init.c 2.36, observed).
    """
    from ipaddress import ip_address

    found: list[str] = []
    for line in text.split('\n'):
        match = _NAMESERVER.match(line)
        if not match:
            continue
        try:
            ip_address(match[1])
        except ValueError:
            continue
        found.append(match[1])
    return tuple(found[:NAMESERVERS_LIMIT]) or ('127.0.0.1',)
