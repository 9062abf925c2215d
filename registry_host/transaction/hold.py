"""What was written must still stand, even if other programs write there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from registry_host.errors import (
    ConfigError,
    ConflictError,
    Finding,
    Problem,
    repeat_with,
)
from registry_host.progress import Proof
from registry_host.targets import TARGETS
from registry_host.transaction.checkpoints import ledgers_of
from registry_host.transaction.parts import Part, part_of

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.services.facts import Facts
    from registry_host.transaction.journal import Journal
    from registry_host.transaction.run import Step


HOLD_ATTEMPTS = 3
_OVERWRITTEN = 'was overwritten by another program right after it was written'


def hold(host: Host, journal: Journal, facts: Facts) -> tuple[Finding, ...]:
    """Check whether what was written still stands, if other programs write there.

    A program that had read the file before, as a `docker login` that waited for its
    password, writes it without the managed entries: these are then put in once more.
    """
    findings: list[Finding] = []
    for step in journal.run.steps:
        change = step.change
        user = change.before.user
        if change.target not in TARGETS:  # The ledger, which has one writer.
            continue
        target = TARGETS[change.target]
        findings += target.settle(host, change.before)
        for _ in range(HOLD_ATTEMPTS):
            now = host.read(change.path, user=user)
            again = now.content
            if now.content != change.after.content:
                part = part_of(change, ledgers_of(journal.run))
                again = _merged_again(part, now, facts)
            if again == now.content:
                host.progress.prove(Proof('written', change.path))
                break
            _merge_again(host, journal, step, now, again)
        else:
            host.progress.prove(Proof('written', change.path, 'failed', _OVERWRITTEN))
            raise _overwritten(change.path)
    return tuple(findings)


def _merge_again(
    host: Host, journal: Journal, step: Step, now: FileState, content: bytes | None
) -> None:
    """Write a file with managed and foreign parts; the journal knows of it first."""
    after = now._replace(content=content)
    if now.content is None:
        after = step.change.after._replace(content=content)
    if content is not None:
        journal.merge(step.change.path, content)
    with contextlib.suppress(ConflictError):
        host.replace_file(now, after, step.temporary)


def _merged_again(part: Part, now: FileState, facts: Facts) -> bytes | None:
    """Work out what a file is with the change in it; ConflictError if it is lost."""
    try:
        merged = part.merged(now, part.wish_after(facts), facts)
    except ConfigError:
        raise _overwritten(now.path) from None
    again = merged.after.content
    if merged.overruled:  # A foreign value, which nothing remembers.
        raise _overwritten(now.path)
    if again != now.content and not part.target.IS_REWRITTEN:
        raise _overwritten(now.path)
    return again


def _overwritten(path: str) -> ConflictError:
    return ConflictError(
        Problem(
            code='file-changed',
            where=path,
            message=_OVERWRITTEN,
            hint=repeat_with(''),
        )
    )
