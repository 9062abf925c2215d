"""The managed entries that a run adds and removes, and the runs that had added them."""

from __future__ import annotations

import contextlib
import json
import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Applied, Ledger, read_ledger
from registry_host.settings.areas import (
    ENGINE,
    ENGINE_DNS,
    EXCLUSIVE,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    PROXY_AREAS,
    SEARCH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.plan.changes import Plan

# Each area by its place in a settings file.
SETTINGS: Mapping[str, str] = {
    **{area: area for area in (MIRRORS, INSECURE)},
    **{area: f'proxies.{area}' for area in PROXY_AREAS},
    **{area: f'dns.{area}' for area in (NAMESERVERS, SEARCH, EXCLUSIVE)},
    ENGINE_DNS: f'dns.{ENGINE}',
}

# An area and a value.
Pair = tuple[str, str]


class Entry(NamedTuple):
    """One value under one setting, by its dotted name, credentials masked.

    `run` is the newest run that has added it; None if that is not known any more, or
    the run at hand.
    """

    setting: str
    value: str
    run: int | None = None


class EntryChanges(NamedTuple):
    """What becomes managed in one file, and what is managed no longer."""

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()


def entry_changes(host: Host, plan: Plan) -> Mapping[str, EntryChanges]:
    """Map the path of each file that a plan changes to its entries."""
    if plan.record is None:
        return {}
    before, after = (
        read_ledger(state.content) for state in (plan.record.before, plan.record.after)
    )
    origins = Origins(host)
    found: dict[str, EntryChanges] = {}
    for change in plan.pending:
        was, made = (each.find(change.target, change.path) for each in (before, after))
        added = tuple(entry_of(*pair) for pair in _new(was, made))
        stood = _Content(change.before.content or b'')
        gone = [pair for pair in _new(made, was) if pair[1] in stood]
        adders = origins.of(change.target, change.path) if gone else {}
        removed = tuple(entry_of(*pair)._replace(run=adders.get(pair)) for pair in gone)
        found[change.path] = EntryChanges(added, removed)
    return found


def _new(was: Applied, made: Applied) -> Iterator[Pair]:
    """Pairs of area and value that are managed in `made` and not in `was`."""
    for area, key in made.keys.items():
        if area in SETTINGS:
            known = frozenset(was.managed(area))
            yield from ((area, value) for value in key.managed if value not in known)


def entry_of(area: str, value: str) -> Entry:
    """Name one value of an area, credentials masked."""
    from registry_host.redact import redact_input

    shown = redact_input(value) if area in PROXY_AREAS else value
    return Entry(SETTINGS[area], shown)


class _Content:
    """A file before the run: did it hold a value still, or was that taken out by hand?

    Most values are words of it; one that holds a blank or a comma is searched for.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._words = frozenset(re.split(rb'[\s",]+', content))

    def __contains__(self, value: str) -> bool:
        if value == 'true':  # A switch, which no file names by this word.
            return True
        forms = (os.fsencode(value), os.fsencode(json.dumps(value)[1:-1]))
        return any(form in self._words or form in self._content for form in forms)


class Origins:
    """Which run has added what, read from the history when it is first asked for."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @cached_property
    def _ledgers(self) -> tuple[tuple[int, Ledger, Ledger], ...]:
        """The id of each run and its ledgers, the oldest first."""
        from registry_host.transaction import checkpoints

        found: list[tuple[int, Ledger, Ledger]] = []
        for run in sorted(checkpoints.history(self._host), key=lambda run: run.id):
            # One run's record may be damaged: the others can still tell.
            with contextlib.suppress(ConfigError):
                before, after = map(read_ledger, run.ledgers)
                found.append((run.id, before, after))
        return tuple(found)

    def of(self, target: str, path: str) -> Mapping[Pair, int]:
        """Map each value of one file to the newest run that has made it managed."""
        return {
            pair: number
            for number, before, after in self._ledgers
            for pair in _new(before.find(target, path), after.find(target, path))
        }
