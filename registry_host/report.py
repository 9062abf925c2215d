"""What came of a command, as text for people or one JSON object for programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.errors import Problem
from registry_host.output import Paint
from registry_host.plan import Activation, Change, Finding, Plan

if TYPE_CHECKING:
    from registry_host.apply import Outcome
    from registry_host.checkpoints import Run
    from registry_host.engine import Info
    from registry_host.managed import Entry, EntryChanges
    from registry_host.urls import Checked

VERSION = 1
# What tells that something was put back first.
MENDED = frozenset({'recovered', 'put-back', 'not-confirmed'})
_COLOURS = {'error': 'red', 'warning': 'yellow', 'info': 'cyan', 'skipped': 'cyan'}


class Report(NamedTuple):
    """All that one command has to say.

    `outcome` None: nothing was applied, be it a forecast (`is_check`) or a failure.
    `entries` are the managed entries that come and go, by the path of their file.
    `confirm_within` is in seconds; `undo` is how to take back what was done.
    """

    command: str
    exit_code: int = 0
    plan: Plan | None = None
    entries: Mapping[str, EntryChanges] = MappingProxyType({})
    outcome: Outcome | None = None
    is_check: bool = False
    has_diff: bool = False
    confirm_within: float | None = None
    undo: str = ''
    note: str = ''
    findings: tuple[Finding, ...] = ()
    errors: tuple[Problem, ...] = ()
    results: tuple[Checked[Any], ...] | None = None
    runs: tuple[Run, ...] | None = None

    def below(self, root: str, is_inside: Callable[[str], bool]) -> Report:
        """Make each hint about the same root as this command was.

        Else one that is pasted would change the host that runs. `is_inside` says which
        paths are of the root, for a settings file may be of this machine.
        """
        if not root:
            return self

        def hint(text: str) -> str:
            return _paths_below(root, _below(root, text), is_inside)

        return self._replace(
            note=_below(root, self.note),
            findings=tuple(
                finding._replace(remedy=tuple(hint(step) for step in finding.remedy))
                for finding in self.findings
            ),
            errors=tuple(
                problem._replace(
                    message=_below(root, problem.message),
                    hint=hint(problem.hint),
                )
                for problem in self.errors
            ),
            undo=_below(root, self.undo),
        )

    @property
    def is_changed(self) -> bool:
        """Whether the host was changed, or, with --check, would be."""
        is_known = self.is_check or self.outcome is not None
        is_mended = any(finding.check in MENDED for finding in self.findings)
        return is_mended or bool(is_known and self.plan and not self.plan.is_empty)


def undo_line(outcome: Outcome, *, is_undo: bool = False) -> str:
    verb = 'bring' if is_undo else 'take'
    return f'to {verb} it back: sudo registry-host undo {outcome.checkpoint}'


def _below(root: str, text: str) -> str:
    from shlex import quote

    # A command, not a path: /var/lib/registry-host is one too.
    return re.sub(
        r'(?<![-/\w])registry-host (?=[a-z])',
        lambda _: f'registry-host --root {quote(root)} ',
        text,
    )


def _paths_below(root: str, text: str, is_inside: Callable[[str], bool]) -> str:
    """Put the root in front of the paths in a hint, but for those of this machine."""
    from shlex import quote

    def named(found: re.Match[str]) -> str:
        path = found[0].removeprefix("'")
        if f'{path}/'.startswith(f'{root}/') or not is_inside(path):
            return found[0]
        # In front of the quote that a path may stand in: a shell joins the two.
        return f'{quote(root)}{found[0]}'

    # Not a part of a URL, nor of a pattern of sed.
    return re.sub(r"(?<![^\s>])'?/(?:[\w.+@-]+/)+[\w.+@-]+", named, text)


# JSON


def to_json(report: Report) -> str:
    """Render the one object of --format json. Its keys are an API: see VERSION."""
    import json

    changes = report.plan.changes if report.plan else ()
    document = {
        'version': VERSION,
        'command': report.command,
        'ok': not report.errors and report.exit_code in (0, 3),
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
    from registry_host.checkpoints import undone

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
    from registry_host.diffs import unified_diff

    entries = report.entries.get(change.path)
    return {
        'target': change.target,
        'path': change.path,
        'action': change.action,
        'activation': str(_activation_of(change)),
        'diff': unified_diff(change) if change.action != 'none' else '',
        'added': [_added_json(e) for e in entries.added] if entries else [],
        'removed': [_removed_json(e) for e in entries.removed] if entries else [],
    }


def _added_json(entry: Entry) -> dict[str, Any]:
    return {'setting': entry.setting, 'value': entry.value}


def _removed_json(entry: Entry) -> dict[str, Any]:
    return {**_added_json(entry), 'run': _text_of(entry.run)}


def _activation_of(change: Change) -> Activation:
    return Activation.NONE if change.action == 'none' else change.activation


def _activation_json(report: Report) -> dict[str, Any]:
    needed = report.plan.activation if report.plan else Activation.NONE
    done = report.outcome.done if report.outcome else Activation.NONE
    pending = report.outcome.pending if report.outcome else Activation.NONE
    is_verified = bool(report.outcome and report.outcome.is_verified)
    if report.plan and report.plan.is_empty:
        # Nothing was to do because the live lists were looked at, and agreed; or none
        # of it is the engine's.
        kinds = {change.activation for change in report.plan.changes}
        is_seen = report.plan.expected is not None and report.plan.is_shown
        is_verified = is_seen or kinds <= {Activation.NONE}
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


# Text


def error_lines(errors: Sequence[Problem], paint: Paint) -> Iterator[str]:
    for problem in errors:
        yield f'{paint("error:", "red")} {problem}'
        yield from (
            f'    {line}' for line in problem.excerpt.rstrip('\n').split('\n') if line
        )
        if problem.hint:
            yield f'hint:  {problem.hint}'


def text_lines(report: Report, paint: Paint) -> Iterator[str]:
    """Render a report for people; its errors are for the other stream."""
    yield from _finding_lines(report, paint)
    if report.results is not None:
        yield from _result_lines(report.results, paint)
    if report.plan is not None and not report.errors:
        yield from _plan_lines(report, report.plan, paint)
    if report.runs is not None:
        yield from _run_lines(report.runs)
    if report.note:
        yield report.note


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
        state = f'{paths or "this host"} is as asked'
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
    from registry_host.diffs import unified_diff

    colours = {'+': 'green', '-': 'red', '@': 'cyan'}
    for change in changes:
        for line in unified_diff(change).removesuffix('\n').split('\n'):
            colour = None if line[:3] in ('+++', '---') else colours.get(line[:1])
            yield paint(line, colour) if colour else line


def _activation_lines(report: Report, plan: Plan) -> Iterator[str]:
    if report.is_check:
        if plan.activation is not Activation.NONE:
            yield f'would {plan.activation} the engine'
        return
    outcome = report.outcome
    if outcome is None:
        return
    if outcome.info is not None:
        yield from _live_lines(outcome, outcome.info)
    elif plan.activation is not Activation.NONE and not outcome.pending:
        yield f'no {plan.activation} was done: the engine reads the file when it starts'
    if outcome.checkpoint is None:
        return
    if report.confirm_within is None:
        yield report.undo
    else:
        yield f'on approval: taken back in {report.confirm_within:g} s if not confirmed'
        yield 'to let it stay: sudo registry-host confirm'


def _live_lines(outcome: Outcome, info: Info) -> Iterator[str]:
    if outcome.done is Activation.RESTART:
        stopped = ', '.join(outcome.stopped)
        yield 'restarted the engine; ' + (
            f'stopped: {stopped}' if stopped else 'no container was stopped'
        )
    else:
        running = info.running_containers
        yield f'reloaded the engine; {running} running container(s) left alone'
    yield f'live registry-mirrors: {", ".join(info.lists.mirrors or ()) or "none"}'
    insecure = sorted(name for _, name in info.lists.insecure or ())
    yield f'live insecure-registries: {", ".join(insecure) or "none"}'
    for area, text in info.live.proxies:
        if text:
            yield f'live {area}: {text}'


def _run_lines(runs: Sequence[Run]) -> Iterator[str]:
    from registry_host.checkpoints import undone

    undone_by = undone(runs)
    if not runs:
        yield 'no run has changed this host yet'
    for run in runs:
        outcome = run.outcome
        if run.done is not Activation.NONE:
            outcome += f', {run.done}'
        if run.done < run.needed and run.live is not None:
            outcome += f' ({run.needed} was needed)'
        if run.origin.undoes is not None:
            outcome += f', undoes {run.origin.undoes}'
        if run.id in undone_by:
            outcome += f', undone by {undone_by[run.id]}'
        yield f'{run.id:>3}  {run.started}  {run.by}  {outcome}'
        yield f'     {run.origin.line}'
        yield from (f'     {action} {path}' for path, action in run.files)
