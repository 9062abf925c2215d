"""The state between runs: the ledger of what was applied."""

from __future__ import annotations

import json
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from registry_host.errors import ConfigError, Problem, quoted
from registry_host.host.locations import LEDGER
from registry_host.namedtuples import NamedTuple
from registry_host.plan.changes import Change
from registry_host.plan.readings import Started

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.plan.wish import Values

VERSION = 1
# Settings that passed the schema: one of cron, one of a person, and some to spare.
CHECKED_LIMIT = 8


class ManagedKey(NamedTuple):
    """The managed values of one key, and the value that they first replaced.

    `before` is in the words of the target.
    """

    managed: tuple[str, ...]
    before: str | None = None


class Applied(NamedTuple):
    """The managed part of one file.

    `is_created`: registry-host made the file; `created` holds the members, as paths,
    that it added, enclosing objects included; `folders` is how many of the folders
    around the file were made for it.
    """

    target: str
    path: str
    user: str | None = None
    is_created: bool = False
    keys: Mapping[str, ManagedKey] = MappingProxyType({})
    created: tuple[tuple[str, ...], ...] = ()
    folders: int = 0

    def managed(self, key: str) -> tuple[str, ...]:
        return self.keys[key].managed if key in self.keys else ()

    def before(self, key: str) -> str | None:
        return self.keys[key].before if key in self.keys else None

    def joined(self, keys: Mapping[str, ManagedKey | None]) -> Applied:
        """Set what is managed under some keys; None, or nothing, is forgotten."""
        joined = {**self.keys, **keys}
        kept = {name: key for name, key in joined.items() if key and any(key)}
        return self._replace(keys=kept)


class Ledger(NamedTuple):
    """What is remembered between runs.

    `entries` are what is managed in each file, `checked` digests of settings that the
    schema has passed, `started` the services of which a restart was put off.
    """

    entries: tuple[Applied, ...] = ()
    checked: tuple[str, ...] = ()
    started: tuple[Started, ...] = ()

    def started_of(self, service: str) -> Started | None:
        return next((each for each in self.started if each.service == service), None)

    def find(self, target: str, path: str) -> Applied:
        for entry in self.entries:
            if (entry.target, entry.path) == (target, path):
                return entry
        return Applied(target=target, path=path)

    def has(self, target: str, path: str) -> bool:
        return bool(self.find(target, path).keys)

    def of_target(self, target: str) -> tuple[Applied, ...]:
        return tuple(entry for entry in self.entries if entry.target == target)

    def with_applied(self, applied: Applied) -> Ledger:
        """Put an entry in its place; one without keys is forgotten."""
        places = [(entry.target, entry.path) for entry in self.entries]
        place = (applied.target, applied.path)
        at = places.index(place) if place in places else len(places)
        new = (applied,) if applied.keys else ()
        return self._replace(
            entries=(*self.entries[:at], *new, *self.entries[at + 1 :])
        )

    def with_checked(self, digest: str) -> Ledger:
        if not digest or digest in self.checked:
            return self
        return self._replace(checked=(*self.checked, digest)[-CHECKED_LIMIT:])


def keys_changed(before: Ledger, after: Ledger) -> frozenset[tuple[str, str]]:
    """Say under which keys, by path and name, the managed entries differ."""
    places = {(entry.target, entry.path) for entry in before.entries + after.entries}
    found: set[tuple[str, str]] = set()
    for target, path in places:
        was, made = (each.find(target, path).keys for each in (before, after))
        names = {*was, *made}
        found |= {(path, name) for name in names if was.get(name) != made.get(name)}
    return frozenset(found)


def load_ledger(host: Host) -> tuple[Ledger, FileState]:
    """Read the ledger; ConfigError if it cannot be understood."""
    state = host.read_state(LEDGER)
    return read_ledger(state.content, host.below_root(LEDGER)), state


def read_ledger(content: bytes | None, name: str = LEDGER) -> Ledger:
    """Decode a ledger; ConfigError, which calls it `name`, if it is none."""
    if content is None:
        return Ledger()
    try:
        document = json.loads(content)
        if type(document['version']) is not int:
            raise TypeError('no version')
        if document['version'] > VERSION:
            raise ConfigError(_newer(name))
        return _decode(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(damaged(name)) from None


def ledger_change(before: FileState, ledger: Ledger) -> Change:
    after = before._replace(content=_encode(ledger), mode=0o600, folder_mode=0o700)
    if before.content is None and ledger == Ledger():
        after = before
    return Change(target='ledger', before=before, after=after)


def _encode(ledger: Ledger) -> bytes:
    document: dict[str, Any] = {
        'version': VERSION,
        'applied': [_encode_applied(entry) for entry in ledger.entries],
        'checked-settings': list(ledger.checked),
    }
    if ledger.started:
        document['started'] = [_encode_started(each) for each in ledger.started]
    return (json.dumps(document, indent=2) + '\n').encode()


def _encode_applied(entry: Applied) -> dict[str, Any]:
    return {
        'target': entry.target,
        'path': entry.path,
        'user': entry.user,
        'created': entry.is_created,
        'created-members': [list(path) for path in entry.created],
        'created-folders': entry.folders,
        'keys': {
            name: {'ours': list(key.managed), 'before': key.before}
            for name, key in entry.keys.items()
        },
    }


def _encode_started(started: Started) -> dict[str, Any]:
    return {
        'service': started.service,
        'instance': started.identity,
        'at-start': {area: list(texts) for area, texts in started.at_start.items()},
    }


def _decode(document: dict[str, Any]) -> Ledger:
    return Ledger(
        entries=tuple(_entry(entry) for entry in document['applied']),
        checked=tuple(map(name_text, document['checked-settings'])),
        started=tuple(_started(each) for each in document.get('started', ())),
    )


def _started(each: dict[str, Any]) -> Started:
    return Started(
        name_text(each['service']),
        name_text(each['instance']),
        decode_values(each['at-start']),
    )


def decode_values(values: Any) -> dict[str, Values]:
    """Read texts by area; TypeError or AttributeError if it is none."""
    return {
        name_text(area): tuple(map(name_text, _listed(texts)))
        for area, texts in values.items()
    }


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError('no list')
    return value


def _entry(entry: dict[str, Any]) -> Applied:
    path, user, folders = entry['path'], entry['user'], entry.get('created-folders', 0)
    if not name_text(path).startswith('/') or type(folders) is not int:
        raise ValueError('no entry of a ledger')
    if type(entry['created']) is not bool or not 0 <= folders < path.count('/'):
        raise ValueError('no entry of a ledger')
    created = entry.get('created-members', ())
    if not all(created):  # The document itself is no member.
        raise ValueError('no entry of a ledger')
    return Applied(
        target=name_text(entry['target']),
        path=path,
        user=None if user is None else name_text(user),
        is_created=entry['created'],
        keys={name: _key(key) for name, key in entry['keys'].items()},
        created=tuple(tuple(map(name_text, names)) for names in created),
        folders=folders,
    )


def _key(key: dict[str, Any]) -> ManagedKey:
    before, managed = key['before'], _listed(key['ours'])
    return ManagedKey(
        tuple(map(name_text, managed)), None if before is None else name_text(before)
    )


def name_text(value: Any) -> str:
    """Text that may be the name of a file: no NUL, and no half of a pair (UTF-16)."""
    if not isinstance(value, str) or b'\0' in os.fsencode(value):
        raise TypeError('no text')
    return value


def _newer(name: str) -> Problem:
    return Problem(
        code='ledger-newer',
        where=name,
        message='was written by a newer registry-host: that version reads it',
        hint='registry-host --version',
    )


def damaged(name: str = LEDGER) -> Problem:
    return Problem(
        code='ledger-damaged',
        where=name,
        message='is damaged, so which entries are managed is not known; without it, '
        'everything in the files counts as foreign',
        hint=f'sudo mv {quoted(name, name + ".damaged")}',
    )
