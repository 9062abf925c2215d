"""How much a change disturbs, and what a run may do about it."""

from __future__ import annotations

from enum import IntEnum


class Activation(IntEnum):
    """What makes a change take effect; max() is the strongest."""

    NONE = 0
    RELOAD = 1
    RESTART = 2

    def __str__(self) -> str:
        return self.name.lower()


# When a run may restart an engine for what a reload does not do.
NEVER, IF_SAFE, ALWAYS = 'never', 'if-safe', 'always'
