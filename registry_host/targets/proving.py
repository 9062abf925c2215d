"""Proof that nameservers and registries answer, before they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.route import route_of
from registry_host.errors import ConfigError, ProbeError, Problem
from registry_host.services.transition import Lookups
from registry_host.settings.mirrors import Mirror, check_mirror
from registry_host.targets import dns_manager, docker_daemon

if TYPE_CHECKING:
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.targets.planning import Planned


def prove(host: Host, planned: Planned) -> Planned:
    """Ask every machine that the plan would have this host depend on.

    Returns the plan with the names that the host must find once it is done.
    """
    planned = _require_nameservers(host, planned)
    _require_registries(host, planned)
    return planned


def _require_nameservers(host: Host, planned: Planned) -> Planned:
    """Ask the nameservers that are about to be written; ProbeError if one is no use.

    Returns the plan with the names that they all know, to be found once it is done.
    """
    plan, settings = planned.plan, planned.settings
    is_pending = any(c.target == dns_manager.NAME for c in plan.pending)
    if not is_pending or not settings.nameservers:
        return planned
    from registry_host.resolver.asking import HUB, probe_nameservers

    mirrors = settings.mirrors or mirrors_of(host, planned.facts.engine)
    named = [mirror for mirror in mirrors if not mirror.is_ip]
    names = tuple(dict.fromkeys(mirror.host for mirror in named)) or (HUB,)
    problems = probe_nameservers(host, settings.nameservers, names)
    if problems:
        raise ProbeError(*map(_or_all_the_same, problems))
    endpoints = tuple(dict.fromkeys(mirror.endpoint for mirror in named))
    return planned._replace(lookups=Lookups(names, endpoints))


def _or_all_the_same(problem: Problem) -> Problem:
    hint = f'{problem.hint} (--no-probe writes it all the same)'
    return problem._replace(hint=hint)


def _require_registries(host: Host, planned: Planned) -> None:
    """Ask the mirrors that are about to be written; ProbeError if one is no use.

    Those by a name that new nameservers alone know cannot be asked yet.
    """
    plan, settings, facts = planned.plan, planned.settings, planned.facts
    change = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    if change is None or not settings.mirrors:
        return
    before, after = (DaemonJson.read(s) for s in (change.before, change.after))
    if (before.mirrors or ()) == (after.mirrors or ()):
        return
    from registry_host.registry.probe import probe_mirrors

    route = route_of(host, facts.engine, after)
    probes = probe_mirrors(host, settings.mirrors, route)
    problems = [
        probe.problem
        for probe in probes
        if probe.problem
        and (
            probe.problem.code != 'mirror-unresolved'
            or probe.mirror.host not in planned.lookups.names
        )
    ]
    if problems:
        raise ProbeError(*map(_or_all_the_same, problems))


def mirrors_of(host: Host, engine: EngineFacts) -> tuple[Mirror, ...]:
    """Read the mirrors that this engine's file names; () where it cannot be read."""
    try:
        daemon = DaemonJson.read(host.read(engine.config_path, user=engine.user))
    except ConfigError:
        return ()
    checked = (check_mirror(text).value for text in daemon.mirrors or ())
    return tuple(mirror for mirror in checked if mirror)
