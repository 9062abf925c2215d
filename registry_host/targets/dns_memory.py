"""What the ledger remembers of nameservers, and what follows from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import SettingsError
from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.services.facts import RESOLVER
from registry_host.settings.areas import (
    DNS_AREAS,
    EXCLUSIVE,
    NAMESERVER,
    NAMESERVERS,
    SEARCH,
    Operation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.plan.ledger import Ledger
    from registry_host.resolver.managerfiles import Others, Wanted
    from registry_host.settings.model import Settings


def with_managed(settings: Settings, ledger: Ledger) -> Settings:
    """Make flags that add or remove the whole of what is to be managed.

    Managed nameservers may stand in the files of several DNS managers, if the host has
    had another one: what a run adds to, or takes from, is all of them. Raises
    SettingsError for a fourth nameserver, and for none that could be asked alone.
    """
    if settings.operation is Operation.REPLACE or not settings.named & DNS_AREAS:
        return settings
    from registry_host.settings.nameservers import exclusive_alone, too_many

    entries = ledger.of_target(RESOLVER)
    whole: dict[str, tuple[str, ...]] = {}
    for area, values in by_area(settings).items():
        managed = dict.fromkeys(
            text
            for entry in entries
            for text in (
                asked_before(entry) if area == NAMESERVERS else entry.managed(area)
            )
        )
        if area in settings.cleared:
            whole[area] = ()
        elif settings.operation is Operation.ADD:
            whole[area] = tuple({**managed, **dict.fromkeys(values)})
        else:
            whole[area] = tuple(text for text in managed if text not in values)
    nameservers = whole[NAMESERVERS]
    is_exclusive = settings.is_dns_exclusive
    if is_exclusive is None:
        is_exclusive = any(map(has_exclusive, entries))
    if settings.operation is Operation.ADD:
        problem = too_many(nameservers, settings.nameservers, NAMESERVER)
        if problem is None and settings.is_dns_exclusive and not nameservers:
            problem = exclusive_alone()
        if problem is not None:
            raise SettingsError(problem)
    return settings._replace(
        nameservers=nameservers,
        search=whole[SEARCH],
        is_dns_exclusive=is_exclusive and bool(nameservers),
    )


def by_area(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    return {NAMESERVERS: settings.nameservers, SEARCH: settings.search}


def remembered(applied: Applied) -> Others:
    from registry_host.resolver.managerfiles import Others

    areas = (NAMESERVERS, SEARCH, OPTIONS)
    return Others(*(tuple((applied.before(area) or '').split()) for area in areas))


def has_exclusive(applied: Applied) -> bool:
    return EXCLUSIVE in applied.keys


def exclusive_key(wanted: Wanted) -> ManagedKey:
    """Remember what is asked alone, for some of it may stand in foreign lines."""
    if not (wanted.is_exclusive and wanted.nameservers):
        return ManagedKey(())
    return ManagedKey(('true',), ' '.join(wanted.nameservers))


def asked_before(applied: Applied) -> tuple[str, ...]:
    """The nameservers that an earlier run was asked for, as far as it is remembered."""
    alone = (applied.before(EXCLUSIVE) or '').split()
    return tuple(alone) or applied.managed(NAMESERVERS)


# What the ledger holds of a file with a managed block besides: its lines, and options
# of resolv.conf(5) that stood before.
LINES, OPTIONS = 'lines', 'options'
