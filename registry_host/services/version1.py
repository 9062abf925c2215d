"""What runs of version 1 recorded of the services that they activated.

There was one engine, with the lists and proxies that it showed, and each step named the
DNS manager that was told of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.engine.daemonjson import DaemonJson
from registry_host.errors import ConfigError
from registry_host.levels import Activation
from registry_host.plan.ledger import name_text
from registry_host.plan.readings import Need, Seen
from registry_host.services.docker import NAME as DOCKER
from registry_host.services.docker import STUB
from registry_host.settings.areas import ENGINE_DNS, INSECURE, MIRRORS, PROXY_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry_host.plan.changes import Change
    from registry_host.plan.wish import Values


def needs_of(document: dict[str, Any], changes: Sequence[Change]) -> tuple[Need, ...]:
    """Read the services of a record; ValueError, KeyError, TypeError if it is none."""
    managers = dict.fromkeys(_managers(document))
    told = (
        Need(name, Seen('running'), needed=Activation.RELOAD, done=Activation.RELOAD)
        for name in managers
        if name
    )
    return (*told, _engine(document, changes))


def _managers(document: dict[str, Any]) -> Iterator[str]:
    from registry_host.resolver.managerfiles import FILES

    known = {file.owner for file in FILES.values()}
    for step in document['steps']:
        name = name_text(step.get('owner', ''))
        if name not in known:
            raise ValueError('unknown')
        Activation(step['activation'])
        yield name


def _engine(document: dict[str, Any], changes: Sequence[Change]) -> Need:
    live = document['live']
    dns = [before for each in changes for before in _dns_before(each)]
    return Need(
        service=DOCKER,
        seen=Seen(
            'unknown' if live is None else 'running',
            live=None if live is None else _live(live),
        ),
        needed=Activation(document['needed']),
        done=Activation(document['done']),
        base=dict.fromkeys((*PROXY_KEYS, ENGINE_DNS, STUB), ()),
        due={ENGINE_DNS: dns[0]} if dns else {},
        is_engine=True,
    )


def _dns_before(change: Change) -> Iterator[Values]:
    """Yield the nameservers of containers of before, if a change is of those."""
    if change.target != 'docker-daemon':
        return
    try:
        before, after = (
            DaemonJson.read(state).dns or () for state in (change.before, change.after)
        )
    except ConfigError:
        return
    if before != after:
        yield before


def _live(live: dict[str, Any]) -> Mapping[str, Values]:
    values: dict[str, Values] = {}
    if live['mirrors'] is not None:
        values[MIRRORS] = tuple(map(name_text, live['mirrors']))
    if live['insecure'] is not None:
        pairs = ((name_text(kind), name_text(name)) for kind, name in live['insecure'])
        values[INSECURE] = tuple(sorted(f'{kind} {name}' for kind, name in pairs))
    for area, text in live['proxies']:
        values[name_text(area)] = (name_text(text),) if text else ()
    return values
