"""The last door to a terminal: what is printed is text, and nothing but text.

Text from elsewhere (files, names, arguments, answers) may hold what commands a terminal
or turns the order of what is read. Messages keep secrets out where they are made; what
slips through, and is known to be one, is taken out here.
"""

from __future__ import annotations

import os
import re
from typing import IO

from registry_host.redact import conceal

# Around colours, until the line is printed: nothing from elsewhere can make it up.
_MARK = os.urandom(12).hex()
_COLOURS = {'red': 31, 'green': 32, 'yellow': 33, 'cyan': 36}
# Controls but the tab, C1, halves of a pair, and all that has no width or a direction
# (Unicode 15, categories Cc, Cf, Zl, Zp, Cs and the private use areas).
_ODD = (
    '[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e'
    '\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff'
    '\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]'
)


class Paint:
    """Colours a word, or does not: for a terminal, and for everything else."""

    def __init__(self, *, is_coloured: bool) -> None:
        self._is_coloured = is_coloured

    def __call__(self, text: str, colour: str | None) -> str:
        if not self._is_coloured or colour is None:
            return text
        return f'{_MARK}{_COLOURS[colour]}m{text}{_MARK}0m'


def printable(line: str) -> str:
    """Make a line safe to print: one line, without escapes and known secrets."""
    plain = conceal(line)
    if not plain.isprintable():  # To compile the pattern costs every start a moment.
        plain = re.sub(_ODD, _escaped, plain)
    return re.sub(rf'{_MARK}(\d+)m', '\x1b[\\1m', plain) if _MARK in plain else plain


def printable_json(text: str) -> str:
    """The same for JSON, in which every such character has an escape of its own."""
    import json

    lines = (
        line
        if line.isprintable()
        else re.sub(_ODD, lambda found: json.dumps(found[0])[1:-1], line)
        for line in conceal(text).split('\n')
    )
    # json.dumps() leaves the last control of ASCII as it is.
    return '\n'.join(lines).replace('\x7f', '\\u007f')


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode('unicode_escape').decode('ascii')


def write(stream: IO[str], text: str, end: str = '\n') -> None:
    """Write lines to a stream; what its encoding lacks is written as an escape."""
    encoding = getattr(stream, 'encoding', None) or 'utf-8'
    safe = text.encode(encoding, 'backslashreplace').decode(encoding)
    stream.write(f'{safe}{end}')
