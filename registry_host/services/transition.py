"""From what to what a run takes a host, and the names that must be found then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Ledger
from registry_host.services.view import View

if TYPE_CHECKING:
    from registry_host.engine.pulls import Pull
    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.settings.images import Image


class Checks(NamedTuple):
    """What must hold once a run is done, beyond what services show.

    `names` are those that this host must find, `endpoints` each HOST:PORT of which the
    engine must find the name. `image` is what the engine is asked to resolve, None for
    nothing, and `before` what it answered before the run, None if it was not asked.
    Where it `is_binding`, a run that breaks pulls is rolled back; where it `is_pulled`,
    the engine pulls the image, and does not only resolve it. `unproved` says why
    nothing is asked of a change that the proof would be about, and `has_asked` whether
    the mirrors of it were asked, None where that is not for the command to do.
    Where it `is_moot`, nothing is managed any more that the proof would be about.
    `findings` are what there is to tell of the machines that were asked.
    """

    names: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    image: Image | None = None
    before: Pull | None = None
    is_binding: bool = True
    is_pulled: bool = False
    unproved: str = ''
    has_asked: bool | None = None
    is_moot: bool = False
    findings: tuple[Finding, ...] = ()


class Again(NamedTuple):
    """What an earlier run could not prove, and is asked even where nothing changes."""

    pulls: bool = False
    mirrors: bool = False


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
