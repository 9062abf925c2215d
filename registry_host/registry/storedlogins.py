"""The logins that `docker login` has stored, for those who ask to have them sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.clientconfig import login_in
from registry_host.errors import ConfigError, Problem, quoted
from registry_host.host.invoker import find_invoker
from registry_host.jsonfile.config import read_json
from registry_host.settings.checking import take_apart

if TYPE_CHECKING:
    from registry_host.host.host import Host


def stored_login(host: Host, url: str) -> tuple[str, str]:
    """Find what `docker login` has stored for a registry; ConfigError if nothing."""
    parts = take_apart(url)
    endpoint = f'{parts.host}:{parts.port}' if parts.port else parts.host
    user = find_invoker(host)
    found = None
    if user is not None:
        state = host.read(f'{user.home}/.docker/config.json', user=user)
        found = login_in(read_json(state), endpoint) if state.content else None
    if found is None:
        raise ConfigError(
            Problem(
                code='registry-login',
                where='--login',
                message=f'config.json has no login for {endpoint}; helpers that keep '
                'passwords are not asked',
                hint=f'docker login {quoted(endpoint)}',
            )
        )
    return found
