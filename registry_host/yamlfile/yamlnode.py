"""One value of a YAML text, with the place where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from registry_host.errors import Problem
    from registry_host.yamlfile.yamlvalue import Tag, Yaml

    Kind = Literal['scalar', 'list', 'map']
    Path = tuple[str | int, ...]


class YamlTextError(Exception):
    """A text that the registry would not read; `problem.where` is LINE:COLUMN."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Node(NamedTuple):
    """One value as it is written.

    `start` and `end` are offsets into Document.text, of the value alone: no comment, no
    key; an anchor and a tag are part of it. `style` is '' for a plain scalar and for a
    list or map in block style, the quote or the sign of a scalar otherwise, and '{' or
    '[' in flow style. An alias has its own place, and else what the anchored node has.
    """

    kind: Kind
    start: int
    end: int
    style: str = ''
    tag: Tag | Kind = 'str'
    value: Yaml = None
    text: str = ''
    items: tuple[Node, ...] = ()
    members: tuple[tuple[Node, Node], ...] = ()
    is_alias: bool = False
    anchor: str = ''
    has_tag: bool = False

    def get(self, key: str) -> Node | None:
        """Find a value of a map, be it by a merge; see plain() for which one counts.

        Source: gopkg.in/yaml.v2 decode.go, which is not strict for the registry.
        """
        found = None
        for name, node in self.members:
            if name.tag == 'merge':
                maps = node.items if node.kind == 'list' else (node,)
                merged = (each.get(key) for each in maps)
                found = next((each for each in merged if each is not None), found)
            elif name.text == key:
                found = node
        return found

    def member(self, key: str) -> tuple[Node, Node] | None:
        """Find a key and its value as they are written in this map, without merges."""
        for name, node in reversed(self.members):
            if name.text == key and name.tag != 'merge':
                return name, node
        return None

    def plain(self) -> Yaml:
        """The value as Python has it; keys are the texts that they are written as.

        A merge overrides what stands before it, and is overridden by what follows
        (docker-registry 2.8.2; later versions of the YAML library differ).
        """
        if self.kind == 'list':
            return [item.plain() for item in self.items]
        if self.kind == 'map':
            found: dict[str, Yaml] = {}
            for name, node in self.members:
                if name.tag == 'merge':
                    found.update(node.merged())
                else:
                    found[name.text] = node.plain()
            return found
        return self.value

    def merged(self) -> dict[str, Yaml]:
        """What `<<` with this value gives; of several maps the first counts."""
        found: dict[str, Yaml] = {}
        for each in reversed(self.items) if self.kind == 'list' else (self,):
            value = each.plain()
            if isinstance(value, dict):
                found.update(value)
        return found


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every value below a node, and the node itself, with its path."""
    yield path, node
    for at, item in enumerate(node.items):
        yield from walk(item, (*path, at))
    for name, value in node.members:
        yield from walk(value, (*path, name.text))


def position(text: str, offset: int) -> str:
    """Give the LINE:COLUMN, from 1, of a place in a text."""
    line = text.count('\n', 0, offset) + 1
    return f'{line}:{offset - text.rfind(chr(10), 0, offset)}'
