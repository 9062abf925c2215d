"""Rules for the unit of a registry: what it may do there, and what it shows.

A port below 1024 without the capability was run (systemd 257); what a unit shows to
everybody is said in systemd.exec(5), Environment=.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.engine.environment import of_file
from registry_host.errors import quoted
from registry_host.registry.addresses import listen_of
from registry_host.registry.authrules import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.registry.registryplace import Instance

_SECRET = re.compile(r'REGISTRY_\w*(?:PASSWORD|SECRET|SECRETKEY|ACCOUNTKEY)')
_ROOT = ('storage', 'filesystem', 'rootdirectory')
_BIND = 'CAP_NET_BIND_SERVICE'
_FIRST_FREE_PORT = 1024


def unit_rules(host: Host, instance: Instance) -> Iterator[Finding]:
    if not instance.runner.is_unit or not instance.runner.settings:
        return
    yield from _privileged(host, instance)
    yield from _protected(instance)


def _privileged(host: Host, instance: Instance) -> Iterator[Finding]:
    listen = listen_of(instance.config.addr)
    runner = instance.runner
    if listen is None or not listen.port.isdigit() or runner.user in ('', 'root'):
        return
    set_here = host.proc_text('sys/net/ipv4', 'ip_unprivileged_port_start').strip()
    is_known = host.is_live and set_here.isdigit()
    first = int(set_here) if is_known else _FIRST_FREE_PORT
    has_right = _BIND in runner.settings.get('AmbientCapabilities', '').split()
    if int(listen.port) in (0, *range(first, 65536)) or has_right:
        return
    yield instance.tell(
        'listen-privileged',
        'error',
        ('http', 'addr'),
        f'{runner.user} may not listen on port {listen.port}, so the registry does not '
        'start',
        f'AmbientCapabilities={_BIND} below [Service] lets it',
        f'sudo systemctl edit {quoted(runner.name)}',
        *instance.restart(),
    )


def _protected(instance: Instance) -> Iterator[Finding]:
    """Whether the unit makes the storage root read-only for the registry."""
    settings, root = instance.runner.settings, instance.config.root
    if settings.get('ProtectSystem') != 'strict' or not root.startswith('/'):
        return
    words = settings.get('ReadWritePaths', '').split()
    open_paths = [word.lstrip('-+') for word in words]
    states = settings.get('StateDirectory', '').split()
    open_paths += [f'/var/lib/{name.partition(":")[0]}' for name in states]
    if not any(
        _is_below(root, each) for each in (*open_paths, '/dev', '/proc', '/sys')
    ):
        yield instance.tell(
            'storage-not-writable',
            'error',
            _ROOT,
            f'{instance.runner.name}.service has ProtectSystem=strict, so {root} is '
            'read-only for it: it starts, and each push is answered with 500',
            f'ReadWritePaths={root} below [Service] opens it',
            f'sudo systemctl edit {quoted(instance.runner.name)}',
            *instance.restart(),
        )


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f'{folder.rstrip("/")}/')


def environment_rules(host: Host, instance: Instance) -> Iterator[Finding]:
    """Passwords in the environment: who else may read them."""
    runner = instance.runner
    names = {
        name
        for name, value in runner.environment.items()
        if value and _SECRET.fullmatch(name) and name not in instance.unknown
    }
    if not names or runner.pid is not None:
        return
    if runner.is_container:
        look = host.look(_path_of(host, runner.file))
        if look is not None and look.mode & 0o004:
            yield readable(instance, runner.file, 'this file')
        return
    for path in runner.settings.get('EnvironmentFile', '').split():
        given = {*of_file(host, path.lstrip('-'))} & names
        names -= given
        look = host.look(path.lstrip('-'))
        if given and look is not None and look.mode & 0o004:
            yield readable(
                instance._replace(runner=runner._replace(user='root')),
                path.lstrip('-'),
                'this file',
            )
    if names:
        yield instance.tell_at(
            runner.file,
            'secret-in-unit',
            'warning',
            f'{min(names)} is in the unit {runner.name}, and `systemctl show` shows it '
            'to everybody on this host',
            'put it into a file that root alone may read, and name that in the unit: '
            f'EnvironmentFile=/etc/registry-host/{runner.name}.env',
            *instance.restart(),
        )


def _path_of(host: Host, shown: str) -> str:
    return shown.removeprefix(host.root) if host.root else shown
