"""The part of one run in one file: what is managed before, after, and still stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.namedtuples import NamedTuple
from registry_host.plan.ledger import Applied, Ledger, read_ledger
from registry_host.plan.wish import Wish, areas_changed, joined
from registry_host.targets import TARGETS
from registry_host.targets.target import FileRef

if TYPE_CHECKING:
    from registry_host.host.records import FileState
    from registry_host.plan.changes import Change
    from registry_host.services.facts import Facts
    from registry_host.targets.target import Merged, Target
    from registry_host.transaction.run import Run


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
            wish[area] = wish[area] or entry.ours(area)
        return Wish(wish)

    def merged(self, now: FileState, wish: Wish, facts: Facts) -> Merged:
        """Make a wish true in the file as it is now, whoever has written there since.

        Entries of before the run count as managed, too: another program may have
        written the file anew from what it had read then, or the run may not have come
        to this file.
        """
        ref = FileRef(now.path, now.user, now.folder_mode, is_withdrawn=True)
        both = joined(self.was, self.made)
        try:
            return self.target.merge(ref, now, both, wish, facts)
        except ConfigError:
            return self.target.merge(ref, now, self.was, wish, facts)


def ledgers_of(run: Run) -> tuple[Ledger, Ledger]:
    """What was remembered before and after a run."""
    before, after = run.ledgers
    return read_ledger(before), read_ledger(after)


def part_of(run: Run, change: Change) -> Part:
    was, made = (each.find(change.target, change.path) for each in ledgers_of(run))
    return Part(change, was, made)
