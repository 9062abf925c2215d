"""A report as the one object of --format json; docs/json.schema.json describes it.

Every key is always there: one that says nothing of a command is empty, or null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import Exit, argv_of
from registry_host.levels import Activation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.errors import Finding, Problem
    from registry_host.plan.changes import Change
    from registry_host.plan.readings import Served
    from registry_host.registry.copying import Copied
    from registry_host.reporting.overview import Overview
    from registry_host.reporting.report import Report
    from registry_host.settings.checking import Checked
    from registry_host.transaction.managed import Entry
    from registry_host.transaction.run import Run


VERSION = 2


def to_json(report: Report) -> str:
    """Render the one object of --format json. Its keys are an API: see VERSION."""
    import json

    changes = report.plan.changes if report.plan else ()
    outcome = report.outcome
    document = {
        'version': VERSION,
        'command': report.command,
        'ok': not report.errors and report.exit_code in (Exit.DONE, Exit.PENDING),
        'changed': report.is_changed,
        'host': report.host.value,
        'changes': [_change_json(report, change) for change in changes],
        'services': [_service_json(served) for served in report.services],
        'proofs': [proof._asdict() for proof in report.proofs],
        'findings': [_finding_json(finding) for finding in report.findings],
        'errors': [_problem_json(problem) for problem in report.errors],
        'run': _text_of(outcome.checkpoint if outcome else None),
        'results': list(_results_json(report)),
        'status': _status_json(report.overview),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


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
        'diff': unified_diff(change, redact) if change.action != 'none' else '',
        'added': [_added_json(e) for e in entries.added] if entries else [],
        'removed': [_removed_json(e) for e in entries.removed] if entries else [],
    }


def _added_json(entry: Entry) -> dict[str, Any]:
    return {'setting': entry.setting, 'value': entry.value}


def _removed_json(entry: Entry) -> dict[str, Any]:
    return {**_added_json(entry), 'run': _text_of(entry.run)}


def _service_json(served: Served) -> dict[str, Any]:
    levels = ('needed', 'done', 'pending')
    named = served._asdict()
    return {**named, **{level: str(named[level]) for level in levels}}


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        'check': finding.check,
        'severity': finding.severity,
        'message': finding.message,
        'path': finding.path,
        'remedy': [
            {'text': text, 'argv': list(argv) if (argv := argv_of(text)) else None}
            for text in finding.remedy
        ],
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {'code': problem.code, 'message': str(problem), 'hint': problem.hint}


def _results_json(report: Report) -> Iterator[dict[str, Any]]:
    """What is asked for of validate, history, doctor --list and registry."""
    for result in report.results or ():
        yield _result_json(result)
    yield from _runs_json(report.runs or ())
    for check in report.checks or ():
        yield {'check': check.name, 'title': check.title}
    for registry in report.registries or ():
        yield {name: value or None for name, value in registry._asdict().items()}
    for each in report.texts or ():
        yield {'path': each.name, 'text': each.text}
    for image in report.images or ():
        yield _image_json(image)


def _image_json(image: Copied) -> dict[str, Any]:
    return {
        'source': str(image.landing.source),
        'destination': str(image.landing.target),
        'action': image.action,
        'digest': image.digest or None,
        'platforms': list(image.platforms),
        'bytes': image.size,
        'code': image.problem.code if image.problem else None,
    }


def _result_json(result: Checked[Any]) -> dict[str, Any]:
    return {
        'input': result.input,
        'kind': result.kind,
        'ok': result.value is not None,
        'normalized': None if result.value is None else str(result.value),
        'code': result.errors[0].code if result.errors else None,
    }


def _status_json(overview: Overview | None) -> dict[str, Any] | None:
    if overview is None:
        return None
    from registry_host.reporting.overview import overview_json

    last = next(_runs_json((overview.last_run,) if overview.last_run else ()), None)
    return overview_json(overview, last)


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
            'services': [
                {
                    'name': need.service,
                    'needed': str(need.needed),
                    'done': str(need.done),
                }
                for need in run.needs
                if need.needed is not Activation.NONE
            ],
            'outcome': run.outcome,
            'undoes': _text_of(run.origin.undoes),
            'undone-by': _text_of(undone_by.get(run.id)),
        }
