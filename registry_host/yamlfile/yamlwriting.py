"""Values as YAML text that every reader takes for the same.

The registry reads YAML 1.1 by gopkg.in/yaml.v2, other programs YAML 1.2: a text that
one of them could take for a number, a date, a boolean or null stands in quotes. It is
never folded, and each scalar is on one line.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem
from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamlvalue import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.yamlfile.yamlvalue import Yaml

STEP = '  '
_PLAIN = re.compile(r'[A-Za-z0-9/_](?:[A-Za-z0-9/_.@+-]|:(?=[A-Za-z0-9/]))*')
# What other readers take for a number, to base sixty or out of range, or for a date.
_NUMBERS = re.compile(
    r'[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?'
    r'|[0-9_]+(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+'
    r'|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt].*)?'
)


def dump(value: Mapping[str, Yaml]) -> str:
    """Write a whole config in block style, its keys in the order given."""
    return ''.join(f'{line}\n' for line in block(dict(value), ''))


def block(value: Yaml, indent: str, step: str = STEP) -> list[str]:
    """Write a list or a map in block style, as lines; anything else as one line."""
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for name, inner in value.items():
            lines += member(name, inner, indent, step)
        return lines
    if isinstance(value, list) and value:
        return [line for item in value for line in _item(item, indent, step)]
    return [indent + flow(value)]


def member(name: str, value: Yaml, indent: str, step: str = STEP) -> list[str]:
    """Write a key and its value in block style."""
    if is_block(value):
        return [f'{indent}{scalar(name)}:', *block(value, indent + step, step)]
    return [f'{indent}{scalar(name)}: {flow(value, is_inside=False)}']


def is_block(value: Yaml) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _item(value: Yaml, indent: str, step: str) -> list[str]:
    if isinstance(value, dict) and value:
        first, *others = block(value, f'{indent}  ', step)
        return [f'{indent}- {first.lstrip()}', *others]
    return [f'{indent}- {flow(value, is_inside=False)}']


def flow(value: Yaml, *, is_inside: bool = True, quote: str = '') -> str:
    """Write a value in one line; `is_inside`: as part of a list or map in one line."""
    if isinstance(value, dict):
        inner = ', '.join(f'{scalar(k)}: {flow(v)}' for k, v in value.items())
        return f'{{{inner}}}'
    if isinstance(value, list):
        return f'[{", ".join(map(flow, value))}]'
    return scalar(value, is_inside=is_inside, quote=quote)


def scalar(value: Yaml, *, is_inside: bool = False, quote: str = '') -> str:
    """Write a text, number, boolean or null; a text preferably in `quote`."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, float):
        return _float(value)
    if not isinstance(value, str):
        return 'null' if value is None else str(value)
    if _is_plain(value):
        if quote in ("'", '"'):
            return quote + value + quote
        if not (is_inside and ':' in value):
            return value
    return '"' + ''.join(map(_escaped, value)) + '"'


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and _NUMBERS.fullmatch(text) is None
        and resolve(text)[0] == 'str'
    )


def _float(value: float) -> str:
    if value != value:
        return '.nan'
    if value in (float('inf'), float('-inf')):
        return '.inf' if value > 0 else '-.inf'
    mantissa, sign, exponent = repr(value).partition('e')
    return mantissa + '.0' * (bool(sign) and '.' not in mantissa) + sign + exponent


def _escaped(character: str) -> str:
    if '\ud800' <= character <= '\udfff':
        raise YamlTextError(
            Problem('yaml-edit', 'half of a surrogate pair cannot be written')
        )
    if character > '\uffff':
        return f'\\U{ord(character):08x}'
    if character in '"\\' or not character.isprintable():
        return json.dumps(character)[1:-1]
    return character
