"""What an insecure registry may be."""

from __future__ import annotations

import pytest
from recorded import load

from registry_host.engine.rules import engine_accepts_insecure
from registry_host.settings.insecure import check_insecure_registry, registry_key

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
        pytest.param(
            '10.0.0.0/33', 'insecure-cidr', 'for example 10.0.0.0/8', id='cidr'
        ),
        pytest.param(
            '*.lab', 'insecure-host', 'letters, digits, hyphens and dots', id='*'
        ),
        pytest.param('a b', 'insecure-character', '', id='blank'),
        pytest.param(
            '-x', 'insecure-host', 'letters, digits, hyphens and dots', id='-'
        ),
        pytest.param('reg:0', 'insecure-port', 'for example :5000', id='port-0'),
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
    ),
)
def test_registry_warned_of(text, code):
    assert [p.code for p in check_insecure_registry(text).warnings] == [code]


@pytest.mark.parametrize(
    'case', MATCHES['cases'], ids=[str(i) for i in range(len(MATCHES['cases']))]
)
def test_matching_as_the_engine(case):
    entries = [*case['insecure_registries'], '127.0.0.0/8', '::1/128']
    registries = [check_insecure_registry(text).value for text in entries]
    is_v6 = case['registry'].startswith('::')
    host, _, port = (
        (case['registry'], '', '') if is_v6 else (case['registry'].partition(':'))
    )
    addresses = MATCHES['dns'].get(host, [host])
    is_insecure = host != 'docker.io' and any(
        r and r.matches(host, int(port) if port else None, addresses)
        for r in registries
    )
    assert is_insecure is not case['secure']


def test_equal_registries():
    assert registry_key('http://reg:5000') == registry_key('reg:5000/')
    assert registry_key('10.1.0.0/8') == registry_key('10.0.0.0/8')
    assert registry_key('reg') != registry_key('reg:5000')
