"""Storage drivers and options that newer engines do not have any more. Pure.

Sources: moby daemon/graphdriver/driver.go at v23.0.0, v24.0.0 and v25.0.0; tried by a
restart of dockerd 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.keys import show_version
from registry_host.engine.start import Start, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.keys import Version
    from registry_host.engine.start import Refusal
    from registry_host.jsonfile.jsontext import Document
    from registry_host.jsonfile.jsonvalue import Json

# Storage drivers, and the first version that does not have them any more.
REMOVED_DRIVERS: dict[str, Version] = {
    'aufs': (24, 0, 0),
    'overlay': (24, 0, 0),
    'devicemapper': (25, 0, 0),
}
# Their options, by how they begin; letter case does not count.
REMOVED_OPTIONS: dict[str, Version] = {
    'overlay2.override_kernel_check': (24, 0, 0),
    'overlay.override_kernel_check': (24, 0, 0),
    'dm.': (25, 0, 0),
}
_CONTAINERD_STORE = 'containerd-snapshotter'


def storage_refusals(start: Start) -> Iterator[Refusal]:
    if _is_graphdriver(start):
        yield from _driver(start)
        yield from _options(start)


def upcoming(
    document: Document, version: Version | None
) -> Iterator[tuple[str, str, str]]:
    """Yield what only a newer engine refuses: its place, what it does, and advice."""
    start = Start(document, version, {}, Surroundings())
    driver = document.get('storage-driver')
    end = REMOVED_DRIVERS.get(driver) if isinstance(driver, str) else None
    if end and not start.is_since(end):
        message = _ending(f'the storage driver "{driver}"', end)
        yield document.where('storage-driver'), message, 'move to "overlay2" before'
    for index, name, end in _removed_options(start):
        if not start.is_since(end):
            message = _ending(f'"{name}" in "storage-opts"', end)
            yield document.where('storage-opts', index), message, 'remove it'


def _ending(what: str, end: Version) -> str:
    return f'{what} keeps Docker {show_version(end)} and newer from starting'


def _is_graphdriver(start: Start) -> bool:
    """Whether a storage driver of the engine's own is used: containerd has others.

    The image store is containerd's where a feature asks for it, and by default from
    29.0 on, where it is not known what a start does with a driver that is gone.
    """
    features = start.document.get('features')
    asked: Json = None
    if isinstance(features, dict):
        asked = features.get(_CONTAINERD_STORE)
    for text in start.flags.get('feature', ()):
        name, _, value = text.partition('=')
        if name == _CONTAINERD_STORE:
            asked = value != 'false'
    if isinstance(asked, bool):
        return not (asked and start.is_since((23, 0, 0)))
    return not start.around.is_containerd_store and not start.is_since((29, 0, 0))


def _driver(start: Start) -> Iterator[Refusal]:
    driver = start.document.get('storage-driver')
    end = REMOVED_DRIVERS.get(driver) if isinstance(driver, str) else None
    if end and start.is_since(end):
        yield start.refusal(
            ('storage-driver',),
            f'the storage driver "{driver}" was removed in Docker {show_version(end)}',
            'write "overlay2" instead: images and containers of the old driver are '
            'not seen then',
        )


def _removed_options(start: Start) -> Iterator[tuple[int, str, Version]]:
    for index, entry in start.entries('storage-opts'):
        name = entry.partition('=')[0].strip().lower()
        ends = (end for begin, end in REMOVED_OPTIONS.items() if name.startswith(begin))
        for end in ends:
            yield index, name if name.isprintable() else 'dm.*', end


def _options(start: Start) -> Iterator[Refusal]:
    if start.text('storage-driver') == 'fuse-overlayfs':  # It looks at none.
        return
    for index, name, end in _removed_options(start):
        if start.is_since(end):
            message = f'"{name}" was removed in Docker {show_version(end)}'
            advice = 'remove this entry of "storage-opts"'
            yield start.refusal(('storage-opts', index), message, advice)
