"""What a plan depends on, asked before anything is written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.route import mirrors_of, planned_route
from registry_host.errors import (
    ConfigError,
    ProbeError,
    place_of,
)
from registry_host.levels import Activation
from registry_host.services.transition import Again, Checks
from registry_host.settings.areas import NO_PROXY
from registry_host.targets import dns_manager, docker_daemon, reached
from registry_host.targets.retrying import around_proxy, or_all_the_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.plan.changes import Change
    from registry_host.registry.probe import Probe
    from registry_host.settings.images import Image
    from registry_host.settings.insecure import Registry
    from registry_host.settings.mirrors import Mirror
    from registry_host.targets.planning import Planned

# For the questions to mirrors and the one to the engine, which are asked together.
DEADLINE_S = 6.0


def prove(
    host: Host, planned: Planned, again: Again, *, is_pulled: bool = False
) -> Planned:
    """Ask every machine that the plan would have this host depend on.

    Returns the plan with what must hold once it is done: names that are found, and an
    image that the engine can resolve, or pull if that `is_pulled`. What an earlier run
    could not prove is asked for `again`.
    """
    planned = _require_nameservers(host, planned)
    again = again._replace(pulls=again.pulls or is_pulled)
    planned = _require_registries(host, planned, again)
    checks = planned.checks._replace(is_pulled=is_pulled, has_asked=True)
    return planned._replace(checks=checks)


def waived(host: Host, planned: Planned) -> Planned:
    """Note that a plan is not proved, though it could change how the engine pulls."""
    reason = 'it was made with --no-probe' if _is_about_pulls(planned) else ''
    if reason:
        change = _pending(planned, docker_daemon.NAME)
        mirrors = _concerned(planned, change, is_again=False) if change else ()
        host.progress.prove(*reached.unasked(mirrors, '--no-probe'))
    return planned._replace(checks=Checks(unproved=reason, has_asked=False))


def with_baseline(
    host: Host, planned: Planned, *, is_probing: bool, is_binding: bool = True
) -> Planned:
    """Ask the engine whether it can pull, where the plan could change that.

    It is asked again once the plan is done, and if the answer `is_binding`, a change
    that breaks pulls is rolled back.
    """
    if not is_probing:
        return waived(host, planned)
    return _asked(
        host, planned, Again(), is_asking_mirrors=False, is_binding=is_binding
    )[0]


def or_moot(planned: Planned) -> Planned:
    """Leave no later run to prove pulls where nothing is left that they depend on."""
    left = planned.transition.after.ledger
    is_moot = not any(map(left.of_target, (docker_daemon.NAME, dns_manager.NAME)))
    return planned._replace(checks=planned.checks._replace(is_moot=is_moot))


def _require_nameservers(host: Host, planned: Planned) -> Planned:
    """Ask the nameservers that are about to be written; ProbeError if one is no use.

    Returns the plan with the names that they all know, to be found once it is done.
    """
    settings = planned.settings
    if _pending(planned, dns_manager.NAME) is None or not settings.nameservers:
        return planned
    from registry_host.resolver.asking import probe_nameservers

    mirrors = settings.mirrors or _mirrors_on(host, planned.facts.engine)
    named = [mirror for mirror in mirrors if not mirror.is_ip]
    names = tuple(mirror.host for mirror in named)
    servers = settings.nameservers
    asked = probe_nameservers(host, servers, names)
    host.progress.prove(*reached.nameservers(servers, asked.names, asked.problems))
    if asked.problems:
        raise ProbeError(*map(or_all_the_same, asked.problems))
    endpoints = tuple(dict.fromkeys(mirror.endpoint for mirror in named))
    checks = Checks(asked.names, endpoints, findings=asked.findings)
    return planned._replace(checks=checks)


def _require_registries(host: Host, planned: Planned, again: Again) -> Planned:
    """Ask the mirrors that a plan concerns; ProbeError if one is no use.

    By the route that the engine takes once the plan is done. Mirrors that are not asked
    for, but go another way then, are looked at too: for what is wrong with them a run
    that is about proxies is not to blame, and their proxy is.
    """
    planned, probes = _asked(
        host, planned, again, is_asking_mirrors=True, is_binding=True
    )
    unfound = planned.checks.names
    host.progress.prove(*reached.mirrors(probes, planned.checks.image, unfound))
    from registry_host.registry.faults import content_findings

    problems = [
        around_proxy(probe.problem, probe.mirror, planned.settings)
        for probe in probes
        if probe.problem
        and (
            probe.problem.code != 'mirror-unresolved'
            or probe.mirror.host not in unfound
        )
    ]
    if problems:
        raise ProbeError(*map(or_all_the_same, problems))
    found = tuple(content_findings(probes, planned.checks.image))
    checks = planned.checks._replace(findings=(*planned.checks.findings, *found))
    return planned._replace(checks=checks)


def _concerned(planned: Planned, change: Change, *, is_again: bool) -> Iterator[Mirror]:
    """The mirrors that a change adds, and all if it changes the way to them.

    All that the run names, if they are asked again.
    """
    before, after = _both(change)
    known = frozenset(before.mirrors or ())
    is_way_new = before.proxies != after.proxies
    is_asked = is_again or before.mirrors != after.mirrors
    asked = {mirror.key for mirror in planned.settings.mirrors if is_asked}
    for mirror in mirrors_of(after, planned.facts.engine):
        if mirror.key in asked or (is_way_new and str(mirror) in known):
            yield mirror


def _registries(
    planned: Planned, change: Change, *, is_again: bool
) -> Iterator[Registry]:
    """The insecure registries that a change adds; as of _concerned().

    What is wrong with them is told, and no more: they have no image of Docker Hub.
    """
    before, after = _both(change)
    known = frozenset(() if is_again else before.insecure or ())
    named = frozenset(after.insecure or ()) - known
    yield from (r for r in planned.settings.insecure if str(r) in named)


def _asked(
    host: Host,
    planned: Planned,
    again: Again,
    *,
    is_asking_mirrors: bool,
    is_binding: bool,
) -> tuple[Planned, tuple[Probe, ...]]:
    """Ask mirrors and the engine at the same time."""
    engine = planned.facts.engine
    changes = planned.plan.changes if again.mirrors else planned.plan.pending
    change = next((c for c in changes if c.target == docker_daemon.NAME), None)
    mirrors: tuple[Mirror, ...] = ()
    registries: tuple[Registry, ...] = ()
    if change is not None and is_asking_mirrors:
        mirrors = tuple(_concerned(planned, change, is_again=again.mirrors))
        registries = tuple(_registries(planned, change, is_again=again.mirrors))
    is_renamed = _pending(planned, dns_manager.NAME) is not None
    unnamed = reached.unnamed(host, registries) if is_renamed else ()
    registries = tuple(r for r in registries if r not in unnamed)
    is_concerned = again.pulls or _is_about_pulls(planned)
    is_about_pulls = engine.is_running and is_concerned
    if not mirrors and not registries and not is_about_pulls:
        checks = reached.stopped(planned, is_concerned)
        reached.note(host, checks, is_concerned=is_concerned)
        return planned._replace(checks=checks), ()
    from registry_host.engine.pulls import BASELINE_TIMEOUT_S, resolve
    from registry_host.host.concurrency import ask_all
    from registry_host.registry.insecure_probe import probe_insecure
    from registry_host.registry.probe import probe_mirrors, probe_proxies

    image = _image(host, planned)
    jobs: dict[str, Callable[[], Any]] = {}
    if change is not None and (mirrors or registries):
        route = planned_route(host, engine, DaemonJson.read(change.after))
        jobs['mirrors'] = partial(probe_mirrors, host, mirrors, route, image)
        jobs['insecure'] = partial(probe_insecure, host, registries, route)
    proxies = _new_proxies(change) if is_binding else {}
    if proxies:
        jobs['proxies'] = partial(probe_proxies, host, proxies)
    if is_about_pulls and image is not None and _may_lose(planned):
        timeout_s = BASELINE_TIMEOUT_S
        jobs['pull'] = partial(resolve, host, engine, image, timeout_s=timeout_s)
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=_crashed)
    checks = reached.stopped(planned, is_concerned)._replace(
        image=image if is_about_pulls else None,
        before=answers.get('pull'),
        is_binding=is_binding,
    )
    told = reached.insecure(answers.get('insecure', ()), unnamed)
    checks = checks._replace(findings=(*checks.findings, *told))
    reached.note(host, checks, is_concerned=is_concerned)
    host.progress.prove(*reached.proxies(proxies, answers.get('proxies')))
    if problems := answers.get('proxies'):
        raise ProbeError(*map(or_all_the_same, problems))
    return planned._replace(checks=checks), answers.get('mirrors', ())


def _new_proxies(change: Change | None) -> Mapping[str, str]:
    """The proxies that the engine has not had before, by area."""
    if change is None:
        return {}
    before, after = _both(change)
    return {
        area: text
        for area, text in after.proxies.items()
        if area != NO_PROXY and before.proxies.get(area) != text
    }


def _crashed(key: str, err: Exception) -> Any:
    """A bug of registry-host must not be mistaken for an answer."""
    from registry_host.engine.pulls import Pull

    crashed = {'pull': Pull('late', place_of(err)), 'proxies': None}
    return crashed.get(key, ())


def _image(host: Host, planned: Planned) -> Image | None:
    """What is asked for, or else what this host has already; None for nothing."""
    from registry_host.engine.pulls import probe_image
    from registry_host.plan.declared import probe_image_of_file
    from registry_host.settings.images import image_of

    asked = planned.settings.probe_image
    if asked is None and not planned.settings.is_declaration:
        asked = probe_image_of_file(host)
    if asked is not None:
        return image_of(asked)
    return probe_image(host, planned.facts.engine)


def _pending(planned: Planned, target: str) -> Change | None:
    return next((c for c in planned.plan.pending if c.target == target), None)


def _is_about_pulls(planned: Planned) -> bool:
    """Whether the engine will pull in another way."""
    needs = planned.plan.needs
    is_engine = any(n.is_engine and n.needed is not Activation.NONE for n in needs)
    return is_engine or _pending(planned, dns_manager.NAME) is not None


def _may_lose(planned: Planned) -> bool:
    """Whether a way to pull that works could be gone then.

    With the containerd store a mirror that redirects or is silent breaks every pull
    (28.5.2, observed); otherwise an engine goes on to the next.
    """
    if _pending(planned, dns_manager.NAME) is not None:
        return True
    info = planned.facts.engine.info
    if info is not None and info.is_containerd_store:
        return True
    change = _pending(planned, docker_daemon.NAME)
    if change is None:
        return True
    before, after = _both(change)
    gone = set(before.mirrors or ()) - set(after.mirrors or ())
    is_lost = bool(set(before.insecure or ()) - set(after.insecure or ()))
    return bool(gone) or is_lost or before.proxies != after.proxies


def _both(change: Change) -> tuple[DaemonJson, DaemonJson]:
    """Read a daemon.json before and after a change."""
    return DaemonJson.read(change.before), DaemonJson.read(change.after)


def _mirrors_on(host: Host, engine: EngineFacts) -> tuple[Mirror, ...]:
    """Read the mirrors that this engine's file names; () where it cannot be read."""
    try:
        daemon = DaemonJson.read(host.read(engine.config_path, user=engine.user))
    except ConfigError:
        return ()
    return mirrors_of(daemon, engine)
