"""What would change, as data: states of files, changes between them, a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    Action = Literal['none', 'create', 'update', 'delete']

    from registry_host.engine.live import Live
    from registry_host.errors import Finding
    from registry_host.host.records import FileState
    from registry_host.resolver.use import Use


class Change(NamedTuple):
    """A whole file before and after.

    `interim` is what stands there in passing: lists that the engine is to forget are
    named in it, empty, for a reload keeps the value of a key that its file leaves out.
    `owner` is the keeper of nameservers that reads this file, and must be told that it
    has changed; '' where that is nobody.
    """

    target: str
    before: FileState
    after: FileState
    activation: Activation
    interim: bytes | None = None
    owner: str = ''

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
        """What is written before the engine is activated."""
        if self.interim is None:
            return self.after
        mode = 0o644 if self.after.content is None else self.after.mode
        return self.after._replace(content=self.interim, mode=mode)


class Plan(NamedTuple):
    """Every change of one run, in the order of writing.

    `record` is the change of our own ledger: it stands or falls with the others, and is
    written first. `expected` is what the live engine must show afterwards; `drift` what
    it takes where it does not although its file is right. `uses` is what owners of
    changed files must be seen to do. Unless `is_shown`, something is asked that the
    engine does not show.
    """

    changes: tuple[Change, ...]
    record: Change | None = None
    expected: Live | None = None
    drift: Activation = Activation.NONE
    uses: tuple[Use, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_shown: bool = True

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action != 'none')

    @property
    def is_empty(self) -> bool:
        return not self.pending and self.drift is Activation.NONE

    @property
    def activation(self) -> Activation:
        needed = (change.activation for change in self.pending)
        return max(self.drift, *needed, Activation.NONE)

    @property
    def writes(self) -> tuple[Change, ...]:
        is_recorded = self.record is not None and self.record.action != 'none'
        return ((self.record,) if is_recorded and self.record else ()) + self.pending
