"""The engine's daemon.json: mirrors, insecure registries, proxies, nameservers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import LIST_KEYS, PROXIES, DaemonJson
from registry_host.engine.find import EngineFacts
from registry_host.engine.supported import require_known
from registry_host.jsonfile import editing
from registry_host.jsonfile.config import settle_created
from registry_host.plan.ledger import Applied, ManagedKey
from registry_host.plan.merge import ListMerge, merge_list, standing, wished
from registry_host.plan.wish import Values, Wish
from registry_host.settings.areas import (
    ENGINE,
    ENGINE_DNS,
    INSECURE,
    MIRRORS,
    PROXY_KEYS,
    Operation,
)
from registry_host.settings.insecure import registry_key
from registry_host.settings.mirrors import mirror_key
from registry_host.targets import proxy_members
from registry_host.targets.daemon_findings import dns_findings, findings_of, shadowed
from registry_host.targets.daemon_refusals import (
    require_accepted,
    require_few,
    require_no_new_conflict,
    require_proxies_known,
)
from registry_host.targets.target import (
    DOCKER_DAEMON,
    FileRef,
    Merged,
    merged,
    with_creation,
    withdrawn,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.ledger import Ledger
    from registry_host.services.facts import Facts
    from registry_host.settings.model import Settings

NAME = DOCKER_DAEMON
IS_REWRITTEN = False


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


def whole(settings: Settings, ledger: Ledger) -> Settings:
    return settings


def is_file(path: str, user: User | None) -> bool:
    """Any file in a folder: an engine is told its own by a flag."""
    return path.count('/') > 1


def asked(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> Wish:
    daemon = _read(ref, state, facts)
    if ref.is_withdrawn:
        areas: dict[str, Values] = dict.fromkeys(_named(settings), ())
    else:
        areas = {
            area: _list_asked(settings, area, daemon, applied)
            for area in LIST_KEYS
            if area in settings.named
        }
        found = _found(daemon)
        areas.update(proxy_members.asked(settings, ENGINE, found, applied))
    wish = Wish(areas, is_reordering=settings.operation is Operation.REPLACE)
    if ENGINE_DNS in areas and not ref.is_withdrawn:
        require_few(settings, _merge(daemon, ENGINE_DNS, wish, applied).managed)
    return wish


def _list_asked(
    settings: Settings, area: str, daemon: DaemonJson, applied: Applied
) -> Values:
    return wished(
        standing(daemon.list_of(area) or (), applied.managed(area)),
        _wanted(settings, area),
        key=_KEYS[area],
        operation=settings.operation_on(area),
    )


def stands(state: FileState, applied: Applied, facts: Facts) -> Mapping[str, Values]:
    daemon = DaemonJson.read(state)
    lists = {
        area: standing(daemon.list_of(area) or (), applied.managed(area))
        for area in LIST_KEYS
    }
    return {**lists, **dict(proxy_members.stands(_found(daemon), applied))}


def merge(
    ref: FileRef, state: FileState, applied: Applied, wish: Wish, facts: Facts
) -> Merged:
    """Edit one daemon.json; ConfigError if the engine would refuse it.

    A recovery edits what the engine refuses for another reason, too.
    """
    engine = _engine_of(ref, facts)
    daemon = _read(ref, state, facts)
    if not wish.is_recovery or not daemon.is_shaped:
        require_accepted(state, daemon, engine)
    merges = {
        area: _merge(daemon, area, wish, applied)
        for area in LIST_KEYS
        if area in wish.areas
    }
    found = _found(daemon)
    proxies = proxy_members.merge(wish, found, applied)
    edits = (*_splices(merges), *proxies.edits)
    members: dict[str, tuple[str, ...]] = {
        **{area: (key,) for area, key in LIST_KEYS.items()},
        **proxy_members.paths(found),
    }
    edited, created = settle_created(
        daemon.document, edits, applied.created, withdrawn(wish, members)
    )
    made = daemon if edited is daemon.document else DaemonJson(edited)
    after = _written(state, daemon, made, applied, engine)
    if not wish.is_recovery:
        require_proxies_known(engine, proxies.edits)
        require_no_new_conflict(state, made, engine)
    managed = {
        area: ManagedKey(managed=merge.managed) for area, merge in merges.items()
    }
    return merged(
        after,
        applied,
        with_creation(applied, state)
        .joined({**managed, **proxies.keys})
        ._replace(created=created),
    )


def settle(host: Host, state: FileState) -> Iterable[Finding]:
    return ()


def told(
    settings: Settings, facts: Facts, state: FileState, merged: Merged
) -> Iterable[Finding]:
    engine = _engine_of(FileRef(state.path), facts)
    daemon, made = DaemonJson.read(state), DaemonJson.read(merged.after)
    yield from findings_of(merged.after, made, engine)
    yield from dns_findings(settings, merged.after, daemon, made)
    yield from shadowed(facts.environment, merged.after, daemon, made)


def redact(text: str) -> str:
    from registry_host.jsonfile.masking import mask

    return mask(text)


def _engine_of(ref: FileRef, facts: Facts) -> EngineFacts:
    """The engine of a file: one that this host had before says nothing of its own."""
    is_read = ref.path == facts.engine.config_path
    return facts.engine if is_read else EngineFacts(state='unknown')


def _read(ref: FileRef, state: FileState, facts: Facts) -> DaemonJson:
    require_known(_engine_of(ref, facts))
    return DaemonJson.read(state)


def _wanted(settings: Settings, area: str) -> Values:
    values = {
        MIRRORS: settings.mirrors,
        INSECURE: settings.insecure,
        ENGINE_DNS: settings.engine_dns,
    }
    return tuple(str(value) for value in values[area])


def _merge(daemon: DaemonJson, area: str, wish: Wish, applied: Applied) -> ListMerge:
    return merge_list(
        daemon.list_of(area) or (),
        applied.managed(area),
        wish.of(area),
        key=_KEYS[area],
        is_ordered=area != INSECURE,
        is_reordering=wish.is_reordering,
    )


def _splices(merges: dict[str, ListMerge]) -> Iterable[editing.Splice]:
    for area, merge in merges.items():
        if not merge.is_empty:
            path = (LIST_KEYS[area],)
            yield editing.Splice(path, insert=merge.insert, drop=merge.drop)


def _found(daemon: DaemonJson) -> proxy_members.Found:
    return {area: ((PROXIES, area), daemon.proxies.get(area)) for area in PROXY_KEYS}


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
