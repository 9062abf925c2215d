"""Mirrors that make an engine trust anyone who says to be Docker Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.route import mirrors_of
from registry_host.engine.rules import CONTAINERD_OWN_HOSTS, built_in_insecure
from registry_host.errors import Problem
from registry_host.settings.areas import INSECURE
from registry_host.settings.insecure import InsecureList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.find import EngineFacts
    from registry_host.settings.insecure import LookUp
    from registry_host.settings.mirrors import Mirror


def unverified_hub(
    daemon: DaemonJson, engine: EngineFacts, look_up: LookUp | None = None
) -> Iterable[Problem]:
    """Tell which mirrors make the engine trust anyone who says to be Docker Hub.

    With the containerd image store, mirrors and Docker Hub share one HTTP client: a
    mirror that is loopback or listed insecure switches TLS verification off, and plain
    HTTP on, for registry-1.docker.io too; so does one whose name has an address in a
    network that is listed, which without `look_up` is not seen. Source: moby
    daemon/hosts.go 28.0 to 29; observed on 28.5.2. Not so with graphdrivers.
    """
    info = engine.info
    is_new = engine.version is not None and engine.version >= CONTAINERD_OWN_HOSTS
    if info is None or not info.is_containerd_store or not is_new:
        return
    listed = InsecureList(daemon.asked(INSECURE, engine.flags))
    built_in = InsecureList(built_in_insecure(engine.version))
    for mirror in mirrors_of(daemon, engine):
        place = mirror.host, mirror.port
        if listed.names(*place):
            yield _unverified_hub_problem(
                mirror,
                'it is listed in insecure-registries',
                f'take {mirror.endpoint} out of insecure-registries: an http:// mirror '
                'does not need it'
                if mirror.scheme == 'http'
                else 'give the mirror a certificate that this host trusts, and take it '
                'out of insecure-registries',
            )
        elif mirror.is_loopback or built_in.covers(*place, look_up):
            yield _unverified_hub_problem(
                mirror,
                'it is loopback',
                "name the mirror by an address of this host's that is not loopback",
            )
        elif listed.covers(*place, look_up):
            yield _unverified_hub_problem(
                mirror,
                'it is in a network of insecure-registries',
                'list the insecure registries one by one instead of the network, and '
                f'{mirror.endpoint} not among them',
            )


def _unverified_hub_problem(mirror: Mirror, reason: str, advice: str) -> Problem:
    return Problem(
        code='hub-unverified',
        where=str(mirror),
        message='with the containerd image store this mirror switches off TLS '
        f'verification of Docker Hub itself, because {reason}; {advice}',
    )
