"""What a plain scalar means to the YAML library of the registry.

Source: gopkg.in/yaml.v2 2.4 resolve.go, which distribution 2.8 and 3.x decode their
config with. It reads YAML 1.1: `yes` is true, `010` is eight; quotes make text of both.
"""

from __future__ import annotations

import re
from datetime import datetime
from math import isfinite
from typing import Literal, Union

Tag = Literal['null', 'bool', 'int', 'float', 'str', 'timestamp', 'merge', 'binary']
Yaml = Union[None, bool, int, float, str, 'list[Yaml]', 'dict[str, Yaml]']

_WORDS: dict[str, tuple[Tag, Yaml]] = {
    '': ('null', None),
    '<<': ('merge', '<<'),
    **dict.fromkeys(('~', 'null', 'Null', 'NULL'), ('null', None)),
    **dict.fromkeys('y Y yes Yes YES on On ON true True TRUE'.split(), ('bool', True)),
    **dict.fromkeys(
        'n N no No NO off Off OFF false False FALSE'.split(), ('bool', False)
    ),
    **dict.fromkeys('.inf .Inf .INF +.inf +.Inf +.INF'.split(), ('float', 1e999)),
    **dict.fromkeys('-.inf -.Inf -.INF'.split(), ('float', -1e999)),
    **dict.fromkeys('.nan .NaN .NAN'.split(), ('float', 1e999 - 1e999)),
}
_INTEGERS = (
    (re.compile(r'[-+]?0[xX][0-9a-fA-F]+'), 16),
    (re.compile(r'[-+]?0[bB][01]+'), 2),
    (re.compile(r'[-+]?0[oO][0-7]+'), 8),
    (re.compile(r'[-+]?0[0-7]+'), 8),
    (re.compile(r'[-+]?(?:0|[1-9][0-9]*)'), 10),
)
_FLOAT = re.compile(r'[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?')
_DATE = re.compile(r'([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})')
_TIME = r'([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.[0-9]+)?'
_CLOCK = re.compile(f'(?:|[Tt]{_TIME}(?:Z|[-+][0-9]{{2}}:[0-9]{{2}})| {_TIME})')


def resolve(text: str) -> tuple[Tag, Yaml]:
    """Say what a plain scalar is, and its value; a timestamp stays the text it is."""
    known = _WORDS.get(text)
    if known is not None:
        return known
    if text[0] not in '+-.0123456789':
        return 'str', text
    if _is_timestamp(text):
        return 'timestamp', text
    plain = text.replace('_', '')
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(plain):
            value = int(re.sub(r'0[xXbBoO](?=.)', '', plain, count=1), base)
            if -(2**63) <= value < 2**64:
                return 'int', value
            break
    if _FLOAT.fullmatch(plain) and isfinite(float(plain)):
        return 'float', float(plain)
    return 'str', text


def _is_timestamp(text: str) -> bool:
    """A date that the calendar has, with or without a time."""
    day = _DATE.match(text)
    clock = _CLOCK.fullmatch(text, day.end()) if day else None
    if day is None or clock is None:
        return False
    try:
        year, month, date = map(int, day.groups())
        hour, minute, second = map(int, [*filter(None, clock.groups()), 0, 0, 0][:3])
        datetime(year, month, date, hour, minute, second)
    except ValueError:
        return False
    return True


def tagged(tag: str, text: str) -> tuple[Tag, Yaml]:
    """Say what a scalar with an explicit tag is: `!!int "5"` is a number.

    Raises ValueError where the tag does not fit, with which the registry ends.
    """
    name = tag.removeprefix('tag:yaml.org,2002:')
    if name == 'binary':
        return 'binary', text
    if name in ('null', 'bool', 'int', 'float', 'timestamp', 'merge'):
        found, value = resolve(text)
        if found == name:
            return found, value
        if name == 'float' and isinstance(value, int):
            return 'float', float(value)
        raise ValueError(name)
    return 'str', text
