"""The families of config files that a run may change, as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.targets import (
    dns_manager,
    docker_config,
    docker_daemon,
    registry_files,
)

if TYPE_CHECKING:
    from registry_host.targets.target import Target

# In the order of writing.
TARGETS: dict[str, Target] = {
    target.NAME: target
    for target in (dns_manager, docker_daemon, docker_config, registry_files)
}
