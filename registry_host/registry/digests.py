"""Digests of manifests and blobs, as a registry and an engine write them."""

from __future__ import annotations

import hashlib


def digest_of(body: bytes, algorithm: str = 'sha256') -> str:
    """Write the digest of some bytes."""
    return f'{algorithm}:{hashlib.new(algorithm, body).hexdigest()}'


def is_of(digest: str, body: bytes) -> bool:
    """Whether a digest is that of some bytes; False for an algorithm nobody uses."""
    algorithm = digest.partition(':')[0]
    is_known = algorithm in ('sha256', 'sha384', 'sha512')
    return is_known and digest_of(body, algorithm) == digest
