"""One run of registry-host, as it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Final, Literal

    RunOutcome = Literal['applied', 'rolled-back', 'recovered', 'damaged']

    from collections.abc import Callable

    from registry_host.host.records import FileState
    from registry_host.plan.changes import Change
    from registry_host.plan.readings import Need

APPLIED: Final = 'applied'
ROLLED_BACK: Final = 'rolled-back'
RECOVERED: Final = 'recovered'
DAMAGED: Final = 'damaged'
_NONE = Activation.NONE


class Step(NamedTuple):
    """One file of a run.

    `temporary` is the real path of the file that is written beside it, `passing` holds
    contents that stand in the file only while the run, or its recovery, lasts. `merged`
    holds those with both the managed part and what others wrote meanwhile.
    """

    change: Change
    temporary: str
    passing: tuple[bytes, ...] = ()
    merged: tuple[bytes, ...] = ()

    @property
    def states(self) -> tuple[FileState, ...]:
        """All that registry-host alone makes of the file, first and last included."""
        between = (
            self.change.first._replace(content=content) for content in self.passing
        )
        return (self.change.before, self.change.after, *between)

    @property
    def drafts(self) -> tuple[FileState, ...]:
        """All that may have been written under the temporary name."""
        first = self.change.first
        merged = (first._replace(content=content) for content in self.merged)
        return (*self.states, *merged)


# What installs is not undone, but by the command that is made for it.
_COUNTERPARTS = {
    'registry install': 'registry uninstall',
    'registry uninstall': 'registry install',
}


class Origin(NamedTuple):
    """Which command made a run, as history shows it; `line` has secrets taken out."""

    command: str
    line: str
    undoes: int | None = None

    @property
    def counterpart(self) -> str:
        """The only command that takes the run back; '' if `undo` does."""
        return _COUNTERPARTS.get(self.command, '')


class Touched(NamedTuple):
    """A file of a run, and what was done to it: create, update or delete."""

    path: str
    action: str


class Ledgers(NamedTuple):
    """The bytes of the ledger around a run, None where there was none."""

    before: bytes | None = None
    after: bytes | None = None


class Run(NamedTuple):
    """One run: who did what when, file by file.

    `started` is ISO 8601 in UTC. `needs` are the services that it activates, as they
    were before, and how far each is activated. Without `steps` there is nothing to
    undo. `ledgers` are the bytes of the ledger before and after, the same where a run
    has only put back what others had taken out. `masked` are the files of which a
    recorded mode or attribute is not put back: see codec. `record` is the file it was
    read from, if any.
    """

    id: int
    origin: Origin
    started: str
    by: str
    needs: tuple[Need, ...] = ()
    outcome: RunOutcome = APPLIED
    steps: tuple[Step, ...] = ()
    files: tuple[Touched, ...] = ()
    ledgers: Ledgers = Ledgers()
    masked: tuple[str, ...] = ()
    record: str = ''

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of configs; the ledger is not one."""
        changes = (step.change for step in self.steps)
        return tuple(change for change in changes if change.target != 'ledger')

    @property
    def needed(self) -> Activation:
        """How far the engines had to be activated."""
        return max((n.needed for n in self.needs if n.is_engine), default=_NONE)

    @property
    def done(self) -> Activation:
        """How far they were."""
        return max((n.done for n in self.needs if n.is_engine), default=_NONE)

    @property
    def is_short(self) -> bool:
        """Whether an engine that ran was not activated as far as it had to be."""
        return any(
            need.is_engine and need.done < need.needed and need.seen.live is not None
            for need in self.needs
        )

    @property
    def ended(self) -> str:
        """What came of it, in words."""
        words: str = self.outcome
        if self.done is not Activation.NONE:
            words += f', {self.done}'
        if self.is_short:
            words += f' ({self.needed} was needed)'
        if self.origin.undoes is not None:
            words += f', undoes {self.origin.undoes}'
        return words

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


def undo_command(number: int) -> str:
    """The command that undoes one run."""
    return f'sudo registry-host undo {number}'
