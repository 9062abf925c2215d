"""/etc/resolv.conf where it is nobody's: nameservers and search domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.host import RESOLV_CONF
from registry_host.ledger import Applied, OurKey
from registry_host.plan import Activation, Change, FileState, Finding
from registry_host.settings import DNS_AREAS, NAMESERVERS, SEARCH
from registry_host.targets.target import (
    FileRef,
    TargetPlan,
    absent,
    with_creation,
)

if TYPE_CHECKING:
    from registry_host.facts import Facts
    from registry_host.ledger import Ledger
    from registry_host.names.edits import Edited, Removed, Unseen
    from registry_host.names.owner import Ownership
    from registry_host.names.resolvconf import ResolvConf
    from registry_host.settings import Settings

NAME = 'resolver'


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """The one file, if it is asked for or has something of ours."""
    if not settings.named & DNS_AREAS:
        return ()
    if not settings.has_dns and not ledger.has(NAME, RESOLV_CONF):
        return ()
    return (FileRef(path=RESOLV_CONF, is_withdrawn=not settings.has_dns),)


def plan_file(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    """Plan our lines; ConfigError where the file is of somebody who writes it again."""
    from registry_host.names.edits import with_nameservers, with_search
    from registry_host.names.resolvconf import parse

    owned = facts.ownership
    if owned is not None and not ref.is_withdrawn:
        _require_nobodys(owned, settings)
    conf = parse(state.content or b'')
    edits: dict[str, Edited] = {}
    if NAMESERVERS in settings.named:
        edits[NAMESERVERS] = with_nameservers(
            conf,
            settings.nameservers,
            applied.ours(NAMESERVERS),
            is_exclusive=settings.is_dns_exclusive,
            removed=_removed(applied, NAMESERVERS),
        )
        conf = edits[NAMESERVERS].conf
    if SEARCH in settings.named:
        edits[SEARCH] = with_search(
            conf,
            settings.search,
            applied.ours(SEARCH),
            removed=_removed(applied, SEARCH),
        )
        conf = edits[SEARCH].conf
    applied = with_creation(applied, state)
    after = _written(state, conf, applied)
    return TargetPlan(
        change=Change(NAME, state, after, Activation.NONE),
        applied=applied.joined({area: _key(edit) for area, edit in edits.items()}),
        findings=(*_findings(edits), *_containers(facts, state, after)),
    )


def _require_nobodys(owned: Ownership, settings: Settings) -> None:
    if owned.owner == 'static' and not owned.rivals and not owned.is_volatile:
        return
    from registry_host.names.steps import steps

    wanted = settings.nameservers[0] if settings.nameservers else 'NAMESERVER'
    by_whom = ' and '.join((owned.owner, *owned.rivals))
    if owned.owner == 'static' and owned.is_volatile:
        by_whom += f' in {owned.target}, which a reboot empties'
    raise ConfigError(
        Problem(
            code='resolv-conf-owned',
            where=RESOLV_CONF,
            message=f'is kept by {by_whom}, not by hand: {"; ".join(owned.evidence)}',
            hint='this is not done for you yet; by hand, as root: '
            + ' && '.join(f'{{ {step}; }}' for step in steps(owned, wanted)),
        )
    )


def _written(state: FileState, conf: ResolvConf, applied: Applied) -> FileState:
    content = conf.render()
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

    from registry_host.names.edits import Removed

    return tuple(
        Removed((others, searches), base64.b64decode(line))
        for others, searches, line in json.loads(applied.before(area) or '[]')
    )


def is_exclusive(applied: Applied) -> bool:
    """Whether nameservers of others were taken out."""
    return applied.before(NAMESERVERS) is not None


# What is told


def _findings(edits: Mapping[str, Edited]) -> Iterable[Finding]:
    for area, edited in edits.items():
        for unseen in edited.unseen:
            yield _unseen(area, unseen)


def _containers(facts: Facts, before: FileState, after: FileState) -> Iterable[Finding]:
    """Containers have a copy of the file, made when they started.

    Only a restart of the container makes it anew (20.10.24, observed).
    """
    info = facts.engine.info
    if info is not None and info.running_containers and before != after:
        yield Finding(
            check='containers-keep-nameservers',
            severity='info',
            message=f'{info.running_containers} running container(s) ask the '
            'nameservers that they started with, until they are restarted',
            remedy=('docker ps',),
        )


def _unseen(area: str, unseen: Unseen) -> Finding:
    what = 'nameserver' if area == NAMESERVERS else 'search domain'
    from registry_host.names.resolvconf import READER_NAMES

    everybody = len(unseen.readers) == len(READER_NAMES)
    readers = ' and '.join(READER_NAMES[reader] for reader in unseen.readers)
    return Finding(
        check='resolv-conf-unseen',
        severity='warning',
        message=f'the {what} {unseen.text} is not asked '
        + ('any more' if everybody else f'by programs of {readers}'),
        path=RESOLV_CONF,
    )
