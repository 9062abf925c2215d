"""daemon.json, held against the rules of this engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    Findings,
    check,
    finding,
    of_problem,
    or_ok,
    skipped,
)
from registry_host.engine import directives
from registry_host.jsonfile.config import placed
from registry_host.targets.daemon_findings import readable_password

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.doctor.observations import Config, Observed
    from registry_host.errors import Problem, Severity


@check('daemon-json', 'daemon.json can be read and parsed')
def daemon_json(seen: Observed) -> Findings:
    name, daemon = 'daemon-json', seen.daemon
    if daemon.problem:
        yield of_problem(name, 'error', daemon.problem, daemon.path)
    elif not daemon.is_present:
        yield finding(name, 'ok', f'{daemon.path} does not exist: all is default')
    else:
        yield finding(name, 'ok', f'{daemon.path} parses', path=daemon.path)


@check('daemon-json-keys', 'daemon.json holds only what this engine takes')
def daemon_json_keys(seen: Observed) -> Findings:
    name, daemon = 'daemon-json-keys', seen.daemon
    if daemon.document is None:
        yield skipped(name, f'{daemon.path} could not be read')
        return
    if not daemon.is_present:
        yield finding(name, 'ok', f'{daemon.path} does not exist: no key is wrong')
        return
    problems = directives.lint(daemon.document, seen.facts.engine.version)
    yield from or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'every key of {daemon.path} is one that the engine takes',
    )


@check('daemon-json-flags', 'no directive is given as a flag too')
def daemon_json_flags(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-flags', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield skipped(name, f'{daemon.path} could not be read')
        return
    if not engine.flags_origin:
        yield skipped(name, 'the flags of the engine are not known')
        return
    problems = directives.conflicts(daemon.document, engine.flags)
    yield from or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'nothing in {daemon.path} is in {engine.flags_origin} too',
    )


@check('daemon-json-hazards', 'nothing in daemon.json makes a reload do harm')
def daemon_json_hazards(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-hazards', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield skipped(name, f'{daemon.path} could not be read')
        return
    problems = directives.warnings(daemon.document, engine.version, engine.flags)
    yield from or_ok(
        _daemon_problems(name, 'warning', daemon, problems),
        name,
        'a reload changes nothing but what the file says',
    )


def _daemon_problems(
    name: str, severity: Severity, daemon: Config, problems: Iterable[Problem]
) -> Findings:
    for problem in problems:
        yield of_problem(name, severity, placed(problem, daemon.path), daemon.path)


@check('proxy-password', "a proxy's password in daemon.json is root's alone")
def proxy_password(seen: Observed) -> Findings:
    name, daemon = 'proxy-password', seen.daemon
    if seen.daemon_json is None or daemon.state is None:
        yield skipped(name, f'{daemon.path} could not be read')
        return
    yield from or_ok(
        readable_password(daemon.state, seen.daemon_json, name),
        name,
        f'no password in {daemon.path} is readable by others',
    )
