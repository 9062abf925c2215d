"""What the decoding of a config finds wrong, before it is known whose config it is."""

from __future__ import annotations

from registry_host.namedtuples import NamedTuple

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing that the registry refuses (`is_fatal`) or passes over.

    `variable` is that of the environment which holds it, '' for the file.
    """

    check: str
    path: Path
    message: str
    variable: str = ''
    is_fatal: bool = True


class Faults:
    """Collects them."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    @property
    def is_fatal(self) -> bool:
        return any(fault.is_fatal for fault in self.found)

    def add(
        self,
        check: str,
        path: Path,
        message: str,
        *,
        variable: str = '',
        is_fatal: bool = True,
    ) -> None:
        self.found.append(Fault(check, path, message, variable, is_fatal))


def dotted(path: Path) -> str:
    """Name a key as the documentation of the registry does: http.tls.key."""
    return '.'.join(map(str, path))
