"""The command registry render: a registry's files, shown or written into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.commands.carried import report_of
from registry_host.errors import Finding, Problem, SettingsError
from registry_host.registry.instances import (
    CACHE,
    CONFIGS,
    PORTS,
    STORAGE,
    Instance,
    require_sound,
)
from registry_host.reporting.report import Report
from registry_host.targets.registering import (
    plan_files,
    rendered,
    require_kind,
    texts_of,
)
from registry_host.transaction.carryout import Manner, Request, carry_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.targets.planning import Planned

PASSWORD = 'REGISTRY_HOST_UPSTREAM_PASSWORD'  # noqa: S105 - the name of a variable
# As systemd finds it in its search path.
PROGRAM = 'registry-host'
_MASKED = Finding(
    check='password-masked',
    severity='info',
    message='the password of the upstream is masked here; --write DIR writes it, and '
    'only root can read that file',
)
HUB_URL = 'https://registry-1.docker.io'


def instance_of(
    host: Host, kind: Any, options: Mapping[str, Any], *, has_unit: bool = True
) -> Instance:
    """Make an instance of the flags; SettingsError holds all that is wrong."""
    name = options['name'] or kind
    instance = Instance(
        kind=kind,
        name=name,
        storage=options['storage'] or f'{STORAGE}/{name}',
        listen=options['listen'] or f'127.0.0.1:{PORTS[kind]}',
        major=int(options['distribution']),
        upstream=options['upstream'] or (HUB_URL if kind == CACHE else ''),
        username=options['username'] or '',
        password=_password(host, options['password_file']) if kind == CACHE else '',
        ttl=options['ttl'] or '',
        certificate=options['certificate'] or '',
        key=options['key'] or '',
        htpasswd=options['htpasswd'] or '',
        is_shared=options['is_shared'],
    )
    empty = [flag for flag, value in _given(options) if value == '']
    if empty:
        raise SettingsError(*map(_empty, empty))
    require_sound(instance, has_unit=has_unit)
    return instance._replace(
        upstream=instance.upstream.removesuffix('/'),
        storage=instance.storage.rstrip('/'),
    )


def _given(options: Mapping[str, Any]) -> list[tuple[str, Any]]:
    names = ('name', 'storage', 'listen', 'upstream', 'username', 'ttl', 'htpasswd')
    return [
        *((f'--{name}', options[name]) for name in names),
        ('--tls-certificate', options['certificate']),
        ('--tls-key', options['key']),
        ('--password-file', options['password_file']),
    ]


def _empty(flag: str) -> Problem:
    """An unset variable of a shell must not choose a default."""
    return Problem('registry-option', 'is empty', where=flag)


def _password(host: Host, path: str | None) -> str:
    """Read the password of the upstream, one line, from a file or the environment."""
    if not path:
        return host.environ.get(PASSWORD, '')
    content = host.read_argument(path).content
    if content is None:
        raise SettingsError(
            Problem('registry-option', f'there is no file {path}', '--password-file')
        )
    try:
        text = content.decode().rstrip('\r\n')
    except UnicodeDecodeError:
        text = ''
    if not text or '\n' in text:
        raise SettingsError(
            Problem(
                'registry-option',
                f'{path} must hold one line of UTF-8, the password',
                where='--password-file',
            )
        )
    return text


class Render(Request):
    """Write the files of a registry into a folder."""

    command = 'registry render'

    def __init__(self, instance: Instance, form: str, folder: str) -> None:
        self._instance = instance
        self._form = form
        self._folder = folder

    def plan(self, host: Host) -> Planned:
        wishes = rendered(self._instance, self._form, self._folder, PROGRAM)
        require_kind(host, self._instance, wishes)
        return plan_files(host, wishes)


def render(
    host: Host,
    manner: Manner,
    kind: str,
    *,
    form: str,
    folder: str | None,
    options: Mapping[str, Any],
) -> Report:
    """Show the files of a registry, or write them into a folder."""
    instance = instance_of(host, kind, options, has_unit=form == 'units')
    if folder == '':
        raise SettingsError(_empty('--write'))
    if folder is None:
        texts = texts_of(rendered(instance, form, CONFIGS, PROGRAM))
        masked = (_MASKED,) if instance.password else ()
        return Report(command=Render.command, texts=texts, findings=masked)
    if not folder.startswith('/'):
        import os

        folder = os.path.abspath(folder)
    request = Render(instance, form, folder.rstrip('/'))
    return report_of(request, manner, carry_out(host, request, manner))
