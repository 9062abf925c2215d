"""Three-way merging: what was applied, what is on disk, what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.settings.areas import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence


class ListMerge(NamedTuple):
    """An edit of a list: put `insert` in front, remove the elements at `drop`.

    `managed` are the managed entries of the list once it is edited.
    """

    insert: tuple[str, ...]
    drop: frozenset[int]
    managed: tuple[str, ...]

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
    is_reordering: bool = True,
) -> ListMerge:
    """Work out the least edit that makes `wanted` stand in `current`.

    Foreign entries stay, in their order and spelling; one of them that equals a wanted
    entry (by `key`) serves for it and stays foreign. Managed entries come first, in the
    order wanted; where order means nothing, they stay where they are. Unless
    `is_reordering`, nothing moves if nothing is new.
    """
    managed_at = sorted(_positions_of_managed(current, applied))
    keys = [key(text) for text in current]
    wanted_by_key: dict[Hashable, str] = {}
    for text in wanted:
        wanted_by_key.setdefault(key(text), text)
    managed_keys = {keys[index] for index in managed_at}
    foreign_keys = _without(keys, managed_at)
    managed = {
        k: None for k in wanted_by_key if k in managed_keys or k not in foreign_keys
    }
    kept = [index for index in managed_at if keys[index] in managed]
    kept_keys = {keys[index] for index in kept}
    drop = set(managed_at).difference(kept)
    missing = {k: None for k in managed if k not in kept_keys}
    is_in_place = [keys[index] for index in kept] == list(managed) and (
        kept == list(range(len(kept)))
    )
    is_moved = is_reordering or bool(missing)
    if is_ordered and is_moved and not is_in_place:
        drop, missing = set(managed_at), managed
    spelling = {keys[index]: current[index] for index in kept}
    return ListMerge(
        insert=tuple(wanted_by_key[k] for k in missing),
        drop=frozenset(drop),
        managed=tuple(
            wanted_by_key[k] if k in missing else spelling.get(k, wanted_by_key[k])
            for k in managed
        ),
    )


def standing(current: Sequence[str], applied: Sequence[str]) -> tuple[str, ...]:
    """Find the managed entries that still stand in a list, in its order."""
    return tuple(current[at] for at in sorted(_positions_of_managed(current, applied)))


def wished(
    managed: Sequence[str],
    values: Sequence[str],
    *,
    key: Callable[[str], Hashable],
    operation: Operation,
) -> tuple[str, ...]:
    """Work out what is to be managed in a list after a run, in order.

    ADD keeps what is `managed`, in front of new entries; REMOVE keeps what is not among
    the `values`.
    """
    if operation is Operation.REPLACE:
        return tuple(values)
    if operation is Operation.ADD:
        return (*managed, *values)
    removed = {key(text) for text in values}
    return tuple(text for text in managed if key(text) not in removed)


def _positions_of_managed(current: Sequence[str], applied: Sequence[str]) -> set[int]:
    """Find the entries that were applied: the first of each exact spelling."""
    first: dict[str, int] = {}
    for index, text in enumerate(current):
        first.setdefault(text, index)
    return {first[text] for text in applied if text in first}


def _without(keys: Sequence[Hashable], indexes: Sequence[int]) -> set[Hashable]:
    left_out = set(indexes)
    return {key for index, key in enumerate(keys) if index not in left_out}


class ValueMerge(NamedTuple):
    """What a single value becomes (None: no value), and what is remembered of it.

    `managed` None: the value is foreign. `before` is the foreign value that the managed
    one first replaced.
    """

    value: str | None
    managed: str | None
    before: str | None


def merge_value(
    current: str | None,
    applied: Collection[str],
    before: str | None,
    wanted: str | None,
    *,
    key: Callable[[str], Hashable],
) -> ValueMerge:
    """Work out one value; `wanted` None withdraws the managed one.

    What stood there before then comes back. `applied` are the values that registry-host
    has written there: more than one where a run was cut short between two. A value that
    was put there since by anything else is foreign, and is not withdrawn.
    """
    is_managed = current is not None and current in applied
    if wanted is None:
        return ValueMerge(
            value=before if is_managed else current, managed=None, before=None
        )
    if current is not None and key(current) == key(wanted):
        return ValueMerge(
            value=current,
            managed=current if is_managed else None,
            before=before if is_managed else None,
        )
    return ValueMerge(
        value=wanted, managed=wanted, before=before if is_managed else current
    )
