"""The engine: it runs, is known, and uses what its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    AHEAD,
    Findings,
    check,
    finding,
    needs_root,
    of_problem,
    of_restart,
    skipped,
    unseen,
)
from registry_host.engine.daemonjson import FLAGS
from registry_host.engine.find import other_engine
from registry_host.engine.keys import OLDEST, show_version
from registry_host.engine.route import asked_lists, asked_proxies
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact
from registry_host.services.starting import start_again
from registry_host.settings.areas import INSECURE, MIRRORS

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.errors import Finding


@check('engine-state', 'the engine runs and answers')
def engine_state(seen: Observed) -> Findings:
    name, engine = 'engine-state', seen.facts.engine
    version = show_version(engine.version) if engine.version else '(version unknown)'
    if engine.state == 'running':
        kind = '' if engine.packaging == 'system' else f', {engine.packaging}'
        message = f'Docker {version} answers at {engine.socket_path}{kind}'
        yield finding(name, 'ok', message)
    elif engine.state == 'unreachable' and engine.problem:
        is_denied = engine.problem.code == 'engine-permission'
        if is_denied:
            yield needs_root(name, str(engine.problem))
            return
        yield of_problem(name, 'error', engine.problem, engine.socket_path)
    elif engine.state == 'stopped':
        yield _stopped(name, version, seen)
    elif engine.state == 'absent':
        message = 'no Docker engine is installed or running'
        yield finding(name, 'warning', message, 'sudo apt-get install docker.io')
    else:
        yield skipped(name, 'a root folder has no engine to ask')


def _stopped(name: str, version: str, seen: Observed) -> Finding:
    """Tell why it does not run; one that is started with the cause there dies again."""
    unit, failure = seen.facts.engine.unit or 'docker.service', seen.ahead.failure
    message = f'Docker {version} is installed, but is not running'
    if failure:
        message = f'Docker {version} does not run: its last start failed: {failure}'
    elif not seen.facts.is_root:
        message += '; only root may read why'
    remedy: tuple[str, ...]
    if seen.ahead.refusals:
        remedy = (AHEAD, start_again(unit))
    elif failure:
        remedy = (f'sudo journalctl -u {unit} -n 50', start_again(unit))
    elif not seen.facts.is_root:
        remedy = (f'sudo registry-host doctor --only {name}',)
    else:
        remedy = (f'systemctl status {unit}', start_again(unit))
    return finding(name, 'error', message, *remedy)


@check('other-engines', 'the engine is not confused with another on this host')
def other_engines(seen: Observed) -> Findings:
    name, engine = 'other-engines', seen.facts.engine
    if engine.state == 'unknown':
        yield skipped(name, 'a root folder has no engine to ask')
    elif engine.pid is None and engine.others:
        yield skipped(name, 'it is not known which engine is meant')
    elif not engine.others:
        yield finding(name, 'ok', 'no other engine runs on this host')
    for other in engine.others if engine.pid is not None else ():
        yield other_engine(engine, other)._replace(check=name)


@check('engine-version', 'the version of the engine is supported')
def engine_version(seen: Observed) -> Findings:
    name, version = 'engine-version', seen.facts.engine.version
    if version is None:
        yield skipped(name, 'the version of the engine is not known')
    elif version < OLDEST:
        message = f'Docker {show_version(version)} is older than {show_version(OLDEST)}'
        yield finding(name, 'error', f'{message}: upgrade it')
    else:
        oldest = show_version(OLDEST)
        message = f'Docker {show_version(version)} is not older than {oldest}'
        yield finding(name, 'ok', message)


@check('live-lists', 'the live engine uses what daemon.json says')
def live_lists(seen: Observed) -> Findings:
    name, info = 'live-lists', seen.facts.engine.info
    daemon = seen.daemon_json
    if info is None or daemon is None:
        yield unseen(seen, name, 'the engine or its daemon.json could not be read')
        return
    expected = asked_lists(daemon, seen.facts.engine)
    mirrors = _Lists(MIRRORS, expected.mirrors or (), info.lists.mirrors or ())
    insecure = _Lists(
        INSECURE,
        tuple(sorted(text for _, text in expected.insecure or ())),
        tuple(sorted(text for _, text in info.lists.insecure or ())),
    )
    differing = [each for each in (mirrors, insecure) if each.named != each.live]
    missing = [str(each) for each in differing if not each.is_beyond]
    beyond = [str(each) for each in differing if each.is_beyond]
    if beyond:
        yield of_restart(
            name,
            'the engine uses what neither a file nor a flag names, until its next '
            f'restart: {"; ".join(beyond)}',
            seen.facts.engine.unit,
        )
    if missing:
        message = f'the engine does not use what {seen.daemon.path} says: '
        yield finding(
            name, 'error', message + '; '.join(missing), 'sudo registry-host reload'
        )
    if not differing:
        yield finding(name, 'ok', _as_named(seen))


def _as_named(seen: Observed) -> str:
    """Say what the live lists were compared with: what is built in is in no file."""
    named = [seen.daemon.path] if seen.daemon.is_present else []
    if any(flag in seen.facts.engine.flags for flag in FLAGS.values()):
        named.append('its flags')
    lists = f'{MIRRORS} and {INSECURE}'
    if not named:
        return f'the engine shows no {lists} but those built in, and none is named'
    return f'the engine shows {lists} as named in {" and ".join(named)}'


class _Lists(NamedTuple):
    """A list by its files and flags, and as the engine uses it."""

    area: str
    named: tuple[str, ...]
    live: tuple[str, ...]

    @property
    def is_beyond(self) -> bool:
        """Whether all that is named is in use, and more."""
        return set(self.named) < set(self.live)

    def __str__(self) -> str:
        return f'{self.area} (live: {", ".join(self.live) or "none"})'


@check('live-proxies', 'the live engine uses the proxies that are set for it')
def live_proxies(seen: Observed) -> Findings:
    name, engine = 'live-proxies', seen.facts.engine
    daemon, info = seen.daemon_json, engine.info
    if info is None or daemon is None:
        yield unseen(seen, name, 'the engine or its daemon.json could not be read')
        return
    live = info.proxies
    named = daemon.proxies
    unread = [area for area, text in named.items() if live[area] != redact(text)]
    if unread:
        yield of_restart(
            name,
            f'the engine does not use {", ".join(unread)} of {seen.daemon.path}: '
            'it reads proxies when it starts',
            engine.unit,
        )
    if not seen.facts.is_root:
        yield needs_root(name, "only root may read the variables of the engine's unit")
    if seen.facts.is_root:
        others = asked_proxies(daemon, engine, seen.facts.environment)
        beyond = [
            f'{area} {live[area] or "none"}'
            for area, text in others.items()
            if area not in named and live[area] != redact(text)
        ]
        if beyond:
            yield of_restart(
                name,
                'the engine uses what no file, no flag and no variable of its unit '
                f'names, until its next restart: {", ".join(beyond)}',
                engine.unit,
            )
            return
    if not unread:
        shown = ', '.join(f'{area} {text}' for area, text in live.items() if text)
        yield finding(name, 'ok', f'the engine uses {shown or "no proxy"}')
