"""The first document of a YAML text, made of what libyaml scans."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.yamlfile.yamlnode import Node, YamlTextError, position
from registry_host.yamlfile.yamlvalue import resolve, tagged

if TYPE_CHECKING:
    from registry_host.yamlfile.yamlvalue import Tag, Yaml

DEPTH_LIMIT = 100
# Aliases count each time that they are used: ten of ten of ten are a thousand.
NODE_LIMIT = 100_000
_SLASH = re.compile(r'(?<!\\)(?:\\\\)*\\/')


class _Anchored(NamedTuple):
    """A node that aliases repeat, and how many nodes and levels it holds."""

    node: Node | None  # None: it is not complete yet.
    size: int = 0
    height: int = 0


class Builder:
    """Makes nodes of the events of the first document."""

    def __init__(self, text: str, loader: Any) -> None:
        self._text = text
        self._next = loader.get_event
        self._count = 0
        self._deepest = 0
        self._flow = 0
        self._anchors: dict[str, _Anchored] = {}

    def document(self) -> Node | None:
        import yaml

        self._next()  # The stream begins.
        event: Any = self._next()
        if not isinstance(event, yaml.DocumentStartEvent):
            return None
        if event.version not in (None, (1, 1)):
            raise self._wrong('is not YAML 1.1', index_of(event.start_mark))
        root = self._node(self._next(), 0)
        self._next()  # The document ends: what follows it has begun well.
        return root

    def _node(self, event: Any, depth: int) -> Node:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        count, deepest, self._deepest = self._count, self._deepest, depth
        self._counted(1, depth)
        anchor = event.anchor or ''
        if anchor:
            self._anchors[anchor] = _Anchored(None)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(event, depth)
        else:
            node = self._map(event, depth)
        if anchor:
            node = node._replace(anchor=anchor)
            size, height = self._count - count, self._deepest - depth
            self._anchors[anchor] = _Anchored(node, size, height)
        self._deepest = max(self._deepest, deepest)
        return node

    def _counted(self, size: int, depth: int) -> None:
        self._count += size
        self._deepest = max(self._deepest, depth)
        if self._deepest > DEPTH_LIMIT or self._count > NODE_LIMIT:
            raise YamlTextError(_too_deep())

    def _alias(self, event: Any, depth: int) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise self._wrong('found undefined alias', start)
        if anchored.node is None:
            raise self._wrong('an anchor holds an alias of itself', start)
        self._counted(anchored.size, depth + anchored.height)
        return anchored.node._replace(start=start, end=end, is_alias=True)

    def _wrong(self, message: str, offset: int) -> YamlTextError:
        where = position(self._text, offset)
        return YamlTextError(Problem('yaml-syntax', message, where=where))

    def _list(self, event: Any, depth: int) -> Node:
        import yaml

        items = []
        self._flow += bool(event.flow_style)
        while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(inner, depth + 1))
        self._flow -= bool(event.flow_style)
        end = self._end(event, inner, items[-1].end if items else 0)
        style = '[' if event.flow_style else ''
        start, has_tag = event.start_mark.index, bool(event.tag)
        return Node(
            'list', start, end, style, 'list', items=tuple(items), has_tag=has_tag
        )

    def _map(self, event: Any, depth: int) -> Node:
        import yaml

        members = []
        self._flow += bool(event.flow_style)
        while not isinstance(inner := self._next(), yaml.MappingEndEvent):
            key = self._node(inner, depth + 1)
            members.append((key, self._node(self._next(), depth + 1)))
            if key.tag == 'merge':
                self._check_merge(members[-1][1])
        last = max(members[-1][0].end, members[-1][1].end) if members else 0
        self._flow -= bool(event.flow_style)
        end = self._end(event, inner, last)
        style = '{' if event.flow_style else ''
        start, has_tag = event.start_mark.index, bool(event.tag)
        return Node(
            'map', start, end, style, 'map', members=tuple(members), has_tag=has_tag
        )

    def _end(self, event: Any, last: Any, inner: int) -> int:
        """In block style a collection ends, by its marks, where the next thing is."""
        return int(last.end_mark.index) if event.flow_style else inner

    def _scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        style = event.style or ''
        text, has_tag = event.value, bool(event.tag)
        tag: Tag = 'str'
        value: Yaml = text
        if has_tag:
            try:
                tag, value = tagged(event.tag, text)
            except ValueError:
                raise self._wrong('the tag does not fit the value', start) from None
        elif not style:
            tag, value = resolve(text)
        self._check_port(start, end, style)
        if style in ('|', '>'):
            end = self._block_end(start, end)
        return Node('scalar', start, end, style, tag, value, text, has_tag=has_tag)

    def _check_port(self, start: int, end: int, style: str) -> None:
        """Refuse the little that libyaml reads and gopkg.in/yaml.v2 2.4 does not."""
        if style == '"' and _SLASH.search(self._text, start, end):
            raise self._wrong('found unknown escape character', start)
        if not style and self._flow and '?' in self._text[start:end]:
            raise self._wrong('a question mark in a list or map in one line', start)

    def _check_merge(self, node: Node) -> None:
        maps = node.items if node.kind == 'list' else (node,)
        if any(each.kind != 'map' for each in maps):
            raise self._wrong('a merge needs a map', node.start)

    def _block_end(self, start: int, end: int) -> int:
        """The mark is where the next thing begins: leave out blank lines before it.

        Where the sign is `+` they belong to the value.
        """
        written = self._text[start:end].rstrip(' ')
        header = re.split(r'[\r\n#]', written, maxsplit=1)[0]
        if '+' not in header:
            return start + len(written.rstrip('\r\n '))
        written = written.removesuffix('\n').removesuffix('\r')
        return start + len(written)


def _too_deep() -> Problem:
    return Problem('yaml-size', 'is nested too deeply, or repeats too much by aliases')


def index_of(mark: Any) -> int:
    return int(mark.index) if mark else 0
