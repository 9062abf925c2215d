"""DNS managers, and the programs of the host that look names up, as services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ProbeError
from registry_host.plan.readings import NOTHING, Reading, Seen
from registry_host.progress import Proof
from registry_host.resolver.use import Use
from registry_host.services.ordinary import Ordinary
from registry_host.settings.areas import EXCLUSIVE, NAMESERVERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from registry_host.errors import Finding, RegistryHostError
    from registry_host.host.host import Host
    from registry_host.levels import Activation, Allowed
    from registry_host.plan.ledger import Applied
    from registry_host.plan.wish import Values
    from registry_host.services.activated import Activated
    from registry_host.services.facts import Facts
    from registry_host.services.service import Description, Service
    from registry_host.services.transition import Checks, Transition
    from registry_host.services.view import View

HOST_NAMES = 'host-names'


def find(host: Host, facts: Facts, paths: Collection[str]) -> tuple[Service, ...]:
    """Find who reads these files; in the end each program looks names up."""
    if not facts.is_live:
        return ()
    from registry_host.resolver.managerfiles import FILES

    files = [FILES[path] for path in paths if path in FILES]
    owners = dict.fromkeys(file.owner for file in files if file.owner)
    managers = tuple(DnsManager(owner) for owner in owners)
    return (*managers, HostNames()) if files else ()


def named(host: Host, facts: Facts, names: Collection[str]) -> tuple[Service, ...]:
    if not host.is_live or not names:
        return ()
    from registry_host.resolver.telling import known

    return tuple(DnsManager(owner) for owner in known() if owner in names)


class _OfNames(Ordinary):
    """What DNS managers and programs that look names up have in common."""

    seen = Seen('running')
    kind = 'dns-manager'
    subject = 'nameservers'
    is_vital = False
    is_started = False

    def shows(self, reading: Reading) -> Mapping[str, Values]:
        """What a DNS manager uses is looked at in prove(): it needs time to settle."""
        return NOTHING

    def look(self, host: Host) -> Mapping[str, Values] | None:
        return None

    def cure(self, host: Host) -> str:
        return ''

    def failure(self, err: OSError | RegistryHostError) -> OSError | RegistryHostError:
        return err


class DnsManager(_OfNames):
    """One program that writes resolv.conf, by its name in state folders."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def title(self) -> str:
        from registry_host.resolver.telling import title_of

        return title_of(self.name)

    @property
    def by_hand(self) -> str:
        from registry_host.resolver.telling import by_hand

        return by_hand(self.name)

    def is_there(self, host: Host) -> bool:
        from registry_host.resolver.telling import is_there

        return is_there(host, self.name)

    def describe(self) -> Description:
        from registry_host.services.service import Description

        return Description(self.title)

    def reads(self, path: str) -> bool:
        from registry_host.resolver.managerfiles import FILES

        return path in FILES and FILES[path].owner == self.name

    def reading(self, view: View) -> Reading:
        """It is told of every change of its files, whatever that is about."""
        return Reading(
            at_reload={
                path: () if state.content is None else (repr(state.content),)
                for path, state in view.states.items()
                if self.reads(path)
            }
        )

    def look(self, host: Host) -> Mapping[str, Values] | None:
        if not self.is_there(host):
            return None
        from registry_host.resolver.telling import shown_by

        return {NAMESERVERS: shown_by(host, self.name)}

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        """Its own words do not count: see prove()."""
        from registry_host.resolver.telling import PROOF_TIMEOUT_S, tell
        from registry_host.services.activated import Activated

        limit_s = PROOF_TIMEOUT_S if timeout_s is None else timeout_s
        limit_s = min(limit_s, PROOF_TIMEOUT_S)
        tell(host, self.name, is_back=not transition.is_strict, timeout_s=limit_s)
        return Activated()

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterator[Finding]:
        if self.reading(transition.before) == self.reading(transition.after):
            return  # It has not been told of anything.
        from registry_host.resolver.telling import use_again

        is_told = transition.is_strict or self.is_there(host)
        use = self._use(transition)
        try:
            found = tuple(use_again(host, use, is_told=is_told))
        except ProbeError as err:
            host.progress.prove(Proof('live', self.name, 'failed', str(err)))
            raise
        host.progress.prove(self._proof(found))
        yield from found

    def _proof(self, found: tuple[Finding, ...]) -> Proof:
        """Read what is told first: which nameservers are used, or still are."""
        if not found:
            detail = 'uses none of the nameservers that are gone'
            return Proof('live', self.name, detail=detail)
        is_ok = found[0].severity == 'ok'
        return Proof('live', self.name, 'ok' if is_ok else 'failed', found[0].message)

    def _use(self, transition: Transition) -> Use:
        """Join what it is told by several files."""
        use = Use(self.name)
        for path in transition.after.states:
            if self.reads(path):
                before, after = (
                    _managed(view, path)
                    for view in (transition.before, transition.after)
                )
                use = _joined(use, before, after)
        left = tuple(text for text in use.gone if text not in use.nameservers)
        return use._replace(gone=left)

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        raise NotImplementedError('a DNS manager may be told at any time')


class HostNames(_OfNames):
    """The programs of this host, which read resolv.conf and look names up."""

    name = HOST_NAMES
    title = 'this host'
    by_hand = ''

    def is_there(self, host: Host) -> bool:
        return True

    def describe(self) -> Description:
        from registry_host.services.service import Description

        return Description(self.title)

    def reads(self, path: str) -> bool:
        return False

    def reading(self, view: View) -> Reading:
        return Reading()

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        raise NotImplementedError('there is nothing to tell them')

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterable[Finding]:
        if checks.names:
            from registry_host.resolver.telling import require_resolved

            try:
                require_resolved(host, checks.names)
            except ProbeError as err:
                host.progress.prove(Proof('live', self.name, 'failed', str(err)))
                raise
            found = f'finds {", ".join(checks.names)}'
            host.progress.prove(Proof('live', self.name, detail=found))
        return ()

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        raise NotImplementedError('nothing is put off')


def _managed(view: View, path: str) -> Applied | None:
    return next(iter(view.applied(path)), None)


def _joined(use: Use, before: Applied | None, after: Applied | None) -> Use:
    """Add what one file says to use, and what it said before and says no more."""
    managed = after.managed(NAMESERVERS) if after else ()
    was = before.managed(NAMESERVERS) if before else ()
    # A nameserver that others bring too stays.
    others = (before.before(NAMESERVERS) or '').split() if before else ()
    gone = (text for text in was if text not in (*managed, *others))
    return use._replace(
        nameservers=tuple(dict.fromkeys((*use.nameservers, *managed))),
        gone=tuple(dict.fromkeys((*use.gone, *gone))),
        is_exclusive=use.is_exclusive or bool(after and EXCLUSIVE in after.keys),
    )
