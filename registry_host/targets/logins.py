"""A `docker login` that is under way while the same config.json is changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.records import User

WAIT_S = 5.0
_POLL_S = 0.1
_COMMANDS = frozenset({'login', 'logout'})


def wait_for_logins(host: Host, user: User) -> bool:
    """Wait until a user's logins have ended; False if one still runs after a while.

    The docker client reads its config.json when it starts, and writes all of it when
    the registry has let it in (docker/cli cli/config/configfile/file.go, Save).
    """
    if not host.is_live:
        return True
    deadline = time.monotonic() + WAIT_S
    while is_logging_in(host, user):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def is_logging_in(host: Host, user: User) -> bool:
    return any(
        process.uid == user.uid and not _COMMANDS.isdisjoint(process.argv[1:])
        for process in host.processes('docker')
    )
