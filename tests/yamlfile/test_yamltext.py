"""What is read of a config in YAML, where it stands, and what is refused."""

from __future__ import annotations

import pytest
import recorded

from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamltext import read


def test_a_value_is_read_as_the_registry_reads_it():
    text = b'version: 0.1\t# a tab\nstorage:\n  delete: {enabled: yes}\n  x: "yes"\n'
    document = read(text)
    assert document.get() == {
        'version': 0.1,
        'storage': {'delete': {'enabled': True}, 'x': 'yes'},
    }


def test_the_place_of_a_value_counts_characters():
    document = read('\ufeffä: ö\r\nb: {c: ü} # ß\r\n'.encode())
    node = document.find('b', 'c')
    assert node is not None
    assert document.text[node.start : node.end] == 'ü'
    assert document.position(node.start) == '2:8'
    assert document.has_bom


@pytest.mark.parametrize(
    ('text', 'where', 'message'),
    (
        (b'password: *Tr4in-9\n', '1:11', 'found undefined alias'),
        (b'a: b: c\n', '1:5', 'mapping values are not allowed in this context'),
        (b"a: 'secret\n", '2:1', 'found unexpected end of stream'),
        (b'a: \x01\n', '1:4', 'control characters are not allowed'),
        (b'a: &x [*x]\n', '1:8', 'an anchor holds an alias of itself'),
    ),
)
def test_what_is_refused_is_not_quoted(text, where, message):
    with pytest.raises(YamlTextError) as caught:
        read(text)
    assert (caught.value.problem.where, caught.value.problem.message) == (
        where,
        message,
    )


DOCUMENTS = recorded.load('registry_yaml')['documents']
# Read by the registry and refused here: libyaml is stricter than its port, the anchor
# and the character are in what the registry never looks at.
STRICTER = {
    'anchor-of-itself': 'an anchor holds an alias of itself',
    'colon-end-in-flow': 'found unexpected',
    'control-far-behind': 'control characters are not allowed',
    'escape-single': 'found unknown escape character',
}


@pytest.mark.parametrize('row', DOCUMENTS, ids=[row['id'] for row in DOCUMENTS])
def test_a_text_is_read_as_the_registry_reads_it(row):
    content = row['content'].encode('latin-1')
    if 'refused' in row or row['id'] in STRICTER:
        with pytest.raises(YamlTextError) as caught:
            read(content)
        expected = STRICTER.get(row['id'], caught.value.problem.message)
        assert caught.value.problem.message == expected
        return
    document = read(content)
    node = document.find('storage')
    assert (node.text or None if node else None) == row['storage']
    if node is not None:
        assert document.get() == {**document.get(), 'storage': node.value}


def test_the_second_document_is_told():
    text = b'a: 1\n---\nb: 2\n'
    assert read(text).rest == 5
    assert read(b'a: 1\n...\n').rest is None


def test_an_alias_has_its_own_place():
    document = read(b'x: &x {b: 1}\na: *x\n')
    node = document.find('a')
    assert (node.start, node.end, node.is_alias) == (16, 18, True)
    assert document.get('a', 'b') == 1


def test_aliases_count_as_often_as_they_are_used():
    lines = ['a0: &a0 [x, x]\n']
    lines += [f'a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n' for n in range(1, 20)]
    with pytest.raises(YamlTextError) as caught:
        read(''.join(lines).encode())
    assert caught.value.problem.code == 'yaml-size'
