"""What a check is, and the findings that checks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_host.errors import Finding, Problem

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.errors import Severity

Findings = Iterable[Finding]
CONFIGURE = 'sudo registry-host configure'


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


def of_problem(name: str, severity: Severity, problem: Problem, path: str) -> Finding:
    return Finding.of(problem, severity, path)._replace(check=name)


def skipped(name: str, why: str) -> Finding:
    return finding(name, 'skipped', why)


def or_ok(findings: Findings, name: str, message: str) -> Iterator[Finding]:
    """Say that all is well where nothing else was said."""
    is_well = True
    for found in findings:
        is_well = False
        yield found
    if is_well:
        yield finding(name, 'ok', message)
