"""How a command ends: what is printed, and what signals and closed streams do to it."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from registry_host import __version__
from registry_host.errors import Exit, Problem, place_of
from registry_host.progress import HostState, Progress
from registry_host.redact import conceal
from registry_host.reporting.output import Paint, printable, printable_json, write

if TYPE_CHECKING:
    from registry_host.reporting.report import Report

# Under which the click context has the words of the command line.
ARGUMENTS = 'registry_host.arguments'


def finish(report: Report, output_format: str) -> NoReturn:
    """Print a report, and leave with its exit code."""
    # All is done: who is ended from here on must not say that nothing was.
    handle_signals(signal.SIG_DFL)
    context = click.get_current_context(silent=True)
    if context:
        report = report.after(context.obj.progress)
        report = report.below(context.obj.root, context.obj.has_place_for)
        report = report.repeating(context.meta.get(ARGUMENTS, ()))
        report = report.pasted_by(context.obj.invoker_name)
    try:
        _print(report, output_format)
    except BrokenPipeError:
        _discard_output()  # The reader has gone, and the work is done.
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


def open_standard_streams() -> None:
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


def handle_signals(handler: Any) -> None:
    """Set what ends a run; a signal that is ignored stays so, as nohup(1) asks."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def interrupted(progress: Progress) -> Problem:
    """Tell what a signal has left behind, where no run was there to say it itself."""
    is_left = progress.state in (HostState.CHANGED, HostState.PARTLY_CHANGED)
    hint = progress.remedy if is_left else ''
    return Problem(code='interrupted', message=f'interrupted; {progress}', hint=hint)


def interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def with_state(problem: Problem, state: str) -> Problem:
    """Say of each error how it leaves the host."""
    message = f'{problem.message}; {state}' if state else problem.message
    return problem._replace(message=message)


def usage_problem(err: click.ClickException) -> Problem:
    context = getattr(err, 'ctx', None)
    command = context.command_path if context else 'registry-host'
    return Problem(
        code='usage',
        message=conceal(err.format_message().rstrip('.')),
        hint=f'{command} --help',
    )


def bug_problem(err: Exception) -> Problem:
    python = '.'.join(map(str, sys.version_info[:3]))
    return Problem(
        code='bug',
        message=f'a bug in registry-host {__version__} (Python {python}): '
        f'{place_of(err)}; please report it with the command line, passwords taken '
        'out',
        hint='registry-host --version',
    )
