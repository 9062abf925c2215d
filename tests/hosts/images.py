"""Images of Debian hosts with a Docker engine, built once and kept outside the tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    'acl attr ca-certificates dbus docker.io iproute2 iptables mount openssh-server '
    'passwd procps python3 python3-click python3-dnspython python3-idna '
    'python3-jinja2 python3-jsonschema python3-psutil python3-yaml skopeo strace sudo '
    'systemd systemd-resolved systemd-sysv'
).split()
# A user who may use docker and sudo, as an administrator of a real host has.
CUSTOMIZE = (
    'chroot "$1" useradd --create-home --uid 1000 --shell /bin/bash '
    '--groups docker,sudo alice',
    'echo "alice ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/alice"',
    'chroot "$1" systemctl disable ssh.service docker.socket',
    'chroot "$1" systemctl enable docker.service',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
# What a server needs to install a registry: the package, in a folder that apt takes
# for an archive. apt's own lists are not kept in an image.
SERVER = ('adduser', 'ca-certificates')
# The package is fetched by the apt of this machine, which knows the way.
ARCHIVE = r"""
mkdir -p "$1/opt/archive"
cd "$1/opt/archive"
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq download docker-registry
for deb in *.deb; do
    dpkg-deb -f "$deb"
    echo "Filename: ./$deb"
    echo "Size: $(stat -c %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d " " -f 1)"
    echo
done >Packages
echo "deb [trusted=yes] file:/opt/archive ./" >archive.list
test -s "$deb"
"""


@dataclass(frozen=True)
class Image:
    """A Debian suite, and the engine that it ships."""

    suite: str
    engine: str
    extra: tuple[str, ...] = ()
    is_server: bool = False

    @property
    def recipe(self) -> list[str]:
        server = SERVER if self.is_server else ()
        packages = ','.join(sorted({*PACKAGES, *self.extra, *server}))
        hooks = (*CUSTOMIZE, ARCHIVE) if self.is_server else CUSTOMIZE
        return [
            '--variant=apt',
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=Acquire::Check-Valid-Until "false"',
            f'--include={packages}',
            *(f'--customize-hook={hook}' for hook in hooks),
            self.suite,
        ]

    @property
    def digest(self) -> str:
        return hashlib.sha256('\0'.join(self.recipe).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        return cache_folder() / f'{self.suite}-{self.digest}'


IMAGES = {
    image.suite: image
    for image in (
        Image('bookworm', '20.10', is_server=True),
        Image('trixie', '26.1', ('docker-cli',), is_server=True),
        Image('forky', '28.5', ('docker-cli',)),
    )
}


class BuildError(Exception):
    """An image could not be built; the message holds the end of the log."""


def cache_folder() -> Path:
    return Path(os.environ.get('REGISTRY_HOST_LAB_CACHE', '/var/cache/registry-host'))


def ensure(suite: str) -> Path:
    """Return the folder of an image, building it if need be. One builder at a time."""
    image = IMAGES[suite]
    if image.folder.is_dir():
        return image.folder
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / f'{suite}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.folder.is_dir():
            _build(image)
    return image.folder


def _build(image: Image) -> None:
    print(f'lab: building the {image.suite} host (about half a minute)', flush=True)
    partial = image.folder.with_name(f'{image.folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    log = cache_folder() / f'{image.suite}.log'
    with open(log, 'wb') as output:
        done = subprocess.run(
            ['mmdebstrap', *image.recipe, str(partial)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        end = '\n'.join(log.read_text(errors='replace').splitlines()[-15:])
        raise BuildError(f'mmdebstrap {image.suite} failed, see {log}:\n{end}')
    partial.rename(image.folder)
    for old in cache_folder().glob(f'{image.suite}-*'):
        if old != image.folder:
            shutil.rmtree(old, ignore_errors=True)
