"""Which checks are run, each on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks import CHECKS
from registry_host.doctor.checks.check import AHEAD
from registry_host.errors import Finding, Problem, SettingsError, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.doctor.checks.check import Check
    from registry_host.doctor.observations import Observed

# What is told by every run, for much else is not known without it.
ALWAYS = 'ledger'
MEND_FIRST = 'what next-start tells of keeps the engine from starting again'


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
        message=f'there is no check {name!r}'
        + (f': did you mean {close[0]}?' if close else ''),
        hint='registry-host doctor --list',
    )


def run_checks(checks: Iterable[Check], observed: Observed) -> Iterable[Finding]:
    """Run each check; one that crashes is a finding of its own, and not the end."""
    for check in checks:
        try:
            findings = tuple(check.run(observed))
        except Exception as err:  # noqa: BLE001 - the one place where any will do
            yield _crashed(check, err)
            continue
        yield from (_mended_first(found, observed) for found in findings)


def told_always(
    checks: Iterable[Check], skip: tuple[str, ...], observed: Observed
) -> tuple[Finding, ...]:
    """Tell of a ledger that cannot be read in a run that was asked for other checks."""
    if ALWAYS in skip or any(check.name == ALWAYS for check in checks):
        return ()
    found = run_checks([CHECKS[ALWAYS]], observed)
    return tuple(each for each in found if each.severity == 'error')


def _mended_first(found: Finding, observed: Observed) -> Finding:
    """Suggest no restart of an engine that would not start again."""
    steps = [step for step in found.remedy if 'systemctl restart' in step]
    if not steps or not observed.ahead.refusals:
        return found
    names = {'docker', observed.facts.engine.unit or 'docker'}
    if any(step.endswith(f'systemctl restart {n}') for step in steps for n in names):
        message = f'{found.message}; {MEND_FIRST}'
        return found._replace(message=message, remedy=(AHEAD, *found.remedy))
    return found


def _crashed(check: Check, err: Exception) -> Finding:
    return Finding(
        check=check.name,
        severity='error',
        message=f'the check itself failed: {place_of(err)}',
        remedy=(f'registry-host doctor --skip {check.name}',),
    )
