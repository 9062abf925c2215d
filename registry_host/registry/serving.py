"""Units of a host that run a registry, and with what."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from registry_host.engine.environment import UNITS, of_unit, unit_files, unit_names
from registry_host.errors import ConfigError
from registry_host.host.unitfiles import settings_of
from registry_host.registry.distenv import CONFIGURATION_PATH
from registry_host.registry.registryplace import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host

PROGRAMS = ('docker-registry', 'registry')
# Of these each line adds to those before it; an empty one takes them back.
_LISTS = frozenset(
    'EnvironmentFile LoadCredential ReadWritePaths ReadOnlyPaths InaccessiblePaths '
    'StateDirectory AmbientCapabilities CapabilityBoundingSet'.split()
)


def units_of(host: Host) -> Iterator[Runner]:
    """Yield the units that serve a config of a registry."""
    for unit in unit_names(host):
        if is_masked(host, unit):
            continue
        settings, environment = _settings(host, unit), of_unit(host, unit)
        prefix, at, _ = unit.removesuffix('.service').partition('@')
        names = _instances(host, prefix) if at and unit.endswith('@.service') else ['']
        for name in names:
            mine = {key: _specified(text, name) for key, text in settings.items()}
            given = {key: _specified(text, name) for key, text in environment.items()}
            path = config_of(mine, given)
            if path is not None:
                title = unit.replace('@.service', f'@{name}').removesuffix('.service')
                yield _runner(host, title, unit, mine, given)._replace(config_path=path)


def _runner(
    host: Host,
    name: str,
    unit: str,
    settings: dict[str, str],
    environment: dict[str, str],
) -> Runner:
    files = [p.lstrip('-') for p in settings.get('EnvironmentFile', '').split()]
    return Runner(
        name=name,
        file=next((p for p in files if host.exists(p)), None) or _file_of(host, unit),
        user=settings.get('User', 'root'),
        environment=environment,
        is_unit=True,
        settings=settings,
    )


def _instances(host: Host, prefix: str) -> list[str]:
    """The names with which a template is enabled."""
    wants = (f'{f}/{n}' for f in UNITS for n in host.names(f) if n.endswith('.wants'))
    units = {unit for folder in wants for unit in host.names(folder)}
    found = (re.fullmatch(rf'{re.escape(prefix)}@(.+)\.service', u) for u in units)
    return sorted(each[1] for each in found if each)


def _specified(text: str, name: str) -> str:
    """Put the name of an instance in (systemd.unit(5), Specifiers)."""
    return re.sub('%[iIj]', lambda _: name, text) if name else text


def is_masked(host: Host, unit: str) -> bool:
    """Whether a unit is a link to nothing, and so cannot be started."""
    return host.resolve(f'/etc/systemd/system/{unit}') == host.resolve('/dev/null')


def _file_of(host: Host, unit: str) -> str:
    return next(iter(unit_files(host, unit)), unit)


def _settings(host: Host, unit: str) -> dict[str, str]:
    """The settings of a unit as the drop-ins leave them; values of a list in a row."""
    found: dict[str, str] = {}
    for path in unit_files(host, unit):
        try:
            text = (host.read(path).content or b'').decode('utf-8', 'replace')
        except ConfigError:
            continue
        for key, value in settings_of(text, 'Service'):
            if key in _LISTS and value and found.get(key):
                found[key] += f' {value}'
            else:
                found[key] = value
    return found


def config_of(
    settings: Mapping[str, str], environment: Mapping[str, str]
) -> str | None:
    """Name the config that a unit serves; None for a unit that runs no registry."""
    try:
        words = shlex.split(settings.get('ExecStart', ''))
    except ValueError:
        return None
    path = served_by([words[0].lstrip('-@:+!'), *words[1:]] if words else [])
    if path is None:
        return None
    path = path or environment.get(CONFIGURATION_PATH, '')
    expanded = _expanded(path, settings, environment).replace('%%', '%')
    # Of another specifier it is not known what stands for it.
    return expanded if expanded.startswith('/') and '%' not in expanded else None


def served_by(words: list[str]) -> str | None:
    """Name the config in a command line; '' for none, None for another program."""
    if not words or words[0].rpartition('/')[2] not in PROGRAMS:
        return None
    if 'serve' not in words:
        return None
    rest = words[words.index('serve') + 1 :]
    return next((word for word in rest if not word.startswith('-')), '')


def _expanded(
    path: str, settings: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    """Put in the variables of the unit; a credential is the file it comes from."""
    credential = re.fullmatch(r'(?:\$\{CREDENTIALS_DIRECTORY\}|%d)/(.+)', path)
    if credential:
        pairs = (c.split(':', 1) for c in settings.get('LoadCredential', '').split())
        return dict(p for p in pairs if len(p) == 2).get(credential[1], '')
    return re.sub(
        r'\$\{(\w+)\}|\$(\w+)',
        lambda found: environment.get(found[1] or found[2], ''),
        path,
    )
