"""A report as the one object of --format json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import Exit, Finding, Problem
from registry_host.levels import Activation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.plan.changes import Change, Plan
    from registry_host.reporting.report import Report
    from registry_host.settings.checking import Checked
    from registry_host.transaction.managed import Entry
    from registry_host.transaction.run import Run


VERSION = 1


def to_json(report: Report) -> str:
    """Render the one object of --format json. Its keys are an API: see VERSION."""
    import json

    changes = report.plan.changes if report.plan else ()
    document = {
        'version': VERSION,
        'command': report.command,
        'ok': not report.errors and report.exit_code in (Exit.DONE, Exit.PENDING),
        'changed': report.is_changed,
        'changes': [_change_json(report, change) for change in changes],
        'activation': _activation_json(report),
        'findings': [_finding_json(finding) for finding in report.findings],
        'errors': [_problem_json(problem) for problem in report.errors],
        'checkpoint': _checkpoint_of(report),
    }
    if report.results is not None:
        document['results'] = [_result_json(result) for result in report.results]
    if report.runs is not None:
        document['checkpoints'] = list(_runs_json(report.runs))
    return json.dumps(document, indent=2, ensure_ascii=False)


def _checkpoint_of(report: Report) -> str | None:
    number = report.outcome.checkpoint if report.outcome else None
    return None if number is None else str(number)


def _runs_json(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    from registry_host.transaction.checkpoints import undone

    undone_by = undone(runs)
    for run in runs:
        yield {
            'id': str(run.id),
            'started': run.started,
            'by': run.by,
            'command': run.origin.command,
            'line': run.origin.line,
            'files': [{'path': path, 'action': action} for path, action in run.files],
            'activation': {'needed': str(run.needed), 'done': str(run.done)},
            'outcome': run.outcome,
            'undoes': _text_of(run.origin.undoes),
            'undone-by': _text_of(undone_by.get(run.id)),
        }


def _text_of(number: int | None) -> str | None:
    return None if number is None else str(number)


def _change_json(report: Report, change: Change) -> dict[str, Any]:
    from registry_host.plan.diffs import unified_diff
    from registry_host.targets import TARGETS

    redact = TARGETS[change.target].redact
    entries = report.entries.get(change.path)
    return {
        'target': change.target,
        'path': change.path,
        'action': change.action,
        'activation': str(_activation_of(report.plan, change)),
        'diff': unified_diff(change, redact) if change.action != 'none' else '',
        'added': [_added_json(e) for e in entries.added] if entries else [],
        'removed': [_removed_json(e) for e in entries.removed] if entries else [],
    }


def _added_json(entry: Entry) -> dict[str, Any]:
    return {'setting': entry.setting, 'value': entry.value}


def _removed_json(entry: Entry) -> dict[str, Any]:
    return {**_added_json(entry), 'run': _text_of(entry.run)}


def _activation_of(plan: Plan | None, change: Change) -> Activation:
    """Say what a change takes of the engines that read its file."""
    if plan is None or change.action == 'none':
        return Activation.NONE
    needed = (
        need.needed
        for need in plan.needs
        if need.is_engine and change.path in need.paths
    )
    return max(needed, default=Activation.NONE)


def _activation_json(report: Report) -> dict[str, Any]:
    needed = report.plan.activation if report.plan else Activation.NONE
    done = report.outcome.done if report.outcome else Activation.NONE
    outcome = report.outcome or report.forecast
    pending = outcome.pending if outcome else Activation.NONE
    is_verified = bool(report.outcome and report.outcome.is_verified)
    if report.plan and report.plan.is_empty:
        # Nothing was to do because the live lists were looked at, and agreed; or none
        # of it is the engine's.
        is_verified = all(
            need.seen.live is not None and not need.is_hidden
            for need in report.plan.needs
            if need.is_engine
        )
    return {
        'needed': str(needed),
        'done': str(done),
        'pending': str(pending) if pending else None,
        'verified': is_verified,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        'check': finding.check,
        'severity': finding.severity,
        'message': finding.message,
        'path': finding.path,
        'remedy': list(finding.remedy),
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {'code': problem.code, 'message': str(problem), 'hint': problem.hint}


def _result_json(result: Checked[Any]) -> dict[str, Any]:
    return {
        'input': result.input,
        'kind': result.kind,
        'ok': result.value is not None,
        'normalized': None if result.value is None else str(result.value),
        'code': result.errors[0].code if result.errors else None,
    }
