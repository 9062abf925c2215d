"""The services of a run: activated one after the other, and proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import EngineError, Problem
from registry_host.levels import Activation
from registry_host.plan.readings import disagreeing
from registry_host.progress import HostState, Proof
from registry_host.transaction import untold
from registry_host.transaction.outcome import Outcome, is_short, outcome_of, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.levels import Allowed
    from registry_host.plan.readings import Need
    from registry_host.services.activated import Shown
    from registry_host.services.facts import Facts
    from registry_host.services.service import Service
    from registry_host.services.transition import Transition
    from registry_host.targets.planning import Planned
    from registry_host.transaction.journal import Journal
    from registry_host.transaction.order import Order


class Services:
    """The services that a plan may concern, and what came of activating them.

    `may` says of each need how far its service may go.
    """

    def __init__(
        self,
        host: Host,
        planned: Planned,
        may: Sequence[Allowed],
        order: Order,
    ) -> None:
        self._host = host
        self._planned = planned
        self._may = may
        self._checks = order.checks
        self._is_strict = order.is_strict
        self._is_repeatable = order.origin.undoes is None
        self._shown: Shown | None = None
        self._untold: dict[str, str] = {}
        self.findings: tuple[Finding, ...] = ()

    @property
    def facts(self) -> Facts:
        return self._planned.facts

    def activate(self, journal: Journal | None) -> None:
        """Have each service read its files, and look whether it does its work.

        Raises RegistryHostError with the service's own reason. The journal learns of an
        attempt before it is made.
        """
        needs = {need.service: need for need in self._planned.plan.needs}
        for service in self._planned.services:
            need = needs.get(service.name)
            transition = self._transition(service)
            if need is not None and need.done is not Activation.NONE:
                if journal is not None:
                    journal.activated.add(service.name)
                is_told = self._is_told(service, need, transition)
                self._note(need)
                if not is_told:
                    continue
                if journal is None:
                    self._host.progress.reach(HostState.CHANGED)
            elif need is not None:
                self._note(need)
            try:
                self.findings += tuple(
                    service.prove(self._host, self._checks, transition)
                )
            except (EngineError, OSError) as err:
                raise service.failure(err) from None

    def _transition(self, service: Service) -> Transition:
        """A change must be told if something is managed in the service's files then."""
        transition = self._planned.transition
        paths = filter(service.reads, transition.after.states)
        is_asked = any(transition.after.applied(path) for path in paths)
        return transition._replace(is_strict=self._is_strict and is_asked)

    def _is_told(self, service: Service, need: Need, transition: Transition) -> bool:
        """Activate one service; False if it could not be, and need not be now."""
        if service.is_vital or transition.is_strict:
            self._activate(service, need, transition)
        else:
            reason = untold.tell(self._host, service, transition)
            if reason:
                self._untold[service.name] = reason
                self.findings += (untold.not_told(service, reason),)
                return False
        if not service.is_vital:
            untold.forget(self._host, service.name)
        return True

    def _activate(self, service: Service, need: Need, transition: Transition) -> None:
        want = need.wanted(need.done)
        try:
            found = service.activate(self._host, need.done, want, transition, None)
            if disagreeing(want, found.live):
                raise EngineError(_differs(service, need))
        except (EngineError, OSError) as err:
            self._host.progress.prove(Proof('live', need.service, 'failed', str(err)))
            raise service.failure(err) from None
        if found.shown is not None:
            self._shown = found.shown

    def activate_alone(self) -> Outcome:
        """Activate where the files are right, and a service does not know it.

        Where a restart is put off, a reload that would change nothing is not done.
        """
        if self._is_idle:
            idle = self._idle()
            for need in idle:
                self._note(need)
            return self._outcome(idle)
        self.activate(None)
        return self.outcome()

    def forecast(self, *, is_alone: bool) -> Outcome:
        """Say what activating them would come to; `is_alone`: no file is written."""
        if is_alone and self._is_idle:
            return self._outcome(self._idle())
        return self.outcome()

    @property
    def _is_idle(self) -> bool:
        """Whether nothing would come of it but what is put off."""
        needs = self._planned.plan.needs
        return not any(
            need.done and (need.is_behind or not is_short(need)) for need in needs
        )

    def _idle(self) -> tuple[Need, ...]:
        needs = self._planned.plan.needs
        return tuple(need._replace(done=Activation.NONE) for need in needs)

    def outcome(self) -> Outcome:
        return self._outcome(self._planned.plan.needs)

    def _outcome(self, needs: Sequence[Need]) -> Outcome:
        outcome = outcome_of(needs, self._may)
        return outcome._replace(
            shown=self._shown,
            findings=tuple(self._pending()),
            services=tuple(served(needs, self._may, self._untold)),
        )

    def _note(self, need: Need) -> None:
        """Note what a service shows now that it is activated as far as it may be.

        One that shows nothing proves itself: see Service.prove().
        """
        reason = self._untold.get(need.service, '')
        if reason:
            self._host.progress.prove(Proof('live', need.service, 'skipped', reason))
        elif need.is_engine and need.needed is not Activation.NONE:
            why = self._put_off(need)
            self._host.progress.prove(*need.proofs(need.done, why))

    def _put_off(self, need: Need) -> str:
        """Why a service goes on with what it had; '' if it does not."""
        levels = zip(self._planned.plan.needs, self._may, strict=True)
        may = next(may for each, may in levels if each.service == need.service)
        return may.reason if is_short(need) else ''

    @property
    def is_put_off(self) -> bool:
        """Whether a service goes on with what it had, by this run or an earlier one."""
        return any(
            is_short(need) or (need.due and need.done is not Activation.RESTART)
            for need in self._planned.plan.needs
            if need.seen.is_running
        )

    def _pending(self) -> Iterator[Finding]:
        services = {service.name: service for service in self._planned.services}
        for need, may in zip(self._planned.plan.needs, self._may, strict=True):
            if is_short(need):
                service = services[need.service]
                yield service.pending(may, is_repeatable=self._is_repeatable)


def _differs(service: Service, need: Need) -> Problem:
    verb = 'restarted' if need.done is Activation.RESTART else 'reloaded'
    return Problem(
        code='live-differs',
        message=f'{service.title} {verb}, but does not show what the file says',
    )
