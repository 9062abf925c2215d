"""The registries that registry-host has installed on a host: one config each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple
from registry_host.registry.instances import (
    CACHE,
    CONFIGS,
    PUSH,
    Instance,
    config_of,
    unit_of,
)

if TYPE_CHECKING:
    from registry_host.host.host import Host

_ENDING = '.yml'


class Installed(NamedTuple):
    """One registry of this host.

    `kind` is cache or push, `address` HOST:PORT; each is '' where its config cannot be
    read, as one without root cannot, or does not say it. So are `storage`, the folder
    of its images, and `upstream`, which a push instance has none of. `state` is what
    systemd has of its unit (active, activating, failed …), where that was asked.
    """

    name: str
    path: str
    unit: str
    kind: str = ''
    address: str = ''
    storage: str = ''
    upstream: str = ''
    state: str = ''

    @property
    def port(self) -> int:
        """The port that it listens on; 0 if that is not known."""
        port = self.address.rpartition(':')[2]
        return int(port) if port.isdigit() else 0


def installed(host: Host) -> tuple[Installed, ...]:
    """Find the registries of a host by their configs; () where there is no folder."""
    names = (name for name in host.names(CONFIGS) if name.endswith(_ENDING))
    return tuple(_found(host, name.removesuffix(_ENDING)) for name in names)


def _found(host: Host, name: str) -> Installed:
    found = Installed(name, config_of(name), unit_of(name))
    # Imported here, for PyYAML is of use to hosts with registries alone.
    from registry_host.yamlfile.yamlnode import YamlTextError
    from registry_host.yamlfile.yamltext import read

    try:
        config = read(host.read(found.path).content or b'')
    except (ConfigError, YamlTextError):
        return found
    address, storage, upstream = (
        value if isinstance(value, str) else ''
        for value in (
            config.get('http', 'addr'),
            config.get('storage', 'filesystem', 'rootdirectory'),
            config.get('proxy', 'remoteurl'),
        )
    )
    kind = CACHE if upstream else PUSH
    return found._replace(
        kind=kind, address=address, storage=storage, upstream=upstream
    )


def as_instance(host: Host, registry: Installed) -> Instance | None:
    """Say what it serves, and where; None where its config does not tell."""
    if not registry.kind or not registry.port:
        return None
    from registry_host.yamlfile.yamltext import read

    # It was read before, for its kind.
    config = read(host.read(registry.path).content or b'')
    certificate = config.get('http', 'tls', 'certificate')
    return Instance(
        kind=CACHE if registry.upstream else PUSH,
        name=registry.name,
        storage=registry.storage,
        listen=registry.address,
        upstream=registry.upstream,
        certificate=certificate if isinstance(certificate, str) else '',
    )


def with_state(host: Host, registry: Installed) -> Installed:
    """Ask systemd for the state of its unit; '' on a host that does not run."""
    if not host.is_live:
        return registry
    done = host.run(['systemctl', 'is-active', registry.unit])
    return registry._replace(state=done.out.strip())


def others_at(host: Host, storage: str, *, but: str) -> tuple[Installed, ...]:
    """The other registries whose storage is this folder, holds it, or lies in it."""
    place = f'{host.resolve(storage).rstrip("/")}/'
    found: list[Installed] = []
    for each in installed(host):
        other = f'{host.resolve(each.storage).rstrip("/")}/' if each.storage else ''
        is_within = other and (place.startswith(other) or other.startswith(place))
        if each.name != but and is_within:
            found.append(each)
    return tuple(found)
