"""What was written must still stand, whoever else writes there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from registry_host.errors import ConflictError, Finding, Problem
from registry_host.plan.unmerge import InseparableError, holds, revert
from registry_host.targets import dns_manager, docker_config
from registry_host.targets.logins import wait_for_logins

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.changes import Change
    from registry_host.transaction.journal import Journal
    from registry_host.transaction.run import Step


HOLD_ATTEMPTS = 3


def hold(host: Host, journal: Journal) -> tuple[Finding, ...]:
    """Look whether what was written still stands, whoever else may write there.

    A program that had read the file before us, as a `docker login` that waited for its
    password, writes it without our part: that is then put in once more.
    """
    findings: list[Finding] = []
    for step in journal.run.steps:
        user = step.change.before.user
        if step.change.target == docker_config.NAME and user:
            if not wait_for_logins(host, user):
                findings.append(_login_under_way(step.change.path, user))
        for _ in range(HOLD_ATTEMPTS):
            now = host.read(step.change.path, user=user)
            again = _merged_again(step.change, now)
            if again == now.content:
                break
            _merge_again(host, journal, step, now, again)
        else:
            raise _overwritten(step.change.path)
    return tuple(findings)


def _login_under_way(path: str, user: User) -> Finding:
    return Finding(
        check='login-under-way',
        severity='warning',
        message=f'a docker login of {user.name} is under way: when it ends, it writes '
        f'{path} as it was before this run',
        path=path,
        remedy=('the same command again, once it has ended',),
    )


def _merge_again(
    host: Host, journal: Journal, step: Step, now: FileState, content: bytes | None
) -> None:
    """Write a file with our part and theirs; the journal knows of it first."""
    after = now._replace(content=content)
    if now.content is None:
        after = step.change.after._replace(content=content)
    if content is not None:
        journal.merge(step.change.path, content)
    with contextlib.suppress(ConflictError):
        host.replace_file(now, after, step.temporary)


def _merged_again(change: Change, now: FileState) -> bytes | None:
    """Work out what a file is with our part in it; ConflictError if it is not ours."""
    if now.content == change.after.content:
        return now.content
    if change.target != docker_config.NAME:
        is_text = change.target == dns_manager.NAME
        states = (change.before.content, change.after.content, now.content)
        if holds(*states, is_text=is_text):
            return now.content
        raise _overwritten(change.path)
    try:
        return revert(change.after.content, change.before.content, now.content)
    except InseparableError:
        raise _overwritten(change.path) from None


def _overwritten(path: str) -> ConflictError:
    return ConflictError(
        Problem(
            code='file-changed',
            where=path,
            message='was overwritten by somebody else right after our write',
            hint='run the same command again',
        )
    )
