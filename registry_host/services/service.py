"""What a service is: a program that reads configs, and can be told to read them again.

A target says what stands in a file; a service, what a program makes of its files, when
it reads them, and how it is seen to use them. One service may read the files of several
targets, and one file may be read by several services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from registry_host.errors import Finding, RegistryHostError
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import Activation, Allowed, RestartPolicy
    from registry_host.plan.readings import Reading, Seen
    from registry_host.plan.wish import Values
    from registry_host.services.activated import Activated
    from registry_host.services.facts import Facts
    from registry_host.services.transition import Checks, Transition
    from registry_host.services.view import View


class Description(NamedTuple):
    """A service in words: `title` with its version, as far as that is known.

    `path` is its own config, '' where it has none; `why` says why it does not answer.
    """

    title: str
    path: str = ''
    why: str = ''


class Service(Protocol):
    """One program. What is observed of it is `seen`, from when it was found.

    `name` is that of records, `title` for people; `kind` is 'engine' for one that pulls
    images: the restart policy and the words of a report are about engines. `subject` is
    what its files are about. Where it `is_vital`, a way back on which it could not be
    activated is not over; otherwise the next runs try once more, and go on.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def is_vital(self) -> bool: ...
    @property
    def is_started(self) -> bool: ...
    @property
    def seen(self) -> Seen: ...
    @property
    def by_hand(self) -> str:
        """The command that has it read its files again."""

    def describe(self) -> Description:
        """Say what it is, for a person who asks what this host has."""

    def reads(self, path: str) -> bool:
        """Say whether it reads the file at a path."""

    def reading(self, view: View) -> Reading:
        """Say what it makes of its files in a view, by when it reads them. Pure."""

    def shows(self, reading: Reading) -> Mapping[str, Values]:
        """Say what it shows of a reading that is in force; () for what it unsets.

        Areas of which nothing is known are missing. Pure.
        """

    def unasked(self, view: View) -> tuple[str, ...]:
        """Name areas in which it shows more than its files and flags ask for. Pure."""

    def interim(
        self,
        path: str,
        was: FileState,
        made: FileState,
        keeps: Mapping[str, Values] | None,
    ) -> bytes | None:
        """Say what must stand in a file in passing for a reload to take it over.

        `keeps` is what the service is to use of what the file does not name any more.
        """

    def judge(
        self, host: Host, candidates: Mapping[str, FileState], needed: Activation
    ) -> None:
        """Have the program itself judge its files before they are written; ConfigError.

        EngineError if it runs, must be activated, and could not be.
        """

    def allowed(self, host: Host, needed: Activation, policy: RestartPolicy) -> Allowed:
        """Say how far it may be disturbed now."""

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        """Have it read its files, and wait until it shows `want`, or time is up.

        RegistryHostError or OSError, with its own reason, if it did not take them.
        """

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterable[Finding]:
        """Look whether it does its work; RegistryHostError if it does not."""

    def look(self, host: Host) -> Mapping[str, Values] | None:
        """Say what it shows now, by area; None if it shows nothing."""

    def condition(
        self,
        host: Host,
        like: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Mapping[str, str]:
        """Say what its manager has of it, by part; {} where nothing is known.

        With `like`, what passes by itself is waited for, some seconds or `timeout_s`.
        """

    def cure(self, host: Host) -> str:
        """The command that brings its condition back."""

    def failure(self, err: OSError | RegistryHostError) -> OSError | RegistryHostError:
        """Explain to a person why it could not be activated."""

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        """Report a restart that is put off; the same command may do it, or may not."""

    def is_there(self, host: Host) -> bool:
        """Whether it can be told now; otherwise it reads its files when it starts."""


class Kind(Protocol):
    """What a module of this package offers: the services of one kind on a host."""

    def find(
        self, host: Host, facts: Facts, paths: Collection[str]
    ) -> Iterable[Service]: ...

    def named(
        self, host: Host, facts: Facts, names: Collection[str]
    ) -> Iterable[Service]: ...
