"""The package of the registry's program, as Debian ships it.

Its own unit starts right after the installation, on all addresses, and answers 400 or
401 to every login (2.8.2+ds1-1, 2.8.3+ds1-2, seen): it is masked before, if it is this
program that brings the package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, ConfigError, Problem
from registry_host.host.locations import REGISTRY_PACKAGE
from registry_host.registry.rendering import PROGRAM

if TYPE_CHECKING:
    from registry_host.host.host import Host

PACKAGE = 'docker-registry'
PACKAGE_UNIT = 'docker-registry.service'
INSTALL_TIMEOUT_S = 900.0
_INSTALL = ['apt-get', '-qq', 'install', '-y', '--no-install-recommends', PACKAGE]


def is_there(host: Host) -> bool:
    return host.exists(PROGRAM)


def require_installable(host: Host) -> None:
    """Raise ConfigError on a host that has neither the program nor a way to get it."""
    if not is_there(host) and host.find_program('apt-get') is None:
        raise ConfigError(
            Problem(
                'registry-package',
                f'there is no {PROGRAM}, and no apt-get that would install it',
                where='registry install',
                hint='registry-host registry render cache --as compose',
            )
        )


def ensure(host: Host) -> bool:
    """Install the package where its program is missing; whether it was.

    ApplyError with apt's own reason; the mask is taken off again then.
    """
    if is_there(host):
        return False
    host.write_state(REGISTRY_PACKAGE, b'{"version": 1, "masked": true}\n')
    host.run(['systemctl', 'mask', PACKAGE_UNIT])
    environment = {**host.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    for words in (_INSTALL, ['apt-get', '-qq', 'update'], _INSTALL):
        # An image, or a host that is new, has no lists of packages, or old ones.
        done = host.run(words, timeout_s=INSTALL_TIMEOUT_S, env=environment)
        if is_there(host):
            return True
    restore(host)
    said = [line for line in done.err.splitlines() if line.startswith('E: ')]
    reason = said[0][3:] if said else f'apt-get ended with {done.code}'
    raise ApplyError(
        Problem(
            'registry-package',
            f'{PACKAGE} could not be installed ({reason}); no registry was set up',
            where='apt-get',
            hint='sudo apt-get update',
        )
    )


def restore(host: Host) -> bool:
    """Take off the mask that ensure() has put on; whether there was one."""
    if not host.exists(REGISTRY_PACKAGE):
        return False
    try:
        record = json.loads(host.read_state(REGISTRY_PACKAGE).content or b'{}')
    except (ConfigError, ValueError):
        record = {}
    is_masked = isinstance(record, dict) and record.get('masked') is True
    if is_masked:
        host.run(['systemctl', 'unmask', PACKAGE_UNIT])
    host.remove_state(REGISTRY_PACKAGE)
    return is_masked
