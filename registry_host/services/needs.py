"""What a plan takes of each service, from two readings of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.levels import Activation
from registry_host.plan.readings import Comparison, Need, Started

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.plan.changes import Change
    from registry_host.plan.wish import Wish
    from registry_host.services.service import Service
    from registry_host.services.view import View


def with_interims(
    changes: Iterable[Change], services: Iterable[Service]
) -> Iterator[Change]:
    """Have what a service must find in passing stand in its files for that time."""
    known = tuple(services)
    for change in changes:
        interims = (
            service.interim(change.path, change.before, change.after, None)
            for service in known
            if change.action != 'none' and service.reads(change.path)
        )
        interim = next((found for found in interims if found is not None), None)
        yield change._replace(interim=interim)


def needs_of(
    services: Iterable[Service],
    before: View,
    after: View,
    wishes: Mapping[str, Wish],
) -> Iterator[Need]:
    """Compare what each service reads before and after; `wishes` are by path.

    A service of which nothing changes, and nothing is asked, has no need.
    """
    for service in services:
        paths = tuple(path for path in after.states if service.reads(path))
        started = before.ledger.started_of(service.name)
        if not paths and started is None:
            continue
        found = [wishes[path] for path in paths]
        areas = frozenset(area for wish in found for area in wish.areas)
        asked = frozenset(area for area in areas for wish in found if wish.of(area))
        was, then = service.reading(before), service.reading(after)
        compared = Comparison(was, then, service.seen, started, service.shows)
        needed = compared.level(areas)
        if needed is Activation.NONE and not areas & {*then.at_start, *then.at_reload}:
            continue
        yield Need(
            service=service.name,
            seen=service.seen,
            paths=tuple(_telling(service, before, after, paths)),
            needed=needed,
            base=compared.base,
            want=compared.want,
            due=compared.due(areas),
            is_hidden=compared.is_hidden(asked),
            is_behind=compared.is_behind(areas),
            is_engine=service.kind == 'engine',
        )


def _telling(
    service: Service, before: View, after: View, paths: tuple[str, ...]
) -> Iterator[str]:
    """Pick the files by which something changes for a service, if it reads several."""
    for path in paths:
        without = after.having(before.states[path])
        if len(paths) == 1 or service.reading(without) != service.reading(after):
            yield path


def put_off(needs: Iterable[Need]) -> Iterator[Started]:
    """Note what instances that go on running have read, where it is out of date."""
    for need in needs:
        is_due = need.due and need.done is not Activation.RESTART
        if is_due and need.seen.identity:
            yield Started(need.service, need.seen.identity, need.due)
