"""One instance of a registry: its config, and what else is known of how it runs."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.errors import Finding, quoted
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.errors import Severity
    from registry_host.registry.distconfig import DistributionConfig
    from registry_host.registry.faulty import Path

# What begins a way out that is a command.
_COMMANDS = ('sudo ', 'ls -l ')


class Runner(NamedTuple):
    """What starts an instance: a unit, a service of a compose file, or a process.

    `file` holds its environment. `user` is who it runs as, '' where that is not known.
    `mounts` maps folders of a container to those of the host, or to names of volumes;
    `ports` are what is published of it. `settings` are those of a unit.
    """

    name: str = ''
    file: str = ''
    user: str = ''
    environment: Mapping[str, str] = MappingProxyType({})
    is_unit: bool = False
    is_container: bool = False
    has_own_network: bool = False
    major: int | None = None
    replicas: int = 1
    mounts: Mapping[str, str] = MappingProxyType({})
    ports: tuple[str, ...] = ()
    settings: Mapping[str, str] = MappingProxyType({})
    pid: int | None = None
    config_path: str = ''

    def __repr__(self) -> str:  # The environment may hold passwords.
        return f'Runner({self.name!r})'


class Instance(NamedTuple):
    """A config and its runner.

    `mode` is that of the file, 0 where there is none. `is_built_in`: the config is that
    of the image, so `path` is the compose file, and no place in it is meant.
    """

    path: str
    config: DistributionConfig
    runner: Runner = Runner()
    mode: int = 0
    is_built_in: bool = False
    unknown: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What to call it beside another: its file, and its service in there."""
        runner = self.runner
        return f'{self.path} ({runner.name})' if runner.is_container else self.path

    def at(self, *path: str | int) -> str:
        """Name the place of a value: FILE:LINE:COLUMN, or FILE: VARIABLE."""
        reading = self.config.reading
        variable = reading.source(*map(str, path))
        if variable is not None:
            return self.at_variable(variable)
        position = '' if self.is_built_in else reading.position(*path)
        return f'{self.path}:{position}' if position else self.path

    def at_variable(self, variable: str) -> str:
        return f'{self.runner.file}: {variable}' if self.runner.file else variable

    def tell(
        self,
        check: str,
        severity: Severity,
        path: Path,
        message: str,
        *ways: str,
    ) -> Finding:
        """Tell something of the value at a path, and the way out of it.

        A way to write a key is one to set the variable, where the value is of one.
        """
        variable = self.config.reading.sources.get(path)
        if variable is not None:
            asked = f'write: {path[-1]}: '
            ways = tuple(each.replace(asked, f'write: {variable}=') for each in ways)
        return self.tell_at(self.at(*path), check, severity, message, *ways)

    def tell_at(
        self, where: str, check: str, severity: Severity, message: str, *ways: str
    ) -> Finding:
        """Tell something; of the ways out, words are part of the message.

        What is left as the remedy can be pasted: commands, or else an editor.
        """
        commands = [each for each in ways if each.startswith(_COMMANDS)]
        words = [_in_words(each) for each in ways if each not in commands]
        told = '; '.join((f'{where}: {message}', *words))
        if words and commands == [*self.restart()]:
            commands = [*editor_at(where), *commands]
        return Finding(check, severity, told, where, tuple(commands))

    def restart(self) -> tuple[str, ...]:
        """How the instance is made to read its config again, where that is known."""
        if self.runner.is_unit:
            return (f'sudo systemctl restart {quoted(self.runner.name)}',)
        return ()

    def on_host(self, path: str) -> str | None:
        """Name a file that the registry names, as the host does; None if unknown."""
        if not self.runner.is_container:
            return path
        for inside, outside in sorted(self.runner.mounts.items(), reverse=True):
            if path == inside or path.startswith(f'{inside.rstrip("/")}/'):
                rest = path[len(inside) :]
                return outside + rest if outside.startswith('/') else None
        return None


def editor_at(where: str) -> tuple[str, ...]:
    """The command that opens a file at FILE:LINE:COLUMN; () for what is no file."""
    found = re.fullmatch(r'(.+?)(?::(\d+))?(?::\d+)?(?:: \w+)?', where, re.DOTALL)
    if found is None or found[1].startswith('environment of process'):
        return ()
    line = f'+{found[2]} ' if found[2] else ''
    return (f'sudo "${{EDITOR:-vi}}" {line}{quoted(found[1])}',)


def _in_words(way: str) -> str:
    """Say `write: KEY: VALUE`, and `write below KEY: …`, as a part of a sentence."""
    found = re.fullmatch(r'write(?: below (\w+))?: (.+)', way)
    if found is None:
        return way
    return f'write `{found[2]}`' + (f' below {found[1]}' if found[1] else '')
