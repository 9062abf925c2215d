"""The command image copy: images of other hubs, brought into a registry."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Protocol

from registry_host.commands.copy_names import COMMAND, Wish, not_begun, read_wish
from registry_host.errors import (
    CopyError,
    Exit,
    Finding,
    Problem,
    SourcesError,
    StoppedError,
    counted,
    listed,
    repeat_with,
)
from registry_host.host.concurrency import work_off
from registry_host.registry.copyends import Ends, reach_ends, role_findings
from registry_host.registry.copying import (
    ARRIVING,
    Copied,
    Decision,
    decide,
    failed,
    proved,
)
from registry_host.registry.copymeans import Means, find_means
from registry_host.registry.landing import name_findings
from registry_host.reporting.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry_host.host.host import Host
    from registry_host.registry.landing import Landing

# Questions are short, and mostly waiting.
_ASKING_WIDTH = 8
_PROVING_WIDTH = 2
# What is wrong with single images of a registry: each is named, whatever their number.
_OF_IMAGES = frozenset({'copy-absent', 'copy-login', 'copy-no-manifest'})


class View(Protocol):
    """Who is told while it goes on; each may be called by any thread.

    Of an image under way, nothing is said where `is_watched` is False.
    """

    is_watched: bool

    def told(self, line: str) -> None:
        """Take a line about what is waited for."""

    def counted(self, images: int) -> None:
        """Take how many images there are."""

    def moved(self, landing: Landing, line: str, sent: int) -> None:
        """Take what is said of an image under way, and the bytes sent so far."""

    def finished(self, copied: Copied, *, is_check: bool) -> None:
        """Take what came of an image."""


def copy_images(host: Host, wish: Wish, view: View) -> Report:
    """Copy images, or forecast it. Nothing of this host is changed.

    An image that cannot be copied does not keep the others from it.
    """
    if not host.is_live:
        message = 'with --root no registry is asked over the network'
        raise SourcesError(Problem('copy-root', message, COMMAND))
    landings, destination, warnings = read_wish(host, wish)
    stop = threading.Event()
    ends = reach_ends(host, landings, destination, told=view.told, stop=stop)
    if isinstance(ends, Problem):
        raise CopyError(not_begun(ends))
    side_by_side = min(wish.jobs, len(landings))
    with closing(ends):
        means = find_means(host, ends, wish.platform, side_by_side=side_by_side)
        if isinstance(means, Problem):
            raise CopyError(not_begun(means))
        work = _Work(wish, ends, means, view, stop)
        try:
            work.run(landings)
        except KeyboardInterrupt:
            raise StoppedError(work.interruption()) from None
    if work.refusal is not None:
        raise CopyError(not_begun(work.refusal))
    arrived = work.arrived
    names = name_findings(arrived, destination, keeps_host=wish.keeps_host)
    findings = (*warnings, *work.findings, *names)
    if arrived:
        findings += means.findings()
    if work.has_news:
        findings += ends.findings
    return work.report(findings)


class _Work:
    """The images of one command, and how far each is."""

    def __init__(
        self, wish: Wish, ends: Ends, means: Means, view: View, stop: threading.Event
    ) -> None:
        self._wish = wish
        self._ends = ends
        self._means = means
        self._view = view
        self._stop = stop
        self._slots = threading.Semaphore(wish.jobs)
        self._role = threading.Lock()
        self._is_role_known = False
        self.refusal: Problem | None = None
        self.findings: tuple[Finding, ...] = ()
        self.decisions: list[Decision] = []
        self._done: dict[Landing, Copied] = {}

    @property
    def arrived(self) -> tuple[Landing, ...]:
        """The images that were copied; with --check, those that would be."""
        landings = (each.landing for each in self.decisions)
        return tuple(each for each in landings if self._done[each].action in ARRIVING)

    @property
    def has_news(self) -> bool:
        """Whether there is anything but images that were there already."""
        return any(each.action != 'none' for each in self._done.values())

    def run(self, landings: Sequence[Landing]) -> None:
        """Copy what is to be copied, while the rest is looked at still."""
        self._view.counted(len(landings))
        decided: dict[Landing, Decision] = {}
        width = max(_ASKING_WIDTH, self._wish.jobs)
        # While one is proved, the next is copied already.
        next_width = 0 if self._wish.is_check else self._wish.jobs + _PROVING_WIDTH
        jobs = [partial(self._begin, landing, decided) for landing in landings]
        work_off(jobs, width=width, next_width=next_width, stop=self._stop)
        if self.refusal is None:
            self.decisions = [decided[landing] for landing in landings]

    def _begin(
        self, landing: Landing, decided: dict[Landing, Decision]
    ) -> Callable[[], None] | None:
        """Decide, and return what copies the image if it is to be copied."""
        found = self._decide(landing)
        if found.is_pending:
            self._require_push(landing)
        if self._stop.is_set():
            return None
        decided[landing] = found
        if found.is_pending and not self._wish.is_check:
            return partial(self._copy, found)
        self._finish(Copied(landing, found.action, found.digest, problem=found.problem))
        return None

    def _decide(self, landing: Landing) -> Decision:
        origin = self._ends.origins[landing.source.domain]
        if isinstance(origin, Problem):
            return Decision(landing, 'failed', problem=origin)
        return decide(
            landing,
            origin,
            self._ends.destination,
            platform=self._wish.platform,
            is_verifying=self._wish.is_verifying,
            by_engine=self._means.platform,
        )

    def _require_push(self, landing: Landing) -> None:
        """Ask once, and before the first byte, whether the destination takes pushes.

        Where all images are there already, nothing is put, not even what is refused.
        """
        with self._role:
            if self._is_role_known:
                return
            self._is_role_known = True
            found = role_findings(self._ends.destination, landing.target.path)
            if isinstance(found, Problem):
                self.refusal = found
                self._stop.set()
            else:
                self.findings = found

    def _copy(self, decision: Decision) -> None:
        landing = decision.landing
        with self._slots:
            if self._stop.is_set():
                return
            seen = partial(self._view.moved, landing)
            problem = self._means.copy(
                decision,
                seen=seen if self._view.is_watched else None,
                is_stopped=self._stop.is_set,
            )
        if self._stop.is_set():
            return
        if problem is not None:
            self._finish(failed(decision, problem))
            return
        is_exact = not self._means.platform
        self._finish(proved(decision, self._ends.destination, is_exact=is_exact))

    def _finish(self, copied: Copied) -> None:
        self._done[copied.landing] = copied
        self._view.finished(copied, is_check=self._wish.is_check)

    # What came of it

    def interruption(self) -> Problem:
        count = sum(c.action in ARRIVING for c in self._done.values())
        there = sum(c.action == 'none' for c in self._done.values())
        what = f'{count or "no"} {"images were" if count > 1 else "image was"}'
        message = f'interrupted; {what} copied'
        if there:
            message += f', {there} were there already'
        return Problem('interrupted', message, hint=repeat_with(''))

    def report(self, findings: tuple[Finding, ...]) -> Report:
        copied = tuple(self._done[each.landing] for each in self.decisions)
        errors = tuple(_joined(copied))
        is_pending = self._wish.is_check and self.arrived
        done = Exit.PENDING if is_pending else Exit.DONE
        return Report(
            COMMAND,
            Exit.FAILED if errors else done,
            is_check=self._wish.is_check,
            findings=findings,
            errors=errors,
            images=copied,
            note=_sum_up(copied, is_check=self._wish.is_check),
        )


def _joined(copied: Sequence[Copied]) -> Iterator[Problem]:
    """Tell of what failed, and once of what kept several images from being copied."""
    by_problem: dict[Problem, list[str]] = {}
    for each in copied:
        if each.problem is not None:
            names = by_problem.setdefault(each.problem, [])
            names.append(str(each.landing.source))
    for problem, names in by_problem.items():
        is_named = len(names) == 1 and names[0] in str(problem)
        limit = len(names) if problem.code in _OF_IMAGES else 3
        what = '' if is_named else f': {listed(names, limit)}'
        yield problem._replace(message=f'{problem.message}; not copied{what}')


def _sum_up(copied: Sequence[Copied], *, is_check: bool) -> str:
    actions = [each.action for each in copied]
    verb = 'would be copied' if is_check else 'copied'
    new = sum(action in ARRIVING for action in actions)
    counts = (
        (new, verb),
        (actions.count('none'), 'already there'),
        (actions.count('failed'), 'failed'),
    )
    what = counted(len(copied), 'image')
    return f'{what}: {", ".join(f"{n} {word}" for n, word in counts if n)}'
