"""Which certificates of authorities an engine trusts, as Go finds them.

Source: Go crypto/x509 root_unix.go and root_linux.go (1.19 to 1.25). The files count
that the variables of the engine's own environment name, or else those of the system;
variables of the process that asks do not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host

# The first that is there counts.
FILES = (
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/ca-bundle.pem',
    '/etc/pki/tls/cacert.pem',
    '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
    '/etc/ssl/cert.pem',
)
FOLDERS = ('/etc/ssl/certs', '/etc/pki/tls/certs')
# What OpenSSL looks up by: a link to a file of the same folder.
_HASH = re.compile(r'[0-9a-f]{8}\.[0-9]+')


class Trust(NamedTuple):
    """Where an engine finds certificates: of `files` the first, all of `folders`."""

    files: tuple[str, ...] = FILES
    folders: tuple[str, ...] = FOLDERS


SYSTEM = Trust()


def trust_of(environment: Mapping[str, str]) -> Trust:
    """Read the variables of an engine; an empty one counts as none."""
    file = environment.get('SSL_CERT_FILE', '')
    folders = environment.get('SSL_CERT_DIR', '')
    return Trust(
        files=(file,) if file else FILES,
        folders=tuple(folders.split(':')) if folders else FOLDERS,
    )


def roots(host: Host, trust: Trust) -> Iterator[str]:
    """Name the files with the certificates that are trusted for any registry."""
    yield from [path for path in trust.files if host.exists(path)][:1]
    for folder in trust.folders:
        for name in host.names(folder):
            path = f'{folder}/{name}'
            if path not in trust.files and not _HASH.fullmatch(name):
                yield path
