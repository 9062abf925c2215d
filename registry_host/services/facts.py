"""What the host is, observed and never changed: its engine, its users."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.environment import proxies_of
from registry_host.engine.find import EngineFacts, look_at_engine, running_containers
from registry_host.errors import ConfigError, Problem, SettingsError
from registry_host.host.invoker import find_invoker
from registry_host.namedtuples import NamedTuple
from registry_host.settings.areas import ENGINE, Operation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from registry_host.engine.answers import Container
    from registry_host.host.host import Host
    from registry_host.host.records import User
    from registry_host.plan.ledger import Ledger
    from registry_host.resolver.managerfiles import Others
    from registry_host.resolver.owner import Ownership
    from registry_host.settings.model import Settings


# The target of nameservers, as state folders record it.
RESOLVER = 'resolver'


class Facts(NamedTuple):
    """`users` are those whose config.json is asked for; `former_users` those of each
    file in the ledger, by its path, as far as they still exist. `ownership` is that of
    resolv.conf, and `others` what it asks: gathered only where nameservers are asked
    for. `containers` are those that run, where nameservers may change. `environment`
    has the proxies of the engine's own unit, by area, where proxies may change.
    """

    is_live: bool
    is_root: bool
    engine: EngineFacts
    users: tuple[User, ...]
    former_users: Mapping[str, User]
    ownership: Ownership | None = None
    others: Others | None = None
    containers: tuple[Container, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})

    @property
    def dns_manager(self) -> str:
        """Who keeps the nameservers of this host; '' where that is not known."""
        return self.ownership.title if self.ownership else ''

    @classmethod
    def of_host(cls, host: Host) -> Facts:
        """Facts of the programs that run, where users are no part of what is done."""
        return cls.of_engine(host, look_at_engine(host))

    @classmethod
    def unknown(cls, host: Host) -> Facts:
        """Facts where no program that pulls is concerned."""
        return cls.of_engine(host, EngineFacts(state='unknown'))

    @classmethod
    def of_engine(cls, host: Host, engine: EngineFacts) -> Facts:
        """Facts where users and names are no part of what is done."""
        return cls(
            is_live=host.is_live,
            is_root=host.is_root,
            engine=engine,
            users=(),
            former_users={},
        )


def gather(
    host: Host, settings: Settings, ledger: Ledger, known: Facts | None = None
) -> Facts:
    """Look at the host. Nothing is written, and no other machine is contacted.

    `known` has an engine that was looked at already: it is asked nothing more.
    """
    engine = known.engine if known else look_at_engine(host)
    facts = Facts(
        is_live=host.is_live,
        is_root=host.is_root,
        engine=engine,
        users=_asked_users(host, settings),
        former_users=_former_users(host, ledger),
    )
    if settings.has_proxies_for(ENGINE):
        facts = facts._replace(environment=proxies_of(host, engine))
    if known is None and (settings.has_dns or ledger.of_target(RESOLVER)):
        facts = facts._replace(containers=running_containers(host, engine))
    return _with_names(host, facts) if settings.has_dns else facts


def survey(host: Host, ledger: Ledger) -> Facts:
    """Look at what there is to tell of a host, whatever is asked or managed."""
    from registry_host.resolver import evidence, owner

    facts = Facts.of_host(host)._replace(former_users=_former_users(host, ledger))
    try:
        return facts._replace(ownership=owner.decide(evidence.gather(host)))
    except ConfigError:  # resolv.conf cannot be read: doctor tells of it.
        return facts


def _former_users(host: Host, ledger: Ledger) -> dict[str, User]:
    former = ((entry.path, entry.user) for entry in ledger.entries if entry.user)
    found = ((path, host.find_user(name=name)) for path, name in former)
    return {path: user for path, user in found if user}


def _with_names(host: Host, facts: Facts) -> Facts:
    from registry_host.resolver import evidence, others, owner

    found = evidence.gather(host)
    ownership = owner.decide(found)
    return facts._replace(
        ownership=ownership, others=others.look(host, ownership, found.text)
    )


def _asked_users(host: Host, settings: Settings) -> tuple[User, ...]:
    names = settings.users
    if settings.operation is Operation.REMOVE:
        return ()  # Those of the ledger are concerned, whichever user runs this.
    if names is None:
        invoker = find_invoker(host)
        if invoker is None and settings.has_proxies_for('client'):
            raise SettingsError(_NO_USER)
        return (invoker,) if invoker else ()
    users = {name: host.find_user(name=name) for name in names}
    missing = [name for name, user in users.items() if user is None]
    if missing:
        raise SettingsError(*map(_unknown_user, missing))
    return tuple(user for user in users.values() if user)


_NO_USER = Problem(
    code='user-unknown',
    where='--user',
    message='it is not known whose config.json is meant; name the user',
    hint='getent passwd',
)


def _unknown_user(name: str) -> Problem:
    return Problem(
        code='user-unknown',
        where='--user',
        message=f'there is no user {name!r}',
        hint='getent passwd',
    )


def look(host: Host, paths: Collection[str]) -> Facts:
    """Look at the programs that read some files, and at the containers if they do."""
    facts = Facts.of_host(host)
    from registry_host.resolver.managerfiles import FILES

    if FILES.keys().isdisjoint(paths):
        return facts
    return facts._replace(containers=running_containers(host, facts.engine))
