"""The proxies of an engine's environment, from its process or from its unit's files.

A flag or daemon.json goes before the EnvironmentFile of the unit, and that before the
unit and its drop-ins; an upper-case name goes before a lower-case one (observed,
20.10.24, 26.1.5, 28.5.2). Each of the three proxies is taken by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.unitfiles import drop_ins, settings_of
from registry_host.settings.areas import HTTP_PROXY, HTTPS_PROXY, NO_PROXY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host

NAMES: Mapping[str, str] = {
    HTTP_PROXY: 'HTTP_PROXY',
    HTTPS_PROXY: 'HTTPS_PROXY',
    NO_PROXY: 'NO_PROXY',
}
# Where a unit stands, the strongest first; where its drop-ins do, the weakest first.
UNITS = ('/etc/systemd/system', '/run/systemd/system', '/lib/systemd/system')
_FOLDERS = ('/usr/lib/systemd/system', *reversed(UNITS))
_UNIT = 'docker.service'


def proxies_of(host: Host, engine: EngineFacts) -> Mapping[str, str]:
    """Map areas to the proxies that the environment of an engine names.

    Of a process as it was started, which only its user and root may read; of an engine
    that does not run, and of a root folder, by the files of its unit.
    """
    return proxies_in(variables_of(host, engine))


def variables_of(host: Host, engine: EngineFacts) -> dict[str, str]:
    """Read all variables of an engine, as proxies_of() does."""
    if engine.pid is not None:
        return of_process(host, engine.pid)
    return of_unit(host, _UNIT)


def proxies_in(variables: Mapping[str, str]) -> dict[str, str]:
    """Map areas to the proxies that some variables name."""
    found = {}
    for area, name in NAMES.items():
        text = variables.get(name) or variables.get(name.lower())
        if text:
            found[area] = text
    return found


def of_process(host: Host, pid: int) -> dict[str, str]:
    """Read the environment of a process, as it was when that was started."""
    pairs = host.proc_text(pid, 'environ').split('\0')
    return dict(pair.split('=', 1) for pair in pairs if '=' in pair)


def of_unit(host: Host, unit: str) -> dict[str, str]:
    """Read the environment that a unit gives to its programs."""
    variables: dict[str, str] = {}
    files: list[str] = []
    for path in unit_files(host, unit):
        for key, value in settings_of(_text(host, path), 'Service'):
            if key == 'Environment':
                # An empty one takes back all before it.
                variables = variables | dict(assignments(value)) if value else {}
            elif key == 'EnvironmentFile':
                files = [*files, value.lstrip('-')] if value else []
    for path in files:
        variables |= of_file(host, path)
    return variables


def of_file(host: Host, path: str) -> dict[str, str]:
    """Read an EnvironmentFile: each line is one variable, and `%` is no specifier."""
    lines = (line.strip() for line in _text(host, path).splitlines())
    pairs = (line.partition('=') for line in lines if not line.startswith(('#', ';')))
    return {
        name.strip(): _unquoted(text.strip()) for name, is_set, text in pairs if is_set
    }


def unit_files(host: Host, unit: str) -> Iterator[str]:
    """Yield the file of a unit, and its drop-ins, as systemd reads them."""
    paths = (f'{folder}/{unit}' for folder in UNITS)
    yield from [path for path in paths if host.exists(path)][:1]
    yield from drop_ins(host, (f'{folder}/{unit}.d' for folder in _FOLDERS))


def unit_names(host: Host) -> tuple[str, ...]:
    """List the services of a host that have a file."""
    names = {name for folder in UNITS for name in host.names(folder)}
    return tuple(sorted(name for name in names if name.endswith('.service')))


def _text(host: Host, path: str) -> str:
    try:
        return (host.read(path).content or b'').decode('utf-8', 'replace')
    except ConfigError:
        return ''


def assignments(text: str) -> Iterable[tuple[str, str]]:
    """Take apart an Environment=: words, in quotes as a whole or in part.

    `%%` is one `%` (systemd.exec(5), systemd.unit(5)).
    """
    word_of = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"'])+"""
    for word in re.findall(word_of, text):
        name, is_set, value = _unquoted(word).replace('%%', '%').partition('=')
        if is_set:
            yield name, _unquoted(value)


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] and word[0] in '"\'':
        return re.sub(r'\\(.)', r'\1', word[1:-1])
    return word
