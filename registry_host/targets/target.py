"""What a target is: the files it reads, and what it makes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from registry_host import jsontext
from registry_host.errors import ConfigError
from registry_host.plan import Change, FileState, Finding, LiveLists, User

if TYPE_CHECKING:
    from registry_host.checkpoints import Applied, Ledger
    from registry_host.facts import Facts
    from registry_host.settings import Settings


class FileRef(NamedTuple):
    """A file to read for a target, and with whose privileges.

    `is_withdrawn`: nothing is asked for it any more, only ours is taken out.
    """

    path: str
    user: User | None = None
    folder_mode: int = 0o755
    is_withdrawn: bool = False


class TargetPlan(NamedTuple):
    """What one file becomes, and what the ledger then says of it."""

    change: Change
    applied: Applied
    expected: LiveLists | None = None
    is_live_drifted: bool = False
    findings: tuple[Finding, ...] = ()


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


def read_json(state: FileState) -> jsontext.Document:
    """Read a config; ConfigError names the place, the cause and a way to mend it."""
    try:
        return jsontext.read(state.content or b'')
    except jsontext.JsonTextError as err:
        problem = err.problem
        where = f'{state.path}:{problem.where}' if problem.where else state.path
        raise ConfigError(problem.at(where)) from None
