"""The command line of images: those that are copied between registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from registry_host.ending import finish
from registry_host.options import check_option, format_option

if TYPE_CHECKING:
    from registry_host.host.host import Host


def _not_empty(
    context: click.Context, option: click.Parameter, value: str | None
) -> str | None:
    if value == '':
        raise click.BadParameter('it is empty (an unset variable?)')
    return value


@click.group()
def image() -> None:
    """Bring images of other hubs into a registry."""


@image.command()
@click.argument('sources', nargs=-1, metavar='[SRC]...')
@click.option(
    '--to',
    'destination',
    metavar='REGISTRY[/PREFIX]',
    required=True,
    help='The registry to copy to, HOST[:PORT], and an optional prefix for each name.',
)
@click.option(
    '--from-file',
    'list_file',
    metavar='LIST',
    callback=_not_empty,
    help='Read the names of images from a file, one per line; # starts a comment, - is '
    'standard input.',
)
@click.option(
    '--keep-host',
    'keeps_host',
    is_flag=True,
    help='Put the host of the source in front of the name, with a dash before the '
    'port: hub.example-5001/team/app.',
)
@click.option(
    '--platform',
    metavar='OS/ARCH[/VARIANT]',
    callback=_not_empty,
    help='Copy only this platform, under another digest; by default, all are copied.',
)
@click.option(
    '--jobs',
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help='How many images to copy at the same time.',
)
@click.option(
    '--verify',
    'is_verifying',
    is_flag=True,
    help='Ask for each manifest of an image that is there already, and copy it again '
    'if one is missing.',
)
@click.option(
    '-q',
    '--quiet',
    'is_quiet',
    is_flag=True,
    help='Print nothing if nothing is copied.',
)
@check_option
@format_option
@click.pass_obj
def copy(
    host: Host,
    /,
    sources: tuple[str, ...],
    destination: str,
    list_file: str | None,
    keeps_host: bool,
    platform: str | None,
    jobs: int,
    is_verifying: bool,
    is_quiet: bool,
    is_check: bool,
    output_format: str,
) -> NoReturn:
    """Copy images from other hubs into a registry, with all platforms and the digest.

    The name at the destination is the path and the tag of the source:
    docker.elastic.co/kibana/kibana:8.15.0 becomes kibana/kibana:8.15.0, and nginx
    becomes library/nginx:latest, which clients that have the registry as a mirror pull
    by the short name. Images that are there already are not copied again. Logins are
    those of docker login; proxies, insecure registries and certificates those of the
    engine.
    """
    from registry_host.commands.copy_names import Wish
    from registry_host.commands.image_copy import copy_images
    from registry_host.reporting.copyview import view_for

    view = view_for(output_format, is_quiet=is_quiet)
    wish = Wish(
        sources,
        destination,
        list_file,
        keeps_host,
        platform or '',
        jobs,
        is_check,
        is_verifying,
    )
    try:
        report = copy_images(host, wish, view)
    finally:
        view.close()
    if is_quiet and not report.is_changed and not report.errors:
        report = report._replace(note='', findings=())
    finish(report, output_format)
