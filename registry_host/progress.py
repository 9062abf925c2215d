"""What this process has made of the host, to be told however it ends."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_host.errors import Finding


class HostState(Enum):
    """What is true of the host, as far as the run at hand is concerned."""

    UNCHANGED = 'unchanged'
    CHANGED = 'changed'
    ROLLED_BACK = 'rolled-back'
    PARTLY_CHANGED = 'partly-changed'


_WORDS = {
    HostState.UNCHANGED: 'nothing was written',
    HostState.CHANGED: 'the change stands',
    HostState.ROLLED_BACK: 'the change was rolled back',
    HostState.PARTLY_CHANGED: 'the host is partly changed',
}


class Progress:
    """Kept by the journal, which alone knows it; read by whoever reports an end.

    `remedy` is the command that takes back, or finishes, what `state` says. `notes` are
    findings to be told in any case; `is_mended` if they tell of earlier runs that were
    recovered, or taken back, first.
    """

    def __init__(self) -> None:
        self.state = HostState.UNCHANGED
        self.remedy = ''
        self.notes: tuple[Finding, ...] = ()
        self.is_mended = False

    def __str__(self) -> str:
        if self.state is HostState.UNCHANGED and self.is_mended:
            return 'nothing else was written'
        return _WORDS[self.state]

    @property
    def is_changed(self) -> bool:
        """Whether anything on the host is other than before this process."""
        changes = (HostState.CHANGED, HostState.PARTLY_CHANGED)
        return self.is_mended or self.state in changes

    def reach(self, state: HostState, remedy: str = '') -> None:
        self.state, self.remedy = state, remedy

    def mend(self, findings: tuple[Finding, ...]) -> None:
        """Note what was put in order before the run at hand, which changed nothing."""
        self.note(findings)
        self.is_mended = self.is_mended or bool(findings)
        self.reach(HostState.UNCHANGED)

    def note(self, findings: tuple[Finding, ...]) -> None:
        self.notes = tuple(dict.fromkeys((*self.notes, *findings)))
