"""What is taken for valid without jsonschema is valid, and all that is right is."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from registry_host.jsonfile.resources import resource_text
from registry_host.settings.shape import SCHEMA, is_surely_valid

SETTINGS = json.loads(resource_text(SCHEMA))
VALIDATOR = Draft202012Validator(SETTINGS)
WHOLE = {
    'registry-mirrors': ['http://m'],
    'insecure-registries': ['r:1', ''],
    'probe-image': '',
    'proxies': {
        'http-proxy': 'http://p:1',
        'https-proxy': 'http://p:1',
        'no-proxy': 'a',
        'for': ['engine', 'client'],
    },
    'dns': {
        'nameservers': ['192.0.2.1'],
        'search': ['a.example'],
        'exclusive': True,
        'engine': [],
    },
    'client': {'users': ['alice']},
}
VALUES = (
    *(None, 1, 1.0, True, False, '', 'engine', 'x', ()),
    *([], [''], ['engine', 1], ['engine', 'x'], ['client'], [[]], [None]),
    *({}, {'for': []}, {'for': ['x']}, {'exclusive': 1}, {'users': ['']}, {'x': 1}),
)


def places(document):
    """The names that lead to each value of a document."""
    yield ()
    if isinstance(document, dict):
        for name, value in document.items():
            yield from ((name, *rest) for rest in places(value))


def put(document, place, value):
    if not place:
        return value
    name, *rest = place
    return {**document, name: put(document[name], rest, value)}


@pytest.mark.parametrize('place', (*places(WHOLE),), ids='/'.join)
def test_jsonschema_says_the_same(place):
    for value in VALUES:
        document = put(WHOLE, place, value)
        is_valid = VALIDATOR.is_valid(document)
        assert is_surely_valid(document, SETTINGS) == is_valid, value


def test_settings_with_every_key_are_valid():
    assert [*WHOLE] == [*SETTINGS['properties']]
    for name in ('proxies', 'dns', 'client'):
        assert [*WHOLE[name]] == [*SETTINGS['properties'][name]['properties']]
    assert is_surely_valid(WHOLE, SETTINGS)


@pytest.mark.parametrize(
    'schema',
    (
        {'type': 'string', 'pattern': 'a'},
        {'type': 'array', 'items': {'type': 'string', 'maxLength': 9}},
        {'type': 'integer'},
        {},
        {'$ref': '#/nowhere'},
    ),
    ids=str,
)
def test_a_keyword_that_is_not_known_leaves_it_to_jsonschema(schema):
    value = ['a'] if schema.get('type') == 'array' else 'a'
    assert not is_surely_valid(value, schema)
