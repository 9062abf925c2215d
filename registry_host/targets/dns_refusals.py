"""Why nameservers cannot be written where the DNS manager of this host reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem, advised, repeat_with
from registry_host.host.locations import RESOLV_CONF
from registry_host.settings.areas import NAMESERVERS
from registry_host.targets.dns_memory import LINES

if TYPE_CHECKING:
    from registry_host.host.records import FileState
    from registry_host.plan.ledger import Applied
    from registry_host.plan.wish import Wish
    from registry_host.resolver.managerfiles import OwnerFile, Wanted
    from registry_host.resolver.owner import Ownership
    from registry_host.services.facts import Facts


def require_configurable(
    owned: Ownership, wish: Wish, state: FileState, file: OwnerFile
) -> None:
    reason = _refusal(owned, state, file)
    if not reason:
        return
    from registry_host.resolver.steps import advice, of_dhclient, steps

    wanted = next(iter(wish.of(NAMESERVERS)), '')
    is_without_hooks = file.has_folder and state.missing_folders
    by_hand = (of_dhclient if is_without_hooks else steps)(owned, wanted)
    message = f'{reason}: {"; ".join(owned.evidence)}'
    raise ConfigError(
        Problem(
            code='resolv-conf-owned',
            where=RESOLV_CONF,
            message=advised(message, advice(owned, wanted)),
            hint=' && '.join(by_hand) if wanted else '',
        )
    )


def require_exclusive(file: OwnerFile, wanted: Wanted) -> None:
    """Debian's resolvconf puts those of leases after the managed ones, in any case."""
    from registry_host.resolver.managerfiles import HEAD
    from registry_host.settings.nameservers import NAMESERVERS_LIMIT

    is_short = 0 < len(wanted.nameservers) < NAMESERVERS_LIMIT
    if file.path == HEAD and wanted.is_exclusive and is_short:
        raise ConfigError(
            Problem(
                code='dns-exclusive-short',
                where=file.path,
                message='resolvconf puts the nameservers of leases after the managed '
                'ones, and three are asked; name three, or leave out --dns-exclusive',
            )
        )


def require_others(file: OwnerFile, wanted: Wanted, facts: Facts) -> None:
    """NetworkManager would ask none of those that later connections bring."""
    from registry_host.resolver.managerfiles import NETWORK_MANAGER

    is_alone = file.path == NETWORK_MANAGER and not wanted.others
    if is_alone and facts.is_live and not wanted.is_exclusive:
        raise ConfigError(
            Problem(
                code='owner-has-none',
                where='NetworkManager',
                message='has no nameservers now to keep after the managed ones, and '
                'would ask no others later; connect first, or ask those alone',
                hint=repeat_with('--dns-exclusive'),
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
        return f'is managed by {by_whom}, which registry-host cannot configure'
    if file.has_folder and state.missing_folders:
        return f'is managed by {by_whom}, which has no {state.missing_folders[0]} here'
    if owned.is_active is False:
        return f'is managed by {by_whom}, which is not running'
    if owned.is_lost:
        return f'is a link to {owned.target}, which a reboot empties'
    return ''


def altered(state: FileState, applied: Applied) -> Problem:
    return Problem(
        code='resolver-lines-changed',
        where=state.path,
        message='the managed lines in it were changed by hand; remove them all, or '
        f'restore them: {"; ".join(applied.managed(LINES))}',
    )
