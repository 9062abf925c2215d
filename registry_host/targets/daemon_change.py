"""What a change of daemon.json takes of the engine, and what it then shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import PROXIES, DaemonJson
from registry_host.engine.live import Live, LiveLists, expected_lists
from registry_host.jsonfile import jsontext
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.redact import redact
from registry_host.settings.areas import ENGINE_DNS, INSECURE, MIRRORS, PROXY_KEYS
from registry_host.targets.target import DOCKER_DAEMON

if TYPE_CHECKING:
    from registry_host.engine.find import EngineFacts
    from registry_host.host.records import FileState


def settle(
    before: FileState,
    after: FileState,
    engine: EngineFacts,
    lists: LiveLists | None = None,
) -> Change:
    """Make the change of a daemon.json, with what it takes to forget lists.

    A reload keeps the value of a key that its file leaves out. Lists that `after` does
    not name any more are named in passing: with what `lists` says, or empty.
    """
    was, made = DaemonJson.read(before), DaemonJson.read(after)
    return settled(before, after, was, made, engine, lists)


def settled(
    before: FileState,
    after: FileState,
    was: DaemonJson,
    made: DaemonJson,
    engine: EngineFacts,
    lists: LiveLists | None = None,
) -> Change:
    keeps = lists or LiveLists(mirrors=(), insecure=frozenset())
    left_out = LiveLists(
        mirrors=keeps.mirrors if _is_dropped(was, made, MIRRORS) else None,
        insecure=keeps.insecure if _is_dropped(was, made, INSECURE) else None,
    )
    interim = None
    live = engine.info.lists if engine.is_running and engine.info else None
    if live and not _engine_lists(left_out, engine).agrees_with(live):
        interim = made.naming(left_out).encode()
    is_restart = was.document.get(PROXIES) != made.document.get(PROXIES)
    if is_restart and _is_live_without(was, made, engine):
        is_restart = False
    is_restart = is_restart or (was.dns or ()) != (made.dns or ())
    needed = Activation.RESTART if is_restart else Activation.RELOAD
    return Change(DOCKER_DAEMON, before, after, needed, interim)


def has_new_dns(change: Change) -> bool:
    """Whether a change is of what the engine reads at its start, and never shows."""
    return change.target == DOCKER_DAEMON and has_new(change, ENGINE_DNS)


def has_new(change: Change, area: str) -> bool:
    """Say whether a list of a daemon.json becomes another one."""
    before, after = (
        DaemonJson(jsontext.read(state.content or b'')).list_of(area) or ()
        for state in (change.before, change.after)
    )
    return before != after


def _is_live_without(was: DaemonJson, made: DaemonJson, engine: EngineFacts) -> bool:
    """Whether the engine uses no proxy of `was` that `made` changes, but those of it.

    So it is where a restart was put off, and the file goes back before there was one.
    """
    if engine.info is None:
        return False
    live = dict(engine.info.live.proxies)
    old, new = (
        {area: redact(text) for area, text in daemon.proxies.items()}
        for daemon in (was, made)
    )
    return all(
        live[area] != old.get(area) and new.get(area, live[area]) == live[area]
        for area in PROXY_KEYS
        if was.proxies.get(area) != made.proxies.get(area)
    )


def _is_dropped(was: DaemonJson, made: DaemonJson, area: str) -> bool:
    return was.document.has(area) and not made.document.has(area)


def _engine_lists(lists: LiveLists, engine: EngineFacts) -> LiveLists:
    """Add to lists of a file what the engine adds."""
    insecure = lists.insecure
    return expected_lists(
        lists.mirrors,
        None if insecure is None else tuple(name for _, name in insecure),
        engine.version,
    )


def expectation(change: Change, engine: EngineFacts) -> Live | None:
    """Say what the live engine shows once it has read the file; None if none runs."""
    if not engine.is_running:
        return None
    return DaemonJson.read(change.first).live(engine.version)
