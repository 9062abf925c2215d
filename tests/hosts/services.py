"""What stands beside the hosts: registries, their images and certificates."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ACCESS = re.compile(r'^(\S+) - \S+ \[[^\]]*\] "(\S+) (\S+) [^"]*" (\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Request:
    """One line of a registry's access log."""

    client: str
    method: str
    path: str
    status: int


@dataclass(frozen=True)
class Service:
    """A program of the lab that listens, and its log."""

    name: str
    address: str
    port: int
    log: Path

    @property
    def endpoint(self) -> str:
        return f'{self.address}:{self.port}'

    def requests(self, *, pull_of: str | None = None) -> list[Request]:
        """Return what a registry was asked; with `pull_of`, for one image."""
        text = self.log.read_text(errors='replace')
        found = [
            Request(client, method, path, int(status))
            for client, method, path, status in ACCESS.findall(text)
        ]
        if pull_of is None:
            return found
        return [r for r in found if f'/{pull_of}/manifests/' in r.path]


def registry_config(
    root: Path,
    endpoint: str,
    *,
    upstream: str | None = None,
    htpasswd: Path | None = None,
    tls: tuple[Path, Path] | None = None,
) -> str:
    """Write the config of a distribution 2.8 registry. JSON is YAML too."""
    config: dict[str, object] = {
        'version': 0.1,
        'log': {'accesslog': {'disabled': False}, 'level': 'warn'},
        'storage': {'filesystem': {'rootdirectory': str(root)}},
        'http': {'addr': endpoint},
    }
    if upstream:
        config['proxy'] = {'remoteurl': upstream}
    if htpasswd:
        config['auth'] = {'htpasswd': {'realm': 'lab', 'path': str(htpasswd)}}
    if tls:
        certificate, key = tls
        files = {'certificate': str(certificate), 'key': str(key)}
        config['http'] = {'addr': endpoint, 'tls': files}
    return json.dumps(config)


def write_hello_image(folder: Path, busybox: Path) -> None:
    """Write an image with busybox alone as an OCI layout, without any engine."""
    blobs = folder / 'blobs/sha256'
    blobs.mkdir(parents=True)

    def blob(content: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {
            'mediaType': f'application/vnd.oci.image.{media_type}',
            'digest': f'sha256:{digest}',
            'size': len(content),
        }

    files = layer(busybox.read_bytes())
    config = {
        'architecture': 'amd64',
        'os': 'linux',
        'config': {
            'Cmd': ['/bin/busybox', 'echo', 'hello from the lab'],
            'Env': ['PATH=/bin'],
        },
        'rootfs': {
            'type': 'layers',
            'diff_ids': [f'sha256:{hashlib.sha256(files).hexdigest()}'],
        },
    }
    manifest = {
        'schemaVersion': 2,
        'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'config': blob(json.dumps(config).encode(), 'config.v1+json'),
        'layers': [blob(files, 'layer.v1.tar')],
    }
    entry = blob(json.dumps(manifest).encode(), 'manifest.v1+json')
    entry['annotations'] = {'org.opencontainers.image.ref.name': 'latest'}
    index = {'schemaVersion': 2, 'manifests': [entry]}
    (folder / 'index.json').write_text(json.dumps(index))
    (folder / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')


def layer(busybox: bytes) -> bytes:
    """Write the files of a busybox image as a tar archive."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode='w') as tar:
        program = tarfile.TarInfo('bin/busybox')
        program.size, program.mode = len(busybox), 0o755
        tar.addfile(program, io.BytesIO(busybox))
        for name in ('sh', 'env', 'sleep', 'cat', 'nslookup'):
            link = tarfile.TarInfo(f'bin/{name}')
            link.type, link.linkname = tarfile.SYMTYPE, 'busybox'
            tar.addfile(link)
    return output.getvalue()


def make_certificates(
    folder: Path, name: str, address: str, *, days: int = 30, has_names: bool = True
) -> tuple[Path, Path, Path]:
    """Make a CA, and a certificate of `name` by it: (CA, certificate, key).

    `days` below 0 is one that has expired; without `has_names` only its subject is.
    """
    authority, certificate, key = (
        folder / file for file in ('ca.crt', 'server.crt', 'server.key')
    )
    names = folder / 'names'
    names.write_text(f'subjectAltName=DNS:{name},IP:{address}\n' * has_names)
    new_key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    authority_key, request = folder / 'ca.key', folder / 'server.csr'
    for command in (
        f'req -x509 {new_key} -days 30 -subj /CN=Lab-CA -keyout {authority_key} '
        f'-out {authority}',
        f'req {new_key} -subj /CN={name} -keyout {key} -out {request}',
        f'x509 -req -in {request} -days {days} -CAcreateserial -CA {authority} '
        f'-CAkey {authority_key} -extfile {names} -out {certificate}',
    ):
        subprocess.run(['openssl', *command.split()], check=True, capture_output=True)
    return authority, certificate, key


def wait_for(what: str, is_ready: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Look again and again; the longer a look takes, the longer the next is put off."""
    deadline = time.monotonic() + timeout_s
    began = time.monotonic()
    while not is_ready():
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f'{what}: not ready within {timeout_s:g} s')
        time.sleep(min(max(0.05, 3 * (now - began)), 0.5))
        began = time.monotonic()
