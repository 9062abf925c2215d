"""A start of an engine that is to come: what it is given, and why it fails. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Problem, advised
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.flags import Flags
    from registry_host.engine.keys import Version
    from registry_host.jsonfile.jsontext import Document

CODE = 'next-start-refused'


class Surroundings(NamedTuple):
    """What was observed around a file. `absent` are files that an engine would read.

    Where nothing was observed nothing is held against the file.
    """

    is_in_swarm: bool = False
    absent: frozenset[str] = frozenset()
    is_containerd_store: bool = False


class Refusal(NamedTuple):
    """Why the next start fails; `sign` is what `dockerd --validate` says of it, too."""

    problem: Problem
    sign: str = ''


class Start(NamedTuple):
    """A start to come: what an engine of this version is given."""

    document: Document
    version: Version | None
    flags: Flags
    around: Surroundings

    def is_since(self, version: Version) -> bool:
        return self.version is not None and self.version >= version

    def is_before(self, version: Version) -> bool:
        return self.version is not None and self.version < version

    def text(self, key: str) -> str:
        """Give what stands in the file, or else the flag of that name."""
        value = self.document.get(key)
        if value is None and (given := self.flags.get(key)):
            value = given[-1]
        return value if isinstance(value, str) else ''

    def is_set(self, key: str, *, default: bool) -> bool:
        value = self.document.get(key)
        if isinstance(value, bool):
            return value
        given = self.flags.get(key)
        return given[-1] not in ('false', '0', 'f', 'F') if given else default

    def entries(self, key: str) -> Iterator[tuple[int, str]]:
        value = self.document.get(key)
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            if isinstance(entry, str):
                yield index, entry

    def refusal(
        self, path: tuple[str | int, ...], message: str, advice: str, sign: str = ''
    ) -> Refusal:
        message = advised(f'{message}: the next start of the engine fails', advice)
        where = self.document.where(*path)
        return Refusal(Problem(CODE, message, where=where), sign)
