"""What a run leaves behind: the journal while it lasts, a checkpoint afterwards.

A journal holds all it takes to go back, and is on disk before the first byte of a
config is written. It becomes a checkpoint by a change of its name, in one step.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, ConflictError, Problem, quoted
from registry_host.host.locations import (
    JOURNAL,
    LEFT_BEHIND,
    STATE_FOLDER,
    STATE_LIMIT_BYTES,
)
from registry_host.plan.ledger import Ledger, read_ledger
from registry_host.transaction.run import APPLIED, DAMAGED, Ledgers, Origin, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_host.host.host import Host
    from registry_host.plan.changes import Change
    from registry_host.transaction.run import RunOutcome

CHECKPOINTS = f'{STATE_FOLDER}/checkpoints'
LIMIT = 20
# What a new journal may hold, so that there is room for contents that are merged while
# the run lasts, and then for those of the way back: one daemon.json more, in passing.
NEW_LIMIT_BYTES = 48 * 2**20
MERGED_LIMIT_BYTES = 96 * 2**20


# The journal


def load_journal(host: Host) -> Run | None:
    """Read the journal of an unfinished run; ConfigError if it is damaged."""
    content = host.read_state(JOURNAL).content
    return None if content is None else _decoded(host, content, JOURNAL)


def save_journal(host: Host, run: Run, *, limit: int = STATE_LIMIT_BYTES) -> None:
    """Write the journal; ConflictError if it could not be read back."""
    from registry_host.transaction.codec import encode

    content = encode(host, run)
    if len(content) > limit:
        changes = [step.change for step in run.steps]
        raise ConflictError(_too_large(changes, len(content)))
    host.make_state_folder(CHECKPOINTS)
    host.write_state(JOURNAL, content)


def require_room(changes: Sequence[Change]) -> None:
    """Refuse a run of which the journal could not be read back; ConfigError.

    Asked before the first byte is written. A new journal leaves room for what its run,
    or the way back, adds to it.
    """
    size = sum(
        -(-len(state.content or b'') // 3) * 4
        for change in changes
        for state in (change.before, change.after)
    )
    if size > NEW_LIMIT_BYTES:
        raise ConfigError(_too_large(changes, size))


def _too_large(changes: Sequence[Change], size: int) -> Problem:
    largest = max(changes, key=lambda change: len(change.before.content or b''))
    return Problem(
        code='config-too-large',
        where=largest.path,
        message=f'the journal of this run would take {size >> 20} MiB, and no more '
        f'than {NEW_LIMIT_BYTES >> 20} MiB of it could be read back to undo the run; '
        'make the file smaller, or change one file in a run',
        hint=f'ls -l {quoted(largest.path)}',
    )


def commit(host: Host, run: Run) -> None:
    """Make the journal a checkpoint: from here on, the run has happened."""
    host.move_state(JOURNAL, _path_of(run.id))


def is_committed(host: Host, run: Run) -> bool:
    """Look whether a run's journal has become its checkpoint."""
    return not host.exists(JOURNAL) and host.exists(_path_of(run.id))


def close(host: Host, run: Run, outcome: RunOutcome) -> None:
    """Remember that a run came to nothing, if there is room, and drop its journal."""
    from registry_host.transaction.codec import encode

    record = run._replace(
        outcome=outcome,
        steps=(),
        needs=tuple(need.bare for need in run.needs),
        ledgers=Ledgers(),
    )
    try:
        host.write_state(_path_of(run.id), encode(host, record))
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
    return tuple(_run_ordamaged_record(host, number, LEFT_BEHIND) for number in numbers)


def leave_behind(host: Host, run: Run) -> None:
    """Remember the steps of a run that are to be rolled back once they can be."""
    from registry_host.transaction.codec import encode

    host.write_state(_path_of(run.id, LEFT_BEHIND), encode(host, run))


def forget_left_behind(host: Host, run: Run) -> None:
    host.remove_state(_path_of(run.id, LEFT_BEHIND))


# Checkpoints


def history(host: Host) -> tuple[Run, ...]:
    """Read all checkpoints, the oldest first; a damaged one is named, without steps."""
    return tuple(_run_ordamaged_record(host, number) for number in _numbers(host))


def _run_ordamaged_record(host: Host, number: int, folder: str = CHECKPOINTS) -> Run:
    try:
        return load_run(host, number, folder)
    except ConfigError as err:
        origin = Origin(command='unknown', line=str(err))
        return Run(id=number, origin=origin, started='', by='', outcome=DAMAGED)


def damaged(host: Host) -> tuple[Problem, ...]:
    """Say which checkpoints cannot be read back, and what to do about each."""
    problems: list[Problem] = []
    for number in _numbers(host):
        try:
            ledgers_of(load_run(host, number))
        except ConfigError as err:
            problems += err.problems
    return tuple(problems)


def load_run(host: Host, number: int, folder: str = CHECKPOINTS) -> Run:
    """Read one checkpoint; ConfigError if it is damaged or not there."""
    path = _path_of(number, folder)
    content = host.read_state(path).content
    if content is None:
        raise ConfigError(_unknown(number))
    run = _decoded(host, content, path)
    if run.id != number:
        raise ConfigError(damaged_record(host.below_root(path)))
    return run


def ledgers_of(run: Run) -> tuple[Ledger, Ledger]:
    """What was remembered before and after a run; ConfigError if it is damaged."""
    before, after = run.ledgers
    try:
        return read_ledger(before), read_ledger(after)
    except ConfigError as err:
        if err.problems[0].code != 'ledger-damaged':
            raise
        raise ConfigError(damaged_record(run.record or JOURNAL)) from None


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


def _decoded(host: Host, content: bytes, path: str) -> Run:
    from registry_host.transaction.codec import NewerError, decode

    try:
        run = decode(host, content)
    except NewerError:
        raise ConfigError(_newer(host.below_root(path))) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(damaged_record(host.below_root(path))) from None
    return run._replace(record=host.below_root(path))


def _newer(path: str) -> Problem:
    return Problem(
        code='checkpoint-newer',
        where=path,
        message='was written by a newer registry-host: that version reads it',
        hint='registry-host --version',
    )


def damaged_record(path: str) -> Problem:
    """Say of a journal or checkpoint that it cannot be read back."""
    return Problem(
        code='checkpoint-damaged',
        where=path,
        message='is damaged, so what it holds cannot be put back',
        hint=f'sudo mv {quoted(path, path + ".damaged")}',
    )
