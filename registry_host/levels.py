"""How much a change disturbs, and what a run may do about it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Final, Literal

    RestartPolicy = Literal['never', 'if-safe', 'always']


class Activation(IntEnum):
    """What makes a change take effect; max() is the strongest."""

    NONE = 0
    RELOAD = 1
    RESTART = 2

    def __str__(self) -> str:
        return self.name.lower()


class Allowed(NamedTuple):
    """How far a run may go; `reason` says why not as far as is needed.

    `stopped` names the containers that a restart stops.
    """

    activation: Activation
    reason: str = ''
    stopped: tuple[str, ...] = ()


# How long one run waits for another to end, unless it is told otherwise.
LOCK_TIMEOUT_S = 10.0

# When a run may restart an engine for what a reload does not do.
NEVER: Final = 'never'
IF_SAFE: Final = 'if-safe'
ALWAYS: Final = 'always'
