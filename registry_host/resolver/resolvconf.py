"""resolv.conf(5): lossless lines, and what each of its readers sees in them. Pure.

Sources: glibc 2.36 resolv/res_init.c, musl 1.2.3 src/network/resolvconf.c and
lookup_ipliteral.c, Go 1.19.8 src/net/dnsconfig_unix.go. All three were run over the
cases in tests/data/resolvconf.json.

In one module: three readers of one format, compared rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING, Literal

from registry_host.namedtuples import NamedTuple
from registry_host.settings.nameservers import NAMESERVERS_LIMIT

if TYPE_CHECKING:
    from ipaddress import IPv6Address

Reader = Literal['glibc', 'musl', 'go']
READERS: tuple[Reader, ...] = ('glibc', 'musl', 'go')
# As they are shown.
READER_NAMES: dict[Reader, str] = {'glibc': 'glibc', 'musl': 'musl', 'go': 'Go'}
# What glibc's `struct __res_state` holds of a search list.
SEARCH_LIMIT, SEARCH_LIMIT_BYTES = 6, 256
# What glibc mistakes for the latter when it checks its own work: sizeof(dnsrch).
_MISTAKEN_LIMIT_BYTES = 56
# musl reads a line into char[256], Go the file into 64 KiB; more ends line, or reading.
_MUSL_LINE_BYTES, _GO_LINE_BYTES = 255, 65536

# The names of network interfaces; None where they are not known.
Interfaces = Container[str] | None


class ResolvConf(NamedTuple):
    """A resolv.conf as its lines, each with its line feed if it has one."""

    lines: tuple[bytes, ...]

    def render(self) -> bytes:
        return b''.join(self.lines)


def parse(content: bytes) -> ResolvConf:
    """Split into lines; nothing is refused and nothing is lost."""
    return ResolvConf(tuple(re.findall(rb'[^\n]*\n|[^\n]+', content)))


class Directive(NamedTuple):
    """A line that a reader acts upon: its number from 1, its keyword, its words.

    `text` is the line as that reader has it: for C it ends before a NUL.
    """

    line: int
    keyword: bytes
    words: tuple[bytes, ...]
    text: bytes


class Nameserver(NamedTuple):
    """A line, by its number from 1, and the address that a reader takes from it."""

    line: int
    address: str


class View(NamedTuple):
    """What one reader makes of the file.

    `is_default` says that no line names a nameserver, and loopback is asked.
    `search_line` is the line that `search` comes from, 0 for none: glibc and Go then
    search the domain of the host's name, musl nothing. musl knows no `flags`; those of
    glibc and Go are spelled as in resolv.conf(5). `unknown` are keywords and options
    that Go 1.19 does not know: for these it leaves lookups to the C library if it can.
    Newer Go knows edns0, trust-ad and no-reload, and leaves '.' out of `search`. The
    environment (LOCALDOMAIN, RES_OPTIONS) is not looked at.
    """

    reader: Reader
    nameservers: tuple[str, ...]
    is_default: bool
    search: tuple[str, ...]
    search_line: int
    ndots: int
    timeout_s: int
    attempts: int
    flags: frozenset[str]
    unknown: tuple[str, ...]

    @property
    def legacy_search(self) -> tuple[str, ...]:
        """What a program finds that looks into glibc's `_res` itself.

        It is also all that glibc before 2.26 searches (resolv/resolv_conf.c, 2.36).
        """
        kept: list[str] = []
        left = SEARCH_LIMIT_BYTES
        for domain in self.search[:SEARCH_LIMIT]:
            left -= len(domain.encode()) + 1
            if left < 0:
                break
            kept.append(domain)
        return tuple(kept)

    @property
    def is_fatal(self) -> bool:
        """Say whether every glibc program aborts that looks up a name.

        It does where a long domain is the first that `legacy_search` has no room for:
        "update_from_conf: Assertion `resolv_conf_matches (resp, conf)' failed" (glibc
        2.36 resolv/resolv_conf.c, run).
        """
        kept = self.legacy_search
        is_cut = len(kept) < min(len(self.search), SEARCH_LIMIT)
        size = sum(len(domain.encode()) + 1 for domain in kept)
        return self.reader == 'glibc' and is_cut and size <= _MISTAKEN_LIMIT_BYTES


class _Options:
    def __init__(self) -> None:
        self.numbers = {'ndots': 1, 'timeout': 5, 'attempts': 2}
        self.flags: set[str] = set()
        self.unknown: list[str] = []


def view(conf: ResolvConf, reader: Reader, interfaces: Interfaces = None) -> View:
    """Say what `reader` sees; None for `interfaces` takes every zone to exist."""
    search: tuple[bytes, ...] = ()
    search_line = 0
    options = _Options()
    grammar = _GRAMMARS[reader]
    for directive in directives(conf, reader):
        if directive.keyword in (b'search', b'domain'):
            found = _search(directive, reader)
            if found is not None:
                search, search_line = found, directive.line
        elif directive.keyword == b'options':
            grammar.read_options(directive, options)
        elif reader == 'go' and directive.keyword not in (b'nameserver', b'lookup'):
            options.unknown.append(_text(directive.keyword))
    asked = nameservers(conf, reader, interfaces)[:NAMESERVERS_LIMIT]
    return View(
        reader=reader,
        nameservers=tuple(found.address for found in asked) or grammar.defaults,
        is_default=not asked,
        search=tuple(_rooted(_text(word), reader) for word in search),
        search_line=search_line,
        ndots=options.numbers['ndots'],
        timeout_s=options.numbers['timeout'],
        attempts=options.numbers['attempts'],
        flags=frozenset(options.flags),
        unknown=tuple(options.unknown),
    )


def nameservers(
    conf: ResolvConf, reader: Reader, interfaces: Interfaces = None
) -> tuple[Nameserver, ...]:
    """List the lines that `reader` takes for nameservers, also beyond the third.

    A line that holds no address takes no place among the three; a repeated one does.
    """
    address_of = _GRAMMARS[reader].read_address
    return tuple(
        Nameserver(directive.line, address)
        for directive in directives(conf, reader)
        if directive.keyword == b'nameserver' and directive.words
        for address in (address_of(directive.words[0], interfaces),)
        if address is not None
    )


def directives(conf: ResolvConf, reader: Reader) -> Iterator[Directive]:
    grammar = _GRAMMARS[reader]
    for line, text in grammar.lines(conf):
        match = grammar.keyword.match(text)
        if match:
            words = tuple(grammar.word.findall(text, match.end(1)))
            yield Directive(line, match[1], words, text)


def _text(word: bytes) -> str:
    return word.decode('utf-8', 'backslashreplace')


def _rooted(domain: str, reader: Reader) -> str:
    return f'{domain}.' if reader == 'go' and not domain.endswith('.') else domain


def _search(directive: Directive, reader: Reader) -> tuple[bytes, ...] | None:
    """Return the new search list; None where the line leaves the old one.

    A blank `search` clears the list for musl and Go and does nothing for glibc; musl
    takes all words of a `domain` line.
    """
    words = directive.words
    if reader == 'musl':
        return words
    if directive.keyword == b'domain':
        words = words[:1]
    is_clearing = reader == 'go' and directive.keyword == b'search'
    return words if words or is_clearing else None


# Lines


def _glibc_lines(conf: ResolvConf) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(conf.lines, 1):
        yield number, line.partition(b'\0')[0]


def _musl_lines(conf: ResolvConf) -> Iterator[tuple[int, bytes]]:
    is_swallowed = False
    for number, line in enumerate(conf.lines, 1):
        if is_swallowed:
            is_swallowed = False
        elif len(line.removesuffix(b'\n')) < _MUSL_LINE_BYTES:
            text = line.partition(b'\0')[0]
            # The line feed behind a NUL is not found, so it skips to the next one.
            is_swallowed = text != line and line.endswith(b'\n')
            if not is_swallowed:
                yield number, text


def _go_lines(conf: ResolvConf) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(conf.lines, 1):
        if len(line.removesuffix(b'\n')) >= _GO_LINE_BYTES:
            return
        yield number, line


# Addresses


def _glibc_address(word: bytes, interfaces: Interfaces) -> str | None:
    """A zone that does not exist is left out, and the address stays."""
    text, percent, zone = word.partition(b'%')
    address = _ipv6(text)
    if address is None:
        return inet_aton(word)
    scope = _scope(address, zone, interfaces) if percent else None
    return f'{_shown(address)}%{scope}' if scope else _shown(address)


def _musl_address(word: bytes, interfaces: Interfaces) -> str | None:
    """A zone that does not exist takes the whole line away."""
    text, percent, zone = word.partition(b'%')
    address = _ipv6(text)
    if address is None:
        return inet_aton(word)
    scope = _scope(address, zone, interfaces) if percent else ''
    if scope is None:
        return None
    return f'{_shown(address)}%{scope}' if scope else _shown(address)


def _go_address(word: bytes, interfaces: Interfaces) -> str | None:
    """The text is kept, and whether its zone exists is seen when it is dialled."""
    from ipaddress import IPv4Address

    try:
        return str(IPv4Address(word.decode('ascii')))
    except ValueError:
        host = word.rpartition(b'%')[0] or word
        return _text(word) if _ipv6(host) else None


_NUMBER = re.compile(rb'0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]{0,9}')


def inet_aton(word: bytes) -> str | None:
    """Read IPv4 as the C libraries do: 10.2 is 10.0.0.2, 010.0.0.1 is 8.0.0.1."""
    parts = word.split(b'.')
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        return None
    *head, tail = map(_c_number, parts)
    if max(head, default=0) > 255 or tail >= 256 ** (4 - len(head)):
        return None
    packed = bytes(head) + tail.to_bytes(4 - len(head), 'big')
    return '.'.join(map(str, packed))


def _c_number(digits: bytes) -> int:
    if digits[:2] in (b'0x', b'0X'):
        return int(digits, 16)
    return int(digits, 8 if digits.startswith(b'0') else 10)


def _ipv6(text: bytes) -> IPv6Address | None:
    from ipaddress import IPv6Address

    try:
        return None if b'%' in text else IPv6Address(text.decode('ascii'))
    except ValueError:
        return None


def _shown(address: IPv6Address) -> str:
    mapped = address.ipv4_mapped
    return f'::ffff:{mapped}' if mapped else str(address)


def _scope(address: IPv6Address, zone: bytes, interfaces: Interfaces) -> str | None:
    """Return the zone in a C library's eyes, '' for zone 0, None where it is none.

    Names are looked up for link-local addresses alone; a number need not exist.
    """
    if zone.isdigit():
        number = _number(zone)
        return None if number >= 2**32 else str(number or '')
    name = _text(zone)
    is_multicast = address.packed[0] == 0xFF and address.packed[1] & 0xF == 2
    if not name or not (address.is_link_local or is_multicast):
        return None
    return name if interfaces is None or name in interfaces else None


# Options


def _number(digits: bytes) -> int:
    # Twenty digits are over every limit, and int() refuses thousands of them.
    return int(digits.lstrip(b'0')[:20] or b'0')


_GLIBC_NUMBER = re.compile(rb'(ndots|timeout|attempts):\s*([+-]?)([0-9]*)')
_GLIBC_LIMITS = {'ndots': 15, 'timeout': 30, 'attempts': 5}
# Compared as prefixes, in this order.
_GLIBC_FLAGS = (
    b'rotate',
    b'edns0',
    b'single-request-reopen',
    b'single-request',
    b'no_tld_query',
    b'no-tld-query',
    b'no-reload',
    b'use-vc',
    b'trust-ad',
    b'no-aaaa',
)


def _glibc_options(directive: Directive, options: _Options) -> None:
    text = directive.text
    for word in _GRAMMARS['glibc'].word.finditer(text, len(b'options')):
        # atoi() skips blanks, so that 'ndots: 5' is 5.
        match = _GLIBC_NUMBER.match(text, word.start())
        if match:
            name = match[1].decode()
            number = min(_atoi(match[2], match[3]), _GLIBC_LIMITS[name])
            # ndots is kept in four bits: -1 is 15.
            options.numbers[name] = number & 15 if name == 'ndots' else number
            continue
        flag = next((flag for flag in _GLIBC_FLAGS if word[0].startswith(flag)), b'')
        if flag:
            options.flags.add(flag.decode().replace('_', '-'))


def _atoi(sign: bytes, digits: bytes) -> int:
    """strtol() on 64 bits, cut down to an int: beyond its range it is -1 or 0."""
    number = -_number(digits) if sign == b'-' else _number(digits)
    number = max(-(2**63), min(number, 2**63 - 1))
    return (number + 2**31) % 2**32 - 2**31


_MUSL_LIMITS = {'ndots': 15, 'timeout': 60, 'attempts': 10}


def _musl_options(directive: Directive, options: _Options) -> None:
    """Only the first place in the line where a name stands counts, even in a word."""
    for name, limit in _MUSL_LIMITS.items():
        match = re.search(name.encode() + rb':([0-9]*)', directive.text)
        if match and match[1]:
            options.numbers[name] = min(_number(match[1]), limit)


_GO_FLAGS = {
    b'rotate': 'rotate',
    b'single-request': 'single-request',
    b'single-request-reopen': 'single-request',
    b'use-vc': 'use-vc',
    b'usevc': 'use-vc',
    b'tcp': 'use-vc',
}
_GO_NUMBER = re.compile(rb'(ndots|timeout|attempts):([0-9]*)')
_GO_BIG = 0xFFFFFF


def _go_options(directive: Directive, options: _Options) -> None:
    for word in directive.words:
        match = _GO_NUMBER.match(word)
        if match and match[1] == b'ndots':
            options.numbers['ndots'] = min(_number(match[2]), 15)
        elif match:
            number = min(_number(match[2]), _GO_BIG)
            options.numbers[match[1].decode()] = max(number, 1)
        elif word in _GO_FLAGS:
            options.flags.add(_GO_FLAGS[word])
        else:
            options.unknown.append(_text(word))


class _Grammar(NamedTuple):
    lines: Callable[[ResolvConf], Iterator[tuple[int, bytes]]]
    keyword: re.Pattern[bytes]
    word: re.Pattern[bytes]
    read_address: Callable[[bytes, Interfaces], str | None]
    read_options: Callable[[Directive, _Options], None]
    defaults: tuple[str, ...]


_KEYWORDS = rb'(nameserver|search|domain|options|sortlist)'
_GRAMMARS: dict[Reader, _Grammar] = {
    'glibc': _Grammar(
        lines=_glibc_lines,
        keyword=re.compile(_KEYWORDS + rb'[ \t]'),
        word=re.compile(rb'[^ \t\n]+'),
        read_address=_glibc_address,
        read_options=_glibc_options,
        defaults=('127.0.0.1',),
    ),
    'musl': _Grammar(
        lines=_musl_lines,
        keyword=re.compile(_KEYWORDS + rb'\s'),
        word=re.compile(rb'\S+'),
        read_address=_musl_address,
        read_options=_musl_options,
        defaults=('127.0.0.1',),
    ),
    'go': _Grammar(
        lines=_go_lines,
        # Blanks may stand in front, and every word is a keyword, if an unknown one.
        keyword=re.compile(rb'(?![;#])[ \t\r\n]*([^ \t\r\n]+)'),
        word=re.compile(rb'[^ \t\r\n]+'),
        read_address=_go_address,
        read_options=_go_options,
        defaults=('127.0.0.1', '::1'),
    ),
}
