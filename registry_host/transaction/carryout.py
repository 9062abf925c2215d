"""How every command changes a host: recover, plan, apply, say what came of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.host.locations import JOURNAL, LEFT_BEHIND, PENDING, UNTOLD
from registry_host.levels import IF_SAFE, LOCK_TIMEOUT_S
from registry_host.namedtuples import NamedTuple
from registry_host.progress import FORECAST, Proof
from registry_host.redact import redact_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.levels import RestartPolicy
    from registry_host.services.transition import Checks
    from registry_host.targets.planning import Planned
    from registry_host.transaction.managed import EntryChanges
    from registry_host.transaction.order import Order
    from registry_host.transaction.outcome import Outcome
    from registry_host.transaction.run import Origin


class Manner(NamedTuple):
    """How a command goes about a change, whatever the change is.

    `arguments` are those of the command line, secrets and all; only `line` may be
    shown. `confirm_within` is in seconds; None is for good.
    """

    arguments: tuple[str, ...]
    is_check: bool = False
    has_diff: bool = False
    restart: RestartPolicy = IF_SAFE
    lock_timeout_s: float = LOCK_TIMEOUT_S
    confirm_within: float | None = None

    @property
    def line(self) -> str:
        return redact_command(self.arguments)

    def __repr__(self) -> str:
        return f'Manner({self.line!r})'


class Request:
    """What a command wants of a host. A command subclasses it; see carry_out().

    `is_about_pending`: the change that waits for confirmation is what it is about.
    `is_for_the_lock`: it changes something in any case, or must say why it cannot;
    otherwise a host that is as asked is told without waiting for another run.
    `is_strict`: it asks for something, so that services which need not be there
    otherwise must be told.
    """

    command: str
    is_about_pending = False
    is_for_the_lock = False
    is_undo = False
    is_strict = False

    def is_met(self, host: Host, mended: tuple[Finding, ...]) -> bool:
        """Whether putting earlier runs in order was all that is wanted."""
        return False

    def plan(self, host: Host) -> Planned | None:
        """Work out what is to change now; None if there is nothing it could be about.

        Called again under the lock, for another run may have come between.
        """
        raise NotImplementedError

    def prove(self, host: Host, planned: Planned) -> Planned:
        """Ask other machines whether the plan will work; called once."""
        return planned

    def require_admitted(self, host: Host) -> None:
        """Raise if a run that waits for confirmation stands in the way."""

    def origin(self, line: str) -> Origin:
        from registry_host.transaction.run import Origin

        return Origin(self.command, line)

    def finish(self, host: Host) -> None:
        """Do what is left to do once the change is committed."""


class Carried(NamedTuple):
    """What came of a request. `outcome` None: nothing was applied.

    `forecast` is what it would come to, with --check, if anything would change.

    `mended` tells what was, or would be, put in order first; `is_due`, whether there is
    something left to do. `entries` are the managed entries that come and go, by the
    path of their file.
    """

    mended: tuple[Finding, ...] = ()
    planned: Planned | None = None
    is_due: bool = False
    entries: Mapping[str, EntryChanges] = MappingProxyType({})
    outcome: Outcome | None = None
    forecast: Outcome | None = None


def carry_out(host: Host, request: Request, manner: Manner) -> Carried:
    """Bring about what is requested, or (`is_check`) find out what that would take.

    Raises RegistryHostError; what is true of the host then is in `host.progress`.
    """
    mended = _in_order(host, request, manner)
    if request.is_met(host, mended):
        return Carried(mended, is_due=_has_unfinished(host))
    is_planned = manner.is_check or not request.is_for_the_lock
    planned = request.plan(host) if is_planned else None
    if is_planned and planned is None:
        return Carried(mended)
    if planned is None:
        return _applied(host, request, manner, mended, None)
    planned = request.prove(host, planned)
    checks = planned.checks
    planned = planned.with_findings(checks.findings)
    if manner.is_check:
        return _forecast(host, request, manner, mended, planned)
    if planned.plan.is_empty and not planned.plan.writes and checks.image is None:
        return Carried(mended, planned)
    return _applied(host, request, manner, mended, checks)


def _in_order(host: Host, request: Request, manner: Manner) -> tuple[Finding, ...]:
    """Plan on a host without unfinished runs, for they may have left torn files."""
    if not _has_unfinished(host):
        return ()
    from registry_host.transaction.lock import transaction, unfinished

    if manner.is_check:
        found = unfinished(host)
        host.progress.note(found)
        return found
    with transaction(
        host,
        lock_timeout_s=manner.lock_timeout_s,
        is_about_pending=request.is_about_pending,
    ) as mended:
        return mended


def _has_unfinished(host: Host) -> bool:
    """Whether there is something that the next transaction mends, or waits for."""
    is_cut_short = any(map(host.exists, (JOURNAL, PENDING, UNTOLD)))
    return is_cut_short or bool(host.names(LEFT_BEHIND))


def _forecast(
    host: Host,
    request: Request,
    manner: Manner,
    mended: tuple[Finding, ...],
    planned: Planned,
) -> Carried:
    """Say what the run would do, and refuse what it would refuse."""
    outcome = None
    if not planned.plan.is_empty:
        from registry_host.transaction.apply import forecast

        outcome = forecast(host, planned, _order(request, manner, planned.checks))
        host.progress.prove(*_unproved(planned))
    is_due = not planned.plan.is_empty or _has_unfinished(host)
    entries = _entries(host, planned)
    return Carried(mended, planned, is_due, entries, forecast=outcome)


def _unproved(planned: Planned) -> Iterator[Proof]:
    """Name what only the run itself can prove."""
    for change in planned.plan.pending:
        yield Proof('written', change.path, 'skipped', FORECAST)
    for need in planned.plan.needs:
        if need.needed:
            why = need.seen.asleep or FORECAST
            yield Proof('live', need.service, 'skipped', why)
    if planned.checks.image is not None:
        yield Proof('pulls', str(planned.checks.image), 'skipped', FORECAST)


def _order(request: Request, manner: Manner, checks: Checks) -> Order:
    from registry_host.transaction.order import Order

    return Order(
        request.origin(manner.line),
        manner.restart,
        manner.confirm_within,
        checks,
        is_strict=request.is_strict,
    )


def _applied(
    host: Host,
    request: Request,
    manner: Manner,
    mended: tuple[Finding, ...],
    checks: Checks | None,
) -> Carried:
    """Carry it out under the lock; `checks` None: nothing has been asked yet."""
    from registry_host.transaction import confirmation
    from registry_host.transaction.apply import apply_plan
    from registry_host.transaction.lock import transaction

    if manner.confirm_within is not None:
        confirmation.require_possible(host)
    with transaction(
        host,
        lock_timeout_s=manner.lock_timeout_s,
        is_about_pending=request.is_about_pending,
    ) as more:
        mended = tuple(dict.fromkeys((*mended, *more)))
        if request.is_met(host, mended):
            return Carried(mended)
        planned = request.plan(host)
        if planned is None:
            return Carried(mended)
        request.require_admitted(host)
        if checks is None:
            checks = request.prove(host, planned).checks
        planned = planned.with_findings(checks.findings)
        entries = _entries(host, planned)
        outcome = apply_plan(host, planned, _order(request, manner, checks))
        request.finish(host)
    return Carried(mended, planned, entries=entries, outcome=outcome)


def _entries(host: Host, planned: Planned) -> Mapping[str, EntryChanges]:
    """Say which managed entries come and go, before the run is in the history."""
    if not planned.plan.pending:
        return {}
    from registry_host.transaction.managed import entry_changes

    return entry_changes(host, planned.plan)
