"""JSON files: read strictly, edited so that every foreign byte stays."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

from registry_host.host.locations import FILE_LIMIT_BYTES
from registry_host.jsonfile.jsonvalue import (
    DEPTH_LIMIT,
    Json,
    Number,
    position,
)
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(r'[ \t\n\r]*')


class Member(NamedTuple):
    key_start: int
    key_end: int
    start: int
    end: int


class Refused(ValueError):
    """What the C scanner lets pass and JSON does not."""


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused
    return members


def _refuse(name: str) -> Json:
    raise Refused


_scan_once = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=Number,
    parse_float=Number,
    parse_constant=_refuse,
).scan_once  # type: ignore[attr-defined]


def _scan(text: str, start: int) -> tuple[Json, int]:
    try:
        value, end = _scan_once(text, start)
    except StopIteration:
        raise Refused from None
    return value, end


class Document(NamedTuple):
    """A JSON file: its text, and its root object with numbers as written.

    `members` tells where the root's members stand in the text, `opening` and `closing`
    where its braces do. `rest` is what follows the object, where that is accepted.
    """

    text: str
    root: dict[str, Json]
    members: dict[str, Member]
    opening: int
    closing: int
    rest: str = ''

    def __repr__(self) -> str:
        return f'Document({len(self.text)} characters)'

    def has(self, *path: str) -> bool:
        value: Json = self.root
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return False
            value = value[name]
        return True

    def get(self, *path: str) -> Json:
        """Return the value at `path`; None where it is absent, as where it is null."""
        value: Json = self.root
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return None
            value = value[name]
        return value

    def where(self, *path: str | int) -> str:
        """Give the LINE:COLUMN, from 1, of a member's key or of an array's element."""
        offset = self.opening
        scope: Scope | None = Scope(self.opening, self.closing, self.members)
        start = self.opening
        for part in path:
            if isinstance(part, int):
                offset = start = elements(self.text, start)[part][0]
                scope = None
            else:
                scope = scope or scope_at(self.text, start)
                member = scope.members[part]
                offset, start = member.key_start, member.start
                scope = None
        return position(self.text, offset)

    def encode(self) -> bytes:
        return (self.text + self.rest).encode()


# Reading


def read(content: bytes, *, is_first_value: bool = False) -> Document:
    """Parse a whole file; JsonTextError names what is wrong and where.

    An empty file, or one of white space, is accepted as an empty object: the docker
    client and engines from 23.0 on do so too, and there is nothing in it to lose.
    With `is_first_value`, null is an empty object too, and whatever follows the first
    value is kept unread: Go's json.Decoder, which the docker client reads with, stops
    there.
    """
    try:
        if len(content) > FILE_LIMIT_BYTES or content[:3] == b'\xef\xbb\xbf':
            raise Refused
        text = content.decode()
        return _read_first(text) if is_first_value else read_text(text)
    except (ValueError, RecursionError, IndexError):
        from registry_host.jsonfile import jsonerrors

        raise jsonerrors.explain(content, FILE_LIMIT_BYTES, DEPTH_LIMIT) from None


def read_text(text: str) -> Document:
    start = skip(text, 0)
    if start == len(text):
        return Document(text, {}, {}, start, start)
    if text[start] != '{':
        raise Refused
    root: dict[str, Json] = {}
    members: dict[str, Member] = {}
    close = start
    for key, member, value in walk(text, start):
        if key in root:
            raise Refused
        root[key], members[key] = value, member
        close = member.end
    close = skip(text, close if members else start + 1)
    if skip(text, close + 1) != len(text) or _depth(root) > DEPTH_LIMIT:
        raise Refused
    return Document(text, root, members, start, close)


def _read_first(text: str) -> Document:
    start = skip(text, 0)
    if start == len(text):
        return read_text(text)
    value, end = _scan(text, start)
    if value is None:  # Any edit puts an object in its place.
        return Document('', {}, {}, 0, 0, text[end:])
    if not text[end:].strip(' \t\n\r'):
        return read_text(text)
    return read_text(text[:end])._replace(rest=text[end:])


def skip(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index


def walk(text: str, start: int) -> Iterator[tuple[str, Member, Json]]:
    """Yield the members of the object that opens at `start`."""
    index = skip(text, start + 1)
    if text[index] == '}':
        return
    while True:
        if text[index] != '"':
            raise Refused
        key, key_end = scanstring(text, index + 1, True)
        colon = skip(text, key_end)
        if text[colon] != ':':
            raise Refused
        value_start = skip(text, colon + 1)
        value, end = _scan(text, value_start)
        yield key, Member(index, key_end, value_start, end), value
        index = skip(text, end)
        if text[index] == '}':
            return
        if text[index] != ',':
            raise Refused
        index = skip(text, index + 1)


@lru_cache(maxsize=8)  # Each entry may be asked for its place, one after the other.
def elements(text: str, start: int) -> tuple[tuple[int, int], ...]:
    """Find where each element of the array that opens at `start` begins and ends."""
    found: list[tuple[int, int]] = []
    index = skip(text, start + 1)
    while text[index] != ']':
        _, end = _scan(text, index)
        found.append((index, end))
        index = skip(text, end)
        if text[index] == ',':
            index = skip(text, index + 1)
    return tuple(found)


def _depth(root: Json) -> int:
    """Measure nesting without recursion; only containers are looked into."""
    deepest, pending = 0, [(root, 1)]
    while pending:
        value, depth = pending.pop()
        deepest = max(deepest, depth)
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(inner, str | Number | bool | None):
            continue
        pending += [
            (item, depth + 1) for item in inner if isinstance(item, list | dict)
        ]
    return deepest


class Scope(NamedTuple):
    open: int
    close: int
    members: dict[str, Member]


def scope_at(text: str, start: int) -> Scope:
    members = {key: member for key, member, _ in walk(text, start)}
    last = max((member.end for member in members.values()), default=start + 1)
    return Scope(start, skip(text, last), members)
