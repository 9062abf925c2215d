"""Where the flags of an engine stand: which file of its unit, and which line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.engine.environment import assignments, unit_files
from registry_host.engine.flags import parse_flags
from registry_host.errors import ConfigError, quoted
from registry_host.host.unitfiles import numbered_settings_of
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from registry_host.host.host import Host

# An upgrade of the package overwrites what is written there.
_PACKAGED = ('/lib/', '/usr/lib/')


class FlagPlace(NamedTuple):
    """One place of a unit that gives flags; `name` is the setting, or the variable.

    `is_environment`: an EnvironmentFile, which is read anew at each start.
    """

    unit: str
    path: str
    line: int
    name: str
    is_environment: bool = False

    def __str__(self) -> str:
        return f'{self.name} of {self.path}:{self.line}'

    @property
    def edit(self) -> str:
        """The command that has an administrator take a flag out."""
        restart = f'sudo systemctl restart {quoted(self.unit)}'
        if self.path.startswith(_PACKAGED):
            return f'sudo systemctl edit --full {quoted(self.unit)} && {restart}'
        if not self.is_environment:
            restart = f'sudo systemctl daemon-reload && {restart}'
        editor = f'sudo "${{EDITOR:-vi}}" +{self.line} {quoted(self.path)}'
        return f'{editor} && {restart}'


def places_of(host: Host, unit: str, flags: Collection[str]) -> dict[str, FlagPlace]:
    """Map flags of an engine to where its unit has them, as far as it has them."""
    found: dict[str, FlagPlace] = {}
    for place, words in _places(host, unit):
        for flag in parse_flags(['', *words]):
            if flag in flags:
                found.setdefault(flag, place)
    return found


def _places(host: Host, unit: str) -> Iterator[tuple[FlagPlace, list[str]]]:
    """Yield the places of a command line, with the words that each adds to it."""
    start: tuple[FlagPlace, str] | None = None
    variables: dict[str, tuple[FlagPlace, str]] = {}
    files: list[str] = []
    for path in unit_files(host, unit):
        for line, key, value in numbered_settings_of(_text(host, path), 'Service'):
            if key == 'ExecStart':
                start = (FlagPlace(unit, path, line, key), value) if value else None
            elif key == 'Environment':
                given = dict(assignments(value))
                variables = variables if value else {}
                for name, text in given.items():
                    variables[name] = (FlagPlace(unit, path, line, name), text)
            elif key == 'EnvironmentFile':
                files = [*files, value.lstrip('-')] if value else []
    for path in files:
        for line, name, text in _lines_of(_text(host, path)):
            variables[name] = (FlagPlace(unit, path, line, name, True), text)
    if start is None:
        return
    words = start[1].split()
    yield start[0], [word for word in words[1:] if _variable(word) is None]
    for name in filter(None, map(_variable, words)):
        if name in variables:
            place, text = variables[name]
            yield place, text.split()


def _variable(word: str) -> str | None:
    found = re.fullmatch(r'["\']?\$\{?(\w+)\}?["\']?', word)
    return found[1] if found else None


def _lines_of(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the variables of an EnvironmentFile, with their lines."""
    for number, line in enumerate(text.splitlines(), 1):
        name, is_set, value = line.strip().partition('=')
        if is_set and not name.startswith(('#', ';')):
            yield number, name.strip(), value.strip().strip('"\'')


def _text(host: Host, path: str) -> str:
    try:
        return (host.read(path).content or b'').decode('utf-8', 'replace')
    except ConfigError:
        return ''
