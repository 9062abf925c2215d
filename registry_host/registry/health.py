"""Starting and stopping an installed registry, and whether it is well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from registry_host.errors import EngineError, Problem
from registry_host.registry.instances import config_of, unit_of

if TYPE_CHECKING:
    from registry_host.host.host import Host

START_TIMEOUT_S = 60.0
_POLL_S = 0.1
# It is started for ever; after two attempts it is known that it will not do.
_ATTEMPTS = 2


def start(host: Host, instance: str, *, limit_s: float = START_TIMEOUT_S) -> None:
    """Have systemd run an instance as its files say, and wait until it is well.

    EngineError with its own last words if it is not in time.
    """
    unit, helper = unit_of(instance), beside(instance, 'restart.path')
    since = time.time()
    for words in (
        ('daemon-reload',),
        # Several starts within seconds are no fault: systemd would refuse a path unit
        # the sixth within ten.
        ('reset-failed', unit, helper),
        ('enable', unit, helper),
        ('restart', helper, unit),
    ):
        done = host.run(['systemctl', *words], timeout_s=limit_s)
        if not done.is_ok and words[0] != 'reset-failed':
            said = done.err.strip().partition('\n')[0]
            told = f'could not be started (systemctl {words[0]}: {said})'
            raise EngineError(_failed(host, instance, since, seen=told))
    await_answer(host, instance, since=since, limit_s=limit_s)


def await_answer(
    host: Host, instance: str, *, since: float, limit_s: float = START_TIMEOUT_S
) -> None:
    """Wait until an instance is well; EngineError if it is not in time.

    `since` is when it was started, in seconds since the epoch.
    """
    unit = unit_of(instance)
    deadline = time.monotonic() + limit_s
    addresses = addresses_of(host, instance)
    was_failed = False
    while time.monotonic() < deadline:
        if all(is_answered(host, address) for address in addresses):
            return
        found = properties(host, unit, 'NRestarts', 'ActiveState')
        restarts = int(found.get('NRestarts') or 0)
        is_failed = found.get('ActiveState') == 'failed'
        # Seen once, it may be on its way from one start to the next.
        if restarts >= _ATTEMPTS or (is_failed and was_failed):
            break
        was_failed = is_failed
        time.sleep(_POLL_S)
    raise EngineError(_failed(host, instance, since, seen='does not answer'))


def stop(host: Host, instance: str, *, limit_s: float = START_TIMEOUT_S) -> None:
    """Stop an instance whose unit file is gone; EngineError if it runs on."""
    unit = unit_of(instance)
    ends = ('restart.path', 'gc.timer', 'collect.service')
    units = [*(beside(instance, end) for end in ends), unit]
    for each in units:  # Those that are gone already are as they should be.
        host.run(['systemctl', 'disable', '--now', each], timeout_s=limit_s)
    host.run(['systemctl', 'daemon-reload'], timeout_s=limit_s)
    host.run(['systemctl', 'reset-failed', *units], timeout_s=limit_s)
    if properties(host, unit, 'ActiveState').get('ActiveState') == 'active':
        raise EngineError(problem(instance, 'could not be stopped'))


def beside(instance: str, end: str) -> str:
    """The name of a unit beside the one that serves: NAME-restart.path, and so on."""
    return f'{unit_of(instance).removesuffix(".service")}-{end}'


def problem(instance: str, message: str) -> Problem:
    unit = unit_of(instance)
    return Problem(
        code='registry-start',
        where=unit,
        message=f'the registry {instance} {message}',
        hint=f'journalctl -u {unit} -n 20',
    )


def _failed(host: Host, instance: str, since: float, *, seen: str) -> Problem:
    """What the registry itself says is wrong, or else what was seen of it."""
    cause = last_cause(host, instance, f'--since=@{since:.3f}')
    return problem(instance, f'does not run: {cause}' if cause else seen)


def last_cause(host: Host, instance: str, *flags: str) -> str:
    """Why an instance did not start last, in its own words; '' if it does not say."""
    from registry_host.redact import redact

    words = ['journalctl', '-u', unit_of(instance), '-o', 'cat', '--no-pager', '-n60']
    said = host.run([*words, *flags]).out.splitlines()
    return redact(next(filter(None, map(cause_in, reversed(said))), ''))


def properties(host: Host, unit: str, *names: str) -> dict[str, str]:
    """What systemd has of a unit, by the names of its properties."""
    done = host.run(['systemctl', 'show', unit, f'--property={",".join(names)}'])
    pairs = (line.partition('=') for line in done.out.splitlines())
    return {name: value for name, _, value in pairs}


def addresses_of(host: Host, instance: str) -> tuple[str, ...]:
    """The URLs at which an installed instance must answer; () if it is none.

    Its debug server answers before it serves, and before it has found its upstream.
    """
    from registry_host.yamlfile.yamlnode import YamlTextError
    from registry_host.yamlfile.yamltext import read

    try:
        found = read(host.read(config_of(instance)).content or b'')
    except YamlTextError:
        return ()
    debug, served = (found.get('http', *path, 'addr') for path in (('debug',), ()))
    if not isinstance(debug, str) or not isinstance(served, str):
        return ()
    scheme = 'http' if found.find('http', 'tls', 'certificate') is None else 'https'
    name, _, port = served.rpartition(':')
    name = '127.0.0.1' if name in ('', '0.0.0.0', '[::]') else name  # noqa: S104
    return f'http://{debug}/debug/health', f'{scheme}://{name}:{port}/v2/'


def is_answered(host: Host, url: str) -> bool:
    """Ask an instance: 200 is well, and 401 asks for a login, as /v2/ may."""
    from registry_host.host.wire import ConnectionFailed, Request

    try:
        # Whose certificate it is does not matter: it is the one of this host.
        request = Request(url=url, timeout_s=2.0, is_verified=False)
        return host.http_get(request).status in (200, 401)
    except ConnectionFailed:
        return False


def cause_in(line: str) -> str:
    """What the registry says when it cannot start, without its log's decoration."""
    for mark in (
        'panic: ',
        'configuration error: ',
        'level=fatal msg=',
        'Failed at step ',
        'Failed to set up credentials: ',
    ):
        _, found, rest = line.partition(mark)
        if found:
            return rest.strip().strip('"')
    return ''
