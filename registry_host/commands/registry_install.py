"""The commands registry install and registry uninstall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.commands.carried import report_of
from registry_host.commands.registry_render import instance_of
from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    SettingsError,
    quoted,
)
from registry_host.registry import packages
from registry_host.registry.installed import as_instance, others_at
from registry_host.registry.installed import installed as registries_of
from registry_host.registry.instances import CACHE, PUSH, STORAGE, unit_of
from registry_host.settings.proxies import check_no_proxy, check_proxy
from registry_host.targets.registering import (
    installed,
    plan_files,
    plan_removal,
    require_kind,
)
from registry_host.transaction.carryout import Manner, Request, carry_out
from registry_host.transaction.lock import require_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.registry.installed import Installed
    from registry_host.registry.instances import Instance
    from registry_host.reporting.report import Report
    from registry_host.targets.planning import Planned


class Install(Request):
    """Have this host run a registry, from now on and after each boot."""

    command = 'registry install'
    is_strict = True

    def __init__(self, instance: Instance, environment: Mapping[str, str]) -> None:
        self._instance = instance
        self._environment = environment

    def plan(self, host: Host) -> Planned:
        wishes = installed(self._instance, own_program(host), self._environment)
        require_kind(host, self._instance, wishes)
        return plan_files(host, wishes)


class Uninstall(Request):
    """Have this host run a registry no more; its images stay unless asked for."""

    command = 'registry uninstall'

    def __init__(self, name: str, storage: str) -> None:
        self._name = name
        self._storage = storage

    def plan(self, host: Host) -> Planned:
        return plan_removal(host, self._name)

    def finish(self, host: Host) -> None:
        if self._storage:
            host.remove_tree(f'{self._storage}/docker')
            host.remove_tree(f'{self._storage}/scheduler-state.json')
            host.remove_empty_folder(self._storage)
        if not registries_of(host):
            packages.restore(host)


def install(
    host: Host,
    manner: Manner,
    kind: str,
    *,
    environment: Mapping[str, str],
    options: Mapping[str, Any],
) -> Report:
    """Install a registry, start it, and have it say that it is well."""
    instance = instance_of(host, kind, options)
    _require_proxies(environment)
    require_root(host)
    packages.require_installable(host)
    _require_files(host, instance)
    findings = tuple(_beside(host, instance))
    is_package_missing = not packages.is_there(host)
    if not manner.is_check and host.is_live:
        packages.ensure(host)
    request = Install(instance, environment)
    try:
        carried = carry_out(host, request, manner)
    finally:
        if is_package_missing and not registries_of(host):
            packages.restore(host)
    report = report_of(request, manner, carried)
    report = report._replace(findings=(*report.findings, *findings), undo='')
    if manner.is_check:
        would = f'would install the package {packages.PACKAGE}'
        return report._replace(note=would if is_package_missing else '')
    return report._replace(note='\n'.join(_next(host, instance)))


def uninstall(host: Host, manner: Manner, name: str, *, is_purging: bool) -> Report:
    """Stop a registry and remove its files, and with `is_purging` its images."""
    require_root(host)
    found = next((i for i in registries_of(host) if i.name == name), None)
    storage = found.storage if found else ''
    if is_purging and found is not None:
        sharing = [other.name for other in others_at(host, storage, but=name)]
        if sharing:
            raise ConfigError(_shared(name, storage, sharing))
    request = Uninstall(name, storage if is_purging else '')
    report = report_of(request, manner, carry_out(host, request, manner))
    note = ''
    if storage:
        removed = 'would be removed' if manner.is_check else 'were removed'
        state = removed if is_purging else 'are still there'
        note = f'its images in {storage} {state}'
    return report._replace(note=note, undo='')


def own_program(host: Host) -> str:
    """How a unit starts this program: by the name in PATH, or else by the module."""
    import sys

    found = host.find_program('registry-host')
    return found or f'{sys.executable} -m registry_host'


def _require_proxies(environment: Mapping[str, str]) -> None:
    """Hold proxies against the rules for those of an engine: the program is Go, too."""
    problems: list[Problem] = []
    for name, value in environment.items():
        flag = f'--{name.lower().replace("_", "-")}'
        is_list = name == 'NO_PROXY'
        checked = check_no_proxy(value) if is_list else check_proxy(value, flag)
        problems += (problem.at(flag) for problem in checked.errors)
    if problems:
        raise SettingsError(*problems)


def _require_files(host: Host, instance: Instance) -> None:
    files = {
        '--tls-certificate': instance.certificate,
        '--tls-key': instance.key,
        '--htpasswd': instance.htpasswd,
    }
    problems = [
        Problem('registry-option', f'there is no file {path}', flag)
        for flag, path in files.items()
        if path and not host.exists(path)
    ]
    if problems:
        raise ConfigError(*problems)


def _beside(host: Host, instance: Instance) -> Iterator[Finding]:
    """Refuse what another registry, or another program, has already."""
    others = [i for i in registries_of(host) if i.name != instance.name]
    for other in others:
        if other.port == instance.port:
            raise ConfigError(_taken(instance, f'the registry {other.name}'))
    sharing = others_at(host, instance.storage, but=instance.name)
    if sharing and not instance.is_shared:
        raise ConfigError(_not_shared(instance, sharing[0]))
    if not host.is_live:
        return
    for pid, name in host.listeners(instance.port):
        if unit_of(instance.name) not in host.proc_text(pid, 'cgroup'):
            raise ConfigError(_taken(instance, f'{name} (pid {pid})'))
    if sharing:
        yield Finding(
            check='shared-storage',
            severity='warning',
            message=f'{instance.storage} is shared with the registry '
            f'{sharing[0].name}: a pushed name that exists upstream is replaced by the '
            'next pull through the cache',
        )


def _taken(instance: Instance, holder: str) -> Problem:
    return Problem(
        'registry-port',
        f'port {instance.port} is taken by {holder}',
        where='--listen',
        hint=f'{instance.listen.rpartition(":")[0]}:{instance.port + 1}',
    )


def _not_shared(instance: Instance, other: Installed) -> Problem:
    return Problem(
        'registry-storage',
        f'{instance.storage} is the storage of the registry {other.name}: what one '
        'deletes, the other loses',
        where='--storage',
        hint=f'{STORAGE}/{instance.name}-2',
    )


def _shared(name: str, storage: str, others: list[str]) -> Problem:
    return Problem(
        'registry-storage',
        f'{storage} is the storage of {", ".join(others)} too',
        where='--purge-images',
        hint=f'sudo registry-host registry uninstall {quoted(name)}',
    )


def _next(host: Host, instance: Instance) -> Iterator[str]:
    """Say where it is, and what makes clients use it, and what else is installed here.

    A push instance comes first, so that what was pushed is found under its short name.
    """
    what = (
        f'a cache of {instance.upstream}' if instance.kind == CACHE else 'for pushing'
    )
    yield f'{instance.title} runs at {instance.address}, {what}'
    if instance.is_local:
        yield 'only this host can reach it; --listen ADDR:PORT makes it serve others'
    elif instance.is_hub_mirror:
        others = (as_instance(host, i) for i in registries_of(host))
        beside = [i for i in others if i is not None and i.name != instance.name]
        mirrors = [i for i in beside if i.is_hub_mirror and not i.is_local]
        mirrors = sorted([*mirrors, instance], key=lambda i: (i.kind != PUSH, i.name))
        flags = ' '.join(f'--mirror {_seen_by_clients(each)}' for each in mirrors)
        # Which of its names clients know, is not known here.
        is_named = any(each.is_open for each in mirrors)
        by = ', by a NAME of this host' if is_named else ''
        yield f'on each client{by}: sudo registry-host configure {flags}'


def _seen_by_clients(instance: Instance) -> str:
    address = instance.address
    return address.replace('127.0.0.1', 'NAME') if instance.is_open else address
