"""What is asked of image copy: images by their names, and where they are to land."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    RegistryHostError,
    SourcesError,
)
from registry_host.namedtuples import NamedTuple
from registry_host.registry.copylist import names_in, read_names
from registry_host.registry.landing import (
    Destination,
    check_destination,
    collisions,
    invalid_names,
    land,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.registry.landing import Landing

COMMAND = 'image copy'
_PLATFORM = re.compile('[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?')


class Wish(NamedTuple):
    """What is asked: see the command line."""

    sources: tuple[str, ...]
    destination: str
    list_file: str | None = None
    keeps_host: bool = False
    platform: str = ''
    jobs: int = 8
    is_check: bool = False
    is_verifying: bool = False


def read_wish(
    host: Host, wish: Wish
) -> tuple[tuple[Landing, ...], Destination, tuple[Finding, ...]]:
    """Read all names; SourcesError has all that is wrong with them."""
    destination = check_destination(wish.destination)
    errors = [destination] if isinstance(destination, Problem) else []
    if wish.platform and not _PLATFORM.fullmatch(wish.platform):
        message = f'{wish.platform!r} is not a platform: OS/ARCH, or OS/ARCH/VARIANT'
        errors.append(Problem('copy-platform', message, '--platform', 'linux/arm64'))
    try:
        named = [*((name, name) for name in wish.sources), *_listed(host, wish)]
    except RegistryHostError as err:
        raise SourcesError(*map(not_begun, (*errors, *err.problems))) from None
    images, wrong, warned = read_names(
        (where if where != name else 'SRC', name) for where, name in named
    )
    errors += wrong
    if not named and not errors:
        errors.append(_nothing_named(wish))
    if errors or isinstance(destination, Problem):
        raise SourcesError(*map(not_begun, errors))
    landings = land(images, destination, keeps_host=wish.keeps_host)
    errors += collisions(landings, keeps_host=wish.keeps_host)
    errors += invalid_names(landings)
    if errors:
        raise SourcesError(*map(not_begun, errors))
    return landings, destination, tuple(Finding.of(p, 'warning') for p in warned)


def _listed(host: Host, wish: Wish) -> Iterator[tuple[str, str]]:
    path = wish.list_file
    if path is None:
        return
    content = host.read_input() if path == '-' else host.read_stream(path)
    if content is None:
        raise ConfigError(Problem('copy-list', 'there is no such file', path))
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigError(Problem('copy-list', 'is not text in UTF-8', path)) from None
    where = _shown_list(path)
    for number, name in names_in(text):
        yield f'{where}:{number}', name


def _nothing_named(wish: Wish) -> Problem:
    if wish.list_file is not None:
        message = 'names no image'
        return Problem('copy-nothing', message, _shown_list(wish.list_file))
    message = 'no image is named: on the command line, or by --from-file'
    return Problem('copy-nothing', message, COMMAND)


def _shown_list(path: str) -> str:
    return 'standard input' if path == '-' else path


def not_begun(problem: Problem) -> Problem:
    return problem._replace(message=f'{problem.message}; nothing was copied')
