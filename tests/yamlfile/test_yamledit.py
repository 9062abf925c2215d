"""Edits of a config in YAML: what is written, what stays, and what is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_host.yamlfile.yamledit import Drop, Put, edit
from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamltext import read

FEW = settings(max_examples=60, derandomize=True, deadline=None)


def edited(text, *edits):
    return edit(read(text.encode()), *edits).text


# Layouts


@pytest.mark.parametrize(
    ('text', 'asked', 'expected'),
    (
        pytest.param(
            'a: 1 # one\nb: 2 # two\n',
            Put(('a',), 3),
            'a: 3 # one\nb: 2 # two\n',
            id='comment-behind-stays',
        ),
        pytest.param(
            'a:\n    b: 1\n    # c\n# d\nz: 1\n',
            Put(('a', 'x'), 'y'),
            'a:\n    b: 1\n    x: "y"\n    # c\n# d\nz: 1\n',
            id='indentation-of-siblings',
        ),
        pytest.param(
            'a:\n   b: 1\n',
            Put(('c', 'd', 'e'), 'x'),
            'a:\n   b: 1\nc:\n   d:\n      e: x\n',
            id='parents-in-the-step-of-the-file',
        ),
        pytest.param(
            '{a: 1}\n', Put(('b', 'c'), 'x'), '{a: 1, b: {c: x}}\n', id='flow-root'
        ),
        pytest.param(
            'a: {b: 1 ,c: {}}',
            Put(('a', 'c', 'd'), 'x:1'),
            'a: {b: 1 ,c: {d: "x:1"}}',
            id='flow-empty',
        ),
        pytest.param('a: { }\n', Put(('a', 'b'), 1), 'a: { b: 1 }\n', id='flow-blank'),
        pytest.param(
            'a: {\n  b: 1, # x\n  c: 2 # y\n}\n',
            Put(('a', 'd'), 3),
            'a: {\n  b: 1, # x\n  c: 2, # y\n  d: 3\n}\n',
            id='flow-lines',
        ),
        pytest.param(
            'a: {\n  b: 1,\n}\n',
            Put(('a', 'd'), 3),
            'a: {\n  b: 1,\n  d: 3,\n}\n',
            id='flow-lines-last-comma',
        ),
        pytest.param(
            'a: {b: 1,\n    c: 2}\n',
            Put(('a', 'd'), 3),
            'a: {b: 1,\n    c: 2,\n    d: 3}\n',
            id='flow-hanging',
        ),
        pytest.param('', Put(('a', 'b'), 1), 'a:\n  b: 1\n', id='empty'),
        pytest.param('# c', Put(('a',), 1), '# c\na: 1', id='comment-only'),
        pytest.param(
            '---\r\n# c\r\n...\r\n',
            Put(('a',), 1),
            '---\r\n# c\r\na: 1\r\n...\r\n',
            id='marks-and-crlf',
        ),
        pytest.param(
            '---\n---\na: 2\n',
            Put(('a',), 1),
            '---\na: 1\n---\na: 2\n',
            id='first-document-is-empty',
        ),
        pytest.param(
            'a: 1\n---\na: 2\n',
            Put(('b',), 1),
            'a: 1\nb: 1\n---\na: 2\n',
            id='first-document-only',
        ),
        pytest.param(
            'a: 1\n---\na: {\n',
            Put(('b',), 1),
            'a: 1\nb: 1\n---\na: {\n',
            id='second-document-is-wrong',
        ),
        pytest.param(
            'storage:',
            Put(('storage', 'x'), 'z'),
            'storage:\n  x: z',
            id='null-at-the-end-without-newline',
        ),
        pytest.param(
            'a: # c\nb: 1\n',
            Put(('a', 'x'), 'z'),
            'a: # c\n  x: z\nb: 1\n',
            id='null-with-comment',
        ),
        pytest.param(
            'a: ~ # c\n', Put(('a', 'x'), 'z'), 'a: # c\n  x: z\n', id='null-written'
        ),
        pytest.param(
            'a: 1', Put(('b',), 2), 'a: 1\nb: 2', id='last-newline-stays-away'
        ),
        pytest.param("a: 'b'\n", Put(('a',), 'c'), "a: 'c'\n", id='single-quotes-stay'),
        pytest.param(
            'a: |+ # c\n  x\n\n\nb: 1\n',
            Put(('a',), 'z'),
            'a: z # c\nb: 1\n',
            id='literal',
        ),
        pytest.param(
            'a: # x\n  b: 1\n  c: 2 # y\nd: 3\n',
            Put(('a',), 's'),
            'a: s # x\nd: 3\n',
            id='map-becomes-text',
        ),
        pytest.param(
            'a: s # x\nd: 3\n',
            Put(('a',), {'b': ['c', {'d': 1, 'e': []}]}),
            'a: # x\n  b:\n    - c\n    - d: 1\n      e: []\nd: 3\n',
            id='text-becomes-map',
        ),
        pytest.param(
            'a: &x b # c\n', Put(('a',), 'd'), 'a: d # c\n', id='anchor-without-alias'
        ),
        pytest.param(
            'a: 1\na: 2 # c\n', Put(('a',), 3), 'a: 1\na: 3 # c\n', id='twice-last'
        ),
        pytest.param(
            'x: &x 1\na: *x\n', Put(('b',), 2), 'x: &x 1\na: *x\nb: 2\n', id='alias'
        ),
        pytest.param(
            'x: &x {b: 1}\na:\n  <<: *x\n  c: 2\n',
            Put(('a', 'c'), 3),
            'x: &x {b: 1}\na:\n  <<: *x\n  c: 3\n',
            id='beside-a-merge',
        ),
        pytest.param(
            '# x\na: 1 # y\n# z\nb: 2\n',
            Drop(('a',)),
            '# x\n# z\nb: 2\n',
            id='drop-line',
        ),
        pytest.param('a: 1\nb: 2', Drop(('b',)), 'a: 1', id='drop-last-line'),
        pytest.param('a: 1\r\nb: 2', Drop(('b',)), 'a: 1', id='drop-last-line-crlf'),
        pytest.param(
            'a: # x\n  # y\n  b: 1 # z\n  # w\nc: 1\n',
            Drop(('a', 'b')),
            'a: {} # x\n  # y\n  # w\nc: 1\n',
            id='drop-only',
        ),
        pytest.param('a: 1\n', Drop(('a',)), '', id='drop-all'),
        pytest.param('a: 1\n...\n', Drop(('a',)), '{}\n...\n', id='drop-all-marked'),
        pytest.param('{a: 1, b: 2, c: 3}', Drop(('a',)), '{b: 2, c: 3}', id='flow-1'),
        pytest.param('{a: 1, b: 2, c: 3}', Drop(('b',)), '{a: 1, c: 3}', id='flow-2'),
        pytest.param('{a: 1, b: 2, c: 3}', Drop(('c',)), '{a: 1, b: 2}', id='flow-3'),
        pytest.param('{ a: 1 }', Drop(('a',)), '{ }', id='flow-only'),
        pytest.param(
            'a: {\n  b: 1, # x\n  c: 2 # y\n}\n',
            Drop(('a', 'c')),
            'a: {\n  b: 1 # x\n}\n',
            id='flow-last-line',
        ),
        pytest.param(
            'a: {\n  b: 1, # x\n  c: 2 # y\n}\n',
            Drop(('a', 'b')),
            'a: {\n  c: 2 # y\n}\n',
            id='flow-first-line',
        ),
    ),
)
def test_layout(text, asked, expected):
    assert edited(text, asked) == expected


def test_the_bytes_around_stay():
    content = '\ufeff---\r\na:   {b: "c" }   # ä\r\n...'.encode()
    changed = edit(read(content), Put(('a', 'b'), 'd')).encode()
    assert changed == content.replace(b'"c"', b'"d"')


def test_utf_16_stays():
    content = '\ufeffa: ä\n'.encode('utf-16-be')
    changed = edit(read(content), Put(('b',), 'ö')).encode()
    assert changed == '\ufeffa: ä\nb: "ö"\n'.encode('utf-16-be')


@pytest.mark.parametrize(
    ('text', 'asked'),
    (
        ('a: "x"\nb: {}\n', Put(('a',), 'x')),
        ('a: x\n', Drop(('b',))),
        ('a: x\n', Drop(('a', 'b'))),
        ('', Drop(('a', 'b'))),
        ('x: &x {b: 1}\na: {<<: *x}\n', Put(('a', 'b'), 1)),
    ),
)
def test_nothing_to_change(text, asked):
    document = read(text.encode())
    assert edit(document, asked) is document


@pytest.mark.parametrize(
    ('text', 'asked', 'message'),
    (
        pytest.param(
            'x: &x {b: s3cret}\na: *x\n',
            Put(('a', 'b'), 2),
            '2:4: comes from an alias',
            id='alias',
        ),
        pytest.param(
            'x: &x {b: s3cret}\na: *x\n',
            Put(('x', 'b'), 2),
            '1:4: is repeated by an alias elsewhere',
            id='anchor',
        ),
        pytest.param(
            'x: {y: &x s3cret}\na: *x\n',
            Drop(('x',)),
            '1:8: is repeated by an alias elsewhere',
            id='anchor-inside',
        ),
        pytest.param(
            'x: &x {b: s3cret}\na:\n  <<: *x\n',
            Put(('a', 'b'), 2),
            '3:3: gives the key by a merge',
            id='merge',
        ),
        pytest.param(
            'a:\n  b: 2\n  <<: {b: s3cret}\n',
            Put(('a', 'b'), 2),
            '3:3: gives the key by a merge',
            id='merge-that-overrides',
        ),
        pytest.param(
            'a: s3cret\na: s3cret\n', Drop(('a',)), '2:1: is written twice', id='twice'
        ),
        pytest.param(
            'a: !!str s3cret\n', Put(('a',), 'x'), '1:4: has an explicit tag', id='tag'
        ),
        pytest.param(
            'a: s3cret\n', Put(('a', 'b'), 'x'), '1:4: is not a map', id='text'
        ),
        pytest.param('- s3cret\n', Put(('a',), 'x'), '1:1: is not a map', id='list'),
        pytest.param(
            '? a\n: s3cret\n', Drop(('a',)), '1:3: cannot be edited alone', id='key'
        ),
        pytest.param(
            'a: |\n  s3cret',
            Put(('b',), 1),
            '1:1: cannot be edited alone',
            id='literal-at-the-end',
        ),
        pytest.param(
            'a: 1\r# s3cret\rb: 1\r\n',
            Put(('b',), '\ud800'),
            'half of a surrogate pair cannot be written',
            id='surrogate',
        ),
    ),
)
def test_what_cannot_be_edited_alone_is_refused(text, asked, message):
    with pytest.raises(YamlTextError) as caught:
        edited(text, asked)
    assert str(caught.value) == message


# Properties: any document of a family, any edit

NAMES = st.sampled_from(('a', 'b', 'key', '"q"', 'x-y'))
SCALARS = st.sampled_from(
    ('1', 'text', '"a # b"', "'it''s'", 'http://x/y', '', '~', 'yes', '0.1', 'a b')
)
COMMENTS = st.sampled_from(('', '', '', ' # c', '\t# tab', '   # ä: {'))
FLOWS = st.sampled_from(
    ('{}', '{ }', '{a: 1}', '{ a: "x", b: {c: 2} }', '[1, x]', '{a: 1, b: 2,}', '[]')
)


@st.composite
def block_lines(draw, depth=0):
    step = draw(st.integers(1, 4))
    lines = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(('# line', '', '   # deep'))))
        comment = draw(COMMENTS)
        kind = draw(st.sampled_from(('scalar', 'flow', 'map', 'list', 'literal')))
        if kind == 'map' and depth < 3:
            inner = draw(block_lines(depth + 1))
            lines += [f'{name}:{comment}', *(' ' * step + line for line in inner)]
        elif kind == 'list':
            lines += [f'{name}:{comment}', '- x', '-   y: 1', '    z: 2  # in']
        elif kind == 'literal':
            sign = draw(st.sampled_from(('|', '|+', '>-')))
            lines += [f'{name}: {sign}{comment}', '   one', '    two', '']
        else:
            value = draw(FLOWS if kind == 'flow' else SCALARS)
            lines.append(f'{name}: {value}{comment}' if value else f'{name}:{comment}')
    return lines


@st.composite
def documents(draw):
    lines = draw(block_lines())
    head = draw(st.sampled_from(((), ('---',), ('# top', '---', '# c'))))
    newline = draw(st.sampled_from(('\n', '\r\n')))
    bom = draw(st.sampled_from(('', '\ufeff')))
    end = draw(st.sampled_from(('', newline, f'{newline}...{newline}')))
    document = read((bom + newline.join([*head, *lines]) + end).encode())
    return document


def paths_of(document):
    def below(node, path):
        for name, value in node.members:
            yield (*path, name.text), value
            yield from below(value, (*path, name.text))

    return list(below(document.root, ()))


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=('Cs',)), max_size=12),
    st.text('*&# :~0123eyn\'"-{}[],%@`!|>?\n\t\\', max_size=8),
    st.integers(-(2**63), 2**63),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text('ab:# ', max_size=3), inner),
    ),
    max_leaves=5,
)


def changed_in(value, path, wanted):
    """The tree with one value more, or another one; without it if `wanted` is DROP."""
    changed = dict(value or {})
    if len(path) > 1:
        changed[path[0]] = changed_in(changed.get(path[0]), path[1:], wanted)
    elif wanted is DROP:
        del changed[path[0]]
    else:
        changed[path[0]] = wanted
    return changed


DROP = object()


def is_one_span(short, long):
    """Is `short` what `long` is without one span of it?"""
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    return short[at:] == long[len(long) - len(short) + at :] and len(long) >= len(short)


def tried(document, asked):
    """None where it is refused, which a `|` without a newline at the end is."""
    try:
        return edit(document, asked)
    except YamlTextError as err:
        refused = err
    assert refused.problem.message == 'cannot be edited alone'
    assert document.text[-1:] not in '\r\n'
    assert '|' in document.text or '>' in document.text
    return None


@FEW
@given(documents(), st.data())
def test_a_scalar_is_replaced_where_it_stands(document, data):
    scalars = [
        (path, node) for path, node in paths_of(document) if node.kind == 'scalar'
    ]
    if not scalars:
        return
    path, node = data.draw(st.sampled_from(scalars))
    value = data.draw(VALUES)
    changed = tried(document, Put(path, value))
    if changed is None:
        return
    assert changed.get() == changed_in(document.get(), path, value)
    if node.end > node.start and node.style not in ('|', '>'):
        assert changed.text.startswith(document.text[: node.start])
        assert changed.text.endswith(document.text[node.end :])
    assert changed.has_bom == document.has_bom
    assert edit(changed, Put(path, value)) is changed


@FEW
@given(documents(), st.data())
def test_a_new_key_is_one_span_more_and_goes_without_a_trace(document, data):
    maps = [((), document.root)]
    maps += [pair for pair in paths_of(document) if pair[1].kind == 'map']
    path, _ = data.draw(st.sampled_from(maps))
    value = data.draw(TREES)
    path = (*path, 'new')
    changed = tried(document, Put(path, value))
    if changed is None:
        return
    assert changed.get() == changed_in(document.get(), path, value)
    assert is_one_span(document.text, changed.text)
    assert edit(changed, Put(path, value)) is changed
    back = edit(changed, Drop(path))
    assert back.text == document.text


@FEW
@given(documents(), st.data(), TREES)
def test_any_value_takes_the_place_of_any_other(document, data, value):
    path, _ = data.draw(st.sampled_from(paths_of(document)))
    changed = tried(document, Put(path, value))
    if changed is not None:
        assert changed.get() == changed_in(document.get(), path, value)


@FEW
@given(documents(), st.data())
def test_drop_takes_the_key_and_nothing_else(document, data):
    path, _ = data.draw(st.sampled_from(paths_of(document)))
    changed = tried(document, Drop(path))
    if changed is None:
        return
    assert (changed.get() or {}) == changed_in(document.get(), path, DROP)
    bare = [
        each.text.replace(' {}', '').replace('{}', '') for each in (changed, document)
    ]
    assert is_one_span(*bare)
    assert edit(changed, Drop(path)) is changed


def test_the_time_grows_with_the_text():
    def seconds(count):
        lines = ''.join(f'key{n}: {{a: "b", c: [1, 2]}} # c\n' for n in range(count))
        document = read(lines.encode())
        start = time.process_time()
        edit(document, Put((f'key{count - 1}', 'a'), 'x'), Put(('new',), 1))
        return time.process_time() - start

    few = min(seconds(200) for _ in range(3))
    assert min(seconds(2000) for _ in range(2)) < 40 * few
