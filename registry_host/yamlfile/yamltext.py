"""A YAML text as a tree of nodes, each with the place where it is written.

The text is scanned by libyaml, of which the registry's gopkg.in/yaml.v2 is a port: what
one takes for a mistake, the other does. Only the first document counts for the
registry. No message quotes the text: it may hold a password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.yamlfile.yamlvalue import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from registry_host.yamlfile.yamlvalue import Tag, Yaml

    Kind = Literal['scalar', 'list', 'map']
    Path = tuple[str | int, ...]

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 100
# Aliases count each time that they are used: ten of ten of ten are a thousand.
NODE_LIMIT = 100_000
_BOM = '\ufeff'


class YamlTextError(Exception):
    """A text that the registry would not read; `problem.where` is LINE:COLUMN."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Node(NamedTuple):
    """One value as it is written.

    `start` and `end` are offsets into Document.text, of the value alone: no comment, no
    key. `style` is '' for a plain scalar and for a list or map in block style, the
    quote or the sign of a scalar otherwise, and '{' or '[' in flow style. Of an alias
    all is that of the node with the anchor.
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

    def get(self, key: str) -> Node | None:
        """Find a member of a map; of a key that is written twice the last counts.

        Source: gopkg.in/yaml.v2 decode.go, which is not strict for the registry.
        """
        found = None
        for name, node in self.members:
            if name.text == key:
                found = node
        return found

    def plain(self) -> Yaml:
        """The value as Python has it; keys are the texts that they are written as."""
        if self.kind == 'list':
            return [item.plain() for item in self.items]
        if self.kind == 'map':
            merged: dict[str, Yaml] = {}
            for name, node in self.members:
                if name.tag == 'merge':
                    for each in node.items if node.kind == 'list' else (node,):
                        found = each.plain()
                        if isinstance(found, dict):
                            merged = {**found, **merged}
            own = {
                name.text: node.plain()
                for name, node in self.members
                if name.tag != 'merge'
            }
            return {**merged, **own}
        return self.value


class Document(NamedTuple):
    """A text, without its byte order mark, and what its first document holds.

    `root` None: it holds nothing. `rest` is the offset of the second document, None if
    there is none.
    """

    text: str
    root: Node | None
    has_bom: bool = False
    rest: int | None = None

    def find(self, *path: str | int) -> Node | None:
        """Find a value by keys and indexes; None if there is none."""
        node = self.root
        for step in path:
            if node is None:
                return None
            if isinstance(step, int):
                in_list = node.kind == 'list' and step < len(node.items)
                node = node.items[step] if in_list else None
            else:
                node = node.get(step) if node.kind == 'map' else None
        return node

    def get(self, *path: str | int) -> Yaml:
        """The value at a path as Python has it; None for one that is not there."""
        node = self.find(*path)
        return None if node is None else node.plain()

    def position(self, offset: int) -> str:
        """Give the LINE:COLUMN, from 1, of a place in the text."""
        line = self.text.count('\n', 0, offset) + 1
        return f'{line}:{offset - (self.text.rfind(chr(10), 0, offset) + 1) + 1}'

    def encode(self) -> bytes:
        return (_BOM * self.has_bom + self.text).encode()


def read(content: bytes) -> Document:
    """Parse a text as the registry does; YamlTextError if it does not."""
    import yaml

    text = _decoded(content)
    has_bom = text.startswith(_BOM)
    text = text.removeprefix(_BOM)
    loader_of = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    loader = loader_of(text)
    try:
        composed: Any = loader.get_node() if loader.check_node() else None
        second: Any = loader.get_node() if loader.check_node() else None
        rest = None if second is None else second.start_mark.index
        builder = _Builder(text)
        root = None if composed is None else builder.build(composed)
    except yaml.MarkedYAMLError as err:
        raise _refused(text, err.problem or '', err.problem_mark) from None
    except yaml.reader.ReaderError as err:
        raise YamlTextError(_control(text, err.position)) from None
    except RecursionError:
        raise YamlTextError(_too_deep()) from None
    finally:
        loader.dispose()
    return Document(text, root, has_bom, rest)


def _decoded(content: bytes) -> str:
    if len(content) > SIZE_LIMIT:
        raise YamlTextError(
            Problem('yaml-size', 'larger than 1 MiB, which no config of a registry is')
        )
    is_wide = content[:2] in (b'\xff\xfe', b'\xfe\xff')
    try:
        return content.decode('utf-16' if is_wide else 'utf-8')
    except UnicodeDecodeError as err:
        line = content.count(b'\n', 0, err.start) + 1
        column = err.start - content.rfind(b'\n', 0, err.start)
        raise YamlTextError(
            Problem('yaml-encoding', 'is not UTF-8', where=f'{line}:{column}')
        ) from None


class _Builder:
    """Makes nodes of those that PyYAML composes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: Any, depth: int = 0) -> Node:
        import yaml

        self._count += 1
        if depth > DEPTH_LIMIT or self._count > NODE_LIMIT:
            raise YamlTextError(_too_deep())
        if id(node) in self._open:
            raise YamlTextError(
                Problem('yaml-syntax', 'an anchor holds an alias of itself')
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        try:
            return self._collection(node, depth)
        finally:
            self._open.discard(id(node))

    def _collection(self, node: Any, depth: int) -> Node:
        import yaml

        start, end = node.start_mark.index, node.end_mark.index
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.build(each, depth + 1) for each in node.value)
            if not node.flow_style:
                end = items[-1].end if items else start
            style = '[' if node.flow_style else ''
            return Node('list', start, end, style, 'list', items=items)
        members = tuple(
            (self.build(key, depth + 1), self.build(value, depth + 1))
            for key, value in node.value
        )
        if not node.flow_style:  # Its own end is where the next thing begins.
            end = max(each.end for pair in members for each in pair)
        style = '{' if node.flow_style else ''
        return Node('map', start, end, style, 'map', members=members)

    def _scalar(self, node: Any) -> Node:
        start, end = node.start_mark.index, node.end_mark.index
        style, text = node.style or '', node.value
        tag: Tag = 'str'
        value: Yaml = text
        if not style and node.tag != 'tag:yaml.org,2002:str':
            tag, value = resolve(text)
        if style in ('|', '>'):
            # Up to the line that is less indented, blank lines included.
            written = self._text[start:end]
            end = start + len(written.rstrip('\n '))
        return Node('scalar', start, end, style, tag, value, text)


def _refused(text: str, problem: str, mark: object) -> YamlTextError:
    """Say what the scanner says, without what it quotes of the text."""
    said = re.split(r"[\"'`]", problem)[0].strip(' :,') or 'not YAML'
    line, column = getattr(mark, 'line', 0) + 1, getattr(mark, 'column', 0) + 1
    return YamlTextError(Problem('yaml-syntax', said, where=f'{line}:{column}'))


def _control(text: str, offset: int) -> Problem:
    line = text.count('\n', 0, offset) + 1
    column = offset - text.rfind('\n', 0, offset)
    return Problem(
        'yaml-syntax', 'control characters are not allowed', where=f'{line}:{column}'
    )


def _too_deep() -> Problem:
    return Problem('yaml-size', 'is nested too deeply, or repeats too much by aliases')


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every value below a node, and the node itself, with its path."""
    yield path, node
    for at, item in enumerate(node.items):
        yield from walk(item, (*path, at))
    for name, value in node.members:
        yield from walk(value, (*path, name.text))
