"""Earlier runs, and the settings file that the host should be as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    CONFIGURE,
    Findings,
    check,
    finding,
    of_problem,
    or_ok,
    skipped,
)
from registry_host.levels import Activation

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed


@check('unfinished-run', 'no earlier run was cut short, nor waits for approval')
def unfinished_run(seen: Observed) -> Findings:
    name = 'unfinished-run'
    if seen.facts.is_live and not seen.facts.is_root:
        yield skipped(name, 'only root may see what earlier runs left')
        return
    yield from or_ok(seen.unfinished, name, 'every earlier run has ended')


@check('restart-pending', 'no restart of the engine was put off')
def restart_pending(seen: Observed) -> Findings:
    name = 'restart-pending'
    if seen.facts.is_live and not seen.facts.is_root:
        yield skipped(name, 'only root may see what earlier runs left')
    elif seen.due:
        unit = seen.facts.engine.unit or 'docker.service'
        yield finding(
            name,
            'warning',
            f'{", ".join(seen.due)} was changed, and Docker has not restarted since',
            f'systemctl restart {unit}',
            'that stops containers, unless live-restore is on',
        )
    else:
        yield finding(name, 'ok', 'no restart of the engine was put off')


@check('pulls', 'the last change was proved by the engine itself')
def pulls(seen: Observed) -> Findings:
    name, unproved = 'pulls', seen.unproved
    if seen.facts.is_live and not seen.facts.is_root:
        yield skipped(name, 'only root may see what earlier runs left')
    elif unproved is not None:
        run = f'run {unproved.run}' if unproved.run else 'an earlier run'
        message = f'{run} has not proved that pulls work: {unproved.reason}'
        yield finding(name, 'warning', message, 'sudo registry-host reload')
    else:
        yield finding(name, 'ok', 'no proof of a pull is left to be had')


@check('drift', 'the host is as its settings file says')
def drift(seen: Observed) -> Findings:
    name = 'drift'
    for problem in seen.plan_problems:
        yield of_problem(name, 'error', problem, problem.where)
    if seen.plan is None:
        if not seen.plan_problems:
            yield skipped(name, 'there is no settings file to hold the host against')
    elif seen.plan.is_empty:
        yield finding(name, 'ok', 'the host is as its settings file says')
    else:
        paths = ', '.join(change.path for change in seen.plan.pending)
        is_restart = seen.plan.activation is Activation.RESTART
        verb = 'restarted' if is_restart else 'reloaded'
        what = f'{paths} would change' if paths else f'the engine would be {verb}'
        message = f'the host is not as its settings file says: {what}'
        yield finding(name, 'warning', message, f'{CONFIGURE} --check --diff')
