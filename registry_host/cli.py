"""The command line: each command parses, calls, renders, and sets the exit code.

In one module, for the commands are one table of flags that is read side by side.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

import click

from registry_host import __version__
from registry_host.cli_image import image
from registry_host.cli_registry import registry
from registry_host.ending import (
    ARGUMENTS,
    bug_problem,
    finish,
    handle_signals,
    interrupt,
    interrupted,
    open_standard_streams,
    usage_problem,
    with_state,
)
from registry_host.errors import (
    Exit,
    Problem,
    RegistryHostError,
    SettingsError,
    quoted,
)
from registry_host.host.host import Host
from registry_host.namedtuples import NamedTuple
from registry_host.options import (
    SELECTORS,
    change_options,
    confirm_within_option,
    flags_of,
    format_option,
    lock_option,
    no_probe_option,
    proxy_for_option,
    readers_of,
    settings_options,
)
from registry_host.progress import Progress
from registry_host.redact import learn, learn_arguments
from registry_host.reporting.report import Report

if TYPE_CHECKING:
    from registry_host.levels import RestartPolicy


class Start(NamedTuple):
    """What the command line starts with: its words, and what becomes of the host."""

    arguments: tuple[str, ...]
    progress: Progress


def _show_version(
    context: click.Context, parameter: click.Parameter, is_asked: bool
) -> None:
    if is_asked and not context.resilient_parsing:
        click.echo(f'registry-host {__version__}')
        context.exit()


@click.group(context_settings={'help_option_names': ['-h', '--help']})
@click.option(
    '--root',
    metavar='DIR',
    default='/',
    help='Work on the files of a host that is not running; contact nothing.',
)
# Not click's own, which has each start look for translations.
@click.option(
    '--version',
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help='Show the version and exit.',
)
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


cli.add_command(image)
cli.add_command(registry)


def _no_root(root: str) -> Problem:
    return Problem(
        code='root-missing',
        where='--root',
        message=f'there is no folder {root!r}' if root else 'the folder is empty',
        hint=f'ls -ld {quoted(root)}' if root else '',
    )


@cli.command()
@settings_options
@click.option(
    '--replace',
    'is_replacing',
    is_flag=True,
    help='Replace the managed entries of each list that is given, in this order.',
)
@no_probe_option
@click.option(
    '--probe-pull',
    'is_pulling',
    is_flag=True,
    help='Have the engine pull the image, and remove what it did not have before; by '
    'default, it only resolves the image.',
)
@change_options
@confirm_within_option
@format_option
@click.pass_context
def configure(
    context: click.Context,
    /,
    is_replacing: bool,
    no_probe: bool,
    is_pulling: bool,
    is_check: bool,
    has_diff: bool,
    restart: RestartPolicy,
    lock_timeout_s: float,
    confirm_within: float | None,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Make this host use registry mirrors, insecure registries, proxies, nameservers.

    Flags add to the entries of earlier runs; only --replace removes any. A
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
        flags=flags_of(options),
        is_replacing=is_replacing,
        is_probing=not no_probe,
        is_pulling=is_pulling,
    )
    finish(report, output_format)


@cli.command()
@click.argument('area', type=click.Choice(SELECTORS), required=False)
@click.argument('values', nargs=-1, metavar='[VALUE]...')
@proxy_for_option('Withdraw only the proxies of the engine, or only those of users.')
@no_probe_option
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
    no_probe: bool,
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
    selection = Selection(area, values, readers_of(proxy_for))
    report = run(context.obj, manner, selection, is_probing=not no_probe)
    finish(report, output_format)


@cli.command()
@click.argument('checkpoint', type=click.IntRange(min=1), required=False)
@no_probe_option
@change_options
@format_option
@click.pass_context
def undo(
    context: click.Context,
    /,
    checkpoint: int | None,
    no_probe: bool,
    output_format: str,
    **options: Any,
) -> NoReturn:
    """Undo one run: CHECKPOINT of the history, or the newest not yet undone."""
    from registry_host.commands.undo import undo as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(arguments=context.meta[ARGUMENTS], **options)
    report = run(context.obj, manner, checkpoint, is_probing=not no_probe)
    finish(report, output_format)


@cli.command()
@format_option
@click.pass_obj
def history(host: Host, /, output_format: str) -> NoReturn:
    """List the runs that changed this host, and how they ended."""
    from registry_host.commands.history import history as run

    finish(run(host), output_format)


@cli.command()
@format_option
@click.pass_obj
def status(host: Host, /, output_format: str) -> NoReturn:
    """Show what is managed on this host, by which run, and whether it is in use."""
    from registry_host.commands.status import status as run

    finish(run(host), output_format)


@cli.command()
@lock_option
@format_option
@click.pass_obj
def confirm(host: Host, /, lock_timeout_s: float, output_format: str) -> NoReturn:
    """Keep a change that was made with --confirm-within."""
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
    """Undo the change that waits for confirmation; for the timer with TOKEN."""
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
        flags=flags_of(options),
        daemon_jsons=daemon_jsons,
    )
    finish(report, output_format)


@cli.command()
@no_probe_option
@lock_option
@format_option
@click.pass_context
def reload(
    context: click.Context,
    /,
    no_probe: bool,
    lock_timeout_s: float,
    output_format: str,
) -> NoReturn:
    """Make the engine re-read daemon.json, and prove that it did."""
    from registry_host.commands.reload import reload as run
    from registry_host.transaction.carryout import Manner

    manner = Manner(context.meta[ARGUMENTS], lock_timeout_s=lock_timeout_s)
    report = run(context.obj, manner, is_probing=not no_probe)
    finish(report, output_format)


@cli.command()
@click.option('--only', metavar='CHECK', multiple=True, help='Run only this check.')
@click.option('--skip', metavar='CHECK', multiple=True, help='Skip this check.')
@click.option('--list', 'is_list', is_flag=True, help='List the checks and exit.')
@click.option(
    '--strict',
    'is_strict',
    is_flag=True,
    help='Exit 1 for warnings, and for what only root may check, too.',
)
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
    """Tell what is wrong with this host, and which command fixes it."""
    from registry_host.commands.doctor import doctor as run
    from registry_host.commands.doctor import list_checks

    if is_list:
        finish(list_checks(), output_format)
    finish(run(host, only=only, skip=skip, is_strict=is_strict), output_format)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command; every way that it may end has its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    learn_arguments(arguments)
    _learn_environment()
    open_standard_streams()
    # A service manager's SIGTERM, or the loss of the terminal, interrupts a run as ^C
    # does: what was begun is rolled back.
    handle_signals(interrupt)
    output_format = _format_of(arguments)
    start = Start(tuple(arguments), Progress())
    try:
        cli.main(arguments, 'registry-host', standalone_mode=False, obj=start)
        sys.exit(0)
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except click.ClickException as err:
        problem = usage_problem(err)
        finish(failed(arguments, Exit.BAD_INPUT, problem), output_format)
    except RegistryHostError as err:
        state = '' if err.is_told else str(start.progress)
        problems = (with_state(problem, state) for problem in err.problems)
        report = failed(arguments, err.exit_code, *problems)
        finish(report.after(start.progress), output_format)
    except (click.Abort, KeyboardInterrupt):
        report = failed(arguments, Exit.INTERRUPTED, interrupted(start.progress))
        finish(report.after(start.progress), output_format)
    except OSError as err:
        problem = Problem(
            code='system',
            where=str(err.filename or 'registry-host'),
            message=err.strerror or type(err).__name__,
            hint='sudo registry-host doctor --only unfinished-run',
        )
        told = with_state(problem, str(start.progress))
        report = failed(arguments, Exit.FAILED, told)
        finish(report.after(start.progress), output_format)
    except Exception as err:  # noqa: BLE001 - the last resort: exit 70, no secrets
        report = failed(arguments, Exit.BUG, bug_problem(err))
        finish(report.after(start.progress), output_format)


def _learn_environment() -> None:
    import os

    for name, value in os.environ.items():
        if name.lower().endswith('_proxy') and '@' in value:
            learn(value)


def _format_of(arguments: list[str]) -> str:
    is_json = _option_of(arguments, '--format') == 'json'
    return 'json' if is_json else 'text'


def _option_of(arguments: list[str], name: str) -> str | None:
    """Find an option before the arguments are parsed, for they may not parse."""
    joined = (word for word in arguments if word.startswith(f'{name}='))
    apart = (value for word, value in pairwise(arguments) if word == name)
    value = next(joined, '').partition('=')[2] or next(apart, None)
    return value or None


def _command_of(arguments: list[str]) -> str:
    """Name the command, as reports do: `registry install` is one."""
    names = [word for word in arguments if word in cli.commands]
    group = cli.commands.get(names[0]) if names else None
    if isinstance(group, click.Group):
        names += [word for word in arguments if word in group.commands]
        return ' '.join(names[:1] + names[-1:] if len(names) > 1 else names)
    return names[0] if names else ''


def failed(arguments: list[str], exit_code: Exit, *problems: Problem) -> Report:
    command = _command_of(arguments)
    report = Report(command=command, exit_code=exit_code, errors=problems)
    host = Host(_option_of(arguments, '--root') or '/')
    report = report.below(host.root, host.has_place_for)
    return report.repeating(arguments).pasted_by(host.invoker_name)
