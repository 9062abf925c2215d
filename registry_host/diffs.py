"""Unified diffs of configs, with every secret taken out of both sides first."""

from __future__ import annotations

import re

from registry_host.plan import Change
from registry_host.redact import redact

MASK = '********'
_STRING = r'"(?:[^"\\\n]|\\[^\n])*"'
_MEMBER = re.compile(rf'({_STRING})(\s*:\s*)({_STRING})')
_SECRET_NAME = re.compile(r'auth|credential|key|passw|secret|token', re.IGNORECASE)
# All else in a config.json is a secret, or may be one in a version to come.
_CLIENT_NAMES = frozenset(
    {
        'allProxy',
        'credsStore',
        'currentContext',
        'detachKeys',
        'ftpProxy',
        'httpProxy',
        'httpsProxy',
        'noProxy',
    }
)


def unified_diff(change: Change) -> str:
    """Show one change as diff -u would; '' where nothing changes."""
    from difflib import unified_diff as diff_lines

    before, after = (
        mask(change.target, (state.content or b'').decode('utf-8', 'replace'))
        for state in (change.before, change.after)
    )
    lines = list(
        diff_lines(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            change.path if change.before.content is not None else '/dev/null',
            change.path if change.after.content is not None else '/dev/null',
        )
    )
    if not lines and change.action != 'none':
        return f'--- {change.path}\n+++ {change.path}\n (only a secret changes)\n'
    return ''.join(_terminated(line) for line in lines)


def _terminated(line: str) -> str:
    return line if line.endswith('\n') else f'{line}\n\\ No newline at end of file\n'


def mask(target: str, text: str) -> str:
    """Take secrets out of a config's text; its lines stay where they are."""

    def shown(found: re.Match[str]) -> str:
        name = found[1][1:-1]
        is_known = target != 'docker-config' or name in _CLIENT_NAMES
        if is_known and not _SECRET_NAME.search(name):
            return found[0]
        return f'{found[1]}{found[2]}"{MASK}"'

    return redact(_MEMBER.sub(shown, text))
