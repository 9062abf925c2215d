"""The files that configure nameservers for each DNS manager. Pure.

A file of registry-host wherever the DNS manager reads a folder of files; else managed
lines in its file. What each DNS manager makes of them was seen on a booted host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.host.locations import RESOLV_CONF
from registry_host.namedtuples import NamedTuple
from registry_host.resolver import encoders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_host.resolver.owner import Ownership

DROP_IN = '90-registry-host.conf'
RESOLVED = f'/etc/systemd/resolved.conf.d/{DROP_IN}'
NETWORK_MANAGER = f'/etc/NetworkManager/conf.d/{DROP_IN}'
HEAD = '/etc/resolvconf/resolv.conf.d/head'
BASE = '/etc/resolvconf/resolv.conf.d/base'
OPENRESOLV = '/etc/resolvconf.conf'
NETCONFIG = '/etc/sysconfig/network/config'
DHCPCD = '/etc/dhcpcd.conf'
DHCPCD_HEAD = '/etc/resolv.conf.head'
# Without an ending, for run-parts(8) passes over names with a dot.
DHCLIENT = '/etc/dhcp/dhclient-enter-hooks.d/90-registry-host'

_COMMENT = '# By registry-host, which takes it out again: registry-host unconfigure'


class Others(NamedTuple):
    """What a host has without registry-host; `options` are resolv.conf(5)'s."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """What a host is to ask, and what it asked before.

    `others`, `domains` and `options` are those of a DNS manager that drops its own for
    configured ones; they follow the managed ones, nameservers unless exclusive.
    """

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    is_exclusive: bool = False
    others: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def all_nameservers(self) -> tuple[str, ...]:
        others = () if self.is_exclusive else self.others
        return tuple(dict.fromkeys((*self.nameservers, *others)))

    @property
    def all_search(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.search, *self.domains)))


Block = tuple[str, ...]


class OwnerFile(NamedTuple):
    """One file, whose it is, and how it is written.

    `owner` must be told of a change; '' for no DNS manager. `block` makes the managed
    lines; None stands for a file of resolv.conf(5)'s lines, which is edited as such. A
    `has_folder` file is of use only where its folder is there; one that `hides_others`
    makes its DNS manager show only the managed nameservers. `part` picks what of the
    wanted is for this file.
    """

    path: str
    owner: str
    block: Callable[[Wanted], Block] | None = None
    is_at_top: bool = False
    has_folder: bool = False
    hides_others: bool = False
    part: Callable[[Wanted], Wanted] = lambda wanted: wanted


def _resolved(wanted: Wanted) -> Block:
    """Servers add up over all files: the list is emptied, and the others named again.

    With `~.` those of the links are asked no more (systemd 252 and 257, observed).
    """
    domains = (*wanted.search, *(('~.',) if wanted.is_exclusive else ()))
    lines = [_COMMENT, '[Resolve]']
    if wanted.nameservers:
        lines += ['DNS=', f'DNS={encoders.systemd(wanted.all_nameservers)}']
    if domains:
        lines.append(f'Domains={encoders.systemd(domains)}')
    return tuple(lines)


def _network_manager(wanted: Wanted) -> Block:
    """It drops what leases and connections say for this, options included.

    Without the section `*` all of it is ignored, and so is a list with `;`; of an
    address with a zone it takes no notice (1.42.4, observed).
    """
    lines = [_COMMENT, '[global-dns]']
    if wanted.all_search:
        lines.append(f'searches={encoders.keyfile(wanted.all_search)}')
    if wanted.options:
        lines.append(f'options={encoders.keyfile(wanted.options)}')
    servers = encoders.keyfile(
        text for text in wanted.all_nameservers if '%' not in text
    )
    return (*lines, '[global-dns-domain-*]', f'servers={servers}')


def _openresolv(wanted: Wanted) -> Block:
    """The file is a script, and what it has set before follows the managed values.

    What interfaces say comes after these, unless no interface is listened to: then
    their search domains are gone too (3.13.2, observed).
    """
    lines = [_COMMENT, *_assigned('name_servers', 'search_domains', wanted)]
    if wanted.is_exclusive:
        lines += ['name_servers_append=', 'deny_interfaces="*"']
    return tuple(lines)


def _netconfig(wanted: Wanted) -> Block:
    """As openresolv's; a policy says if leases count.

    Its scripts were run (openSUSE/sysconfig, scripts/netconfig.d/dns-resolver.in).
    """
    names = ('NETCONFIG_DNS_STATIC_SERVERS', 'NETCONFIG_DNS_STATIC_SEARCHLIST')
    lines = [_COMMENT, *_assigned(*names, wanted)]
    if wanted.is_exclusive:
        lines.append('NETCONFIG_DNS_POLICY="STATIC"')
    return tuple(lines)


def _assigned(servers: str, search: str, wanted: Wanted) -> Iterator[str]:
    """In front of what a script has set, unless nameservers are exclusive."""
    if wanted.nameservers:
        behind = '' if wanted.is_exclusive else f'${{{servers}:+ ${servers}}}'
        yield f'{servers}="{encoders.shell(wanted.nameservers)}{behind}"'
    domains = wanted.all_search if wanted.is_exclusive else wanted.search
    if domains:
        yield f'{search}="{encoders.shell(domains)}${{{search}:+ ${search}}}"'


def _dhclient(wanted: Wanted) -> Block:
    """A hook, which the client that runs already meets at its next renewal.

    It would read dhclient.conf when it starts, and no more. A lease without a list
    keeps the one of before (isc-dhcp 4.4.3-P1, dhclient-script).
    """
    lines = [_COMMENT]
    for name in ('new_domain_name_servers', 'new_dhcp6_name_servers'):
        if wanted.nameservers:
            behind = '' if wanted.is_exclusive else f' ${name}'
            words = encoders.shell(wanted.nameservers)
            lines.append(f'test -z "${name}" || {name}="{words}{behind}"')
    if wanted.search:
        words = encoders.shell(wanted.search)
        name = 'new_domain_search'
        # For a DHCPv6 event it must stay empty, or the script takes it for DHCPv4's.
        any_of_v4 = '$new_domain_name$new_domain_search$new_domain_name_servers'
        made = f'{name}="{words} ${{{name}:-$new_domain_name}}"'
        lines.append(f'test -z "{any_of_v4}" || {made}')
        name = 'new_dhcp6_domain_search'
        lines.append(f'test -z "${name}" || {name}="{words} ${name}"')
    return tuple(lines)


def _dhcpcd(wanted: Wanted) -> Block:
    """What replaces a lease's. At the top, for below `interface` it is for that alone.

    Those in front of a lease's are for another file (dhcpcd 10.1.0, 20-resolv.conf).
    """
    lines = [_COMMENT]
    if wanted.nameservers:
        servers = encoders.dhcpcd(wanted.nameservers)
        lines.append(f'static domain_name_servers={servers}')
    if wanted.search:
        lines.append(f'static domain_search={encoders.dhcpcd(wanted.all_search)}')
    return tuple(lines)


def _exclusive_nameservers(wanted: Wanted) -> Wanted:
    return wanted if wanted.is_exclusive else wanted._replace(nameservers=())


def _additive_nameservers(wanted: Wanted) -> Wanted:
    nameservers = () if wanted.is_exclusive else wanted.nameservers
    return Wanted(nameservers=nameservers)


def _nameservers(wanted: Wanted) -> Wanted:
    return Wanted(nameservers=wanted.nameservers, is_exclusive=wanted.is_exclusive)


def _search(wanted: Wanted) -> Wanted:
    return Wanted(search=wanted.search)


NOBODYS = OwnerFile(RESOLV_CONF, '')
FILES = {
    file.path: file
    for file in (
        NOBODYS,
        OwnerFile(RESOLVED, 'resolved', _resolved),
        OwnerFile(
            NETWORK_MANAGER, 'network-manager', _network_manager, hides_others=True
        ),
        # What stands in the one is first; search domains of the other come last.
        OwnerFile(HEAD, 'resolvconf', part=_nameservers),
        OwnerFile(BASE, 'resolvconf', part=_search),
        OwnerFile(OPENRESOLV, 'openresolv', _openresolv, hides_others=True),
        OwnerFile(NETCONFIG, 'netconfig', _netconfig, hides_others=True),
        OwnerFile(DHCPCD_HEAD, 'dhcpcd', part=_additive_nameservers),
        OwnerFile(
            DHCPCD,
            'dhcpcd',
            _dhcpcd,
            is_at_top=True,
            hides_others=True,
            part=_exclusive_nameservers,
        ),
        OwnerFile(DHCLIENT, '', _dhclient, has_folder=True),
    )
}


def files_of(ownership: Ownership) -> tuple[OwnerFile, ...]:
    """Name the files to write for an owner; () where it cannot be told by a file."""
    if ownership.owner == 'split':
        inner = files_of(ownership.beneath) if ownership.beneath else ()
        return (FILES[RESOLVED], *inner) if inner else ()
    return tuple(FILES[path] for path in _PATHS.get(ownership.owner, ()))


_PATHS = {
    'resolved': (RESOLVED,),
    'network-manager': (NETWORK_MANAGER,),
    'resolvconf': (HEAD, BASE),
    'openresolv': (OPENRESOLV,),
    'netconfig': (NETCONFIG,),
    'dhcpcd': (DHCPCD_HEAD, DHCPCD),
    'dhclient': (DHCLIENT, RESOLV_CONF),
    'cloud-init': (RESOLV_CONF,),
    'static': (RESOLV_CONF,),
}
