"""Nameservers and search domains, in the files of the DNS manager of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.plan.ledger import Applied, damaged
from registry_host.plan.wish import Values, Wish
from registry_host.services.facts import RESOLVER
from registry_host.settings.areas import (
    DNS_AREAS,
    EXCLUSIVE,
    NAMESERVERS,
    SEARCH,
)
from registry_host.targets.dns_findings import (
    beyond,
    containers,
    frozen,
    owner_findings,
)
from registry_host.targets.dns_memory import (
    LINES,
    asked_before,
    has_exclusive,
    remembered,
    with_managed,
)
from registry_host.targets.dns_refusals import (
    require_configurable,
    require_exclusive,
    require_others,
)
from registry_host.targets.target import (
    FileRef,
    Merged,
    with_creation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.plan.ledger import Ledger
    from registry_host.resolver.managerfiles import OwnerFile, Wanted
    from registry_host.services.facts import Facts
    from registry_host.settings.model import Settings

NAME = RESOLVER
IS_REWRITTEN = False


def whole(settings: Settings, ledger: Ledger) -> Settings:
    return with_managed(settings, ledger)


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """The files of the host's DNS manager, and those with managed lines in them."""
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


def is_file(path: str, user: User | None) -> bool:
    from registry_host.resolver.managerfiles import FILES

    return path in FILES


def asked(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> Wish:
    nothing = ref.is_withdrawn
    values: dict[str, Values] = {}
    if NAMESERVERS in settings.named:
        is_exclusive = settings.is_dns_exclusive and not nothing
        values[NAMESERVERS] = () if nothing else settings.nameservers
        values[EXCLUSIVE] = ('true',) if is_exclusive else ()
    if SEARCH in settings.named:
        values[SEARCH] = () if nothing else settings.search
    return Wish(values, is_reordering=True)


def stands(state: FileState, applied: Applied, facts: Facts) -> Mapping[str, Values]:
    """All or nothing, for what is managed in one file stands together."""
    managed = {
        NAMESERVERS: asked_before(applied),
        SEARCH: applied.managed(SEARCH),
        EXCLUSIVE: applied.managed(EXCLUSIVE),
    }
    wish = Wish({area: values for area, values in managed.items() if values})
    ref = FileRef(state.path, is_withdrawn=True)
    try:
        is_there = merge(ref, state, applied, wish, facts).after == state
    except ConfigError:
        is_there = False
    return managed if is_there else dict.fromkeys(managed, ())


def merge(
    ref: FileRef, state: FileState, applied: Applied, wish: Wish, facts: Facts
) -> Merged:
    """Edit one file; ConfigError where the DNS manager of this host would not see it.

    Of areas that the wish leaves out, what is managed in a block stays as it is.
    """
    from registry_host.resolver.managerfiles import FILES
    from registry_host.targets.dns_edits import with_block_of, with_lines

    file = FILES[ref.path]
    wanted = file.part(_wanted(file, wish, facts, applied))
    applied_then = with_creation(applied, state)
    edit = with_lines if file.block is None else with_block_of
    try:
        found = edit(file, wish, wanted, state, applied_then)
    except ValueError:  # Settings were checked when they were read, the ledger not.
        raise ConfigError(damaged()) from None
    if facts.ownership is None or ref.is_withdrawn:
        return found
    require_exclusive(file, wanted)
    if found.after != state:
        require_configurable(facts.ownership, wish, state, file)
        require_others(file, wanted, facts)
        found = found._replace(
            findings=(
                *owner_findings(facts.ownership),
                *found.findings,
                *frozen(file, wanted),
                *beyond(file, wanted, facts, applied),
            )
        )
    return found


def settle(host: Host, state: FileState) -> Iterable[Finding]:
    return ()


def told(
    settings: Settings, facts: Facts, state: FileState, merged: Merged
) -> Iterable[Finding]:
    yield from merged.findings
    if merged.after != state and facts.is_live:
        yield from containers(facts)


def redact(text: str) -> str:
    from registry_host.jsonfile.masking import mask

    return mask(text)


def _wanted(file: OwnerFile, wish: Wish, facts: Facts, applied: Applied) -> Wanted:
    """Join what is asked with what was asked before, in areas that are not named.

    What others had a DNS manager ask is remembered from before, where it shows no more.
    """
    from registry_host.resolver.managerfiles import Others, Wanted

    areas = wish.areas.keys()
    others = facts.others
    if others is None or (file.hides_others and LINES in applied.keys):
        others = remembered(applied)
    if file.block is None or file.has_folder:  # It goes on showing them.
        others = Others()
    return Wanted(
        nameservers=wish.of(NAMESERVERS)
        if NAMESERVERS in areas
        else asked_before(applied),
        search=wish.of(SEARCH) if SEARCH in areas else applied.managed(SEARCH),
        is_exclusive=bool(wish.of(EXCLUSIVE))
        if EXCLUSIVE in areas
        else has_exclusive(applied),
        others=others.nameservers,
        domains=others.search,
        options=others.options,
    )
