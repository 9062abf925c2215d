"""Edits of a JSON file that leave every other byte as it is, and prove that.

In one module: three edits share one layout of what they write.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from registry_host.jsonfile.jsontext import (
    Document,
    Member,
    Scope,
    elements,
    read_text,
    scope_at,
    skip,
)
from registry_host.jsonfile.jsonvalue import Json, Number
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_INDENT = '    '


class EditError(RuntimeError):
    """An edit would have changed more than was asked: a bug, stopped in time."""


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
            changed = read_text(text)
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


def _edited(document: Document, asked: Edit) -> str:
    text, layout = document.text, _Layout.of(document)
    if document.opening == len(text):  # Nothing but white space: written anew.
        value = _nested(asked.path, _value_of(asked))
        return layout.render(value, '') + layout.newline
    scope = Scope(document.opening, document.closing, document.members)
    path = list(asked.path)
    member = scope.members.get(path[0])
    while len(path) > 1 and member and text[member.start] == '{':
        scope = scope_at(text, member.start)
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
            if text[member.start] == '[' and text[skip(text, member.start + 1)] != ']'
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
    text: str, scope: Scope, key: str, value: Json, layout: _Layout
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


def _without(text: str, scope: Scope, key: str) -> str:
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


def _spliced(text: str, member: Member, asked: Splice, layout: _Layout) -> str:
    """Write an array anew: kept elements, and the gaps before them, as they were."""
    places = elements(text, member.start)
    kept = [index for index in range(len(places)) if index not in asked.drop]
    indent = _indent_at(text, member.key_start)
    if not places:
        return layout.render(list(asked.insert), indent)
    if not kept and not asked.insert:
        return '[]'
    lead = text[member.start + 1 : places[0][0]]
    tail = text[places[-1][1] : member.end - 1]
    between = text[places[0][1] : places[1][0]] if len(places) > 1 else ','
    if between.startswith(',') and '\n' in lead:
        between = f',{lead}'
    elif len(places) == 1:
        between = layout.comma
    inner = _indent_at(text, places[0][0])
    pieces = [between.join(layout.render(value, inner) for value in asked.insert)]
    for first, last in _runs(kept):
        if first != kept[0]:
            pieces.append(text[places[first - 1][1] : places[first][0]])
        elif asked.insert:
            pieces.append(between)
        pieces.append(text[places[first][0] : places[last][1]])
    joined = ''.join(pieces)
    return f'[{lead}{joined}{tail}]'
