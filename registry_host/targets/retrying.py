"""How a run that was refused for what it would depend on is made once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import quoted, repeat_with
from registry_host.registry.faults import goes_around

if TYPE_CHECKING:
    from registry_host.errors import Problem
    from registry_host.settings.mirrors import Mirror
    from registry_host.settings.model import Settings


def or_all_the_same(problem: Problem) -> Problem:
    hint = '\n'.join(filter(None, (problem.hint, repeat_with('--no-probe'))))
    return problem._replace(hint=hint)


def around_proxy(problem: Problem, mirror: Mirror, settings: Settings) -> Problem:
    """Have the whole run made once more by the way around a proxy.

    The entry stands beside those that the run itself names.
    """
    if not goes_around(problem.hint):
        return problem
    named = settings.no_proxy.entries if settings.no_proxy else ()
    entries = ','.join((*named, mirror.host))
    if settings.is_declaration:
        return problem._replace(hint=f'no-proxy = "{entries}"')
    flags = f'--no-proxy {quoted(entries)}'
    if not settings.proxy_for:
        flags += ' --proxy-for engine'
    return problem._replace(hint=repeat_with(flags))
