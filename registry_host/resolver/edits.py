"""Edits of resolv.conf(5): managed lines go in, and come out again. Pure.

Each edit first takes out what the one before put there, so that asking for nothing
restores the exact foreign bytes. The two kinds may be undone in any order.

In one module: each edit is read beside the one that reverts it.
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

    `managed` is what the next edit takes as `applied`. `unseen` are wanted values that
    a reader does not see, and foreign ones that it saw before and sees no longer,
    though they are still in the file.
    """

    conf: ResolvConf
    managed: tuple[str, ...]
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
    """Put the `wanted` addresses in front of the foreign ones.

    `applied` and `removed` are `managed` and `removed` of the edit before. An equal
    foreign address that all readers see serves where it stands, and stays foreign.
    `is_exclusive` removes all other nameservers, unless nothing is wanted.
    Zones are taken to exist. Raises ValueError for what is no address.
    """
    addresses = {_checked_address(text): text for text in wanted}
    foreign, stood = _without_nameservers(conf.lines, applied, removed)
    managed: tuple[str, ...] = ()
    while True:
        served = set(addresses) - set(map(address_key, managed))
        gone = _not_served(foreign, served) if is_exclusive and wanted else ()
        edited = _with_lines(foreign, managed, gone, stood)
        seen = {reader: _asked(edited, reader) for reader in READERS}
        needed = _needed(addresses, seen, managed)
        if needed == managed:
            break
        # Managed lines in front can push out a foreign one that served.
        managed = needed
    found = {reader: _still_listed(foreign, edited, reader) for reader in READERS}
    return Edited(
        edited, managed, _unseen(addresses, found, seen), _taken(foreign, gone)
    )


def with_search(
    conf: ResolvConf,
    wanted: Sequence[str],
    applied: Sequence[str],
    *,
    removed: Sequence[Removed] = (),
) -> Edited:
    """Put the `wanted` domains in front of the foreign ones.

    `applied` and `removed` are `managed` and `removed` of the edit before. An equal
    foreign domain serves. Managed ones go into the last `search` line, as that one
    wins. Where another line wins, or not the same for all readers, a managed line
    follows it, or takes its place if it lacks a line feed: it repeats the foreign
    domains, which become managed. Raises ValueError for what is no word of printable
    ASCII.
    """
    domains = {_checked_domain(text): text for text in wanted}
    foreign, stood = _without_domains(conf.lines, applied, removed)
    found = {reader: _searched(foreign, reader) for reader in READERS}
    managed = _needed(domains, found, ())
    edited = (
        _with_domains(foreign, managed, stood) if managed else Edited(foreign, (), ())
    )
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
    managed: Container[str],
) -> tuple[str, ...]:
    """Keep `managed`, and add of the wanted what one of the readers does not see."""
    return tuple(
        text
        for key, text in wanted.items()
        if text in managed or any(key not in seen[reader] for reader in READERS)
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
    foreign: ResolvConf, edited: ResolvConf, reader: Reader
) -> tuple[str, ...]:
    listed = set(_listed(edited, reader).values())
    return tuple(address for address in _asked(foreign, reader) if address in listed)


def _not_served(foreign: ResolvConf, served: Container[str]) -> tuple[int, ...]:
    """Find the lines that are to any reader a nameserver other than those."""
    listed = {item for reader in READERS for item in _listed(foreign, reader).items()}
    return tuple(sorted({at for at, address in listed if address not in served}))


def _with_lines(
    foreign: ResolvConf, managed: Sequence[str], gone: Sequence[int], stood: int | None
) -> ResolvConf:
    """Put managed lines at the first nameserver, or at the end; leave out `gone`.

    They stay where they stood, if that is in front of the foreign ones that are kept.
    """
    listed = {index for reader in READERS for index in _listed(foreign, reader)}
    places = listed if stood is None else {*listed.difference(gone), stood}
    first = min(places, default=_end(foreign.lines))
    # A blank in front of the carriage return keeps it from glibc's address.
    ending = b' \r\n' if _is_crlf(foreign.lines) else b'\n'
    added = [b'nameserver ' + resolv_conf(text) + ending for text in managed]
    kept = [index for index in range(len(foreign.lines)) if index not in gone]
    front = [foreign.lines[index] for index in kept if index < first]
    back = [foreign.lines[index] for index in kept if index >= first]
    return ResolvConf((*front, *added, *back))


def _end(lines: Lines) -> int:
    """The end, but not behind a line without a line feed, for this is to stay so.

    A managed line would need its line feed, or lack it: then the next line that is
    appended would be glued to the managed address.
    """
    return len(lines) - (1 if lines and not lines[-1].endswith(b'\n') else 0)


def _is_crlf(lines: Lines) -> bool:
    # A search line can be managed, which never ends in a carriage return.
    ended = [
        line
        for line in lines
        if line.endswith(b'\n') and not line.startswith(b'search ')
    ]
    return bool(ended) and all(line.endswith(b'\r\n') for line in ended)


def _without_nameservers(
    lines: Lines, applied: Sequence[str], removed: Sequence[Removed]
) -> tuple[ResolvConf, int | None]:
    """Return the file without managed lines, and where in it the first stood."""
    kept = list(lines)
    stood = None
    for text in applied:
        # Managed lines stand in front of equal foreign ones.
        line = b'nameserver ' + text.encode()
        stripped = [other.rstrip() for other in kept]
        if line in stripped:
            at = stripped.index(line)
            stood = at if stood is None else min(at, stood)
            del kept[at]
    if applied and stood is None:
        # The file was written anew: what stood there before is history.
        removed = ()
    return _restored(kept, removed, stood)


# Lines of others that were removed


def _taken(foreign: ResolvConf, indexes: Iterable[int]) -> tuple[Removed, ...]:
    places = _places(foreign.lines)
    return tuple(
        Removed(places[at] if line.endswith(b'\n') else (0, 0), line)
        for at in indexes
        for line in (foreign.lines[at],)
    )


def _restored(
    lines: list[bytes], removed: Sequence[Removed], stood: int | None
) -> tuple[ResolvConf, int | None]:
    """Put lines back, unless they are there; return the index `stood` has then."""
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
    foreign: ResolvConf, managed: tuple[str, ...], stood: int | None
) -> Edited:
    winners = {view(foreign, reader).search_line for reader in READERS}
    winner = max(winners)
    if winner == 0:
        at = _end(foreign.lines) if stood is None else stood
        return Edited(_with_line(foreign.lines, at, managed), managed, ())
    line = foreign.lines[winner - 1]
    opening = re.match(rb'search[ \t]+(?=[^\s\0])', line)
    if opening and len(winners) == 1:
        words = ''.join(f'{text} ' for text in managed).encode()
        extended = line[: opening.end()] + words + line[opening.end() :]
        lines = (*foreign.lines[: winner - 1], extended, *foreign.lines[winner:])
        return Edited(ResolvConf(lines), managed, ())
    managed = (*managed, *_repeated(foreign, managed))
    if line.endswith(b'\n'):
        return Edited(_with_line(foreign.lines, winner, managed), managed, ())
    removed = _taken(foreign, (winner - 1,))
    at = winner - 1 if stood is None else stood
    return Edited(_with_line(foreign.lines[:-1], at, managed), managed, (), removed)


def _with_line(lines: Lines, at: int, domains: Sequence[str]) -> ResolvConf:
    # No carriage return: glibc would search a domain of that name.
    line = b'search ' + ' '.join(domains).encode() + b'\n'
    return ResolvConf((*lines[:at], line, *lines[at:]))


def _repeated(foreign: ResolvConf, managed: Sequence[str]) -> tuple[str, ...]:
    """Spell the domains that any reader searches now, but for what cannot be one."""
    domains = {
        _domain_key(text): text.removesuffix('.') or '.'
        for reader in READERS
        for text in map(str.strip, view(foreign, reader).search)
        if re.fullmatch(r'[!-\[\]-~]+', text)
    }
    for text in managed:
        domains.pop(_domain_key(text), None)
    return tuple(domains.values())


_WORD = re.compile(rb'[^ \t\r\n]+')


def _without_domains(
    lines: Lines, applied: Sequence[str], removed: Sequence[Removed]
) -> tuple[ResolvConf, int | None]:
    """Return the file without managed domains, and where in it a managed line stood."""
    kept = list(lines)
    stood = None
    for text in applied:
        # Managed domains stand behind equal foreign ones, in a line that does not win.
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
