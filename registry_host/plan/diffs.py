"""Unified diffs of configs, with every secret taken out of both sides first."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_host.plan.changes import Change

CONTEXT_LINES = 3
LINES_LIMIT = 2000
_HUNK = re.compile(r'^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@')
# What would command a terminal, or turn the order of what is read.
_CONTROLS = re.compile(
    r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)'
)


def unified_diff(change: Change, redact: Callable[[str], str]) -> str:
    """Show one change as diff -u would; '' where nothing changes.

    `redact` takes the secrets of such a file out of its text, line by line.
    """
    before, after = (
        _printable(redact((state.content or b'').decode('utf-8', 'replace')))
        for state in (change.before, change.after)
    )
    names = tuple(
        change.path if state.content is not None else '/dev/null'
        for state in (change.before, change.after)
    )
    heading = f'--- {names[0]}\n+++ {names[1]}\n'
    if before == after:
        is_secret = change.action != 'none'
        return f'{heading} (only a secret changes)\n' if is_secret else ''
    hunks = _hunks(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return heading + ''.join(_terminated(line) for line in hunks)


def _hunks(before: list[str], after: list[str]) -> Iterator[str]:
    """Compare what is not alike at both ends: difflib may be quadratic."""
    from difflib import unified_diff as diff_lines

    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    start = max(0, head - CONTEXT_LINES)
    old, new = (
        side[start : min(len(side), len(side) - tail + CONTEXT_LINES)]
        for side in (before, after)
    )
    if max(len(old), len(new)) > LINES_LIMIT:
        yield f' ({max(len(old), len(new))} lines, too many to be shown)\n'
        return
    _, _, *lines = diff_lines(old, new, n=CONTEXT_LINES)
    for line in lines:
        yield _HUNK.sub(lambda found: _moved(found, start), line)


def _alike(one: list[str], other: list[str]) -> int:
    """Count the lines that both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _moved(found: re.Match[str], start: int) -> str:
    """Number the lines of a hunk in the whole files; an empty side stands at 0."""
    numbers = (str(int(n) + start) for n in (found[1], found[3]))
    return f'@@ -{next(numbers)}{found[2] or ""} +{next(numbers)}{found[4] or ""} @@'


def _terminated(line: str) -> str:
    return line if line.endswith('\n') else f'{line}\n\\ No newline at end of file\n'


def _printable(text: str) -> str:
    return _CONTROLS.sub(lambda found: f'<U+{ord(found[0]):04X}>', text)
