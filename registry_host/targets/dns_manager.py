"""Nameservers and search domains, in the files of whoever keeps them for the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.locations import RESOLV_CONF
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.plan.ledger import Applied, OurKey, damaged
from registry_host.settings.areas import (
    DNS_AREAS,
    EXCLUSIVE,
    NAMESERVERS,
    SEARCH,
)
from registry_host.targets.dns_findings import (
    beyond,
    containers,
    edit_findings,
    frozen,
    owner_findings,
)
from registry_host.targets.dns_memory import (
    LINES,
    OPTIONS,
    exclusive_key,
    has_exclusive,
    remembered,
    use_of,
)
from registry_host.targets.dns_refusals import (
    altered,
    require_exclusive,
    require_others,
    require_ours_to_do,
)
from registry_host.targets.target import (
    RESOLVER,
    FileRef,
    TargetPlan,
    absent,
    with_creation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.records import FileState
    from registry_host.plan.facts import Facts
    from registry_host.plan.ledger import Ledger
    from registry_host.resolver.edits import Edited, Removed
    from registry_host.resolver.managerfiles import OwnerFile, Wanted
    from registry_host.settings.model import Settings

NAME = RESOLVER


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """The files of this host's owner, and those in which something of ours is left."""
    if not settings.named & DNS_AREAS:
        return ()
    paths = tuple(file.path for file in _files_of(settings, facts))
    past = [entry.path for entry in ledger.of_target(NAME) if entry.path not in paths]
    if past:
        from registry_host.resolver.managerfiles import FILES

        if not FILES.keys() >= set(past):
            raise ConfigError(damaged())
    return (
        *(FileRef(path=path) for path in paths),
        *(FileRef(path=path, is_withdrawn=True) for path in past),
    )


def _files_of(settings: Settings, facts: Facts) -> tuple[OwnerFile, ...]:
    if not settings.has_dns:
        return ()
    from registry_host.resolver.managerfiles import NOBODYS, files_of

    if facts.ownership is None:
        return (NOBODYS,)
    return files_of(facts.ownership) or (NOBODYS,)


def plan_file(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    """Plan our part of one file; ConfigError where its owner could not be told."""
    from registry_host.resolver.managerfiles import FILES

    file = FILES[ref.path]
    if ref.is_withdrawn:
        settings = settings._replace(nameservers=(), search=(), is_dns_exclusive=False)
    wanted = file.part(_wanted(file, settings, facts, applied))
    applied = with_creation(applied, state)
    plan = _plan_lines if file.block is None else _plan_block
    part = plan(file, settings, wanted, state, applied)
    change = part.change
    if facts.ownership is not None and not ref.is_withdrawn:
        require_exclusive(file, wanted)
    if change.action == 'none':
        return part
    if facts.ownership is not None and not ref.is_withdrawn:
        require_ours_to_do(facts.ownership, settings, state, file)
        require_others(file, wanted, facts)
        part = part._replace(
            findings=(
                *owner_findings(facts.ownership),
                *part.findings,
                *frozen(file, wanted),
                *beyond(file, wanted, facts, applied),
            )
        )
    if not facts.is_live:
        return part
    return part._replace(
        change=change._replace(owner=file.owner),
        findings=(*part.findings, *containers(facts)),
        use=use_of(file.owner, applied, part.applied),
    )


def _wanted(
    file: OwnerFile, settings: Settings, facts: Facts, applied: Applied
) -> Wanted:
    """Join what is asked with what was asked before, in areas that are not named.

    What others had an owner ask is remembered from before us where it shows no more.
    """
    from registry_host.resolver.managerfiles import Others, Wanted

    is_named = NAMESERVERS in settings.named
    others = facts.others
    if others is None or (file.hides_others and LINES in applied.keys):
        others = remembered(applied)
    if file.block is None or file.has_folder:  # It goes on showing them.
        others = Others()
    return Wanted(
        nameservers=settings.nameservers if is_named else applied.ours(NAMESERVERS),
        search=settings.search if SEARCH in settings.named else applied.ours(SEARCH),
        is_exclusive=bool(settings.is_dns_exclusive)
        if is_named
        else has_exclusive(applied),
        others=others.nameservers,
        domains=others.search,
        options=others.options,
    )


# Where it is not ours to do


# A block of lines


def _plan_block(
    file: OwnerFile,
    settings: Settings,
    wanted: Wanted,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    from registry_host.resolver.blocks import AlteredError, with_block

    is_asked = bool(wanted.nameservers or wanted.search)
    block = file.block(wanted) if file.block and is_asked else ()
    block = block if len(block) > 1 else ()  # A comment alone says nothing.
    try:
        content = with_block(
            state.content or b'', block, applied.ours(LINES), is_at_top=file.is_at_top
        )
    except AlteredError:
        raise ConfigError(altered(state, applied)) from None
    keys: dict[str, OurKey | None] = dict.fromkeys(
        (NAMESERVERS, SEARCH, OPTIONS, EXCLUSIVE, LINES)
    )
    if block:
        keys = {
            NAMESERVERS: OurKey(wanted.nameservers, ' '.join(wanted.others)),
            SEARCH: OurKey(wanted.search, ' '.join(wanted.domains)),
            OPTIONS: OurKey((), ' '.join(wanted.options)),
            EXCLUSIVE: exclusive_key(wanted),
            LINES: OurKey(block),
        }
    after = _written(state, content, applied)
    return TargetPlan(
        change=Change(NAME, state, after, Activation.NONE),
        applied=applied.joined(keys),
    )


# Lines of resolv.conf(5)


def _plan_lines(
    file: OwnerFile,
    settings: Settings,
    wanted: Wanted,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    from registry_host.resolver.edits import with_nameservers, with_search
    from registry_host.resolver.resolvconf import parse

    conf = parse(state.content or b'')
    edits: dict[str, Edited] = {}
    if NAMESERVERS in settings.named:
        edits[NAMESERVERS] = with_nameservers(
            conf,
            wanted.nameservers,
            applied.ours(NAMESERVERS),
            is_exclusive=wanted.is_exclusive,
            removed=_removed(applied, NAMESERVERS),
        )
        conf = edits[NAMESERVERS].conf
    if SEARCH in settings.named:
        edits[SEARCH] = with_search(
            conf,
            wanted.search,
            applied.ours(SEARCH),
            removed=_removed(applied, SEARCH),
        )
        conf = edits[SEARCH].conf
    after = _written(state, conf.render(), applied)
    keys = {area: _key(edit) for area, edit in edits.items()}
    if NAMESERVERS in settings.named:
        keys[EXCLUSIVE] = exclusive_key(wanted)
    return TargetPlan(
        change=Change(NAME, state, after, _activation(file, state, after)),
        applied=applied.joined(keys),
        findings=tuple(edit_findings(edits)),
    )


def _activation(file: OwnerFile, before: FileState, after: FileState) -> Activation:
    """An engine looks once in its life if the file asks systemd-resolved alone.

    From then on its containers get the nameservers of one file or the other (moby
    internal/resolvconf/resolvconf_path.go Path, b985e23).
    """
    is_flipped = _is_stub_alone(before) != _is_stub_alone(after)
    is_seen = file.path == RESOLV_CONF
    return Activation.RESTART if is_flipped and is_seen else Activation.NONE


def _is_stub_alone(state: FileState) -> bool:
    from registry_host.resolver.resolvconf import parse, view

    return view(parse(state.content or b''), 'go').nameservers == ('127.0.0.53',)


def _written(state: FileState, content: bytes, applied: Applied) -> FileState:
    if content == (state.content or b''):
        return state
    if applied.is_created and not content:
        return absent(state, applied.folders)
    mode = 0o644 if state.content is None else state.mode
    return state._replace(content=content, mode=mode)


# What was removed, in the words of the ledger


def _key(edited: Edited) -> OurKey | None:
    import base64
    import json

    before = [
        [*removed.place, base64.b64encode(removed.line).decode()]
        for removed in edited.removed
    ]
    return OurKey(ours=edited.ours, before=json.dumps(before) if before else None)


def _removed(applied: Applied, area: str) -> Sequence[Removed]:
    import base64
    import json

    from registry_host.resolver.edits import Removed

    try:
        return tuple(
            Removed((int(others), int(searches)), base64.b64decode(line))
            for others, searches, line in json.loads(applied.before(area) or '[]')
        )
    except (ValueError, TypeError, RecursionError):
        raise ConfigError(damaged()) from None


# What is told
