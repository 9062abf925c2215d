"""Services on a way back: each reads the files that it had before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host import services
from registry_host.errors import EngineError
from registry_host.levels import Activation
from registry_host.plan.readings import NOTHING, disagreeing
from registry_host.services.transition import Transition
from registry_host.transaction import untold

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import RestartPolicy
    from registry_host.plan.readings import Need
    from registry_host.plan.wish import Values
    from registry_host.services.facts import Facts
    from registry_host.services.service import Service
    from registry_host.transaction.back import Back
    from registry_host.transaction.run import Run


class Returning:
    """The services of a run on its way back, as they are now.

    What an instance showed before the run is the truth of that instance alone: for one
    that has started since, its files are.
    """

    def __init__(
        self, host: Host, run: Run, facts: Facts, activated: Collection[str]
    ) -> None:
        self._host = host
        needs = (need for need in run.needs if need.service in activated)
        self._needs = {need.service: need for need in needs}
        names = [need.service for need in run.needs]
        self._services = services.find_named(host, facts, names)
        self._before = {need.service: need for need in run.needs}

    def interim(self, path: str, first: FileState, target: FileState) -> bytes | None:
        """Have a list that is to be forgotten named, with what it was live before."""
        for service in self._services:
            if service.reads(path) and service.seen.is_running:
                keeps = self._live_before(service, self._before[service.name])
                found = service.interim(path, first, target, keeps)
                if found is not None:
                    return found
        return None

    def _live_before(self, service: Service, need: Need) -> Mapping[str, Values] | None:
        """What it is to show again; None if another instance runs by now."""
        if _is_another(service, need) and need.done is not Activation.RESTART:
            return None
        return need.seen.live

    def activate(
        self, back: Back, policy: RestartPolicy, timeout_s: float | None
    ) -> Back:
        """Have each service that may know of the run read its old files.

        One that need not be there is told in any case: a way back that was cut short
        may have come this far.
        """
        for service in self._services:
            need = self._needs.get(service.name)
            if need is None:
                continue
            if service.is_vital:
                back = self._vital_back(service, need, back, policy, timeout_s)
                continue
            where = Transition.nowhere(self._host)
            reason = untold.tell(self._host, service, where, timeout_s)
            if reason:
                told = f'{service.title} could not be told ({reason}), and may still '
                told += f'use the {service.subject} of this run'
                back = back._replace(untold={**back.untold, told: service.by_hand})
        return back

    def _vital_back(
        self,
        service: Service,
        need: Need,
        back: Back,
        policy: RestartPolicy,
        timeout_s: float | None,
    ) -> Back:
        if need.needed is Activation.NONE:
            return back
        seen, live = service.seen, need.seen.live
        has_failed = _has_failed(service.condition(self._host), need)
        if seen.state == 'stopped' and (
            live is None or not (has_failed or need.done is Activation.RESTART)
        ):
            # It reads the old file when it starts.
            return self._compared(service, need, back, timeout_s)
        if seen.state in ('absent', 'unknown'):
            return back
        is_restarted = _is_restarted(service, need) or (
            has_failed and not seen.is_running
        )
        how = Activation.RELOAD
        if is_restarted and seen.is_running:
            allowed = service.allowed(self._host, Activation.RESTART, policy)
            how = allowed.activation
        elif is_restarted:
            how = Activation.RESTART
        want = self._live_before(service, need) or NOTHING
        want = need._replace(want=want).wanted(how)
        where = Transition.nowhere(self._host)
        try:
            found = service.activate(self._host, how, want, where, timeout_s).live
        except (EngineError, OSError) as err:
            found = service.look(self._host)
            if found is None or live is None or disagreeing(live, found):
                message = f'{service.title} could not be brought back ({err})'
                return back.with_engine(message)._replace(is_engine_back=False)
        state = _state(service, need, found, how, is_restarted)
        return self._compared(service, need, back, timeout_s, state)

    def _compared(
        self,
        service: Service,
        need: Need,
        back: Back,
        timeout_s: float | None,
        state: str = '',
    ) -> Back:
        """Hold what the manager of a service has of it against what it had before.

        A journal that is read again knows nothing of that: the run may be long ago.
        """
        before = need.seen.condition
        now = service.condition(self._host, before, timeout_s) if before else before
        changed = [
            f'{part} is {now.get(part, "gone")}, and was {was}'
            for part, was in before.items()
            if now.get(part) != was
        ]
        if changed:
            cure = service.cure(self._host)
            back = back._replace(untold={**back.untold, ', '.join(changed): cure})
            state = state.replace('is as it was', 'uses what it did before')
        return back.with_engine(state)


def _has_failed(now: Mapping[str, str], need: Need) -> bool:
    """Whether a service that worked before the run has failed since.

    One that has been stopped in the meantime was stopped on purpose.
    """
    before = need.seen.condition
    failed = (part for part, state in now.items() if state.startswith('failed'))
    return any(before.get(part, '').startswith('active') for part in failed)


def _is_another(service: Service, need: Need) -> bool:
    """Whether the instance has started since the run began, as far as that is known."""
    known = need.seen.identity and service.seen.identity
    return bool(known) and need.seen.identity != service.seen.identity


def _is_restarted(service: Service, need: Need) -> bool:
    """Whether the service has read at its start what the run wrote."""
    if need.done is not Activation.RESTART:
        return False
    known = need.seen.identity and service.seen.identity
    if known and need.seen.identity == service.seen.identity:
        return False
    seen, before = service.seen.live, need.seen.live
    if seen is None or before is None or need.unseen:
        return True
    return any(seen.get(area) != before.get(area) for area in need.base)


def _state(
    service: Service,
    need: Need,
    found: Mapping[str, Values] | None,
    how: Activation,
    is_restarted: bool,
) -> str:
    """Say what became of a service."""
    live = need.seen.live
    if need.unseen and is_restarted and how is not Activation.RESTART:
        areas = ', '.join(need.unseen)
        return (
            f'{service.title} may keep its new {areas} until it is restarted: '
            f'{service.by_hand}'
        )
    differing = disagreeing(live or NOTHING, found)
    if not differing:
        return f'{service.title} is as it was'
    if set(differing) <= set(need.base):
        return (
            f'{service.title} keeps its new {", ".join(differing)} until it is '
            f'restarted: {service.by_hand}'
        )
    return 'the live lists differ from before'
