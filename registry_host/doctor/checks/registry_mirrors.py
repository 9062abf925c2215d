"""Registry mirrors: their addresses, and whether they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks.check import (
    Findings,
    check,
    finding,
    of_problem,
    or_ok,
    skipped,
    unseen,
)
from registry_host.engine.clientconfig import has_hub_login
from registry_host.engine.daemonjson import FLAGS
from registry_host.engine.entries import mirror_doubts
from registry_host.engine.hubtrust import unverified_hub
from registry_host.errors import quoted
from registry_host.redact import redact
from registry_host.registry.faults import LOGIN, content_doubt, silent_on
from registry_host.settings.areas import MIRRORS
from registry_host.settings.mirrors import check_mirror, mirror_key

if TYPE_CHECKING:
    from registry_host.doctor.observations import Observed


@check('mirror-rules', 'each registry mirror is a root address')
def mirror_rules(seen: Observed) -> Findings:
    name = 'mirror-rules'
    entries = seen.numbered_entries(MIRRORS)
    if seen.daemon.problem:
        yield unseen(seen, name, f'{seen.daemon.path} could not be read')
        return
    if not entries and seen.daemon_json and seen.daemon_json.mirrors:
        message = f'no entry of {seen.daemon.path} is a string: see daemon-json-keys'
        yield skipped(name, message)
        return
    engine = seen.facts.engine
    given = engine.flags.get(FLAGS[MIRRORS], ())
    if not entries and given:
        place = engine.places.get(FLAGS[MIRRORS], engine.flags_origin)
        message = f'registry mirrors are set by a flag (in {place}): {" ".join(given)}'
        yield finding(name, 'ok', redact(message))
        return
    if not entries:
        message = f'{seen.daemon.path} names no registry mirror'
        yield finding(name, 'info', message, 'registry-host configure --help')
        return
    listed = {mirror_key(text) for _, text in entries}
    is_graphdriver = not (engine.info and engine.info.is_containerd_store)
    for index, text in entries:
        place = seen.where(MIRRORS, index)
        checked = check_mirror(text)
        for problem in checked.errors:
            yield of_problem(name, 'error', problem.at(place), seen.daemon.path)
        doubts = mirror_doubts(text, listed) if is_graphdriver else ()
        for problem in (*doubts, *checked.warnings):
            yield of_problem(name, 'warning', problem.at(place), seen.daemon.path)
        if not checked.errors and not checked.warnings and not doubts:
            yield finding(name, 'ok', f'{checked.input} is a root address')


@check('mirror-reachable', 'each registry mirror answers as a registry')
def mirror_reachable(seen: Observed) -> Findings:
    name = 'mirror-reachable'
    for mirror in seen.mirrors:
        probe = seen.probes.get(mirror)
        if probe is None:
            again = f'registry-host doctor --only {name}'
            yield finding(name, 'error', f'{mirror} did not answer in time', again)
        elif probe.problem and probe.problem.code == 'mirror-unresolved':
            yield skipped(name, f'{mirror}: its name does not resolve')
        elif probe.problem:
            path = seen.daemon.path
            yield of_problem(name, 'error', probe.problem, path)
        else:
            message = f'{mirror} answers as a registry ({probe.elapsed_ms} ms)'
            yield finding(name, 'ok', message)


@check('mirror-content', 'each registry mirror has what Docker Hub has')
def mirror_content(seen: Observed) -> Findings:
    """A cached image proves nothing about the upstream of a cache."""
    name, image = 'mirror-content', seen.image
    for mirror in seen.mirrors:
        probe = seen.probes.get(mirror)
        if image is None or probe is None or probe.problem:
            yield skipped(name, f'{mirror} could not be asked for an image')
        elif doubt := content_doubt(probe, image, seen.probes.values()):
            yield of_problem(name, *doubt, seen.daemon.path)
        elif probe.has_image is None:
            yield skipped(name, silent_on(mirror, image))
        else:
            yield finding(name, 'ok', f'{mirror} has {image}')


@check('mirror-credentials', 'no mirror is sent a login for Docker Hub')
def mirror_credentials(seen: Observed) -> Findings:
    """With a graphdriver, a mirror that demands a login gets the one for Docker Hub.

    Observed, 20.10.24, 26.1.5 and 28.5.2; the containerd store sends none.
    """
    name, info = 'mirror-credentials', seen.facts.engine.info
    probes = [(mirror, seen.probes.get(mirror)) for mirror in seen.mirrors]
    asking = [m for m, p in probes if p and p.problem and p.problem.code == LOGIN]
    if not asking:
        answered = [str(mirror) for mirror, probe in probes if probe and probe.status]
        if answered:
            yield finding(name, 'ok', f'no login is demanded by {", ".join(answered)}')
        return
    logins = [c.path for c in seen.clients if c.document and has_hub_login(c.document)]
    if info is None:
        yield skipped(name, 'the engine could not be asked for its image store')
    elif info.is_containerd_store or not logins:
        for mirror in asking:
            none = 'the containerd image store sends it none'
            if not info.is_containerd_store:
                none = 'no config.json that was read has one for Docker Hub'
            yield finding(name, 'ok', f'{mirror} demands a login, and {none}')
    else:
        for mirror in asking:
            yield finding(
                name,
                'error',
                f'{mirror} demands a login, and each pull sends it the login for '
                f'Docker Hub in {", ".join(logins)}',
                f'sudo registry-host unconfigure mirrors {quoted(str(mirror))}',
                path=seen.daemon.path,
            )


@check('hub-verification', 'Docker Hub is contacted with its certificate verified')
def hub_verification(seen: Observed) -> Findings:
    name = 'hub-verification'
    if seen.facts.engine.info is None:
        yield unseen(seen, name, 'the engine could not be asked for its image store')
        return
    if seen.daemon.problem:
        yield unseen(seen, name, f'{seen.daemon.path} could not be read')
        return
    daemon = seen.daemon_json
    engine, look_up = seen.facts.engine, seen.addresses_of
    problems = unverified_hub(daemon, engine, look_up) if daemon else ()
    is_containerd = seen.facts.engine.info.is_containerd_store
    store = 'the containerd image store' if is_containerd else 'a graphdriver'
    yield from or_ok(
        (of_problem(name, 'warning', p, seen.daemon.path) for p in problems),
        name,
        f'Docker uses {store}, and no mirror switches off TLS verification of '
        'Docker Hub',
    )
