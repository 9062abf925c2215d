"""Config files as systemd reads them: a file and its drop-ins, by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.host.host import Host


def drop_ins(host: Host, folders: Iterable[str]) -> Iterator[str]:
    """Yield the drop-ins in some folders, the weakest first, in the order of names.

    One hides another of the same name in a folder before (systemd.unit(5), 252).
    """
    paths: dict[str, str] = {}
    for folder in folders:
        names = (name for name in host.names(folder) if name.endswith('.conf'))
        paths |= {name: f'{folder}/{name}' for name in names}
    yield from (paths[name] for name in sorted(paths))


def settings_of(text: str, section: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of one section in order, lines that go on joined."""
    for _, key, value in numbered_settings_of(text, section):
        yield key, value


def numbered_settings_of(text: str, section: str) -> Iterator[tuple[int, str, str]]:
    """Yield the settings of one section, each with the line in which it begins."""
    current, number = '', 1
    for raw in text.replace('\\\n', ' \0').split('\n'):
        line = raw.replace('\0', '').strip()
        if line.startswith('['):
            current = line
        elif current == f'[{section}]' and '=' in line and line[0] not in '#;':
            key, _, value = line.partition('=')
            yield number, key.strip(), value.strip()
        number += 1 + raw.count('\0')
