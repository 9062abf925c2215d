"""What is read of a config in YAML, where it stands, and what is refused."""

from __future__ import annotations

import pytest

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
