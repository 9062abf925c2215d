"""A report as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import counted
from registry_host.levels import Activation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from registry_host.errors import Problem
    from registry_host.plan.changes import Change, Plan
    from registry_host.reporting.output import Paint
    from registry_host.reporting.report import CheckedRegistry, Report
    from registry_host.services.activated import Shown
    from registry_host.settings.checking import Checked
    from registry_host.transaction.managed import EntryChanges
    from registry_host.transaction.outcome import Outcome
    from registry_host.transaction.run import Run


_COLOURS = {'error': 'red', 'warning': 'yellow', 'info': 'cyan', 'skipped': 'cyan'}


def error_lines(errors: Sequence[Problem], paint: Paint) -> Iterator[str]:
    for problem in errors:
        yield f'{paint("error:", "red")} {problem}'
        yield from (
            f'    {line}' for line in problem.excerpt.rstrip('\n').split('\n') if line
        )
        for hint in filter(None, problem.hint.split('\n')):
            yield f'hint:  {hint}'


def text_lines(report: Report, paint: Paint) -> Iterator[str]:
    """Render a report for people; its errors are for the other stream."""
    yield from _finding_lines(report, paint)
    for check in report.checks or ():
        yield f'{paint("info:", "cyan")} {check.name}: {check.title}'
    if report.results is not None:
        yield from _result_lines(report.results, paint)
    for number, each in enumerate(report.texts or ()):
        yield from ('',) if number else ()
        yield f'# {each.name}'
        yield from each.text.removesuffix('\n').split('\n')
    if report.plan is not None and not report.errors:
        yield from _plan_lines(report, report.plan, paint)
    if report.registries is not None:
        yield from _registry_lines(report.registries)
    if report.runs is not None:
        yield from _run_lines(report.runs)
    if report.overview is not None:
        from registry_host.reporting.overview import overview_lines

        yield from overview_lines(report.overview, paint)
    if report.note:
        yield from report.note.split('\n')


def _finding_lines(report: Report, paint: Paint) -> Iterator[str]:
    for finding in report.findings:
        label = paint(f'{finding.severity}:', _COLOURS.get(finding.severity, 'green'))
        # A check's name is what --only and --skip take.
        name = f'{finding.check}: ' if report.command == 'doctor' else ''
        yield f'{label} {name}{finding.message}'
        for remedy in finding.remedy:
            yield f'hint:  {remedy}'


def _result_lines(results: Iterable[Checked[Any]], paint: Paint) -> Iterator[str]:
    for result in results:
        if result.value is not None:
            yield f'{paint("ok:", "green")} {result.kind} {result.value}'


def _registry_lines(registries: Iterable[CheckedRegistry]) -> Iterator[str]:
    for registry in registries:
        if registry.role is None:
            continue
        what = f'cache of {registry.upstream}' if registry.upstream else registry.role
        details = [what, registry.address, registry.root]
        yield f'{registry.path}: {", ".join(filter(None, details))}'


def _plan_lines(report: Report, plan: Plan, paint: Paint) -> Iterator[str]:
    if report.has_diff:
        yield from _diff_lines(plan.pending, paint)
    if plan.is_empty and any(f.check == 'user-gone' for f in report.findings):
        yield 'nothing was changed'
        return
    if plan.is_empty:
        paths = ', '.join(change.path for change in plan.changes)
        reason = _NOTHING.get(report.command)
        place = f'in {paths}' if paths else 'on this host'
        verb = 'are' if len(plan.changes) > 1 else 'is'
        state = f'{paths or "this host"} {verb} as asked'
        yield f'nothing to do: {f"{reason} {place}" if reason else state}'
        return
    for change in plan.pending:
        verb = _VERBS[change.action][0 if report.is_check else 1]
        owner = f' ({change.before.user.name})' if change.before.user else ''
        yield f'{verb} {change.path}{owner}'
        yield from _entry_lines(report.entries.get(change.path), paint)
    yield from _activation_lines(report, plan)


_NOTHING: Mapping[str, str] = {
    'unconfigure': 'no such managed entry',
    'undo': 'nothing of that run is left',
}
_VERBS: Mapping[str, tuple[str, str]] = {
    'create': ('would create', 'created'),
    'update': ('would update', 'updated'),
    'delete': ('would delete', 'deleted'),
}


def _entry_lines(entries: EntryChanges | None, paint: Paint) -> Iterator[str]:
    if entries is None:
        return
    both = (*entries.added, *entries.removed)
    width = max((len(entry.setting) for entry in both), default=0)
    for entry in entries.removed:
        by = f'run {entry.run}' if entry.run else 'an earlier run'
        line = f'- {entry.setting:{width}}  {entry.value}  (added by {by})'
        yield f'  {paint(line, "red")}'
    for entry in entries.added:
        yield f'  {paint(f"+ {entry.setting:{width}}  {entry.value}", "green")}'


def _diff_lines(changes: Iterable[Change], paint: Paint) -> Iterator[str]:
    from registry_host.plan.diffs import unified_diff
    from registry_host.targets import TARGETS

    colours = {'+': 'green', '-': 'red', '@': 'cyan'}
    for change in changes:
        diff = unified_diff(change, TARGETS[change.target].redact)
        for line in diff.removesuffix('\n').split('\n'):
            colour = None if line[:3] in ('+++', '---') else colours.get(line[:1])
            yield paint(line, colour) if colour else line


def _activation_lines(report: Report, plan: Plan) -> Iterator[str]:
    if report.is_check:
        if report.forecast is not None and plan.activation is not Activation.NONE:
            yield from _forecast_lines(plan, report.forecast)
        return
    outcome = report.outcome
    if outcome is None:
        return
    if outcome.shown is not None:
        yield from _live_lines(outcome, outcome.shown)
    elif plan.activation is not Activation.NONE and not outcome.pending:
        yield f'no {plan.activation} was done: the engine reads the file when it starts'
    if outcome.checkpoint is None:
        return
    if report.confirm_within is None:
        yield from filter(None, (report.undo,))
    else:
        seconds = f'{report.confirm_within:g} s'
        yield f'waiting for confirmation: undone in {seconds} if not confirmed'
        yield f'to keep it: {report.approval}'


def _forecast_lines(plan: Plan, forecast: Outcome) -> Iterator[str]:
    if forecast.done is Activation.RESTART:
        stopped = ', '.join(forecast.stopped)
        yield 'would restart the engine; ' + (
            f'would stop: {stopped}' if stopped else 'no container would stop'
        )
        yield 'a rollback, if that fails, would restart it once more'
    elif forecast.done is not Activation.NONE:
        yield f'would {forecast.done} the engine'
    elif not forecast.pending:
        yield (
            f'no {plan.activation} would be done: the engine reads the file when it '
            'starts'
        )


def _live_lines(outcome: Outcome, shown: Shown) -> Iterator[str]:
    if outcome.done is Activation.RESTART:
        stopped = ', '.join(outcome.stopped)
        yield 'restarted the engine; ' + (
            f'stopped: {stopped}' if stopped else 'no container was stopped'
        )
    else:
        running = f'; {counted(shown.running, "running container")} left alone'
        yield f'reloaded the engine{running if shown.running else ""}'
    yield from (f'live {area}: {text}' for area, text in shown.lines)


def _run_lines(runs: Sequence[Run]) -> Iterator[str]:
    from registry_host.transaction.checkpoints import undone

    undone_by = undone(runs)
    if not runs:
        yield 'no run has changed this host yet'
    for run in runs:
        by = f', undone by {undone_by[run.id]}' if run.id in undone_by else ''
        yield f'{run.id:>3}  {run.started}  {run.by}  {run.ended}{by}'
        yield f'     {run.origin.line}'
        yield from (f'     {action} {path}' for path, action in run.files)
