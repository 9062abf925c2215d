"""Installed registries that do not run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.registry.health import last_cause
from registry_host.registry.installed import installed, with_state
from registry_host.registry.packages import PACKAGE
from registry_host.registry.rendering import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host


def down_findings(host: Host) -> Iterator[Finding]:
    """Tell of each registry whose unit is not active; systemd may be trying still."""
    for registry in installed(host):
        state = with_state(host, registry).state
        if state in ('', 'active'):
            continue
        if not host.exists(PROGRAM):
            why = f'{PROGRAM} is not there any more'
            how = f'sudo apt-get install --no-install-recommends {PACKAGE}'
        else:
            why = last_cause(host, registry.name)
            how = f'journalctl -u {registry.unit} -n 20'
            if state == 'inactive':
                how = f'sudo systemctl start {registry.unit}'
        reason = f': {why}' if why else ''
        yield Finding(
            'registry-down',
            'error',
            f'{registry.path}: {registry.unit} is {state}{reason}',
            registry.path,
            (how,),
        )
