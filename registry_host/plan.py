"""What would change, as data: states of files, changes between them, a plan."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from registry_host.errors import Problem


class Activation(IntEnum):
    """What makes a change take effect; max() is the strongest."""

    NONE = 0
    RELOAD = 1
    RESTART = 2

    def __str__(self) -> str:
        return self.name.lower()


class User(NamedTuple):
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str


class FileState(NamedTuple):
    """All that a file is to us. `content` is None where there is no file.

    `path` is the name inside the root, `realpath` what is opened: links followed, the
    root in front. `user` is whose privileges read and write it; None is our own.
    `folder_mode` is given to missing parent folders. Its repr() shows no content, which
    may hold secrets.
    """

    path: str
    realpath: str
    content: bytes | None
    mode: int
    uid: int
    gid: int
    user: User | None = None
    folder_mode: int = 0o755

    def __repr__(self) -> str:
        size = 'absent' if self.content is None else f'{len(self.content)} bytes'
        return f'FileState({self.path!r}, {size}, mode={self.mode:04o})'


class Change(NamedTuple):
    """A whole file before and after, so that the inverse is a swap."""

    target: str
    before: FileState
    after: FileState
    activation: Activation

    @property
    def path(self) -> str:
        return self.before.path

    @property
    def action(self) -> str:
        if self.before.content == self.after.content:
            return 'none'
        if self.before.content is None:
            return 'create'
        return 'delete' if self.after.content is None else 'update'

    def inverse(self) -> Change:
        return self._replace(before=self.after, after=self.before)


class Finding(NamedTuple):
    """Something worth telling. `remedy` holds commands or steps to take, in order."""

    check: str
    severity: str  # 'ok' | 'info' | 'skipped' | 'warning' | 'error'
    message: str
    path: str | None = None
    remedy: tuple[str, ...] = ()

    @classmethod
    def of(cls, problem: Problem, severity: str, path: str | None = None) -> Finding:
        remedy = (problem.hint,) if problem.hint else ()
        return cls(
            check=problem.code,
            severity=severity,
            message=str(problem),
            path=path,
            remedy=remedy,
        )


class LiveLists(NamedTuple):
    """What one engine uses now, or will once it has read a daemon.json.

    None in a list means that nothing is said of it: a reload keeps the value of a key
    that its file does not name. The insecure entries compare as sets, for /info orders
    them at random since 29.0 (moby daemon/info.go).
    """

    mirrors: tuple[str, ...] | None
    insecure: frozenset[tuple[str, str]] | None

    def agrees_with(self, live: LiveLists) -> bool:
        return (self.mirrors is None or self.mirrors == live.mirrors) and (
            self.insecure is None or self.insecure == live.insecure
        )


class Plan(NamedTuple):
    """Every change of one run, in the order of writing.

    `record` is the change of our own ledger: it stands or falls with the others, and is
    written first, so that a power cut cannot leave entries on disk that nobody
    remembers as ours. `expected` is what the live engine must show afterwards.
    """

    changes: tuple[Change, ...]
    record: Change | None = None
    expected: LiveLists | None = None
    is_live_drifted: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action != 'none')

    @property
    def is_empty(self) -> bool:
        return not self.pending and not self.is_live_drifted

    @property
    def activation(self) -> Activation:
        needed = max(
            (change.activation for change in self.pending), default=Activation.NONE
        )
        return max(needed, Activation.RELOAD) if self.is_live_drifted else needed

    @property
    def writes(self) -> tuple[Change, ...]:
        is_recorded = self.record is not None and self.record.action != 'none'
        return ((self.record,) if is_recorded and self.record else ()) + self.pending
