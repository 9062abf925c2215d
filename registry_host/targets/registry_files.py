"""The files of a registry: its config, edited key by key, and units, each a whole file.

They belong to an installation, not to the settings of this host: no configure and no
unconfigure concerns them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.targets.target import (
    FileRef,
    Merged,
    absent,
    merged,
    with_creation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.ledger import Ledger
    from registry_host.plan.wish import Values, Wish
    from registry_host.services.facts import Facts
    from registry_host.settings.model import Settings

NAME = 'registry'
IS_REWRITTEN = False
# The area of a file that is written whole; others are keys of a config, with dots.
CONTENT = 'content'
# Not in any file: that the unit runs.
RUNNING = 'running'
_UNIT = re.compile(r'/registry-host-[a-z0-9-]+\.(?:service|path|timer)')


def is_config(path: str) -> bool:
    """Whether a file is edited key by key."""
    name = path.rpartition('/')[2]
    return name.endswith(('.yml', '.yaml')) and not name.startswith('compose.')


def whole(settings: Settings, ledger: Ledger) -> Settings:
    return settings


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """None: an installation is no setting."""
    return ()


def is_file(path: str, user: User | None) -> bool:
    is_named = path.endswith(('.yml', '.yaml', '.env')) or _UNIT.search(path)
    return user is None and bool(is_named) and '/../' not in path


def asked(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> Wish:
    raise NotImplementedError('no settings ask for a registry')


def stands(state: FileState, applied: Applied, facts: Facts) -> Mapping[str, Values]:
    if is_config(state.path):
        from registry_host.targets.registry_edits import standing

        return standing(state, applied)
    key = applied.keys.get(CONTENT)
    if key is None:
        return {}
    is_there = state.content == _text(key.managed).encode()
    return {CONTENT: key.managed if is_there else ()}


def merge(
    ref: FileRef, state: FileState, applied: Applied, wish: Wish, facts: Facts
) -> Merged:
    """Write a whole file, or put keys into a config and take them out again.

    A value that is there already stays foreign; one that was changed since is foreign
    too, and stays when the managed one is withdrawn.
    """
    if is_config(ref.path):
        from registry_host.targets.registry_edits import merged_config

        return merged_config(state, applied, wish)
    if CONTENT not in wish.areas:
        return merged(state, applied, applied)
    then = with_creation(applied, state)
    text = _text(wish.of(CONTENT))
    current = (
        None if state.content is None else state.content.decode('utf-8', 'replace')
    )
    own = _text(applied.managed(CONTENT))
    if text:
        if current == text:
            return merged(state, applied, applied)
        before = applied.before(CONTENT) if own and current == own else current
        then = then.joined({CONTENT: ManagedKey((text,), before)})
        new_mode = 0o600 if ref.path.endswith('.env') else 0o644
        mode = new_mode if current is None else state.mode
        after = state._replace(content=text.encode(), mode=mode)
        return merged(after, applied, then)
    gone = then.joined({CONTENT: None})
    if own and current == own:
        before = applied.before(CONTENT)
        if before is None:
            return merged(absent(state, applied.folders), applied, gone)
        return merged(state._replace(content=before.encode()), applied, gone)
    return merged(state, applied, gone)


def _text(values: Values) -> str:
    return values[0] if values else ''


def settle(host: Host, state: FileState) -> Iterable[Finding]:
    return ()


def told(
    settings: Settings, facts: Facts, state: FileState, merged: Merged
) -> Iterator[Finding]:
    yield from merged.findings


def redact(text: str) -> str:
    from registry_host.targets.registry_edits import masked_text

    return masked_text(text)
