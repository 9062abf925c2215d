"""The table of daemon.json's keys and dockerd's flags: schema/daemon.json. Pure."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union

from registry_host.jsonfile.resources import resource_text
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, int, int]
# 'string', 'bool', 'int', 'size'; [shape], a list; {name: shape}, an object.
Shape = Union[str, 'list[Shape]', 'dict[str, Shape]']

OLDEST: Version = (20, 10, 0)


class ValueRule(NamedTuple):
    """What a value, or each entry of a list, must be; an empty text is a choice."""

    must: str
    advice: str
    form: str = ''
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    since: Version | None = None
    until: Version | None = None

    def is_asked(self, version: Version) -> bool:
        return _is_between(version, self.since, self.until)


class Directive(NamedTuple):
    """One key of daemon.json; schema/daemon.json tells what each field means."""

    key: str
    shape: Shape
    flag: str | None
    source: str
    since: Version | None = None
    refused: Version | None = None
    removed: Version | None = None
    ignored: Version | None = None
    instead: str = ''
    is_reloadable: bool = False
    is_reset_by_reload: bool = False
    is_flat: bool = False
    rules: tuple[ValueRule, ...] = ()

    @property
    def type(self) -> str:
        if isinstance(self.shape, str):
            return self.shape
        return 'list' if isinstance(self.shape, list) else 'object'

    @property
    def ended(self) -> Version | None:
        """The first version that does not start with it."""
        return self.refused or self.removed

    def is_known(self, version: Version) -> bool:
        return _is_between(version, self.since, self.removed)

    def is_flat_in(self, version: Version) -> bool:
        return self.is_flat and version >= (self.since or OLDEST)


class Flag(NamedTuple):
    """One flag of dockerd, and the keys that set the same: none, one, or two."""

    name: str
    keys: tuple[str, ...] = ()
    shorthand: str = ''
    is_bool: bool = False
    since: Version | None = None
    removed: Version | None = None

    def is_known(self, version: Version) -> bool:
        return _is_between(version, self.since, self.removed)


def _is_between(version: Version, since: Version | None, end: Version | None) -> bool:
    return (since is None or version >= since) and (end is None or version < end)


@lru_cache(maxsize=256)  # The table names a few versions many times.
def parse_version(text: str) -> Version | None:
    """Find the version in what an engine says of itself; None where there is none.

    '28.5.2+dfsg4', '29.0.0-rc.1', 'Docker version 20.10.24+dfsg1, build 297e128'.
    A build of moby itself calls itself 'dev' or 0.0.0: its version is not known.
    """
    found = re.search(
        r'(?<![\w.])v?([1-9]\d{0,4})\.(\d{1,5})(?:\.(\d{1,5}))?', text, re.ASCII
    )
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def show_version(version: Version) -> str:
    major, minor, patch = version
    return f'{major}.{minor}.{patch}' if patch else f'{major}.{minor}'


def quote_key(*path: str) -> str:
    """Show a key of a file in a message; one that is no plain word is not repeated."""
    name = '.'.join(path)
    return f'"{name}"' if re.fullmatch(r'[A-Za-z0-9_.-]{1,64}', name) else 'this key'


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(resource_text('engine/schema/daemon.json'))
    return found


def _version(row: Mapping[str, Any], name: str) -> Version | None:
    return parse_version(row[name]) if name in row else None


@lru_cache(maxsize=1)
def _rows() -> Mapping[str, Mapping[str, Any]]:
    return {row['key']: row for row in _table()['keys']}


@lru_cache(maxsize=1)
def directives() -> Mapping[str, Directive]:
    """Return all of them, by key; to look one up, find_directive() costs less."""
    return {key: _directive(row) for key, row in _rows().items()}


def _directive(row: Mapping[str, Any]) -> Directive:
    return Directive(
        key=row['key'],
        shape=row['shape'],
        flag=row.get('flag', row['key']),
        source=row['source'],
        since=_version(row, 'since'),
        refused=_version(row, 'refused'),
        removed=_version(row, 'removed'),
        ignored=_version(row, 'ignored'),
        instead=row.get('instead', ''),
        is_reloadable='reload' in row,
        is_reset_by_reload=row.get('reload') == 'reset',
        is_flat=row.get('flat', False),
        rules=tuple(_rule(rule) for rule in row.get('values', ())),
    )


def _rule(row: Mapping[str, Any]) -> ValueRule:
    return ValueRule(
        must=row['must'],
        advice=row['advice'],
        form=row.get('form', ''),
        choices=tuple(row.get('choices', ())),
        least=row.get('least'),
        most=row.get('most'),
        since=_version(row, 'since'),
        until=_version(row, 'until'),
    )


@lru_cache(maxsize=256)
def find_directive(key: str) -> Directive | None:
    row = _rows().get(key)
    return _directive(row) if row else None


def stranger_advice(name: str) -> str:
    """Say what to do about a name that is often taken for a key; '' for others."""
    strangers: Mapping[str, str] = _table()['strangers']
    return strangers.get(name, '')


def is_tagged(name: str) -> bool:
    """Say whether Go has a field of this name that no key may set."""
    return name in _table()['tagged']


@lru_cache(maxsize=1)
def flags() -> Mapping[str, Flag]:
    found: dict[str, Flag] = {}
    for row in (*_table()['keys'], *_table()['flags']):
        name = row.get('flag', row.get('key'))
        if name is None:
            continue
        keys = (row['key'],) if 'key' in row else ()
        if name in found:  # --host-gateway-ip sets a key of its name, and a newer one.
            found[name] = found[name]._replace(keys=(*found[name].keys, *keys))
            continue
        found[name] = Flag(
            name=name,
            keys=keys,
            shorthand=row.get('shorthand', ''),
            is_bool=row.get('shape') == 'bool',
            since=_version(row, 'flag-since') or _version(row, 'since'),
            removed=_version(row, 'removed'),
        )
    return found


def find_flag(name: str) -> Flag | None:
    return flags().get(name)


@lru_cache(maxsize=1)
def flags_by_shorthand() -> Mapping[str, Flag]:
    return {flag.shorthand: flag for flag in flags().values() if flag.shorthand}


@lru_cache(maxsize=1)
def eras() -> tuple[Version, ...]:
    """Return every version where what engines take has changed, newest first.

    Beside the table's, those where enginerules and enginevalues draw a line.
    """
    drawn = {OLDEST, (24, 0, 8), (25, 0, 0), (27, 0, 0), (28, 3, 0), (29, 0, 0)}
    table = {
        version
        for row in _rows().values()
        for name in ('since', 'refused', 'removed')
        if (version := _version(row, name))
    }
    return tuple(sorted(drawn | table | {(29, 7, 0)}, reverse=True))
