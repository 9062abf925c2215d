"""How to set a nameserver by hand where registry-host cannot configure the DNS manager.

Where it can, that is one command of registry-host. Pure.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from registry_host.host.locations import RESOLV_CONF
from registry_host.resolver.encoders import dhclient_conf
from registry_host.resolver.managerfiles import files_of
from registry_host.resolver.owner import UNITS, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable

Steps = tuple[str, ...]


def steps(ownership: Ownership, nameserver: str) -> Steps:
    """Give the commands for one owner; none where there is advice()."""
    owner = ownership.owner
    if owner in _ADVICE:
        return ()
    if owner in _STEPS:
        return _STEPS[owner](ownership, nameserver)
    if owner == 'split' and ownership.beneath and not files_of(ownership):
        return steps(ownership.beneath, nameserver)
    if owner == 'static' and ownership.rivals:
        # One that is stopped, and can be told once it runs.
        rival = ownership._replace(
            owner=ownership.rivals[0], rivals=(), is_active=False
        )
        if rival.owner in UNITS and files_of(rival):
            return steps(rival, nameserver)
    if ownership.rivals or ownership.is_lost or not files_of(ownership):
        return _of_file(ownership, nameserver)
    command = f'sudo registry-host configure --nameserver {quote(nameserver)}'
    if ownership.is_active is False and owner in UNITS:
        return (f'sudo systemctl enable --now {UNITS[owner]}', command)
    if ownership.is_active is False and owner == 'resolvconf':
        return ('sudo resolvconf --enable-updates', command)
    return (command,)


def of_dhclient(ownership: Ownership, nameserver: str) -> Steps:
    """Without hooks: it writes at each renewal, and reads its file when it starts."""
    line = quote(f'supersede domain-name-servers {dhclient_conf([nameserver])};')
    now = _of_file(ownership, nameserver)
    return (f'echo {line} | sudo tee -a /etc/dhcp/dhclient.conf', *now)


def _of_file(ownership: Ownership, nameserver: str) -> Steps:
    """In front of those that are there, which stay: three are asked at most."""
    line = f'nameserver {nameserver}'
    path = quote(ownership.target)
    return (f"sudo sed -i '0,/^nameserver/s//{line}\\n&/' {path}",)


def _of_lock(ownership: Ownership, nameserver: str) -> Steps:
    flag = 'i' if ownership.owner == 'immutable' and not ownership.mode else 'a'
    inner = steps(ownership.beneath, nameserver) if ownership.beneath else ()
    return (
        f'sudo chattr -{flag} {RESOLV_CONF}',
        *inner,
        f'sudo chattr +{flag} {RESOLV_CONF}',
    )


def advice(ownership: Ownership, nameserver: str) -> str:
    """Say what to do about an owner that no command of this host tells."""
    text = _ADVICE.get(ownership.owner, '')
    if not text and ownership.beneath:
        return advice(ownership.beneath, nameserver)
    return text.format(nameserver or 'the nameserver')


_STEPS: dict[str, Callable[[Ownership, str], Steps]] = {
    'immutable': _of_lock,
}
_ADVICE = {
    'container': 'give {} to the container where that is started, as docker run --dns '
    'does',
    'wsl': 'write generateResolvConf=false below [network] in /etc/wsl.conf, end WSL '
    'from Windows, and then make /etc/resolv.conf a file with {} in it',
    'connman': 'give {} to connman, which writes the file',
    'tailscale': 'give {} to tailscale, which writes the file',
}
