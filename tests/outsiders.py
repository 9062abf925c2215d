"""A target and a service that the package has never heard of.

They stand in the tables of a test like those of the package, and nowhere else: what is
proved with them holds for whatever target and service will come.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, EngineError, Finding, Problem
from registry_host.levels import Activation, Allowed
from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.plan.merge import merge_list, standing, wished
from registry_host.plan.readings import Reading, Seen
from registry_host.plan.wish import Wish
from registry_host.services import SERVICES
from registry_host.services.activated import Activated
from registry_host.services.service import Description
from registry_host.settings.areas import ENGINE_DNS, MIRRORS
from registry_host.targets import TARGETS
from registry_host.targets.target import FileRef, Merged, absent, with_creation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from registry_host.errors import RegistryHostError
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.levels import RestartPolicy
    from registry_host.plan.ledger import Ledger
    from registry_host.plan.wish import Values
    from registry_host.services.facts import Facts
    from registry_host.services.service import Service
    from registry_host.services.transition import Checks, Transition
    from registry_host.services.view import View
    from registry_host.settings.model import Settings

NOTES = '/etc/notary/notes'
WORDS = {MIRRORS: 'mirror', ENGINE_DNS: 'dns'}
HEADER = '# some of these lines are managed'
# What the notary holds in memory, in the place of a process.
MEMORY = 'run/notary.json'
INSTANCE = 'run/notary.pid'
CONDITION = 'run/notary.condition'


class Notes:
    """Lines of a word and a value; a header stands above them while one is managed."""

    NAME = 'notes'
    IS_REWRITTEN = False

    def whole(self, settings: Settings, ledger: Ledger) -> Settings:
        return settings

    def files(
        self, settings: Settings, facts: Facts, ledger: Ledger
    ) -> tuple[FileRef, ...]:
        is_asked = settings.mirrors or settings.engine_dns or ledger.has('notes', NOTES)
        is_named = settings.named & WORDS.keys()
        return (FileRef(NOTES),) if is_asked and is_named else ()

    def is_file(self, path: str, user: User | None) -> bool:
        return path == NOTES

    def asked(
        self,
        settings: Settings,
        facts: Facts,
        ref: FileRef,
        state: FileState,
        applied: Applied,
    ) -> Wish:
        found = self.stands(state, applied, facts)
        values = {MIRRORS: settings.mirrors, ENGINE_DNS: settings.engine_dns}
        return Wish(
            {
                area: wished(
                    found[area],
                    [str(value) for value in values[area]],
                    key=str,
                    operation=settings.operation_on(area),
                )
                for area in sorted(settings.named & WORDS.keys())
            }
        )

    def stands(
        self, state: FileState, applied: Applied, facts: Facts
    ) -> Mapping[str, Values]:
        lines = text_of(state).splitlines()
        return {
            area: standing(values_of(lines, area), applied.managed(area))
            for area in WORDS
        }

    def merge(
        self,
        ref: FileRef,
        state: FileState,
        applied: Applied,
        wish: Wish,
        facts: Facts,
    ) -> Merged:
        lines = text_of(state).splitlines(keepends=True)
        if any(line.startswith('!') for line in lines):
            raise ConfigError(Problem('notes-broken', 'is broken', where=NOTES))
        if applied.managed('header') and f'{HEADER}\n' in lines:
            lines.remove(f'{HEADER}\n')
        keys: dict[str, ManagedKey | None] = {}
        for area in (each for each in WORDS if each in wish.areas):
            merge = merge_list(
                values_of(lines, area),
                applied.managed(area),
                wish.of(area),
                key=str,
                is_ordered=False,
            )
            places = [n for n, line in enumerate(lines) if is_of(line, area)]
            gone = {places[at] for at in merge.drop}
            kept = [line for n, line in enumerate(lines) if n not in gone]
            lines = [f'{WORDS[area]} {value}\n' for value in merge.insert] + kept
            keys[area] = ManagedKey(merge.managed)
        applied = with_creation(applied, state)
        then = applied.joined(keys)
        is_managed = any(then.managed(area) for area in WORDS)
        then = then.joined({'header': ManagedKey((HEADER,)) if is_managed else None})
        if is_managed:
            lines.insert(0, f'{HEADER}\n')
        content = ''.join(lines).encode()
        if content == (state.content or b''):
            return Merged(state, then)
        if applied.is_created and not content:
            return Merged(absent(state, applied.folders), then)
        mode = 0o644 if state.content is None else state.mode
        return Merged(state._replace(content=content, mode=mode), then)

    def settle(self, host: Host, state: FileState) -> Iterable[Finding]:
        return ()

    def told(
        self, settings: Settings, facts: Facts, state: FileState, merged: Merged
    ) -> Iterable[Finding]:
        return ()

    def redact(self, text: str) -> str:
        return text


def text_of(state: FileState) -> str:
    return (state.content or b'').decode()


def is_of(line: str, area: str) -> bool:
    return line.split()[:1] == [WORDS[area]]


def values_of(lines: Iterable[str], area: str) -> list[str]:
    return [line.split()[1] for line in lines if is_of(line, area)]


class Notary:
    """Reads mirrors at a reload, and nameservers at a start; shows its mirrors alone.

    Its `memory` is a file in the root of the host, and so is who it is: a test may look
    at both, and may start it anew. Like an engine, it keeps a list that its file leaves
    out, until it finds it named and empty ('mirror -').
    """

    name = 'notary'
    title = 'the notary'
    kind = 'engine'
    subject = 'configuration'
    is_vital = True
    is_started = False
    by_hand = 'systemctl restart notary'

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.seen = self._seen()

    def _seen(self) -> Seen:
        memory = self._memory()
        if memory is None:
            return Seen('stopped')
        return Seen(
            'running',
            (self.root / INSTANCE).read_text(),
            {MIRRORS: tuple(memory[MIRRORS])},
        )

    def _memory(self) -> dict[str, list[str]] | None:
        try:
            found: dict[str, list[str]] = json.loads((self.root / MEMORY).read_text())
        except FileNotFoundError:
            return None
        return found

    def _remember(self, memory: dict[str, list[str]]) -> None:
        draft = self.root / f'{MEMORY}.new'
        draft.write_text(json.dumps(memory))
        draft.rename(self.root / MEMORY)

    def describe(self) -> Description:
        return Description('the notary 1.0', NOTES)

    def is_there(self, host: Host) -> bool:
        return self.seen.is_running

    def reads(self, path: str) -> bool:
        return path == NOTES

    def reading(self, view: View) -> Reading:
        state = view.state(NOTES)
        lines = text_of(state).splitlines() if state else []
        found = {area: tuple(values_of(lines, area)) for area in WORDS}
        named = [value for value in found[MIRRORS] if value != '-']
        return Reading(
            at_start={ENGINE_DNS: found[ENGINE_DNS]},
            at_reload={MIRRORS: tuple(named)},
            silent=frozenset(() if found[MIRRORS] else (MIRRORS,)),
        )

    def shows(self, reading: Reading) -> Mapping[str, Values]:
        if MIRRORS in reading.silent:
            return {}
        return {MIRRORS: reading.at_reload[MIRRORS]}

    def unasked(self, view: View) -> tuple[str, ...]:
        live = self.seen.live or {}
        is_more = MIRRORS in self.reading(view).silent and bool(live.get(MIRRORS))
        return (MIRRORS,) if is_more else ()

    def interim(
        self,
        path: str,
        was: FileState,
        made: FileState,
        keeps: Mapping[str, Values] | None,
    ) -> bytes | None:
        lines = text_of(made).splitlines()
        if not self.seen.is_running or values_of(lines, MIRRORS):
            return None
        kept = (keeps or {}).get(MIRRORS, ()) or ('-',)
        named = ''.join(f'mirror {value}\n' for value in kept)
        return named.encode() + (made.content or b'')

    def judge(
        self, host: Host, candidates: Mapping[str, FileState], needed: Activation
    ) -> None:
        if any('refused' in text_of(state) for state in candidates.values()):
            raise ConfigError(Problem('notary-refuses', 'is refused', where=NOTES))

    def allowed(self, host: Host, needed: Activation, policy: RestartPolicy) -> Allowed:
        if needed is Activation.RESTART and policy == 'never':
            return Allowed(Activation.RELOAD, 'it is busy')
        return Allowed(needed)

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        if 'unruly' in text_of(host.read(NOTES)):
            raise EngineError(Problem('notary-unruly', 'it does not take it'))
        if how is Activation.RESTART:
            self.start(host)
        else:
            self.reload(host)
        return Activated(self.look(host))

    def reload(self, host: Host) -> None:
        lines = text_of(host.read(NOTES)).splitlines()
        memory = self._memory() or {MIRRORS: [], ENGINE_DNS: []}
        if named := values_of(lines, MIRRORS):
            memory[MIRRORS] = [value for value in named if value != '-']
        self._remember(memory)

    def start(self, host: Host) -> None:
        """Be another instance, which has read all of its file."""
        lines = text_of(host.read(NOTES)).splitlines()
        draft = self.root / f'{INSTANCE}.new'
        draft.write_text(f'{self.seen.identity}+')
        draft.rename(self.root / INSTANCE)
        found = {area: values_of(lines, area) for area in WORDS}
        found[MIRRORS] = [value for value in found[MIRRORS] if value != '-']
        self._remember(found)

    def look(self, host: Host) -> Mapping[str, Values] | None:
        return self._seen().live

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterable[Finding]:
        return ()

    def condition(
        self,
        host: Host,
        like: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Mapping[str, str]:
        """A file of the host has what its manager would say of it."""
        path = self.root / CONDITION
        return {'notary.unit': path.read_text()} if path.exists() else {}

    def cure(self, host: Host) -> str:
        return 'systemctl reset-failed notary'

    def failure(self, err: OSError | RegistryHostError) -> OSError | RegistryHostError:
        return err

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        return Finding(
            'notary-pending', 'warning', f'to be restarted: {allowed.reason}'
        )


class Notaries:
    """The kind of service that there is one of on a host."""

    def find(
        self, host: Host, facts: Facts, paths: Collection[str]
    ) -> tuple[Service, ...]:
        return (Notary(host.root),)

    def named(
        self, host: Host, facts: Facts, names: Collection[str]
    ) -> tuple[Service, ...]:
        return self.find(host, facts, ()) if 'notary' in names else ()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Have both stand in the tables, and nothing else."""
    targets, services = dict(TARGETS), dict(SERVICES)
    TARGETS.clear()
    SERVICES.clear()
    move_in()
    try:
        yield
    finally:
        TARGETS.clear()
        TARGETS.update(targets)
        SERVICES.clear()
        SERVICES.update(services)


def move_in() -> None:
    """Have both stand in the tables of this process, for good."""
    TARGETS['notes'] = Notes()
    SERVICES['notaries'] = Notaries()
