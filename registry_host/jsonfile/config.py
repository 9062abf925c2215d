"""Configs in JSON: read with their name in each problem, edited, tidied up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ROOT, ConfigError, Problem, sudo_as
from registry_host.jsonfile import editing, jsontext
from registry_host.jsonfile.jsonvalue import Json, JsonTextError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from registry_host.host.records import FileState


# The documents of the last few texts: what a run reads is looked at by several rules,
# and a large file takes a while to parse. Documents do not change.
_PARSED: dict[tuple[bytes, bool], jsontext.Document] = {}
_PARSED_LIMIT = 6


def read_json(state: FileState, *, is_first_value: bool = False) -> jsontext.Document:
    """Read a config; ConfigError names the place, the cause and a way to mend it."""
    content = state.content or b''
    known = _PARSED.get((content, is_first_value))
    if known is not None:
        return known
    try:
        document = jsontext.read(content, is_first_value=is_first_value)
        _remember(content, is_first_value, document)
        return document
    except JsonTextError as err:
        import shlex

        problem = err.problem
        if ' FILE' in problem.hint:
            hint = problem.hint.replace(' FILE', f' {shlex.quote(state.path)}')
            hint = f'{sudo_as(state.user.name if state.user else ROOT)}{hint}'
            problem = problem._replace(hint=hint)
        where = f'{state.path}:{problem.where}' if problem.where else state.path
        raise ConfigError(problem.at(where)) from None


def encoded(document: jsontext.Document) -> bytes:
    """Return the text of an edited document, which those who read it next have parsed.

    Its text is an object; one with something behind it is not read by all alike.
    """
    content = document.encode()
    _remember(content, True, document)
    if not document.rest:
        _remember(content, False, document)
    return content


def _remember(
    content: bytes, is_first_value: bool, document: jsontext.Document
) -> None:
    _PARSED[content, is_first_value] = document
    while len(_PARSED) > _PARSED_LIMIT:
        del _PARSED[next(iter(_PARSED))]


def settle_created(
    document: jsontext.Document,
    edits: Sequence[editing.Edit],
    created: tuple[tuple[str, ...], ...],
    withdrawn: Collection[tuple[str, ...]],
) -> tuple[jsontext.Document, tuple[tuple[str, ...], ...]]:
    """Edit, and drop created members that these edits leave empty.

    One that was empty before, as its entries were removed by hand, goes
    if it is, or encloses, one of the members `withdrawn`. Returns the document, and the
    members in it that registry-host has created.
    """
    edited = editing.edit(document, *edits)
    for path in sorted(created, key=len, reverse=True):
        is_over = any(path == each[: len(path)] for each in withdrawn)
        is_emptied = is_over or document.get(*path) not in ([], {})
        if edited.get(*path) in ([], {}) and is_emptied:
            edited = editing.edit(edited, editing.Drop(path))
    prefixes = (edit.path[: n + 1] for edit in edits for n in range(len(edit.path)))
    made = {path for path in prefixes if not document.has(*path)}
    left = sorted(path for path in {*created, *made} if edited.has(*path))
    return edited, tuple(left)


def all_are(kind: type, values: Iterable[Json]) -> bool:
    """Whether values are of one kind, null aside: a member that is null is none."""
    return all(value is None or isinstance(value, kind) for value in values)


def placed(problem: Problem, path: str) -> Problem:
    """Put the file's name before the line and column of a problem."""
    where = f'{path}:{problem.where}' if problem.where else path
    return problem.at(where)
