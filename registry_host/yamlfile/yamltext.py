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
from registry_host.yamlfile.yamlbuilder import Builder, index_of
from registry_host.yamlfile.yamlnode import Node, YamlTextError, position

if TYPE_CHECKING:
    from registry_host.yamlfile.yamlvalue import Yaml

SIZE_LIMIT = 1024 * 1024
_BOM = '\ufeff'
_WIDE = {b'\xff\xfe': 'utf-16-le', b'\xfe\xff': 'utf-16-be'}


class Document(NamedTuple):
    """A text, without its byte order mark, and what its first document holds.

    `root` None: it holds nothing. `rest` is the offset of the second document, None if
    there is none.
    """

    text: str
    root: Node | None
    has_bom: bool = False
    rest: int | None = None
    encoding: str = 'utf-8'

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
        return position(self.text, offset)

    def encode(self) -> bytes:
        return (_BOM * self.has_bom + self.text).encode(self.encoding)


def read(content: bytes) -> Document:
    """Parse a text as the registry does; YamlTextError if it does not."""
    encoding = _WIDE.get(content[:2], 'utf-8')
    text = _decoded(content, encoding)
    has_bom = text.startswith(_BOM)
    text = text.removeprefix(_BOM)
    root, rest = scan(text)
    return Document(text, root, has_bom, rest, encoding)


def scan(text: str) -> tuple[Node | None, int | None]:
    """Parse the first document; give the offset of the second too."""
    import yaml

    loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)(text)
    try:
        root = Builder(text, loader).document()
        return root, _second(loader)
    except yaml.MarkedYAMLError as err:
        raise _refused(text, err.problem or '', err.problem_mark) from None
    except yaml.reader.ReaderError as err:
        raise YamlTextError(_control(text, err.position)) from None
    finally:
        loader.dispose()


def _second(loader: Any) -> int | None:
    """Find the second document; the registry does not mind a mistake in it."""
    import yaml

    try:
        event: Any = loader.get_event()
        if isinstance(event, yaml.DocumentStartEvent):
            return index_of(event.start_mark)
    except yaml.MarkedYAMLError as err:
        return index_of(err.problem_mark)
    return None


def _decoded(content: bytes, encoding: str) -> str:
    if len(content) > SIZE_LIMIT:
        raise YamlTextError(
            Problem('yaml-size', 'larger than 1 MiB, which no config of a registry is')
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as err:
        line = content.count(b'\n', 0, err.start) + 1
        column = err.start - content.rfind(b'\n', 0, err.start)
        name = encoding[:6].upper().removesuffix('-')
        raise YamlTextError(
            Problem('yaml-encoding', f'is not {name}', where=f'{line}:{column}')
        ) from None


def _refused(text: str, problem: str, mark: Any) -> YamlTextError:
    """Say what the scanner says, without what it quotes of the text."""
    said = re.split(r"[\"'`]", problem)[0].strip(' :,') or 'not YAML'
    where = position(text, index_of(mark))
    return YamlTextError(Problem('yaml-syntax', said, where=where))


def _control(text: str, offset: int) -> Problem:
    """`offset` counts bytes."""
    before = text.encode()[:offset].decode(errors='ignore')
    where = position(text, len(before))
    return Problem('yaml-syntax', 'control characters are not allowed', where=where)
