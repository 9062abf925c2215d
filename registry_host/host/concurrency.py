"""Several slow questions at once, under one deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
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
