from __future__ import annotations

import pytest
from recorded import load

from registry_host.settings.noproxy import parse_network, parse_no_proxy

CASES = load('noproxy')['cases']


@pytest.mark.parametrize(
    'case', CASES, ids=[f'{c["host"]}:{c["port"]}-{i}' for i, c in enumerate(CASES)]
)
def test_as_go_reads_it(case):
    no_proxy = parse_no_proxy(case['no_proxy'])
    assert no_proxy.bypasses(case['host'], case['port']) is case['bypass']


def test_stored_without_white_space():
    assert str(parse_no_proxy(' a.lab, .b ,,10.0.0.0/8 ')) == 'a.lab,.b,10.0.0.0/8'


@pytest.mark.parametrize(
    ('text', 'expected'),
    (
        pytest.param('10.1.2.3/8', '10.0.0.0/8', id='host-bits'),
        pytest.param('fd00::1/8', 'fd00::/8', id='ipv6'),
        pytest.param('10.0.0.0/33', 'None', id='too-long'),
        pytest.param('10.0.0.0/255.0.0.0', 'None', id='netmask'),
        pytest.param('10.0.0.0', 'None', id='no-length'),
        pytest.param('010.0.0.0/8', 'None', id='leading-zero'),
    ),
)
def test_network(text, expected):
    assert str(parse_network(text)) == expected
