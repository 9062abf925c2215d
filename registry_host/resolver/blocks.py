"""Managed lines in a foreign file: put in, found again, taken out. Pure.

They stand together, so that taking them out restores the exact foreign bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AlteredError(Exception):
    """The managed lines are not as they were written, but not gone either."""


def with_block(
    content: bytes, block: Sequence[str], applied: Sequence[str], *, is_at_top: bool
) -> bytes:
    """Put `block` in the place of the `applied` one, or at one end of the file.

    Nothing in `block` takes out. Raises AlteredError if the lines that were applied
    have changed since.
    """
    before, after = _around(content, applied) if applied else (b'', b'')
    is_there = applied and (before + after != content)
    if not is_there:
        before, after = (b'', content) if is_at_top else (content, b'')
    if not block:
        return before + after
    text = '\n'.join(block).encode()
    if before and not before.endswith(b'\n'):
        # The file had no last line feed, and is to have none again: the block has none.
        return before + b'\n' + text + after
    return before + text + b'\n' + after


def _around(content: bytes, applied: Sequence[str]) -> tuple[bytes, bytes]:
    """Split at the managed lines, left out; all is in front if they are gone."""
    text = re.escape('\n'.join(applied).encode())
    whole = re.search(rb'^' + text + rb'\n', content, re.MULTILINE)
    if whole is None:
        whole = re.search(rb'(\A|\n)' + text + rb'\Z', content)
    if whole is not None:
        return content[: whole.start()], content[whole.end() :]
    lines = set(content.decode('utf-8', 'replace').splitlines())
    if any(line in lines for line in applied if line.strip()):
        raise AlteredError
    return content, b''
