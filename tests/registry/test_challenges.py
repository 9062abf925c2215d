"""WWW-Authenticate is read as clients of registries do, whatever comes."""

from __future__ import annotations

import pytest

from registry_host.registry.challenges import Challenge, challenge_of

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
OF_HUB = Challenge('bearer', 'https://auth.docker.io/token', 'registry.docker.io')


@pytest.mark.parametrize(
    ('header', 'expected'),
    (
        (HUB, OF_HUB),
        (f'{HUB},scope="repository:a:pull,push",error="x"', OF_HUB),
        (HUB.replace('Bearer', 'BEARER').replace('realm', 'Realm'), OF_HUB),
        (f'Basic realm="x", {HUB}', OF_HUB),
        (f'{HUB}, Basic realm="x"', OF_HUB),
        ('Basic realm="a, Bearer realm=b"', Challenge('basic')),
        ('basic realm=x', Challenge('basic')),
        (r'Bearer realm="a\"b"', Challenge('bearer', 'a"b')),
        ('Bearer service="x"', Challenge('bearer', '', 'x')),
        ('Negotiate', None),
        ('', None),
        (f'{"x" * 5000} {HUB}', None),
    ),
)
def test_what_is_asked_for(header, expected):
    assert challenge_of({'www-authenticate': header}) == expected


def test_without_the_header_nothing_is():
    assert challenge_of({}) is None
