"""What a target is: the files it reads, and what it makes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from registry_host.engine.live import Live
    from registry_host.errors import Finding
    from registry_host.host.records import FileState, User
    from registry_host.jsonfile import jsontext
    from registry_host.plan.changes import Change
    from registry_host.plan.facts import Facts
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.resolver.use import Use
    from registry_host.settings.model import Settings


# As state folders record them.
DOCKER_DAEMON = 'docker-daemon'
RESOLVER = 'resolver'


class FileRef(NamedTuple):
    """A file to read for a target, and with whose privileges.

    `is_withdrawn`: nothing is asked for it any more, only ours is taken out.
    """

    path: str
    user: User | None = None
    folder_mode: int = 0o755
    is_withdrawn: bool = False


class TargetPlan(NamedTuple):
    """What one file becomes, and what the ledger then says of it.

    `expected` is what the live engine shows then; `drift`, what it takes where it does
    not although the file is right; `use`, what an owner of nameservers must be seen to
    do. Unless `is_shown`, something is asked that the engine does not show.
    """

    change: Change
    applied: Applied
    expected: Live | None = None
    drift: Activation = Activation.NONE
    use: Use | None = None
    findings: tuple[Finding, ...] = ()
    is_shown: bool = True


class Target(Protocol):
    """What a module of this package offers. Both functions are pure."""

    NAME: str

    def files(
        self, settings: Settings, facts: Facts, ledger: Ledger
    ) -> tuple[FileRef, ...]:
        """Name the files that a run with these settings reads, and may change."""

    def plan_file(
        self,
        settings: Settings,
        facts: Facts,
        ref: FileRef,
        state: FileState,
        applied: Applied,
    ) -> TargetPlan:
        """Plan one file; ConfigError if it must not be touched as it is."""


def with_creation(applied: Applied, state: FileState) -> Applied:
    """Remember that a file is about to be created by us, and the folders around it."""
    if state.content is not None or applied.keys:
        return applied
    return applied._replace(is_created=True, folders=len(state.missing_folders))


def written(
    state: FileState,
    document: jsontext.Document,
    edited: jsontext.Document,
    applied: Applied,
    *,
    new_mode: int,
) -> FileState:
    """What the file is after an edit. One that we created, and emptied, goes."""
    if edited is document:
        return state
    if applied.is_created and not edited.root:
        return absent(state, applied.folders)
    mode = new_mode if state.content is None else state.mode
    return state._replace(content=edited.encode(), mode=mode)


def absent(state: FileState, folders: int) -> FileState:
    """A file that is no more, nor the innermost `folders` around it if empty then."""
    missing: list[str] = []
    folder = state.realpath
    for _ in range(folders):
        folder = folder.rpartition('/')[0]
        missing.insert(0, folder)
    return state._replace(
        content=None, mode=0, xattrs=None, missing_folders=tuple(missing)
    )
