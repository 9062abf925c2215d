"""The engine's daemon.json: registry mirrors and insecure registries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from registry_host import directives, jsontext
from registry_host.checkpoints import Applied, OurKey
from registry_host.enginekeys import OLDEST, show_version
from registry_host.errors import ConfigError, Problem
from registry_host.merge import ListMerge, merge_list
from registry_host.plan import (
    Activation,
    Change,
    FileState,
    Finding,
    LiveLists,
    Plan,
)
from registry_host.settings import INSECURE, MIRRORS
from registry_host.targets.target import FileRef, TargetPlan, read_json
from registry_host.urls import (
    Mirror,
    check_insecure_registry,
    check_mirror,
    mirror_key,
    registry_key,
)

if TYPE_CHECKING:
    from registry_host.checkpoints import Ledger
    from registry_host.directives import Version
    from registry_host.facts import EngineFacts, Facts
    from registry_host.host import Host
    from registry_host.probe import Route
    from registry_host.settings import Settings

NAME = 'docker-daemon'
CONTAINERD_OWN_HOSTS: Version = (28, 0, 0)
# Insecure by the engine itself; ::1/128 since 28.0.
BUILT_IN = frozenset({'127.0.0.0/8', '::1/128'})
_KEYS = {MIRRORS: mirror_key, INSECURE: registry_key}


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    if not _named(settings) or not _concerns(settings, ledger):
        return ()
    return (FileRef(path=facts.engine.config_path, user=facts.engine.user),)


def _named(settings: Settings) -> tuple[str, ...]:
    return tuple(area for area in _KEYS if area in settings.named)


def _concerns(settings: Settings, ledger: Ledger) -> bool:
    """A declaration names every area; one where nothing is asked or ours is no work."""
    is_asked = bool(settings.mirrors or settings.insecure)
    return is_asked or not settings.is_declaration or bool(ledger.of_target(NAME))


def plan_file(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    """Plan the edit of one daemon.json; ConfigError if the engine would refuse it."""
    engine = facts.engine
    _require_known(engine)
    document = read_json(state)
    _require_accepted(state, document, engine)
    merges = {
        area: _merge(document, area, _wanted(settings, area), applied)
        for area in _named(settings)
    }
    edited = jsontext.edit(document, *_splices(merges))
    _require_no_new_conflict(state, edited, engine)
    after = state._replace(
        content=state.content if edited is document else edited.encode(),
        mode=state.mode if state.content is not None else 0o644,
    )
    expected = _expected(edited, engine)
    return TargetPlan(
        change=Change(
            target=NAME, before=state, after=after, activation=Activation.RELOAD
        ),
        applied=_applied(state, applied, merges),
        expected=expected,
        is_live_drifted=_is_live_drifted(settings, engine, expected),
        findings=tuple(_findings(state, edited, engine)),
    )


def plan_reload(state: FileState, engine: EngineFacts) -> Plan:
    """Plan to change nothing, and to make the engine read what stands there."""
    document = read_json(state)
    _require_accepted(state, document, engine)
    change = Change(
        target=NAME, before=state, after=state, activation=Activation.RELOAD
    )
    return Plan(
        changes=(change,), expected=_expected(document, engine), is_live_drifted=True
    )


def with_lists(state: FileState, lists: LiveLists) -> FileState:
    """Name in a file the live lists that it leaves out."""
    document = read_json(state)
    insecure = sorted(name for _, name in lists.insecure or () if name not in BUILT_IN)
    values = {MIRRORS: list(lists.mirrors or ()), INSECURE: insecure}
    edits = [
        jsontext.Put((area,), [*value])
        for area, value in values.items()
        if not document.has(area)
    ]
    return state._replace(
        content=jsontext.edit(document, *edits).encode(),
        mode=state.mode if state.content is not None else 0o644,
    )


def _wanted(settings: Settings, area: str) -> tuple[str, ...]:
    values = settings.mirrors if area == MIRRORS else settings.insecure
    return tuple(str(value) for value in values)


def _merge(
    document: jsontext.Document, area: str, wanted: Sequence[str], applied: Applied
) -> ListMerge:
    return merge_list(
        list_of(document, area) or (),
        applied.ours(area),
        wanted,
        key=_KEYS[area],
        is_ordered=area == MIRRORS,
    )


def list_of(document: jsontext.Document, area: str) -> tuple[str, ...] | None:
    """Return the list under a key; None where it is absent. null counts as empty."""
    if not document.has(area):
        return None
    value = document.get(area)
    entries = value if isinstance(value, list) else ()
    return tuple(str(entry) for entry in entries)


def _splices(merges: dict[str, ListMerge]) -> Iterable[jsontext.Splice]:
    for area, merge in merges.items():
        if not merge.is_empty:
            yield jsontext.Splice((area,), insert=merge.insert, drop=merge.drop)


def _applied(
    state: FileState, applied: Applied, merges: dict[str, ListMerge]
) -> Applied:
    ours = {area: OurKey(ours=merge.ours) for area, merge in merges.items()}
    keys = {name: key for name, key in {**applied.keys, **ours}.items() if key.ours}
    is_created = applied.is_created or (state.content is None and not applied.keys)
    return applied._replace(keys=keys, is_created=is_created)


def _require_known(engine: EngineFacts) -> None:
    if engine.version is not None and engine.version < OLDEST:
        found, oldest = show_version(engine.version), show_version(OLDEST)
        raise ConfigError(
            Problem(
                code='engine-too-old',
                where='engine',
                message=f'Docker {found} is older than {oldest}, the oldest that is '
                'known',
                hint='upgrade Docker',
            )
        )


def _require_accepted(
    state: FileState, document: jsontext.Document, engine: EngineFacts
) -> None:
    problems = [
        problem
        for problem in directives.lint(document, engine.version)
        + directives.conflicts(document, engine.flags)
        # What we are about to write into an empty file cures it.
        if problem.code != 'file-empty'
    ]
    if problems:
        raise ConfigError(*(placed(problem, state.path) for problem in problems))


def placed(problem: Problem, path: str) -> Problem:
    """Put the file's name before the line and column of a problem."""
    where = f'{path}:{problem.where}' if problem.where else path
    return problem.at(where)


def _require_no_new_conflict(
    state: FileState, edited: jsontext.Document, engine: EngineFacts
) -> None:
    problems = directives.conflicts(edited, engine.flags)
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


def _expected(document: jsontext.Document, engine: EngineFacts) -> LiveLists | None:
    if not engine.is_running:
        return None
    from registry_host.engine import expected_lists

    return expected_lists(
        list_of(document, MIRRORS), list_of(document, INSECURE), engine.version
    )


def _is_live_drifted(
    settings: Settings, engine: EngineFacts, expected: LiveLists | None
) -> bool:
    """The file may be right and the engine not know it: only named areas count."""
    if expected is None or engine.info is None:
        return False
    named = LiveLists(
        mirrors=expected.mirrors if MIRRORS in settings.named else None,
        insecure=expected.insecure if INSECURE in settings.named else None,
    )
    return not named.agrees_with(engine.info.lists)


def _findings(
    state: FileState, document: jsontext.Document, engine: EngineFacts
) -> Iterable[Finding]:
    for problem in directives.warnings(document, engine.version, engine.flags):
        yield Finding.of(placed(problem, state.path), 'warning', state.path)
    mirrors = list_of(document, MIRRORS) or ()
    insecure = list_of(document, INSECURE) or ()
    for problem in unverified_hub(mirrors, insecure, engine):
        yield Finding.of(problem, 'warning', state.path)


def unverified_hub(
    mirrors: Iterable[str], insecure: Iterable[str], engine: EngineFacts
) -> Iterable[Problem]:
    """Tell which mirrors make the engine trust anyone who says to be Docker Hub.

    With the containerd image store, mirrors and Docker Hub share one HTTP client: a
    mirror that is loopback or listed insecure switches TLS verification off, and plain
    HTTP on, for registry-1.docker.io too. Source: moby daemon/hosts.go 28.0 to 29;
    observed on 28.5.2. Not so with graphdrivers.
    """
    info = engine.info
    is_new = engine.version is not None and engine.version >= CONTAINERD_OWN_HOSTS
    if info is None or not info.is_containerd_store or not is_new:
        return
    registries = [check_insecure_registry(text).value for text in insecure]
    for text in mirrors:
        mirror = check_mirror(text).value
        if mirror is None:
            continue
        is_listed = any(
            r is not None and r.matches(mirror.host, mirror.port, (mirror.host,))
            for r in registries
        )
        if is_listed or mirror.is_loopback:
            yield _unverified_hub_problem(mirror, is_listed=is_listed)


def _unverified_hub_problem(mirror: Mirror, *, is_listed: bool) -> Problem:
    reason = 'it is listed in insecure-registries' if is_listed else 'it is loopback'
    hint = (
        f'take {mirror.endpoint} out of insecure-registries: '
        'an http:// mirror does not need it'
        if is_listed and mirror.scheme == 'http'
        else 'give the mirror a certificate that this host trusts, and take it out of '
        'insecure-registries'
        if is_listed
        else "name the mirror by an address of this host's that is not loopback"
    )
    return Problem(
        code='hub-unverified',
        where=str(mirror),
        message='with the containerd image store this mirror switches off TLS '
        f'verification of Docker Hub itself, because {reason}',
        hint=hint,
    )


# The way to the mirrors


def has_new_mirrors(change: Change) -> bool:
    """Say whether the list of mirrors becomes another one."""
    before, after = (
        list_of(jsontext.read(state.content or b''), MIRRORS)
        for state in (change.before, change.after)
    )
    return before != after


def route_after(host: Host, change: Change, engine: EngineFacts) -> Route:
    """Tell how the engine will reach its mirrors once it has read the new file."""
    return route_of_document(host, jsontext.read(change.after.content or b''), engine)


def route_of_document(
    host: Host, document: jsontext.Document, engine: EngineFacts
) -> Route:
    from registry_host.probe import route_of

    proxies = document.get('proxies') if document.has('proxies') else {}
    texts = proxies.values() if isinstance(proxies, dict) else ()
    return route_of(
        host,
        engine,
        insecure=list_of(document, INSECURE) or (),
        proxies=tuple(text for text in texts if isinstance(text, str)),
    )
