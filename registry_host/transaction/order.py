"""How a plan is to be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import IF_SAFE
from registry_host.namedtuples import NamedTuple
from registry_host.services.transition import Checks

if TYPE_CHECKING:
    from registry_host.levels import RestartPolicy
    from registry_host.transaction.run import Origin


class Order(NamedTuple):
    """How a plan is to be applied: by which command, how far, and for how long.

    `confirm_within` is in seconds; None is for good. `checks` are what must
    be found then. If it `is_strict`, it asks for something, so that services which need
    not be there otherwise must be told. `is_by_itself`: no user is there to
    decide.
    """

    origin: Origin
    restart: RestartPolicy = IF_SAFE
    confirm_within: float | None = None
    checks: Checks = Checks()
    is_strict: bool = False
    is_by_itself: bool = False
