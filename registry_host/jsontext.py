"""JSON files: read strictly, edited so that every byte that is not ours stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple, Union

from registry_host.errors import Problem

SIZE_LIMIT_BYTES = 16 * 1024 * 1024
DEPTH_LIMIT = 100
DEFAULT_INDENT = '    '
_SPACE = re.compile(r'[ \t\n\r]*')


class Number(NamedTuple):
    """A number as it is written: 1e400 and 12345678901234567890 lose nothing here."""

    text: str

    @property
    def is_integer(self) -> bool:
        return not any(mark in self.text for mark in '.eE')


Json = Union[None, bool, str, Number, 'list[Json]', 'dict[str, Json]']


class JsonTextError(Exception):
    """A text that is not JSON, or not ours to accept.

    `problem.where` is LINE:COLUMN. Its excerpt has all but punctuation and well-known
    keys masked.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class EditError(RuntimeError):
    """An edit would have changed more than was asked: a bug, stopped in time."""


class _Member(NamedTuple):
    key_start: int
    key_end: int
    start: int
    end: int


class _Refused(ValueError):
    """What the C scanner lets pass and JSON does not."""


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _refuse(name: str) -> Json:
    raise _Refused


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
        raise _Refused from None
    return value, end


class Document(NamedTuple):
    """A JSON file: its text, and its root object with numbers as written.

    `members` tells where the root's members stand in the text, `opening` and `closing`
    where its braces do. `rest` is what follows the object, where that is accepted.
    """

    text: str
    root: dict[str, Json]
    members: dict[str, _Member]
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
        scope: _Object | None = _Object(self.opening, self.closing, self.members)
        start = self.opening
        for part in path:
            if isinstance(part, int):
                offset = start = _elements(self.text, start)[part][0]
                scope = None
            else:
                scope = scope or _object(self.text, start)
                member = scope.members[part]
                offset, start = member.key_start, member.start
                scope = None
        return position(self.text, offset)

    def encode(self) -> bytes:
        return (self.text + self.rest).encode()


def position(text: str, offset: int) -> str:
    line = text.count('\n', 0, offset) + 1
    return f'{line}:{offset - text.rfind(chr(10), 0, offset)}'


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
        if len(content) > SIZE_LIMIT_BYTES or content[:3] == b'\xef\xbb\xbf':
            raise _Refused
        text = content.decode()
        return _read_first(text) if is_first_value else _read(text)
    except (ValueError, RecursionError, IndexError):
        from registry_host import jsonerrors

        raise jsonerrors.explain(content, SIZE_LIMIT_BYTES, DEPTH_LIMIT) from None


def _read(text: str) -> Document:
    start = _skip(text, 0)
    if start == len(text):
        return Document(text, {}, {}, start, start)
    if text[start] != '{':
        raise _Refused
    root: dict[str, Json] = {}
    members: dict[str, _Member] = {}
    close = start
    for key, member, value in _walk(text, start):
        if key in root:
            raise _Refused
        root[key], members[key] = value, member
        close = member.end
    close = _skip(text, close if members else start + 1)
    if _skip(text, close + 1) != len(text) or _depth(root) > DEPTH_LIMIT:
        raise _Refused
    return Document(text, root, members, start, close)


def _read_first(text: str) -> Document:
    start = _skip(text, 0)
    if start == len(text):
        return _read(text)
    value, end = _scan(text, start)
    if value is None:  # Any edit puts an object in its place.
        return Document('', {}, {}, 0, 0, text[end:])
    if not text[end:].strip(' \t\n\r'):
        return _read(text)
    return _read(text[:end])._replace(rest=text[end:])


def _skip(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index


def _walk(text: str, start: int) -> Iterator[tuple[str, _Member, Json]]:
    """Yield the members of the object that opens at `start`."""
    index = _skip(text, start + 1)
    if text[index] == '}':
        return
    while True:
        if text[index] != '"':
            raise _Refused
        key, key_end = scanstring(text, index + 1, True)
        colon = _skip(text, key_end)
        if text[colon] != ':':
            raise _Refused
        value_start = _skip(text, colon + 1)
        value, end = _scan(text, value_start)
        yield key, _Member(index, key_end, value_start, end), value
        index = _skip(text, end)
        if text[index] == '}':
            return
        if text[index] != ',':
            raise _Refused
        index = _skip(text, index + 1)


def _elements(text: str, start: int) -> list[tuple[int, int]]:
    """Find where each element of the array that opens at `start` begins and ends."""
    found: list[tuple[int, int]] = []
    index = _skip(text, start + 1)
    while text[index] != ']':
        _, end = _scan(text, index)
        found.append((index, end))
        index = _skip(text, end)
        if text[index] == ',':
            index = _skip(text, index + 1)
    return found


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


# Editing


class Put(NamedTuple):
    """Give the member at `path` this value; it and missing parents are added last.

    A parent that is null becomes an object where it stands.
    """

    path: tuple[str, ...]
    value: Json


class Drop(NamedTuple):
    """Remove the member at `path`; nothing to do where there is none."""

    path: tuple[str, ...]


class Splice(NamedTuple):
    """Put `insert` in front of the array at `path`, remove the elements at `drop`.

    A missing array, or null, is an empty one.
    """

    path: tuple[str, ...]
    insert: tuple[Json, ...]
    drop: frozenset[int] = frozenset()


Edit = Put | Drop | Splice


def edit(document: Document, *edits: Edit) -> Document:
    """Apply edits in turn, and prove that nothing else has changed.

    Returns `document` itself where there was nothing to change. Raises EditError if the
    parsed difference is not exactly what was asked.
    """
    for asked in edits:
        expected = _expected(document.root, asked)
        if _is_same(expected, document.root):
            continue
        text = _edited(document, asked)
        try:
            changed = _read(text)
        except (ValueError, RecursionError, IndexError) as err:
            raise EditError('the edited text does not parse') from err
        if not _is_same(changed.root, expected):
            raise EditError('a value that was not asked for would change')
        document = changed._replace(rest=document.rest)
    return document


def _is_same(one: Json, other: Json) -> bool:
    """Compare values and the order of members, at every level that dicts nest."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(
            _is_same(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return type(one) is type(other) and one == other


def _expected(root: dict[str, Json], asked: Edit) -> dict[str, Json]:
    """Say what the parsed root is to be: the rule that the text is held against."""
    *parents, name = asked.path
    changed = dict(root)
    inner = changed
    for parent in parents:
        child = inner.get(parent)
        if child is None and isinstance(asked, Drop):
            return root
        if child is not None and not isinstance(child, dict):
            raise TypeError(f'{parent!r} is not an object')
        copy = dict(child) if isinstance(child, dict) else {}
        inner[parent] = copy
        inner = copy
    if isinstance(asked, Drop):
        inner.pop(name, None)
    elif isinstance(asked, Put):
        inner[name] = asked.value
    elif asked.insert or asked.drop:
        inner[name] = [*asked.insert, *_kept(inner.get(name), asked.drop)]
    else:
        return root
    return changed


def _kept(value: Json, drop: frozenset[int]) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError('not an array')
    return [item for index, item in enumerate(value) if index not in drop]


class _Object(NamedTuple):
    open: int
    close: int
    members: dict[str, _Member]


def _object(text: str, start: int) -> _Object:
    members = {key: member for key, member, _ in _walk(text, start)}
    last = max((member.end for member in members.values()), default=start + 1)
    return _Object(start, _skip(text, last), members)


def _edited(document: Document, asked: Edit) -> str:
    text, layout = document.text, _Layout.of(document)
    if document.opening == len(text):  # Nothing but white space: a file of our own.
        value = _nested(asked.path, _value_of(asked))
        return layout.render(value, '') + layout.newline
    scope = _Object(document.opening, document.closing, document.members)
    path = list(asked.path)
    member = scope.members.get(path[0])
    while len(path) > 1 and member and text[member.start] == '{':
        scope = _object(text, member.start)
        path.pop(0)
        member = scope.members.get(path[0])
    if isinstance(asked, Drop):
        return _without(text, scope, path[0])
    if member is None:
        return _with_member(
            text, scope, path[0], _nested(path[1:], _value_of(asked)), layout
        )
    if isinstance(asked, Splice) and text[member.start] == '[':
        array = _spliced(text, member, asked, layout)
    else:
        value = _nested(path[1:], _value_of(asked))
        array = layout.render(value, _indent_at(text, member.key_start))
    return text[: member.start] + array + text[member.end :]


def _value_of(asked: Edit) -> Json:
    if isinstance(asked, Put):
        return asked.value
    return list(asked.insert) if isinstance(asked, Splice) else None


def _nested(path: Sequence[str], value: Json) -> Json:
    for name in reversed(path):
        value = {name: value}
    return value


def _indent_at(text: str, offset: int) -> str:
    """Return the white space that begins the line of `offset`."""
    start = text.rfind('\n', 0, offset) + 1
    found = re.compile(r'[ \t]*').match(text, start)
    return found[0] if found else ''


class _Layout(NamedTuple):
    """How a file is written: for what is added to look like the rest."""

    newline: str
    indent: str
    colon: str
    is_one_line: bool
    has_one_line_arrays: bool

    @classmethod
    def of(cls, document: Document) -> _Layout:
        text, members = document.text, list(document.members.values())
        line_end = text.find('\n', document.opening, document.closing)
        is_crlf = line_end > 0 and text[line_end - 1] == '\r'
        newline = '\r\n' if is_crlf or (line_end < 0 and '\r\n' in text) else '\n'
        if not members:
            return cls(newline, DEFAULT_INDENT, ': ', False, False)
        first = members[0]
        outer = _indent_at(text, document.opening)
        own = _indent_at(text, first.key_start).removeprefix(outer)
        is_own_line = 0 <= line_end < first.key_start
        colon = text[first.key_end : first.start]
        arrays = [
            member
            for member in members
            if text[member.start] == '[' and text[_skip(text, member.start + 1)] != ']'
        ]
        return cls(
            newline,
            own if is_own_line and own else DEFAULT_INDENT,
            ': ' if '\n' in colon else colon,
            line_end < 0,
            bool(arrays)
            and all(text.find('\n', array.start, array.end) < 0 for array in arrays),
        )

    @property
    def comma(self) -> str:
        return ', ' if self.colon.endswith(' ') else ','

    def render(self, value: Json, indent: str) -> str:
        """Write a value whose key stands on a line that begins with `indent`."""
        if isinstance(value, dict):
            items = [
                _string(key) + self.colon + self.render(item, indent + self.indent)
                for key, item in value.items()
            ]
            return self._block('{', items, '}', indent, self.is_one_line)
        if isinstance(value, list):
            items = [self.render(item, indent + self.indent) for item in value]
            is_one_line = self.is_one_line or self.has_one_line_arrays
            return self._block('[', items, ']', indent, is_one_line)
        if isinstance(value, Number):
            return value.text
        return _string(value) if isinstance(value, str) else json.dumps(value)

    def _block(
        self,
        opening: str,
        items: list[str],
        closing: str,
        indent: str,
        is_one_line: bool,
    ) -> str:
        if not items:
            return opening + closing
        if is_one_line:
            return opening + self.comma.join(items) + closing
        inner = self.newline + indent + self.indent
        lines = f',{inner}'.join(items)
        return f'{opening}{inner}{lines}{self.newline}{indent}{closing}'


def _string(value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:  # A lone surrogate can only be written as an escape.
        return json.dumps(value)
    return written


def _with_member(
    text: str, scope: _Object, key: str, value: Json, layout: _Layout
) -> str:
    """Add a member behind the last one, in its manner."""
    members = list(scope.members.values())
    if not members:
        indent = _indent_at(text, scope.open)
        block = layout.render({key: value}, indent)
        return text[: scope.open] + block + text[scope.close + 1 :]
    last = members[-1]
    if len(members) > 1:
        between = text[members[-2].end : last.key_start]
    else:
        lead = text[scope.open + 1 : last.key_start]
        between = f',{lead}' if '\n' in lead else layout.comma
    colon = text[last.key_end : last.start]
    indent = _indent_at(text, last.key_start)
    added = f'{between}{_string(key)}{colon}{layout.render(value, indent)}'
    return text[: last.end] + added + text[last.end :]


def _without(text: str, scope: _Object, key: str) -> str:
    names = list(scope.members)
    members = list(scope.members.values())
    index = names.index(key)
    if len(members) == 1:
        return text[: scope.open + 1] + text[scope.close :]
    if index == len(members) - 1:
        return text[: members[index - 1].end] + text[members[index].end :]
    return text[: members[index].key_start] + text[members[index + 1].key_start :]


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Join neighbours: [0, 1, 2, 5] is (0, 2) and (5, 5)."""
    first = last = None
    for index in indexes:
        if first is None or last is None:
            first = index
        elif index != last + 1:
            yield first, last
            first = index
        last = index
    if first is not None and last is not None:
        yield first, last


def _spliced(text: str, member: _Member, asked: Splice, layout: _Layout) -> str:
    """Write an array anew: kept elements, and the gaps before them, as they were."""
    elements = _elements(text, member.start)
    kept = [index for index in range(len(elements)) if index not in asked.drop]
    indent = _indent_at(text, member.key_start)
    if not elements:
        return layout.render(list(asked.insert), indent)
    if not kept and not asked.insert:
        return '[]'
    lead = text[member.start + 1 : elements[0][0]]
    tail = text[elements[-1][1] : member.end - 1]
    between = text[elements[0][1] : elements[1][0]] if len(elements) > 1 else ','
    if between.startswith(',') and '\n' in lead:
        between = f',{lead}'
    elif len(elements) == 1:
        between = layout.comma
    inner = _indent_at(text, elements[0][0])
    pieces = [between.join(layout.render(value, inner) for value in asked.insert)]
    for first, last in _runs(kept):
        if first != kept[0]:
            pieces.append(text[elements[first - 1][1] : elements[first][0]])
        elif asked.insert:
            pieces.append(between)
        pieces.append(text[elements[first][0] : elements[last][1]])
    joined = ''.join(pieces)
    return f'[{lead}{joined}{tail}]'
