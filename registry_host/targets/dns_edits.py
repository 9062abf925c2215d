"""The edits of DNS managers' files, and what the ledger remembers of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.plan.ledger import Applied, ManagedKey, damaged
from registry_host.settings.areas import EXCLUSIVE, NAMESERVERS, SEARCH
from registry_host.targets.dns_findings import edit_findings
from registry_host.targets.dns_memory import LINES, OPTIONS, exclusive_key
from registry_host.targets.dns_refusals import altered
from registry_host.targets.target import Merged, absent, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.records import FileState
    from registry_host.plan.wish import Wish
    from registry_host.resolver.edits import Edited, Removed
    from registry_host.resolver.managerfiles import OwnerFile, Wanted


# A block of lines


def with_block_of(
    file: OwnerFile,
    wish: Wish,
    wanted: Wanted,
    state: FileState,
    applied: Applied,
) -> Merged:
    from registry_host.resolver.blocks import AlteredError, with_block

    is_asked = bool(wanted.nameservers or wanted.search)
    block = file.block(wanted) if file.block and is_asked else ()
    block = block if len(block) > 1 else ()  # A comment alone says nothing.
    try:
        content = with_block(
            state.content or b'',
            block,
            applied.managed(LINES),
            is_at_top=file.is_at_top,
        )
    except AlteredError:
        raise ConfigError(altered(state, applied)) from None
    keys: dict[str, ManagedKey | None] = dict.fromkeys(
        (NAMESERVERS, SEARCH, OPTIONS, EXCLUSIVE, LINES)
    )
    if block:
        keys = {
            NAMESERVERS: ManagedKey(wanted.nameservers, ' '.join(wanted.others)),
            SEARCH: ManagedKey(wanted.search, ' '.join(wanted.domains)),
            OPTIONS: ManagedKey((), ' '.join(wanted.options)),
            EXCLUSIVE: exclusive_key(wanted),
            LINES: ManagedKey(block),
        }
    # Nothing is overruled: what others say by the way is read again each time.
    return Merged(_written(state, content, applied), applied.joined(keys))


# Lines of resolv.conf(5)


def with_lines(
    file: OwnerFile,
    wish: Wish,
    wanted: Wanted,
    state: FileState,
    applied: Applied,
) -> Merged:
    from registry_host.resolver.edits import with_nameservers, with_search
    from registry_host.resolver.resolvconf import parse

    conf, areas = parse(state.content or b''), wish.areas.keys()
    edits: dict[str, Edited] = {}
    if areas & {NAMESERVERS, EXCLUSIVE}:
        edits[NAMESERVERS] = with_nameservers(
            conf,
            wanted.nameservers,
            applied.managed(NAMESERVERS),
            is_exclusive=wanted.is_exclusive,
            removed=_removed(applied, NAMESERVERS),
        )
        conf = edits[NAMESERVERS].conf
    if SEARCH in areas:
        edits[SEARCH] = with_search(
            conf,
            wanted.search,
            applied.managed(SEARCH),
            removed=_removed(applied, SEARCH),
        )
        conf = edits[SEARCH].conf
    keys = {area: _key(edit) for area, edit in edits.items()}
    if NAMESERVERS in edits:
        keys[EXCLUSIVE] = exclusive_key(wanted)
    return merged(
        _written(state, conf.render(), applied),
        applied,
        applied.joined(keys),
        tuple(edit_findings(edits)),
    )


def _written(state: FileState, content: bytes, applied: Applied) -> FileState:
    if content == (state.content or b''):
        return state
    if applied.is_created and not content:
        return absent(state, applied.folders)
    mode = 0o644 if state.content is None else state.mode
    return state._replace(content=content, mode=mode)


# What was removed, in the words of the ledger


def _key(edited: Edited) -> ManagedKey | None:
    import base64
    import json

    before = [
        [*removed.place, base64.b64encode(removed.line).decode()]
        for removed in edited.removed
    ]
    return ManagedKey(
        managed=edited.managed, before=json.dumps(before) if before else None
    )


def _removed(applied: Applied, area: str) -> Sequence[Removed]:
    import base64
    import json

    from registry_host.resolver.edits import Removed

    try:
        return tuple(
            Removed((int(others), int(searches)), base64.b64decode(line))
            for others, searches, line in json.loads(applied.before(area) or '[]')
        )
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ConfigError(damaged()) from None
