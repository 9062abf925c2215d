"""What a check is, and the findings that checks are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_host.errors import Finding, Problem

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.errors import Severity

Findings = Iterable[Finding]
CONFIGURE = 'sudo registry-host configure'
# Tells what keeps an engine from starting again.
AHEAD = 'sudo registry-host doctor --only next-start'


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    title: str
    run: Callable[[Observed], Findings]


def check(name: str, title: str) -> Callable[[Callable[[Observed], Findings]], Check]:
    """Make a check of a function; its name is what --only and --skip take."""

    def make(run: Callable[[Observed], Findings]) -> Check:
        return Check(name=name, title=title, run=run)

    return make


def finding(
    name: str,
    severity: Severity,
    message: str,
    *remedy: str,
    path: str | None = None,
) -> Finding:
    return Finding(
        check=name, severity=severity, message=message, path=path, remedy=remedy
    )


def of_problem(
    name: str, severity: Severity, problem: Problem, path: str | None
) -> Finding:
    return Finding.of(problem, severity, path)._replace(check=name)


def skipped(name: str, why: str) -> Finding:
    return finding(name, 'skipped', why)


def needs_root(name: str, why: str) -> Finding:
    """Skip a check that root would not have to skip; see not_checked()."""
    return finding(name, 'skipped', why, _as_root(name))


def unseen(seen: Observed, name: str, why: str) -> Finding:
    """Skip what the engine, or its file, would have to be seen for."""
    return needs_root(name, why) if seen.is_denied else skipped(name, why)


def _as_root(name: str) -> str:
    return f'sudo registry-host doctor --only {name}'


def not_checked(findings: Findings) -> tuple[str, ...]:
    """Name the checks that were skipped for want of root, each once, in order."""
    named = (
        each.check
        for each in findings
        if each.severity == 'skipped' and each.remedy == (_as_root(each.check),)
    )
    return tuple(dict.fromkeys(named))


def path_of(where: str) -> str | None:
    """Take line and column from a place; a flag, or a key, is no path."""
    found = re.fullmatch(r'(/.*?)(?::\d+){0,2}', where)
    return found[1] if found else None


def of_restart(name: str, message: str, unit: str | None) -> Finding:
    """Warn of what a restart of the engine puts right, and of what that costs."""
    return finding(
        name,
        'warning',
        f'{message}; a restart stops containers, unless live-restore is on',
        f'sudo systemctl restart {unit or "docker.service"}',
    )


def or_ok(findings: Findings, name: str, message: str) -> Iterator[Finding]:
    """Say that all is well where nothing else was said."""
    is_well = True
    for found in findings:
        is_well = False
        yield found
    if is_well:
        yield finding(name, 'ok', message)
