"""Proxies as members of a JSON object, in daemon.json and in config.json alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.jsonfile.editing import Drop, Put
from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Applied, OurKey
from registry_host.plan.merge import merge_list, merge_value
from registry_host.settings.areas import (
    HTTP_PROXY,
    NO_PROXY,
    PROXY_KEYS,
    Operation,
)
from registry_host.settings.proxies import check_proxy

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from registry_host.settings.model import Settings


class Merged(NamedTuple):
    """The edits of one file's proxies; what of them is ours then, None for nothing."""

    edits: tuple[Put | Drop, ...]
    keys: Mapping[str, OurKey | None]


def named(settings: Settings, reader: str) -> tuple[str, ...]:
    """Name the proxies that a run may touch for 'engine' or 'client'."""
    if reader not in settings.proxy_for and not settings.is_declaration:
        return ()
    return tuple(area for area in PROXY_KEYS if area in settings.named)


def asked_for(settings: Settings, reader: str) -> Settings:
    """Take the proxies out of settings that ask for none of this reader's."""
    return settings if reader in settings.proxy_for else withdrawn(settings)


def withdrawn(settings: Settings) -> Settings:
    """Ask for none, and so withdraw those that are managed."""
    return settings._replace(
        operation=Operation.REPLACE, http_proxy=None, https_proxy=None, no_proxy=None
    )


def merge(
    settings: Settings,
    found: Mapping[str, tuple[tuple[str, ...], str | None]],
    applied: Applied,
) -> Merged:
    """Merge proxies; `found` maps each area to its member's path and its text."""
    edits: list[Put | Drop] = []
    keys: dict[str, OurKey | None] = {}
    for area, (path, current) in found.items():
        value, keys[area] = _merged(settings, area, current, applied)
        if value != current:
            edits.append(Drop(path) if value is None else Put(path, value))
    return Merged(tuple(edits), keys)


def _merged(
    settings: Settings, area: str, current: str | None, applied: Applied
) -> tuple[str | None, OurKey | None]:
    """Merge one area: what stands there then, and what of it is ours."""
    if area == NO_PROXY:
        return _merged_no_proxy(settings, current, applied)
    proxy = settings.http_proxy if area == HTTP_PROXY else settings.https_proxy
    ours = applied.ours(area)
    if settings.operation_on(area) is Operation.REMOVE:
        managed = check_proxy(ours[0], area).value if ours else None
        if managed is None or not any(p.selects(managed) for p in settings.unwanted):
            return current, applied.keys.get(area)
    merged = merge_value(
        current,
        ours[0] if ours else None,
        applied.before(area),
        proxy.reveal() if proxy else None,
        key=_proxy_key,
    )
    if merged.ours is None:
        return merged.value, None
    return merged.value, OurKey(ours=(merged.ours,), before=merged.before)


def _proxy_key(text: str) -> Hashable:
    checked = check_proxy(text, HTTP_PROXY)
    return text if checked.value is None else checked.value.key


def _merged_no_proxy(
    settings: Settings, current: str | None, applied: Applied
) -> tuple[str | None, OurKey | None]:
    """NO_PROXY is a list in one string: foreign entries stay in it as anywhere."""
    entries = _entries(current or '')
    merge = merge_list(
        entries,
        applied.ours(NO_PROXY),
        _entries(str(settings.no_proxy or '')),
        key=str.lower,
        is_ordered=False,
        operation=settings.operation_on(NO_PROXY),
    )
    ours = OurKey(ours=merge.ours) if merge.ours else None
    if merge.is_empty:
        return current, ours
    # As they are written, blanks and all: they are not ours.
    written = [part for part in (current or '').split(',') if part.strip()]
    left = [part for index, part in enumerate(written) if index not in merge.drop]
    return ','.join([*merge.insert, *left]) or None, ours


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(',') if entry.strip()]
