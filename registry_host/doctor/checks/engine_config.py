"""daemon.json, held against the rules of this engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    Findings,
    check,
    finding,
    needs_root,
    of_problem,
    or_ok,
    skipped,
    unseen,
)
from registry_host.engine import directives
from registry_host.engine.keys import OLDEST, show_version
from registry_host.host.filedoor import UNREADABLE
from registry_host.jsonfile.config import placed
from registry_host.services.validating import validate_command
from registry_host.targets.daemon_findings import readable_password

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.doctor.configs import Config
    from registry_host.doctor.observations import Observed
    from registry_host.engine.keys import Version
    from registry_host.errors import Problem, Severity

# What the engine reads past.
_HARMLESS = ('directive-ignored', 'directive-misplaced')


@check('daemon-json', 'daemon.json can be read and parsed')
def daemon_json(seen: Observed) -> Findings:
    name, daemon = 'daemon-json', seen.daemon
    if daemon.problem and daemon.problem.code == UNREADABLE and seen.lacks_root:
        yield needs_root(name, f'only root may read {daemon.path}')
    elif daemon.problem:
        yield of_problem(name, 'error', daemon.problem, daemon.path)
    elif not daemon.is_present:
        yield finding(name, 'ok', f'{daemon.path} does not exist')
    else:
        yield finding(name, 'ok', f'{daemon.path} parses', path=daemon.path)


@check('daemon-json-keys', 'daemon.json holds only what this engine accepts')
def daemon_json_keys(seen: Observed) -> Findings:
    name, daemon = 'daemon-json-keys', seen.daemon
    if daemon.document is None:
        yield unseen(seen, name, f'{daemon.path} could not be read')
        return
    if not daemon.is_present:
        yield finding(name, 'ok', f'{daemon.path} does not exist: it has no key')
        return
    engine = seen.facts.engine
    problems = directives.lint(daemon.document, engine.version, engine.known_flags)
    yield from or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'every key of {daemon.path} {_taken_by(engine.version)}',
    )


def _taken_by(version: Version | None) -> str:
    """Say by whose rules keys were held: those of one version, or of all."""
    if version is None:
        return f'is known to some Docker from {show_version(OLDEST)} on'
    return f'is one that Docker {show_version(version)} takes'


@check('daemon-json-flags', 'no directive is given as a flag too')
def daemon_json_flags(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-flags', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield unseen(seen, name, f'{daemon.path} could not be read')
        return
    if not engine.flags_origin:
        yield skipped(name, 'the flags of the engine are not known')
        return
    if not daemon.is_present:
        yield finding(name, 'ok', f'{daemon.path} does not exist: it repeats no flag')
        return
    problems = directives.conflicts(daemon.document, engine.flags, engine.places)
    yield from or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'nothing in {daemon.path} is in {engine.flags_origin} too',
    )


@check('daemon-json-hazards', 'nothing in daemon.json makes a reload do harm')
def daemon_json_hazards(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-hazards', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield unseen(seen, name, f'{daemon.path} could not be read')
        return
    problems = directives.warnings(
        daemon.document, engine.version, engine.flags, engine.places
    )
    where = daemon.path if daemon.is_present else ''
    where = ' or in '.join(filter(None, (where, engine.flags_origin)))
    if not where:
        yield skipped(name, f'{daemon.path} does not exist, and no flags are known')
        return
    yield from or_ok(
        _daemon_problems(name, 'warning', daemon, problems),
        name,
        f'nothing known to make a reload do harm is in {where}',
    )


@check('next-start', 'the engine will start again with its daemon.json')
def next_start(seen: Observed) -> Findings:
    name, daemon, ahead = 'next-start', seen.daemon, seen.ahead
    if daemon.document is None:
        yield unseen(seen, name, f'{daemon.path} could not be read')
        return
    problems = tuple(each.problem for each in ahead.refusals)
    yield from _daemon_problems(name, 'error', daemon, problems)
    has_told = problems or _refused_at_once(seen)
    if ahead.judged and not has_told and not ahead.is_explained:
        yield finding(
            name,
            'warning',
            f'dockerd --validate refuses {daemon.path}: {ahead.judged}',
            validate_command(daemon.path),
            path=daemon.path,
        )
    elif has_told and not problems:
        yield skipped(name, f'what else is wrong with {daemon.path} comes first')
    elif problems:
        return
    elif not seen.facts.is_live:
        yield skipped(name, 'a root folder has no engine to ask')
    elif not seen.facts.is_root:
        yield needs_root(name, 'only root may see all files that the engine reads')
    else:
        asked = '' if ahead.judged is None else ', and dockerd --validate takes it'
        message = f'nothing known in {daemon.path} keeps the engine from starting'
        if not daemon.is_present:
            message = f'{daemon.path} does not exist: it keeps no engine from starting'
        message += f' again{asked}'
        yield finding(name, 'ok', message)


def _refused_at_once(seen: Observed) -> bool:
    """Whether a reload fails, too, by what other checks tell."""
    engine, document = seen.facts.engine, seen.daemon.document
    if document is None:
        return True
    found = directives.lint(document, engine.version, engine.known_flags)
    is_refused = any(problem.code not in _HARMLESS for problem in found)
    return is_refused or bool(directives.conflicts(document, engine.flags))


def _daemon_problems(
    name: str, severity: Severity, daemon: Config, problems: Iterable[Problem]
) -> Findings:
    for problem in problems:
        yield of_problem(name, severity, placed(problem, daemon.path), daemon.path)


@check('proxy-password', "a proxy's password in daemon.json is readable only by root")
def proxy_password(seen: Observed) -> Findings:
    name, daemon = 'proxy-password', seen.daemon
    if seen.daemon_json is None or daemon.state is None:
        yield unseen(seen, name, f'{daemon.path} could not be read')
        return
    yield from or_ok(
        readable_password(daemon.state, seen.daemon_json, name),
        name,
        _kept_password(daemon, has_password=seen.daemon_json.has_password),
    )


def _kept_password(daemon: Config, *, has_password: bool) -> str:
    if not daemon.is_present:
        return f'{daemon.path} does not exist: it holds no password'
    if not has_password:
        return f"{daemon.path} holds no proxy's password"
    mode = daemon.state.mode if daemon.state else 0
    return f"only root may read the proxy's password in {daemon.path} (mode {mode:04o})"
