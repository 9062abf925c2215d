"""How to have a host ask another nameserver, by hand, where its owner keeps them. Pure.

A change of /etc/resolv.conf itself lasts only where the file is nobody's: every other
owner writes it again, at the next lease or link at the latest.
"""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from registry_host.host import RESOLV_CONF
from registry_host.names.owner import Ownership

DROP_IN = '90-registry-host.conf'
_RESOLVED = f'/etc/systemd/resolved.conf.d/{DROP_IN}'
_NM = f'/etc/NetworkManager/conf.d/{DROP_IN}'

Steps = tuple[str, ...]


def steps(ownership: Ownership, nameserver: str) -> Steps:
    """Give the steps for one owner: commands of a root shell, or words of advice."""
    return _STEPS.get(ownership.owner, _of_file)(ownership, nameserver)


def _printed(text: str, redirect: str) -> str:
    return f'printf {quote(text)} {redirect}'


def _of_resolved(ownership: Ownership, nameserver: str) -> Steps:
    """Servers add up over all files, so the list is emptied first.

    Without `~.` those of the links are asked as well, and the first answer counts, be
    it that there is no such name (systemd 252, observed). A restart, for a reload ends
    it there; and a clean slate before, for the fifth start within 10 s would fail.
    """
    text = f'[Resolve]\\nDNS=\\nDNS={nameserver}\\nDomains=~.\\n'
    return (
        f'mkdir -p {_RESOLVED.rpartition("/")[0]}',
        _printed(text, f'>{_RESOLVED}'),
        'systemctl reset-failed systemd-resolved; systemctl restart systemd-resolved',
    )


def _of_network_manager(ownership: Ownership, nameserver: str) -> Steps:
    """The section `*` must be there, or all is ignored (1.42, observed)."""
    text = f'[global-dns]\\n[global-dns-domain-*]\\nservers={nameserver}\\n'
    return (_printed(text, f'>{_NM}'), 'nmcli general reload')


def _of_resolvconf(ownership: Ownership, nameserver: str) -> Steps:
    line = f'nameserver {nameserver}\\n'
    return (_printed(line, '>>/etc/resolvconf/resolv.conf.d/head'), 'resolvconf -u')


def _of_openresolv(ownership: Ownership, nameserver: str) -> Steps:
    line = f'name_servers="{nameserver}"\\n'
    return (_printed(line, '>>/etc/resolvconf.conf'), 'resolvconf -u')


def _of_dhcpcd(ownership: Ownership, nameserver: str) -> Steps:
    """At the top, for below `interface` it would be for that one alone."""
    line = f'static domain_name_servers={nameserver}'
    return (f"sed -i '1i {line}' /etc/dhcpcd.conf", 'dhcpcd -n')


def _of_dhclient(ownership: Ownership, nameserver: str) -> Steps:
    """It writes at each renewal, and reads its file when it starts alone."""
    line = f'supersede domain-name-servers {nameserver};\\n'
    now = _of_file(ownership, nameserver)
    return (_printed(line, '>>/etc/dhcp/dhclient.conf'), *now)


def _of_file(ownership: Ownership, nameserver: str) -> Steps:
    """In front of those that are there, which stay: three are asked at most."""
    line = f'nameserver {nameserver}'
    path = quote(ownership.target)
    return (f"sed -i '0,/^nameserver/s//{line}\\n&/' {path}",)


def _of_static(ownership: Ownership, nameserver: str) -> Steps:
    if ownership.rivals or ownership.is_volatile:
        return _of_file(ownership, nameserver)
    return (f'registry-host configure --nameserver {nameserver}',)


def _of_lock(ownership: Ownership, nameserver: str) -> Steps:
    flag = 'i' if ownership.owner == 'immutable' and not ownership.mode else 'a'
    inner = steps(ownership.beneath, nameserver) if ownership.beneath else ()
    return (f'chattr -{flag} {RESOLV_CONF}', *inner, f'chattr +{flag} {RESOLV_CONF}')


def _of_split(ownership: Ownership, nameserver: str) -> Steps:
    beneath = ownership.beneath
    if beneath is None:
        return _of_resolved(ownership, nameserver)
    is_static = beneath.owner == 'static'
    inner = _of_file(beneath, nameserver) if is_static else steps(beneath, nameserver)
    return (*_of_resolved(ownership, nameserver), *inner)


def _advice(text: str) -> Callable[[Ownership, str], Steps]:
    return lambda ownership, nameserver: (text.format(nameserver),)


_STEPS: dict[str, Callable[[Ownership, str], Steps]] = {
    'resolved': _of_resolved,
    'network-manager': _of_network_manager,
    'resolvconf': _of_resolvconf,
    'openresolv': _of_openresolv,
    'dhcpcd': _of_dhcpcd,
    'dhclient': _of_dhclient,
    'static': _of_static,
    'immutable': _of_lock,
    'split': _of_split,
    'container': _advice(
        'give it to the container where that is started, as docker run --dns {} does'
    ),
    'wsl': _advice(
        'write generateResolvConf=false below [network] in /etc/wsl.conf, end WSL from '
        'Windows, and then make /etc/resolv.conf a file with nameserver {}'
    ),
    'netconfig': _advice(
        'name {} in NETCONFIG_DNS_STATIC_SERVERS of /etc/sysconfig/network/config, '
        'then: netconfig update -f'
    ),
    'connman': _advice('give {} to connman, which writes the file'),
    'tailscale': _advice('give {} to tailscale, which writes the file'),
}
