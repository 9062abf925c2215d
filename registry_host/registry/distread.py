"""A config as distribution decodes it: file first, environment over it.

Source: configuration/parser.go and configuration.go of distribution 2.8.2, and
decode.go of gopkg.in/yaml.v2; what is said of either was run on docker-registry 2.8.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple
from registry_host.registry.distenv import overlay
from registry_host.registry.distshape import NO_DRIVERS, SHAPES
from registry_host.registry.faulty import Fault, Faults, Path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.registry.distshape import Shape
    from registry_host.yamlfile.yamlnode import Node
    from registry_host.yamlfile.yamltext import Document

LOG_LEVELS = ('error', 'warn', 'info', 'debug')
# A part of a duration in Go (time.ParseDuration).
_DURATION = re.compile(r'[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|[-+]?0')
_SECONDS = {'ns': 1e-9, 'us': 1e-6, 'µs': 1e-6, 'μs': 1e-6, 'ms': 1e-3}
_SECONDS |= {'s': 1.0, 'm': 60.0, 'h': 3600.0}


class Reading(NamedTuple):
    """What the registry holds of a config; `tree` has keys as they are written.

    `sources` maps paths to the variable of the environment that a value comes from.
    """

    document: Document
    tree: dict[str, Any]
    faults: tuple[Fault, ...]
    sources: Mapping[Path, str]

    def __repr__(self) -> str:  # The tree holds passwords.
        return f'Reading({len(self.faults)} faults)'

    def get(self, *path: str) -> Any:
        """Find a value by keys; None for one that is not there."""
        found: Any = self.tree
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def source(self, *path: str) -> str | None:
        """Name the variable that a value comes from; None if the file has it."""
        given = (path[:n] for n in range(len(path), 0, -1))
        return next((self.sources[p] for p in given if p in self.sources), None)

    def position(self, *path: str | int) -> str:
        """Give LINE:COLUMN of a value, or of the nearest key above; '' if none."""
        for length in range(len(path), 0, -1):
            key = _key_node(self.document, path[:length])
            if key is not None:
                return self.document.position(key.start)
        return ''


def _key_node(document: Document, path: tuple[str | int, ...]) -> Node | None:
    """The key of a member, the item of a list, or None."""
    *parents, last = path
    above = document.find(*parents)
    if above is None:
        return None
    if isinstance(last, int):
        return above.items[last] if last < len(above.items) else None
    return next((key for key, _ in reversed(above.members) if key.text == last), None)


def read_tree(
    document: Document, environment: Mapping[str, str], major: int
) -> Reading:
    """Decode a document, and lay the environment over it, with all that is wrong."""
    faults = Faults()
    shape = SHAPES[major]
    _require_version(document, faults)
    tree = {}
    if document.root is not None:
        tree = Decoder(faults, major).decode(document.root, shape, ())
    sources: dict[Path, str] = {}
    if not faults.is_fatal:
        sources = overlay(tree, shape, environment, Decoder(faults, major))
        _require_driver(tree, major, faults)
    return Reading(document, tree, tuple(faults.found), sources)


def _require_version(document: Document, faults: Faults) -> None:
    node = document.find('version')
    if node is None or node.tag == 'null':
        faults.add('version-missing', ('version',), '`version: 0.1` is missing')
    elif node.text != '0.1':
        faults.add('version-value', ('version',), 'the only version is 0.1')


def _require_driver(tree: dict[str, Any], major: int, faults: Faults) -> None:
    drivers = drivers_in(tree.get('storage'), major)
    if not drivers:
        faults.add(
            'storage-missing', ('storage',), 'no storage driver, such as filesystem'
        )
    elif len(drivers) > 1:
        faults.add(
            'storage-two-drivers',
            ('storage', drivers[1]),
            f'{len(drivers)} storage drivers ({", ".join(drivers)}); one may be there',
        )


def drivers_in(storage: Any, major: int) -> list[str]:
    names = storage if isinstance(storage, dict) else {}
    return sorted(str(name) for name in names if name not in NO_DRIVERS[major])


class Decoder:
    """Gives each value the type of its key, or tells that the registry cannot."""

    def __init__(self, faults: Faults, major: int, variable: str = '') -> None:
        self.faults = faults
        self.major = major
        self.variable = variable

    def of_variable(self, variable: str) -> Decoder:
        return Decoder(self.faults, self.major, variable)

    def decode(self, node: Node, shape: Shape, path: Path) -> Any:
        if isinstance(shape, dict):
            return self._struct(node, shape, path)
        if isinstance(shape, tuple):
            if node.kind == 'list':
                each = enumerate(node.items)
                return [self.decode(item, shape[0], (*path, n)) for n, item in each]
            return self._refuse(node, path, 'a list', [])
        return self._leaf(node, shape, path)

    def _struct(self, node: Node, shape: Mapping[str, Shape], path: Path) -> Any:
        if node.kind != 'map':
            return self._refuse(node, path, 'a map', {})
        found = {}
        for name, value in _members(node):
            if name in shape or '*' in shape:
                below = shape.get(name, shape.get('*'))
                found[name] = self.decode(value, below, (*path, name))
            elif name != '<<':
                self.faults.add('unknown-key', (*path, name), '', is_fatal=False)
        return found

    def _leaf(self, node: Node, kind: str, path: Path) -> Any:
        if kind == 'any':
            return node.plain()
        if kind in ('params', 'driver'):
            return self._params(node, kind, path)
        if kind == 'texts':
            if node.kind != 'list':
                return self._refuse(node, path, 'a list', [])
            each = enumerate(node.items)
            return [self._leaf(item, 'text', (*path, n)) for n, item in each]
        if node.kind != 'scalar' or node.tag == 'null':
            return self._refuse(node, path, _NAMES[kind], None)
        if kind == 'text':
            return node.text
        if kind == 'level':
            return self._level(node, path)
        if kind == 'bool' and node.tag == 'bool':
            return node.value
        if kind in ('int', 'duration') and node.tag in ('int', 'float'):
            return node.value
        if kind == 'duration' and node.tag == 'str' and is_duration(node.text):
            return node.text
        return self._refuse(node, path, _NAMES[kind], None)

    def _params(self, node: Node, kind: str, path: Path) -> Any:
        if node.kind == 'map':
            found = {}
            for name, value in _members(node):
                below = (*path, name)
                is_top = kind == 'driver'
                found[name] = (
                    self._params(value, 'params', below) if is_top else value.plain()
                )
            return self._one_driver(found, path) if kind == 'driver' else found
        if kind == 'driver' and node.kind == 'scalar' and node.tag != 'null':
            return {node.text: {}}
        return self._refuse(node, path, 'a map', {})

    def _one_driver(self, found: dict[str, Any], path: Path) -> dict[str, Any]:
        if path == ('auth',) and len(found) > 1:
            self.faults.add(
                'auth-two-types',
                ('auth', sorted(found)[1]),
                f'{len(found)} types of auth ({", ".join(sorted(found))}); one may be '
                'there',
                variable=self.variable,
            )
        return found

    def _level(self, node: Node, path: Path) -> str | None:
        if node.text.lower() in LOG_LEVELS:
            return node.text.lower()
        self.faults.add(
            'log-level',
            path,
            f'must be one of {", ".join(LOG_LEVELS)}',
            variable=self.variable,
            is_fatal=False,
        )
        return None

    def _refuse(self, node: Node, path: Path, wanted: str, empty: Any) -> Any:
        """Tell a value of the wrong type; null is none, and never wrong."""
        if node.kind != 'scalar' or node.tag != 'null':
            got = _kind_of(node)
            self.faults.add(
                'value-type',
                path,
                f'must be {wanted}, and is {got}',
                variable=self.variable,
            )
        return empty


_NAMES = {
    'text': 'a text',
    'bool': 'true or false without quotes',
    'int': 'a whole number',
    'duration': 'a duration such as 90s or 24h',
    'level': 'a level',
}


def _kind_of(node: Node) -> str:
    names = {'list': 'a list', 'map': 'a map', 'bool': 'true or false'}
    names |= {'int': 'a number', 'float': 'a number'}
    return names.get(node.tag if node.kind == 'scalar' else node.kind, 'a text')


def _members(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the members of a map in the order in which each overrides those before.

    Of several maps that are merged the first counts: see Node.plain().
    """
    for name, value in node.members:
        if name.tag != 'merge':
            yield name.text, value
            continue
        for each in reversed(value.items) if value.kind == 'list' else (value,):
            yield from _members(each)


def is_duration(text: str) -> bool:
    return _DURATION.fullmatch(text) is not None


def seconds_of(value: Any) -> float | None:
    """Tell the seconds of a duration; a bare number is nanoseconds."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value * 1e-9
    if not isinstance(value, str) or not is_duration(value):
        return None
    parts = re.findall(r'([\d.]+)(ns|us|µs|μs|ms|s|m|h)', value)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return -total if value.startswith('-') else total
