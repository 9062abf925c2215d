"""Foreign nameservers of a host, for DNS managers that drop them for managed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.unitfiles import drop_ins, settings_of
from registry_host.resolver import encoders
from registry_host.resolver.managerfiles import DROP_IN, Others
from registry_host.resolver.resolvconf import directives, parse, view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.host.host import Host
    from registry_host.resolver.owner import Ownership

# What NetworkManager would write were there no stub of a resolver's in front (1.42.4).
NETWORK_MANAGER_SERVERS = '/run/NetworkManager/no-stub-resolv.conf'
# The weakest first.
_FOLDERS = ('/usr/lib', '/usr/local/lib', '/run', '/etc')


def look(host: Host, ownership: Ownership, text: str | None) -> Others:
    """Look where the DNS manager shows it; nothing where it does not, nor odd words.

    `text` is that of resolv.conf, None for none. Leases can say anything, and what is
    found here is written into files that a shell sources as root.
    """
    found = _look(host, ownership, text)
    is_resolved = ownership.owner in ('resolved', 'split')
    is_server = encoders.is_for_systemd if is_resolved else encoders.is_plain
    return Others(
        tuple(filter(is_server, found.nameservers)),
        tuple(filter(encoders.is_plain, found.search)),
        tuple(filter(encoders.is_plain, found.options)),
    )


def _look(host: Host, ownership: Ownership, text: str | None) -> Others:
    if ownership.owner in ('resolved', 'split'):
        return Others(nameservers=tuple(_resolved_servers(host)))
    is_manager = ownership.owner == 'network-manager'
    if is_manager and host.exists(NETWORK_MANAGER_SERVERS):
        try:
            content = host.read(NETWORK_MANAGER_SERVERS).content
        except ConfigError:
            content = None
    else:
        content = None if text is None else text.encode('utf-8', 'replace')
    return Others() if content is None else _named(content)


def _named(content: bytes) -> Others:
    conf = parse(content)
    seen = view(conf, 'glibc')
    servers = () if seen.is_default else seen.nameservers
    found = directives(conf, 'glibc')
    words = (
        word for line in found if line.keyword == b'options' for word in line.words
    )
    options = (word.decode('utf-8', 'replace') for word in words)
    return Others(servers, seen.search, tuple(dict.fromkeys(options)))


def _resolved_servers(host: Host) -> Iterable[str]:
    """The servers for all links that earlier files name: an empty list resets."""
    servers: list[str] = []
    for path in _resolved_files(host):
        try:
            content = host.read(path).content or b''
        except ConfigError:
            continue
        for key, value in settings_of(content.decode('utf-8', 'replace'), 'Resolve'):
            if key == 'DNS':
                servers = [*servers, *value.split()] if value else []
    return dict.fromkeys(servers)


def _resolved_files(host: Host) -> Iterator[str]:
    main = (f'{folder}/systemd/resolved.conf' for folder in reversed(_FOLDERS))
    yield next((path for path in main if host.exists(path)), '/etc/resolved.conf')
    folders = (f'{folder}/systemd/resolved.conf.d' for folder in _FOLDERS)
    found = drop_ins(host, folders)
    yield from (path for path in found if path.rpartition('/')[2] < DROP_IN)
