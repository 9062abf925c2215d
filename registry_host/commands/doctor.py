"""The doctor command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks import CHECKS
from registry_host.doctor.checks.check import not_checked
from registry_host.doctor.observations import observe
from registry_host.doctor.select import run_checks, select, told_always
from registry_host.errors import Exit, counted
from registry_host.reporting.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.errors import Finding
    from registry_host.host.host import Host


def doctor(
    host: Host,
    *,
    only: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
    is_strict: bool = False,
) -> Report:
    """Look once, run the checks over what was seen, and sum up."""
    checks = select(only, skip)
    observed = observe(host)
    always = told_always(checks, skip, observed)
    findings = (*observed.crashes, *always, *run_checks(checks, observed))
    bad = {'error', 'warning'} if is_strict else {'error'}
    unchecked = not_checked(findings)
    is_bad = any(finding.severity in bad for finding in findings)
    is_bad = is_bad or (is_strict and bool(unchecked))
    return Report(
        command='doctor',
        exit_code=Exit.FAILED if is_bad else Exit.DONE,
        findings=findings,
        note=_sum_up(findings, unchecked),
    )


def list_checks() -> Report:
    return Report(
        command='doctor',
        checks=tuple(CHECKS.values()),
        note='registry-host doctor --only CHECK runs one of them',
    )


def _count(number: int, severity: str) -> str:
    """Of the severities, some are nouns."""
    is_noun = severity in ('error', 'warning')
    return counted(number, severity) if is_noun else f'{number} {severity}'


def _sum_up(findings: Iterable[Finding], unchecked: tuple[str, ...]) -> str:
    severities = [finding.severity for finding in findings]
    counts = ', '.join(
        _count(severities.count(severity), severity)
        for severity in ('error', 'warning', 'skipped', 'info', 'ok')
        if severity in severities
    )
    summary = counts or 'no check was run'
    if unchecked:
        summary += f'\nnot checked without root: {", ".join(unchecked)}'
    return summary
