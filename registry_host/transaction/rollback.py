"""The way back: every file of a run to what it was, and the engine with it.

Nothing here relies on how far the run had come: each file is looked at. So it serves a
run that failed, one that was killed, and a way back that was itself cut short.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from registry_host.engine.activate import activate, agrees, allowed
from registry_host.engine.api import Client
from registry_host.engine.lifecycle import RELOAD_TIMEOUT_S
from registry_host.errors import (
    ConflictError,
    EngineError,
    RegistryHostError,
)
from registry_host.host.replacing import is_torn
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.plan.unmerge import InseparableError, revert
from registry_host.targets import daemon_change, dns_manager, docker_daemon
from registry_host.transaction.back import Back
from registry_host.transaction.checkpoints import (
    save_journal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.api import Info
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import RestartPolicy
    from registry_host.transaction.run import Run, Step

FINISH = 'sudo registry-host undo'
ATTEMPTS = 3
# What a disk does, whoever owns the file.
_OF_THE_DISK = frozenset(
    (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM)
)


class _Trouble:
    """Which files could not be put back, and whether that is for us to mend."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.kept: dict[str, str] = {}

    @contextlib.contextmanager
    def over(self, state: FileState) -> Iterator[None]:
        try:
            yield
        except InseparableError as err:
            self.kept[state.path] = str(err)
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
    engine: EngineFacts,
    *,
    is_activated: bool,
    policy: RestartPolicy,
    timeout_s: float = RELOAD_TIMEOUT_S,
) -> Back:
    """Put back each file, the last one first, then the engine if it may know of it."""
    trouble = _Trouble()
    changes: list[Change] = []
    steps = {step.change.path: step for step in run.steps}
    for step in reversed(run.steps):
        with trouble.over(step.change.before):
            changes.append(_way_back(host, step, run, engine))
    run = _with_interims(host, run, changes)
    for change in changes:
        with trouble.over(change.before):
            _write(host, change.before, change.first, steps[change.path])
    is_touched = any(c.action != 'none' and c.target != 'ledger' for c in changes)
    back = Back(is_touched=is_touched, untold=_tell_managers(host, run, timeout_s))
    if is_activated and run.needed is not Activation.NONE:
        back = engine_back(host, run, engine, back, policy, timeout_s)
    for change in changes:
        if change.interim is not None:
            with trouble.over(change.before):
                now = _read(host, change.first)
                _write(host, now, change.after, steps[change.path])
    for step in reversed(run.steps):
        with trouble.over(step.change.before):
            host.remove_folders(step.change.before)
    return back._replace(failed=trouble.failed, kept=trouble.kept)


def _way_back(host: Host, step: Step, run: Run, engine: EngineFacts) -> Change:
    """Work out what takes one file from what it is now to what it was."""
    change = step.change
    host.discard(step.temporary, step.drafts)
    now = _read(host, change.before)
    target = _target(step, now)
    back = Change(
        target=change.target, before=now, after=target, activation=change.activation
    )
    if change.target != docker_daemon.NAME or run.live is None or now == target:
        return back
    settled = daemon_change.settle(change.first, target, engine, run.live.lists)
    return settled._replace(before=now)


def _read(host: Host, state: FileState) -> FileState:
    """Read a file where it was, even if a link on the way to it has changed since."""
    now = host.read(state.path, user=state.user, folder_mode=state.folder_mode)
    if now.realpath == state.realpath:
        return now
    path = state.realpath.removeprefix(host.root)
    now = host.read(path, user=state.user, folder_mode=state.folder_mode)
    return now._replace(path=state.path)


def _target(step: Step, now: FileState) -> FileState:
    before, after = step.change.before, step.change.after
    if now.content == before.content:
        return now
    ours_alone = [state.content for state in step.states]
    if now.content in ours_alone or _is_torn(now.content, ours_alone):
        ours = step.change.first.mode if now.content is not None else now.mode
        mode = before.mode if now.mode in (ours, before.mode) else now.mode
        return before._replace(mode=mode, missing_folders=now.missing_folders)
    is_text = step.change.target == dns_manager.NAME
    content = revert(before.content, after.content, now.content, is_text=is_text)
    return now._replace(content=content)


def _is_torn(content: bytes | None, states: list[bytes | None]) -> bool:
    """Whether a cut has left a mixture of two of our states, in place, either way."""
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


def _write(host: Host, now: FileState, target: FileState, step: Step) -> None:
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
        target = _target(step, now)


def _tell_managers(host: Host, run: Run, timeout_s: float) -> dict[str, str]:
    """Have DNS managers read the old files, whatever they had made of the new ones.

    That is done in any case: a way back that was cut short may have come this far.
    Returns those that could not be told, with the reason.
    """
    if not run.owners or not host.is_live:
        return {}
    from registry_host.resolver.telling import PROOF_TIMEOUT_S
    from registry_host.resolver.untold import tell

    limit_s = min(timeout_s, PROOF_TIMEOUT_S)
    reasons = {name: tell(host, name, timeout_s=limit_s) for name in run.owners}
    return {name: reason for name, reason in reasons.items() if reason}


# The engine


def engine_back(
    host: Host,
    run: Run,
    engine: EngineFacts,
    back: Back,
    policy: RestartPolicy,
    timeout_s: float,
) -> Back:
    if engine.state == 'stopped' and (
        run.live is None or run.done is not Activation.RESTART
    ):
        return back  # It reads the old file when it starts.
    if engine.state in ('absent', 'unknown'):
        return back
    # Which nameservers it gives to containers cannot be seen.
    is_unseen = run.done is Activation.RESTART and any(
        daemon_change.has_new_dns(change) for change in run.changes
    )
    is_restarted = run.done is Activation.RESTART and (
        engine.info is None
        or run.live is None
        or run.live.proxies != engine.info.live.proxies
        or is_unseen
    )
    how = Activation.RELOAD
    if is_restarted and engine.state == 'running':
        how = allowed(host, engine, Activation.RESTART, policy).activation
    elif is_restarted:
        how = Activation.RESTART
    info: Info | None
    try:
        info = activate(
            host, engine, how, run.live, timeout_s=timeout_s, is_proof=False
        )
    except (EngineError, OSError) as err:
        info = _look(host, engine)
        if info is None or run.live is None or not agrees(run.live, info):
            message = f'the engine could not be brought back ({err})'
            return back._replace(engine=message, is_engine_back=False)
    if is_unseen and how is not Activation.RESTART:
        message = 'the engine may keep its new "dns" until it is restarted: '
        return back._replace(engine=message + 'systemctl restart docker')
    if run.live is None or agrees(run.live, info):
        return back._replace(engine='the engine is as it was')
    if run.live.lists.agrees_with(info.lists):
        message = 'the engine keeps its new proxies until it is restarted: '
        return back._replace(engine=message + 'systemctl restart docker')
    return back._replace(engine='the live lists differ from before')


def _look(host: Host, engine: EngineFacts) -> Info | None:
    try:
        return Client(host, engine.socket_path).info()
    except (OSError, EngineError):
        return None
