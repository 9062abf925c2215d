"""The engine's daemon.json: mirrors, insecure registries, proxies, nameservers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine import directives
from registry_host.engine.daemonjson import LIST_KEYS, PROXIES, DaemonJson
from registry_host.engine.find import EngineFacts
from registry_host.engine.keys import show_version
from registry_host.engine.live import Live, LiveLists
from registry_host.engine.supported import require_known
from registry_host.errors import ConfigError, Problem, SettingsError
from registry_host.jsonfile import editing
from registry_host.jsonfile.config import placed, settle_created
from registry_host.levels import Activation
from registry_host.plan.changes import Change, Plan
from registry_host.plan.ledger import Applied, OurKey
from registry_host.plan.merge import ListMerge, merge_list
from registry_host.settings.areas import (
    ENGINE,
    ENGINE_DNS,
    INSECURE,
    MIRRORS,
    Operation,
)
from registry_host.settings.insecure import registry_key
from registry_host.settings.mirrors import mirror_key
from registry_host.targets import proxy_members
from registry_host.targets.daemon_change import settled
from registry_host.targets.daemon_findings import dns_findings, findings_of
from registry_host.targets.target import (
    DOCKER_DAEMON,
    FileRef,
    TargetPlan,
    with_creation,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from registry_host.engine.directives import Version
    from registry_host.host.records import FileState
    from registry_host.plan.facts import Facts
    from registry_host.plan.ledger import Ledger
    from registry_host.settings.model import Settings

NAME = DOCKER_DAEMON
PROXIES_SINCE: Version = (23, 0, 0)


def _address_key(text: str) -> str:
    from registry_host.settings.nameservers import address_key

    return address_key(text.strip())  # Engines before 25.0 take blanks around it.


# When two entries of a list are the same.
_KEYS: Mapping[str, Callable[[str], Hashable]] = {
    MIRRORS: mirror_key,
    INSECURE: registry_key,
    ENGINE_DNS: _address_key,
}


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """The file of this host's engine, and those of engines that it had before."""
    path, owner = facts.engine.config_path, facts.engine.user
    if settings.operation is Operation.REMOVE:
        named = frozenset(_named(settings))
        return tuple(
            FileRef(path=entry.path, user=owner)
            for entry in ledger.of_target(NAME)
            if named & entry.keys.keys()
        )
    is_declared_empty = settings.is_declaration and not _is_asked(settings)
    refs: list[FileRef] = []
    if _named(settings) and not (is_declared_empty and not ledger.has(NAME, path)):
        refs = [FileRef(path=path, user=owner, is_withdrawn=is_declared_empty)]
    if settings.is_declaration:
        refs += [
            FileRef(path=entry.path, user=owner, is_withdrawn=True)
            for entry in ledger.of_target(NAME)
            if entry.path != path
        ]
    return tuple(refs)


def _named(settings: Settings) -> tuple[str, ...]:
    lists = tuple(area for area in LIST_KEYS if area in settings.named)
    return lists + proxy_members.named(settings, ENGINE)


def _is_asked(settings: Settings) -> bool:
    has_lists = any(_wanted(settings, area) for area in LIST_KEYS)
    return has_lists or settings.has_proxies_for(ENGINE)


def _nothing_of(settings: Settings) -> Settings:
    nothing = proxy_members.withdrawn(settings)
    return nothing._replace(mirrors=(), insecure=(), engine_dns=())


def plan_file(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    """Plan the edit of one daemon.json; ConfigError if the engine would refuse it."""
    is_read = ref.path == facts.engine.config_path
    engine = facts.engine if is_read else EngineFacts(state='unknown')
    settings = _nothing_of(settings) if ref.is_withdrawn else settings
    require_known(engine)
    daemon = DaemonJson.read(state)
    _require_accepted(state, daemon, engine)
    merges = {
        area: _merge(daemon, area, settings, applied)
        for area in LIST_KEYS
        if area in settings.named
    }
    _require_few(state, merges, settings)
    merged = proxy_members.merge(
        proxy_members.asked_for(settings, ENGINE), _found(settings, daemon), applied
    )
    _require_proxies_known(engine, merged)
    edits = (*_splices(merges), *merged.edits)
    edited, created = settle_created(daemon.document, edits, applied.created)
    made = daemon if edited is daemon.document else DaemonJson(edited)
    after = _written(state, daemon, made, applied, engine)
    change = settled(state, after, daemon, made, engine)
    _require_no_new_conflict(state, made, engine)
    ours = {area: OurKey(ours=merge.ours) for area, merge in merges.items()}
    expected = made.live(engine.version) if engine.is_running else None
    return TargetPlan(
        change=change,
        applied=with_creation(applied, state)
        .joined({**ours, **merged.keys})
        ._replace(created=created),
        expected=expected,
        drift=_drift(_named(settings), engine, expected),
        findings=(
            *findings_of(change, made, engine),
            *dns_findings(settings, change, daemon, made),
        ),
        is_shown=not settings.engine_dns,
    )


def plan_reload(state: FileState, engine: EngineFacts) -> Plan:
    """Plan to change nothing, and to make the engine read what stands there."""
    daemon = DaemonJson.read(state)
    _require_accepted(state, daemon, engine)
    change = Change(
        target=NAME, before=state, after=state, activation=Activation.RELOAD
    )
    expected = daemon.live(engine.version) if engine.is_running else None
    # A reload does not read proxies: they are not what it is to prove.
    lists = expected._replace(proxies=()) if expected else None
    return Plan(changes=(change,), expected=lists, drift=Activation.RELOAD)


def require_accepted(state: FileState, engine: EngineFacts) -> None:
    """Raise ConfigError if this engine would not take the file."""
    _require_accepted(state, DaemonJson.read(state), engine)


def _wanted(settings: Settings, area: str) -> tuple[str, ...]:
    values = {
        MIRRORS: settings.mirrors,
        INSECURE: settings.insecure,
        ENGINE_DNS: settings.engine_dns,
    }
    return tuple(str(value) for value in values[area])


def _merge(
    daemon: DaemonJson, area: str, settings: Settings, applied: Applied
) -> ListMerge:
    return merge_list(
        daemon.list_of(area) or (),
        applied.ours(area),
        _wanted(settings, area),
        key=_KEYS[area],
        is_ordered=area != INSECURE,
        operation=settings.operation_on(area),
    )


def _require_few(
    state: FileState, merges: Mapping[str, ListMerge], settings: Settings
) -> None:
    """Refuse a nameserver that no container would ask, behind those managed already."""
    if ENGINE_DNS not in merges or settings.operation is not Operation.ADD:
        return
    from registry_host.settings.nameservers import too_many

    problem = too_many(merges[ENGINE_DNS].ours, settings.engine_dns, ENGINE_DNS)
    if problem is not None:
        raise SettingsError(problem)


def _splices(merges: dict[str, ListMerge]) -> Iterable[editing.Splice]:
    for area, merge in merges.items():
        if not merge.is_empty:
            path = (LIST_KEYS[area],)
            yield editing.Splice(path, insert=merge.insert, drop=merge.drop)


def _found(
    settings: Settings, daemon: DaemonJson
) -> dict[str, tuple[tuple[str, ...], str | None]]:
    areas = proxy_members.named(settings, ENGINE)
    return {area: ((PROXIES, area), daemon.proxies.get(area)) for area in areas}


def _written(
    state: FileState,
    daemon: DaemonJson,
    made: DaemonJson,
    applied: Applied,
    engine: EngineFacts,
) -> FileState:
    """An engine that was told its file by a flag does not start without it."""
    is_needed = 'config-file' in engine.flags
    file = applied._replace(is_created=applied.is_created and not is_needed)
    new_mode = 0o600 if made.has_password else 0o644
    return written(state, daemon.document, made.document, file, new_mode=new_mode)


def _require_proxies_known(engine: EngineFacts, merged: proxy_members.Merged) -> None:
    is_put = any(isinstance(edit, editing.Put) for edit in merged.edits)
    if is_put and engine.version is not None and engine.version < PROXIES_SINCE:
        raise ConfigError(
            Problem(
                code='proxies-unsupported',
                where='engine',
                message=f'Docker {show_version(engine.version)} does not start with '
                '"proxies" in daemon.json',
                hint='set HTTP_PROXY in the unit: systemctl edit docker.service',
            )
        )


def _require_accepted(
    state: FileState, daemon: DaemonJson, engine: EngineFacts
) -> None:
    problems = [
        problem
        for problem in directives.lint(daemon.document, engine.version)
        + directives.conflicts(daemon.document, engine.flags)
        # What we are about to write into an empty file cures it.
        if problem.code != 'file-empty'
    ]
    if problems:
        raise ConfigError(*(placed(problem, state.path) for problem in problems))


def _require_no_new_conflict(
    state: FileState, made: DaemonJson, engine: EngineFacts
) -> None:
    problems = directives.conflicts(made.document, engine.flags)
    if problems:
        raise ConfigError(
            *(
                problem._replace(
                    where=state.path,
                    message=f'{problem.message} (in {engine.flags_origin})',
                )
                for problem in problems
            )
        )


def _drift(
    named: tuple[str, ...], engine: EngineFacts, expected: Live | None
) -> Activation:
    """The file may be right and the engine not know it: only named areas count."""
    if expected is None or engine.info is None:
        return Activation.NONE
    live = engine.info.live
    masked = dict(live.proxies)
    if any(masked[area] != text for area, text in expected.proxies if area in named):
        return Activation.RESTART
    lists = LiveLists(
        mirrors=expected.lists.mirrors if MIRRORS in named else None,
        insecure=expected.lists.insecure if INSECURE in named else None,
    )
    is_same = lists.agrees_with(live.lists)
    return Activation.NONE if is_same else Activation.RELOAD


# The way to the mirrors
