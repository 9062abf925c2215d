"""Scalars, against what the real registry took them for."""

from __future__ import annotations

import pytest
import recorded

from registry_host.yamlfile.yamlnode import YamlTextError
from registry_host.yamlfile.yamltext import read
from registry_host.yamlfile.yamlvalue import resolve

ROWS = recorded.load('registry_yaml')['scalars']
# A tag that the registry knows and that no config has, and its way to say `<<`.
OTHERS = {'!!set 5': 'str', '<<': 'merge'}


@pytest.mark.parametrize('row', ROWS, ids=[row['written'] for row in ROWS])
def test_a_scalar_is_what_the_registry_takes_it_for(row):
    content = f'x: {row["written"]}\n'.encode()
    if row.get('refused'):
        with pytest.raises(YamlTextError):
            read(content)
        return
    node = read(content).find('x')
    assert node.tag == OTHERS.get(row['written'], row['tag'])
    if 'text' in row and node.tag != 'binary':
        assert node.text == row['text']


@pytest.mark.parametrize(
    ('text', 'value'),
    (
        ('0123', 83),
        ('-0b11', -3),
        ('0o17', 15),
        ('0x1F', 31),
        ('1_000', 1000),
        ('1e3', 1000.0),
        ('.5', 0.5),
        ('yes', True),
        ('OFF', False),
        ('~', None),
        ('18446744073709551615', 2**64 - 1),
        ('2001-12-14', '2001-12-14'),
    ),
)
def test_value(text, value):
    found = resolve(text)[1]
    assert (type(found), found) == (type(value), value)
