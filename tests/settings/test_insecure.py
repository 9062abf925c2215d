"""What an insecure registry may be."""

from __future__ import annotations

import pytest
from recorded import load

from registry_host.engine.rules import engine_accepts_insecure
from registry_host.settings.insecure import (
    InsecureList,
    check_insecure_registry,
    registry_key,
    spelled,
)

NEWEST = (29, 7, 0)

MATCHES = load('insecure_match')


def problems(checked):
    return [(problem.code, problem.hint) for problem in checked.errors]


@pytest.mark.parametrize(
    'case', load('insecure_registries')['cases'], ids=lambda case: repr(case['input'])
)
def test_what_we_store_is_what_an_engine_takes(case):
    registry = check_insecure_registry(case['input']).value
    if registry is not None:
        assert engine_accepts_insecure(str(registry), NEWEST)


# Insecure registries


@pytest.mark.parametrize(
    ('text', 'stored'),
    (
        pytest.param('registry.lab:5002', 'registry.lab:5002', id='host-and-port'),
        pytest.param('Registry.Lab', 'registry.lab', id='letter-case'),
        pytest.param('http://reg:5000/', 'reg:5000', id='scheme-and-slash'),
        pytest.param('10.0.0.5/8', '10.0.0.0/8', id='network'),
        pytest.param('http://10.0.0.0/8', '10.0.0.0/8', id='scheme-and-network'),
        pytest.param('2001:db8::/32', '2001:db8::/32', id='v6-network'),
        pytest.param('2001:db8::1', '2001:db8::1', id='v6'),
        pytest.param('[2001:db8::1]', '[2001:db8::1]', id='v6-in-brackets'),
        pytest.param('[::1]:5000', '[::1]:5000', id='v6-and-port'),
    ),
)
def test_registry(text, stored):
    checked = check_insecure_registry(text)
    assert checked.errors == ()
    assert str(checked.value) == stored


@pytest.mark.parametrize(
    ('text', 'code', 'hint'),
    (
        pytest.param('reg/team', 'insecure-path', 'reg', id='path'),
        pytest.param('10.0.0.0/33', 'insecure-cidr', '10.0.0.0/8', id='cidr'),
        pytest.param('*.lab', 'insecure-host', '', id='*'),
        pytest.param('a b', 'insecure-character', '', id='blank'),
        pytest.param('-x', 'insecure-host', '', id='-'),
        pytest.param('reg:0', 'insecure-port', '', id='port-0'),
        pytest.param('svn://x', 'insecure-scheme', 'x', id='scheme'),
        pytest.param('', 'insecure-empty', 'registry.example:5000', id='empty'),
    ),
)
def test_registry_refused(text, code, hint):
    checked = check_insecure_registry(text)
    assert checked.value is None
    assert (code, hint) in problems(checked)


@pytest.mark.parametrize(
    ('text', 'code'),
    (
        pytest.param('docker.io', 'insecure-docker-hub', id='hub'),
        pytest.param('127.0.0.0/8', 'insecure-builtin', id='loopback'),
        pytest.param('0.0.0.0/0', 'insecure-wide', id='all'),
        pytest.param('10.0.0.0/8', 'insecure-wide', id='eight'),
        pytest.param('::ffff:0:0/96', 'insecure-wide', id='mapped'),
        pytest.param('fd00::1', 'insecure-unbracketed', id='v6'),
    ),
)
def test_registry_warned_of(text, code):
    assert [p.code for p in check_insecure_registry(text).warnings] == [code]


@pytest.mark.parametrize(
    'case', MATCHES['cases'], ids=[str(i) for i in range(len(MATCHES['cases']))]
)
def test_matching_as_the_engine(case):
    entries = (*case['insecure_registries'], '127.0.0.0/8', '::1/128')
    is_v6 = case['registry'].startswith('::')
    host, _, port = (
        (case['registry'], '', '') if is_v6 else (case['registry'].partition(':'))
    )
    is_insecure = InsecureList(entries).covers(
        host, int(port) if port else None, lambda name: MATCHES['dns'].get(name, [])
    )
    assert is_insecure is not case['secure']


@pytest.mark.parametrize(
    ('one', 'other', 'is_equal'),
    (
        pytest.param('HTTP://reg:5000', 'reg:5000', True, id='scheme'),
        pytest.param('http://10.1.0.0/8', '10.0.0.0/8', True, id='host-bits'),
        pytest.param('FD00::1/64', 'fd00::/64', True, id='letters-of-a-network'),
        pytest.param('::ffff:10.0.0.0/104', '10.0.0.0/8', True, id='mapped'),
        pytest.param('reg', 'reg:5000', False, id='port'),
        pytest.param('REG.lab:5000', 'reg.lab:5000', False, id='letters'),
        pytest.param('reg:05000', 'reg:5000', False, id='zero-in-front'),
        pytest.param('10.0.0.1:', '10.0.0.1', False, id='empty-port'),
        pytest.param('[FD00::2]:5000', '[fd00::2]:5000', False, id='letters-of-v6'),
        pytest.param('fd00::1', '[fd00::1]', False, id='brackets'),
        pytest.param('index.docker.io', 'docker.io', False, id='index-of-docker-hub'),
        pytest.param('reg:5000/', 'reg:5000', False, id='closing-slash'),
    ),
)
def test_entries_that_an_engine_takes_for_the_same(one, other, is_equal):
    """As they are shown by /info of 20.10.24, 26.1.5 and 28.5.2."""
    assert (registry_key(one) == registry_key(other)) is is_equal


@pytest.mark.parametrize(
    'text', ('Registry.Lab:5002', 'registry.lab:05002', 'registry.lab')
)
def test_an_entry_in_other_letters_covers_nothing_else(text):
    """A push to registry.lab:5002 fails with it (20.10.24, 26.1.5, 28.5.2)."""
    assert not InsecureList([text]).covers('registry.lab', 5002)
    assert InsecureList(['http://registry.lab:5002']).covers('registry.lab', 5002)


def test_docker_hub_is_never_insecure():
    listed = InsecureList(['docker.io', '0.0.0.0/0'])
    assert not listed.covers('docker.io', None, lambda name: ['10.0.0.1'])


def test_a_name_is_looked_up_only_where_a_network_is_listed():
    asked = []

    def look_up(name):
        asked.append(name)
        return ['10.1.2.3']

    assert not InsecureList(['r.lab:1']).covers('m.lab', 1, look_up)
    assert InsecureList(['m.lab:1', '10.0.0.0/8']).covers('m.lab', 1, look_up)
    assert asked == []
    assert InsecureList(['10.0.0.0/8']).covers('m.lab', 1, look_up)
    assert not InsecureList(['10.2.0.0/16']).covers('m.lab', 1, look_up)
    assert asked == ['m.lab', 'm.lab']
    assert not InsecureList(['10.0.0.0/8']).covers('m.lab', 1)


@pytest.mark.parametrize(
    ('text', 'read'),
    (
        ('Registry.Lab:5002', 'Registry.Lab:5002'),
        ('http://Registry.Lab', 'Registry.Lab'),
        ('[FD00::1]:5', '[FD00::1]:5'),
        ('10.1.2.3/8', '10.0.0.0/8'),
    ),
)
def test_an_entry_is_read_with_its_letters(text, read):
    assert str(spelled(text)) == read
