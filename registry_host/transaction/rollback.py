"""The way back: every file of a run to what it was, and the engine with it.

Nothing here relies on how far the run had come: each file is looked at. So it serves a
run that failed, one that was killed, and a way back that was itself cut short.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, ConflictError, RegistryHostError
from registry_host.host.replacing import is_torn
from registry_host.plan.changes import Change
from registry_host.plan.ledger import ledger_change
from registry_host.plan.wish import joined
from registry_host.targets import TARGETS
from registry_host.transaction.back import Back
from registry_host.transaction.checkpoints import ledgers_of, save_journal
from registry_host.transaction.going_back import Returning
from registry_host.transaction.parts import part_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import RestartPolicy
    from registry_host.services.facts import Facts
    from registry_host.transaction.run import Run, Step

FINISH = 'sudo registry-host undo'
ATTEMPTS = 3
# Failures of a disk, whichever user owns the file.
_OF_THE_DISK = frozenset(
    (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM)
)


class InseparableError(Exception):
    """What the run wrote and what others wrote since cannot be told apart."""


class _Trouble:
    """Which files could not be put back, and whether a later run must do so."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.inseparable: set[str] = set()

    @contextlib.contextmanager
    def over(self, state: FileState) -> Iterator[None]:
        try:
            yield
        except InseparableError as err:
            self.kept[state.path] = str(err)
            self.inseparable.add(state.path)
        except (OSError, RegistryHostError) as err:
            noted = self.kept if _is_by_its_user(state, err) else self.failed
            noted.setdefault(state.path, _reason(err))


def _is_by_its_user(state: FileState, err: OSError | RegistryHostError) -> bool:
    """Whether it is a user's own doing that their file cannot be put back.

    They may have made it a link, a folder or a FIFO, or stop whatever works there as
    them. That is for them to mend: it must not hold up the host for ever.
    """
    is_of_the_disk = isinstance(err, OSError) and err.errno in _OF_THE_DISK
    return state.user is not None and state.user.uid != 0 and not is_of_the_disk


def _reason(err: OSError | RegistryHostError) -> str:
    if isinstance(err, RegistryHostError):
        return err.problems[0].message
    return err.strerror or str(err)


def go_back(
    host: Host,
    run: Run,
    facts: Facts,
    *,
    activated: Collection[str],
    policy: RestartPolicy,
    timeout_s: float | None = None,
) -> Back:
    """Put back each file, the last one first, then services that may know of it.

    Those are `activated`, by name; `timeout_s` None leaves each the time that it takes.
    """
    trouble = _Trouble()
    returning = Returning(host, run, facts, activated)
    changes: list[Change] = []
    steps = {step.change.path: step for step in run.steps}
    for step in reversed(run.steps):
        with trouble.over(step.change.before):
            changes.append(_way_back(host, step, run, facts, returning))
    changes = [_with_kept(run, trouble.inseparable, change) for change in changes]
    run = _with_interims(host, run, changes)
    for change in changes:
        with trouble.over(change.before):
            _write(host, run, facts, change.before, change.first, steps[change.path])
    is_touched = any(c.action != 'none' and c.target in TARGETS for c in changes)
    back = returning.activate(Back(is_touched=is_touched), policy, timeout_s)
    for change in changes:
        if change.interim is not None:
            with trouble.over(change.before):
                now = _read(host, change.first)
                _write(host, run, facts, now, change.after, steps[change.path])
    for step in reversed(run.steps):
        with trouble.over(step.change.before):
            host.remove_folders(step.change.before)
    return back._replace(failed=trouble.failed, kept=trouble.kept)


def _way_back(
    host: Host, step: Step, run: Run, facts: Facts, returning: Returning
) -> Change:
    """Work out what takes one file from what it is now to what it was."""
    change = step.change
    host.discard(step.temporary, step.drafts)
    now = _read(host, change.before)
    target = _target(run, step, now, facts)
    interim = None
    if now != target:
        interim = returning.interim(change.path, change.first, target)
    return Change(change.target, now, target, interim)


def _with_kept(run: Run, kept: Collection[str], change: Change) -> Change:
    """Have the ledger go on with what may be managed in files that are kept as found.

    Entries of the run would be foreign for good otherwise.
    """
    if change.target in TARGETS or not kept:
        return change
    before, after = ledgers_of(run)
    for step in run.steps:
        if step.change.path in kept and step.change.target in TARGETS:
            place = (step.change.target, step.change.path)
            both = joined(before.find(*place), after.find(*place))
            before = before.with_applied(both)
    record = ledger_change(change.after, before)
    return change._replace(after=record.after)


def _read(host: Host, state: FileState) -> FileState:
    """Read a file where it was, even if a link on the way to it has changed since."""
    now = host.read(state.path, user=state.user, folder_mode=state.folder_mode)
    if now.realpath == state.realpath:
        return now
    path = state.realpath.removeprefix(host.root)
    now = host.read(path, user=state.user, folder_mode=state.folder_mode)
    return now._replace(path=state.path)


def _target(run: Run, step: Step, now: FileState, facts: Facts) -> FileState:
    before = step.change.before
    if now.content == before.content:
        return now
    own = [state.content for state in step.states]
    is_own = now.content in own or _is_torn(now.content, own)
    if is_own or step.change.target not in TARGETS:
        first = step.change.first.mode if now.content is not None else now.mode
        mode = before.mode if now.mode in (first, before.mode) else now.mode
        return before._replace(mode=mode, missing_folders=now.missing_folders)
    if now.content is None:  # The file may have been removed on purpose.
        return now
    part = part_of(step.change, ledgers_of(run))
    try:
        wish = part.wish_before(facts)._replace(is_recovery=True)
        merged = part.merged(now, wish, facts)
    except ConfigError as err:
        raise InseparableError(err.problems[0].message) from None
    for area in merged.overruled & wish.areas.keys():
        if merged.applied.before(area) != part.was.before(area):
            raise InseparableError(f'"{area}" was changed too')
    return now._replace(content=merged.after.content)


def _is_torn(content: bytes | None, states: list[bytes | None]) -> bool:
    """Whether a cut has left a mixture of two written states, in place, either way."""
    texts = [state for state in dict.fromkeys(states) if state is not None]
    return content is not None and any(
        is_torn(content, old, new) for old in texts for new in texts if old != new
    )


def _with_interims(host: Host, run: Run, changes: list[Change]) -> Run:
    """Have the journal know contents in passing before they are written."""
    for change in changes:
        if change.interim is not None:
            run = run.with_passing(change.path, change.interim)
    if any(change.interim is not None for change in changes):
        save_journal(host, run)
    return run


def _write(
    host: Host,
    run: Run,
    facts: Facts,
    now: FileState,
    target: FileState,
    step: Step,
) -> None:
    """Replace what differs; where a user comes between, look and try again."""
    for attempt in range(ATTEMPTS):
        if now.is_same_file(target):
            return
        try:
            host.replace_file(now, target, step.temporary)
            return
        except ConflictError:
            if step.change.before.user is None or attempt == ATTEMPTS - 1:
                raise
        now = _read(host, step.change.before)
        target = _target(run, step, now, facts)
