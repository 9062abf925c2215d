"""The proof that an engine can pull once a change is in force."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from registry_host.engine.pulls import (
    ASKS_ALL_SINCE,
    BASELINE_TIMEOUT_S,
    PROOF_TIMEOUT_S,
    Pull,
    pull,
    resolve,
    verdict,
)
from registry_host.engine.route import Route, mirrors_of, planned_route
from registry_host.errors import (
    Finding,
    ProbeError,
    Problem,
    quoted,
    repeat_with,
)
from registry_host.host.locations import RESOLV_CONF
from registry_host.progress import Proof
from registry_host.settings.mirrors import check_mirror

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.find import EngineFacts
    from registry_host.engine.pulls import Verdict
    from registry_host.host.host import Host
    from registry_host.progress import Outcome
    from registry_host.services.transition import Checks
    from registry_host.settings.images import Image

AGAIN_S = 1.0
# And a moment, for the clock of the engine is its own.
RESOLVER_S = 5.5
# What the finding comes to as a proof.
_OUTCOMES: Mapping[str, Outcome] = {
    'ok': 'ok',
    'skipped': 'skipped',
    'warning': 'failed',
}


def prove(
    host: Host, engine: EngineFacts, daemon: DaemonJson, checks: Checks
) -> Iterator[Finding]:
    """Have the engine resolve an image; ProbeError if the change has broken pulls."""
    what = str(checks.image)
    try:
        found = tuple(_found(host, engine, daemon, checks))
    except ProbeError as err:
        host.progress.prove(Proof('pulls', what, 'failed', str(err)))
        raise
    for finding in found:
        outcome = _OUTCOMES[finding.severity]
        host.progress.prove(Proof('pulls', what, outcome, finding.message))
    yield from found


def _found(
    host: Host, engine: EngineFacts, daemon: DaemonJson, checks: Checks
) -> Iterator[Finding]:
    """Ask twice before a failure is believed: the reload may have cut it off."""
    image = checks.image
    if image is None:
        return
    after = _asked(host, engine, image, checks)
    wait_s = behind_s(host, after) if after.kind != 'ok' else 0.0
    if wait_s:
        time.sleep(wait_s)
        after = _asked(host, engine, image, checks)
    if after.kind == 'ok':
        yield _proved(image, checks, after)
        return
    found = _judged(host, engine, daemon, checks, after)
    if found == 'failed':
        time.sleep(AGAIN_S)
        after = _asked(host, engine, image, checks)
        if after.kind == 'ok':
            yield _proved(image, checks, after)
            return
        if checks.is_binding:
            raise ProbeError(_broken(image, checks, after))
        found = 'warning'
    yield _unproved(image, after, found)


def behind_s(host: Host, after: Pull) -> float:
    """For how long an engine may go on with nameservers that the host has left behind.

    It looks at resolv.conf once in RESOLVER_S: Go net/dnsclient_unix.go, tryUpdate
    (1.19 to 1.25; 20.10.24, 26.1.5 and 28.5.2 observed). 0 where its words tell of no
    lookup.
    """
    if 'lookup ' not in after.detail:
        return 0.0
    return max(0.0, RESOLVER_S - host.age_s(RESOLV_CONF))


def _asked(host: Host, engine: EngineFacts, image: Image, checks: Checks) -> Pull:
    """A run whose outcome stands in any case does not wait long to tell it."""
    ask = pull if checks.is_pulled else resolve
    timeout_s = PROOF_TIMEOUT_S if checks.is_binding else BASELINE_TIMEOUT_S
    return ask(host, engine, image, timeout_s=timeout_s)


def _judged(
    host: Host, engine: EngineFacts, daemon: DaemonJson, checks: Checks, after: Pull
) -> Verdict:
    """Ask the mirrors by the engine's route, to tell whose fault it is."""
    if after.kind == 'limited' or checks.image is None:
        return 'skipped'
    from registry_host.registry.probe import probe_mirrors

    route = planned_route(host, engine, daemon)
    mirrors = mirrors_of(daemon, engine)
    probes = probe_mirrors(host, mirrors, route, checks.image)
    is_served = any(probe.has_image for probe in probes)
    is_old = engine.version is not None and engine.version < ASKS_ALL_SINCE
    is_old = is_old and not checks.is_pulled
    return verdict(
        checks.before,
        after,
        is_served=is_served,
        is_any_answering=is_old and (is_served or _is_hub_there(host, route)),
    )


def _proved(image: Image, checks: Checks, after: Pull) -> Finding:
    how = f'Docker resolves {image}, as for a pull'
    if checks.is_pulled:
        how = f'Docker has pulled {image}'
    return Finding('pulls', 'ok', f'{how}: {after.detail}')


def _broken(image: Image, checks: Checks, after: Pull) -> Problem:
    could = checks.before is not None and checks.before.kind == 'ok'
    message = f'could pull {image} before, and cannot with this change'
    if not could:
        message = f'cannot pull {image}, although a mirror has it'
    return Problem(
        code='pull-failed',
        where='Docker',
        message=f'{message}: {after.detail}',
        hint=f'sudo docker pull {quoted(str(image))}\n{repeat_with("--no-probe")}',
    )


def _unproved(image: Image, after: Pull, found: Verdict) -> Finding:
    if found == 'warning':
        return Finding(
            'pulls',
            'warning',
            f'Docker cannot pull {image}: {after.detail}',
            remedy=(f'sudo docker pull {quoted(str(image))}',),
        )
    message = f'it is not proved that Docker can pull: of {image}, it says '
    return Finding(
        'pulls',
        'skipped',
        f'{message}{after.detail!r}',
        remedy=(f'sudo docker pull {quoted(str(image))}',),
    )


def _is_hub_there(host: Host, route: Route) -> bool:
    """Whether Docker Hub answers by the route of an engine."""
    from registry_host.registry.probe import probe_one
    from registry_host.resolver.asking import HUB

    hub = check_mirror(f'https://{HUB}').value
    return hub is not None and probe_one(host, hub, route).status is not None
