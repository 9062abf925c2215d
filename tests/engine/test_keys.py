from __future__ import annotations

import re

import pytest
from recorded import load

from registry_host.engine.keys import (
    directives,
    eras,
    find_directive,
    find_flag,
    flags,
    flags_by_shorthand,
    is_tagged,
    parse_version,
    quote_key,
    show_version,
)

ENGINES = load('dockerd_flags')['engines']


@pytest.mark.parametrize(
    ('text', 'version'),
    (
        ('20.10.24+dfsg1', (20, 10, 24)),
        ('28.5.2', (28, 5, 2)),
        ('v28.5.2', (28, 5, 2)),
        ('docker-v29.2.1', (29, 2, 1)),
        ('29.0.0-rc.1', (29, 0, 0)),
        ('25.0.13m2', (25, 0, 13)),
        ('Docker version 26.1.5+dfsg1, build 411e817', (26, 1, 5)),
        ('Docker version 20.10.24+dfsg1, build 297e128', (20, 10, 24)),
        ('23.0', (23, 0, 0)),
        ('0.0.0-20260823002830-b985e2313a86', None),
        ('dev', None),
        ('', None),
        ('9' * 5000 + '.1', None),
        ('\u0662\u0668.\u0665.\u0662', None),
    ),
)
def test_version(text, version):
    assert parse_version(text) == version


def test_version_shown():
    assert [show_version(v) for v in ((28, 0, 0), (24, 0, 8))] == ['28.0', '24.0.8']


@pytest.mark.parametrize(
    ('key', 'kind', 'flag', 'is_reloadable'),
    (
        ('registry-mirrors', 'list', 'registry-mirror', True),
        ('hosts', 'list', 'host', False),
        ('debug', 'bool', 'debug', True),
        ('proxies', 'object', None, False),
        ('default-shm-size', 'size', 'default-shm-size', True),
        ('min-api-version', 'string', None, False),
    ),
)
def test_directive(key, kind, flag, is_reloadable):
    found = find_directive(key)
    assert found
    assert (found.type, found.flag, found.is_reloadable) == (kind, flag, is_reloadable)


def test_what_is_no_directive():
    for name in ('registry-mirror', 'http-proxy', 'resolv-conf', 'Debug', ''):
        assert find_directive(name) is None
    assert is_tagged('resolv-conf')
    assert not is_tagged('debug')


def test_every_row_names_its_source():
    source = re.compile(r'(daemon/config|registry)/\w+\.go@(docker-)?v(\d+\.\d+)\.0')
    for directive in directives().values():
        found = source.fullmatch(directive.source)
        assert found, directive
        # The oldest tag looked at, or the version that the row gives.
        first = show_version(directive.since) if directive.since else '20.10'
        assert found[3] == first, directive


def test_rows_are_in_order():
    assert list(directives()) == sorted(directives())


def test_the_host_gateway_has_two_keys():
    flag = find_flag('host-gateway-ip')
    assert flag
    assert (flag.keys, flag.since) == (('host-gateway-ip', 'host-gateway-ips'), None)


def test_a_shorthand_is_one_flag():
    given = [flag.shorthand for flag in flags().values() if flag.shorthand]
    assert sorted(given) == sorted(flags_by_shorthand())


@pytest.mark.parametrize('engine', ENGINES)
def test_flags_are_those_of_the_engine(engine):
    """--help hides the deprecated ones."""
    version = parse_version(engine)
    assert version
    known = {
        name: {'shorthand': flag.shorthand or None, 'takes_value': not flag.is_bool}
        for name, flag in flags().items()
        if flag.is_known(version)
    }
    hidden = {
        'allow-nondistributable-artifacts',
        'api-cors-header',
        'cluster-advertise',
        'cluster-store',
        'cluster-store-opt',
        'graph',
        'help',
        'network-diagnostic-port',
        'oom-score-adjust',
        'restart',
    }
    listed = ENGINES[engine]
    assert set(listed) - set(known) == set()
    assert set(known) - set(listed) <= hidden
    for name in set(listed) - {'help'}:
        assert known[name] == listed[name], name


@pytest.mark.parametrize(
    ('path', 'shown'),
    (
        (('debug',), '"debug"'),
        (('proxies', 'default'), '"proxies.default"'),
        (('alice:s3cret',), 'this key'),
        (('a\nb',), 'this key'),
        (('k' * 65,), 'this key'),
        (('',), 'this key'),
    ),
)
def test_quote_key(path, shown):
    assert quote_key(*path) == shown


def test_eras_cover_every_line_that_is_drawn():
    assert eras()[0] == (29, 7, 0)
    assert eras()[-1] == (20, 10, 0)
    lines = {
        version
        for directive in directives().values()
        for rule in directive.rules
        for version in (rule.since, rule.until)
        if version
    }
    assert lines <= set(eras())
