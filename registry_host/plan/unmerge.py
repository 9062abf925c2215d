"""Taking back what one run did to a file, while keeping what others did since. Pure.

Three states of a file: `before` and `after` the run, and `now`. Where nobody has
touched it since, it becomes what it was, byte for byte. Else the members and list
entries, or the lines, that the run added go, the members and entries that it removed
come back, and all other bytes of `now` stay.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from registry_host.jsonfile import editing, jsontext
from registry_host.jsonfile.editing import Drop, Edit, Put, Splice
from registry_host.jsonfile.jsonvalue import JsonTextError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.jsonfile.jsontext import Document

_ABSENT: Any = object()
_Path = tuple[str, ...]


class InseparableError(Exception):
    """What the run wrote and what others wrote since cannot be told apart."""


def revert(
    before: bytes | None,
    after: bytes | None,
    now: bytes | None,
    *,
    is_text: bool = False,
) -> bytes | None:
    """Return the content without what the run did; None is no file.

    It is JSON, or (`is_text`) lines. Raises InseparableError, which says why, where
    others changed the same.
    """
    if now == after or now == before:
        return before
    if is_text:
        return _revert_lines(before, after, now)
    was, made, found = (_read(content) for content in (before, after, now))
    try:
        edited = editing.edit(found, *_edits(was.root, made.root, found.root, ()))
    except TypeError as err:
        raise InseparableError(str(err)) from None
    for path in _created(was.root, made.root, ()):
        if edited.get(*path) == {} and edited.has(*path):
            edited = editing.edit(edited, Drop(path))
    if edited is found:
        return now
    return None if before is None and not edited.root else edited.encode()


def holds(
    before: bytes | None,
    after: bytes | None,
    now: bytes | None,
    *,
    is_text: bool = False,
) -> bool:
    """Whether what a run did to a file still stands in it."""
    if now == after:
        return True
    if is_text:
        was, made, found = (
            Counter((text or b'').splitlines()) for text in (before, after, now)
        )
        gone = was - made
        return not (made - was) - found and not any(found[line] for line in gone)
    try:
        return revert(before=after, after=before, now=now) == now
    except InseparableError:
        return False


def _revert_lines(
    before: bytes | None, after: bytes | None, now: bytes | None
) -> bytes | None:
    """Take out the lines that were added, or put back what they took the place of."""
    if now is None:
        return None
    from difflib import SequenceMatcher

    was, made = ((text or b'').splitlines() for text in (before, after))
    lines = now.splitlines(keepends=True)
    for kind, i, i_end, j, j_end in SequenceMatcher(None, was, made).get_opcodes():
        if kind == 'delete':
            raise InseparableError('lines that were taken out cannot be put back')
        if kind != 'equal':
            _swap(lines, made[j:j_end], was[i:i_end])
    return None if before is None and not lines else b''.join(lines)


def _swap(lines: list[bytes], added: list[bytes], removed: list[bytes]) -> None:
    """Put lines in the place of those that were added for them, if these are there."""
    for at in range(len(lines)):
        found = [line.rstrip(b'\r\n') for line in lines[at : at + len(added)]]
        if found == added:
            lines[at : at + len(added)] = [line + b'\n' for line in removed]
            return
    if removed:
        raise InseparableError('lines that were taken out cannot be put back')


def _read(content: bytes | None) -> Document:
    try:
        return jsontext.read(content or b'', is_first_value=True)
    except JsonTextError as err:
        raise InseparableError(f'it is not JSON at {err.problem.where}') from None


def _edits(was: Any, made: Any, now: Any, path: _Path) -> Iterator[Edit]:
    """Say how one member of `now` becomes what it was before the run."""
    if _is_same(was, made) or _is_same(now, was):
        return
    if _are(dict, was, made, now):
        names = dict.fromkeys([*_or(was, {}), *_or(made, {})])
        for name in names:
            old, new, found = (
                _or(value, {}).get(name, _ABSENT) for value in (was, made, now)
            )
            yield from _edits(old, new, found, (*path, name))
    elif _are(list, was, made, now) and _are_texts(was, made, now):
        yield from _list_edits(was, made, now, path)
    elif _is_same(now, made):
        yield Drop(path) if was is _ABSENT else Put(path, was)
    elif now is not _ABSENT or was is not _ABSENT:
        raise InseparableError(f'"{".".join(path)}" was changed too')


def _list_edits(was: Any, made: Any, now: Any, path: _Path) -> Iterator[Edit]:
    old, new, found = (_or(value, []) for value in (was, made, now))
    added, removed = Counter(new) - Counter(old), Counter(old) - Counter(new)
    drop = set()
    for index, entry in enumerate(found):
        if added[entry] > 0:
            added[entry] -= 1
            drop.add(index)
    insert = [entry for entry in old if removed[entry] > 0 and entry not in found]
    left = [entry for index, entry in enumerate(found) if index not in drop]
    if was is _ABSENT and not left:
        yield Drop(path)
    elif found == new and [*insert, *left] != old:
        yield Put(path, was)
    elif drop or insert:
        yield Splice(path, insert=tuple(insert), drop=frozenset(drop))


def _created(was: Any, made: Any, path: _Path) -> Iterator[_Path]:
    """Name the objects that the run made, the innermost first."""
    for name, value in _or(made, {}).items():
        old = _or(was, {}).get(name, _ABSENT)
        if isinstance(value, dict) and (old is _ABSENT or isinstance(old, dict)):
            yield from _created(old, value, (*path, name))
            if old is _ABSENT:
                yield (*path, name)


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _or(value: Any, other: Any) -> Any:
    return other if value is _ABSENT or value is None else value


def _are(kind: type, *values: Any) -> bool:
    """Whether all values are of a kind, or not there; one of them is."""
    present = [value for value in values if value is not _ABSENT and value is not None]
    return bool(present) and all(isinstance(value, kind) for value in present)


def _are_texts(*values: Any) -> bool:
    return all(isinstance(entry, str) for value in values for entry in _or(value, []))
