"""Rules for nameservers and search domains as they are asked for. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem, quoted
from registry_host.settings.areas import ENGINE_DNS, NAMESERVER
from registry_host.settings.checking import Checked, Checker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv6Address

_INTERFACE = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}')


def require_few(
    texts: Sequence[str], kind: str = NAMESERVER
) -> Iterator[tuple[int, Checked[str]]]:
    """Check how many there are; yields the index and the error of each beyond three.

    Those of `kind` 'engine-dns' are for containers, whose C libraries ask no more
    either, nor does the engine for them (moby libnetwork/resolver.go, maxExtDNS).
    """
    for index, text in enumerate(texts[NAMESERVERS_LIMIT:], NAMESERVERS_LIMIT):
        checker = Checker(kind, kind, text)
        checker.error('beyond', 'only three nameservers are ever asked')
        yield index, checker.result(None)


def too_many(managed: Sequence[str], given: Sequence[str], kind: str) -> Problem | None:
    """Report what flags would add to `managed` (`given` among them) beyond three."""
    if len(managed) <= NAMESERVERS_LIMIT:
        return None
    flag = f'--{kind}'
    kept = [text for text in managed if text not in given]
    named = ' '.join(f'{flag} {quoted(text)}' for text in given)
    return Problem(
        code=f'{kind}-beyond',
        where=flag,
        message=f'only three nameservers are ever asked, and {", ".join(kept)} '
        f'{"is" if len(kept) == 1 else "are"} managed already; --replace has these '
        'take their place',
        hint=f'sudo registry-host configure --replace {named}',
    )


def check_nameserver(text: str, kind: str = NAMESERVER) -> Checked[str]:
    """Check one address; resolv.conf(5) knows no ports and no names."""
    from ipaddress import ip_address

    checker = Checker(kind, kind, text)
    try:
        address = ip_address(text) if text.split() == [text] else None
    except ValueError:
        address = None
    if address is None:
        found = re.fullmatch(
            r'\s*\[?([\d.]+|[\da-fA-F:.]+(?=\]|\s*$))\]?(:\d+)?\s*', text
        )
        hint = found[1] if found else ''
        message = 'a nameserver is an IP address, without a port'
        checker.error('address', message, hint)
    elif address.is_unspecified or address.is_multicast:
        checker.error('address', 'no nameserver can answer at this address')
    elif '%' in text and not _is_zone(address, text.partition('%')[2]):
        checker.error(
            'zone',
            'a zone is the name of an interface, behind a link-local address',
            text.partition('%')[0] if not address.is_link_local else '',
        )
    elif kind == ENGINE_DNS and '%' in text:
        # Most engines refuse it, with the whole file; no container has the interface.
        checker.error('zone', 'a zone means nothing in a container')
    elif kind == ENGINE_DNS and address.is_loopback:
        checker.error('loopback', 'at this address a container has only itself')
    elif address.is_loopback:
        checker.warn('loopback', 'containers have no nameserver at this address')
    return checker.result(None if address is None else address_key(text))


def _is_zone(address: IPv4Address | IPv6Address, zone: str) -> bool:
    """Whether a zone names an interface, and its address needs one.

    Linux takes up to 15 bytes without / and white space (net/core/dev.c
    dev_valid_name); what a shell or a file of settings takes for more is refused.
    """
    return address.is_link_local and bool(_INTERFACE.fullmatch(zone))


def check_exclusive() -> Checked[bool]:
    """Refuse to have no nameserver asked but those managed, where none is."""
    return Checked(
        input='true',
        kind='dns-exclusive',
        value=None,
        errors=(exclusive_alone(),),
    )


def exclusive_alone() -> Problem:
    return Problem(
        code='dns-exclusive-alone',
        where='--dns-exclusive',
        message='leaves no nameserver to ask: none is named; name one '
        'by --nameserver, or as nameservers in the settings file',
    )


def check_search_domain(text: str) -> Checked[str]:
    checker = Checker('dns-search', 'search', text)
    name = text.removesuffix('.')
    domain = checker.host(name)
    if domain is not None and (':' in domain or domain.replace('.', '').isdigit()):
        checker.error('address', 'a search domain is a name')
    return checker.result(domain)


NAMESERVERS_LIMIT = 3


def address_key(address: str) -> str:
    """Spell an address so that equal ones compare equal; keeps the zone."""
    from ipaddress import ip_address

    try:
        return str(ip_address(address))
    except ValueError:  # Go 1.19 accepts an empty zone, fe80::1%
        return address
