"""Several slow questions at once, under one deadline; long jobs, some at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
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


def work_off(
    jobs: Sequence[Callable[[], None]], *, width: int, stop: threading.Event
) -> None:
    """Run jobs one after the other, `width` at a time, until all are done.

    An exception of a job is raised once all others have ended. An interrupt sets
    `stop`, which each job is to heed; what is left is not begun.
    """
    left = deque(jobs)
    failures: list[Exception] = []

    def work(ended: threading.Event) -> None:
        try:
            while left and not stop.is_set():
                try:
                    job = left.popleft()
                except IndexError:
                    return
                try:
                    job()
                except Exception as err:  # noqa: BLE001 - raised by whoever waits
                    failures.append(err)
        finally:
            ended.set()

    # A join() that a signal interrupts takes its thread for ended, though it runs on
    # (bpo-45274, Python 3.10 to 3.12): so each says itself when it has.
    ends = [threading.Event() for _ in range(min(width, len(jobs)))]
    threads = [
        threading.Thread(target=work, args=(ended,), daemon=True) for ended in ends
    ]
    try:
        for thread in threads:
            thread.start()
        for ended in ends:
            while not ended.wait(_PATIENCE_S):
                pass  # In steps: a signal is heeded in between.
    except BaseException:
        stop.set()
        _see_out(ends)
        raise
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


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
