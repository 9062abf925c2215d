"""The managed entries that a run adds and removes, and the runs that had added them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from registry_host.errors import ConfigError
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
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.plan.changes import Change, Plan
    from registry_host.transaction.run import Run

# Each area by its place in a settings file.
SETTINGS: Mapping[str, str] = {
    **{area: area for area in (MIRRORS, INSECURE)},
    **{area: f'proxies.{area}' for area in PROXY_AREAS},
    **{area: f'dns.{area}' for area in (NAMESERVERS, SEARCH, EXCLUSIVE)},
    ENGINE_DNS: f'dns.{ENGINE}',
}


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
    history: tuple[Run, ...] | None = None
    found: dict[str, EntryChanges] = {}
    for change in plan.pending:
        was, made = (each.find(change.target, change.path) for each in (before, after))
        added = tuple(_entry(*pair) for pair in _new(was, made))
        gone = [pair for pair in _new(made, was) if _stood_in(change, pair[1])]
        if gone and history is None:
            from registry_host.transaction import checkpoints

            history = checkpoints.history(host)
        removed = tuple(
            _entry(*pair)._replace(run=_adder(history or (), change, *pair))
            for pair in gone
        )
        found[change.path] = EntryChanges(added, removed)
    return found


def _new(was: Applied, made: Applied) -> Iterator[tuple[str, str]]:
    """Pairs of area and value that are managed in `made` and not in `was`."""
    for area, key in made.keys.items():
        if area in SETTINGS:
            yield from ((area, v) for v in key.ours if v not in was.ours(area))


def _entry(area: str, value: str) -> Entry:
    from registry_host.redact import redact_input

    shown = redact_input(value) if area in PROXY_AREAS else value
    return Entry(SETTINGS[area], shown)


def _stood_in(change: Change, value: str) -> bool:
    """Whether the file held the value still, or somebody had taken it out by hand."""
    text = json.dumps(value)[1:-1]
    content = change.before.content or b''
    return value == 'true' or any(os.fsencode(t) in content for t in (text, value))


def _adder(history: Iterable[Run], change: Change, area: str, value: str) -> int | None:
    """Find the newest run after which the value was managed, and before which not."""

    def has(ledger: Ledger) -> bool:
        return value in ledger.find(change.target, change.path).ours(area)

    for run in sorted(history, key=lambda run: run.id, reverse=True):
        try:
            before, after = map(read_ledger, run.ledgers)
        except ConfigError:  # One run's record is damaged: the others can still tell.
            continue
        if has(after) and not has(before):
            return run.id
    return None
