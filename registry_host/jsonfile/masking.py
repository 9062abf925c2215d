"""Secrets out of the text of a JSON file, whose lines stay where they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.redact import redact

if TYPE_CHECKING:
    from collections.abc import Container

MASK = '********'
_STRING = r'"(?:[^"\\\n]|\\[^\n])*"'
_SCALAR = rf'{_STRING}|-?[0-9][0-9.eE+-]*|true|false|null'
# A member with its value; the name of one that is an object or a list; an element.
_TOKEN = re.compile(
    rf'(?P<name>{_STRING})(?P<colon>\s*:\s*)(?P<value>{_SCALAR})'
    rf'|{_STRING}\s*:|(?P<element>{_STRING})'
)
_SECRET_NAME = re.compile(r'auth|credential|key|passw|secret|token', re.IGNORECASE)


def mask(text: str, *, known: Container[str] | None = None) -> str:
    """Take secrets out of JSON; with `known`, show the values of these members alone.

    The text may be damaged: tokens are looked at, wherever they stand.
    """

    def shown(found: re.Match[str]) -> str:
        if found['element']:
            return _shown(found['element'], is_known=known is None)
        if not found['name']:
            return found[0]
        name = found['name'][1:-1]
        is_known = known is None or name in known
        is_known = is_known and not _SECRET_NAME.search(name)
        value = _shown(found['value'], is_known=is_known)
        return f'{found["name"]}{found["colon"]}{value}'

    return redact(_TOKEN.sub(shown, text))


def mask_all(text: str) -> str:
    """Show nothing of a text but where its words stand."""
    return re.sub(r'[^\s{}\[\],:]+', MASK, text)


def _shown(scalar: str, *, is_known: bool) -> str:
    """Show a scalar of JSON, judged by what it says and not by how it is spelled."""
    if not is_known:
        return scalar if scalar in ('true', 'false', 'null') else f'"{MASK}"'
    if '\\' not in scalar:
        return scalar
    import json

    try:
        said = json.loads(scalar)
    except ValueError:
        return f'"{MASK}"'
    masked = redact(said)
    return scalar if masked == said else json.dumps(masked, ensure_ascii=False)
