"""What in a resolv.conf misleads people, or its readers, as records. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.resolver.resolvconf import (
    READER_NAMES,
    READERS,
    Interfaces,
    Reader,
    ResolvConf,
    directives,
    inet_aton,
    nameservers,
    view,
)
from registry_host.settings.nameservers import NAMESERVERS_LIMIT, address_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What takes lookups away from every program of the C library.
FATAL = frozenset({'search-too-long', 'sortlist-endless'})
_SHOWN_BYTES = 60

# For each line that some reader takes for a nameserver, the address each takes from it.
_Lines = dict[int, dict[Reader, str]]


class Trap(NamedTuple):
    """One trap: a kebab-case code, the line from 1, and what happens there."""

    code: str
    line: int
    message: str


def traps(conf: ResolvConf, interfaces: Interfaces = None) -> tuple[Trap, ...]:
    """Find all traps, in the order of their lines; None takes every zone to exist."""
    lines: _Lines = {}
    for reader in READERS:
        for found in nameservers(conf, reader, interfaces):
            lines.setdefault(found.line, {})[reader] = found.address
    found_traps = (
        *_fatal(conf),
        *_byte_order_mark(conf),
        *_carriage_returns(conf),
        *_leading_blanks(conf),
        *_no_reload(conf),
        *_malformed(conf, lines),
        *_disagreements(conf, lines),
        *_repeated(lines),
        *_beyond_third(conf, interfaces),
    )
    return tuple(sorted(found_traps, key=lambda trap: trap.line))


def _fatal(conf: ResolvConf) -> Iterator[Trap]:
    """What takes the resolver away from every glibc program."""
    for directive in directives(conf, 'glibc'):
        if directive.keyword == b'sortlist' and _is_endless(directive.text):
            message = 'glibc reads this sortlist for ever: every lookup hangs'
            yield Trap('sortlist-endless', directive.line, message)
    seen = view(conf, 'glibc')
    if seen.is_fatal:
        message = (
            'a domain is too long: glibc aborts every program that looks up a name'
        )
        yield Trap('search-too-long', seen.search_line, message)


_NET = re.compile(rb'[ \t]*([^/&;\s\x80-\xff]*)')
_MASK = re.compile(rb'[/&][^;\s\x80-\xff]*')


def _is_endless(text: bytes) -> bool:
    """Follow glibc, which stands still at a '/', a '&', a non-ASCII byte or a blank.

    A carriage return is such a blank. Source: glibc 2.36 resolv/res_init.c, run.
    """
    at = len(b'sortlist')
    while True:
        net = _NET.match(text, at)
        rest = text[net.end() :] if net else b''
        if net is None or not net[1]:
            return rest[:1] not in (b'', b'\n', b';')
        mask = _MASK.match(text, net.end())
        at = mask.end() if mask and inet_aton(net[1]) else net.end()


def _byte_order_mark(conf: ResolvConf) -> Iterator[Trap]:
    if conf.lines and conf.lines[0].startswith(b'\xef\xbb\xbf'):
        message = 'a byte order mark hides the first word of the file from all readers'
        yield Trap('byte-order-mark', 1, message)


def _carriage_returns(conf: ResolvConf) -> Iterator[Trap]:
    lines = []
    for directive in directives(conf, 'glibc'):
        is_list = directive.keyword == b'search'
        words = directive.words if is_list else directive.words[:1]
        is_hit = any(word.endswith(b'\r') for word in words)
        if is_hit and directive.keyword in (b'nameserver', b'search', b'domain'):
            lines.append(directive.line)
    if lines:
        where = 'this line' if len(lines) == 1 else f'{len(lines)} lines'
        message = f'glibc takes the carriage return at the end of {where} for a part of'
        yield Trap('carriage-return', lines[0], f'{message} the address or domain')


_INDENTED = re.compile(rb'[ \t\r]+(nameserver|search|domain|options)[ \t]')


def _leading_blanks(conf: ResolvConf) -> Iterator[Trap]:
    for number, line in enumerate(conf.lines, 1):
        if _INDENTED.match(line):
            message = (
                'glibc and musl ignore a line that begins with a blank; Go does not'
            )
            yield Trap('leading-blank', number, message)


def _no_reload(conf: ResolvConf) -> Iterator[Trap]:
    for directive in directives(conf, 'glibc'):
        is_options = directive.keyword == b'options'
        if is_options and any(w.startswith(b'no-reload') for w in directive.words):
            message = (
                'no-reload: programs that run already do not see changes of the file'
            )
            yield Trap('no-reload', directive.line, message)


_NAMESERVER = re.compile(rb'[ \t\r]*nameserver(?=\s|$)[ \t]*([^ \t\r\n]*)')
_PORT = re.compile(rb'\[[^\]]*\](:\d*)?|[\d.]+:\d+|[\da-fA-F.:]+#\d+')
_COMMENT = re.compile(rb'[\da-fA-F.:]+[#;].*')


def _malformed(conf: ResolvConf, lines: _Lines) -> Iterator[Trap]:
    """The lines that mean a nameserver, and are one to no reader."""
    for number, line in enumerate(conf.lines, 1):
        match = _NAMESERVER.match(line)
        if not match or number in lines:
            continue
        shown = _shown(match[1])
        if _PORT.fullmatch(match[1]):
            message = f'{shown}: a port or brackets make it no address to any reader'
            yield Trap('nameserver-port', number, message)
        elif _COMMENT.fullmatch(match[1]):
            message = f'{shown}: a comment that is not set apart makes it no address'
            yield Trap('glued-comment', number, message)
        else:
            message = f'{shown} is an address to no reader'
            yield Trap('nameserver-invalid', number, message)


def _disagreements(conf: ResolvConf, lines: _Lines) -> Iterator[Trap]:
    for number, addresses in lines.items():
        line = conf.lines[number - 1]
        match = _NAMESERVER.match(line)
        # These have a trap of their own.
        is_known = _INDENTED.match(line) or (
            match and line[match.end() :].startswith(b'\r')
        )
        by_address: dict[str, list[Reader]] = {}
        for reader in READERS:
            address = addresses.get(reader, '')
            by_address.setdefault(address_key(address), []).append(reader)
        if match and not is_known and len(by_address) > 1:
            parts = (
                f'{address or "nothing"} to {_listed(readers)}'
                for address, readers in by_address.items()
            )
            message = f'{_shown(match[1])} is {", ".join(parts)}'
            yield Trap('readers-disagree', number, message)


def _repeated(lines: _Lines) -> Iterator[Trap]:
    first: dict[tuple[Reader, str], int] = {}
    for number, addresses in sorted(lines.items()):
        for reader, address in addresses.items():
            first.setdefault((reader, address_key(address)), number)
        earlier = {
            first[reader, address_key(address)]: address
            for reader, address in addresses.items()
        }
        earlier.pop(number, None)
        for line, address in sorted(earlier.items())[:1]:
            message = (
                f'{address} stands in line {line} too; each takes a place of three'
            )
            yield Trap('nameserver-repeated', number, message)


def _beyond_third(conf: ResolvConf, interfaces: Interfaces) -> Iterator[Trap]:
    unasked: dict[int, list[Reader]] = {}
    addresses: dict[int, str] = {}
    for reader in READERS:
        for found in nameservers(conf, reader, interfaces)[NAMESERVERS_LIMIT:]:
            unasked.setdefault(found.line, []).append(reader)
            addresses.setdefault(found.line, found.address)
    for number, readers in unasked.items():
        message = f'{addresses[number]} is beyond the third nameserver: not asked by'
        yield Trap('nameserver-beyond-third', number, f'{message} {_listed(readers)}')


def _listed(readers: Iterable[Reader]) -> str:
    *front, last = (READER_NAMES[reader] for reader in readers)
    return f'{", ".join(front)} and {last}' if front else last


def _shown(word: bytes) -> str:
    text = word[:_SHOWN_BYTES].decode('utf-8', 'backslashreplace')
    return repr(f'{text}…' if len(word) > _SHOWN_BYTES else text)
