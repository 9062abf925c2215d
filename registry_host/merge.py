"""Three-way merging: what we applied, what is on disk, what is asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple


class ListMerge(NamedTuple):
    """An edit of a list: put `insert` in front, remove the elements at `drop`.

    `ours` is what stands in the list by our doing once it is edited.
    """

    insert: tuple[str, ...]
    drop: frozenset[int]
    ours: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not self.insert and not self.drop


def merge_list(
    current: Sequence[str],
    applied: Sequence[str],
    wanted: Sequence[str],
    *,
    key: Callable[[str], Hashable],
    is_ordered: bool,
) -> ListMerge:
    """Work out the least edit that makes `wanted` stand in `current`.

    Entries that we did not apply stay, in their order and spelling; one of them that
    equals a wanted entry (by `key`) serves for it and does not become ours. Ours come
    first, in the order wanted; where order means nothing, ours stay where they are.
    """
    wanted_by_key = {key(text): text for text in reversed(wanted)}
    wanted_keys = tuple(dict.fromkeys(key(text) for text in wanted))
    ours_at = _positions_of_ours(current, applied)
    ours_keys = {key(current[index]) for index in ours_at}
    foreign_keys = {
        key(text) for index, text in enumerate(current) if index not in ours_at
    }
    ours = tuple(k for k in wanted_keys if k in ours_keys or k not in foreign_keys)
    kept = {index for index in ours_at if key(current[index]) in ours}
    drop = set(ours_at) - kept
    missing = [k for k in ours if k not in {key(current[index]) for index in kept}]
    is_in_place = tuple(key(current[i]) for i in sorted(kept)) == ours and (
        sorted(kept) == list(range(len(kept)))
    )
    if is_ordered and not is_in_place:
        drop, missing = set(ours_at), list(ours)
    spelling = {key(current[index]): current[index] for index in kept}
    return ListMerge(
        insert=tuple(wanted_by_key[k] for k in missing),
        drop=frozenset(drop),
        ours=tuple(
            wanted_by_key[k] if k in missing else spelling.get(k, wanted_by_key[k])
            for k in ours
        ),
    )


def _positions_of_ours(current: Sequence[str], applied: Sequence[str]) -> set[int]:
    """Find the entries that we wrote: the first of each exact spelling."""
    return {current.index(text) for text in applied if text in current}


class ValueMerge(NamedTuple):
    """What a single value becomes (None: no value), and what we remember of it.

    `ours` None means that the value is not by our doing. `before` is what stood there
    when we first put our own.
    """

    value: str | None
    ours: str | None
    before: str | None


def merge_value(
    current: str | None,
    applied: str | None,
    before: str | None,
    wanted: str | None,
    *,
    key: Callable[[str], Hashable],
) -> ValueMerge:
    """Work out one value; `wanted` None withdraws ours and brings back what was there.

    A value that somebody else has put since is theirs, and is not withdrawn.
    """
    is_ours = applied is not None and current == applied
    if wanted is None:
        return ValueMerge(value=before if is_ours else current, ours=None, before=None)
    if current is not None and key(current) == key(wanted):
        return ValueMerge(
            value=current,
            ours=current if is_ours else None,
            before=before if is_ours else None,
        )
    return ValueMerge(value=wanted, ours=wanted, before=before if is_ours else current)
