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
    current = ''
    for line in map(str.strip, text.replace('\\\n', ' ').splitlines()):
        if line.startswith('['):
            current = line
        elif current == f'[{section}]' and '=' in line and line[0] not in '#;':
            key, _, value = line.partition('=')
            yield key.strip(), value.strip()
