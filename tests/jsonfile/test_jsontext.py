from __future__ import annotations

import json
import re
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry_host.jsonfile import editing, jsontext
from registry_host.jsonfile.editing import Drop, Put, Splice, edit
from registry_host.jsonfile.jsontext import read
from registry_host.jsonfile.jsonvalue import JsonTextError, Number

FEW = settings(max_examples=250, derandomize=True, deadline=None)


def edited(text, *edits):
    return edit(read(text.encode()), *edits).text


def mirrors(*urls, drop=()):
    return Splice(('m',), urls, frozenset(drop))


# Layouts


@pytest.mark.parametrize(
    ('text', 'asked', 'expected'),
    (
        pytest.param(
            '{\n  "a": 1\n}\n',
            mirrors('x', 'y'),
            '{\n  "a": 1,\n  "m": [\n    "x",\n    "y"\n  ]\n}\n',
            id='two-blanks',
        ),
        pytest.param(
            '{\n\t"a": 1\n}',
            mirrors('x'),
            '{\n\t"a": 1,\n\t"m": [\n\t\t"x"\n\t]\n}',
            id='tabs-and-no-final-newline',
        ),
        pytest.param(
            '{\r\n    "a" : 1\r\n}\r\n',
            mirrors('x'),
            '{\r\n    "a" : 1,\r\n    "m" : [\r\n        "x"\r\n    ]\r\n}\r\n',
            id='crlf',
        ),
        pytest.param(
            '{"a":1}', mirrors('x', 'y'), '{"a":1,"m":["x","y"]}', id='compact'
        ),
        pytest.param(
            '{ "a": 1 }\n',
            mirrors('x', 'y'),
            '{ "a": 1, "m": ["x", "y"] }\n',
            id='line',
        ),
        pytest.param(
            '{"a": 1,\n "b": 2}',
            mirrors('x'),
            '{"a": 1,\n "b": 2,\n "m": [\n     "x"\n ]}',
            id='hanging',
        ),
        pytest.param(
            '{\n  "a": 1\n  , "b": 2\n}',
            mirrors('x'),
            '{\n  "a": 1\n  , "b": 2\n  , "m": [\n    "x"\n  ]\n}',
            id='comma-first',
        ),
        pytest.param(
            '{}', mirrors('x'), '{\n    "m": [\n        "x"\n    ]\n}', id='{}'
        ),
        pytest.param(
            '', mirrors('x'), '{\n    "m": [\n        "x"\n    ]\n}\n', id='empty'
        ),
        pytest.param(
            ' \n',
            mirrors('x'),
            '{\n    "m": [\n        "x"\n    ]\n}\n',
            id='white-space',
        ),
        pytest.param(
            '{\n  "l": ["a", "b"]\n}',
            mirrors('x'),
            '{\n  "l": ["a", "b"],\n  "m": ["x"]\n}',
            id='arrays-on-one-line',
        ),
        pytest.param(
            '{"m": [ "a" ]}', mirrors('x'), '{"m": [ "x", "a" ]}', id='inner-blanks'
        ),
        pytest.param(
            '{"m":["a","b"]}', mirrors('x'), '{"m":["x","a","b"]}', id='tight'
        ),
        pytest.param(
            '{\n  "m": [\n    "a",\n      "b"\n  ]\n}',
            mirrors('x'),
            '{\n  "m": [\n    "x",\n    "a",\n      "b"\n  ]\n}',
            id='ragged-array',
        ),
        pytest.param('{"m": []}', mirrors('x'), '{"m": ["x"]}', id='[]'),
        pytest.param('{"m": null}', mirrors('x'), '{"m": ["x"]}', id='null'),
        pytest.param(
            '{\n  "m": [ ]\n}',
            mirrors('x'),
            '{\n  "m": [\n    "x"\n  ]\n}',
            id='[ ]',
        ),
        pytest.param(
            '{"m": ["a", "b"]}', mirrors(drop=[0, 1]), '{"m": []}', id='emptied'
        ),
        pytest.param(
            '{"m": ["a" ,"b",  "c"]}',
            mirrors(drop=[0]),
            '{"m": ["b",  "c"]}',
            id='drop-1',
        ),
        pytest.param(
            '{"m": ["a" ,"b",  "c"]}',
            mirrors(drop=[1]),
            '{"m": ["a",  "c"]}',
            id='drop-2',
        ),
        pytest.param(
            '{"m": ["a" ,"b",  "c"]}',
            mirrors(drop=[2]),
            '{"m": ["a" ,"b"]}',
            id='drop-3',
        ),
        pytest.param(
            r'{"m": ["\u002f", "b"]}',
            mirrors('x', drop=[1]),
            r'{"m": ["x", "\u002f"]}',
            id='spelling-of-others',
        ),
        pytest.param(
            '{\n\t"a": {}\n}',
            Put(('p', 'd', 'h'), 'x'),
            '{\n\t"a": {},\n\t"p": {\n\t\t"d": {\n\t\t\t"h": "x"\n\t\t}\n\t}\n}',
            id='missing-parents',
        ),
        pytest.param(
            '{"p": {"d": {"h": "x"}}}',
            Put(('p', 'd', 'h'), 'y'),
            '{"p": {"d": {"h": "y"}}}',
            id='inner-value',
        ),
        pytest.param(
            '{"p": {"d": {}}}',
            Put(('p', 'd', 'h'), 'y'),
            '{"p": {"d": {"h": "y"}}}',
            id='inner-empty',
        ),
        pytest.param('{"a": 1, "b": 2}', Drop(('a',)), '{"b": 2}', id='drop-first'),
        pytest.param('{"a": 1, "b": 2}', Drop(('b',)), '{"a": 1}', id='drop-last'),
        pytest.param('{ "a": 1 }', Drop(('a',)), '{}', id='drop-only'),
        pytest.param(
            '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}',
            Drop(('b',)),
            '{\n  "a": 1,\n  "c": 3\n}',
            id='drop-a-line',
        ),
    ),
)
def test_layout(text, asked, expected):
    assert edited(text, asked) == expected


@pytest.mark.parametrize(
    'asked',
    (
        Put(('a',), Number('1')),
        Put(('l',), ['x']),
        Drop(('z',)),
        Drop(('o', 'z')),
        Splice(('l',), ()),
        Splice(('z',), ()),
    ),
)
def test_nothing_to_change(asked):
    document = read(b'{"a": 1, "l": [ "x"], "o": {}}')
    assert edit(document, asked) is document


@pytest.mark.parametrize(
    'number', ('1e400', '12345678901234567890', '-0', '1.10', '9' * 5000)
)
def test_numbers_stay_as_written(number):
    text = f'{{"n": {number}}}'
    assert edited(text, mirrors('x')) == f'{{"n": {number}, "m": ["x"]}}'
    assert read(text.encode()).get('n') == Number(number)


def test_text_of_others_stays():
    text = r'{"a": "\ud800 \/ é", "ключ": "значение"}'
    assert edited(text, mirrors('x')) == text[:-1] + ', "m": ["x"]}'


def test_not_an_array_is_never_overwritten():
    with pytest.raises(TypeError):
        edited('{"m": "x"}', mirrors('y'))
    with pytest.raises(TypeError):
        edited('{"p": []}', Put(('p', 'd'), 'y'))


def test_where():
    document = read(b'{\n  "a": {"b": [1, "x"]},\n\t"c": 2}')
    assert document.where() == '1:1'
    assert document.where('a') == '2:3'
    assert document.where('a', 'b') == '2:9'
    assert document.where('a', 'b', 1) == '2:18'
    assert document.where('c') == '3:2'


def test_has_and_get():
    document = read(b'{"a": {"b": null}}')
    assert document.has('a', 'b')
    assert document.get('a', 'b') is None
    assert not document.has('a', 'b', 'c')
    assert document.get('x', 'y') is None


# Errors


@pytest.mark.parametrize(
    ('content', 'code', 'where'),
    (
        pytest.param(b'\xef\xbb\xbf{}', 'json-bom', '1:1', id='bom'),
        pytest.param('{}'.encode('utf-16'), 'json-encoding', '1:1', id='utf-16'),
        pytest.param('{}'.encode('utf-32-le'), 'json-encoding', '1:1', id='utf-32'),
        pytest.param(b'{\n"a": "\xff"}', 'json-encoding', '2:7', id='latin-1'),
        pytest.param(b'\0' * 20, 'json-encoding', '1:1', id='nul-bytes'),
        pytest.param(b'{"a": 1,}', 'json-trailing-comma', '1:8', id='trailing-comma'),
        pytest.param(b'{"a": [1,]}', 'json-trailing-comma', '1:9', id='in-an-array'),
        pytest.param(b'{"a": 1\n"b": 2}', 'json-missing-comma', '2:1', id='no-comma'),
        pytest.param(b'{"a": [1 2]}', 'json-missing-comma', '1:10', id='no-comma-2'),
        pytest.param(b'{,}', 'json-extra-comma', '1:2', id='comma-first'),
        pytest.param(b'{"a": 1,, "b": 2}', 'json-extra-comma', '1:9', id='two-commas'),
        pytest.param(b'{"a": 1, "a": 2}', 'json-duplicate-key', '1:10', id='twice'),
        pytest.param(
            b'{"a": {"b": 1, "\\u0062": 2}}', 'json-duplicate-key', '1:16', id='escaped'
        ),
        pytest.param(
            b'{"a": 1, "a" 2}', 'json-duplicate-key', '1:10', id='first-error'
        ),
        pytest.param(b'{// c\n}', 'json-comment', '1:2', id='//'),
        pytest.param(b'{/* c */}', 'json-comment', '1:2', id='/*'),
        pytest.param(b'# c\n{}', 'json-comment', '1:1', id='#'),
        pytest.param(b"{'a': 1}", 'json-quotes', '1:2', id='single-quotes'),
        pytest.param(b'{a: 1}', 'json-unquoted-key', '1:2', id='bare-key'),
        pytest.param(b'{1: 1}', 'json-key', '1:2', id='number-as-key'),
        pytest.param(b'{"a": NaN}', 'json-word', '1:7', id='nan'),
        pytest.param(b'{"a": -Infinity}', 'json-word', '1:7', id='infinity'),
        pytest.param(b'{"a": True}', 'json-word', '1:7', id='python'),
        pytest.param(b'{"a": yes}', 'json-word', '1:7', id='word'),
        pytest.param(b'{"a": 01}', 'json-number', '1:7', id='leading-zero'),
        pytest.param(b'{"a": +1}', 'json-number', '1:7', id='plus'),
        pytest.param(b'{"a": .5}', 'json-number', '1:7', id='leading-point'),
        pytest.param(b'{"a": 1.}', 'json-number', '1:7', id='final-point'),
        pytest.param(b'{"a": "x\ny"}', 'json-unterminated-string', '1:7', id='newline'),
        pytest.param(b'{"a": "x', 'json-unterminated-string', '1:7', id='open-string'),
        pytest.param(b'{"a": "\t"}', 'json-control-character', '1:8', id='tab'),
        pytest.param(b'{"a": "\\x"}', 'json-escape', '1:8', id='escape'),
        pytest.param(b'{"a": "\\u12"}', 'json-escape', '1:8', id='short-escape'),
        pytest.param(b'{"a" 1}', 'json-missing-colon', '1:6', id='no-colon'),
        pytest.param(b'{"a"}', 'json-missing-colon', '1:5', id='key-alone'),
        pytest.param(b'{"a":}', 'json-missing-value', '1:6', id='no-value'),
        pytest.param(b'{"a":: 1}', 'json-colon', '1:6', id='two-colons'),
        pytest.param(b'{"a": [1}', 'json-bracket', '1:9', id='bracket'),
        pytest.param(b'{"a": 1', 'json-truncated', '1:8', id='truncated'),
        pytest.param(b'{"a": [', 'json-truncated', '1:8', id='truncated-array'),
        pytest.param(b'{} {}', 'json-trailing-data', '1:4', id='two-objects'),
        pytest.param(b'{}x', 'json-trailing-data', '1:3', id='rubbish'),
        pytest.param(b'[]', 'json-not-object', '1:1', id='array'),
        pytest.param(b'null', 'json-not-object', '1:1', id='null'),
        pytest.param(b'"x"', 'json-not-object', '1:1', id='string'),
        pytest.param(b'}', 'json-not-object', '1:1', id='brace'),
        pytest.param(b'{"a": \x01}', 'json-character', '1:7', id='control'),
        pytest.param(
            b'{"a": \xc2\xa0 1}', 'json-character', '1:7', id='no-break-space'
        ),
        pytest.param(b'{"a":' * 101, 'json-depth', '1:501', id='deep'),
        pytest.param(b'{"a":' + b'[' * 100_000, 'json-depth', '1:105', id='depth-bomb'),
        pytest.param(b' ' * (16 * 1024 * 1024 + 1), 'json-size', '', id='huge'),
    ),
)
def test_refused(content, code, where):
    with pytest.raises(JsonTextError) as caught:
        read(content)
    problem = caught.value.problem
    assert (problem.code, problem.where) == (code, where)
    # In words of the message where no command does it.
    assert problem.hint or problem.message.partition('; ')[2]
    assert '\n' not in problem.message


def test_depth_limit_is_the_same_everywhere():
    def nested(depth):
        return b'{"a":' + b'[' * (depth - 1) + b']' * (depth - 1) + b'}'

    assert read(nested(100)).has('a')
    with pytest.raises(JsonTextError):
        read(nested(101))


def test_message_and_excerpt():
    with pytest.raises(JsonTextError) as caught:
        read(b'{\n  "registry-mirrors": ["http://u:hunter2@m"]\n  "debug": true\n}')
    assert str(caught.value) == (
        '3:3: not JSON: a comma is missing before this; '
        'put a comma at the end of line 2'
    )
    assert caught.value.problem.hint == ''
    assert caught.value.problem.excerpt == '  "debug": true\n  ^'


def test_duplicate_key_names_both_places():
    with pytest.raises(JsonTextError) as caught:
        read(b'{\n"debug": 1,\n"debug": 2}')
    assert str(caught.value) == (
        '3:1: "debug" is given twice, at 2:1 too; docker takes the last; '
        'keep one of them'
    )


SECRET = 'S3cr3tS3cr3t'
pieces = st.sampled_from(
    ['{', '}', '[', ']', ',', ':', '"', '\\', "'", '\n', ' ', 'x', '1']
)


@FEW
@given(before=st.lists(pieces, max_size=12), after=st.lists(pieces, max_size=12))
def test_no_error_shows_a_value(before, after):
    text = ''.join(before) + f'"auth": "{SECRET}"' + ''.join(after)
    try:
        read(text.encode())
    except JsonTextError as err:
        shown = f'{err} {err.problem!r}'
        assert SECRET not in shown


# Any document

scalars = (
    st.none()
    | st.booleans()
    | st.text(max_size=8)
    | st.sampled_from(['0', '-0', '1e400', '123456789012345678901', '1.50']).map(Number)
)
keys = st.text(alphabet=string.ascii_letters + 'é"\\ ', max_size=4)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(keys, values, max_size=5)
spaces = st.sampled_from(['', ' ', '\n', '\t', '  ', '\r\n', '\n  '])


@st.composite
def written(draw, value):
    """Write a value as somebody else might: blanks anywhere, escapes or not."""

    def blank():
        return draw(spaces)

    def write(item):
        if isinstance(item, Number):
            return item.text
        if isinstance(item, list):
            inner = ','.join(blank() + write(each) + blank() for each in item)
            return f'[{inner or blank()}]'
        if isinstance(item, dict):
            inner = ','.join(
                f'{blank()}{write(key)}{blank()}:{blank()}{write(each)}{blank()}'
                for key, each in item.items()
            )
            return f'{{{inner or blank()}}}'
        return json.dumps(item, ensure_ascii=draw(st.booleans()))

    return blank() + write(value) + blank()


@st.composite
def documents(draw):
    root = draw(objects)
    if draw(st.booleans()):
        root['m'] = draw(st.lists(st.text(max_size=3), max_size=4))
    text = draw(written(root))
    assume(_is_encodable(text))
    return root, text


def _is_encodable(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_python(value):
    if isinstance(value, Number):
        return float(value.text)
    if isinstance(value, list):
        return [as_python(item) for item in value]
    if isinstance(value, dict):
        return {key: as_python(item) for key, item in value.items()}
    return value


@FEW
@given(documents())
def test_reads_what_the_standard_library_reads(document):
    root, text = document
    found = read(text.encode())
    assert found.root == root
    assert as_python(found.root) == json.loads(text, parse_int=float)


@FEW
@given(
    documents(), st.lists(st.text(max_size=4), max_size=3), st.sets(st.integers(0, 4))
)
def test_splice_changes_its_own_array_alone(document, insert, drop):
    root, text = document
    old = root.get('m')
    assume(old is None or isinstance(old, list))
    asked = Splice(('m',), tuple(insert), frozenset(drop))
    result = edited(text, asked)
    expected = [*insert, *(x for i, x in enumerate(old or []) if i not in drop)]
    found = read(result.encode()).root
    if old is not None or insert or drop:
        assert found.pop('m') == expected
    assert found == {key: value for key, value in root.items() if key != 'm'}
    assert [key for key in found if key != 'm'] == [key for key in root if key != 'm']
    assert_outside_is_untouched(text, result, old is not None)
    if old and 0 not in drop:
        assert _raw_elements(text)[0] in _raw_elements(result)


def _raw_elements(text):
    document = read(text.encode())
    start = document.members['m'].start
    return [text[a:b] for a, b in jsontext.elements(text, start)]


def assert_outside_is_untouched(before, after, is_there):
    """Cut the array out of both texts by another parser, and compare the rest."""
    if is_there:
        assert _around_array(before) == _around_array(after)
        return
    prefix = _common(before, after)
    tail = _common(before[prefix:][::-1], after[prefix:][::-1])
    # What is added stands between the two; only blanks of an empty file may go.
    assert before[prefix : len(before) - tail].strip() == ''


def _common(one, other):
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _around_array(text):
    start = read(text.encode()).members['m'].start
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[:start], text[end:]


@FEW
@given(documents(), values)
def test_put_then_drop_and_put_twice(document, value):
    root, text = document
    assume('new' not in root)
    once = edited(text, Put(('new',), value))
    assert edited(once, Put(('new',), value)) == once
    assert read(once.encode()).root == {**root, 'new': value}
    assert read(edited(once, Drop(('new',))).encode()).root == root
    if root:
        assert edited(once, Drop(('new',))) == text


@FEW
@given(documents())
def test_any_member_can_be_dropped(document):
    root, text = document
    for key in root:
        left = read(edited(text, Drop((key,))).encode()).root
        assert list(left.items()) == [(k, v) for k, v in root.items() if k != key]


@FEW
@given(st.text(alphabet='{}[],:"\\ \nab1e-.ntrfalsu0', max_size=30))
def test_takes_and_refuses_as_the_standard_library(text):
    def no_duplicates(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    def refuse(_):
        raise ValueError

    try:
        expected = json.loads(
            text, object_pairs_hook=no_duplicates, parse_constant=refuse
        )
        is_object = isinstance(expected, dict)
    except ValueError:
        is_object = not re.search(r'[^ \n]', text)
    if is_object:
        read(text.encode())
        return
    with pytest.raises(JsonTextError) as caught:
        read(text.encode())
    assert caught.value.problem.code != 'json-syntax'


def test_an_edit_that_would_change_more_is_stopped():
    honest = read(b'{"a": 1, "b": 2}')
    forged = jsontext.Document(
        honest.text.replace('"b": 2', '"b": 3'),
        honest.root,
        honest.members,
        honest.opening,
        honest.closing,
    )
    with pytest.raises(editing.EditError):
        edit(forged, Put(('a',), 'x'))


@FEW
@given(rest=st.text(max_size=20).filter(str.strip), value=st.text(max_size=5))
def test_what_follows_the_first_value_stays(rest, value):
    assume(not any('\ud800' <= mark <= '\udfff' for mark in rest + value))
    text = '{"a": 1}' + rest
    document = read(text.encode(), is_first_value=True)
    assert document.encode() == text.encode()
    changed = edit(document, Put(('p', 'q'), value), Drop(('p',)))
    assert changed.encode() == text.encode()


def test_bytes_after_the_object_are_refused_unless_asked_for():
    with pytest.raises(JsonTextError, match='something follows the object'):
        read(b'{} x')


@pytest.mark.parametrize(
    ('text', 'path', 'expected'),
    (
        ('{"a": null}', ('a', 'b'), '{"a": {"b": 1}}'),
        (
            '{"a": {"b": null}, "c": 2}',
            ('a', 'b', 'c'),
            '{"a": {"b": {"c": 1}}, "c": 2}',
        ),
    ),
)
def test_a_parent_that_is_null_becomes_an_object(text, path, expected):
    assert edited(text, Put(path, Number('1'))) == expected
    assert edited(text, Drop(path)) == text


def test_null_becomes_an_object_and_keeps_what_follows():
    document = read(b' null \nrest', is_first_value=True)
    assert document.root == {}
    changed = edit(document, Put(('a',), True))
    assert changed.encode() == b'{\n    "a": true\n}\n \nrest'
