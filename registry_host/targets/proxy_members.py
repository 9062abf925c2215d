"""Proxies as members of a JSON object, in daemon.json and in config.json alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.jsonfile.editing import Drop, Put
from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.plan.merge import merge_list, merge_value, standing, wished
from registry_host.settings.areas import (
    HTTP_PROXY,
    NO_PROXY,
    PROXY_KEYS,
    Operation,
)
from registry_host.settings.proxies import check_proxy

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from registry_host.plan.wish import Values, Wish
    from registry_host.settings.model import Settings

# Each area: the path of its member in the file, and the text that stands there.
Found = dict[str, tuple[tuple[str, ...], str | None]]


class Merged(NamedTuple):
    """The edits of one file's proxies; what of them is managed then, None for none."""

    edits: tuple[Put | Drop, ...]
    keys: Mapping[str, ManagedKey | None]


def paths(found: Found) -> dict[str, tuple[str, ...]]:
    """Return the path of the member of each area."""
    return {area: path for area, (path, _) in found.items()}


def named(settings: Settings, reader: str) -> tuple[str, ...]:
    """Name the proxies that a run may touch for 'engine' or 'client'."""
    if reader not in settings.proxy_for and not settings.is_declaration:
        return ()
    return tuple(area for area in PROXY_KEYS if area in settings.named)


def of_wish(wish: Wish) -> tuple[str, ...]:
    """Name the proxies that a wish is about."""
    return tuple(area for area in PROXY_KEYS if area in wish.areas)


def asked(
    settings: Settings, reader: str, found: Found, applied: Applied
) -> Iterable[tuple[str, Values]]:
    """Say what is asked for each of the proxies that a run may touch."""
    for area in named(settings, reader):
        operation = settings.operation_on(area)
        if reader not in settings.proxy_for:
            yield area, ()
        elif area == NO_PROXY:
            entries = _entries(found[area][1] or '')
            managed = standing(entries, applied.managed(area))
            asked = _entries(str(settings.no_proxy or ''))
            key = str.lower
            yield area, wished(managed, asked, key=key, operation=operation)
        elif operation is not Operation.REMOVE:
            proxy = settings.http_proxy if area == HTTP_PROXY else settings.https_proxy
            yield area, (proxy.reveal(),) if proxy else ()
        elif _is_unwanted(settings, area, applied):
            yield area, ()


def _is_unwanted(settings: Settings, area: str, applied: Applied) -> bool:
    """Whether the managed proxy of an area is among those to withdraw."""
    texts = applied.managed(area)
    proxy = check_proxy(texts[0], area).value if texts else None
    return proxy is not None and any(p.selects(proxy) for p in settings.unwanted)


def stands(found: Found, applied: Applied) -> Iterable[tuple[str, Values]]:
    """Say which of the managed proxies still stand in a file."""
    for area, (_, text) in found.items():
        if area == NO_PROXY:
            yield area, standing(_entries(text or ''), applied.managed(area))
        else:
            yield area, (text,) if text in applied.managed(area) and text else ()


def merge(wish: Wish, found: Found, applied: Applied) -> Merged:
    """Merge the proxies of a wish into what is `found`."""
    edits: list[Put | Drop] = []
    keys: dict[str, ManagedKey | None] = {}
    for area in of_wish(wish):
        path, current = found[area]
        value, keys[area] = _merged(wish, area, current, applied)
        if value != current:
            edits.append(Drop(path) if value is None else Put(path, value))
    return Merged(tuple(edits), keys)


def _merged(
    wish: Wish, area: str, current: str | None, applied: Applied
) -> tuple[str | None, ManagedKey | None]:
    """Merge one area: what stands there then, and what of it is managed."""
    if area == NO_PROXY:
        return _merged_no_proxy(wish, current, applied)
    merged = merge_value(
        current,
        applied.managed(area),
        applied.before(area),
        next(iter(wish.of(area)), None),
        key=_proxy_key,
    )
    if merged.managed is None:
        return merged.value, None
    return merged.value, ManagedKey(managed=(merged.managed,), before=merged.before)


def _proxy_key(text: str) -> Hashable:
    checked = check_proxy(text, HTTP_PROXY)
    return text if checked.value is None else checked.value.key


def _merged_no_proxy(
    wish: Wish, current: str | None, applied: Applied
) -> tuple[str | None, ManagedKey | None]:
    """NO_PROXY is a list in one string: foreign entries stay in it as anywhere."""
    merge = merge_list(
        _entries(current or ''),
        applied.managed(NO_PROXY),
        wish.of(NO_PROXY),
        key=str.lower,
        is_ordered=False,
    )
    managed = ManagedKey(managed=merge.managed) if merge.managed else None
    if merge.is_empty:
        return current, managed
    # As they are written, blanks and all: they are foreign.
    written = [part for part in (current or '').split(',') if part.strip()]
    left = [part for index, part in enumerate(written) if index not in merge.drop]
    return ','.join([*merge.insert, *left]) or None, managed


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(',') if entry.strip()]
