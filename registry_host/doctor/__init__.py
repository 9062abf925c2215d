"""Doctor: what is wrong with this host, and which command mends it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from registry_host.doctor.checks import CHECKS, Check
from registry_host.doctor.observations import Observed, observe
from registry_host.errors import Problem, SettingsError, place_of
from registry_host.plan import Finding
from registry_host.report import Report

if TYPE_CHECKING:
    from registry_host.host import Host

EXIT_FINDINGS = 1


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
    findings = (*observed.crashes, *run_checks(checks, observed))
    bad = {'error', 'warning'} if is_strict else {'error'}
    is_bad = any(finding.severity in bad for finding in findings)
    return Report(
        command='doctor',
        exit_code=EXIT_FINDINGS if is_bad else 0,
        findings=findings,
        note=_sum_up(findings),
    )


def list_checks() -> Report:
    return Report(
        command='doctor',
        findings=tuple(
            Finding(check=check.name, severity='info', message=check.title)
            for check in CHECKS.values()
        ),
        note='registry-host doctor --only CHECK runs one of them',
    )


def select(only: tuple[str, ...], skip: tuple[str, ...]) -> tuple[Check, ...]:
    """Pick checks by name; SettingsError names every unknown one."""
    unknown = [name for name in (*only, *skip) if name not in CHECKS]
    if unknown:
        raise SettingsError(*map(_unknown_check, unknown))
    return tuple(
        check
        for name, check in CHECKS.items()
        if (not only or name in only) and name not in skip
    )


def _unknown_check(name: str) -> Problem:
    from difflib import get_close_matches

    close = get_close_matches(name, CHECKS, n=1)
    return Problem(
        code='check-unknown',
        where='--only/--skip',
        message=f'there is no check {name!r}',
        hint=f'did you mean {close[0]}?' if close else 'registry-host doctor --list',
    )


def run_checks(checks: Iterable[Check], observed: Observed) -> Iterable[Finding]:
    """Run each check; one that crashes is a finding of its own, and not the end."""
    for check in checks:
        try:
            findings = tuple(check.run(observed))
        except Exception as err:  # noqa: BLE001 - the one place where any will do
            yield _crashed(check, err)
            continue
        yield from findings


def _crashed(check: Check, err: Exception) -> Finding:
    return Finding(
        check=check.name,
        severity='error',
        message=f'the check itself failed: {place_of(err)}',
        remedy=(f'registry-host doctor --skip {check.name}',),
    )


def _sum_up(findings: Iterable[Finding]) -> str:
    severities = [finding.severity for finding in findings]
    counts = ', '.join(
        f'{severities.count(severity)} {severity}'
        for severity in ('error', 'warning', 'skipped', 'info', 'ok')
        if severity in severities
    )
    return counts or 'no check was run'
