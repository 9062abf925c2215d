"""The command registry gc: what no image refers to is removed from a push instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.registry.installed import installed as registries_of
from registry_host.registry.installed import others_at
from registry_host.registry.instances import PUSH
from registry_host.reporting.report import Report
from registry_host.targets.registering import (
    not_installed,
)
from registry_host.transaction.lock import require_root, transaction

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.registry.installed import Installed

COMMAND = 'registry gc'


def collect_garbage(host: Host, name: str, *, lock_timeout_s: float) -> Report:
    """Collect the garbage of an installed push instance.

    ConfigError if that would harm another registry, or cannot be.
    """
    from registry_host.registry.collecting import collect, is_empty, keeps_pushes_away

    require_root(host)
    instance = next((i for i in registries_of(host) if i.name == name), None)
    if instance is None:
        raise ConfigError(not_installed(name))
    _require_alone(host, instance)
    if not keeps_pushes_away(host, name):
        raise ConfigError(_old(name))
    if is_empty(host, instance.storage):
        return Report(COMMAND, note=f'nothing to do: {instance.storage} is empty')
    with transaction(host, lock_timeout_s=lock_timeout_s) as mended:
        found = collect(host, name)
    note = 'done: the registry did not say how many blobs were removed'
    if found is not None:
        note = f'{found.removed} blobs removed, {found.marked} in use'
    return Report(COMMAND, note=note, findings=mended)


def _old(name: str) -> Problem:
    return Problem(
        'registry-unit',
        'was installed by an earlier registry-host, and would take pushes during a '
        'collection; install it again, with the same options',
        where=name,
        hint='registry-host registry install --help',
    )


def _require_alone(host: Host, instance: Installed) -> None:
    """A cache removes by itself, and on one storage each removes what others use."""
    if instance.kind != PUSH:
        raise ConfigError(
            Problem(
                'registry-kind',
                f'{instance.name} is a cache, which removes by itself what has expired',
                where='NAME',
                hint='registry-host status',
            )
        )
    sharing = [
        each.name for each in others_at(host, instance.storage, but=instance.name)
    ]
    if sharing:
        raise ConfigError(
            Problem(
                'registry-storage',
                f'{instance.storage} is the storage of {", ".join(sharing)} too, which '
                'would lose images',
                where=instance.name,
                hint='registry-host status',
            )
        )
