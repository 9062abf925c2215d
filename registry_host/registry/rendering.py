"""What makes a registry of an instance: its config as data, units, a compose file.

Source: distribution configuration/configuration.go and docs/content/about/
configuration.md (2.8, 3.1), and what both versions were seen to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple
from registry_host.registry.instances import CACHE, Instance, read_only_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.yamlfile.yamlvalue import Yaml

PROGRAM = '/usr/bin/docker-registry'
USER = 'docker-registry'
# Where the container images of the two versions read their config.
_IN_IMAGE = {2: '/etc/docker/registry/config.yml', 3: '/etc/distribution/config.yml'}
_IMAGES = {2: 'registry:2.8.3', 3: 'registry:3'}
_IMAGE_STORAGE = '/var/lib/registry'


class Text(NamedTuple):
    """One file that is rendered: its name, and what it holds."""

    name: str
    text: str


def settings_of(instance: Instance) -> dict[tuple[str, ...], Yaml]:
    """Say what the config must hold, by path, in the order of a new file.

    `storage.cache` is left out: with `inmemory` a registry takes blobs for present that
    a garbage collection has removed. A cache deletes what has expired, else nothing is
    ever reclaimed; on shared storage that would take layers of pushed images.
    """
    deletes = not (instance.is_shared and instance.kind == CACHE)
    found: dict[tuple[str, ...], Yaml] = {
        ('version',): 0.1,
        ('storage', 'filesystem', 'rootdirectory'): instance.storage,
        ('storage', 'delete', 'enabled'): deletes,
        ('http', 'addr'): instance.listen,
        ('http', 'debug', 'addr'): instance.debug,
    }
    if instance.certificate:
        found['http', 'tls', 'certificate'] = instance.certificate
        found['http', 'tls', 'key'] = instance.key
    if instance.htpasswd:
        found['auth', 'htpasswd', 'realm'] = f'registry {instance.name}'
        found['auth', 'htpasswd', 'path'] = instance.htpasswd
    if instance.kind == CACHE:
        found['proxy', 'remoteurl'] = instance.upstream
        if instance.username:
            found['proxy', 'username'] = instance.username
            found['proxy', 'password'] = instance.password
        ttl = '0' if instance.is_shared and instance.major >= 3 else instance.ttl
        if ttl:
            found['proxy', 'ttl'] = '0s' if ttl == '0' else ttl
    found['health', 'storagedriver', 'enabled'] = True
    return found


def nested(settings: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Make of values by path the tree that a config is."""
    tree: dict[str, Any] = {}
    for path, value in settings.items():
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value
    return tree


def credentials(instance: Instance) -> dict[str, str]:
    """The files that systemd hands to the unit, by their name there."""
    files = {
        'certificate.pem': instance.certificate,
        'key.pem': instance.key,
        'htpasswd': instance.htpasswd,
    }
    return {name: path for name, path in files.items() if path}


def in_unit(instance: Instance) -> Instance:
    """The same with the names under which the unit finds its files.

    The user of the registry need not be able to read a private key.
    """
    folder = f'/run/credentials/{unit_of(instance.name)}'
    names = credentials(instance)
    return instance._replace(
        certificate=f'{folder}/certificate.pem' if instance.certificate else '',
        key=f'{folder}/key.pem' if instance.key else '',
        htpasswd=f'{folder}/htpasswd' if 'htpasswd' in names else '',
    )


def in_image(instance: Instance) -> Instance:
    """The same for a container: it has a network and a file system of its own."""
    return instance._replace(storage=_IMAGE_STORAGE, listen=f':{instance.port}')


def units(
    instance: Instance, config: str, program: str, environment: str = ''
) -> tuple[Text, ...]:
    """Render the units; `config` is the path of the config.

    `program` is registry-host itself, `environment` a file with variables of the
    registry, '' for none: everybody may read those of a unit.
    """
    names = ['service', 'restart.path', 'restart.service']
    if instance.kind != CACHE:
        names += ['collect.service', 'gc.service', 'gc.timer']
    values = {
        'instance': instance,
        'unit': unit_of(instance.name),
        'config': config,
        'binary': PROGRAM,
        'user': USER,
        'program': program,
        'environment': environment,
        'is_privileged': instance.port < 1024,
        'credentials': credentials(instance),
        'read_only': '' if instance.kind == CACHE else read_only_of(instance.name),
    }
    stem = unit_of(instance.name).removesuffix('.service')
    return tuple(
        Text(
            f'{stem}.service' if name == 'service' else f'{stem}-{name}',
            _render(f'registry.{name}.j2', values),
        )
        for name in names
    )


def compose(instance: Instance, config: str) -> Text:
    """Render a compose file that runs it; `config` is the path of the config."""
    values = {
        'instance': instance,
        'config': config,
        'image': _IMAGES[instance.major],
        'in_image': _IN_IMAGE[instance.major],
        'image_storage': _IMAGE_STORAGE,
        'credentials': credentials(instance),
    }
    return Text('compose.yml', _render('registry.compose.yml.j2', values))


def _render(name: str, values: Mapping[str, object]) -> str:
    from importlib.resources import files
    from json import dumps

    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # In an installation they are part of the package; in a checkout, beside it.
    package = files('registry_host')
    folder = next(
        each
        for each in (package / 'templates', package / '..' / 'templates')
        if each.is_dir()
    )
    environment = Environment(
        loader=FunctionLoader(lambda each: (folder / each).read_text('utf-8')),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML: units and YAML, values quoted there
    )
    environment.filters['yaml'] = dumps  # A JSON string is one of YAML as well.
    return environment.get_template(name).render(values)


def environment_text(variables: Mapping[str, str]) -> str:
    """Write variables as systemd reads an EnvironmentFile; '' if there are none."""
    lines = []
    for name, value in variables.items():
        quoted = ''.join(f'\\{each}' if each in '\\"$`' else each for each in value)
        lines.append(f'{name}="{quoted}"\n')
    return ''.join(lines)
