"""Manifests, and digests as a registry and an engine write them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from registry_host.namedtuples import NamedTuple
from registry_host.settings.misnamed import DIGITS


class Manifest(NamedTuple):
    """What a name stands for; `body` is b'' where only the digest was asked for."""

    digest: str
    media_type: str = ''
    body: bytes = b''

    @property
    def parsed(self) -> dict[str, Any]:
        """The manifest as an object, {} where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def digest_of(body: bytes, algorithm: str = 'sha256') -> str:
    """Write the digest of some bytes."""
    return f'{algorithm}:{hashlib.new(algorithm, body).hexdigest()}'


def is_of(digest: str, body: bytes) -> bool:
    """Whether a digest is that of some bytes; False for an unknown algorithm."""
    algorithm = digest.partition(':')[0]
    return algorithm in DIGITS and digest_of(body, algorithm) == digest
