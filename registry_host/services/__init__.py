"""The programs that read configs, and can be told that these have changed: a table.

Each kind of service is a module here and an entry below; what it must offer is in
services.service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.services import dns_managers, docker, registries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_host.host.host import Host
    from registry_host.plan.changes import Change
    from registry_host.plan.readings import Need
    from registry_host.services.facts import Facts
    from registry_host.services.service import Kind, Service

# In the order of activation: names come before the programs that look them up.
SERVICES: dict[str, Kind] = {
    'dns-managers': dns_managers,
    'docker': docker,
    'registry-instances': registries,
}


def find(host: Host, facts: Facts, paths: Iterable[str]) -> tuple[Service, ...]:
    """Find the services that a change of some of these files may concern."""
    known = tuple(paths)
    found = (kind.find(host, facts, known) for kind in SERVICES.values())
    return tuple(service for services in found for service in services)


def find_named(host: Host, facts: Facts, names: Iterable[str]) -> tuple[Service, ...]:
    """Find services of an earlier run by their names, those that there still are."""
    wanted = frozenset(names)
    found = (kind.named(host, facts, wanted) for kind in SERVICES.values())
    return tuple(service for services in found for service in services)


def needs_of_version_1(
    document: dict[str, Any], changes: Sequence[Change]
) -> tuple[Need, ...]:
    """Read what a record of version 1 says of services; see services.version1."""
    from registry_host.services import version1

    return version1.needs_of(document, changes)
