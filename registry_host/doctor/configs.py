"""The configs that doctor looks at, each as found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.jsonfile.config import read_json

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.jsonfile import jsontext
    from registry_host.services.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A config as found: its document, or the problem that there is none."""

    path: str
    user: User | None = None
    state: FileState | None = None
    document: jsontext.Document | None = None
    problem: Problem | None = None

    @property
    def is_present(self) -> bool:
        return self.state is None or self.state.content is not None


def look_at_config(
    host: Host, path: str, user: User | None, *, is_first_value: bool = False
) -> Config:
    try:
        state = host.read(path, user=user)
    except ConfigError as err:
        return Config(path=path, user=user, problem=err.problems[0])
    try:
        document = read_json(state, is_first_value=is_first_value)
    except ConfigError as err:
        return Config(path=path, user=user, state=state, problem=err.problems[0])
    return Config(path=path, user=user, state=state, document=document)


def look_at_client_configs(host: Host, facts: Facts) -> list[Config]:
    users = {user.name: user for user in (*facts.users, *facts.former_users.values())}
    return [
        look_at_config(
            host, f'{user.home}/.docker/config.json', user, is_first_value=True
        )
        for user in users.values()
    ]
