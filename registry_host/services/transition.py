"""From what to what a run takes a host, and the names that must be found then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Ledger
from registry_host.services.view import View

if TYPE_CHECKING:
    from registry_host.host.host import Host


class Lookups(NamedTuple):
    """Names that this host must find once a run is done.

    `endpoints` are each HOST:PORT of which the engine must find the name.
    """

    names: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


class Transition(NamedTuple):
    """From what to what a service is taken.

    `before` and `after` are its files, with what is managed in them. Unless `is_strict`
    it uses less than before, or nothing new: then it need not be there to be told.
    """

    before: View
    after: View
    is_strict: bool = True

    @classmethod
    def nowhere(cls, host: Host) -> Transition:
        """No file changes: a service is to read those that it has."""
        view = View(host, {}, Ledger())
        return cls(view, view, is_strict=False)
