"""Configs in JSON: read with their name in each problem, edited, tidied up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.jsonfile import editing, jsontext
from registry_host.jsonfile.jsonvalue import JsonTextError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.records import FileState


def read_json(state: FileState, *, is_first_value: bool = False) -> jsontext.Document:
    """Read a config; ConfigError names the place, the cause and a way to mend it."""
    try:
        return jsontext.read(state.content or b'', is_first_value=is_first_value)
    except JsonTextError as err:
        import shlex

        problem = err.problem
        if ' FILE' in problem.hint:
            hint = problem.hint.replace(' FILE', f' {shlex.quote(state.path)}')
            problem = problem._replace(hint=hint)
        where = f'{state.path}:{problem.where}' if problem.where else state.path
        raise ConfigError(problem.at(where)) from None


def settle_created(
    document: jsontext.Document,
    edits: Sequence[editing.Edit],
    created: tuple[tuple[str, ...], ...],
) -> tuple[jsontext.Document, tuple[tuple[str, ...], ...]]:
    """Edit, and drop what we had created and these edits leave empty.

    Returns the document, and the members in it that exist by our doing.
    """
    edited = editing.edit(document, *edits)
    for path in sorted(created, key=len, reverse=True):
        if edited.get(*path) in ([], {}) and document.get(*path) not in ([], {}):
            edited = editing.edit(edited, editing.Drop(path))
    prefixes = (edit.path[: n + 1] for edit in edits for n in range(len(edit.path)))
    made = {path for path in prefixes if not document.has(*path)}
    ours = sorted(path for path in {*created, *made} if edited.has(*path))
    return edited, tuple(ours)


def placed(problem: Problem, path: str) -> Problem:
    """Put the file's name before the line and column of a problem."""
    where = f'{path}:{problem.where}' if problem.where else path
    return problem.at(where)
