"""The files of a host as a plan would leave them, or as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.ledger import Applied, Ledger


class View:
    """Files by their path, and what is managed in them.

    Those of a plan are as the plan has them; others, if asked for, as they are on disk.
    """

    def __init__(
        self,
        host: Host,
        states: Mapping[str, FileState],
        ledger: Ledger,
        *,
        is_whole: bool = False,
    ) -> None:
        self._host = host
        self._others: dict[str, FileState | None] = {}
        self._is_whole = is_whole
        self.states = states
        self.ledger = ledger

    def having(self, state: FileState) -> View:
        """The same, but for one file."""
        states = {**self.states, state.path: state}
        return View(self._host, states, self.ledger, is_whole=self._is_whole)

    def is_about(self, path: str) -> bool:
        """Whether a file counts: one of the plan, or any where all are to be read."""
        return path in self.states or self._is_whole

    def state(self, path: str, user: User | None = None) -> FileState | None:
        """Return a file; None if it cannot be read."""
        if path in self.states:
            return self.states[path]
        if path not in self._others:
            try:
                self._others[path] = self._host.read(path, user=user)
            except ConfigError:
                self._others[path] = None
        return self._others[path]

    def applied(self, path: str) -> tuple[Applied, ...]:
        """Return what is managed in one file, by any target."""
        return tuple(entry for entry in self.ledger.entries if entry.path == path)
