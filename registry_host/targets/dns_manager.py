"""Nameservers and search domains, in the files of whoever keeps them for the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding, Problem, SettingsError, quoted
from registry_host.host.locations import RESOLV_CONF
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.plan.ledger import Applied, OurKey, damaged
from registry_host.resolver.use import Use
from registry_host.settings.areas import (
    DNS_AREAS,
    EXCLUSIVE,
    NAMESERVER,
    NAMESERVERS,
    SEARCH,
    Operation,
)
from registry_host.targets.target import (
    FileRef,
    TargetPlan,
    absent,
    with_creation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from registry_host.host.records import FileState
    from registry_host.plan.facts import Facts
    from registry_host.plan.ledger import Ledger
    from registry_host.resolver.edits import Edited, Removed, Unseen
    from registry_host.resolver.managerfiles import Others, OwnerFile, Wanted
    from registry_host.resolver.owner import Ownership
    from registry_host.settings.model import Settings

NAME = 'resolver'
# What the ledger holds of a file with a block of ours besides: its lines, and options
# of resolv.conf(5) that stood before.
LINES, OPTIONS = 'lines', 'options'


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


def with_managed(settings: Settings, ledger: Ledger) -> Settings:
    """Make flags that add or remove the whole of what is to be managed.

    Managed nameservers may stand in the files of several DNS managers, if the host has
    had another one: what a run adds to, or takes from, is all of them. Raises
    SettingsError for a fourth nameserver, and for none that could be asked alone.
    """
    if settings.operation is Operation.REPLACE or not settings.named & DNS_AREAS:
        return settings
    from registry_host.settings.nameservers import exclusive_alone, too_many

    entries = ledger.of_target(NAME)
    whole: dict[str, tuple[str, ...]] = {}
    for area, values in _by_area(settings).items():
        managed = dict.fromkeys(
            text
            for entry in entries
            for text in (
                asked_before(entry) if area == NAMESERVERS else entry.ours(area)
            )
        )
        if area in settings.cleared:
            whole[area] = ()
        elif settings.operation is Operation.ADD:
            whole[area] = tuple({**managed, **dict.fromkeys(values)})
        else:
            whole[area] = tuple(text for text in managed if text not in values)
    nameservers = whole[NAMESERVERS]
    is_exclusive = settings.is_dns_exclusive
    if is_exclusive is None:
        is_exclusive = any(map(has_exclusive, entries))
    if settings.operation is Operation.ADD:
        problem = too_many(nameservers, settings.nameservers, NAMESERVER)
        if problem is None and settings.is_dns_exclusive and not nameservers:
            problem = exclusive_alone()
        if problem is not None:
            raise SettingsError(problem)
    return settings._replace(
        nameservers=nameservers,
        search=whole[SEARCH],
        is_dns_exclusive=is_exclusive and bool(nameservers),
    )


def _by_area(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    return {NAMESERVERS: settings.nameservers, SEARCH: settings.search}


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
        _require_exclusive(file, wanted)
    if change.action == 'none':
        return part
    if facts.ownership is not None and not ref.is_withdrawn:
        _require_ours_to_do(facts.ownership, settings, state, file)
        _require_others(file, wanted, facts)
        part = part._replace(
            findings=(
                *_owner_findings(facts.ownership),
                *part.findings,
                *_frozen(file, wanted),
                *_beyond(file, wanted, facts, applied),
            )
        )
    if not facts.is_live:
        return part
    return part._replace(
        change=change._replace(owner=file.owner),
        findings=(*part.findings, *_containers(facts)),
        use=use_of(file.owner, applied, part.applied),
    )


def use_of(owner: str, before: Applied, after: Applied) -> Use | None:
    """Say what an owner uses once our part of its file is what it is `after`."""
    if not owner:
        return None
    ours, was = after.ours(NAMESERVERS), before.ours(NAMESERVERS)
    # One that others bring too stays.
    stays = (*ours, *(before.before(NAMESERVERS) or '').split())
    gone = tuple(server for server in was if server not in stays)
    return Use(owner, ours, gone, has_exclusive(after))


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
        others = _remembered(applied)
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


def _remembered(applied: Applied) -> Others:
    from registry_host.resolver.managerfiles import Others

    areas = (NAMESERVERS, SEARCH, OPTIONS)
    return Others(*(tuple((applied.before(area) or '').split()) for area in areas))


# Where it is not ours to do


def _require_ours_to_do(
    owned: Ownership, settings: Settings, state: FileState, file: OwnerFile
) -> None:
    reason = _refusal(owned, state, file)
    if not reason:
        return
    from registry_host.resolver.steps import of_dhclient, steps

    wanted = settings.nameservers[0] if settings.nameservers else 'NAMESERVER'
    is_without_hooks = file.has_folder and state.missing_folders
    by_hand = (of_dhclient if is_without_hooks else steps)(owned, wanted)
    raise ConfigError(
        Problem(
            code='resolv-conf-owned',
            where=RESOLV_CONF,
            message=f'{reason}: {"; ".join(owned.evidence)}',
            hint='by hand, as root: ' + ' && '.join(f'{{ {s}; }}' for s in by_hand),
        )
    )


def _require_exclusive(file: OwnerFile, wanted: Wanted) -> None:
    """Debian's resolvconf puts those of leases behind ours, in any case."""
    from registry_host.resolver.managerfiles import HEAD
    from registry_host.settings.nameservers import NAMESERVERS_LIMIT

    is_short = 0 < len(wanted.nameservers) < NAMESERVERS_LIMIT
    if file.path == HEAD and wanted.is_exclusive and is_short:
        raise ConfigError(
            Problem(
                code='dns-exclusive-short',
                where=file.path,
                message='resolvconf puts the nameservers of leases behind ours, and '
                'three are asked',
                hint='name three nameservers, or leave out --dns-exclusive',
            )
        )


def _require_others(file: OwnerFile, wanted: Wanted, facts: Facts) -> None:
    """NetworkManager would ask none of those that later connections bring."""
    from registry_host.resolver.managerfiles import NETWORK_MANAGER

    is_alone = file.path == NETWORK_MANAGER and not wanted.others
    if is_alone and facts.is_live and not wanted.is_exclusive:
        raise ConfigError(
            Problem(
                code='owner-has-none',
                where='NetworkManager',
                message='has no nameservers now that could stay behind ours, and would '
                'ask no others later',
                hint='connect first, or have ours asked alone: --dns-exclusive',
            )
        )


def _refusal(owned: Ownership, state: FileState, file: OwnerFile) -> str:
    from registry_host.resolver.managerfiles import files_of

    if owned.beneath is not None and owned.owner == 'split':
        reason = _refusal(owned.beneath, state, file)
        if reason:
            return reason
    by_whom = ' and '.join((owned.owner, *owned.rivals))
    if owned.rivals or not files_of(owned):
        return f'is kept by {by_whom}, which is not changed from here'
    if file.has_folder and state.missing_folders:
        return f'is kept by {by_whom}, which has no {state.missing_folders[0]} here'
    if owned.is_active is False:
        return f'is kept by {by_whom}, which is not there to do it'
    if owned.is_lost:
        return f'leads to {owned.target}, which a reboot empties'
    return ''


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
        raise ConfigError(_altered(state, applied)) from None
    keys: dict[str, OurKey | None] = dict.fromkeys(
        (NAMESERVERS, SEARCH, OPTIONS, EXCLUSIVE, LINES)
    )
    if block:
        keys = {
            NAMESERVERS: OurKey(wanted.nameservers, ' '.join(wanted.others)),
            SEARCH: OurKey(wanted.search, ' '.join(wanted.domains)),
            OPTIONS: OurKey((), ' '.join(wanted.options)),
            EXCLUSIVE: _exclusive_key(wanted),
            LINES: OurKey(block),
        }
    after = _written(state, content, applied)
    return TargetPlan(
        change=Change(NAME, state, after, Activation.NONE),
        applied=applied.joined(keys),
    )


def _altered(state: FileState, applied: Applied) -> Problem:
    return Problem(
        code='resolver-lines-changed',
        where=state.path,
        message='our lines in it were changed by hand',
        hint='take them all out, or put them back as they were: '
        + '; '.join(applied.ours(LINES)),
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
        keys[EXCLUSIVE] = _exclusive_key(wanted)
    return TargetPlan(
        change=Change(NAME, state, after, _activation(file, state, after)),
        applied=applied.joined(keys),
        findings=tuple(_findings(edits)),
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


def has_exclusive(applied: Applied) -> bool:
    return EXCLUSIVE in applied.keys


def _exclusive_key(wanted: Wanted) -> OurKey:
    """Remember what is asked alone, for some of it may stand in foreign lines."""
    if not (wanted.is_exclusive and wanted.nameservers):
        return OurKey(())
    return OurKey(('true',), ' '.join(wanted.nameservers))


def asked_before(applied: Applied) -> tuple[str, ...]:
    """The nameservers that an earlier run was asked for, as far as it is remembered."""
    alone = (applied.before(EXCLUSIVE) or '').split()
    return tuple(alone) or applied.ours(NAMESERVERS)


# What is told


def _owner_findings(owned: Ownership) -> Iterable[Finding]:
    yield Finding(
        check='nameserver-owner',
        severity='info',
        message=f'{RESOLV_CONF}: {owned.title}: {"; ".join(owned.evidence)}',
        path=RESOLV_CONF,
    )
    if owned.owner == 'cloud-init':
        yield Finding(
            check='nameserver-owner',
            severity='warning',
            message='cloud-init writes the file anew for a new instance of this host',
            path=RESOLV_CONF,
            remedy=(
                "echo 'network: {config: disabled}' "
                '>/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg',
            ),
        )


def _frozen(file: OwnerFile, wanted: Wanted) -> Iterable[Finding]:
    """Tell of those that NetworkManager is told with ours, and asks from now on."""
    from registry_host.resolver.managerfiles import NETWORK_MANAGER

    if file.path != NETWORK_MANAGER or wanted.is_exclusive or not wanted.others:
        return
    yield Finding(
        check='nameservers-frozen',
        severity='info',
        message=f'{", ".join(wanted.others)} stays behind ours, whatever leases bring',
        path=RESOLV_CONF,
    )
    for server in wanted.others:
        if '%' in server:
            yield Finding(
                check='resolv-conf-unseen',
                severity='warning',
                message=f'the nameserver {server} is not asked any more: '
                'NetworkManager takes no zones here',
                path=RESOLV_CONF,
            )


def _beyond(
    file: OwnerFile, wanted: Wanted, facts: Facts, applied: Applied
) -> Iterable[Finding]:
    """Tell of nameservers that fall off the three that are asked.

    Systemd-resolved asks any number (257, observed).
    """
    others = facts.others
    if others is None or wanted.is_exclusive or not wanted.nameservers:
        return
    if file.owner in ('', 'resolved'):
        return
    from registry_host.settings.nameservers import NAMESERVERS_LIMIT

    before = [s for s in others.nameservers if s not in applied.ours(NAMESERVERS)]
    now = dict.fromkeys((*wanted.nameservers, *before))
    for server in list(now)[NAMESERVERS_LIMIT:]:
        if server in before[:NAMESERVERS_LIMIT]:
            yield Finding(
                check='resolv-conf-unseen',
                severity='warning',
                message=f'the nameserver {server} is not asked any more',
                path=RESOLV_CONF,
            )


def _findings(edits: Mapping[str, Edited]) -> Iterable[Finding]:
    for area, edited in edits.items():
        for unseen in edited.unseen:
            yield _unseen(area, unseen)


def _containers(facts: Facts) -> Iterable[Finding]:
    """Containers have a copy of the file, made when they started.

    Only a restart of the container makes it anew (20.10.24, observed).
    """
    names = [container.name for container in facts.containers]
    if not names:
        return
    registries = [c.name for c in facts.containers if c.is_registry]
    among = f'; among them a registry: {", ".join(registries)}' if registries else ''
    yield Finding(
        check='containers-keep-nameservers',
        severity='info',
        message=f'{len(names)} running container(s) ask the nameservers that they '
        f'started with, until they are restarted{among}',
        remedy=(f'docker restart {quoted(*names)}',),
    )


def _unseen(area: str, unseen: Unseen) -> Finding:
    what = 'nameserver' if area == NAMESERVERS else 'search domain'
    from registry_host.resolver.resolvconf import READER_NAMES

    everybody = len(unseen.readers) == len(READER_NAMES)
    readers = ' and '.join(READER_NAMES[reader] for reader in unseen.readers)
    return Finding(
        check='resolv-conf-unseen',
        severity='warning',
        message=f'the {what} {unseen.text} is not asked '
        + ('any more' if everybody else f'by programs of {readers}'),
        path=RESOLV_CONF,
    )
