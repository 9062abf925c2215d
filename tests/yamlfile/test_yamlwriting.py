"""Values as text: what any reader of YAML takes for the same."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_host.yamlfile.yamltext import read
from registry_host.yamlfile.yamlwriting import dump, scalar

FEW = settings(max_examples=60, derandomize=True, deadline=None)
# What a plain scalar is not to be for a text. Source: YAML 1.2.2, 10.3.2 core schema.
CORE = re.compile(
    r'null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+'
    r'|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?'
    r'|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN'
)
TEXTS = st.text(st.characters(exclude_categories=('Cs',)), max_size=12)
VALUES = st.one_of(
    TEXTS,
    st.from_regex(CORE, fullmatch=True),
    st.integers(-(2**63), 2**63),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ('value', 'written'),
    (
        ('/var/lib/registry', '/var/lib/registry'),
        ('https://registry-1.docker.io', 'https://registry-1.docker.io'),
        ('127.0.0.1:5000', '127.0.0.1:5000'),
        (':5000', '":5000"'),
        ('10s', '10s'),
        ('*Tr4in-9', '"*Tr4in-9"'),
        ('a #b', '"a #b"'),
        ('a: b', '"a: b"'),
        ('a:', '"a:"'),
        ('"\'\\', '"\\"\'\\\\"'),
        ('~', '"~"'),
        ('', '""'),
        ('0123', '"0123"'),
        ('1e3', '"1e3"'),
        ('12:30:45', '"12:30:45"'),
        ('yes', '"yes"'),
        ('1e400', '"1e400"'),
        ('2001-02-30', '"2001-02-30"'),
        ('2001-12-14', '"2001-12-14"'),
        ('a\nb\t', '"a\\nb\\t"'),
        ('\x07\x85\ufeff', '"\\u0007\\u0085\\ufeff"'),
        ('\U0001f600', '"\\U0001f600"'),
        (' a ', '" a "'),
        ('k ' * 150, '"' + 'k ' * 150 + '"'),
        (True, 'true'),
        (100, '100'),
        (0.1, '0.1'),
        (1e16, '1.0e+16'),
        (None, 'null'),
    ),
)
def test_scalar(value, written):
    assert scalar(value) == written


@FEW
@given(st.one_of(TEXTS, st.from_regex(CORE, fullmatch=True)))
def test_a_plain_text_is_a_text_for_yaml_1_2(text):
    written = scalar(text)
    assert written[:1] == '"' or CORE.fullmatch(written) is None


@FEW
@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=3))
def test_other_readers_read_the_same(value):
    written = dump(value)
    assert yaml.safe_load(written) == value
    assert read(written.encode()).get() == value


def test_a_config():
    assert dump(
        {
            'version': 0.1,
            'storage': {'delete': {'enabled': True}, 'cache': {}},
            'notifications': {'endpoints': [{'name': 'a', 'url': 'http://b'}, 'c']},
        }
    ) == (
        'version: 0.1\nstorage:\n  delete:\n    enabled: true\n  cache: {}\n'
        'notifications:\n  endpoints:\n    - name: a\n      url: http://b\n    - c\n'
    )
