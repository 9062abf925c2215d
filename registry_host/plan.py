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


# When a run may restart an engine for what a reload does not do.
NEVER, IF_SAFE, ALWAYS = 'never', 'if-safe', 'always'


class User(NamedTuple):
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str


class FileState(NamedTuple):
    """All that a file is to us. `content` is None where there is no file.

    `path` is the name inside the root, `realpath` what is opened: links followed, the
    root in front. `link` is the text of `path` itself where that is a link. `xattrs`
    None stands for those that the folder gives to a new file. `user` is whose
    privileges read and write it; None is our own. `folder_mode` is given to
    `missing_folders`, the parents that are not there yet, outermost first. Its repr()
    shows no content, which may hold secrets.
    """

    path: str
    realpath: str
    content: bytes | None
    mode: int
    uid: int
    gid: int
    user: User | None = None
    folder_mode: int = 0o755
    link: str | None = None
    xattrs: tuple[tuple[str, bytes], ...] | None = None
    missing_folders: tuple[str, ...] = ()

    def __repr__(self) -> str:
        size = 'absent' if self.content is None else f'{len(self.content)} bytes'
        return f'FileState({self.path!r}, {size}, mode={self.mode:04o})'

    def is_same_file(self, other: FileState) -> bool:
        """Whether a reader, and whoever may read, would see the same."""
        if self.content is None or other.content is None:
            return self.content is other.content
        return (self.content, self.mode, self.uid, self.gid, self.realpath) == (
            other.content,
            other.mode,
            other.uid,
            other.gid,
            other.realpath,
        )


class Change(NamedTuple):
    """A whole file before and after.

    `interim` is what stands there in passing: lists that the engine is to forget are
    named in it, empty, for a reload keeps the value of a key that its file leaves out.
    `owner` is the keeper of nameservers that reads this file, and must be told that it
    has changed; '' where that is nobody.
    """

    target: str
    before: FileState
    after: FileState
    activation: Activation
    interim: bytes | None = None
    owner: str = ''

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

    @property
    def first(self) -> FileState:
        """What is written before the engine is activated."""
        if self.interim is None:
            return self.after
        mode = 0o644 if self.after.content is None else self.after.mode
        return self.after._replace(content=self.interim, mode=mode)


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


class Live(NamedTuple):
    """All that an engine shows of what we set.

    `proxies` maps http-proxy, https-proxy and no-proxy to their text, credentials
    masked as /info masks them; of one that is missing nothing is said.
    """

    lists: LiveLists
    proxies: tuple[tuple[str, str], ...] = ()


class Use(NamedTuple):
    """What an owner of nameservers must be seen to use, in front of all others.

    `gone` are those that it had been told before, and is to use no more. Where it
    `is_exclusive`, there should be no others.
    """

    owner: str
    nameservers: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_exclusive: bool = False


class Plan(NamedTuple):
    """Every change of one run, in the order of writing.

    `record` is the change of our own ledger: it stands or falls with the others, and is
    written first. `expected` is what the live engine must show afterwards; `drift` what
    it takes where it does not although its file is right. `uses` is what owners of
    changed files must be seen to do. Unless `is_shown`, something is asked that the
    engine does not show.
    """

    changes: tuple[Change, ...]
    record: Change | None = None
    expected: Live | None = None
    drift: Activation = Activation.NONE
    uses: tuple[Use, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_shown: bool = True

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action != 'none')

    @property
    def is_empty(self) -> bool:
        return not self.pending and self.drift is Activation.NONE

    @property
    def activation(self) -> Activation:
        needed = (change.activation for change in self.pending)
        return max(self.drift, *needed, Activation.NONE)

    @property
    def writes(self) -> tuple[Change, ...]:
        is_recorded = self.record is not None and self.record.action != 'none'
        return ((self.record,) if is_recorded and self.record else ()) + self.pending
