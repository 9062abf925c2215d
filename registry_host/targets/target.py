"""What a target is: the files it concerns, and what it makes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from registry_host.jsonfile.config import encoded
from registry_host.namedtuples import NamedTuple
from registry_host.plan.wish import overruled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.jsonfile import jsontext
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.plan.wish import Values, Wish
    from registry_host.services.facts import Facts
    from registry_host.settings.model import Settings


# As state folders record it.
DOCKER_DAEMON = 'docker-daemon'


class FileRef(NamedTuple):
    """A file to read for a target, and with whose privileges.

    `is_withdrawn`: nothing is asked for it any more, managed entries are taken out.
    """

    path: str
    user: User | None = None
    folder_mode: int = 0o755
    is_withdrawn: bool = False


class Merged(NamedTuple):
    """What one file becomes, and what the ledger then says of it.

    `overruled` names the areas in which a foreign value gives way that had not before.
    """

    after: FileState
    applied: Applied
    overruled: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


class Target(Protocol):
    """What a module of this package offers. All its functions but settle() are pure.

    `IS_REWRITTEN`: other programs write the whole file from what they had read before,
    so a run looks once more whether its part still stands, and puts it in again.
    """

    NAME: str
    IS_REWRITTEN: bool

    def whole(self, settings: Settings, ledger: Ledger) -> Settings:
        """Make of what is added or removed the whole of what is to be managed.

        For areas that may be managed in several files at once; SettingsError where that
        is no use.
        """

    def files(
        self, settings: Settings, facts: Facts, ledger: Ledger
    ) -> tuple[FileRef, ...]:
        """Name the files that a run with these settings reads, and may change."""

    def is_file(self, path: str, user: User | None) -> bool:
        """Say whether a path, read as this user, may be one of this target's files."""

    def asked(
        self,
        settings: Settings,
        facts: Facts,
        ref: FileRef,
        state: FileState,
        applied: Applied,
    ) -> Wish:
        """Say what is to be managed in one file; ConfigError if it cannot be read."""

    def stands(
        self, state: FileState, applied: Applied, facts: Facts
    ) -> Mapping[str, Values]:
        """Say which of the managed entries still stand in one file."""

    def merge(
        self,
        ref: FileRef,
        state: FileState,
        applied: Applied,
        wish: Wish,
        facts: Facts,
    ) -> Merged:
        """Make the wish true in one file, and change no other byte of it.

        The only way in which a file of this target changes, whether the wish is that of
        a run, of `undo`, of `unconfigure` or of a way back. ConfigError if the file
        must not be touched as it is.
        """

    def settle(self, host: Host, state: FileState) -> Iterable[Finding]:
        """Wait for programs that are about to write a file; tell which still may.

        The one function that is not pure, called once all is written.
        """

    def told(
        self, settings: Settings, facts: Facts, state: FileState, merged: Merged
    ) -> Iterable[Finding]:
        """Tell what a person should know of a file that is about to be written."""

    def redact(self, text: str) -> str:
        """Take secrets out of a file's text; its lines stay where they are."""


def merged(
    after: FileState,
    before: Applied,
    applied: Applied,
    findings: tuple[Finding, ...] = (),
) -> Merged:
    return Merged(after, applied, overruled(before, applied), findings)


def with_creation(applied: Applied, state: FileState) -> Applied:
    """Remember that a file is about to be created, and the folders around it."""
    if state.content is not None or applied.keys:
        return applied
    return applied._replace(is_created=True, folders=len(state.missing_folders))


def withdrawn(
    wish: Wish, members: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Pick the members of areas in which nothing is to be managed any more."""
    return tuple(
        members[area]
        for area, values in wish.areas.items()
        if not values and area in members
    )


def written(
    state: FileState,
    document: jsontext.Document,
    edited: jsontext.Document,
    applied: Applied,
    *,
    new_mode: int,
) -> FileState:
    """What the file is after an edit. One that was created, and is empty now, goes."""
    if edited is document:
        return state
    if applied.is_created and not edited.root:
        return absent(state, applied.folders)
    mode = new_mode if state.content is None else state.mode
    return state._replace(content=encoded(edited), mode=mode)


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
