"""What can be seen of the owner of /etc/resolv.conf; nothing is written.

Files and processes come first: D-Bus may be down while the daemons work. In a root
folder, and where /proc hides the processes of others, what the host is set up to run
stands for what runs.

In one module: it is one list of what is looked at, and how.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.locations import RESOLV_CONF
from registry_host.resolver.owner import RESOLVED_FILES, Evidence, NetworkManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_host.host.host import Host
    from registry_host.host.records import FileState, Process

# Tailscale gives each question 1 s (net/dns/manager_linux.go, de9ec7e).
BUS_TIMEOUT_S = 1.0
WAKE_TIMEOUT_S = 3.0
VERSION_TIMEOUT_S = 2.0
# Ordinary users begin here (login.defs UID_MIN): any of them can start a process by
# the name of a daemon.
USERS_FROM = 1000
IMMUTABLE, APPEND_ONLY = 0x10, 0x20  # linux/fs.h FS_IMMUTABLE_FL, FS_APPEND_FL

_PROCESSES = {
    'systemd-resolved': 'resolved',
    'NetworkManager': 'network-manager',
    'connmand': 'connman',
    'tailscaled': 'tailscale',
    'dhcpcd': 'dhcpcd',
    'dhclient': 'dhclient',
    'udhcpc': 'udhcpc',
}
# Units of systemd, and services of OpenRC.
_SERVICES = {
    'systemd-resolved.service': 'resolved',
    'NetworkManager.service': 'network-manager',
    'networkmanager': 'network-manager',
    'connman.service': 'connman',
    'connman': 'connman',
    'tailscaled.service': 'tailscale',
    'tailscale': 'tailscale',
    'dhcpcd.service': 'dhcpcd',
    'dhcpcd': 'dhcpcd',
}
_PROGRAM_FOLDERS = ('/sbin', '/usr/sbin', '/usr/bin', '/usr/local/sbin')
_CLOUD_INIT_CONF = '/etc/NetworkManager/conf.d/99-cloud-init.conf'


def gather(host: Host) -> Evidence:
    """Look at the file, and at those who might write it.

    Raises ConfigError where /etc/resolv.conf cannot be read, or is no file.
    """
    state = host.read(RESOLV_CONF)
    is_seen = _sees_processes(host)
    present = _present(host, is_seen=is_seen)
    if state.content is None and is_seen and 'resolved' not in present:
        _wake_resolved(host)
        state, present = host.read(RESOLV_CONF), _present(host, is_seen=is_seen)
    target = state.realpath.removeprefix(host.root)
    return Evidence(
        text=_decoded(state),
        link=state.link or '',
        target=target,
        twin=_twin(host, state),
        mount=_mount(host, state),
        lock=_lock(host),
        nsswitch=_read(host, '/etc/nsswitch.conf'),
        present=present,
        silenced=_silenced(host, target),
        is_seen=is_seen,
        network_manager=_network_manager(host, present, is_seen=is_seen),
        resolvconf=look_at_resolvconf(host),
        kernel=_kernel(host),
        cloud_init_conf=_cloud_init_conf(host),
        enabled=frozenset(_enabled(host)),
    )


def _decoded(state: FileState) -> str | None:
    return None if state.content is None else state.content.decode('utf-8', 'replace')


def _kernel(host: Host) -> str:
    return host.proc_text('sys/kernel', 'osrelease').strip() if host.is_live else ''


def _read(host: Host, path: str) -> str:
    """Read a file that may say something; one that cannot be read says nothing."""
    try:
        return _decoded(host.read(path)) or ''
    except ConfigError:
        return ''


# The file itself


def _twin(host: Host, state: FileState) -> str:
    if state.content is None or state.link:
        return ''
    same = (path for path in RESOLVED_FILES if host.is_same_file(RESOLV_CONF, path))
    return next(same, '')


def _mount(host: Host, state: FileState) -> str:
    """Find the mount point that is the file itself: proc(5), mountinfo, field 5.

    A mount onto a link is one onto its target (rootless-containers/rootlesskit#4). In
    a root folder it is those who prepare images that mount the builder's file there.
    """
    paths = {f'{host.resolve("/etc")}/resolv.conf', state.realpath}
    for line in host.proc_text('self', 'mountinfo').splitlines():
        fields = line.split(' ')
        point = _unescaped(fields[4]) if len(fields) > 4 else ''
        if point in paths:
            return point.removeprefix(host.root)
    return ''


def _unescaped(text: str) -> str:
    return re.sub(r'\\([0-7]{3})', lambda match: chr(int(match[1], 8)), text)


def _lock(host: Host) -> str:
    flags = host.file_flags(RESOLV_CONF)
    if flags & IMMUTABLE:
        return 'immutable'
    return 'append-only' if flags & APPEND_ONLY else ''


# Who is there to write


def _sees_processes(host: Host) -> bool:
    """With hidepid the processes of others do not exist for those who are not root."""
    return host.is_live and bool(host.proc_text(1, 'comm'))


def _present(host: Host, *, is_seen: bool) -> frozenset[str]:
    found = set(_running(host) if is_seen else _set_up(host))
    if _find_program(host, 'netconfig'):
        found.add('netconfig')
    return frozenset(found)


def _running(host: Host) -> Iterator[str]:
    for process in host.processes(*_PROCESSES):
        if process.uid < USERS_FROM and _is_for_resolv_conf(process):
            yield _PROCESSES[process.name]


def _is_for_resolv_conf(process: Process) -> bool:
    """Whether this client's script is the one that writes nameservers.

    NetworkManager starts dhclient with `-sf nm-dhcp-helper`, cloud-init with /bin/true.
    """
    argv = process.argv
    if process.name != 'dhclient' or '-sf' not in argv[:-1]:
        return True
    return argv[argv.index('-sf') + 1].rpartition('/')[2] == 'dhclient-script'


def _set_up(host: Host) -> Iterator[str]:
    """Name the owners that this host would start: enabled services, used clients."""
    yield from _enabled(host)
    if _has_leases(host):
        yield 'dhclient'


def _enabled(host: Host) -> Iterator[str]:
    units = '/etc/systemd/system'
    folders = [f'{units}/{name}' for name in host.names(units) if '.wants' in name]
    folders += [f'/etc/runlevels/{name}' for name in host.names('/etc/runlevels')]
    for name in (name for folder in folders for name in host.names(folder)):
        # dhcpcd@eth0.service is dhcpcd.service of one interface.
        service = re.sub(r'@.*\.service$', '.service', name)
        if service in _SERVICES:
            yield _SERVICES[service]


def _has_leases(host: Host) -> bool:
    """Debian's package installs an empty file of leases."""
    return any(
        _read(host, f'{folder}/{name}').strip()
        for folder in ('/var/lib/dhcp', '/var/lib/dhclient')
        for name in host.names(folder)
        if re.fullmatch(r'dhclient.*\.leases?', name)
    )


def _find_program(host: Host, name: str) -> str:
    """Find a program of this root in the system's own folders, whatever PATH is."""
    paths = (f'{folder}/{name}' for folder in _PROGRAM_FOLDERS)
    return next((path for path in paths if host.exists(path)), '')


def look_at_resolvconf(host: Host) -> str:
    """Tell whose program resolvconf is; it is run only where its text does not say.

    Three have the name, and resolvectl's fails for what the others take. On --version
    old ones of Debian exit with 99 (tailscale net/dns/resolvconf.go, de9ec7e).
    """
    path = _find_program(host, 'resolvconf')
    if not path:
        return ''
    if host.resolve(path).endswith('/resolvectl'):
        return 'resolvectl'
    text = _read(host, path)
    if 'openresolv' in text:
        return 'openresolv'
    if 'part of the resolvconf package' in text:
        return 'debian'
    if not host.is_live:
        return 'unknown'
    answer = host.run([path, '--version'], timeout_s=VERSION_TIMEOUT_S)
    if answer.code == 99 or answer.out.startswith('Debian resolvconf'):
        return 'debian'
    words = {'openresolv': 'openresolv', 'systemd': 'resolvectl'}
    return words.get(answer.out.partition(' ')[0], 'unknown')


# Who is configured not to


def _silenced(host: Host, target: str) -> frozenset[str]:
    places = {RESOLV_CONF, target}
    found = {name for name, is_silent in _SILENCERS.items() if is_silent(host)}
    if _is_openresolv_silent(host, places):
        found.add('openresolv')
    if _is_udhcpc_silent(host, places):
        found.add('udhcpc')
    return frozenset(found)


def _assignments(text: str) -> dict[str, str]:
    """Read the plain assignments of a file that a shell would source."""
    return dict(
        re.findall(r'^[ \t]*(\w+)=["\']?([^"\'\s#;]*)', text, re.MULTILINE | re.ASCII)
    )


def section(text: str, name: str) -> dict[str, str]:
    """Read one section of an INI file, keys in lower case, as WSL and NM write them."""
    found: dict[str, str] = {}
    current = ''
    for line in map(str.strip, text.splitlines()):
        if line.startswith('['):
            current = line[1:].partition(']')[0].strip().lower()
        elif current == name and not line.startswith(('#', ';')) and '=' in line:
            key, _, value = line.partition('=')
            found[key.strip().lower()] = value.partition('#')[0].strip().strip('"\'')
    return found


def _is_dhcpcd_silent(host: Host) -> bool:
    """See `nohook resolv.conf` before the blocks of single interfaces."""
    for line in _read(host, '/etc/dhcpcd.conf').splitlines():
        key, *values = re.split(r'[\s,]+', line.strip())
        if key in ('interface', 'ssid', 'profile'):
            return False
        if key == 'nohook' and not {'resolv.conf', '20-resolv.conf'}.isdisjoint(values):
            return True
    return False


def _is_dhclient_silent(host: Host) -> bool:
    """See a hook that puts another make_resolv_conf in the place of dhclient-script's.

    Those of packages ask whether their program is there (`[ -x /sbin/resolvconf ]`),
    for the hook stays when the package goes.
    """
    folder = '/etc/dhcp/dhclient-enter-hooks.d'
    paths = [f'{folder}/{name}' for name in host.names(folder)]
    paths += ['/etc/dhcp/dhclient-enter-hooks', '/etc/dhclient-enter-hooks']
    for text in (_read(host, path) for path in paths):
        guards = re.findall(r'-x\s+"?(/[^\s"\]]+)', text)
        is_defined = re.search(r'^\s*make_resolv_conf\s*\(\)', text, re.MULTILINE)
        if is_defined and all(host.exists(path) for path in guards):
            return True
    return False


def _is_wsl_silent(host: Host) -> bool:
    value = section(_read(host, '/etc/wsl.conf'), 'network').get('generateresolvconf')
    return value is not None and value.lower() in ('false', '0')


def _is_resolvconf_silent(host: Host) -> bool:
    """Debian's resolvconf writes nothing without this file, which /run forgets."""
    return host.is_live and not host.exists('/run/resolvconf/enable-updates')


def _is_netconfig_silent(host: Host) -> bool:
    """An empty policy leaves names alone (sysconfig, /etc/sysconfig/network/config)."""
    values = _assignments(_read(host, '/etc/sysconfig/network/config'))
    return values.get('NETCONFIG_DNS_POLICY') == ''


def _is_cloud_init_silent(host: Host) -> bool:
    return host.exists('/etc/cloud/cloud-init.disabled')


_SILENCERS: dict[str, Callable[[Host], bool]] = {
    'dhcpcd': _is_dhcpcd_silent,
    'dhclient': _is_dhclient_silent,
    'wsl': _is_wsl_silent,
    'resolvconf': _is_resolvconf_silent,
    'netconfig': _is_netconfig_silent,
    'cloud-init': _is_cloud_init_silent,
}


def _is_openresolv_silent(host: Host, places: set[str]) -> bool:
    """Openresolv may be switched off, whole or for libc, or write another file."""
    values = _assignments(_read(host, '/etc/resolvconf.conf'))
    switches = (values.get(name, 'yes').lower() for name in ('resolvconf', 'libc'))
    is_off = any(value not in ('yes', 'true', 'on', '1') for value in switches)
    return is_off or values.get('resolv_conf', RESOLV_CONF) not in places


def _is_udhcpc_silent(host: Host, places: set[str]) -> bool:
    """Alpine's default.script reads RESOLV_CONF=no, or the name of another file."""
    values = _assignments(_read(host, '/etc/udhcpc/udhcpc.conf'))
    return values.get('RESOLV_CONF', RESOLV_CONF) not in places


# What only daemons know


def _wake_resolved(host: Host) -> None:
    """Ask systemd-resolved if it is there, which makes D-Bus start it if it is enabled.

    Its file is missing until then, and the first lookup would start it as well
    (tailscale net/dns/manager_linux.go dnsMode, de9ec7e).
    """
    name, path = 'org.freedesktop.resolve1', '/org/freedesktop/resolve1'
    interface = 'org.freedesktop.DBus.Peer'
    _call(host, name, path, interface, 'Ping', timeout_s=WAKE_TIMEOUT_S)


def _network_manager(
    host: Host, present: frozenset[str], *, is_seen: bool
) -> NetworkManager:
    """Ask NetworkManager; where the bus is silent, read what it was configured to."""
    if 'network-manager' not in present:
        return NetworkManager()
    mode = _nm_property(host, 'DnsManager', 'Mode') if is_seen else ''
    if not mode:
        return _configured(host)
    return NetworkManager(
        mode=mode,
        rc_manager=_nm_property(host, 'DnsManager', 'RcManager'),
        version=_nm_property(host, '', 'Version'),
    )


def _nm_property(host: Host, part: str, name: str) -> str:
    bus, path = 'org.freedesktop.NetworkManager', '/org/freedesktop/NetworkManager'
    interface = f'{bus}.{part}' if part else bus
    path = f'{path}/{part}' if part else path
    properties = 'org.freedesktop.DBus.Properties'
    answer = _call(host, bus, path, properties, 'Get', interface, name)
    # `v s "default"` of busctl, `variant string "default"` of dbus-send.
    value = re.search(r'"([^"]*)"', answer)
    return value[1] if value else ''


def _call(
    host: Host,
    bus: str,
    path: str,
    interface: str,
    method: str,
    *texts: str,
    timeout_s: float = BUS_TIMEOUT_S,
) -> str:
    """Call one method on the system bus; '' without an answer in time."""
    signature = ('s' * len(texts),) if texts else ()
    call = ['busctl', '--system', 'call', bus, path, interface, method]
    answer = host.run([*call, *signature, *texts], timeout_s=timeout_s)
    if answer.code is None:
        # Without systemd there is no busctl.
        send = ['dbus-send', '--system', '--print-reply', f'--dest={bus}', path]
        words = [f'{interface}.{method}', *(f'string:{text}' for text in texts)]
        answer = host.run([*send, *words], timeout_s=timeout_s)
    return answer.out if answer.is_ok else ''


def _configured(host: Host) -> NetworkManager:
    """Read what NetworkManager's files say; where they do not, it is `default`."""
    values: dict[str, str] = {}
    for path in _nm_files(host):
        values = section(_read(host, path), 'main') | values
    return NetworkManager(
        mode=values.get('dns', 'default'), rc_manager=values.get('rc-manager', '')
    )


def _nm_files(host: Host) -> Iterator[str]:
    """Name its files, the strongest first; each hides those of its name in the others.

    Source: NetworkManager.conf(5), 1.42: /usr/lib and /run come before the main file.
    """
    hidden: set[str] = set()
    for folder in ('/etc', '/run', '/usr/lib'):
        names = host.names(f'{folder}/NetworkManager/conf.d')
        shown = {name for name in names if name.endswith('.conf')} - hidden
        for name in sorted(shown, reverse=True):
            yield f'{folder}/NetworkManager/conf.d/{name}'
        if folder == '/etc':
            yield '/etc/NetworkManager/NetworkManager.conf'
        hidden |= shown


def _cloud_init_conf(host: Host) -> str:
    main = section(_read(host, _CLOUD_INIT_CONF), 'main')
    return _CLOUD_INIT_CONF if main.get('dns') == 'none' else ''
