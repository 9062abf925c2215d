"""Settings and files held against every rule, offline; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.engine import directives
from registry_host.engine.nextstart import refusals
from registry_host.errors import (
    ConfigError,
    Exit,
    Finding,
    Problem,
    RegistryHostError,
)
from registry_host.jsonfile.config import placed, read_json
from registry_host.reporting.report import Report
from registry_host.settings.asked import read_asked
from registry_host.settings.load import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.settings.checking import Checked


def validate(
    host: Host,
    *,
    settings_file: str | None,
    flags: Mapping[str, Any],
    daemon_jsons: tuple[str, ...],
) -> Report:
    """Check all that is given; the report holds every error, not the first."""
    results: tuple[Checked[Any], ...] = ()
    errors: list[Problem] = []
    is_given = settings_file or any(value is not None for value in flags.values())
    if is_given or not daemon_jsons:
        asked = read_asked(host, file=settings_file, flags=flags)
        results, problems = check(asked)
        errors += problems
    for path in daemon_jsons:
        errors += _daemon_json_problems(host, path)
    for result in results:
        errors += result.errors
    return Report(
        command='validate',
        exit_code=Exit.BAD_INPUT if errors else Exit.DONE,
        findings=tuple(
            Finding.of(problem, 'warning') for r in results for problem in r.warnings
        ),
        errors=tuple(errors),
        results=results,
    )


def _daemon_json_problems(host: Host, path: str) -> tuple[Problem, ...]:
    """Hold a file against what every engine refuses: whose it is, is not known.

    Where it is to lie is not known, either, so no file that it names is looked for.
    """
    try:
        state = host.read_argument(path)
        if state.content is None:
            raise ConfigError(_missing(path))
        document = read_json(state)
    except RegistryHostError as err:
        return err.problems
    problems = [*directives.lint(document, None)]
    problems += (each.problem for each in refusals(document, None, {}))
    return tuple(placed(problem, path) for problem in problems)


def _missing(path: str) -> Problem:
    return Problem(code='config-missing', where=path, message='no such file')
