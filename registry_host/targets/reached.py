"""What was asked of other machines, as proofs: each answered, did not, or was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.progress import Proof

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from registry_host.errors import Problem
    from registry_host.host.host import Host
    from registry_host.registry.insecure_probe import Found
    from registry_host.registry.probe import Probe
    from registry_host.services.transition import Checks
    from registry_host.settings.images import Image
    from registry_host.settings.insecure import Registry
    from registry_host.settings.mirrors import Mirror
    from registry_host.targets.planning import Planned


def mirrors(
    probes: Iterable[Probe], image: Image | None, unfound: Collection[str]
) -> Iterator[Proof]:
    """Say what each mirror answered by the route of the plan.

    `unfound` are names that this host is to find only once the plan is done.
    """
    for probe in probes:
        what, problem = str(probe.mirror), probe.problem
        if problem is None:
            detail = f'answers as a registry ({probe.elapsed_ms} ms)'
            if probe.has_image is not None and image is not None:
                has = 'has' if probe.has_image else 'does not have'
                detail += f', {has} {image}'
            yield Proof('reachable', what, detail=detail)
        elif problem.code == 'mirror-unresolved' and probe.mirror.host in unfound:
            yield Proof(
                'reachable', what, 'skipped', 'its name needs the new nameservers'
            )
        else:
            yield Proof('reachable', what, 'failed', problem.message)


def nameservers(
    servers: Iterable[str], names: Iterable[str], problems: Iterable[Problem]
) -> Iterator[Proof]:
    """Say of each nameserver whether it knows what it must."""
    wrong = {problem.where.rpartition(' ')[2]: problem for problem in problems}
    for server in servers:
        if server in wrong:
            yield Proof('reachable', server, 'failed', wrong[server].message)
        else:
            yield Proof('reachable', server, detail=f'resolves {", ".join(names)}')


def proxies(
    added: Mapping[str, str], problems: Collection[Problem] | None
) -> Iterator[Proof]:
    """Say that each new proxy takes connections; their URLs may hold passwords.

    `problems` None: there was no answer in time.
    """
    wrong = {problem.where: problem for problem in problems or ()}
    for area in added:
        if area in wrong:
            yield Proof('reachable', area, 'failed', wrong[area].message)
        elif problems is None:
            yield Proof('reachable', area, 'skipped', 'no answer in time')
        else:
            yield Proof('reachable', area, detail='takes connections')


def unasked(named: Iterable[Mirror], why: str) -> Iterator[Proof]:
    """Say why neither mirrors nor the engine are asked."""
    for mirror in named:
        yield Proof('reachable', str(mirror), 'skipped', why)
    yield Proof('pulls', '', 'skipped', why)


def note(host: Host, checks: Checks, *, is_concerned: bool) -> None:
    """Note why the engine is not asked, where the plan could change how it pulls."""
    why = checks.unproved
    if is_concerned and checks.image is None:
        why = why or 'no image is named to ask for'
    if why:
        host.progress.prove(Proof('pulls', '', 'skipped', why))


def stopped(planned: Planned, is_concerned: bool) -> Checks:
    """Note that an engine which does not run cannot prove what concerns it."""
    is_running = planned.facts.engine.is_running
    reason = 'the engine does not run' if is_concerned and not is_running else ''
    return planned.checks._replace(unproved=reason)


def unnamed(host: Host, registries: Iterable[Registry]) -> tuple[Registry, ...]:
    """The insecure registries that the host cannot find by their names."""
    named = (each for each in registries if not each.is_cidr)
    return tuple(each for each in named if not host.addresses(each.host))


def insecure(
    answers: Iterable[Found], unnamed: Iterable[Registry]
) -> Iterator[Finding]:
    """Tell of insecure registries that did not answer, and of those not asked."""
    for found in answers:
        if found.problem:
            yield Finding.of(found.problem, 'warning', str(found.registry))
    for registry in unnamed:
        message = f'{registry} was not asked: its name does not resolve by the '
        message += 'nameservers that this run replaces'
        yield Finding('insecure-unreachable', 'skipped', message)
