"""What came of a command, as text for people or one JSON object for programs."""

from __future__ import annotations

import re
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from registry_host.errors import (
    Exit,
    Finding,
    Problem,
    advised,
    pasted_by,
    repeat_with,
    repeated,
)
from registry_host.namedtuples import NamedTuple
from registry_host.progress import MENDED, HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from registry_host.doctor.checks.check import Check
    from registry_host.plan.changes import Plan
    from registry_host.plan.readings import Served
    from registry_host.progress import Progress, Proof
    from registry_host.registry.copying import Copied
    from registry_host.registry.rendering import Text
    from registry_host.reporting.overview import Overview
    from registry_host.settings.checking import Checked
    from registry_host.transaction.managed import EntryChanges
    from registry_host.transaction.outcome import Outcome
    from registry_host.transaction.run import Run

# What follows the name where a message has a command line, and no sentence.
COMMANDS = (
    'configure confirm doctor history image registry reload status unconfigure undo '
    'validate'
).split()


class CheckedRegistry(NamedTuple):
    """A registry that was checked; `role` None: it does not start as it is.

    `distribution` is the major version that its config was read for.
    """

    path: str
    role: str | None = None
    upstream: str = ''
    root: str = ''
    address: str = ''
    distribution: int | None = None


class Report(NamedTuple):
    """All that one command has to say.

    `outcome` None: nothing was applied, be it a forecast (`is_check`) or a failure.
    `forecast` is what would come of it, if anything would change.
    `entries` are the managed entries that come and go, by the path of their file.
    `confirm_within` is in seconds; `undo` is how to undo what was done, `approval`
    how to let it stay. `state` is what was true of the host in the end; it `is_mending`
    where, with --check, a run that was cut short would be rolled back. `results` are of
    validate, `runs` of history, `checks` of doctor --list, `texts` of registry render,
    `registries` of registry check, `overview` of status, `images` of image copy.
    """

    command: str
    exit_code: Exit = Exit.DONE
    plan: Plan | None = None
    entries: Mapping[str, EntryChanges] = MappingProxyType({})
    outcome: Outcome | None = None
    forecast: Outcome | None = None
    is_check: bool = False
    has_diff: bool = False
    confirm_within: float | None = None
    undo: str = ''
    approval: str = 'sudo registry-host confirm'
    note: str = ''
    findings: tuple[Finding, ...] = ()
    errors: tuple[Problem, ...] = ()
    results: tuple[Checked[Any], ...] | None = None
    runs: tuple[Run, ...] | None = None
    checks: tuple[Check, ...] | None = None
    texts: tuple[Text, ...] | None = None
    registries: tuple[CheckedRegistry, ...] | None = None
    overview: Overview | None = None
    images: tuple[Copied, ...] | None = None
    services: tuple[Served, ...] = ()
    proofs: tuple[Proof, ...] = ()
    is_mending: bool = False
    state: HostState = HostState.UNCHANGED

    def after(self, progress: Progress) -> Report:
        """Tell what is true of the host, and was proved, however the command ended."""
        return self._replace(
            findings=tuple(dict.fromkeys((*progress.notes, *self.findings))),
            proofs=tuple(dict.fromkeys((*self.proofs, *progress.proofs))),
            state=progress.host,
        )

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

    def repeating(self, arguments: Sequence[str]) -> Report:
        """Give each hint to repeat the command with a flag as a whole command.

        Where the command cannot be given once more, the message says what to do.
        """
        hints = [problem.hint for problem in self.errors]
        hints += [step for finding in self.findings for step in finding.remedy]
        if not any(repeat_with('') in hint for hint in hints):
            return self
        from registry_host.redact import repeatable

        line = repeatable(arguments)
        return self._replace(
            findings=tuple(_repeating(each, line) for each in self.findings),
            errors=tuple(_again(each, line) for each in self.errors),
        )

    def pasted_by(self, name: Callable[[], str]) -> Report:
        """Have no hint ask for sudo where its reader is root, or that user, already."""
        texts = [self.undo, self.approval, *(p.hint for p in self.errors)]
        texts += [step for finding in self.findings for step in finding.remedy]
        if not any('sudo ' in text for text in texts):
            return self
        fit = partial(pasted_by, name())
        return self._replace(
            undo=fit(self.undo),
            approval=fit(self.approval),
            findings=tuple(
                each._replace(remedy=tuple(map(fit, each.remedy)))
                for each in self.findings
            ),
            errors=tuple(each._replace(hint=fit(each.hint)) for each in self.errors),
        )

    @property
    def is_changed(self) -> bool:
        """Whether the host was changed, or, with --check, would be.

        A restart that is put off changes nothing. Of image copy: whether its
        destination was.
        """
        if self.is_mending:
            return True
        if self.images is not None:
            return any(each.action in ('copied', 'updated') for each in self.images)
        if self.is_check and self.plan is not None:
            is_done = self.forecast is not None and self.forecast.done
            return bool(self.plan.pending or is_done)
        as_before = (HostState.UNCHANGED, HostState.ROLLED_BACK)
        return self._is_mended or self.host not in as_before

    @property
    def host(self) -> HostState:
        """What is true of the host now."""
        if self.plan is None or self.outcome is None:
            return self.state
        if self.plan.pending or self.outcome.done:
            return HostState.CHANGED
        return HostState.RECOVERED if self._is_mended else HostState.UNCHANGED

    @property
    def _is_mended(self) -> bool:
        """Whether an earlier run was rolled back, or undone, first."""
        return any(finding.check in MENDED for finding in self.findings)


def _again(problem: Problem, line: str) -> Problem:
    hint, instead = repeated(problem.hint, line)
    return problem._replace(message=advised(problem.message, instead), hint=hint)


def _repeating(finding: Finding, line: str) -> Finding:
    pairs = [repeated(step, line) for step in finding.remedy]
    instead = ', or '.join(words for _, words in pairs if words)
    return finding._replace(
        message=advised(finding.message, instead),
        remedy=tuple(hint for hint, _ in pairs if hint),
    )


def undo_line(number: int | None, *, is_undo: bool = False) -> str:
    """Say how a run is undone; '' if there was none."""
    if number is None:
        return ''
    from registry_host.transaction.run import undo_command

    return f'to {"redo" if is_undo else "undo"} it: {undo_command(number)}'


def _below(root: str, text: str) -> str:
    if 'registry-host' not in text:
        return text
    from shlex import quote

    # A command: not a path (/var/lib/registry-host), nor the name in a sentence.
    return re.sub(
        rf'(?<![-/\w])registry-host (?=(?:{"|".join(COMMANDS)})\b)',
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
