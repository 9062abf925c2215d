"""What a run came to, and why one did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, Finding, Problem, RegistryHostError
from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.plan.readings import Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry_host.levels import Allowed
    from registry_host.plan.readings import Need
    from registry_host.services.activated import Shown


class Outcome(NamedTuple):
    """What a run came to: how far it was activated, and what the engine then showed.

    `pending` is what the engine still needs, NONE if nothing; `stopped` names the
    containers that a restart stopped; `checkpoint` is what `undo` takes. `services` say
    the same of each service by itself.
    """

    done: Activation = Activation.NONE
    pending: Activation = Activation.NONE
    shown: Shown | None = None
    findings: tuple[Finding, ...] = ()
    stopped: tuple[str, ...] = ()
    checkpoint: int | None = None
    services: tuple[Served, ...] = ()


def outcome_of(needs: Sequence[Need], may: Sequence[Allowed]) -> Outcome:
    """Sum up what became of the engines; `may` says of each need how far it may go."""
    engines = [need for need in needs if need.is_engine]
    short = [need for need in engines if is_short(need)]
    done = max((need.done for need in engines), default=Activation.NONE)
    return Outcome(
        done=done,
        pending=max((need.needed for need in short), default=Activation.NONE),
        stopped=tuple(name for each in may for name in each.stopped),
    )


def served(
    needs: Sequence[Need], may: Sequence[Allowed], untold: Mapping[str, str]
) -> Iterator[Served]:
    """Say how far each service was activated, and why not as far as it needs.

    `untold` are those that could not be told, with the reason.
    """
    for need, allowed in zip(needs, may, strict=True):
        reason = untold.get(need.service, '')
        is_left = bool(reason) or is_short(need)
        why = reason or allowed.reason
        if need.done < need.needed:
            why = why or need.seen.asleep
        yield Served(
            name=need.service,
            needed=need.needed,
            done=Activation.NONE if reason else need.done,
            pending=need.needed if is_left else Activation.NONE,
            why=why,
        )


def is_short(need: Need) -> bool:
    """Whether a service that runs goes without what it needs."""
    return need.seen.is_running and need.done < need.needed


def failure_of(err: OSError | RegistryHostError) -> RegistryHostError:
    if isinstance(err, RegistryHostError):
        return err
    return ApplyError(
        Problem(
            code='write-failed',
            where=err.filename if isinstance(err.filename, str) else '',
            message=f'could not be written ({err.strerror or err})',
            hint='df -h /var/lib/registry-host',
        )
    )
