"""Hosts for each owner of /etc/resolv.conf: thin layers over the images of hosts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import images

# The nameserver of the site: it knows the site's names, and nothing of the lab's.
SITE = '10.99.0.3'
SITE_DOMAIN = 'site.example'
SITE_NAME = f'router.{SITE_DOMAIN}'
# This one no test has another nameserver know.
SITE_ALONE = f'printer.{SITE_DOMAIN}'

BUILD = r"""
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cd "$2/root"
mount -t proc proc proc
mount --rbind /dev dev
# What is written here stays out of the layer.
for scratch in run tmp var/cache/apt var/lib/apt/lists; do
    mount -t tmpfs tmpfs $scratch
done
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
apt="chroot . apt-get -qy -o Acquire::Languages=none -o Acquire::Check-Valid-Until=no"
if [ -n "$3" ]; then
    # The image's /etc/resolv.conf is a link to there, and dangles again before any
    # package sees it.
    stub=run/systemd/resolve/stub-resolv.conf
    mkdir -p "${stub%/*}"
    cp /etc/resolv.conf $stub
    $apt update
    $apt install --no-install-recommends --download-only $3
    rm $stub
    $apt install --no-install-recommends --purge --no-download $3
fi
chroot . sh -ec "$4"
rm usr/sbin/policy-rc.d
"""


def _file(path: str, content: str, mode: str = '644') -> str:
    """Write the command that writes a file."""
    return f'printf %s {shlex.quote(content)} >{path} && chmod {mode} {path}'


@dataclass(frozen=True)
class Owner:
    """Who owns /etc/resolv.conf on a host, and how that host comes to be.

    A package with a minus behind it is removed, as apt-get has it. With `renew`, the
    address comes from the site's DHCP server, and that command asks for it again.
    """

    name: str
    suite: str
    packages: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    renew: str = ''
    is_immutable: bool = False
    is_bind_mounted: bool = False

    @property
    def digest(self) -> str:
        recipe = [BUILD, *self.packages, '', *self.setup]
        return hashlib.sha256('\0'.join(recipe).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        # The builder of images removes this with what the layers lie on.
        base = images.IMAGES[self.suite].folder
        return base.with_name(f'{base.name}.layers') / f'{self.name}-{self.digest}'


WITHOUT_RESOLVED = ('systemd-resolved-',)
WRITE_STATIC = _file('/etc/resolv.conf', f'search {SITE_DOMAIN}\nnameserver {SITE}\n')
REMOVE_LINK = 'rm -f /etc/resolv.conf'
# Without IPv6, where the kernel looks for two seconds if others have the address.
NETWORKD = (
    _file(
        '/etc/systemd/network/10-host0.network',
        '[Match]\nName=host0\n\n'
        '[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
    ),
    'systemctl enable systemd-networkd.service',
)
NETWORK_MANAGER = _file(
    '/etc/NetworkManager/system-connections/host0.nmconnection',
    '[connection]\nid=host0\ntype=ethernet\ninterface-name=host0\n\n'
    '[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n',
    '600',
)
IFUPDOWN = _file(
    '/etc/network/interfaces',
    'auto lo\niface lo inet loopback\n\nauto host0\niface host0 inet dhcp\n',
)
# Without udev, which containers have not, and without the seconds that it waits to see
# if others have the address.
DHCPCD = r"printf '\nallowinterfaces host0\nnodev\nnoarp\nnodelay\n' >>/etc/dhcpcd.conf"

OWNERS = {
    owner.name: owner
    for owner in (
        Owner(
            'resolved-stub',
            'trixie',
            # Comes with systemd-resolved where recommended packages are installed.
            packages=('libnss-resolve',),
            setup=NETWORKD,
            renew='networkctl renew host0',
        ),
        Owner(
            'resolved-uplink',
            'bookworm',
            setup=(
                *NETWORKD,
                'ln -sfn ../run/systemd/resolve/resolv.conf /etc/resolv.conf',
            ),
            renew='networkctl renew host0',
        ),
        Owner(
            'network-manager',
            'bookworm',
            packages=('network-manager', *WITHOUT_RESOLVED),
            setup=(REMOVE_LINK, NETWORK_MANAGER),
            renew='nmcli connection up host0',
        ),
        Owner(
            'network-manager-resolved',
            'trixie',
            packages=('network-manager', 'libnss-resolve'),
            setup=(NETWORK_MANAGER,),
            renew='nmcli connection up host0',
        ),
        Owner(
            'resolvconf',
            'bookworm',
            packages=('resolvconf', 'ifupdown', 'isc-dhcp-client', *WITHOUT_RESOLVED),
            # It keeps what the builder of the image had for a resolv.conf.
            setup=(IFUPDOWN, 'rm -f /etc/resolvconf/resolv.conf.d/original'),
            renew='ifdown host0 && ifup host0',
        ),
        Owner(
            'openresolv',
            'trixie',
            packages=('openresolv', 'ifupdown', 'dhcpcd-base', *WITHOUT_RESOLVED),
            setup=(REMOVE_LINK, IFUPDOWN, DHCPCD),
            renew='dhcpcd -n host0',
        ),
        Owner(
            'dhclient',
            'bookworm',
            packages=('ifupdown', 'isc-dhcp-client', *WITHOUT_RESOLVED),
            setup=(REMOVE_LINK, IFUPDOWN),
            renew='ifdown host0 && ifup host0',
        ),
        Owner(
            'dhcpcd',
            'trixie',
            packages=('dhcpcd', *WITHOUT_RESOLVED),
            # Its unit does not start where there is no such file.
            setup=(REMOVE_LINK, ': >/etc/resolv.conf', DHCPCD),
            renew='dhcpcd -n host0',
        ),
        Owner(
            'static',
            'trixie',
            packages=WITHOUT_RESOLVED,
            setup=(REMOVE_LINK, WRITE_STATIC),
        ),
        Owner(
            'immutable',
            'bookworm',
            packages=('e2fsprogs', *WITHOUT_RESOLVED),
            setup=(REMOVE_LINK, WRITE_STATIC),
            is_immutable=True,
        ),
        Owner(
            'bind-mounted',
            'trixie',
            packages=WITHOUT_RESOLVED,
            setup=(REMOVE_LINK, WRITE_STATIC),
            is_bind_mounted=True,
        ),
    )
}


def ensure(name: str) -> Path:
    """Return the folder of a layer, building it and its image if need be."""
    owner = OWNERS[name]
    base = images.ensure(owner.suite)
    if owner.folder.is_dir():
        return owner.folder
    owner.folder.parent.mkdir(exist_ok=True)
    with open(images.cache_folder() / f'{name}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not owner.folder.is_dir():
            _build(owner, base)
    return owner.folder


def _build(owner: Owner, base: Path) -> None:
    print(f'lab: building the {owner.name} host (some seconds)', flush=True)
    partial = owner.folder.with_name(f'{owner.folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    for part in ('upper', 'work', 'root'):
        (partial / part).mkdir(parents=True)
    log = images.cache_folder() / f'{owner.name}.log'
    packages, setup = ' '.join(owner.packages), '\n'.join(owner.setup)
    values = (str(base), str(partial), packages, setup)
    # A process namespace, so that no daemon of a package outlives the build.
    spaces = '--mount --propagation=private --pid --fork --kill-child'.split()
    with open(log, 'wb') as output:
        done = subprocess.run(
            ['unshare', *spaces, 'sh', '-exc', BUILD, 'sh', *values],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                'DEBIAN_FRONTEND': 'noninteractive',
                'LC_ALL': 'C.UTF-8',
            },
            check=False,
        )
    if done.returncode == 0:
        (partial / 'upper').rename(owner.folder)
    shutil.rmtree(partial, ignore_errors=True)
    if done.returncode != 0:
        end = '\n'.join(log.read_text(errors='replace').splitlines()[-15:])
        raise images.BuildError(f'{owner.name} failed, see {log}:\n{end}')
    for old in owner.folder.parent.glob(f'{owner.name}-' + '[0-9a-f]' * 12):
        if old != owner.folder:
            shutil.rmtree(old, ignore_errors=True)
