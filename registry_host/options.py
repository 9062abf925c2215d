"""The options that several commands share, and what they make of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from registry_host.levels import ALWAYS, IF_SAFE, LOCK_TIMEOUT_S, NEVER

SELECTORS = ('mirrors', 'insecure-registries', 'proxies', 'dns', 'users')
Command = TypeVar('Command', bound=Callable[..., Any])


_probe_image_option = click.option(
    '--probe-image',
    'probe_image',
    metavar='IMAGE',
    help='The image of Docker Hub to ask mirrors and the engine for, as proof that '
    "pulls work; '' asks for none.",
)


def settings_options(command: Command) -> Command:
    """The flags that say what is asked; dockerd's own names where it has them."""
    options = (
        click.option(
            '-f',
            '--settings',
            'settings_file',
            metavar='FILE',
            help='Read settings from a TOML or JSON file; - is JSON on standard input.',
        ),
        click.option(
            '--registry-mirror',
            '--mirror',
            'registry_mirrors',
            metavar='URL',
            multiple=True,
            help='A pull-through cache of Docker Hub to add. May be repeated.',
        ),
        click.option(
            '--insecure-registry',
            'insecure_registries',
            metavar='HOST[:PORT]|CIDR',
            multiple=True,
            help='A registry without (valid) TLS to add. May be repeated.',
        ),
        click.option(
            '--http-proxy', metavar='URL', help='HTTP_PROXY; needs --proxy-for.'
        ),
        click.option(
            '--https-proxy', metavar='URL', help='HTTPS_PROXY; needs --proxy-for.'
        ),
        click.option(
            '--no-proxy',
            'no_proxy',
            metavar='LIST',
            multiple=True,
            help='Comma-separated entries to add to NO_PROXY; needs --proxy-for.',
        ),
        proxy_for_option(
            'Who uses the proxies: the engine for pulls (a restart), or every '
            'container and build of the user.'
        ),
        *_name_options(),
        _probe_image_option,
        click.option(
            '--user',
            'users',
            metavar='NAME',
            multiple=True,
            help='Whose ~/.docker/config.json; default: the user behind sudo.',
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def proxy_for_option(text: str) -> Callable[[Command], Command]:
    choice = click.Choice(['engine', 'client', 'both'])
    return click.option('--proxy-for', type=choice, help=text)


def _name_options() -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            '--nameserver',
            'nameservers',
            metavar='IP',
            multiple=True,
            help='A nameserver to ask first. May be repeated.',
        ),
        click.option(
            '--dns-search',
            'search',
            metavar='DOMAIN',
            multiple=True,
            help='A domain to look up short names in. May be repeated.',
        ),
        click.option(
            '--dns-exclusive/--no-dns-exclusive',
            'is_exclusive',
            default=None,
            help='Ask only the nameservers of --nameserver, or ask others too.',
        ),
        click.option(
            '--engine-dns',
            'engine_dns',
            metavar='IP',
            multiple=True,
            help='A nameserver of containers (a restart of the engine); pulls ask '
            'those of the host. May be repeated.',
        ),
    )


check_option = click.option(
    '--check',
    'is_check',
    is_flag=True,
    help='Show what would change; exit 3 if anything.',
)
diff_option = click.option(
    '--diff', 'has_diff', is_flag=True, help='Show the change to each file as a diff.'
)


def change_options(command: Command) -> Command:
    """The flags of the commands that change configs: how, not what."""
    options = (
        check_option,
        diff_option,
        click.option(
            '--restart',
            type=click.Choice([NEVER, IF_SAFE, ALWAYS]),
            default=IF_SAFE,
            show_default=True,
            help='Whether to restart the engine where a reload is not enough; if-safe: '
            'if no container runs, or live-restore is on.',
        ),
        lock_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


class Seconds(click.FloatRange):
    """A time that ends: click takes inf and nan for numbers in any range."""

    name = 'seconds'

    def convert(self, value: Any, *context: Any) -> float:
        seconds = float(super().convert(value, *context))
        if seconds - seconds != 0:
            self.fail(f'{value!r} is not a number of seconds.', *context)
        return seconds


no_probe_option = click.option(
    '--no-probe',
    is_flag=True,
    help='Do not ask mirrors and nameservers first, nor the engine for a pull after.',
)
lock_option = click.option(
    '--lock-timeout',
    'lock_timeout_s',
    type=Seconds(min=0),
    metavar='S',
    default=LOCK_TIMEOUT_S,
    show_default=True,
    help='How long to wait for another run to end.',
)
confirm_within_option = click.option(
    '--confirm-within',
    type=Seconds(min=1),
    metavar='S',
    help='Undo the change after this many seconds, unless it is confirmed.',
)
format_option = click.option(
    '--format',
    'output_format',
    type=click.Choice(['text', 'json']),
    default='text',
    help='Text for people, or one JSON object for programs.',
)


def flags_of(options: dict[str, Any]) -> dict[str, Any]:
    """Map options to settings; None is not given."""
    no_proxy = options['no_proxy']
    return {
        'registry-mirrors': list(options['registry_mirrors']) or None,
        'probe-image': options['probe_image'],
        'insecure-registries': list(options['insecure_registries']) or None,
        'http-proxy': options['http_proxy'],
        'https-proxy': options['https_proxy'],
        'no-proxy': ','.join(no_proxy) if no_proxy else None,
        'for': readers_of(options['proxy_for']),
        'nameservers': list(options['nameservers']) or None,
        'search': list(options['search']) or None,
        'exclusive': options['is_exclusive'],
        'engine': list(options['engine_dns']) or None,
        'users': list(options['users']) or None,
    }


def readers_of(proxy_for: str | None) -> list[str] | None:
    if proxy_for is None:
        return None
    return ['engine', 'client'] if proxy_for == 'both' else [proxy_for]
