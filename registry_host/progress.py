"""What this process has made of the host, and proved of it, however it ends."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Final, Literal

    from registry_host.errors import Finding

    Level = Literal['written', 'live', 'reachable', 'pulls']
    Outcome = Literal['ok', 'failed', 'skipped']

# The checks of findings that tell of something that was put back first.
MENDED = frozenset({'recovered', 'put-back', 'not-confirmed'})
FORECAST: Final = 'a forecast: nothing is written'


class HostState(Enum):
    """What is true of the host, as far as the run at hand is concerned."""

    UNCHANGED = 'unchanged'
    CHANGED = 'changed'
    ROLLED_BACK = 'rolled-back'
    RECOVERED = 'recovered'
    PARTLY_CHANGED = 'partly-changed'


_WORDS = {
    HostState.UNCHANGED: 'nothing was written',
    HostState.CHANGED: 'the change stands',
    HostState.ROLLED_BACK: 'the change was rolled back',
    HostState.PARTLY_CHANGED: 'the host is partly changed',
}


class Proof(NamedTuple):
    """What was observed at one level.

    `what` is a path (written), a service (live), a URL or an address (reachable), an
    image (pulls); '' where that is not known. `detail` says what was seen, and of a
    proof that is skipped why.
    """

    level: Level
    what: str
    outcome: Outcome = 'ok'
    detail: str = ''


class Progress:
    """Kept by the journal, which alone knows it; read when the end is reported.

    `remedy` is the command that takes back, or finishes, what `state` says. `notes` are
    findings to be told in any case; `is_mended` if they tell of earlier runs that were
    recovered, or taken back, first. `proofs` are in the order in which they were made.
    """

    def __init__(self) -> None:
        self.state = HostState.UNCHANGED
        self.remedy = ''
        self.notes: tuple[Finding, ...] = ()
        self.is_mended = False
        self.proofs: tuple[Proof, ...] = ()

    def __str__(self) -> str:
        if self.state is HostState.UNCHANGED and self.is_mended:
            return 'nothing else was written'
        return _WORDS[self.state]

    @property
    def host(self) -> HostState:
        """What is true of the host, whatever this process has done to it."""
        if self.state is HostState.UNCHANGED and self.is_mended:
            return HostState.RECOVERED
        return self.state

    def reach(self, state: HostState, remedy: str = '') -> None:
        self.state, self.remedy = state, remedy

    def mend(self, findings: tuple[Finding, ...]) -> None:
        """Note what was put in order before the run at hand, which changed nothing."""
        self.note(findings)
        is_mended = any(finding.check in MENDED for finding in findings)
        self.is_mended = self.is_mended or is_mended
        self.reach(HostState.UNCHANGED)

    def note(self, findings: tuple[Finding, ...]) -> None:
        self.notes = tuple(dict.fromkeys((*self.notes, *findings)))

    def prove(self, *proofs: Proof) -> None:
        """Note what was proved, or why it was not; once is enough."""
        self.proofs = tuple(dict.fromkeys((*self.proofs, *proofs)))

    def doubt(self, level: Level, why: str) -> None:
        """Take what was proved at a level for no proof of what will be in force."""
        self.proofs = tuple(
            proof._replace(outcome='skipped', detail=why)
            if (proof.level, proof.outcome) == (level, 'ok')
            else proof
            for proof in self.proofs
        )
