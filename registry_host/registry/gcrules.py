"""Garbage collection in cron files and units, which can destroy images.

Run on docker-registry 2.8.2: -m deletes the platforms of every multi-platform image
(distribution#3178), and stops with exit code 1 at the first repository without a tag.
Beside an instance that keeps descriptors in memory, plain garbage collection loses
images that are pushed again.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from registry_host.engine.environment import unit_files, unit_names
from registry_host.errors import ConfigError, Finding, quoted
from registry_host.namedtuples import NamedTuple
from registry_host.registry.registryplace import editor_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.host.host import Host
    from registry_host.registry.registryplace import Instance

_CRON_FILES = ('/etc/crontab',)
_CRON_FOLDERS = (
    '/etc/cron.d',
    '/etc/cron.hourly',
    '/etc/cron.daily',
    '/etc/cron.weekly',
    '/etc/cron.monthly',
    '/var/spool/cron/crontabs',
    '/var/spool/cron',
)
_COLLECT = 'garbage-collect'
_UNTAGGED = re.compile(r'(?<=\s)(?:-m|--delete-untagged(?:=true)?)(?=\s|$)')
_DRY = re.compile(r'(?<=\s)(?:-d|--dry-run(?:=true)?)(?=\s|$)')
_RESTARTS = re.compile(r'\b(?:re)?start\b|\bkill\b')
_SCRIPT = re.compile(r'(?<![\w/])/[\w./+-]+')


class _Job(NamedTuple):
    """A file that collects garbage, and the line that does."""

    path: str
    number: int
    line: str
    text: str


def gc_findings(host: Host, instances: Sequence[Instance]) -> Iterator[Finding]:
    majors = {each.config.major for each in instances} or {2}
    for job in dict.fromkeys(_jobs(host)):
        if _DRY.search(job.line):
            continue
        if 2 in majors and _UNTAGGED.search(job.line):
            yield _untagged(job)
        yield from _beside_memory(job, instances)


def _untagged(job: _Job) -> Finding:
    return _finding(
        job,
        'gc-delete-untagged',
        'with -m, distribution 2.x deletes the platforms of every multi-platform '
        'image, which cannot be pulled then',
        f"sudo sed -E -i '{job.number}s/ (-m|--delete-untagged(=true)?)( |$)/\\3/' "
        f'{quoted(job.path)}',
    )


def _beside_memory(job: _Job, instances: Sequence[Instance]) -> Iterator[Finding]:
    """One that goes on meanwhile, with a cache of descriptors in its memory."""
    if _RESTARTS.search(job.text):
        return
    words = _words(job.line)
    served = [
        each
        for each in instances
        if each.path in words or each.runner.config_path in words
    ]
    for instance in served:
        cache = instance.config.reading.get('storage', 'cache') or {}
        kinds = (cache.get('blobdescriptor'), cache.get('layerinfo'))
        if 'inmemory' in kinds and instance.config.role != 'cache':
            name = instance.runner.name or 'docker-registry'
            yield _finding(
                job,
                'gc-without-restart',
                f'{instance.path} keeps descriptors in memory: after it, an image '
                'that is pushed again is taken for one that is there, and cannot be '
                f'pulled; let it be followed by `systemctl restart {quoted(name)}`',
                *editor_at(f'{job.path}:{job.number}'),
                severity='warning',
            )


def _finding(
    job: _Job, check: str, message: str, remedy: str, *, severity: str = 'error'
) -> Finding:
    where = f'{job.path}:{job.number}'
    told = f'{where}: {message}'
    grave = severity == 'error'
    return Finding(check, 'error' if grave else 'warning', told, where, (remedy,))


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return line.split()


def _jobs(host: Host) -> Iterator[_Job]:
    paths = [*_CRON_FILES]
    paths += (f'{folder}/{n}' for folder in _CRON_FOLDERS for n in host.names(folder))
    for path in paths:
        yield from _jobs_in(host, path)
    for unit in unit_names(host):
        for path in unit_files(host, unit):
            yield from _jobs_in(host, path, is_unit=True)


def _jobs_in(host: Host, path: str, *, is_unit: bool = False) -> Iterator[_Job]:
    """Yield the lines of a file that collect, and those of scripts that it starts."""
    text = _text(host, path)
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(('#', ';')):
            continue
        if _COLLECT in line:
            yield _Job(path, number, line, text.replace(line, ''))
        elif not is_unit or line.startswith('Exec'):
            for script in _SCRIPT.findall(line):
                yield from _jobs_of_script(host, script)


def _jobs_of_script(host: Host, path: str) -> Iterator[_Job]:
    look = host.look(path)
    if look is None or look.is_folder or not look.mode & 0o111:
        return
    text = _text(host, path, is_script=True)
    for number, line in enumerate(text.splitlines(), 1):
        if _COLLECT in line and not line.lstrip().startswith('#'):
            yield _Job(path, number, line, text.replace(line, ''))


def _text(host: Host, path: str, *, is_script: bool = False) -> str:
    """Read a text; '' for what cannot be read, and for a program that is no script."""
    look = host.look(path)
    if look is None or look.is_folder:
        return ''
    try:
        content = host.read(path).content or b''
    except ConfigError:
        return ''
    if is_script and not content.startswith(b'#!'):
        return ''
    return content.decode('utf-8', 'replace')
