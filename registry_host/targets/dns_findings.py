"""What there is to tell of nameservers that are about to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding, counted, quoted
from registry_host.host.locations import RESOLV_CONF
from registry_host.settings.areas import NAMESERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.plan.ledger import Applied
    from registry_host.resolver.edits import Edited, Unseen
    from registry_host.resolver.managerfiles import OwnerFile, Wanted
    from registry_host.resolver.owner import Ownership
    from registry_host.services.facts import Facts


def owner_findings(owned: Ownership) -> Iterable[Finding]:
    yield Finding(
        check='nameserver-owner',
        severity='info',
        message=f'{RESOLV_CONF}: {owned.title}: {"; ".join(owned.evidence)}',
        path=RESOLV_CONF,
    )
    if owned.owner == 'cloud-init':
        yield Finding(
            check='nameserver-owner',
            severity='warning',
            message='cloud-init writes the file anew for a new instance of this host',
            path=RESOLV_CONF,
            remedy=(
                "echo 'network: {config: disabled}' | sudo tee "
                '/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg',
            ),
        )


def frozen(file: OwnerFile, wanted: Wanted) -> Iterable[Finding]:
    """Tell of those that NetworkManager gets with the managed ones, and keeps."""
    from registry_host.resolver.managerfiles import NETWORK_MANAGER

    if file.path != NETWORK_MANAGER or wanted.is_exclusive or not wanted.others:
        return
    yield Finding(
        check='nameservers-frozen',
        severity='info',
        message=f'{", ".join(wanted.others)} stays after the managed nameservers, '
        'whatever leases bring',
        path=RESOLV_CONF,
    )
    for server in wanted.others:
        if '%' in server:
            yield Finding(
                check='resolv-conf-unseen',
                severity='warning',
                message=f'the nameserver {server} is not asked any more: '
                'NetworkManager takes no zones here',
                path=RESOLV_CONF,
            )


def beyond(
    file: OwnerFile, wanted: Wanted, facts: Facts, applied: Applied
) -> Iterable[Finding]:
    """Tell of nameservers that fall off the three that are asked.

    Systemd-resolved asks any number (257, observed).
    """
    others = facts.others
    if others is None or wanted.is_exclusive or not wanted.nameservers:
        return
    if file.owner in ('', 'resolved'):
        return
    from registry_host.settings.nameservers import NAMESERVERS_LIMIT

    before = [s for s in others.nameservers if s not in applied.managed(NAMESERVERS)]
    now = dict.fromkeys((*wanted.nameservers, *before))
    for server in list(now)[NAMESERVERS_LIMIT:]:
        if server in before[:NAMESERVERS_LIMIT]:
            yield Finding(
                check='resolv-conf-unseen',
                severity='warning',
                message=f'the nameserver {server} is not asked any more',
                path=RESOLV_CONF,
            )


def edit_findings(edits: Mapping[str, Edited]) -> Iterable[Finding]:
    for area, edited in edits.items():
        for unseen in edited.unseen:
            yield _unseen(area, unseen)


def containers(facts: Facts) -> Iterable[Finding]:
    """Containers have a copy of the file, made when they started.

    Only a restart of the container makes it anew (20.10.24, observed).
    """
    names = [container.name for container in facts.containers]
    if not names:
        return
    registries = [c.name for c in facts.containers if c.is_registry]
    among = f'; among them a registry: {", ".join(registries)}' if registries else ''
    yield Finding(
        check='containers-keep-nameservers',
        severity='info',
        message=f'{_asking(len(names))} restarted{among}',
        remedy=(f'sudo docker restart {quoted(*names)}',),
    )


def _asking(number: int) -> str:
    containers = counted(number, 'running container')
    if number == 1:
        return f'{containers} asks the nameservers that it started with, until it is'
    return f'{containers} ask the nameservers that they started with, until they are'


def _unseen(area: str, unseen: Unseen) -> Finding:
    what = 'nameserver' if area == NAMESERVERS else 'search domain'
    from registry_host.resolver.resolvconf import READER_NAMES

    everybody = len(unseen.readers) == len(READER_NAMES)
    readers = ' and '.join(READER_NAMES[reader] for reader in unseen.readers)
    return Finding(
        check='resolv-conf-unseen',
        severity='warning',
        message=f'the {what} {unseen.text} is not asked '
        + ('any more' if everybody else f'by programs of {readers}'),
        path=RESOLV_CONF,
    )
