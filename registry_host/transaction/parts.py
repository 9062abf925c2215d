"""The part of one run in one file: what is managed before, after, and still stands."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple
from registry_host.plan.wish import Wish, areas_changed, is_reordered, joined
from registry_host.targets import TARGETS
from registry_host.targets.target import FileRef

if TYPE_CHECKING:
    from registry_host.host.records import FileState
    from registry_host.plan.changes import Change
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.services.facts import Facts
    from registry_host.targets.target import Merged, Target


class Part(NamedTuple):
    """What a run has changed in one file, with what was managed there around it.

    All its functions raise ConfigError where the file cannot be read as its target's.
    """

    change: Change
    was: Applied
    made: Applied

    @property
    def target(self) -> Target:
        return TARGETS[self.change.target]

    def wish_before(self, facts: Facts) -> Wish:
        """What was managed before the run, in the areas that it changed."""
        return self._wish(facts, is_after=False)

    def wish_after(self, facts: Facts) -> Wish:
        """What is managed after the run, in the areas that it changed."""
        return self._wish(facts, is_after=True)

    def _wish(self, facts: Facts, *, is_after: bool) -> Wish:
        """A run may have put back only what others had taken out: the files tell."""
        before = self.target.stands(self.change.before, self.was, facts)
        after = self.target.stands(self.change.after, self.made, facts)
        known = before.keys() | after.keys()
        areas = {area for area in known if before.get(area) != after.get(area)}
        changed = areas_changed(self.was, self.made) & known
        values, entry = (after, self.made) if is_after else (before, self.was)
        wish = {area: values.get(area, ()) for area in sorted(areas | changed)}
        for area in changed:  # Where others have moved it, the ledger knows better.
            wish[area] = wish[area] or entry.managed(area)
        is_reordering = any(
            is_reordered(before.get(area, ()), after.get(area, ())) for area in wish
        )
        return Wish(wish, is_reordering)

    def merged(self, now: FileState, wish: Wish, facts: Facts) -> Merged:
        """Make a wish true in the file as it is now, with all that was written since.

        Entries of before the run count as managed, too: another program may have
        written the file anew from what it had read then, or the run may not have come
        to this file.
        """
        ref = FileRef(now.path, now.user, now.folder_mode, is_withdrawn=True)
        both = joined(self.was, self._written(now))
        try:
            return self.target.merge(ref, now, both, wish, facts)
        except ConfigError:
            return self.target.merge(ref, now, self.was, wish, facts)

    def _written(self, now: FileState) -> Applied:
        """Leave out values that the run cannot have written: as many stood before it.

        It may have been cut short before it came to this file, and foreign entries that
        are equal to its own stay.
        """
        before, found = _words(self.change.before), _words(now)
        keys = {
            area: key._replace(
                managed=tuple(
                    value
                    for value in key.managed
                    if value in self.was.managed(area)
                    or not 0 < before[value.encode()] >= found[value.encode()]
                )
            )
            for area, key in self.made.keys.items()
        }
        return self.made._replace(keys=keys)


def _words(state: FileState) -> Counter[bytes]:
    """Count the words of a file, whatever its syntax."""
    return Counter(re.split(rb'[\s,"\[\]{}]+', state.content or b''))


def part_of(change: Change, ledgers: tuple[Ledger, Ledger]) -> Part:
    """Return the part of a run in one file; `ledgers` are those around the run."""
    was, made = (each.find(change.target, change.path) for each in ledgers)
    return Part(change, was, made)
