"""Mirrors that make an engine trust anyone who says to be Docker Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import Problem
from registry_host.settings.insecure import InsecureList
from registry_host.settings.mirrors import Mirror, check_mirror

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.find import EngineFacts


def unverified_hub(daemon: DaemonJson, engine: EngineFacts) -> Iterable[Problem]:
    """Tell which mirrors make the engine trust anyone who says to be Docker Hub.

    With the containerd image store, mirrors and Docker Hub share one HTTP client: a
    mirror that is loopback or listed insecure switches TLS verification off, and plain
    HTTP on, for registry-1.docker.io too. Source: moby daemon/hosts.go 28.0 to 29;
    observed on 28.5.2. Not so with graphdrivers.
    """
    info = engine.info
    is_new = engine.version is not None and engine.version >= CONTAINERD_OWN_HOSTS
    if info is None or not info.is_containerd_store or not is_new:
        return
    insecure = InsecureList(daemon.insecure or ())
    for text in daemon.mirrors or ():
        mirror = check_mirror(text).value
        if mirror is None:
            continue
        is_listed = insecure.covers(mirror.host, mirror.port)
        if is_listed or mirror.is_loopback:
            yield _unverified_hub_problem(mirror, is_listed=is_listed)


def _unverified_hub_problem(mirror: Mirror, *, is_listed: bool) -> Problem:
    reason = 'it is listed in insecure-registries' if is_listed else 'it is loopback'
    hint = (
        f'take {mirror.endpoint} out of insecure-registries: '
        'an http:// mirror does not need it'
        if is_listed and mirror.scheme == 'http'
        else 'give the mirror a certificate that this host trusts, and take it out of '
        'insecure-registries'
        if is_listed
        else "name the mirror by an address of this host's that is not loopback"
    )
    return Problem(
        code='hub-unverified',
        where=str(mirror),
        message='with the containerd image store this mirror switches off TLS '
        f'verification of Docker Hub itself, because {reason}',
        hint=hint,
    )
