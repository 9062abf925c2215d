"""What is managed on this host: which run added it, and what is seen of it."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding
from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.plan.readings import Comparison, Reading, Served
from registry_host.services.view import View
from registry_host.settings.model import WITHDRAW_ALL
from registry_host.targets import TARGETS
from registry_host.targets.planning import read_files
from registry_host.transaction.managed import SETTINGS, Entry, Origins, entry_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.plan.readings import State
    from registry_host.plan.wish import Values
    from registry_host.services.facts import Facts
    from registry_host.services.service import Service

    EntryState = Literal[
        'live', 'written', 'pending', 'not-shown', 'not-running', 'gone', 'unknown'
    ]

_NONE = Activation.NONE
# What is known of an entry whose reader shows nothing at all, and why.
_ASLEEP: Mapping[State, tuple[EntryState, str]] = MappingProxyType(
    {
        'stopped': ('not-running', '{} does not run, and reads it when it starts'),
        'absent': ('not-running', '{} is not there'),
        'unreachable': ('unknown', '{} runs, and cannot be asked'),
        'unknown': ('written', ''),  # Of a root folder.
    }
)


class Use(NamedTuple):
    """What is seen of one managed entry, and of which service it is seen.

    live: the service shows it. written: it stands in the file, and no more is to be
    seen. pending: it takes `needed` of the service. not-shown: the service shows
    nothing of its kind. not-running: the service reads it when it starts. gone:
    it was removed from the file outside registry-host. unknown: it could not be
    looked at.
    """

    state: EntryState
    why: str = ''
    needed: Activation = _NONE
    service: str | None = None


class Managed(NamedTuple):
    """One managed entry, and what is seen of it."""

    entry: Entry
    use: Use


class ManagedFile(NamedTuple):
    """One config, whose it is if it is a user's, and what is managed in it."""

    target: str
    path: str
    user: str | None
    entries: tuple[Managed, ...]


class Inventory(NamedTuple):
    """All that is managed, and what is left to do for the services that read it."""

    files: tuple[ManagedFile, ...] = ()
    served: tuple[Served, ...] = ()
    findings: tuple[Finding, ...] = ()


def take_inventory(
    host: Host, ledger: Ledger, facts: Facts, services: Sequence[Service]
) -> Inventory:
    """Hold the ledger against the files, and the files against what services show.

    `services` are those that may read them. Nothing is written, and no service is told.
    ConfigError if the ledger names a file that is none of its target's.
    """
    found = {
        (each.target.NAME, each.ref.path): each.state
        for each in read_files(host, WITHDRAW_ALL, facts, ledger)
    }
    states = {
        path: state
        for (_, path), state in found.items()
        if not isinstance(state, ConfigError)
    }
    view = View(host, states, ledger, is_whole=True)
    readers = [_Reader(host, service, view) for service in services]
    origins = Origins(host)
    files: list[ManagedFile] = []
    for applied in ledger.entries:
        state = found.get((applied.target, applied.path))
        reading = [each for each in readers if each.service.reads(applied.path)]
        runs = origins.of(applied.target, applied.path)
        entries = tuple(
            Managed(entry_of(area, value)._replace(run=runs.get((area, value))), use)
            for area, value, use in _uses(applied, state, facts, reading)
        )
        if entries:  # Files of registries are told of with the registries.
            files.append(
                ManagedFile(applied.target, applied.path, applied.user, entries)
            )
    left = [*_left(readers, files)]
    return Inventory(
        tuple(files),
        tuple(served for served, _ in left),
        tuple(finding for _, finding in left),
    )


def _uses(
    applied: Applied,
    state: FileState | ConfigError | None,
    facts: Facts,
    readers: Sequence[_Reader],
) -> Iterator[tuple[str, str, Use]]:
    """Say of each managed value of a file, under its area, what is seen of it."""
    problem = ''
    stands: Mapping[str, Values] = {}
    try:
        if isinstance(state, ConfigError):
            raise state
        if state is None:
            problem = f'there is no user {applied.user} any more'
        else:
            stands = TARGETS[applied.target].stands(state, applied, facts)
    except ConfigError as err:
        problem = str(err.problems[0])
    for area, key in applied.keys.items():
        standing = frozenset(stands.get(area, ()))
        for value in key.managed if area in SETTINGS else ():
            if problem:
                yield area, value, Use('unknown', problem)
            else:
                yield area, value, _use(readers, area, value, value in standing)


def _use(readers: Iterable[_Reader], area: str, value: str, is_there: bool) -> Use:
    if is_there:
        found = (reader.use(area, value) for reader in readers)
        return next(filter(None, found), Use('written'))
    why = 'it was removed from the file outside registry-host'
    for reader in readers:
        if reader.shows(area, value):
            name = reader.service.name
            return Use('gone', f'{why}, and {reader.title} still uses it', service=name)
    return Use('gone', why)


class _Reader:
    """A service, and what it shows of the files that it reads."""

    def __init__(self, host: Host, service: Service, view: View) -> None:
        self.service = service
        self.title = service.title
        self._host = host
        self._reading = reading = service.reading(view)
        areas = frozenset(
            area
            for entry in view.ledger.entries
            if service.reads(entry.path)
            for area in entry.keys
        )
        started = view.ledger.started_of(service.name)
        compared = Comparison(reading, reading, service.seen, started, service.shows)
        self.due = compared.due(areas)
        self._want = compared.want

    @cached_property
    def _live(self) -> Mapping[str, frozenset[str]]:
        live = self.service.seen.live or {}
        return {area: frozenset(values) for area, values in live.items()}

    @cached_property
    def _looked(self) -> Mapping[str, Values] | None:
        return self.service.look(self._host)

    def use(self, area: str, value: str) -> Use | None:
        """Say what is seen of a value that stands in the file; None for nothing."""
        use = self._use(area, value)
        return use and use._replace(service=self.service.name)

    def _use(self, area: str, value: str) -> Use | None:
        seen = self.service.seen
        if area in self._reading.at_start or area in self._reading.at_reload:
            if seen.state in _ASLEEP:
                state, why = _ASLEEP[seen.state]
                return Use(state, why.format(self.title))
            return self._of_reading(area, value)
        if not seen.is_running or seen.live is not None:
            return None  # What the file says of this is for others to read.
        if self._looked is None:
            return Use('not-running', f'{self.title} is not there to be told')
        if area not in self._looked:
            return None
        if value in self._looked[area]:
            return Use('live')
        return Use('pending', f'{self.title} does not use it', Activation.RELOAD)

    def _of_reading(self, area: str, value: str) -> Use:
        if area in self.due:
            why = f'{self.title} reads it when it starts'
            return Use('pending', why, Activation.RESTART)
        if area not in self._live or area not in self._want:
            return Use('not-shown', f'{self.title} does not show it')
        is_whole = self._live[area] == frozenset(self._want[area])
        if is_whole or self.shows(area, value):
            return Use('live')
        why = f'{self.title} has not read it yet'
        return Use('pending', why, Activation.RELOAD)

    def shows(self, area: str, value: str) -> bool:
        """Whether the service shows a value, be it in its files or not."""
        at_start: dict[str, Values] = dict.fromkeys(self._reading.at_start, ())
        at_reload: dict[str, Values] = dict.fromkeys(self._reading.at_reload, ())
        others = frozenset({*at_start, *at_reload} - {area})
        if area not in self._live:
            return False
        (at_start if area in at_start else at_reload)[area] = (value,)
        alone = Reading(at_start, at_reload, silent=others)
        shown = self.service.shows(alone).get(area, ())
        return bool(shown) and self._live[area].issuperset(shown)


def _left(
    readers: Iterable[_Reader], files: Sequence[ManagedFile]
) -> Iterator[tuple[Served, Finding]]:
    """Say what is left to do for each service, and how a person does it."""
    for reader in readers:
        name, is_restart = reader.service.name, bool(reader.due)
        behind = dict.fromkeys(
            managed.entry.setting
            for file in files
            for managed in file.entries
            if managed.use.service == name and managed.use.needed > _NONE
        )
        settings = [SETTINGS.get(area, area) for area in reader.due] or [*behind]
        if not settings:
            continue
        needed = Activation.RESTART if is_restart else Activation.RELOAD
        verb = 'restarted' if is_restart else 'read its files again'
        why = f'{reader.title} does not use {", ".join(settings)} until it has {verb}'
        is_engine = reader.service.kind == 'engine'
        by_hand = reader.service.by_hand
        if is_engine and not is_restart:
            by_hand = 'sudo registry-host reload'
        yield (
            Served(name, needed, pending=needed, why=why),
            Finding(f'{needed}-pending', 'warning', why, remedy=(by_hand,)),
        )
