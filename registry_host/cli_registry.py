"""The command line of registries: those of a server, which other hosts use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from registry_host.ending import ARGUMENTS, finish
from registry_host.options import (
    check_option,
    diff_option,
    format_option,
    lock_option,
)

if TYPE_CHECKING:
    from registry_host.host.host import Host

Command = TypeVar('Command', bound=Callable[..., Any])


@click.group()
def registry() -> None:
    """Set up and check the registries themselves: a cache, a push instance."""


def instance_options(command: Command) -> Command:
    """What a registry is to be; see `registry_host.registry.instances`."""
    options = (
        *_identity_options(),
        click.option(
            '--storage',
            metavar='DIR',
            help='Where the images are kept; default: /srv/registry/NAME.',
        ),
        click.option(
            '--shared-storage',
            'is_shared',
            is_flag=True,
            help='Another registry uses that storage too; nothing there is deleted.',
        ),
        click.option(
            '--listen',
            metavar='ADDR:PORT',
            help='The address to serve; all addresses if ADDR is empty. Default: '
            '127.0.0.1:5000 (cache) or 127.0.0.1:5002 (push).',
        ),
        click.option(
            '--distribution',
            type=click.Choice(['2', '3']),
            default='2',
            show_default=True,
            help="The registry's major version; Debian ships 2.",
        ),
        click.option(
            '--ttl',
            metavar='TIME',
            help='How long a cache keeps an image, as in 168h; needs distribution 3.',
        ),
        click.option(
            '--tls-certificate', 'certificate', metavar='FILE', help='Serve HTTPS.'
        ),
        click.option(
            '--tls-key', 'key', metavar='FILE', help='The key of the certificate.'
        ),
        click.option(
            '--htpasswd',
            metavar='FILE',
            help='Users and bcrypt passwords; only they may pull or push.',
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _identity_options() -> tuple[Callable[[Command], Command], ...]:
    """Which registry it is, and what it is a cache of."""
    return (
        click.argument('kind', type=click.Choice(['cache', 'push'])),
        click.option(
            '--name',
            metavar='NAME',
            help='The name of the registry and of its unit; default: KIND.',
        ),
        click.option(
            '--upstream',
            metavar='URL',
            help='The hub that a cache fetches from; default: Docker Hub.',
        ),
        click.option(
            '--username', metavar='USER', help='The user to log in as at the upstream.'
        ),
        click.option(
            '--password-file',
            metavar='FILE',
            help='A file with the password of that user; default: the variable '
            'REGISTRY_HOST_UPSTREAM_PASSWORD.',
        ),
    )


def file_options(command: Command) -> Command:
    """How files are changed."""
    for option in (format_option, lock_option, diff_option, check_option):
        command = option(command)
    return command


_MANNER = ('is_check', 'has_diff', 'lock_timeout_s')


@registry.command()
@instance_options
@click.option(
    '--as',
    'form',
    type=click.Choice(['config', 'units', 'compose']),
    default='config',
    show_default=True,
    help='What to render: only the config, or what runs the registry as well.',
)
@click.option(
    '--write',
    'folder',
    metavar='DIR',
    help='Write the files into DIR, or edit those that are there; default: show them.',
)
@file_options
@click.pass_context
def render(
    context: click.Context,
    /,
    kind: str,
    form: str,
    folder: str | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Render the files of a registry: a cache of an upstream hub, or a push instance.

    Passwords are masked where the files are shown, and written where they are written.
    """
    from registry_host.commands.registry_render import render as run
    from registry_host.transaction.carryout import Manner

    how = {name: options.pop(name) for name in _MANNER}
    manner = Manner(context.meta[ARGUMENTS], **how)
    report = run(context.obj, manner, kind, form=form, folder=folder, options=options)
    finish(report, output_format)


@registry.command()
@instance_options
@click.option('--http-proxy', metavar='URL', help='HTTP_PROXY of the registry.')
@click.option('--https-proxy', metavar='URL', help='HTTPS_PROXY of the registry.')
@click.option('--no-proxy', metavar='LIST', help='NO_PROXY of the registry.')
@file_options
@click.pass_context
def install(
    context: click.Context,
    /,
    kind: str,
    http_proxy: str | None,
    https_proxy: str | None,
    no_proxy: str | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Run a registry on this host: its package, its config and a hardened unit."""
    from registry_host.commands.registry_install import install as run
    from registry_host.transaction.carryout import Manner

    how = {name: options.pop(name) for name in _MANNER}
    proxies = {
        'HTTP_PROXY': http_proxy,
        'HTTPS_PROXY': https_proxy,
        'NO_PROXY': no_proxy,
    }
    report = run(
        context.obj,
        Manner(context.meta[ARGUMENTS], **how),
        kind,
        environment={n: value for n, value in proxies.items() if value is not None},
        options=options,
    )
    finish(report, output_format)


@registry.command()
@click.argument('name')
@click.option(
    '--purge-images', 'is_purging', is_flag=True, help='Remove its images as well.'
)
@file_options
@click.pass_context
def uninstall(
    context: click.Context,
    /,
    name: str,
    is_purging: bool,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Stop a registry and remove it from this host; its images stay."""
    from registry_host.commands.registry_install import uninstall as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(context.meta[ARGUMENTS], **options)
    report = run(context.obj, manner, name, is_purging=is_purging)
    finish(report, output_format)


@registry.command()
@click.argument('name')
@lock_option
@format_option
@click.pass_obj
def gc(host: Host, /, name: str, lock_timeout_s: float, output_format: str) -> NoReturn:
    """Remove what no image of a push instance refers to any more.

    Pushes are refused meanwhile; pulls work except during two restarts.
    """
    from registry_host.commands.registry_gc import collect_garbage

    report = collect_garbage(host, name, lock_timeout_s=lock_timeout_s)
    finish(report, output_format)


@registry.command()
@click.argument('places', nargs=-1, metavar='[FILE|URL]...')
@click.option(
    '--distribution',
    'major',
    type=click.Choice(['2', '3']),
    help='The major version of the registry that reads the files; default: that of the '
    'image in a compose file, or of the installed package.',
)
@click.option(
    '--roles',
    'is_asking_roles',
    is_flag=True,
    help='Tell whether a URL is a cache or takes pushes, by one manifest that every '
    'registry refuses; nothing is stored.',
)
@click.option(
    '--login',
    'is_logging_in',
    is_flag=True,
    help='Send a URL the login that `docker login` stored for it, in your config.json '
    'or by its credential helper; by default, no login is sent.',
)
@format_option
@click.pass_obj
def check(
    host: Host,
    /,
    places: tuple[str, ...],
    major: str | None,
    is_asking_roles: bool,
    is_logging_in: bool,
    output_format: str,
) -> NoReturn:
    """Find what is wrong with a registry, before its clients do.

    A FILE is a config.yml or a compose file; a URL is asked. Without either, all
    registries of this host are checked: those of units and processes, of
    /etc/docker/registry and /etc/registry-host, and timers that collect garbage.
    """
    from registry_host.commands.registry_check import check as run

    version = int(major) if major else None
    report = run(
        host,
        places,
        is_asking_roles=is_asking_roles,
        is_logging_in=is_logging_in,
        major=version,
    )
    finish(report, output_format)
