"""Which registries a check is about: files that are named, or those of this host."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding, Problem, quoted
from registry_host.namedtuples import NamedTuple
from registry_host.registry.composefile import BUILT_IN, is_compose, services_of
from registry_host.registry.configrules import yaml_finding
from registry_host.registry.distconfig import understand
from registry_host.registry.installed import installed
from registry_host.registry.processes import running
from registry_host.registry.registryplace import Instance, Runner, editor_at
from registry_host.registry.serving import PROGRAMS, is_masked, units_of
from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamltext import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.host.host import Host
    from registry_host.host.records import FileState

# The config of Debian's package, and the unit there that serves it.
DEFAULT_CONFIG = '/etc/docker/registry/config.yml'
DEFAULT_UNIT = 'docker-registry.service'


class Found(NamedTuple):
    """A registry that was found, or a file that is none: `instance` is None then."""

    path: str
    instance: Instance | None = None
    findings: tuple[Finding, ...] = ()


class Survey:
    """Looks at files, and at what runs them."""

    def __init__(self, host: Host, major: int | None = None) -> None:
        self.host = host
        self.major = major
        self.processes = list(running(host))
        units = {unit.config_path: unit for unit in units_of(host)}
        # A process has its config by the name that systemd hands it over under.
        copies = tuple(f'/run/credentials/{u.name}.service/' for u in units.values())
        self.runners = {
            each.config_path: each
            for each in self.processes
            if not each.config_path.startswith(copies)
        }
        self.runners |= units

    def on_host(self) -> Iterator[Found]:
        """Everything that this host has, but for a package that cannot be started."""
        paths = [*self.runners, *(each.path for each in installed(self.host))]
        if not is_masked(self.host, DEFAULT_UNIT):
            paths.append(DEFAULT_CONFIG)
        for path in dict.fromkeys(filter(None, paths)):
            try:
                state = self.host.read(path)
            except ConfigError as err:
                told = tuple(Finding.of(each, 'skipped', path) for each in err.problems)
                yield Found(path, None, told)
                continue
            if state.content is None:
                if path in self.runners:
                    yield self._missing(self.runners[path])
            else:
                yield from self._of_file(path, path, state)

    def named(self, path: str) -> Iterator[Found]:
        """What one file holds; ConfigError for one that cannot be read."""
        absolute = posixpath.abspath(path)
        inside = self._inside(absolute)
        if inside is None:
            state = self.host.read_argument(absolute)
        else:
            state = self.host.read(inside)
        if state.content is None:
            raise ConfigError(
                Problem(
                    code='config-missing',
                    where=path,
                    message='no such file',
                    hint=f'ls -l {quoted(posixpath.dirname(absolute))}',
                )
            )
        yield from self._of_file(path, inside or absolute, state)

    def _inside(self, path: str) -> str | None:
        """Name a file of the root as that host does; None for one of this machine."""
        root = self.host.root
        if not root:
            return path
        return path[len(root) :] if path.startswith(f'{root}/') else None

    def _missing(self, runner: Runner) -> Found:
        path, name = runner.config_path, runner.name
        if runner.is_unit:
            who, look = f'{name}.service', f'systemctl cat {quoted(name)}'
        else:
            who, look = name, f'ls -l /proc/{runner.pid}/exe'
        finding = Finding(
            'config-missing',
            'error',
            f'{path}: does not exist, and {who} serves it: the registry does not '
            'start again',
            path,
            (look,),
        )
        return Found(path, None, (finding,))

    def _of_file(self, shown: str, path: str, state: FileState) -> Iterator[Found]:
        content = state.content or b''
        try:
            document = read(content)
        except YamlTextError as err:
            yield Found(shown, None, (yaml_finding(shown, err),))
            return
        if is_compose(document):
            yield from self._of_compose(shown, path, state)
            return
        runner = self.runners.get(path, Runner())
        yield self._instance(shown, content, runner, mode=state.mode)

    def _of_compose(self, shown: str, path: str, state: FileState) -> Iterator[Found]:
        document = read(state.content or b'')
        count = 0
        for service in services_of(document, path, self._text, self.major):
            count += 1
            runner = service.runner._replace(file=shown)
            content, config, mode = BUILT_IN, shown, state.mode
            if service.config:
                given = self.host.read(service.config)
                if given.content is not None:
                    content, config, mode = given.content, service.config, given.mode
            found = self._instance(
                config,
                content,
                runner,
                mode=mode,
                is_built_in=config == shown,
                unknown=service.unknown,
            )
            yield found._replace(
                findings=(*found.findings, *_strayed(shown, service.strayed, runner))
            )
        if not count:
            yield Found(shown, None, (_no_service(shown),))

    def _text(self, path: str) -> str:
        try:
            return (self.host.read(path).content or b'').decode('utf-8', 'replace')
        except ConfigError:
            return ''

    def _instance(
        self,
        shown: str,
        content: bytes,
        runner: Runner,
        *,
        mode: int,
        is_built_in: bool = False,
        unknown: frozenset[str] = frozenset(),
    ) -> Found:
        major = self.major or runner.major or self._installed_major()
        try:
            config = understand(content, environment=runner.environment, major=major)
        except YamlTextError as err:
            return Found(shown, None, (yaml_finding(shown, err),))
        instance = Instance(shown, config, runner, mode, is_built_in, unknown)
        return Found(shown, instance)

    def _installed_major(self) -> int:
        """The major version of the package's program; Debian has 2."""
        if not self.host.is_live:
            return 2
        program = self.host.find_program(PROGRAMS[0])
        if program is None:
            return 2
        said = self.host.run([program, '--version']).out
        found = re.search(r'\sv?(\d+)\.\d', said)
        return 3 if found and found[1] == '3' else 2


def _strayed(shown: str, target: str, runner: Runner) -> Iterable[Finding]:
    if not target:
        return
    yield Finding(
        'config-path-version',
        'error',
        f'{shown}: {runner.name}: a config is mounted at {target}, where distribution '
        f'{runner.major} does not look: it serves '
        f'{runner.config_path}, so mount it there',
        shown,
        editor_at(shown),
    )


def _no_service(shown: str) -> Finding:
    return Finding(
        'no-registry',
        'info',
        f'{shown}: no service of this file runs the image of a registry',
        shown,
    )
