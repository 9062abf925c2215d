"""DNS managers that could not be told to read their files again.

A run is over once its files are as they should be. A manager that hangs, or fails, is
remembered here: each later run tries it once more, for a short time, and goes on with
its own work whatever comes of that.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding, RegistryHostError
from registry_host.host.locations import UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host

VERSION = 1
# For all of them together: a run that is about something else waits no longer.
RETRY_TIMEOUT_S = 5.0


def load(host: Host) -> tuple[str, ...]:
    """Read which managers are to be told; a record that is none says nobody."""
    from registry_host.resolver.telling import is_known

    try:
        found = json.loads(host.read_state(UNTOLD).content or b'{"managers": []}')
        return tuple(name for name in found['managers'] if is_known(name))
    except (ConfigError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def tell(host: Host, manager: str, *, timeout_s: float) -> str:
    """Have a manager read files that are back; why it could not be told, or ''.

    That is remembered. One that does not run reads its files when it starts.
    """
    from registry_host.resolver import telling

    try:
        telling.tell(host, manager, is_back=True, timeout_s=timeout_s)
        reason = ''
    except RegistryHostError as err:
        reason = err.problems[0].message
    except OSError as err:
        reason = err.strerror or str(err)
    # A full disk must not hold up the way back: the reason is reported all the same.
    with contextlib.suppress(OSError):
        (remember if reason else forget)(host, manager)
    return reason


def remember(host: Host, manager: str) -> None:
    managers = dict.fromkeys((*load(host), manager))
    _save(host, tuple(managers))


def forget(host: Host, manager: str) -> None:
    managers = load(host)
    if manager in managers:
        _save(host, tuple(name for name in managers if name != manager))


def _save(host: Host, managers: tuple[str, ...]) -> None:
    if not managers:
        host.remove_state(UNTOLD)
        return
    text = json.dumps({'version': VERSION, 'managers': managers})
    host.write_state(UNTOLD, f'{text}\n'.encode())


def tell_again(host: Host) -> Iterator[Finding]:
    """Try those that could not be told, under one short deadline; the lock is held.

    Once in the life of a process, for a command may open more than one transaction.
    """
    from registry_host.resolver.telling import is_there, title_of

    if host.has_told_again:
        return
    host.has_told_again = True
    managers = load(host)
    if not managers:
        if host.exists(UNTOLD):
            host.remove_state(UNTOLD)
        return
    deadline = time.monotonic() + RETRY_TIMEOUT_S
    for manager in managers:
        if not is_there(host, manager):
            forget(host, manager)
            continue
        left_s = max(0.1, deadline - time.monotonic())
        reason = tell(host, manager, timeout_s=left_s)
        if reason:
            yield not_told(manager, reason)
            continue
        yield Finding(
            check='dns-manager-told',
            severity='info',
            message=f'{title_of(manager)} has read its files again, as it could not be '
            'told to before',
        )


def not_told(manager: str, reason: str = '') -> Finding:
    """Report a manager that may use what is no longer configured."""
    from registry_host.resolver.telling import by_hand, title_of

    why = f' ({reason})' if reason else ''
    return Finding(
        check='dns-manager-not-told',
        severity='warning',
        message=f'{title_of(manager)} could not be told to read its files again{why}: '
        'this host may still use nameservers that are no longer configured; each run '
        'tries again',
        remedy=(by_hand(manager),),
    )
