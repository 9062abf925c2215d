"""The environment of a registry, laid over its config as the registry does.

`REGISTRY_A_B` is the key `a.b`, and its value is YAML. Source: configuration/parser.go
of distribution 2.8.2; 3.1.1 does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from registry_host.registry.distshape import VARIABLE_NAMES
from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamltext import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.registry.distshape import Shape
    from registry_host.registry.faulty import Faults, Path
    from registry_host.yamlfile.yamlnode import Node

PREFIX = 'REGISTRY_'
# The path of the config itself (registry/root.go), and no part of it.
CONFIGURATION_PATH = 'REGISTRY_CONFIGURATION_PATH'


class _Decodes(Protocol):
    faults: Faults

    def of_variable(self, variable: str) -> _Decodes: ...

    def decode(self, node: Node, shape: Shape, path: Path) -> Any: ...


class Made(dict[str, Any]):
    """A map that the environment made: its keys are text.

    The maps of the file that take anything have keys of any type in Go, and no variable
    reaches below those (`involving map with non-string keys`).
    """


class _Variable:
    """One variable on its way down the tree."""

    def __init__(self, name: str, text: str, decoder: _Decodes) -> None:
        self.name = name
        self.text = text
        self.decoder = decoder.of_variable(name)
        self.set_path: Path | None = None

    def fault(self, check: str, message: str, *, is_fatal: bool = False) -> None:
        self.decoder.faults.add(
            check, (), message, variable=self.name, is_fatal=is_fatal
        )

    def value(self, shape: Shape, path: Path) -> Any:
        """Read the value as YAML; None where it is no value, or none that fits."""
        try:
            document = read(self.text.encode())
        except YamlTextError:
            self.fault(
                'env-yaml',
                'is read as YAML and is not valid, so the registry does not start: put '
                'the value in double quotes inside the value',
                is_fatal=True,
            )
            return None
        self.set_path = path
        if document.root is None:
            return {} if isinstance(shape, dict) or shape in _MAPS else None
        return self.decoder.decode(document.root, shape, path)


_MAPS = ('params', 'driver')


def overlay(
    tree: dict[str, Any],
    shape: Shape,
    environment: Mapping[str, str],
    decoder: _Decodes,
) -> dict[Path, str]:
    """Change a tree as the variables say; map the paths that they set to their names.

    They go in the order of their names, so that REGISTRY_STORAGE comes before
    REGISTRY_STORAGE_DELETE.
    """
    sources: dict[Path, str] = {}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name != CONFIGURATION_PATH:
            variable = _Variable(name, environment[name], decoder)
            _struct(tree, shape, name.split('_')[1:], (), variable)
            if variable.set_path is not None:
                sources[variable.set_path] = name
    return sources


def _struct(
    tree: dict[str, Any],
    shape: Mapping[str, Shape],
    words: list[str],
    path: Path,
    variable: _Variable,
) -> None:
    names = {VARIABLE_NAMES.get((*path, key), key.upper()): key for key in shape}
    key = names.get(words[0])
    if key is None:
        variable.fault('unknown-env', '')
        return
    below, at = shape[key], (*path, key)
    if len(words) == 1:
        tree[key] = variable.value(below, at)
        return
    _descend(tree, key, below, words[1:], at, variable)


def _descend(
    tree: dict[str, Any],
    key: str,
    shape: Shape,
    words: list[str],
    path: Path,
    variable: _Variable,
) -> None:
    if isinstance(shape, dict):
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        if '*' in shape:
            _map(tree[key], shape['*'], words, path, variable)
        else:
            _struct(tree[key], shape, words, path, variable)
    elif shape in _MAPS:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        inner = 'params' if shape == 'driver' else 'any'
        _map(tree[key], inner, words, path, variable)
    else:  # A list, or a plain value: the registry does nothing, and says nothing.
        variable.fault('unknown-env', '')


def _map(
    tree: dict[str, Any],
    shape: Shape,
    words: list[str],
    path: Path,
    variable: _Variable,
) -> None:
    """Lay a variable over a map: a key that is there in any case, else a new one."""
    key = next((name for name in tree if str(name).upper() == words[0]), None)
    if len(words) == 1:
        # Always under the name in lower case, beside one that is written otherwise.
        name = words[0].lower()
        tree[name] = variable.value(shape, (*path, name))
        return
    if key is None or tree[key] is None:
        key = words[0].lower()
        tree[key] = Made()
    found, at = tree[key], (*path, key)
    if shape == 'params':
        _map(found, 'any', words[1:], at, variable)
    elif shape == 'any' and isinstance(found, Made):
        _map(found, 'any', words[1:], at, variable)
    else:
        variable.fault('unknown-env', '')
