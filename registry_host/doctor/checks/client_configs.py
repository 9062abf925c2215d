"""The config.json of each user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    Findings,
    check,
    finding,
    of_problem,
)
from registry_host.errors import quoted, sudo_as
from registry_host.host.filedoor import give_back
from registry_host.targets.docker_config import problems_of, shadowed_proxies

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.jsonfile.jsontext import Document


@check('client-config', "docker can read each user's config.json")
def client_config(seen: Observed) -> Findings:
    name = 'client-config'
    for client in seen.clients:
        if client.problem:
            yield of_problem(name, 'error', client.problem, client.path)
        elif not client.is_present:
            yield finding(name, 'ok', f'{client.path} does not exist')
        elif client.document is not None:
            wrong = problems_of(client.document, client.path)
            shadowed = tuple(shadowed_proxies(client.document, client.path))
            for problem in wrong:
                yield of_problem(name, 'error', problem, client.path)
            for problem in shadowed:
                yield of_problem(name, 'warning', problem, client.path)
            if not wrong and not shadowed:
                message = f'no member of {client.path} is known to keep docker from it'
                yield finding(name, 'ok', message, path=client.path)


@check('client-config-mode', "each user's config.json is private to that user")
def client_config_mode(seen: Observed) -> Findings:
    name = 'client-config-mode'
    for client in seen.clients:
        state, user = client.state, client.user
        if state is None or state.content is None or user is None:
            continue
        if state.uid != user.uid:
            yield finding(
                name,
                'error',
                f'{client.path} belongs to uid {state.uid}, not to {user.name}',
                give_back(client.path, user),
                path=client.path,
            )
        if _has_logins(client.document) and state.mode & 0o077:
            # As the user, for root would follow a link of the user's.
            yield finding(
                name,
                'warning',
                f'{client.path} holds logins, and others may read it '
                f'(mode {state.mode:04o})',
                f'{sudo_as(user.name)}chmod 600 {quoted(client.path)}',
                path=client.path,
            )


def _has_logins(document: Document | None) -> bool:
    """Whether a config.json has secrets itself, and not in a store beside it."""
    auths = document.get('auths') if document is not None else None
    return isinstance(auths, dict) and any(auths.values())
