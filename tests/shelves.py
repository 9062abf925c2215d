"""Images for tests of copies: on a web server of a test, or in a real registry."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from typing import Any

from multiplatform import Layout
from webservers import LOGIN, Reply

from registry_host.host.host import Host
from registry_host.registry.client import Registry
from registry_host.registry.entrance import Server
from registry_host.registry.ways import Way, require_place

OCI = 'application/vnd.oci.image'
DOCKER = 'application/vnd.docker.distribution.manifest'


class Shelf:
    """What a web server has: manifests by digest and by tag, in any repository."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}

    def add(self, tag: str = '', *, kind: str, **members: Any) -> str:
        """Put a manifest of a media type there; return its digest."""
        found = {'schemaVersion': 2, 'mediaType': kind, **members}
        body = json.dumps(found).encode()
        digest = f'sha256:{hashlib.sha256(body).hexdigest()}'
        self.manifests[digest] = kind, body
        if tag:
            self.manifests[tag] = kind, body
        return digest

    def image(self, tag: str = '', *, config: str = 'c', **layers: int) -> str:
        """Put the image of one platform there: its layers by name, with sizes."""
        return self.add(
            tag,
            kind=f'{OCI}.manifest.v1+json',
            config={'digest': f'sha256:{config}', 'size': 10},
            layers=[{'digest': f'sha256:{n}', 'size': s} for n, s in layers.items()],
        )

    def index(self, tag: str = '', *, kind: str = '', **children: str) -> str:
        """Put an index there, of digests by platform: linux_arm_v7."""
        return self.add(
            tag,
            kind=kind or f'{OCI}.index.v1+json',
            manifests=[
                {'digest': digest, 'platform': platform_of(name)}
                for name, digest in children.items()
            ],
        )

    def __call__(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        found = self.manifests.get(path.rpartition('/')[2])
        if found is None:
            return 404, [], b'{}'
        digest = f'sha256:{hashlib.sha256(found[1]).hexdigest()}'
        headers_of = [('Content-Type', found[0]), ('Docker-Content-Digest', digest)]
        return 200, headers_of, found[1]


def platform_of(name: str) -> dict[str, str]:
    names = ('os', 'architecture', 'variant')
    return dict(zip(names, name.split('_'), strict=False))


def client_of(endpoint: str, name: str = '') -> Registry:
    """Ask a registry by plain HTTP, and without a login."""
    place = require_place(f'http://{endpoint}')
    server = Server(Host(), Way(timeout_s=5.0), place, None, None)
    stop = threading.Event()
    return Registry(server, name=name or endpoint, told=lambda line: None, stop=stop)


def upload(layout: Layout, tag: str, name: str, *options: str) -> None:
    """Put an image of a layout into a real registry, as HOST:PORT/PATH:TAG."""
    subprocess.run(
        [
            *('skopeo', '--insecure-policy', *options, 'copy', '--quiet'),
            *([] if options else ['--all', '--preserve-digests']),
            f'--dest-creds={":".join(LOGIN[:2])}',
            '--dest-tls-verify=false',
            f'oci:{layout.folder}:{tag}',
            f'docker://{name}',
        ],
        check=True,
        capture_output=True,
    )
