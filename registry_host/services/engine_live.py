"""What an engine shows that it uses, as values by area, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.live import LiveLists
from registry_host.settings.areas import INSECURE, MIRRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.engine.answers import Info
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.plan.wish import Values
    from registry_host.services.activated import Shown


def identity_of(host: Host, engine: EngineFacts) -> str:
    """Tell one process from the next: the boot, its pid, and when it was started."""
    if engine.pid is None:
        return ''
    boot, _ = host.boot_clock()
    # Behind the name, which may hold anything: state is field 3, the start field 22.
    fields = host.proc_text(engine.pid, 'stat').rpartition(')')[2].split()
    return f'{boot} {engine.pid} {fields[19]}' if len(fields) > 19 else ''


def shown_by(info: Info) -> Mapping[str, Values]:
    """Say what an engine shows that it uses, by area; () for nothing."""
    proxies = {area: (text,) if text else () for area, text in info.proxies.items()}
    return {**of_lists(info.lists), **proxies}


def of_lists(lists: LiveLists) -> dict[str, Values]:
    """Entries of insecure registries, in whose order there is no sense, are sorted."""
    found: dict[str, Values] = {}
    if lists.mirrors is not None:
        found[MIRRORS] = lists.mirrors
    if lists.insecure is not None:
        found[INSECURE] = tuple(
            sorted(f'{kind} {name}' for kind, name in lists.insecure)
        )
    return found


def lists_of(values: Mapping[str, Values]) -> LiveLists:
    """The reverse of of_lists(); of an area that is missing nothing is said."""
    insecure = values.get(INSECURE)
    return LiveLists(
        mirrors=values.get(MIRRORS),
        insecure=None if insecure is None else frozenset(map(_kind_of, insecure)),
    )


def _kind_of(entry: str) -> tuple[str, str]:
    kind, _, name = entry.partition(' ')
    return kind, name


def words_of(info: Info) -> Shown:
    from registry_host.services.activated import Shown

    lists = info.lists
    insecure = sorted(name for _, name in lists.insecure or ())
    lines = (
        (MIRRORS, ', '.join(lists.mirrors or ()) or 'none'),
        (INSECURE, ', '.join(insecure) or 'none'),
        *((area, text) for area, text in info.proxies.items() if text),
    )
    return Shown(lines, info.running_containers)
