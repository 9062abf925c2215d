"""What is to be managed in one config, by a user or by any command. Pure.

Every command that changes a config comes down to a wish: what a run of configure asks
for, what unconfigure leaves, what was managed before the run that is undone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.settings.areas import AREAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.plan.ledger import Applied

Values = tuple[str, ...]


class Wish(NamedTuple):
    """The values that are to be managed in one config, by area.

    An area that is missing is not touched; one without values is withdrawn.
    `is_reordering` puts managed entries that stand already in the order of the wish, in
    front of foreign ones; otherwise nothing moves unless an entry is new.
    `is_recovery` makes it true whatever else is wrong with the config: a mistake beside
    the managed entries is no reason to leave those of a run that was cut short.
    """

    areas: Mapping[str, Values] = MappingProxyType({})
    is_reordering: bool = False
    is_recovery: bool = False

    def of(self, area: str) -> Values:
        return self.areas.get(area, ())


def joined(was: Applied, made: Applied) -> Applied:
    """Say what is managed where a run may have been cut short, before or after.

    Values of both count as managed. What stood in their place, and what a target
    remembers besides, is that of the later entry, for it knows of the earlier one.
    """
    if not made.keys:
        return was
    keys = dict(made.keys)
    for area in AREAS & was.keys.keys():
        earlier = was.keys[area]
        later = keys.get(area, earlier)
        both = dict.fromkeys((*later.managed, *earlier.managed))
        keys[area] = later._replace(managed=tuple(both))
    return made._replace(keys=keys)


def is_reordered(before: Values, after: Values) -> bool:
    """Whether values that stand in both stand in another order."""
    both = {*before} & {*after}
    return [v for v in before if v in both] != [v for v in after if v in both]


def areas_changed(was: Applied, made: Applied) -> frozenset[str]:
    """Name the areas in which a run has changed what is managed in one config."""
    names = {*was.keys, *made.keys}
    return frozenset(n for n in names if was.keys.get(n) != made.keys.get(n))


def overruled(before: Applied, after: Applied) -> frozenset[str]:
    """Name the areas in which a foreign value has given way that stood before."""
    return frozenset(
        area
        for area, key in after.keys.items()
        if key.before is not None and key.before != before.before(area)
    )
