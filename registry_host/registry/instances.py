"""One registry as an administrator asks for it: a cache of an upstream, or a push one.

Pure. What cannot work, or would be open to everybody, is refused before it is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem, SettingsError
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    Kind = Literal['cache', 'push']

CACHE: Final = 'cache'
PUSH: Final = 'push'
KINDS: tuple[Kind, ...] = (CACHE, PUSH)
# The ports of the examples of this project; the debug server is ten thousand above.
PORTS = {CACHE: 5000, PUSH: 5002}
DEBUG_DISTANCE = 10_000
CONFIGS = '/etc/registry-host/registries'
UNITS = '/etc/systemd/system'
STORAGE = '/srv/registry'
# Names that systemd units of one instance have behind its own.
_RESERVED = ('restart', 'gc', 'collect')
_NAME = re.compile(r'[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?')
_DURATION = re.compile(r'(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+|0')
# Folders that the units hide, or that are emptied at boot: see registry.service.j2.
_HIDDEN = ('/home', '/root', '/run', '/tmp', '/var/tmp', '/proc', '/sys', '/dev')  # noqa: S108


class Instance(NamedTuple):
    """One registry. `listen` is ADDR:PORT, an empty ADDR being all addresses.

    `major` is that of distribution, the program: 2 or 3. `upstream` is '' for a push
    instance. `ttl` is how long a cache keeps what it has fetched, in Go's words (168h),
    '' for the program's own. `is_shared`: another instance uses the same storage, so
    nothing there may be deleted.
    """

    kind: Kind
    name: str
    storage: str
    listen: str
    major: int = 2
    upstream: str = ''
    username: str = ''
    password: str = ''
    ttl: str = ''
    certificate: str = ''
    key: str = ''
    htpasswd: str = ''
    is_shared: bool = False

    def __repr__(self) -> str:
        return f'Instance({self.kind!r}, {self.name!r})'

    @property
    def host(self) -> str:
        return self.listen.rpartition(':')[0].strip('[]')

    @property
    def port(self) -> int:
        port = self.listen.rpartition(':')[2]
        return int(port) if port.isdigit() else PORTS[self.kind]

    @property
    def is_open(self) -> bool:
        """Whether it listens on all addresses of the host."""
        return ':' in self.listen and self.host in ('', '0.0.0.0', '::')  # noqa: S104 - compared

    @property
    def is_local(self) -> bool:
        return self.host in ('localhost', '::1') or self.host.startswith('127.')

    @property
    def is_hub_mirror(self) -> bool:
        """Whether clients gain by it as a mirror, which is asked for Docker Hub's."""
        is_push = self.kind == PUSH
        return is_push or self.upstream.rstrip('/').endswith('registry-1.docker.io')

    @property
    def debug(self) -> str:
        """Where its health is asked for; on loopback, for it tells everything."""
        port = self.port
        far = DEBUG_DISTANCE
        return f'127.0.0.1:{port + far if port + far <= 65535 else port - far}'

    @property
    def address(self) -> str:
        """A URL at which the host itself reaches it."""
        scheme = 'https' if self.certificate else 'http'
        host = '127.0.0.1' if self.is_open else self.host
        return f'{scheme}://{f"[{host}]" if ":" in host else host}:{self.port}'

    @property
    def title(self) -> str:
        return f'the registry {self.name}'


def unit_of(name: str) -> str:
    """The unit that runs the instance of a name."""
    return f'registry-host-{name}.service'


def config_of(name: str) -> str:
    """The config of the installed instance of a name."""
    return f'{CONFIGS}/{name}.yml'


def read_only_of(name: str) -> str:
    """The variable that makes an installed instance read-only, while there.

    Garbage is being collected then: see registry.collect.service.j2.
    """
    return f'/run/registry-host-{name}.read-only.env'


def environment_of(name: str) -> str:
    """The variables of the installed instance of a name, which may hold passwords."""
    return f'{CONFIGS}/{name}.env'


def require_sound(instance: Instance, *, has_unit: bool = True) -> None:
    """Raise SettingsError, with all that is wrong with what is asked.

    `has_unit`: a unit of this host is to run it, which sees less of the host.
    """
    # Without a name of its own, a storage has that of the instance.
    is_named = bool(_NAME.fullmatch(instance.name))
    problems = (
        *_of_name(instance.name),
        *_of_listen(instance),
        *(_of_storage(instance.storage, has_unit=has_unit) if is_named else ()),
        *_of_access(instance),
        *(_of_cache(instance) if instance.kind == CACHE else _of_push(instance)),
    )
    if problems:
        raise SettingsError(*problems)


def _bad(where: str, message: str, hint: str = '') -> Problem:
    return Problem('registry-option', message, where=where, hint=hint)


def _of_name(name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield _bad(
            '--name',
            f'{name!r} is not a valid name: lower-case letters, digits and dashes, '
            'at most 32',
            'cache-2',
        )
    elif name.rpartition('-')[2] in _RESERVED:
        last = name.rpartition('-')[2]
        yield _bad('--name', f'{last!r} at the end names another unit', 'cache-2')


def _of_listen(instance: Instance) -> Iterator[Problem]:
    host, colon, port = instance.listen.rpartition(':')
    example = f'127.0.0.1:{PORTS[instance.kind]}'
    if not colon or not port.isascii() or not port.isdigit():
        yield _bad('--listen', f'{instance.listen!r} is not ADDR:PORT', example)
        return
    if not 1 <= int(port) <= 65535 or port != str(int(port)):
        yield _bad('--listen', f'{port!r} is not a port from 1 to 65535', example)
        return
    if not _is_address(host):
        yield _bad(
            '--listen', f'{host!r} is neither an IP address nor a host name', example
        )


def _is_address(host: str) -> bool:
    from ipaddress import ip_address

    is_bracketed = host[:1] == '[' and host[-1:] == ']'
    text = host[1:-1] if is_bracketed else host
    if not host:
        return True
    try:
        return is_bracketed == (ip_address(text).version == 6)
    except ValueError:
        is_name = re.fullmatch(
            r'(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*', host
        )
        return bool(is_name) and not re.fullmatch(r'[\d.]+', host)


def _of_storage(storage: str, *, has_unit: bool) -> Iterator[Problem]:
    example = f'{STORAGE}/cache'
    parts = storage.split('/')
    if not storage.startswith('/') or any(p in ('.', '..') for p in parts):
        yield _bad('--storage', f'{storage!r} is not an absolute path', example)
    elif not re.fullmatch(r'[\w./+@=,-]+', storage, re.ASCII):
        yield _bad(
            '--storage', 'holds characters that systemd gives a meaning', example
        )
    elif len([part for part in parts if part]) < 2:
        yield _bad('--storage', f'{storage} is too near to the root folder', example)
    elif has_unit and any(f'{storage}/'.startswith(f'{each}/') for each in _HIDDEN):
        yield _bad(
            '--storage',
            f'{storage} is hidden from the unit, or emptied at boot',
            example,
        )


def _of_access(instance: Instance) -> Iterator[Problem]:
    if bool(instance.certificate) != bool(instance.key):
        missing = '--tls-key' if instance.certificate else '--tls-certificate'
        yield _bad(missing, 'a certificate and its key go together')
    files = {
        '--tls-certificate': instance.certificate,
        '--tls-key': instance.key,
        '--htpasswd': instance.htpasswd,
    }
    for flag, path in files.items():
        if path and not path.startswith('/'):
            yield _bad(flag, f'{path!r} is not an absolute path')


def _of_cache(instance: Instance) -> Iterator[Problem]:
    from registry_host.registry.upstreams import judge_upstream

    judged = judge_upstream(instance.upstream)
    if isinstance(judged, Problem):
        yield judged.at('--upstream')
    if instance.password and not instance.username:
        yield _bad('--username', 'a password needs the user that it belongs to')
    if instance.username and not instance.password:
        yield _bad(
            '--username',
            'a user needs a password: --password-file FILE, or this variable',
            'REGISTRY_HOST_UPSTREAM_PASSWORD',
        )
    if instance.ttl and instance.major < 3:
        yield _bad(
            '--ttl',
            'distribution 2.8 ignores it, and keeps images for 168 hours; it takes '
            '--distribution 3',
            '3',
        )
    elif instance.ttl and not _DURATION.fullmatch(instance.ttl):
        yield _bad('--ttl', f'{instance.ttl!r} is not a time such as 168h', '168h')
    if instance.is_shared and instance.major >= 3 and instance.ttl not in ('', '0'):
        yield _bad(
            '--ttl',
            'what expires would take layers of pushed images from the shared storage',
            '0',
        )


def _of_push(instance: Instance) -> Iterator[Problem]:
    for flag, value in (
        ('--upstream', instance.upstream),
        ('--username', instance.username),
        ('--ttl', instance.ttl),
    ):
        if value:
            yield _bad(flag, 'is for a cache: a push instance has no upstream')
    if instance.is_open and not (instance.certificate or instance.htpasswd):
        yield _bad(
            '--listen',
            'all addresses, without TLS and without htpasswd, let everybody push and '
            'overwrite images',
            f'127.0.0.1:{instance.port}',
        )
