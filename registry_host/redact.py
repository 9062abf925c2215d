"""Takes user names and passwords out of any text before it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What the engine itself shows in their place (moby MaskCredentials), so that a masked
# proxy compares with the one of /info.
MASKED_USER_INFO = 'xxxxx:xxxxx'
_SCHEME_END = re.compile(r':(?:\\?/){2}')
# Between white space or double quotes; an escaped quote belongs to the text.
_CHUNK = re.compile(r'(?:\\.|[^\s"\\])+')


def redact(text: str) -> str:
    """Mask the user info of every URL in a text, be it well formed or not.

    Rather too much than too little: all between '://' and the last '@' of a word goes.
    Linear in the length of the text.
    """
    if '@' not in text:
        return text
    return _CHUNK.sub(_redact_chunk, text)


def _redact_chunk(found: re.Match[str]) -> str:
    chunk = found[0]
    at = chunk.rfind('@')
    if at < 0:
        return chunk
    # JSON may write a slash as \/, as PHP's json_encode does.
    scheme = _SCHEME_END.search(chunk)
    if scheme and scheme.end() <= at:
        return chunk[: scheme.end()] + MASKED_USER_INFO + chunk[at:]
    before = chunk[:at]
    if ':' in before and '/' not in before:
        return MASKED_USER_INFO + chunk[at:]
    return chunk


def redact_input(text: str) -> str:
    """Mask one input that is meant as one URL: all before its last '@', whatever it is.

    A password may hold spaces, quotes or slashes, and then no rule for words holds.
    """
    at = text.rfind('@')
    if at < 0:
        return text
    scheme = re.match(r'[A-Za-z][A-Za-z0-9+.-]*://', text)
    lead = scheme[0] if scheme and scheme.end() <= at else ''
    return lead + MASKED_USER_INFO + text[at:]


def redact_command(arguments: Sequence[str]) -> str:
    """Show a command line of ours without secrets, ready for a shell."""
    import shlex

    shown: list[str] = []
    for argument in arguments:
        flag, equals, value = argument.partition('=')
        if equals and flag.startswith('--'):
            shown.append(f'{flag}={_redact_argument(value)}')
        else:
            shown.append(_redact_argument(argument))
    return shlex.join(['registry-host', *shown])


def _redact_argument(argument: str) -> str:
    """Rather too much than too little; but a user's name at a domain is no secret."""
    return redact_input(argument) if ':' in argument else argument
