"""Looking at a host, where one look that crashes does not cost the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from registry_host.errors import Finding, place_of, reported

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar('T')


class Look:
    """Looks at one thing after the other; what crashes is a finding, not the end."""

    def __init__(self) -> None:
        self.crashes: list[Finding] = []

    def __call__(
        self, what: str, look: Callable[..., T], otherwise: T, *arguments: Any
    ) -> T:
        try:
            return look(*arguments)
        except Exception as err:  # noqa: BLE001 - reported, with its place
            self.crashes.append(crash(f'looking at {what}', err))
            return otherwise


def crash(what: str, err: Exception) -> Finding:
    """Report a bug of registry-host that has cost an observation."""
    message, hint = reported(
        f'{what} failed, by a bug in registry-host: {place_of(err)}'
    )
    return Finding(
        check='observation',
        severity='error',
        message=message,
        remedy=(hint,),
    )
