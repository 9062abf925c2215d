"""Edits of lines of resolv.conf(5): ours go in, and come out again. Pure.

Each edit first takes out what the one before put there, so that asking for nothing
gives back the very bytes of others. The two kinds may be undone in any order.

In one module: each edit is read beside the one that takes it back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.resolver.encoders import resolv_conf
from registry_host.resolver.resolvconf import (
    READERS,
    Reader,
    ResolvConf,
    nameservers,
    view,
)
from registry_host.settings.nameservers import address_key

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

Lines = tuple[bytes, ...]


class Removed(NamedTuple):
    """A line of others that an edit took out, and where it stood.

    `place` counts the lines in front of it that are no `search` lines, and then the
    `search` lines: one that with_search() adds in the meantime moves nothing else. It
    is (0, 0) for a line without a line feed, which comes back as the last.
    """

    place: tuple[int, int]
    line: bytes


class Unseen(NamedTuple):
    """What stands in the file or is wanted, and the readers that do not see it."""

    text: str
    readers: tuple[Reader, ...]


class Edited(NamedTuple):
    """An edited file, and what to remember of the edit.

    `ours` is what the next edit takes as `applied`. `unseen` are those of the wanted
    that a reader does not see, and those of others that it saw without ours and sees no
    longer, though they still stand in the file.
    """

    conf: ResolvConf
    ours: tuple[str, ...]
    unseen: tuple[Unseen, ...]
    removed: tuple[Removed, ...] = ()


def with_nameservers(
    conf: ResolvConf,
    wanted: Sequence[str],
    applied: Sequence[str],
    *,
    is_exclusive: bool,
    removed: Sequence[Removed] = (),
) -> Edited:
    """Put the `wanted` addresses in front of those of others.

    `applied` and `removed` are `ours` and `removed` of the edit before. An equal
    address of others that all readers see serves where it stands, and does not become
    ours. `is_exclusive` removes all other nameservers, unless nothing is wanted.
    Zones are taken to exist. Raises ValueError for what is no address.
    """
    addresses = {_checked_address(text): text for text in wanted}
    theirs, stood = _without_nameservers(conf.lines, applied, removed)
    ours: tuple[str, ...] = ()
    while True:
        served = set(addresses) - set(map(address_key, ours))
        gone = _not_served(theirs, served) if is_exclusive and wanted else ()
        edited = _with_lines(theirs, ours, gone, stood)
        seen = {reader: _asked(edited, reader) for reader in READERS}
        needed = _needed(addresses, seen, ours)
        if needed == ours:
            break
        # Ours in front can push out one of theirs that served.
        ours = needed
    found = {reader: _still_listed(theirs, edited, reader) for reader in READERS}
    return Edited(edited, ours, _unseen(addresses, found, seen), _taken(theirs, gone))


def with_search(
    conf: ResolvConf,
    wanted: Sequence[str],
    applied: Sequence[str],
    *,
    removed: Sequence[Removed] = (),
) -> Edited:
    """Put the `wanted` domains in front of those of others.

    `applied` and `removed` are `ours` and `removed` of the edit before. An equal domain
    of others serves. Ours go into the last `search` line, as that one wins. Where
    another line wins, or not the same for all readers, a line of ours follows it, or
    takes its place if it lacks a line feed: it repeats the domains of others, which
    become ours. Raises ValueError for what is no word of printable ASCII.
    """
    domains = {_checked_domain(text): text for text in wanted}
    theirs, stood = _without_domains(conf.lines, applied, removed)
    found = {reader: _searched(theirs, reader) for reader in READERS}
    ours = _needed(domains, found, ())
    edited = _with_domains(theirs, ours, stood) if ours else Edited(theirs, (), ())
    seen = {reader: _searched(edited.conf, reader) for reader in READERS}
    # What ends in a carriage return was of no use to begin with.
    usable = {
        reader: [key for key in keys if key == key.strip()]
        for reader, keys in found.items()
    }
    return edited._replace(unseen=_unseen(domains, usable, seen))


def _needed(
    wanted: Mapping[str, str],
    seen: Mapping[Reader, Container[str]],
    ours: Container[str],
) -> tuple[str, ...]:
    """Keep `ours`, and add of the wanted what one of the readers does not see."""
    return tuple(
        text
        for key, text in wanted.items()
        if text in ours or any(key not in seen[reader] for reader in READERS)
    )


def _unseen(
    wanted: Iterable[str],
    found: Mapping[Reader, Iterable[str]],
    seen: Mapping[Reader, Container[str]],
) -> tuple[Unseen, ...]:
    blind: dict[str, list[Reader]] = {}
    for reader in READERS:
        for text in dict.fromkeys((*wanted, *found[reader])):
            if text not in seen[reader]:
                blind.setdefault(text, []).append(reader)
    return tuple(Unseen(text, tuple(readers)) for text, readers in blind.items())


# Nameservers


def _checked_address(text: str) -> str:
    # ip_address() takes anything for a zone, a line feed too.
    if text.split() != [text]:
        raise ValueError(f'{text!r} is no address')
    from ipaddress import ip_address

    return str(ip_address(text))


def _asked(conf: ResolvConf, reader: Reader) -> tuple[str, ...]:
    seen = view(conf, reader)
    return () if seen.is_default else tuple(map(address_key, seen.nameservers))


def _listed(conf: ResolvConf, reader: Reader) -> dict[int, str]:
    """Map the index of each line that is a nameserver to its address."""
    return {
        found.line - 1: address_key(found.address)
        for found in nameservers(conf, reader)
    }


def _still_listed(
    theirs: ResolvConf, edited: ResolvConf, reader: Reader
) -> tuple[str, ...]:
    listed = set(_listed(edited, reader).values())
    return tuple(address for address in _asked(theirs, reader) if address in listed)


def _not_served(theirs: ResolvConf, served: Container[str]) -> tuple[int, ...]:
    """Find the lines that are to any reader a nameserver other than those."""
    listed = {item for reader in READERS for item in _listed(theirs, reader).items()}
    return tuple(sorted({at for at, address in listed if address not in served}))


def _with_lines(
    theirs: ResolvConf, ours: Sequence[str], gone: Sequence[int], stood: int | None
) -> ResolvConf:
    """Put ours where the first nameserver stands, or at the end; leave out `gone`.

    Ours stay where they stood, if that is in front of those of others that are kept.
    """
    listed = {index for reader in READERS for index in _listed(theirs, reader)}
    places = listed if stood is None else {*listed.difference(gone), stood}
    first = min(places, default=_end(theirs.lines))
    # A blank in front of the carriage return keeps it from glibc's address.
    ending = b' \r\n' if _is_crlf(theirs.lines) else b'\n'
    added = [b'nameserver ' + resolv_conf(text) + ending for text in ours]
    kept = [index for index in range(len(theirs.lines)) if index not in gone]
    front = [theirs.lines[index] for index in kept if index < first]
    back = [theirs.lines[index] for index in kept if index >= first]
    return ResolvConf((*front, *added, *back))


def _end(lines: Lines) -> int:
    """The end, but not behind a line without a line feed, for this is to stay so.

    One of ours would need its line feed, or lack it: then the next line that somebody
    appends would be glued to our address.
    """
    return len(lines) - (1 if lines and not lines[-1].endswith(b'\n') else 0)


def _is_crlf(lines: Lines) -> bool:
    # A search line can be ours, and ours never ends in a carriage return.
    ended = [
        line
        for line in lines
        if line.endswith(b'\n') and not line.startswith(b'search ')
    ]
    return bool(ended) and all(line.endswith(b'\r\n') for line in ended)


def _without_nameservers(
    lines: Lines, applied: Sequence[str], removed: Sequence[Removed]
) -> tuple[ResolvConf, int | None]:
    """Return the file without ours, and where in it the first of ours stood."""
    kept = list(lines)
    stood = None
    for text in applied:
        # Ours stand in front of the equal ones of others.
        line = b'nameserver ' + text.encode()
        stripped = [other.rstrip() for other in kept]
        if line in stripped:
            at = stripped.index(line)
            stood = at if stood is None else min(at, stood)
            del kept[at]
    if applied and stood is None:
        # Somebody has written the file anew: what stood there before is history.
        removed = ()
    return _restored(kept, removed, stood)


# Lines of others that were removed


def _taken(theirs: ResolvConf, indexes: Iterable[int]) -> tuple[Removed, ...]:
    places = _places(theirs.lines)
    return tuple(
        Removed(places[at] if line.endswith(b'\n') else (0, 0), line)
        for at in indexes
        for line in (theirs.lines[at],)
    )


def _restored(
    lines: list[bytes], removed: Sequence[Removed], stood: int | None
) -> tuple[ResolvConf, int | None]:
    """Put lines back, unless somebody has; return the index `stood` has then."""
    restored = list(lines)
    for place, line in removed:
        if line not in lines:
            at = _put_back(restored, place, line)
            stood = stood + 1 if stood is not None and at <= stood else stood
    return ResolvConf(_separated(restored)), stood


def _put_back(lines: list[bytes], place: tuple[int, int], line: bytes) -> int:
    at = len(lines)
    if line.endswith(b'\n'):
        places = _places(lines)
        at = max(at for at, other in enumerate(places) if other <= place)
    lines.insert(at, line)
    return at


def _places(lines: Iterable[bytes]) -> list[tuple[int, int]]:
    """Give the place of each line, and of the end."""
    others = searches = 0
    places = [(0, 0)]
    for line in lines:
        if line.startswith(b'search '):
            searches += 1
        else:
            others, searches = others + 1, 0
        places.append((others, searches))
    return places


def _separated(lines: Sequence[bytes]) -> Lines:
    """Give a line feed to each line but the last that has none."""
    front = (line if line.endswith(b'\n') else line + b'\n' for line in lines[:-1])
    return (*front, *lines[-1:])


# Search


def _checked_domain(text: str) -> str:
    if not re.fullmatch(r'[!-~]+', text):
        raise ValueError(f'{text!r} is no domain')
    return _domain_key(text)


def _domain_key(domain: str) -> str:
    return domain.lower().removesuffix('.')


def _searched(conf: ResolvConf, reader: Reader) -> list[str]:
    seen = view(conf, reader)
    return [] if seen.is_fatal else [_domain_key(domain) for domain in seen.search]


def _with_domains(
    theirs: ResolvConf, ours: tuple[str, ...], stood: int | None
) -> Edited:
    winners = {view(theirs, reader).search_line for reader in READERS}
    winner = max(winners)
    if winner == 0:
        at = _end(theirs.lines) if stood is None else stood
        return Edited(_with_line(theirs.lines, at, ours), ours, ())
    line = theirs.lines[winner - 1]
    opening = re.match(rb'search[ \t]+(?=[^\s\0])', line)
    if opening and len(winners) == 1:
        words = ''.join(f'{text} ' for text in ours).encode()
        extended = line[: opening.end()] + words + line[opening.end() :]
        lines = (*theirs.lines[: winner - 1], extended, *theirs.lines[winner:])
        return Edited(ResolvConf(lines), ours, ())
    ours = (*ours, *_repeated(theirs, ours))
    if line.endswith(b'\n'):
        return Edited(_with_line(theirs.lines, winner, ours), ours, ())
    removed = _taken(theirs, (winner - 1,))
    at = winner - 1 if stood is None else stood
    return Edited(_with_line(theirs.lines[:-1], at, ours), ours, (), removed)


def _with_line(lines: Lines, at: int, domains: Sequence[str]) -> ResolvConf:
    # No carriage return: glibc would search a domain of that name.
    line = b'search ' + ' '.join(domains).encode() + b'\n'
    return ResolvConf((*lines[:at], line, *lines[at:]))


def _repeated(theirs: ResolvConf, ours: Sequence[str]) -> tuple[str, ...]:
    """Spell the domains that any reader searches now, but for what cannot be one."""
    domains = {
        _domain_key(text): text.removesuffix('.') or '.'
        for reader in READERS
        for text in map(str.strip, view(theirs, reader).search)
        if re.fullmatch(r'[!-\[\]-~]+', text)
    }
    for text in ours:
        domains.pop(_domain_key(text), None)
    return tuple(domains.values())


_WORD = re.compile(rb'[^ \t\r\n]+')


def _without_domains(
    lines: Lines, applied: Sequence[str], removed: Sequence[Removed]
) -> tuple[ResolvConf, int | None]:
    """Return the file without ours, and where in it a line of ours stood."""
    kept = list(lines)
    stood = None
    for text in applied:
        # Ours stand behind the equal ones of others, in a line that they do not win.
        for index in reversed(range(len(kept))):
            left = _without_word(kept[index], text.encode())
            if left is not None:
                stood = stood if left else index
                kept[index : index + 1] = [left] if left else []
                break
    if applied and tuple(kept) == lines:  # Written anew, as above.
        removed = ()
    return _restored(kept, removed, stood)


def _without_word(line: bytes, word: bytes) -> bytes | None:
    """Take `word` out of a search line: b'' if nothing is left, None if it is none."""
    if not line.startswith((b'search ', b'search\t')):
        return None
    words = list(_WORD.finditer(line))[1:]
    match = next((match for match in words if match[0] == word), None)
    if match is None:
        return None
    if len(words) == 1:
        return b''
    start, end = match.span()
    if match is words[-1]:
        return line[:start].rstrip(b' \t') + line[end:]
    return line[:start] + line[end:].removeprefix(b' ')
