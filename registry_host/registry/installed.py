"""The registries that are installed on a host: one config each, in a folder of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from registry_host.host.host import Host

FOLDER = '/etc/registry-host/registries'
_ENDING = '.yml'


class Installed(NamedTuple):
    """One registry of this host.

    `kind` is cache or push, `address` HOST:PORT; each is '' where its config cannot be
    read, as one without root cannot, or does not say it.
    """

    name: str
    path: str
    unit: str
    kind: str = ''
    address: str = ''


def installed(host: Host) -> tuple[Installed, ...]:
    """Find the registries of a host by their configs; () where there is no folder."""
    names = (name for name in host.names(FOLDER) if name.endswith(_ENDING))
    return tuple(_found(host, name.removesuffix(_ENDING)) for name in names)


def _found(host: Host, name: str) -> Installed:
    path = f'{FOLDER}/{name}{_ENDING}'
    found = Installed(name, path, f'registry-host-{name}.service')
    # Imported here, for PyYAML is of use to hosts with registries alone.
    from registry_host.yamlfile import yamltext

    try:
        config = yamltext.read(host.read(path).content or b'')
    except (ConfigError, yamltext.YamlTextError):
        return found
    address = config.get('http', 'addr')
    return found._replace(
        kind='cache' if config.get('proxy', 'remoteurl') else 'push',
        address=address if isinstance(address, str) else '',
    )
