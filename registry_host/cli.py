"""The command line: each command parses, calls, renders, and sets the exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn, TypeVar

import click

from registry_host import __version__
from registry_host.errors import (
    Exit,
    Problem,
    RegistryHostError,
    SettingsError,
    place_of,
    quoted,
)
from registry_host.host.host import Host
from registry_host.levels import ALWAYS, IF_SAFE, NEVER
from registry_host.progress import HostState, Progress
from registry_host.redact import conceal, learn, learn_arguments
from registry_host.reporting.output import Paint, printable, printable_json, write
from registry_host.reporting.report import Report

ARGUMENTS = 'registry_host.arguments'
SELECTORS = ('mirrors', 'insecure-registries', 'proxies', 'dns', 'users')


class Start(NamedTuple):
    """What the command line starts with: its words, and what becomes of the host."""

    arguments: tuple[str, ...]
    progress: Progress


Command = TypeVar('Command', bound=Callable[..., Any])


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
            help='Ask no nameservers but those of --nameserver, or ask others too.',
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


def change_options(command: Command) -> Command:
    """The flags of the commands that change configs: how, not what."""
    options = (
        click.option(
            '--check', 'is_check', is_flag=True, help='Forecast; exit 3 if pending.'
        ),
        click.option(
            '--diff', 'has_diff', is_flag=True, help='Show each file as a diff.'
        ),
        click.option(
            '--restart',
            type=click.Choice([NEVER, IF_SAFE, ALWAYS]),
            default=IF_SAFE,
            show_default=True,
            help='Restart the engine where a reload is not enough: if-safe is with no '
            'running container, or with live-restore.',
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


lock_option = click.option(
    '--lock-timeout',
    'lock_timeout_s',
    type=Seconds(min=0),
    metavar='S',
    default=10.0,
    show_default=True,
    help='Wait so long for another run to end.',
)

confirm_within_option = click.option(
    '--confirm-within',
    type=Seconds(min=1),
    metavar='S',
    help='Take it back after so many seconds, unless `confirm` comes in time.',
)

format_option = click.option(
    '--format',
    'output_format',
    type=click.Choice(['text', 'json']),
    default='text',
    help='Text for people, or one JSON object for programs.',
)


@click.group(context_settings={'help_option_names': ['-h', '--help']})
@click.option(
    '--root',
    metavar='DIR',
    default='/',
    help='Work on the files of a host that does not run; contact nothing.',
)
@click.version_option(__version__, message='registry-host %(version)s')
@click.pass_context
def cli(context: click.Context, root: str) -> None:
    """Make this host use an on-premises Docker registry, safely, and prove it."""
    import os

    start: Start = context.obj
    context.meta[ARGUMENTS] = start.arguments
    if not os.path.isdir(root):
        raise SettingsError(_no_root(root))
    context.obj = Host(root)
    context.obj.progress = start.progress


def _no_root(root: str) -> Problem:
    return Problem(
        code='root-missing',
        where='--root',
        message=f'there is no folder {root!r}' if root else 'the folder is empty',
        hint=f'ls -ld {quoted(root)}' if root else '--root /path/to/the/root',
    )


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    """Map options to settings; None is not given."""
    no_proxy = options['no_proxy']
    return {
        'registry-mirrors': list(options['registry_mirrors']) or None,
        'insecure-registries': list(options['insecure_registries']) or None,
        'http-proxy': options['http_proxy'],
        'https-proxy': options['https_proxy'],
        'no-proxy': ','.join(no_proxy) if no_proxy else None,
        'for': _readers(options['proxy_for']),
        'nameservers': list(options['nameservers']) or None,
        'search': list(options['search']) or None,
        'exclusive': options['is_exclusive'],
        'engine': list(options['engine_dns']) or None,
        'users': list(options['users']) or None,
    }


def _readers(proxy_for: str | None) -> list[str] | None:
    if proxy_for is None:
        return None
    return ['engine', 'client'] if proxy_for == 'both' else [proxy_for]


@cli.command()
@settings_options
@click.option(
    '--replace',
    'is_replacing',
    is_flag=True,
    help='Make each list that is given the whole of what is managed, in this order.',
)
@click.option('--no-probe', is_flag=True, help='Write mirrors that do not answer too.')
@change_options
@confirm_within_option
@format_option
@click.pass_context
def configure(
    context: click.Context,
    /,
    is_replacing: bool,
    no_probe: bool,
    is_check: bool,
    has_diff: bool,
    restart: str,
    lock_timeout_s: float,
    confirm_within: float | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Make this host use registry mirrors, insecure registries, proxies, nameservers.

    Flags add to what earlier runs have put; only --replace takes anything away. A
    settings file is the whole declaration: what it does not name is withdrawn. Without
    options, /etc/registry-host/settings.toml is applied.
    """
    from registry_host.commands.configure import configure as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(
        arguments=context.meta[ARGUMENTS],
        is_check=is_check,
        has_diff=has_diff,
        restart=restart,
        lock_timeout_s=lock_timeout_s,
        confirm_within=confirm_within,
    )
    report = run(
        context.obj,
        manner,
        settings_file=options['settings_file'],
        flags=_flags(options),
        is_replacing=is_replacing,
        is_probing=not no_probe,
    )
    finish(report, output_format)


@cli.command()
@click.argument('area', type=click.Choice(SELECTORS), required=False)
@click.argument('values', nargs=-1, metavar='[VALUE]...')
@proxy_for_option('Withdraw the proxies of the engine, or of users, alone.')
@change_options
@confirm_within_option
@format_option
@click.pass_context
def unconfigure(
    context: click.Context,
    /,
    area: str | None,
    values: tuple[str, ...],
    proxy_for: str | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Withdraw what configure has added: everything, one AREA, or single VALUEs.

    \b
    mirrors              URL...
    insecure-registries  HOST[:PORT]|CIDR...
    proxies              http-proxy|https-proxy|no-proxy, a URL, an entry of no-proxy
    dns                  nameservers|search|exclusive|engine-dns, an IP, a domain
    users                NAME...  the proxies in the config.json of these users
    """
    from registry_host.commands.unconfigure import unconfigure as run
    from registry_host.plan.selectors import Selection
    from registry_host.transaction.carryout import Manner

    manner = Manner(arguments=context.meta[ARGUMENTS], **options)
    selection = Selection(area, values, _readers(proxy_for))
    finish(run(context.obj, manner, selection), output_format)


@cli.command()
@click.argument('checkpoint', type=click.IntRange(min=1), required=False)
@change_options
@format_option
@click.pass_context
def undo(
    context: click.Context,
    /,
    checkpoint: int | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Take back one run: the newest that stands, or CHECKPOINT of the history."""
    from registry_host.commands.undo import undo as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(arguments=context.meta[ARGUMENTS], **options)
    finish(run(context.obj, manner, checkpoint), output_format)


@cli.command()
@format_option
@click.pass_obj
def history(host: Host, /, output_format: str) -> NoReturn:
    """List the runs that changed this host, and what came of them."""
    from registry_host.commands.history import history as run

    finish(run(host), output_format)


@cli.command()
@lock_option
@format_option
@click.pass_obj
def confirm(host: Host, /, lock_timeout_s: float, output_format: str) -> NoReturn:
    """Let a change stay that was made with --confirm-within."""
    from registry_host.commands.confirm import confirm_pending as run

    finish(run(host, lock_timeout_s=lock_timeout_s), output_format)


@cli.command(hidden=True)
@click.argument('token')
@click.option(
    '--after', 'after_s', type=float, metavar='S', default=0.0, help='Wait first.'
)
@format_option
@click.pass_obj
def revert(host: Host, /, token: str, after_s: float, output_format: str) -> NoReturn:
    """Take back the change on approval; for the timer that TOKEN was given to."""
    from registry_host.commands.confirm import revert as run

    finish(run(host, token, after_s=after_s), output_format)


@cli.command()
@settings_options
@click.option(
    '--daemon-json',
    'daemon_jsons',
    metavar='FILE',
    multiple=True,
    help='Check a daemon.json too, for any engine.',
)
@format_option
@click.pass_obj
def validate(
    host: Host,
    /,
    daemon_jsons: tuple[str, ...],
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Check settings and files offline; write nothing."""
    from registry_host.commands.validate import validate as run

    report = run(
        host,
        settings_file=options['settings_file'],
        flags=_flags(options),
        daemon_jsons=daemon_jsons,
    )
    finish(report, output_format)


@cli.command()
@lock_option
@format_option
@click.pass_context
def reload(
    context: click.Context, /, lock_timeout_s: float, output_format: str
) -> NoReturn:
    """Make the engine re-read daemon.json, and prove that it did."""
    from registry_host.commands.reload import reload as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(context.meta[ARGUMENTS], lock_timeout_s=lock_timeout_s)
    report = run(context.obj, manner)
    finish(report, output_format)


@cli.command()
@click.option('--only', metavar='CHECK', multiple=True, help='Run this check alone.')
@click.option('--skip', metavar='CHECK', multiple=True, help='Leave this check out.')
@click.option('--list', 'is_list', is_flag=True, help='List the checks and end.')
@click.option('--strict', 'is_strict', is_flag=True, help='Warnings exit 1 too.')
@format_option
@click.pass_obj
def doctor(
    host: Host,
    /,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    is_list: bool,
    is_strict: bool,
    output_format: str,
) -> NoReturn:
    """Tell what is wrong with this host, and which command mends it."""
    from registry_host.commands.doctor import doctor as run
    from registry_host.commands.doctor import list_checks

    if is_list:
        finish(list_checks(), output_format)
    finish(run(host, only=only, skip=skip, is_strict=is_strict), output_format)


def finish(report: Report, output_format: str) -> NoReturn:
    """Print a report, and leave with its exit code."""
    # All is done: who is ended from here on must not say that nothing was.
    _handle_signals(signal.SIG_DFL)
    context = click.get_current_context(silent=True)
    if context:
        report = report.below(context.obj.root, context.obj.has_place_for)
    try:
        _print(report, output_format)
    except BrokenPipeError:
        _discard_output()  # Nobody reads on, and nobody needs to: it is done.
    except OSError as err:
        _discard_output()
        message = f'error: the result cannot be printed ({err.strerror}); it stands'
        write(sys.stderr, message)
        sys.exit(report.exit_code or Exit.FAILED)
    sys.exit(report.exit_code)


def _print(report: Report, output_format: str) -> None:
    if output_format == 'json':
        from registry_host.reporting.jsonreport import to_json

        write(sys.stdout, printable_json(to_json(report)))
    else:
        from registry_host.reporting.text import error_lines, text_lines

        for line in text_lines(report, Paint(is_coloured=_is_coloured(sys.stdout))):
            write(sys.stdout, printable(line))
        sys.stdout.flush()
        paint = Paint(is_coloured=_is_coloured(sys.stderr))
        for line in error_lines(report.errors, paint):
            write(sys.stderr, printable(line))
    sys.stdout.flush()


def _discard_output() -> None:
    """Have Python's own flush at the end fail no more."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_coloured(stream: Any) -> bool:
    import os

    return stream.isatty() and not os.environ.get('NO_COLOR')


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command; every way that it may end has its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    learn_arguments(arguments)
    _learn_environment()
    _open_standard_streams()
    # A service manager's SIGTERM, or the loss of the terminal, interrupts a run as ^C
    # does: what was begun is rolled back.
    _handle_signals(_interrupt)
    output_format = _format_of(arguments)
    start = Start(tuple(arguments), Progress())
    try:
        cli.main(arguments, 'registry-host', standalone_mode=False, obj=start)
        sys.exit(0)
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except click.ClickException as err:
        problem = _usage_problem(err)
        finish(_failed(arguments, Exit.BAD_INPUT, problem), output_format)
    except RegistryHostError as err:
        state = '' if err.is_told else str(start.progress)
        problems = (_with_state(problem, state) for problem in err.problems)
        report = _failed(arguments, err.exit_code, *problems)
        finish(report.after(start.progress), output_format)
    except (click.Abort, KeyboardInterrupt):
        report = _failed(arguments, Exit.INTERRUPTED, _interrupted(start.progress))
        finish(report.after(start.progress), output_format)
    except OSError as err:
        problem = Problem(
            code='system',
            where=str(err.filename or 'registry-host'),
            message=err.strerror or type(err).__name__,
            hint='registry-host doctor --only unfinished-run',
        )
        told = _with_state(problem, str(start.progress))
        report = _failed(arguments, Exit.FAILED, told)
        finish(report.after(start.progress), output_format)
    except Exception as err:  # noqa: BLE001 - the last resort: exit 70, no secrets
        report = _failed(arguments, Exit.BUG, _bug_problem(err))
        finish(report.after(start.progress), output_format)


def _learn_environment() -> None:
    import os

    for name, value in os.environ.items():
        if name.lower().endswith('_proxy') and '@' in value:
            learn(value)


def _open_standard_streams() -> None:
    """Open the null device in place of each standard stream that is closed (`>&-`).

    Otherwise the next file that is opened, be it the lock or a file of the host, would
    get the number of the stream, and what is printed would go there.
    """
    import os

    streams = ('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')
    for number, (name, mode) in enumerate(streams):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, closefd=False))


def _handle_signals(handler: Any) -> None:
    """Set what ends a run; a signal that is ignored stays so, as nohup(1) asks."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupted(progress: Progress) -> Problem:
    """Tell what a signal has left behind, where no run was there to say it itself."""
    hint = ''
    if progress.state is HostState.CHANGED:
        hint = f'to take it back: {progress.remedy}'
    elif progress.state is HostState.PARTLY_CHANGED:
        hint = f'to finish: {progress.remedy}'
    return Problem(code='interrupted', message=f'interrupted; {progress}', hint=hint)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _format_of(arguments: list[str]) -> str:
    is_json = _option_of(arguments, '--format') == 'json'
    return 'json' if is_json else 'text'


def _option_of(arguments: list[str], name: str) -> str | None:
    """Find an option before the arguments are parsed, for they may not parse."""
    joined = (word for word in arguments if word.startswith(f'{name}='))
    apart = (value for word, value in pairwise(arguments) if word == name)
    value = next(joined, '').partition('=')[2] or next(apart, None)
    return value or None


def _failed(arguments: list[str], exit_code: Exit, *problems: Problem) -> Report:
    command = next((word for word in arguments if word in cli.commands), '')
    report = Report(command=command, exit_code=exit_code, errors=problems)
    host = Host(_option_of(arguments, '--root') or '/')
    return report.below(host.root, host.has_place_for)


def _with_state(problem: Problem, state: str) -> Problem:
    """Say of each error how it leaves the host."""
    message = f'{problem.message}; {state}' if state else problem.message
    return problem._replace(message=message)


def _usage_problem(err: click.ClickException) -> Problem:
    context = getattr(err, 'ctx', None)
    command = context.command_path if context else 'registry-host'
    return Problem(
        code='usage',
        message=conceal(err.format_message().rstrip('.')),
        hint=f'{command} --help',
    )


def _bug_problem(err: Exception) -> Problem:
    python = '.'.join(map(str, sys.version_info[:3]))
    return Problem(
        code='bug',
        message=f'a bug in registry-host {__version__} (Python {python}): '
        f'{place_of(err)}',
        hint='registry-host --version; please report it with the command line, '
        'passwords taken out',
    )
