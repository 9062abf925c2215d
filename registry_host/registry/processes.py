"""Registries that run on this host, and those whose program is gone since."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from registry_host.engine.environment import of_process
from registry_host.errors import Finding, quoted
from registry_host.registry.registryplace import Runner
from registry_host.registry.serving import PROGRAMS, served_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host

_UNIT = re.compile(r'/([\w@:.\\-]+)\.service\s*$', re.MULTILINE)


def running(host: Host) -> Iterator[Runner]:
    """Yield the processes that serve a config; none of a host that does not run."""
    if not host.is_live:
        return
    for process in host.processes(*PROGRAMS):
        path = served_by(list(process.argv))
        if path is None:
            continue
        user = host.find_user(uid=process.uid)
        unit = _UNIT.search(host.proc_text(process.pid, 'cgroup'))
        yield Runner(
            name=unit[1] if unit else f'process {process.pid}',
            file=f'environment of process {process.pid}',
            user=user.name if user else '',
            environment=of_process(host, process.pid),
            is_unit=unit is not None,
            pid=process.pid,
            config_path=_in_full(host, process.pid, path),
        )


def _in_full(host: Host, pid: int, path: str) -> str:
    """Name a config from the root; '' if that may not be seen."""
    folder = host.folder_of(pid)
    is_known = path.startswith('/') or (folder and path)
    return posixpath.normpath(posixpath.join(folder, path)) if is_known else ''


def upgraded_findings(host: Host, runners: list[Runner]) -> Iterator[Finding]:
    """Tell a process whose program was replaced: an upgrade starts no unit anew."""
    for runner in runners:
        if runner.pid is None:
            continue
        program = host.executable_of(runner.pid)
        if not program.endswith(' (deleted)'):
            continue
        path = program.removesuffix(' (deleted)')
        what = f'{runner.config_path or "a registry"}: process {runner.pid}'
        how = (f'sudo systemctl restart {quoted(runner.name)}',) * runner.is_unit
        yield Finding(
            'binary-upgraded',
            'warning',
            f'{what} runs a {path} that was upgraded or removed since',
            runner.config_path or None,
            how or (f'ls -l /proc/{runner.pid}/exe',),
        )
