"""The config of a registry, edited key by key; every other byte stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.jsonfile.config import placed
from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.registry.rendering import nested
from registry_host.targets.target import Merged, absent, merged, with_creation
from registry_host.yamlfile.yamledit import Drop, Put, edit
from registry_host.yamlfile.yamlnode import YamlTextError, walk
from registry_host.yamlfile.yamltext import Document, read
from registry_host.yamlfile.yamlwriting import dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.records import FileState
    from registry_host.plan.wish import Values, Wish

_WORDS = 'password|passphrase|secret|token|accesskey|accountkey'
_SECRET_KEY = re.compile(_WORDS, re.IGNORECASE)
_SECRET = re.compile(
    rf'((?:^|[\s{{,#])[\'"]?\w*(?:{_WORDS})\w*[\'"]?\s*[:=][ \t]*)(?=[^\s#])[^\n\r]*',
    re.IGNORECASE,
)


def standing(state: FileState, applied: Applied) -> Mapping[str, Values]:
    """Say which managed values stand in a config."""
    document = _read(state)
    return {
        area: key.managed if key.managed == _written(document, area) else ()
        for area, key in applied.keys.items()
    }


def merged_config(state: FileState, applied: Applied, wish: Wish) -> Merged:
    document = _read(state)
    edits: list[Put | Drop] = []
    keys: dict[str, ManagedKey | None] = {}
    for area, values in wish.areas.items():
        if '.' not in area and area != 'version':
            continue
        change, key = _edit_of(document, area, values, applied)
        edits += change
        keys[area] = key
    then = with_creation(applied, state).joined(keys)
    try:
        if state.content is None and all(isinstance(each, Put) for each in edits):
            tree = nested({e.path: e.value for e in edits if isinstance(e, Put)})
            content = dump(tree).encode() if tree else None
        else:
            edited = edit(document, *edits) if edits else document
            edited = _without_empty(edited, edits, applied)
            is_over = applied.is_created and edited.get() in (None, {})
            content = None if is_over and edits else edited.encode()
            content = state.content if not edits else content
    except YamlTextError as err:
        raise ConfigError(placed(err.problem, state.path)) from None
    if content == state.content:
        return merged(state, applied, then)
    if content is None:
        return merged(absent(state, applied.folders), applied, then)
    created = {
        each.path[:n]
        for each in edits
        for n in range(1, len(each.path))
        if document.find(*each.path[:n]) is None
    }
    then = then._replace(created=tuple(sorted({*applied.created, *created})))
    mode = 0o600 if state.content is None else state.mode
    return merged(state._replace(content=content, mode=mode), applied, then)


def _edit_of(
    document: Document, area: str, values: Values, applied: Applied
) -> tuple[list[Put | Drop], ManagedKey | None]:
    """Say what one key takes, and what is then remembered of it."""
    path = tuple(area.split('.'))
    now, own = _written(document, area), applied.managed(area)
    key = applied.keys.get(area)
    if values:
        if now == values:
            return [], key if own == values else None
        before = now[0] if now else None
        if own and now == own:
            before = applied.before(area)
        return [Put(path, json.loads(values[0]))], ManagedKey(values, before)
    if not own or now != own:
        return [], None
    was = applied.before(area)
    return [Drop(path) if was is None else Put(path, json.loads(was))], None


def _without_empty(
    document: Document, edits: list[Put | Drop], applied: Applied
) -> Document:
    """Drop the maps that were made for managed keys, and are empty now."""
    for path in sorted(applied.created, key=len, reverse=True):
        is_left = any(
            isinstance(e, Drop) and e.path[: len(path)] == path for e in edits
        )
        if is_left and document.get(*path) in (None, {}):
            document = edit(document, Drop(path))
    return document


def _written(document: Document, area: str) -> Values:
    """The value of a key as the ledger has it; () where there is none."""
    node = document.find(*area.split('.'))
    return () if node is None else (json.dumps(node.plain()),)


def _read(state: FileState) -> Document:
    try:
        return read(state.content or b'')
    except YamlTextError as err:
        raise ConfigError(placed(err.problem, state.path)) from None


def read_config(state: FileState) -> Document:
    """Parse a config; ConfigError with its path, line and column if it is no YAML."""
    document = _read(state)
    if document.root is not None and document.root.kind != 'map':
        raise ConfigError(
            Problem('yaml-root', 'does not hold a map of keys', where=state.path)
        )
    return document


def masked_text(text: str) -> str:
    """Mask what stands behind each key that may hold a secret; lines stay as many."""
    from registry_host.redact import redact as without_logins

    try:
        text = _masked(read(text.encode()))
    except (YamlTextError, UnicodeEncodeError):
        pass  # A unit, or a config that is not YAML: word by word, then.
    lines = (_SECRET.sub(r'\1********', line) for line in text.split('\n'))
    return without_logins('\n'.join(lines))


def _masked(document: Document) -> str:
    """Mask values by their place, for one may go over several lines."""
    text = document.text
    found = walk(document.root) if document.root is not None else ()
    spans = [
        (node.start, node.end)
        for path, node in found
        if node.kind == 'scalar' and path and _SECRET_KEY.search(str(path[-1]))
    ]
    for start, end in sorted(set(spans), reverse=True):
        masked = re.sub(r'[^\r\n]+', '********', text[start:end])
        text = text[:start] + masked + text[end:]
    return text
