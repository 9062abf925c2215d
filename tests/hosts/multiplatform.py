"""Images of several platforms, made without any engine, as OCI layouts."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Sequence
from pathlib import Path

OCI = 'application/vnd.oci.image'
PLATFORMS = ('linux/amd64', 'linux/arm64')


class Layout:
    """A folder of blobs that several images share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / 'blobs/sha256'
        self._blobs.mkdir(parents=True)
        (folder / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
        self._entries: list[dict[str, object]] = []

    def add(
        self,
        tag: str,
        *,
        size: int = 1000,
        platforms: Sequence[str] = PLATFORMS,
        is_attested: bool = False,
        base: bytes = b'base',
    ) -> str:
        """Add an image with a layer that all share and one of its own; its digest.

        `size` is that of the own layer, in bytes that do not compress.
        """
        manifests = [
            {
                **self._manifest(tag, platform, size, base),
                'platform': dict(
                    zip(
                        ('os', 'architecture', 'variant'),
                        platform.split('/'),
                        strict=False,
                    )
                ),
            }
            for platform in platforms
        ]
        if is_attested:
            unknown = {'os': 'unknown', 'architecture': 'unknown'}
            attested = self._manifest(tag, 'unknown/unknown', 10, b'attested')
            manifests.append({**attested, 'platform': unknown})
        index = {
            'schemaVersion': 2,
            'mediaType': f'{OCI}.index.v1+json',
            'manifests': manifests,
        }
        entry = self._json(index, 'index.v1+json')
        named = {'org.opencontainers.image.ref.name': tag}
        self._entries.append({**entry, 'annotations': named})
        listed = {'schemaVersion': 2, 'manifests': self._entries}
        (self.folder / 'index.json').write_text(json.dumps(listed))
        return str(entry['digest'])

    def _manifest(
        self, tag: str, platform: str, size: int, base: bytes
    ) -> dict[str, object]:
        system, architecture, *_ = platform.split('/')
        own = random.Random(f'{tag} {platform}').randbytes(size)
        layers = [_archive('base', base), _archive('own', own)]
        config = {
            'architecture': architecture,
            'os': system,
            'config': {'Cmd': ['/own']},
            'rootfs': {
                'type': 'layers',
                'diff_ids': [_digest(layer) for layer in layers],
            },
        }
        manifest = {
            'schemaVersion': 2,
            'mediaType': f'{OCI}.manifest.v1+json',
            'config': self._json(config, 'config.v1+json'),
            'layers': [self._blob(layer, 'layer.v1.tar') for layer in layers],
        }
        return self._json(manifest, 'manifest.v1+json')

    def _json(self, value: object, media_type: str) -> dict[str, object]:
        return self._blob(json.dumps(value).encode(), media_type)

    def _blob(self, content: bytes, media_type: str) -> dict[str, object]:
        digest = _digest(content)
        (self._blobs / digest.removeprefix('sha256:')).write_bytes(content)
        kind = f'{OCI}.{media_type}'
        return {'mediaType': kind, 'digest': digest, 'size': len(content)}


def _digest(content: bytes) -> str:
    return f'sha256:{hashlib.sha256(content).hexdigest()}'


def _archive(name: str, content: bytes) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode='w') as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return output.getvalue()
