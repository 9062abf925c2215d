"""Services that could not be told to read their files again, and hold up nothing.

A run is over once its files are as they should be. A DNS manager that hangs, or fails,
is remembered here: each later run tries it once more, for a short time, and goes on
with its own work whatever comes of that.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from registry_host import services
from registry_host.errors import ConfigError, Finding, RegistryHostError
from registry_host.host.locations import UNTOLD
from registry_host.levels import Activation
from registry_host.plan.readings import NOTHING
from registry_host.services.facts import Facts
from registry_host.services.transition import Transition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.services.service import Service

VERSION = 1
# For all of them together: a run that is about something else waits no longer.
RETRY_TIMEOUT_S = 5.0


def load(host: Host) -> tuple[str, ...]:
    """Read which services are to be told; a record that is none names none."""
    try:
        found = json.loads(host.read_state(UNTOLD).content or b'{"managers": []}')
        known = services.find_named(host, Facts.unknown(host), found['managers'])
    except (ConfigError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    names = {service.name for service in known}
    return tuple(name for name in found['managers'] if name in names)


def tell(
    host: Host,
    service: Service,
    transition: Transition,
    timeout_s: float | None = None,
) -> str:
    """Have a service read files that are back; why it could not be told, or ''.

    That is remembered. One that does not run reads its files when it starts.
    """
    transition = transition._replace(is_strict=False)
    try:
        service.activate(host, Activation.RELOAD, NOTHING, transition, timeout_s)
        reason = ''
    except RegistryHostError as err:
        reason = err.problems[0].message
    except OSError as err:
        reason = err.strerror or str(err)
    # A full disk must not hold up the way back: the reason is reported all the same.
    with contextlib.suppress(OSError):
        (remember if reason else forget)(host, service.name)
    return reason


def remember(host: Host, name: str) -> None:
    names = dict.fromkeys((*load(host), name))
    _save(host, tuple(names))


def forget(host: Host, name: str) -> None:
    if not host.exists(UNTOLD):
        return
    names = load(host)
    if name in names:
        _save(host, tuple(each for each in names if each != name))


def _save(host: Host, names: tuple[str, ...]) -> None:
    if not names:
        host.remove_state(UNTOLD)
        return
    text = json.dumps({'version': VERSION, 'managers': names})
    host.write_state(UNTOLD, f'{text}\n'.encode())


def _known(host: Host, names: tuple[str, ...]) -> tuple[Service, ...]:
    found = services.find_named(host, Facts.unknown(host), names)
    by_name = {service.name: service for service in found}
    return tuple(by_name[name] for name in names)


def tell_again(host: Host) -> Iterator[Finding]:
    """Try those that could not be told, under one short deadline; the lock is held.

    Once in the life of a process, for a command may open more than one transaction.
    """
    if host.has_told_again:
        return
    host.has_told_again = True
    names = load(host)
    if not names:
        if host.exists(UNTOLD):
            host.remove_state(UNTOLD)
        return
    deadline = time.monotonic() + RETRY_TIMEOUT_S
    for service in _known(host, names):
        if not service.is_there(host):
            forget(host, service.name)
            continue
        left_s = max(0.1, deadline - time.monotonic())
        reason = tell(host, service, Transition.nowhere(host), left_s)
        if reason:
            yield not_told(service, reason)
            continue
        yield Finding(
            check=f'{service.kind}-told',
            severity='info',
            message=f'{service.title} has read its files again, as it could not be '
            'told to before',
        )


def still_untold(host: Host) -> Iterator[Finding]:
    """Report those that are to be told yet."""
    yield from map(not_told, _known(host, load(host)))


def not_told(service: Service, reason: str = '') -> Finding:
    """Report a service that may use what is no longer configured."""
    why = f' ({reason})' if reason else ''
    return Finding(
        check=f'{service.kind}-not-told',
        severity='warning',
        message=f'{service.title} could not be told to read its files again{why}: '
        f'this host may still use {service.subject} that are no longer configured; '
        'each run tries again',
        remedy=(service.by_hand,),
    )
