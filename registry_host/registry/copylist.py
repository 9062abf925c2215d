"""Lists of images to copy: one name a line, with comments. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.settings.references import check_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.errors import Problem
    from registry_host.settings.references import Reference


def names_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield each name of a list, after the number of its line, from 1.

    A # at the start of a line, or after white space, begins a comment.
    """
    # What editors count as lines: splitlines() has more ends, as form feeds.
    lines = re.split(r'\r\n|\r|\n', text.removeprefix('\ufeff'))
    for number, line in enumerate(lines, 1):
        name = re.sub(r'(^|\s)#.*', '', line).strip()
        if name:
            yield number, name


def read_names(
    names: Iterable[tuple[str, str]],
) -> tuple[list[Reference], list[Problem], list[Problem]]:
    """Read names, each after the place where it stands: images, errors, warnings."""
    images: list[Reference] = []
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for where, name in names:
        checked = check_reference(name).at(where)
        # A name in which no engine finds a registry is one that cannot be copied.
        is_nowhere = checked.value is not None and not checked.value.domain
        errors += checked.warnings if is_nowhere else checked.errors
        warnings += () if is_nowhere else checked.warnings
        if checked.value is not None:
            images.append(checked.value)
    return images, errors, warnings
