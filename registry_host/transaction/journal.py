"""The journal of a run while it lasts: the only way back from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from registry_host.errors import ApplyError, Problem, RegistryHostError, StoppedError
from registry_host.levels import ALWAYS
from registry_host.progress import HostState
from registry_host.services.facts import Facts
from registry_host.transaction import checkpoints, confirmation
from registry_host.transaction.rollback import FINISH, go_back
from registry_host.transaction.run import ROLLED_BACK, Run, undo_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from registry_host.host.host import Host
    from registry_host.transaction.back import Back


# A user who interrupts a run will not wait for long.
HASTY_TIMEOUT_S = 3.0

FAILURES = (OSError, RegistryHostError)
Failure = OSError | RegistryHostError


class Journal:
    """Holds a run from before its first byte to its commit; the only way back from it.

    Left by an error, by Ctrl-C or by the end of the session, it rolls back and says
    what became of the host, in the exception that it raises and in `host.progress`. A
    run is committed by the change of one name, so what stands on the disk decides: an
    interrupt right behind it takes nothing back. Where the disk refused to keep that
    name, the run is rolled back, for it might be by itself after a power cut.

    Add the name of a service to `activated` before it is told of the new files.
    `explain` makes the error to be raised of the one that ended the run.
    """

    def __init__(
        self, host: Host, run: Run, explain: Callable[[Failure], RegistryHostError]
    ) -> None:
        self._host = host
        self._explain = explain
        self.run = run
        self.activated: set[str] = set()
        self._is_kept = False

    def __enter__(self) -> Journal:
        return self

    def open(self) -> None:
        """Have the run on disk before anything is written.

        Not in __enter__, whose errors never reach __exit__.
        """
        self._host.progress.reach(HostState.PARTLY_CHANGED, FINISH)
        checkpoints.save_journal(self._host, self.run)

    def merge(self, path: str, content: bytes) -> None:
        """Have content that holds what others wrote meanwhile on disk, too."""
        self.run = self.run.with_merged(path, content)
        limit = checkpoints.MERGED_LIMIT_BYTES
        checkpoints.save_journal(self._host, self.run, limit=limit)

    def commit(self) -> None:
        checkpoints.commit(self._host, self.run)
        self._is_kept = True
        self._stand()

    def _stand(self) -> None:
        self._host.progress.reach(HostState.CHANGED, undo_command(self.run.id))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if err is None:
            return
        is_refused = isinstance(err, FAILURES) and not self._is_kept
        if not is_refused and checkpoints.is_committed(self._host, self.run):
            self._stand()
        elif isinstance(err, FAILURES):
            self._roll_back(self._explain(err))
        elif isinstance(err, KeyboardInterrupt):  # Or the end of the session.
            state = self._roll_back_in_haste()
            raise StoppedError(
                Problem('interrupted', f'interrupted; {state}')
            ) from None
        else:  # A bug of registry-host, which is raised on.
            self._roll_back_in_haste()

    def _go_back(self, timeout_s: float | None = None) -> Back:
        back = go_back(
            self._host,
            self.run,
            Facts.of_host(self._host),
            activated=self.activated,
            policy=ALWAYS,
            timeout_s=timeout_s,
        )
        if back.is_whole:
            checkpoints.close(self._host, self.run, ROLLED_BACK)
            confirmation.disarm(self._host, self.run.id)
            is_touched = back.is_touched or bool(self.activated)
            self._host.progress.reach(
                HostState.ROLLED_BACK if is_touched else HostState.UNCHANGED
            )
        return back

    def _roll_back_in_haste(self) -> str:
        """Roll back for a user who will not wait; say what became of the host."""
        try:
            back = self._go_back(HASTY_TIMEOUT_S)
        except BaseException:  # noqa: BLE001 - interrupted once more, or worse
            return f'partly applied; to put it back: {FINISH}'
        return str(back) if back.is_whole else f'{back}; to put it back: {FINISH}'

    def _roll_back(self, cause: RegistryHostError) -> NoReturn:
        """Roll back, and raise `cause` with what became of the host."""
        try:
            back = self._go_back()
            state, is_whole = str(back), back.is_whole
            by_hand = ' && '.join(back.untold.values())
        except FAILURES as err:
            state, is_whole = f'partly applied: going back failed ({err})', False
            by_hand = ''
        problems = [
            problem._replace(
                message=f'{problem.message}; {state}',
                hint=(by_hand or problem.hint) if is_whole else FINISH,
            )
            for problem in cause.problems
        ]
        # To try again is no cure for what is left half-done.
        failure = type(cause)(*problems) if is_whole else ApplyError(*problems)
        failure.is_told = True
        raise failure from None
