"""JSON values as they are written, and what is wrong with a text that is none."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Union

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from registry_host.errors import Problem

DEPTH_LIMIT = 100


class Number(NamedTuple):
    """A number as it is written: 1e400 and 12345678901234567890 lose nothing here."""

    text: str

    @property
    def is_integer(self) -> bool:
        return not any(mark in self.text for mark in '.eE')


Json = Union[None, bool, str, Number, 'list[Json]', 'dict[str, Json]']


class JsonTextError(Exception):
    """A text that is not JSON, or is not accepted here.

    `problem.where` is LINE:COLUMN. Its excerpt has all but punctuation and well-known
    keys masked.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def position(text: str, offset: int) -> str:
    """Give the LINE:COLUMN, from 1, of a place in a text."""
    starts = _line_starts(text)
    line = bisect_right(starts, offset)
    return f'{line}:{offset - starts[line - 1] + 1}'


@lru_cache(maxsize=4)  # One text is asked for many places.
def _line_starts(text: str) -> list[int]:
    starts = [0]
    while found := text.find('\n', starts[-1]) + 1:
        starts.append(found)
    return starts
