"""How a way back went."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Back(NamedTuple):
    """How going back went.

    `failed` could not be written; `kept` were changed since, so that managed parts
    could not be told apart; both map paths to the reason why. `engine` says what became
    of it, '' if it was not touched. `untold` says which services could not be told,
    or are in another condition than before, and the command for each; it holds up
    nothing, and later runs try again to tell a service.
    """

    is_touched: bool = False
    failed: Mapping[str, str] = MappingProxyType({})
    kept: Mapping[str, str] = MappingProxyType({})
    engine: str = ''
    is_engine_back: bool = True
    untold: Mapping[str, str] = MappingProxyType({})

    def with_engine(self, state: str) -> Back:
        return self._replace(engine='; '.join(filter(None, (self.engine, state))))

    @property
    def is_whole(self) -> bool:
        return not self.failed and self.is_engine_back

    def __str__(self) -> str:
        if self.failed:
            state = f'partly applied: {_told(self.failed)} could not be put back'
        elif not self.is_engine_back:
            state = 'partly applied: the old file is back'
        else:
            state = f'the old file is {"back" if self.is_touched else "as it was"}'
        if self.kept:
            state += f', but {_told(self.kept)} was changed outside registry-host '
            state += 'since, and is left as it is'
        return '; '.join(filter(None, (state, *self.untold, self.engine)))


def _told(files: Mapping[str, str]) -> str:
    return ', '.join(f'{path} ({reason})' for path, reason in files.items())
