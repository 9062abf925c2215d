"""Edits of a YAML file that leave every other byte as it is, and prove that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.yamlfile import yamlspans
from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamlspans import Layout
from registry_host.yamlfile.yamltext import Document, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.yamlfile.yamlnode import Node
    from registry_host.yamlfile.yamlvalue import Yaml

    # A value with its type; of a map all that is written, duplicates included.
    Shape = tuple[str, Any]

_EMPTY: Shape = ('map', ())
_TYPES = {bool: 'bool', int: 'int', float: 'float', str: 'str', type(None): 'null'}


class Put(NamedTuple):
    """Give the key at `path` this value; it and missing parents are added last.

    A parent that is null becomes a map where it stands. Of a key that is written twice
    the last is given the value: it is the one that counts.
    """

    path: tuple[str, ...]
    value: Yaml


class Drop(NamedTuple):
    """Remove the key at `path`; nothing to do where there is none.

    A map that this empties stays, as `{}`.
    """

    path: tuple[str, ...]


Edit = Put | Drop


def edit(document: Document, *edits: Edit) -> Document:
    """Apply edits in turn to the first document, and prove that nothing else changed.

    Returns `document` itself where there was nothing to change. Raises YamlTextError,
    with the place, for what cannot be edited alone.
    """
    for asked in edits:
        document = _applied(document, asked)
    return document


def _applied(document: Document, asked: Edit) -> Document:
    target = _Target.of(document, asked)
    if target is None:
        return document
    expected = _expected(_shape(document.root), asked.path, asked)
    text = target.edited(document, asked)
    try:
        root, rest = scan(text)
    except YamlTextError:
        raise _refusal(document, target.place, 'cannot be edited alone') from None
    tail = '' if document.rest is None else document.text[document.rest :]
    found = _EMPTY if root is None or _is_null(root) else _shape(root)
    is_proven = found == expected and (document.rest is None) == (rest is None)
    if not is_proven or not text.endswith(tail):
        raise _refusal(document, target.place, 'cannot be edited alone')
    return document._replace(text=text, root=root, rest=rest)


def _refusal(document: Document, offset: int, message: str) -> YamlTextError:
    where = document.position(offset)
    return YamlTextError(Problem('yaml-edit', message, where=where))


class _Target(NamedTuple):
    """Where an edit begins: a map that is there, and the path from it on.

    `above` is the map that this one is the value of, with its key.
    """

    map: Node | None
    path: tuple[str, ...]
    above: tuple[Node, Node] | None = None

    @property
    def place(self) -> int:
        if self.map is None:
            return 0
        member = self.map.member(self.path[0])
        return self.map.start if member is None else member[0].start

    @classmethod
    def of(cls, document: Document, asked: Edit) -> _Target | None:
        """Find it; None if there is nothing to change."""
        node, path = document.root, asked.path
        above: tuple[Node, Node] | None = None
        if node is None or _is_null(node):
            if isinstance(asked, Drop):
                return None
            _check(document, node, set())
            return cls(None, path)
        if _is_done(node, asked):
            return None
        repeated = {each.anchor for each in _own(node) if each.is_alias}
        while True:
            _check(document, node, repeated)
            _check_key(document, node, path[0], asked)
            member = node.member(path[0])
            if member is None:
                return cls(node, path, above)
            if len(path) == 1 or _is_null(member[1]):
                for part in member:  # mypy 2.4 overflows on one tuple of both.
                    for each in _own(part):
                        _check(document, each, repeated, is_part=each is not member[1])
                return cls(node, path, above)
            node, path, above = member[1], path[1:], member

    def edited(self, document: Document, asked: Edit) -> str:
        text, layout = document.text, Layout.of(document)
        name, value = self.path[0], _nested(self.path[1:], asked)
        if self.map is None:
            return yamlspans.started(document, name, value, layout)
        member = self.map.member(name)
        if member is None:
            return yamlspans.added(text, self.map, name, value, layout)
        if isinstance(asked, Put):
            return yamlspans.replaced(text, self.map, member, value, layout)
        return yamlspans.dropped(text, self.map, name, self.above)


def _nested(path: tuple[str, ...], asked: Edit) -> Yaml:
    value = asked.value if isinstance(asked, Put) else None
    for name in reversed(path):
        value = {name: value}
    return value


def _check(
    document: Document, node: Node | None, repeated: set[str], *, is_part: bool = False
) -> None:
    """Refuse what aliases share, and what a tag says the type of.

    `is_part`: of a value that is edited as a whole, where aliases and tags do no harm.
    """
    if node is None:
        return
    if node.is_alias and not is_part:
        raise _refusal(document, node.start, 'comes from an alias')
    if node.has_tag and not is_part:
        raise _refusal(document, node.start, 'has an explicit tag')
    if node.anchor in repeated and not node.is_alias:
        raise _refusal(document, node.start, 'is repeated by an alias elsewhere')


def _check_key(document: Document, node: Node, key: str, asked: Edit) -> None:
    if node.kind != 'map':
        raise _refusal(document, node.start, 'is not a map')
    for name, value in node.members:
        if name.tag == 'merge' and key in value.merged():
            raise _refusal(document, name.start, 'gives the key by a merge')
    written = [name for name, _ in node.members if name.text == key]
    if isinstance(asked, Drop) and len(written) > 1:
        raise _refusal(document, written[-1].start, 'is written twice')


def _own(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, keys too, without what aliases repeat."""
    yield node
    if not node.is_alias:
        for item in node.items:
            yield from _own(item)
        for name, value in node.members:
            yield from _own(name)
            yield from _own(value)


def _is_null(node: Node) -> bool:
    return node.kind == 'scalar' and node.tag == 'null'


def _is_done(root: Node, asked: Edit) -> bool:
    """Is the value there, be it by a merge, or for Drop, is there none?"""
    found, own = root.plain(), Document('', root).find(*asked.path)
    for name in asked.path:
        if not isinstance(found, dict) or name not in found:
            return isinstance(asked, Drop)
        found = found[name]
    if isinstance(asked, Drop) or _shape_of(found) != _shape_of(asked.value):
        return False
    return own is None or _shape(own) == _shape_of(asked.value)


def _shape(node: Node | None) -> Shape:
    """Give a value with its type; of a map all that is written, in its order."""
    if node is None:
        return 'null', 'None'
    if node.kind == 'list':
        return 'list', tuple(map(_shape, node.items))
    if node.kind == 'map':
        members = ((name.tag, name.text, _shape(value)) for name, value in node.members)
        return 'map', tuple(members)
    return node.tag, repr(node.value)


def _shape_of(value: Yaml) -> Shape:
    if isinstance(value, list):
        return 'list', tuple(map(_shape_of, value))
    if isinstance(value, dict):
        members = (('str', name, _shape_of(inner)) for name, inner in value.items())
        return 'map', tuple(members)
    return _TYPES[type(value)], repr(value)


def _expected(shape: Shape, path: tuple[str, ...], asked: Edit) -> Shape:
    """Say what is to be read after an edit: the rule that its text is held against."""
    name, inner = path[0], path[1:]
    members = list(shape[1]) if shape[0] == 'map' else []
    places = [
        at for at, (tag, key, _) in enumerate(members) if key == name and tag != 'merge'
    ]
    at = places[-1] if places else len(members)
    tag, _, value = members[at] if places else ('str', name, _EMPTY)
    if inner:
        members[at:] = [(tag, name, _expected(value, inner, asked)), *members[at + 1 :]]
    elif isinstance(asked, Put):
        members[at:] = [(tag, name, _shape_of(asked.value)), *members[at + 1 :]]
    else:
        del members[at]
    return 'map', tuple(members)
