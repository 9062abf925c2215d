"""What a run leaves behind: the journal while it lasts, a checkpoint afterwards.

A journal holds all it takes to go back, and is on disk before the first byte of a
config is written. It becomes a checkpoint by a change of its name, in one step.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.errors import ConfigError, Problem
from registry_host.host import JOURNAL, LEFT_BEHIND, STATE_FOLDER
from registry_host.plan import (
    Activation,
    Change,
    FileState,
    Live,
    LiveLists,
    User,
)

if TYPE_CHECKING:
    from registry_host.host import Host

CHECKPOINTS = f'{STATE_FOLDER}/checkpoints'
LIMIT = 20
VERSION = 1

APPLIED = 'applied'
ROLLED_BACK = 'rolled-back'
RECOVERED = 'recovered'
DAMAGED = 'damaged'


class Step(NamedTuple):
    """One file of a run.

    `temporary` is the real path of the file that is written beside it, `passing` holds
    contents that stand in the file only while the run, or its recovery, lasts. `merged`
    holds those that have both our part and what others wrote meanwhile.
    """

    change: Change
    temporary: str
    passing: tuple[bytes, ...] = ()
    merged: tuple[bytes, ...] = ()

    @property
    def states(self) -> tuple[FileState, ...]:
        """All that the file is by our doing alone, first and last included."""
        between = (
            self.change.first._replace(content=content) for content in self.passing
        )
        return (self.change.before, self.change.after, *between)

    @property
    def drafts(self) -> tuple[FileState, ...]:
        """All that we may have written under the temporary name."""
        first = self.change.first
        merged = (first._replace(content=content) for content in self.merged)
        return (*self.states, *merged)


class Origin(NamedTuple):
    """Which command made a run, as history shows it; `line` has secrets taken out."""

    command: str
    line: str
    undoes: int | None = None


class Run(NamedTuple):
    """One run: who did what when, file by file.

    `started` is ISO 8601 in UTC. `live` is what the engine showed before, None where
    none ran. `done` is how far the run activates its change. Without `steps` there is
    nothing to undo. `ledgers` are the bytes of our ledger before and after, the same
    where a run has only put back what others had taken out.
    """

    id: int
    origin: Origin
    started: str
    by: str
    needed: Activation = Activation.NONE
    done: Activation = Activation.NONE
    outcome: str = APPLIED
    live: Live | None = None
    steps: tuple[Step, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    ledgers: tuple[bytes | None, bytes | None] = (None, None)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of configs; our own ledger is not one."""
        changes = (step.change for step in self.steps)
        return tuple(change for change in changes if change.target != 'ledger')

    @property
    def owners(self) -> tuple[str, ...]:
        """Those who must be told that files of theirs have changed."""
        owners = (change.owner for change in self.changes)
        return tuple(dict.fromkeys(owner for owner in owners if owner))

    @property
    def title(self) -> str:
        return f'run {self.id} ({self.origin.command}, {self.started})'

    def with_passing(self, path: str, content: bytes) -> Run:
        return self._with_steps(
            path, lambda step: step._replace(passing=(*step.passing, content))
        )

    def with_merged(self, path: str, content: bytes) -> Run:
        return self._with_steps(
            path, lambda step: step._replace(merged=(*step.merged, content))
        )

    def _with_steps(self, path: str, edit: Callable[[Step], Step]) -> Run:
        steps = (edit(s) if s.change.path == path else s for s in self.steps)
        return self._replace(steps=tuple(steps))


# The journal


def load_journal(host: Host) -> Run | None:
    """Read the journal of an unfinished run; ConfigError if it is damaged."""
    content = host.read(JOURNAL).content
    return None if content is None else _decode(host, content, JOURNAL)


def save_journal(host: Host, run: Run) -> None:
    host.make_state_folder(CHECKPOINTS)
    host.write_state(JOURNAL, _encode(host, run))


def commit(host: Host, run: Run) -> None:
    """Make the journal a checkpoint: from here on, the run has happened."""
    host.move_state(JOURNAL, _path_of(run.id))


def close(host: Host, run: Run, outcome: str) -> None:
    """Remember that a run came to nothing, if there is room, and drop its journal."""
    record = run._replace(
        outcome=outcome,
        steps=(),
        done=Activation.NONE,
        live=None,
        ledgers=(None, None),
    )
    try:
        host.write_state(_path_of(run.id), _encode(host, record))
    except OSError:
        # The record is a courtesy, and a full disk must not hold up the way back. What
        # must not stay is a checkpoint of a run that came to nothing after all.
        host.remove_state(_path_of(run.id))
    host.remove_state(JOURNAL)
    # What fails again and again leaves no more behind than what is done.
    with contextlib.suppress(OSError):
        prune(host)


# What a recovery had to leave behind


def left_behind(host: Host) -> tuple[Run, ...]:
    """Read the runs of which users' files could not be put back, the newest first.

    A damaged one has no steps.
    """
    numbers = reversed(_numbers(host, LEFT_BEHIND))
    return tuple(_run_or_damaged(host, number, LEFT_BEHIND) for number in numbers)


def leave_behind(host: Host, run: Run) -> None:
    """Remember the steps of a run that are to be taken back once that can be."""
    host.write_state(_path_of(run.id, LEFT_BEHIND), _encode(host, run))


def forget_left_behind(host: Host, run: Run) -> None:
    host.remove_state(_path_of(run.id, LEFT_BEHIND))


# Checkpoints


def history(host: Host) -> tuple[Run, ...]:
    """Read all checkpoints, the oldest first; a damaged one is named, without steps."""
    return tuple(_run_or_damaged(host, number) for number in _numbers(host))


def _run_or_damaged(host: Host, number: int, folder: str = CHECKPOINTS) -> Run:
    try:
        return load_run(host, number, folder)
    except ConfigError as err:
        origin = Origin(command='unknown', line=str(err))
        return Run(id=number, origin=origin, started='', by='', outcome=DAMAGED)


def load_run(host: Host, number: int, folder: str = CHECKPOINTS) -> Run:
    """Read one checkpoint; ConfigError if it is damaged or not there."""
    path = _path_of(number, folder)
    content = host.read(path).content
    if content is None:
        raise ConfigError(_unknown(number))
    return _decode(host, content, path)


def next_id(host: Host) -> int:
    return max(_numbers(host), default=0) + 1


def prune(host: Host) -> None:
    """Keep the newest of those that were applied, and of those that were not."""
    runs = history(host)
    for kind in (True, False):
        alike = [run.id for run in runs if (run.outcome == APPLIED) == kind]
        for number in alike[:-LIMIT]:
            host.remove_state(_path_of(number))


def undone(runs: Iterable[Run]) -> dict[int, int]:
    """Map each run that is undone to the run that undid it."""
    by: dict[int, int] = {}
    for run in sorted(runs, key=lambda run: run.id, reverse=True):
        target = run.origin.undoes
        is_standing = run.outcome == APPLIED and run.id not in by
        if is_standing and target is not None:
            by.setdefault(target, run.id)
    return by


def _numbers(host: Host, folder: str = CHECKPOINTS) -> list[int]:
    stems = (name.removesuffix('.json') for name in host.names(folder))
    return sorted(int(stem) for stem in stems if stem.isdigit())


def _path_of(number: int, folder: str = CHECKPOINTS) -> str:
    return f'{folder}/{number}.json'


def _unknown(number: int) -> Problem:
    return Problem(
        code='checkpoint-unknown',
        where=str(number),
        message='there is no such checkpoint',
        hint='registry-host history',
    )


# On disk


def _encode(host: Host, run: Run) -> bytes:
    document = {
        'version': VERSION,
        'id': run.id,
        'command': run.origin.command,
        'line': run.origin.line,
        'undoes': run.origin.undoes,
        'started': run.started,
        'by': run.by,
        'needed': int(run.needed),
        'done': int(run.done),
        'outcome': run.outcome,
        'live': _encode_live(run.live),
        'steps': [_encode_step(host, step) for step in run.steps],
        'files': run.files,
        'ledgers': [_to_text(content) for content in run.ledgers],
    }
    return (json.dumps(document, indent=1) + '\n').encode()


def _encode_live(live: Live | None) -> Any:
    if live is None:
        return None
    insecure = live.lists.insecure
    return {
        'mirrors': live.lists.mirrors,
        'insecure': None if insecure is None else sorted(insecure),
        'proxies': live.proxies,
    }


def _encode_step(host: Host, step: Step) -> dict[str, Any]:
    change = step.change
    return {
        'target': change.target,
        'activation': int(change.activation),
        'before': _encode_state(host, change.before),
        'after': _encode_state(host, change.after),
        'interim': _to_text(change.interim),
        'owner': change.owner,
        'temporary': step.temporary.removeprefix(host.root),
        'passing': [_to_text(content) for content in step.passing],
        'merged': [_to_text(content) for content in step.merged],
    }


def _encode_state(host: Host, state: FileState) -> dict[str, Any]:
    # The folder of a host may be another one when that host runs.
    xattrs = state.xattrs
    return {
        **state._asdict(),
        'content': _to_text(state.content),
        'realpath': state.realpath.removeprefix(host.root),
        'xattrs': xattrs and [(name, _to_text(value)) for name, value in xattrs],
        'missing_folders': [
            folder.removeprefix(host.root) for folder in state.missing_folders
        ],
    }


def _to_text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _decode(host: Host, content: bytes, path: str) -> Run:
    try:
        document = json.loads(content)
        if document['version'] > VERSION:
            raise ConfigError(_newer(path))
        return Run(
            id=document['id'],
            origin=Origin(document['command'], document['line'], document['undoes']),
            started=document['started'],
            by=document['by'],
            needed=Activation(document['needed']),
            done=Activation(document['done']),
            outcome=document['outcome'],
            live=_decode_live(document['live']),
            steps=tuple(_decode_step(host, step) for step in document['steps']),
            files=tuple((name, action) for name, action in document['files']),
            ledgers=(
                _to_bytes(document['ledgers'][0]),
                _to_bytes(document['ledgers'][1]),
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(_damaged(path)) from None


def _decode_live(live: Any) -> Live | None:
    if live is None:
        return None
    mirrors, insecure = live['mirrors'], live['insecure']
    return Live(
        lists=LiveLists(
            mirrors=None if mirrors is None else tuple(mirrors),
            insecure=None
            if insecure is None
            else frozenset((kind, name) for kind, name in insecure),
        ),
        proxies=tuple((area, text) for area, text in live['proxies']),
    )


def _decode_step(host: Host, step: dict[str, Any]) -> Step:
    return Step(
        change=Change(
            target=step['target'],
            before=_decode_state(host, step['before']),
            after=_decode_state(host, step['after']),
            activation=Activation(step['activation']),
            interim=_to_bytes(step['interim']),
            owner=step.get('owner', ''),
        ),
        temporary=host.root + step['temporary'],
        passing=tuple(_to_bytes(text) or b'' for text in step['passing']),
        merged=tuple(_to_bytes(text) or b'' for text in step['merged']),
    )


def _decode_state(host: Host, state: dict[str, Any]) -> FileState:
    xattrs, user = state['xattrs'], state['user']
    return FileState(
        **{
            **state,
            'content': _to_bytes(state['content']),
            'realpath': host.root + state['realpath'],
            'user': None if user is None else User(*user),
            'xattrs': None
            if xattrs is None
            else tuple((name, _to_bytes(value) or b'') for name, value in xattrs),
            'missing_folders': tuple(
                host.root + folder for folder in state['missing_folders']
            ),
        }
    )


def _to_bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _newer(path: str) -> Problem:
    return Problem(
        code='checkpoint-newer',
        where=path,
        message='was written by a newer registry-host',
        hint='use the version that wrote it, or a newer one',
    )


def _damaged(path: str) -> Problem:
    return Problem(
        code='checkpoint-damaged',
        where=path,
        message='cannot be understood, so what it holds cannot be put back',
        hint=f'look at it, then move it away: mv {path} {path}.damaged',
    )
