"""What no recorded engine shows: versions between and after them, read from source."""

from __future__ import annotations

import json

import pytest

from registry_host.engine.directives import lint, parse_version
from registry_host.jsonfile import jsontext


def refused(key, value, version):
    content = json.dumps({key: value}).encode()
    problems = lint(jsontext.read(content), parse_version(version))
    return [problem.where for problem in problems]


@pytest.mark.parametrize(
    ('key', 'value', 'accepted', 'not_accepted'),
    (
        pytest.param('dns', ['::1%eth0'], ['29.0.0'], ['28.5.2'], id='zone'),
        pytest.param('dns', ['192.0.2.1 '], ['24.0.9'], ['25.0.0', '29.0.0']),
        pytest.param('dns', [''], ['25.0.0', '29.0.0'], ['24.0.9'], id='empty'),
        pytest.param('dns', ['x'], [], ['20.10.0', '24.0.0', '29.0.0'], id='no-ip'),
        pytest.param('log-level', 'warning', ['24.0.9'], ['25.0.0'], id='old-level'),
        pytest.param('mtu', -1, ['20.10.24'], ['23.0.0'], id='mtu'),
        pytest.param('max-download-attempts', 0, ['23.0.0'], ['20.10.24'], id='zero'),
        pytest.param(
            'network-diagnostic-port', 70000, ['27.5.1'], ['28.0.0'], id='port'
        ),
        pytest.param('fixed-cidr-v6', 'x', ['24.0.9'], ['25.0.0'], id='cidr'),
        pytest.param('fixed-cidr-v6', 'ff02::/64', ['26.1.5'], ['27.0.1'], id='cast'),
        pytest.param('exec-opts', ['a=b'], ['27.5.1'], ['28.0.0'], id='exec-opt'),
        pytest.param('hosts', ['http://x'], ['20.10.24'], ['23.0.0'], id='host'),
        pytest.param('firewall-backend', 'nftables', ['29.0.0'], ['28.5.2'], id='fw'),
        pytest.param('firewall-backend', 'x', [], ['29.0.0', '29.7.2'], id='fw-bad'),
        pytest.param('bridge-accept-fwmark', '0x1/3', ['29.0.0'], [], id='mark'),
        pytest.param('bridge-accept-fwmark', '1/x', [], ['29.0.0'], id='mark-bad'),
        pytest.param('default-stop-timeout', 0, ['29.7.0'], ['29.6.2'], id='stop'),
        pytest.param('default-stop-timeout', -1, [], ['29.7.0'], id='stop-bad'),
        pytest.param('nri-opts', {'enable': True}, ['29.2.0'], ['29.1.5'], id='nri'),
        pytest.param('nri-opts', {'enable': 'x'}, [], ['29.2.0'], id='nri-bad'),
        pytest.param('min-api-version', '1.40', ['29.0.0'], ['28.5.2'], id='min-api'),
        pytest.param('oom-score-adjust', 5, ['24.0.9'], ['25.0.0', '26.0.0'], id='oom'),
        pytest.param('oom-score-adjust', 0, ['25.0.0'], ['26.0.0'], id='oom-zero'),
        pytest.param('api-cors-header', '', ['28.5.2'], ['29.0.0'], id='cors'),
        pytest.param('graph', '/x', ['20.10.24'], ['23.0.0', '24.0.0'], id='graph'),
        pytest.param('graph', '', ['23.0.0'], ['24.0.0'], id='graph-empty'),
        pytest.param(
            'allow-nondistributable-artifacts', 5, ['28.1.0', '29.7.2'], ['28.0.4']
        ),
        pytest.param('default-runtime', 'a', ['25.0.0'], ['24.0.9'], id='runtime'),
        pytest.param(
            'default-runtime', 'io.containerd.kata.v2', ['23.0.0'], ['20.10.24']
        ),
        pytest.param('runtimes', {'runc': {}}, [], ['20.10.24', '29.7.2'], id='runc'),
        pytest.param('DNS', {}, [], ['20.10.24', '29.0.0'], id='case-of-go'),
        pytest.param('Log-Format', {}, ['24.0.9'], ['25.0.0'], id='case-of-go-later'),
        pytest.param('feature', True, [], ['27.2.1', '27.3.0'], id='flag-of-features'),
    ),
)
def test_by_version(key, value, accepted, not_accepted):
    for version in accepted:
        assert refused(key, value, version) == []
    for version in not_accepted:
        assert refused(key, value, version)


@pytest.mark.parametrize(
    ('key', 'value', 'places'),
    (
        pytest.param('labels', ['a=b', 'x', 'c=d', None], ['1:20', '1:32'], id='list'),
        pytest.param('labels', ['a=b', 'a=c'], ['1:2'], id='whole-list'),
        pytest.param('log-opts', {'a': 'b', 'c': 1}, ['1:25'], id='member'),
        pytest.param(
            'default-ulimits',
            {'n': {'Name': 'n', 'Hard': '1', 'Soft': 1.5}},
            ['1:41', '1:54'],
            id='deep',
        ),
    ),
)
def test_place(key, value, places):
    assert refused(key, value, '28.5.2') == places


def test_a_number_of_any_length_is_no_int():
    content = b'{"mtu": 1' + b'0' * 5000 + b'}'
    (problem,) = lint(jsontext.read(content), (28, 5, 2))
    assert problem.message.startswith('"mtu" must be a whole number, without quotes')
