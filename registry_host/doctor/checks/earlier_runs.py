"""Earlier runs, and the settings file that the host should be as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    CONFIGURE,
    Findings,
    check,
    finding,
    needs_root,
    of_problem,
    of_restart,
    or_ok,
    path_of,
    skipped,
)
from registry_host.host.filedoor import UNREADABLE

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed

ROOT_ALONE = 'only root may see what earlier runs left'


@check('unfinished-run', 'no earlier run was cut short or is waiting for confirmation')
def unfinished_run(seen: Observed) -> Findings:
    name = 'unfinished-run'
    if seen.lacks_root:
        yield needs_root(name, ROOT_ALONE)
        return
    message = 'no run is recorded as cut short, or as waiting for confirmation'
    yield from or_ok(seen.unfinished, name, message)


@check('ledger', 'which entries registry-host manages is known')
def ledger(seen: Observed) -> Findings:
    name, found = 'ledger', seen.ledger
    for problem in seen.ledger_problems:
        if seen.lacks_root and problem.code == UNREADABLE:
            yield needs_root(name, 'only root may see which entries are managed')
        else:
            yield of_problem(name, 'error', problem, problem.where)
    if found is None:
        return
    count = len({entry.path for entry in found.entries})
    files = f'{count} file' if count == 1 else f'{count} files'
    message = f'managed entries are recorded in {files}'
    yield finding(name, 'ok', message if count else 'no managed entry is recorded')


@check('restart-pending', 'no restart of the engine was put off')
def restart_pending(seen: Observed) -> Findings:
    name = 'restart-pending'
    if seen.lacks_root:
        yield needs_root(name, ROOT_ALONE)
    elif seen.ledger is None:
        yield skipped(name, 'the ledger, which records it, could not be read')
    elif seen.due:
        unit = seen.facts.engine.unit or 'docker.service'
        message = f'{", ".join(seen.due)} was changed, and Docker has not restarted'
        yield of_restart(name, f'{message} since', unit)
    else:
        yield finding(name, 'ok', 'no restart of the engine is recorded as put off')


@check('pulls', 'the last change was proved by the engine itself')
def pulls(seen: Observed) -> Findings:
    name, unproved = 'pulls', seen.unproved
    if seen.lacks_root:
        yield needs_root(name, ROOT_ALONE)
    elif unproved is not None:
        yield unproved.told
    else:
        yield finding(name, 'ok', 'no run is recorded as one that could not be proved')


@check('drift', 'the host matches its settings file')
def drift(seen: Observed) -> Findings:
    name = 'drift'
    for problem in seen.plan_problems:
        if seen.lacks_root and problem.code == UNREADABLE:
            yield needs_root(name, f'only root may read {problem.where}')
        else:
            yield of_problem(name, 'error', problem, path_of(problem.where))
    if seen.plan is None:
        if not seen.plan_problems:
            yield skipped(name, 'there is no settings file to hold the host against')
    elif seen.plan.is_empty:
        yield finding(name, 'ok', 'the host matches its settings file')
    else:
        message = f'the host is not as its settings file says: {seen.plan.words}'
        yield finding(name, 'warning', message, f'{CONFIGURE} --check --diff')
