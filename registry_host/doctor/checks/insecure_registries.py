"""Insecure registries: their form, and what they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    CONFIGURE,
    Findings,
    check,
    finding,
    of_problem,
    skipped,
)
from registry_host.engine.entries import insecure_doubts, is_refused, refusals
from registry_host.engine.route import insecure_of
from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import quoted
from registry_host.redact import redact
from registry_host.settings.areas import INSECURE
from registry_host.settings.insecure import (
    InsecureList,
    check_insecure_registry,
    registry_key,
    spelled,
)

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed
    from registry_host.settings.mirrors import Mirror


@check('insecure-rules', 'each insecure registry is a host, host:port or CIDR')
def insecure_rules(seen: Observed) -> Findings:
    name = 'insecure-rules'
    entries = seen.numbered_entries(INSECURE)
    listed = {registry_key(text) for _, text in entries}
    for index, text in entries:
        place = seen.where(INSECURE, index)
        if is_refused(INSECURE, text, seen.facts.engine.version):
            for problem in refusals(INSECURE, text):
                yield of_problem(name, 'error', problem.at(place), seen.daemon.path)
            continue
        doubts = insecure_doubts(text, listed)
        for problem in doubts:
            yield of_problem(name, 'warning', problem.at(place), seen.daemon.path)
        if not doubts:
            kind = 'a network' if registry_key(text)[0] == 'cidr' else 'HOST[:PORT]'
            yield finding(name, 'ok', f'{redact(text)} is {kind}')


@check('insecure-reachable', 'each insecure registry answers, by HTTPS or by HTTP')
def insecure_reachable(seen: Observed) -> Findings:
    name = 'insecure-reachable'
    for text in dict.fromkeys(seen.entries(INSECURE)):
        registry = spelled(text)
        if registry is None:
            continue
        found = seen.insecure.get(registry)
        if registry.is_cidr:
            yield skipped(name, f'{registry} is a network: nothing in it is asked')
        elif found is None:
            yield skipped(name, f'{registry} was not asked')
        elif found.problem:
            yield of_problem(name, 'warning', found.problem, seen.daemon.path)
        else:
            yield finding(name, 'ok', f'{registry} answers at {found.url}')


@check('insecure-unmatched', 'each insecure registry covers the ports it is meant for')
def insecure_unmatched(seen: Observed) -> Findings:
    name = 'insecure-unmatched'
    by_host: dict[str, list[Mirror]] = {}
    for mirror in seen.mirrors:
        by_host.setdefault(mirror.host.lower(), []).append(mirror)
    for index, text in seen.numbered_entries(INSECURE):
        registry = check_insecure_registry(text).value
        if registry is None or registry.is_cidr or registry.port is not None:
            continue
        for mirror in by_host.get(registry.host, ()):
            if mirror.port is not None and _wants_cover(seen, mirror):
                place = seen.where(INSECURE, index)
                told, cover = _cover(seen, mirror)
                yield finding(
                    name,
                    'warning',
                    f'{place}: {registry} does not cover {mirror.endpoint}: '
                    'an entry without a port stands for the default ports alone'
                    f'{told}',
                    *filter(None, (cover,)),
                    path=seen.daemon.path,
                )


def _wants_cover(seen: Observed, mirror: Mirror) -> bool:
    """Whether a mirror may be of use only once it counts as insecure, and does not.

    Plain HTTP needs no entry but for the containerd store before 28.0 (moby
    daemon/hosts.go), and a mirror that answers by TLS needs none either.
    """
    daemon = seen.daemon_json
    insecure = insecure_of(seen.facts.engine, daemon) if daemon else InsecureList(())
    if insecure.covers(mirror.host, mirror.port, seen.addresses_of):
        return False
    probe = seen.probes.get(mirror)
    if probe is not None and probe.problem is None:
        return False
    return mirror.scheme == 'https' or _is_old_containerd(seen)


def _is_old_containerd(seen: Observed) -> bool:
    engine = seen.facts.engine
    is_store = bool(engine.info and engine.info.is_containerd_store)
    return is_store and (engine.version or CONTAINERD_OWN_HOSTS) < CONTAINERD_OWN_HOSTS


def _cover(seen: Observed, mirror: Mirror) -> tuple[str, str]:
    """An insecure mirror costs Docker Hub its verification there: hub-verification."""
    info = seen.facts.engine.info
    if info and info.is_containerd_store and not _is_old_containerd(seen):
        return f'; give {mirror.endpoint} a certificate that this host trusts', ''
    return '', f'{CONFIGURE} --insecure-registry {quoted(mirror.endpoint)}'
