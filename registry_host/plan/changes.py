"""What would change, as data: states of files, changes between them, a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.progress import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    Action = Literal['none', 'create', 'update', 'delete']

    from registry_host.errors import Finding
    from registry_host.host.records import FileState
    from registry_host.plan.readings import Need


class Change(NamedTuple):
    """A whole file before and after.

    `interim` is what stands there in passing, while a service is activated: an engine
    that is to forget a list finds it named there, and empty.
    """

    target: str
    before: FileState
    after: FileState
    interim: bytes | None = None

    @property
    def path(self) -> str:
        return self.before.path

    @property
    def action(self) -> Action:
        if self.before.content == self.after.content:
            return 'none'
        if self.before.content is None:
            return 'create'
        return 'delete' if self.after.content is None else 'update'

    @property
    def first(self) -> FileState:
        """What is written before services are activated."""
        if self.interim is None:
            return self.after
        mode = 0o644 if self.after.content is None else self.after.mode
        return self.after._replace(content=self.interim, mode=mode)


class Plan(NamedTuple):
    """Every change of one run, in the order of writing.

    `record` is the change of the ledger: it stands or falls with the others, and is
    written first. `needs` are what the change takes of each service, in the order of
    activation.
    """

    changes: tuple[Change, ...]
    record: Change | None = None
    needs: tuple[Need, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action != 'none')

    @property
    def is_empty(self) -> bool:
        needed = (need.needed for need in self.needs)
        return not self.pending and max(needed, default=0) == Activation.NONE

    @property
    def standing(self) -> Iterator[Proof]:
        """What is as asked before anything is done, as it was seen for this plan."""
        for change in self.changes:
            if change.action == 'none':
                yield Proof('written', change.path, detail='as asked already')
        for need in self.needs:
            if need.needed is Activation.NONE and need.is_engine:
                yield from need.proofs(Activation.NONE)

    @property
    def activation(self) -> Activation:
        """How far the engines must be activated."""
        needed = (need.needed for need in self.needs if need.is_engine)
        return max(needed, default=Activation.NONE)

    @property
    def words(self) -> str:
        """Say what a run would do, if it would do anything."""
        if paths := ', '.join(change.path for change in self.pending):
            return f'{paths} would change'
        is_restart = self.activation is Activation.RESTART
        return f'the engine would be {"restarted" if is_restart else "reloaded"}'

    @property
    def writes(self) -> tuple[Change, ...]:
        is_recorded = self.record is not None and self.record.action != 'none'
        return ((self.record,) if is_recorded and self.record else ()) + self.pending
