"""Where the text of an edit goes: spans of a YAML text that are cut out or put in.

What is made is proven by who asks for it: a span that was chosen wrongly reads as
something else than what was asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.yamlfile import yamlwriting
from registry_host.yamlfile.yamlnode import Node, walk

if TYPE_CHECKING:
    from registry_host.yamlfile.yamltext import Document
    from registry_host.yamlfile.yamlvalue import Yaml

    Pair = tuple[Node, Node]

# What ends a line in YAML 1.1.
_BREAKS = '\r\n\x85\u2028\u2029'
_BREAK = re.compile(f'\r\n|[{_BREAKS}]')
_COLON = re.compile(r'(?:\s|(?<=\s)#[^\r\n]*)*:')
_TAIL = re.compile(f'[ \t]*(?:(?<=[ \t])#[^{_BREAKS}]*)?')
_SIGN = re.compile(r'(?:&\S+\s+)?[|>][-+0-9]*')
_ANCHOR = re.compile(r'[ \t]*&\S+')


class Layout(NamedTuple):
    """How a file is written: for what is added to look like the rest."""

    newline: str
    step: str

    @classmethod
    def of(cls, document: Document) -> Layout:
        found = _BREAK.search(document.text)
        newline = '\r\n' if found and found[0] == '\r\n' else '\n'
        return cls(newline, ' ' * _step(document) or yamlwriting.STEP)

    def lines(self, name: str, value: Yaml, indent: str) -> str:
        return self.newline.join(yamlwriting.member(name, value, indent, self.step))

    def block(self, value: Yaml, indent: str) -> str:
        lines = yamlwriting.block(value, indent + self.step, self.step)
        return ''.join(self.newline + line for line in lines)


def _step(document: Document) -> int:
    """Count the blanks by which the first map inside a map is indented; 0: none."""
    if document.root is None:
        return 0
    for _, node in walk(document.root):
        outer = _indent(document.text, node)
        for _, inner in node.members:
            if inner.members and not (node.style or inner.style or inner.is_alias):
                return len(_indent(document.text, inner)) - len(outer)
    return 0


def _indent(text: str, node: Node) -> str:
    """Give the blanks in front of the keys of a map."""
    if not node.members:
        return ''
    start = node.members[0][0].start
    return ' ' * (start - _line_start(text, start))


def _line_start(text: str, offset: int) -> int:
    while offset and text[offset - 1] not in _BREAKS:
        offset -= 1
    return offset


def _line_end(text: str, offset: int) -> int:
    found = _BREAK.search(text, offset)
    return found.start() if found else len(text)


def _next_line(text: str, offset: int) -> int:
    """Find where the next line begins; the end of the text if there is none."""
    found = _BREAK.search(text, offset)
    return found.end() if found else len(text)


def _after_colon(text: str, key: Node) -> int:
    """Find the place behind the colon of a key; behind the key if it has none."""
    found = _COLON.match(text, key.end)
    return found.end() if found else key.end


def _end(text: str, pair: Pair) -> int:
    """Find where a member ends; the scanner puts no value where the next thing is."""
    key, value = pair
    return value.end if value.end > value.start else _after_colon(text, key)


def _comment(text: str, offset: int) -> str:
    """Give what is left of a line, if that is a comment or nothing."""
    found = _TAIL.match(text, offset)
    return found[0] if found else ''


def started(document: Document, name: str, value: Yaml, layout: Layout) -> str:
    """Write the first key of a document that holds nothing, or null."""
    text, root = document.text, document.root
    start, end = (len(text), len(text)) if root is None else (root.start, root.end)
    before, after = text[:start], text[end:]
    lines = layout.lines(name, value, '')
    if before and before[-1] not in _BREAKS:
        return before + layout.newline + lines + after
    is_last = not after or after[0] not in f'{_BREAKS} \t'
    return before + lines + layout.newline * is_last + after


def added(text: str, node: Node, name: str, value: Yaml, layout: Layout) -> str:
    """Write a new key behind the last one of a map."""
    if node.style == '{':
        return _added_in_flow(text, node, name, value, layout)
    end = _line_end(text, _end(text, node.members[-1]))
    lines = layout.lines(name, value, _indent(text, node))
    after = _next_line(text, end)
    if after == end:
        return text + layout.newline + lines
    return text[:after] + lines + layout.newline + text[after:]


def _added_in_flow(
    text: str, node: Node, name: str, value: Yaml, layout: Layout
) -> str:
    written = f'{yamlwriting.scalar(name, is_inside=True)}: {yamlwriting.flow(value)}'
    if not node.members:
        return _added_to_nothing(text, node, written)
    last = node.members[-1]
    end, start = _end(text, last), _line_start(text, last[0].start)
    indent = text[start : last[0].start]
    if indent.strip(' \t') or start <= node.start:
        return f'{text[:end]}, {written}{text[end:]}'
    line_end = _line_end(text, end)
    found = re.compile(r'[ \t]*,').match(text, end, line_end)
    behind = found.end() if found else end
    if behind + len(_comment(text, behind)) < line_end:
        return f'{text[:end]},{layout.newline}{indent}{written}{text[end:]}'
    head, comma = (text[:behind], ',') if found else (f'{text[:end]},', '')
    rest = text[behind:line_end]
    added_line = f'{layout.newline}{indent}{written}{comma}'
    return head + rest + added_line + text[line_end:]


def _added_to_nothing(text: str, node: Node, written: str) -> str:
    start = text.index('{', node.start) + 1
    inner = text[start : node.end - 1]
    lead = inner if not inner.strip(' ') else ''
    at = start if lead else node.end - 1
    return f'{text[:at]}{lead}{written}{text[at:]}'


def replaced(text: str, node: Node, pair: Pair, value: Yaml, layout: Layout) -> str:
    """Write a value in the place of another."""
    key, old = pair
    colon = _after_colon(text, key)
    if node.style == '{':
        new = yamlwriting.flow(value, quote=old.style)
        if old.end > old.start:
            return text[: old.start] + new + text[old.end :]
        sign = '' if text[colon - 1] == ':' and colon > key.end else ':'
        return f'{text[:colon]}{sign} {new}{text[colon:]}'
    end, tail = _end(text, pair), ''
    if old.kind != 'scalar' and not old.style:
        tail = _comment(text, _behind_anchor(text, colon))
        start = colon
        end = _line_end(text, end)
    elif old.style in ('|', '>'):
        line_end = _line_end(text, old.start)
        header = _SIGN.match(text, old.start)
        tail = text[header.end() : line_end] if header else ''
        start, end = old.start, _line_end(text, end)
    else:
        start = old.start if old.end > old.start else colon
    if not yamlwriting.is_block(value):
        new = yamlwriting.flow(value, is_inside=False, quote=old.style)
        blank = '' if start > colon else ' '
        return text[:start] + blank + new + tail + text[end:]
    tail = tail or text[end : _line_end(text, end)]
    end = _line_end(text, end)
    head = text[:start].rstrip(' \t')
    return head + tail + layout.block(value, _indent(text, node)) + text[end:]


def _behind_anchor(text: str, offset: int) -> int:
    found = _ANCHOR.match(text, offset)
    return found.end() if found else offset


def dropped(text: str, node: Node, name: str, above: Pair | None) -> str:
    """Remove a key with its value, its lines and the comment behind it."""
    names = [key.text for key, _ in node.members]
    at = names.index(name)
    if node.style == '{':
        return _dropped_in_flow(text, node, at)
    key, _ = node.members[at]
    start = _line_start(text, key.start)
    if text[start : key.start].strip(' '):
        return text  # Not a line of its own, such as `? key`: the proof refuses it.
    end = _line_end(text, _end(text, node.members[at]))
    after = _next_line(text, end)
    if after == end and start:  # The last line has no end: leave none either.
        start -= 2 if text[start - 2 : start] == '\r\n' else 1
    is_only = len(node.members) == 1
    if is_only and above is None and '\n...' in text[end:]:
        return f'{text[:start]}{{}}{text[end:]}'  # A document must end after something.
    if not is_only or above is None:
        return text[:start] + text[after:]
    colon = _behind_anchor(text, _after_colon(text, above[0]))
    return f'{text[:colon]} {{}}{text[colon:start]}{text[after:]}'


def _dropped_in_flow(text: str, node: Node, at: int) -> str:
    members = node.members
    key = members[at][0]
    start, end = key.start, _end(text, members[at])
    found = re.compile(r'\s*,').match(text, end)
    behind = found.end() if found else end
    if len(members) == 1:
        return _emptied(text, node, start, behind)
    line_start, line_end = _line_start(text, start), _line_end(text, behind)
    is_first = not text[line_start:start].strip(' \t') and line_start > node.start
    is_whole = is_first and behind + len(_comment(text, behind)) == line_end
    is_last = at == len(members) - 1
    if is_whole and line_end < node.end:
        head = text[:line_start]
        if is_last and not found:
            head = _without_comma(text, _end(text, members[at - 1]), line_start)
        return head + text[_next_line(text, line_end) :]
    if not is_last and members[at + 1][0].start <= line_end:
        return text[:start] + text[members[at + 1][0].start :]
    before = _end(text, members[at - 1]) if at else start
    if '#' not in text[before:start]:
        return text[:before] + text[end if at else behind :]
    return text[:start] + text[behind:]


def _without_comma(text: str, start: int, end: int) -> str:
    """Remove the comma behind a member, which may stand behind comments."""
    found = re.compile(r'(?:\s|#[^\r\n]*)*,').match(text, start, end)
    if found is None:
        return text[:end]
    comma = found.end() - 1
    return text[:comma] + text[comma + 1 : end]


def _emptied(text: str, node: Node, start: int, end: int) -> str:
    opening = text.index('{', node.start) + 1
    lead, tail = text[opening:start], text[end : node.end - 1]
    if lead.isspace() and lead == tail and not set(_BREAKS) & set(lead):
        tail = ''
    elif not (lead + tail).strip():
        lead = tail = ''
    return text[:opening] + lead + tail + text[node.end - 1 :]
