"""What distribution makes of a config: its role, upstream, storage, and addresses."""

from __future__ import annotations

import posixpath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from registry_host.errors import ConfigError, Problem
from registry_host.namedtuples import NamedTuple
from registry_host.registry.distread import Reading, drivers_in, read_tree, seconds_of
from registry_host.registry.faulty import dotted
from registry_host.yamlfile.yamltext import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Role = Literal['cache', 'push', 'push-readonly']

# registry/storage/driver/filesystem/driver.go
DEFAULT_ROOT = '/var/lib/registry'


class DistributionConfig(NamedTuple):
    """A config as the registry uses it.

    `role` None: it does not start with this, and nothing else is known. `root` is the
    folder of the driver `filesystem`, normalised, '' with another driver. `auth` is the
    type, '' for none. `ttl_s` counts only for a cache, and None is the default of 168
    hours. Its repr() shows no password.
    """

    reading: Reading
    major: int = 2
    role: Role | None = None
    upstream: str = ''
    driver: str = ''
    root: str = ''
    addr: str = ''
    certificate: str = ''
    auth: str = ''
    debug_addr: str = ''
    ttl_s: float | None = None
    has_delete: bool = False
    is_readonly: bool = False
    has_secret: bool = False
    has_login: bool = False

    def __repr__(self) -> str:
        return f'DistributionConfig(role={self.role!r}, root={self.root!r})'

    @property
    def has_tls(self) -> bool:
        """Whether it speaks TLS; a key without a certificate does not make it so."""
        tls = self.reading.get('http', 'tls') or {}
        return bool(self.certificate or (tls.get('letsencrypt') or {}).get('cachefile'))


def read_config(
    content: bytes,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    major: int = 2,
) -> DistributionConfig:
    """Read a config as the registry does.

    Raises YamlTextError for what is no YAML, and ConfigError for what the registry
    does not start with; neither quotes the file, which may hold a password.
    """
    config = understand(content, environment=environment, major=major)
    fatal = [fault for fault in config.reading.faults if fault.is_fatal]
    if fatal:
        reading = config.reading
        raise ConfigError(
            *(
                Problem(
                    code=fault.check,
                    where=fault.variable or reading.position(*fault.path),
                    message=f'{dotted(fault.path)}: {fault.message}'
                    if fault.path
                    else fault.message,
                )
                for fault in fatal
            )
        )
    return config


def understand(
    content: bytes, *, environment: Mapping[str, str], major: int
) -> DistributionConfig:
    """Read a config with all that is wrong in it; YamlTextError for no YAML."""
    reading = read_tree(read(content), environment, major)
    if any(fault.is_fatal for fault in reading.faults):
        return DistributionConfig(reading, major)
    (driver,) = drivers_in(reading.get('storage'), major)
    upstream = reading.get('proxy', 'remoteurl') or ''
    readonly = reading.get('storage', 'maintenance', 'readonly')
    # A map that the environment made is of another type, which the registry refuses.
    is_readonly = type(readonly) is dict and readonly.get('enabled') is True
    role: Role = 'push-readonly' if is_readonly else 'push'
    return DistributionConfig(
        reading=reading,
        major=major,
        role='cache' if upstream else role,
        upstream=upstream,
        driver=driver,
        root=_root(reading) if driver == 'filesystem' else '',
        addr=reading.get('http', 'addr') or '',
        certificate=reading.get('http', 'tls', 'certificate') or '',
        auth=_auth(reading),
        debug_addr=reading.get('http', 'debug', 'addr') or '',
        ttl_s=seconds_of(reading.get('proxy', 'ttl')) if major >= 3 else None,
        has_delete=reading.get('storage', 'delete', 'enabled') is True,
        is_readonly=is_readonly,
        has_secret=bool(reading.get('http', 'secret')),
        has_login=bool(reading.get('proxy', 'username')),
    )


def _root(reading: Reading) -> str:
    """The storage root; as the driver prints any value, and joins paths below it."""
    params = reading.get('storage', 'filesystem') or {}
    root: Any = params.get('rootdirectory', DEFAULT_ROOT)
    return posixpath.normpath(str(root)) if root not in (None, '') else ''


def _auth(reading: Reading) -> str:
    names = list(reading.get('auth') or {})
    return '' if not names or names[0].lower() == 'none' else str(names[0])
