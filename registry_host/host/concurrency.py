"""Several slow questions at once, under one deadline; long jobs, some at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from queue import SimpleQueue
from typing import TypeVar

K = TypeVar('K', bound=Hashable)
T = TypeVar('T')


def ask_all(
    jobs: Mapping[K, Callable[[], T]],
    *,
    deadline_s: float,
    crashed: Callable[[K, Exception], T],
) -> dict[K, T]:
    """Run all jobs at once; one that is not back in time is missing from the answers.

    `crashed` makes an answer of a job's exception, which so ends no other. The threads
    are daemons: a lookup that hangs in the C library must not hold the program back at
    its end, as an executor would.
    """
    answers: dict[K, T] = {}

    def answer(key: K, job: Callable[[], T]) -> None:
        try:
            answers[key] = job()
        except Exception as err:  # noqa: BLE001 - the answer of this job alone
            answers[key] = crashed(key, err)

    threads = [
        threading.Thread(target=answer, args=(key, job), daemon=True)
        for key, job in jobs.items()
    ]
    deadline = time.monotonic() + deadline_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {key: answers[key] for key in jobs if key in answers}


Job = Callable[[], Callable[[], object] | None]


def work_off(
    jobs: Sequence[Job],
    *,
    width: int,
    next_width: int = 0,
    stop: threading.Event,
) -> None:
    """Run jobs one after the other, `width` at a time, until all are done.

    What a job returns is a second one, for which there are `next_width` other threads:
    so it does not wait for the first jobs of all. An exception of a job is raised once
    all others have ended. An interrupt sets `stop`, which each job is to heed; what is
    left is not begun.
    """
    crew = _Crew(jobs, stop)
    # A join() that a signal interrupts takes its thread for ended, though it runs on
    # (bpo-45274, Python 3.10 to 3.12): so each says itself when it has.
    firsts = [threading.Event() for _ in range(min(width, len(jobs)))]
    seconds = [threading.Event() for _ in range(min(next_width, len(jobs)))]
    threads = [
        threading.Thread(target=target, args=(ended,), daemon=True)
        for target, ends in ((crew.work, firsts), (crew.work_on, seconds))
        for ended in ends
    ]
    try:
        for thread in threads:
            thread.start()
        _wait_for(firsts)
        crew.end_second_jobs(len(seconds))
        _wait_for(seconds)
    except BaseException:
        stop.set()
        crew.end_second_jobs(len(seconds))
        _see_out([*firsts, *seconds])
        raise
    for thread in threads:
        thread.join()
    if crew.failures:
        raise crew.failures[0]


class _Crew:
    """What the threads of work_off() do."""

    def __init__(self, jobs: Sequence[Job], stop: threading.Event) -> None:
        self.failures: list[Exception] = []
        self._left = deque(jobs)
        self._handed_on: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._stop = stop

    def end_second_jobs(self, threads: int) -> None:
        """Say to so many threads that there will be no more second jobs."""
        for _ in range(threads):
            self._handed_on.put(None)

    def work(self, ended: threading.Event) -> None:
        """Run first jobs, until none is left."""
        try:
            while self._left and not self._stop.is_set():
                try:
                    job = self._left.popleft()
                except IndexError:
                    return
                following = self._attempt(job)
                if following is not None:
                    self._handed_on.put(following)
        finally:
            ended.set()

    def work_on(self, ended: threading.Event) -> None:
        """Run second jobs, as they come."""
        try:
            while (job := self._handed_on.get()) is not None:
                if not self._stop.is_set():
                    self._attempt(job)
        finally:
            ended.set()

    def _attempt(self, job: Callable[[], T]) -> T | None:
        try:
            return job()
        except Exception as err:  # noqa: BLE001 - raised where the job is waited for
            self.failures.append(err)
            return None


def _wait_for(ends: Sequence[threading.Event]) -> None:
    for ended in ends:
        while not ended.wait(_PATIENCE_S):
            pass  # In steps: a signal is heeded in between.


def _see_out(ends: Sequence[threading.Event]) -> None:
    """Wait a while for jobs to end: one more interrupt must leave no program behind."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(KeyboardInterrupt):
            left = next((ended for ended in ends if not ended.is_set()), None)
            if left is None:
                return
            left.wait(_STEP_S)


_STEP_S = 0.1
_PATIENCE_S = 2.0
