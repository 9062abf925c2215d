"""A dockerd command line, and what daemon.json gives a second time. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.keys import (
    find_directive,
    find_flag,
    flags_by_shorthand,
    quote_key,
)
from registry_host.errors import Problem
from registry_host.redact import redact_input

if TYPE_CHECKING:
    from registry_host.engine.flagplaces import FlagPlace
    from registry_host.jsonfile.jsontext import Document

Flags = Mapping[str, tuple[str, ...]]
NOWHERE: Mapping[str, FlagPlace] = MappingProxyType({})
# The one key that the engine merges with its flag.
_MERGED = 'runtimes'
# Tokens stand among their values (splunk-token), and redact() knows none by sight.
_SECRET_FLAGS = frozenset({'cluster-store-opt', 'log-opt'})
_SHOWN_VALUES = 3
_SHOWN_LENGTH = 100


def parse_flags(argv: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read a dockerd command line into {long name: values as given}, as pflag does.

    The program's own name is skipped. A flag that is not known is tolerated, and has a
    value where a word follows that is no flag.
    """
    found: dict[str, list[str]] = {}
    words = deque(argv[1:])
    while words and (word := words.popleft()) != '--':
        for name, value in _read_word(word, words):
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _read_word(word: str, rest: deque[str]) -> Iterator[tuple[str, str]]:
    if word.startswith('--'):
        name, equals, value = word[2:].partition('=')
        yield name, value if equals else _value_of(name, rest)
    elif word.startswith('-'):
        yield from _read_shorthands(word[1:], rest)


def _read_shorthands(letters: str, rest: deque[str]) -> Iterator[tuple[str, str]]:
    """Read -D, -Dl debug, -Hfd://, -H=fd:// and -H fd://."""
    while letters:
        flag = flags_by_shorthand().get(letters[0])
        name, letters = flag.name if flag else letters[0], letters[1:]
        if letters.startswith('=') and len(letters) > 1:
            yield name, letters[1:]
            return
        if flag and flag.is_bool:
            yield name, 'true'
        elif letters:
            yield name, letters
            return
        else:
            yield name, _value_of(name, rest)


def _value_of(name: str, rest: deque[str]) -> str:
    flag = find_flag(name)
    if flag and flag.is_bool:
        return 'true'
    is_next = rest and (flag is not None or not rest[0].startswith('-'))
    return rest.popleft() if is_next else ''


def conflicts(
    document: Document,
    flags: Flags,
    places: Mapping[str, FlagPlace] = NOWHERE,
    *,
    is_written: bool = True,
) -> tuple[Problem, ...]:
    """Find what is given both as a flag and in the file: fatal, even where equal.

    `places` has where flags stand, as far as that is known; a document that is not
    `is_written` is what the file would become.
    Source: moby daemon/config/config.go findConfigurationConflicts (b985e23); observed
    on 20.10.24, 26.1.5 and 28.5.2.
    """
    return tuple(
        _conflict(document, path, flag, flags[flag], places.get(flag), is_written)
        for path in _given(document)
        if (flag := _flag_of(path[-1])) in flags and path[-1] != _MERGED
    )


def _given(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the paths of what the engine takes for keys: it looks one level down."""
    for key, value in document.root.items():
        directive = find_directive(key)
        if isinstance(value, dict) and not (directive and directive.is_flat):
            yield from ((key, name) for name in value)
        else:
            yield (key,)


def _flag_of(name: str) -> str:
    """Return the flag that conflicts with a key; '' where there is none.

    The name of a flag whose key is called otherwise (registry-mirror) conflicts with
    nothing: the engine ignores it in the file.
    """
    directive, flag = find_directive(name), find_flag(name)
    if directive is not None:
        return directive.flag or ''
    return name if flag is not None and not flag.keys else ''


def _conflict(
    document: Document,
    path: tuple[str, ...],
    flag: str,
    values: tuple[str, ...],
    place: FlagPlace | None,
    is_written: bool,
) -> Problem:
    shown = ' '.join(_shown(flag, value) for value in values[:_SHOWN_VALUES])
    more = ' ...' if len(values) > _SHOWN_VALUES else ''
    where = f' (in {place})' if place else ''
    edit = place.edit if place else 'sudo systemctl edit --full docker.service'
    in_file = f'{quote_key(*path)} from the file, or ' if is_written else ''
    return Problem(
        code='flag-conflict',
        where=document.where(*path),
        message=f'{quote_key(*path)} is {"also" if is_written else "already"} given as '
        f'the flag {shown}{more}{where}: the engine refuses what is given twice, even '
        f'if it is equal; remove {in_file}the flag',
        hint=edit,
    )


def _shown(flag: str, value: str) -> str:
    name, equals, _ = value.partition('=')
    shown = f'{name}=...' if flag in _SECRET_FLAGS and equals else redact_input(value)
    if len(shown) > _SHOWN_LENGTH:
        shown = f'{shown[:_SHOWN_LENGTH]}...'
    return f'--{flag}={shown if shown.isprintable() else repr(shown)}'
