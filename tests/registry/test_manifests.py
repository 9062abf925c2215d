"""What is a digest, and of what."""

from __future__ import annotations

import hashlib

import pytest

from registry_host.registry.manifests import digest_of, is_of
from registry_host.settings.references import is_digest


@pytest.mark.parametrize('algorithm', ('sha256', 'sha384', 'sha512'))
def test_digests_are_those_of_their_bytes(algorithm):
    digest = f'{algorithm}:{hashlib.new(algorithm, b"x").hexdigest()}'
    assert digest_of(b'x', algorithm) == digest
    assert is_digest(digest)
    assert is_of(digest, b'x')
    assert not is_of(digest, b'y')


@pytest.mark.parametrize(
    'text',
    (
        '',
        'sha256',
        'sha256:',
        f'sha256:{"0" * 63}',
        f'sha256:{"0" * 65}',
        f'sha256:{"0" * 64}\n',
        f'sha256:{"A" * 64}',
        f'sha512:{"0" * 64}',
        f'md5:{"0" * 32}',
        'sha256:../../x',
        f'x@sha256:{"0" * 64}',
    ),
)
def test_what_is_no_digest(text):
    assert not is_digest(text)
    assert not is_of(text, b'x')
