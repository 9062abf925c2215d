"""daemon.json held against the engine that reads it. Pure.

Sources: moby daemon/config/config.go (findConfigurationConflicts, Validate) from 20.10
to 29.7; tried on real dockerd 20.10.24, 26.1.5 and 28.5.2.
The keys are in schema/daemon.json.

In one module: the order of its rules is that of the engine's own checks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from registry_host.engine.entries import ACCEPTS, refusals
from registry_host.engine.flags import conflicts, parse_flags
from registry_host.engine.hazards import warnings
from registry_host.engine.keys import (
    OLDEST,
    Directive,
    Version,
    directives,
    eras,
    find_directive,
    find_flag,
    is_tagged,
    parse_version,
    quote_key,
    show_version,
    stranger_advice,
)
from registry_host.engine.pairs import pair_problems
from registry_host.engine.values import (
    SHAPE_NAMES,
    Misfit,
    shape_misfits,
    value_misfits,
)
from registry_host.errors import Problem, advised
from registry_host.jsonfile.jsonvalue import Number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry_host.engine.flags import Flags
    from registry_host.jsonfile.jsontext import Document
    from registry_host.jsonfile.jsonvalue import Json

__all__ = [
    'Directive',
    'Version',
    'conflicts',
    'find_directive',
    'lint',
    'parse_flags',
    'parse_version',
    'warnings',
]

# Ten thousand bad entries are one mistake: no need to tell, and to place, them all.
_MOST_PROBLEMS = 50
_PROXIES = 'proxies'
_BY_UNIT = 'set it as Environment= in the unit, by systemctl edit docker.service'

Path = tuple['str | int', ...]


def lint(
    document: Document, version: Version | None, flags: Flags | None = None
) -> tuple[Problem, ...]:
    """Find what this engine refuses at start or reload, or silently ignores.

    What it ignores has the code directive-ignored or directive-misplaced. Without a
    version only those keys are told that every engine from 20.10 on complains of, and
    without the engine's `flags` nothing that one of them may add. No more than 50
    problems.
    """
    found = _lint(document, version, flags) if version else _lint_for_all(document)
    return tuple(islice(found, _MOST_PROBLEMS))


def _lint(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    if version < (23, 0, 0) and not document.text.strip():
        yield Problem(
            code='file-empty',
            message='Docker does not start with an empty file before 23.0; write {} '
            'into it, or remove the file',
        )
    for key in document.root:
        yield from _lint_key(document, key, version, flags)


def _lint_for_all(document: Document) -> Iterator[Problem]:
    newest, *older = eras()
    for key in document.root:
        found = tuple(islice(_lint_key(document, key, newest), _MOST_PROBLEMS))
        if found and all(any(_lint_key(document, key, era)) for era in older):
            yield from found


def _lint_key(
    document: Document, key: str, version: Version, flags: Flags | None = None
) -> Iterator[Problem]:
    value, directive = document.root[key], find_directive(key)
    if directive and directive.is_known(version):
        yield from _lint_known(document, directive, version, flags)
    elif isinstance(value, dict) and _is_opened(key, version):
        yield from _lint_unknown_object(document, key, value, version)
    elif (flag := find_flag(key)) and flag.is_known(version):
        yield _ignored_flag(document, key, version)
    else:
        yield _unknown(document, (key,), version)


def _problem(
    document: Document, path: Path, code: str, message: str, advice: str
) -> Problem:
    message = advised(message, advice)
    return Problem(code=code, where=document.where(*path), message=message)


# Unknown keys


def _is_opened(key: str, version: Version) -> bool:
    """Say whether an engine looks into an unknown object instead of refusing it.

    Not where Go, for which letter case does not count, has another use for the name.
    """
    directive = find_directive(key)
    if directive is not None:
        return not directive.is_flat_in(version)
    meant = find_directive(key.lower())
    is_other = meant is None or not meant.is_known(version) or meant.type == 'object'
    return is_other and not is_tagged(key)


def _lint_unknown_object(
    document: Document, key: str, members: Mapping[str, Json], version: Version
) -> Iterator[Problem]:
    """An engine takes the members of such an object for keys, and then drops them."""
    unknown = [name for name in members if not _is_name(name, version)]
    if unknown and (find_directive(key) or _renaming(key, version)):
        yield _unknown(document, (key,), version)
        return
    for name in unknown:
        yield _unknown(document, (key, name), version)
    if members and not unknown:
        yield _problem(
            document,
            (key,),
            'directive-ignored',
            f'{quote_key(key)} is not a key that dockerd knows, though it starts so',
            _renaming(key, version)
            or 'remove it, or move what stands in it one level up',
        )


def _is_name(name: str, version: Version) -> bool:
    """Say whether an engine lets a name pass: a key's, or a flag's."""
    entries = (find_directive(name), find_flag(name))
    return any(entry is not None and entry.is_known(version) for entry in entries)


def _ignored_flag(document: Document, key: str, version: Version) -> Problem:
    advice = _renaming(key, version)
    advice = advice or f'remove it: only the flag --{key} does something'
    if key in _proxy_names():
        message = f'"{key}" does nothing at the top level'
        return _problem(document, (key,), 'directive-misplaced', message, advice)
    message = f'"{key}" is the name of a flag, and is silently ignored here'
    return _problem(document, (key,), 'directive-ignored', message, advice)


def _proxy_names() -> tuple[str, ...]:
    shape = directives()[_PROXIES].shape
    return tuple(shape) if isinstance(shape, dict) else ()


def _unknown(document: Document, path: tuple[str, ...], version: Version) -> Problem:
    directive = find_directive(path[-1])
    if directive and directive.removed:
        return _removed(document, path, directive)
    if directive:
        return _too_new(document, path, directive, version)
    return _problem(
        document,
        path,
        'directive-unknown',
        f'{quote_key(*path)} is not a key that dockerd knows, and it refuses the whole '
        'file',
        _advice_on_unknown(path, version),
    )


def _removed(
    document: Document, path: tuple[str, ...], directive: Directive
) -> Problem:
    ended = show_version(directive.ended or OLDEST)
    return _problem(
        document,
        path,
        'directive-removed',
        f'{quote_key(*path)} was removed in Docker {ended}',
        f'rename it to "{directive.instead}"' if directive.instead else 'remove it',
    )


def _too_new(
    document: Document, path: tuple[str, ...], directive: Directive, version: Version
) -> Problem:
    since = show_version(directive.since or OLDEST)
    remove = f'remove it, or upgrade Docker to {since}'
    return _problem(
        document,
        path,
        'directive-too-new',
        f'{quote_key(*path)} is not known before Docker {since}, and this is '
        f'{show_version(version)}',
        _BY_UNIT if directive.key == _PROXIES else remove,
    )


def _advice_on_unknown(path: tuple[str, ...], version: Version) -> str:
    scope, name = path[0] if len(path) > 1 else '', path[-1]
    if scope == _PROXIES and name == 'default':
        return f'put {", ".join(_proxy_names())} right below "proxies"'
    if scope == _PROXIES and _kebab(name) in _proxy_names():
        return f'rename it to "{_kebab(name)}", as dockerd calls it'
    if advice := stranger_advice(name) or _renaming(name, version):
        return advice
    close = _closest(_kebab(name))
    if close is None or not close.is_known(version):
        return 'remove it'
    return f'did you mean "{close.key}"? if not, remove it'


@lru_cache(maxsize=_MOST_PROBLEMS)
def _closest(name: str) -> Directive | None:
    from difflib import get_close_matches

    found = get_close_matches(name, directives(), n=1, cutoff=0.8)
    return find_directive(found[0]) if found else None


def _renaming(name: str, version: Version) -> str:
    """Recognise a key behind the name of its flag, or behind another spelling."""
    meant = _kebab(name)
    if meant in _proxy_names():
        is_known = directives()[_PROXIES].is_known(version)
        return f'move it into "proxies": {{"{meant}": "..."}}' if is_known else _BY_UNIT
    flag = find_flag(meant)
    if flag and flag.keys and meant not in flag.keys:
        meant = flag.keys[-1]
    directive = find_directive(meant)
    is_other = directive is not None and directive.is_known(version) and meant != name
    return f'rename it to "{meant}"' if is_other else ''


def _kebab(name: str) -> str:
    # No key is as long as that; what is cut off matters to no comparison.
    spread = re.sub(r'([a-z0-9])([A-Z])', r'\1-\2', name[:64].strip())
    return re.sub('[_ -]+', '-', spread).lower()


# Known keys


def _lint_known(
    document: Document, directive: Directive, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    key, value = directive.key, document.root[directive.key]
    if directive.ignored and version >= directive.ignored:
        return
    if key == _PROXIES:
        yield from _lint_proxies(document, version)
    misfits = tuple(islice(shape_misfits(value, directive.shape), _MOST_PROBLEMS))
    for misfit in misfits:
        yield _misfit(document, key, misfit, 'directive-type')
    if misfits:
        return
    if directive.refused and version >= directive.refused and not _is_empty(value):
        yield _removed(document, (key,), directive)
    for misfit in value_misfits(directive, value, version):
        yield _misfit(document, key, misfit, 'directive-value')
    if key in ACCEPTS and isinstance(value, list):
        yield from _lint_entries(document, key, value, version)
    yield from pair_problems(document, key, version, flags)


def _is_empty(value: Json) -> bool:
    return value in (None, '') or (isinstance(value, Number) and int(value.text) == 0)


def _misfit(document: Document, key: str, misfit: Misfit, code: str) -> Problem:
    path: Path = (key, *misfit.path)
    subject = quote_key(*(part for part in path if isinstance(part, str)))
    if code == 'directive-type' and isinstance(path[-1], int):
        subject = f'each entry of {subject}'
    return _problem(document, path, code, f'{subject} {misfit.must}', misfit.advice)


def _lint_entries(
    document: Document, key: str, entries: Sequence[Json], version: Version
) -> Iterator[Problem]:
    """Find the entries that keep an engine from starting, null among them."""
    accepts = ACCEPTS[key]
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            must = f'must be {SHAPE_NAMES["string"]}'
            misfit = Misfit(path=(index,), must=must, advice='remove the null')
            yield _misfit(document, key, misfit, 'directive-type')
        elif not accepts(entry, version):
            where = document.where(key, index)
            yield from (problem.at(where) for problem in refusals(key, entry))


def _lint_proxies(document: Document, version: Version) -> Iterator[Problem]:
    value = document.root[_PROXIES]
    if not isinstance(value, dict):  # Alone among the objects it may not be null.
        misfit = Misfit(path=(), must=f'must be {SHAPE_NAMES["object"]}')
        yield _misfit(document, _PROXIES, misfit, 'directive-type')
        return
    for name in value:
        if not _is_name(name, version):
            yield _unknown(document, (_PROXIES, name), version)
        elif name not in _proxy_names():
            message = f'{quote_key(_PROXIES, name)} is silently ignored here'
            advice = f'move "{name}" to the top level, or remove it'
            path = (_PROXIES, name)
            yield _problem(document, path, 'directive-ignored', message, advice)
