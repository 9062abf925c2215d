"""Looks at one URL as an administrator gives it: is it a registry that hosts can use?

Nothing is written there but by `has_roles`, and that leaves nothing behind: roles.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry_host.engine.route import Route
from registry_host.errors import Finding, Problem
from registry_host.host.wire import REDIRECTS, ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.registry import entrance
from registry_host.registry.challenges import challenge_by, challenge_of
from registry_host.registry.knocking import knock, request_for
from registry_host.registry.probe import is_registry
from registry_host.registry.roles import Judged, unused_name
from registry_host.registry.serverfaults import (
    asks_first,
    below_path,
    debug_port,
    not_a_registry,
    redirects,
    taken,
)
from registry_host.registry.strangers import target_of
from registry_host.registry.ways import Way, authorities

if TYPE_CHECKING:
    from datetime import datetime

    from registry_host.host.host import Host
    from registry_host.host.wire import Answer
    from registry_host.registry.challenges import Auth
    from registry_host.registry.roles import Role
    from registry_host.registry.tokens import Login
    from registry_host.settings.mirrors import Mirror

TIMEOUT_S = 5.0


class ServerSeen(NamedTuple):
    """`expires` is when the certificate does, None without TLS; in UTC.

    `role` is None where it was not asked, or is not known: then a finding says why.
    """

    url: str
    is_registry: bool = False
    auth: Auth = 'none'
    expires: datetime | None = None
    role: Role | None = None
    findings: tuple[Finding, ...] = ()


def inspect(
    host: Host,
    url: str,
    *,
    has_roles: bool = False,
    credentials: Login | None = None,
    route: Route | None = None,
    timeout_s: float = TIMEOUT_S,
) -> ServerSeen:
    """Ask a server, by the trust of this host's engine, what it is.

    `has_roles` puts one manifest that any registry refuses. `credentials` go to this
    server and its token server, never over TLS that is not trusted; without them no
    login is tried. `route` has the proxies and the environment of the engine; its list
    of insecure registries has no say, for that is one host's.
    """
    asked = taken(url)
    if isinstance(asked, Problem):
        finding = Finding.of(asked, 'error')
        return ServerSeen(redact_input(url), findings=(finding,))
    route = route or Route()
    trusted = authorities(host, route.trust, asked.place.endpoint)
    way = Way(route, trusted, timeout_s)
    door = knock(host, way, asked.place, has_scheme=asked.has_scheme)
    seen = ServerSeen(door.place.url, expires=door.expires, findings=door.findings)
    if door.answer is None:
        return seen
    found = _judge(host, way, door.place, door.answer, asked.path)
    seen = seen._replace(
        is_registry=found.is_registry, findings=seen.findings + found.findings
    )
    if not found.is_registry:
        return seen
    challenge = challenge_of(found.answer.headers)
    seen = seen._replace(auth=challenge.auth if challenge else 'none')
    # One who is redirected to asks for a login of its own.
    is_own = challenge == challenge_by(door.place.url, found.answer)
    login = credentials if is_own else None
    server = entrance.Server(host, way, door.place, challenge, login)
    if not door.is_trusted:
        untold = entrance.untrusted(server) if has_roles else ()
        return seen._replace(findings=seen.findings + untold)
    judged = entrance.role_of(server, unused_name()) if has_roles else Judged()
    findings = (*seen.findings, *entrance.auth_findings(server), *judged.findings)
    return seen._replace(role=judged.role, findings=findings)


# What answers


class _Found(NamedTuple):
    answer: Answer
    is_registry: bool = False
    findings: tuple[Finding, ...] = ()


def _judge(host: Host, way: Way, place: Mirror, answer: Answer, path: str) -> _Found:
    request = request_for(way, place)
    if serves(answer):
        return _Found(answer, is_registry=True)
    told = None
    if answer.status in REDIRECTS:
        told = redirects(place, target_of(answer))
        try:
            answer = host.http_get(replace(request, is_followed=True))
        except ConnectionFailed:
            return _Found(answer, findings=(told,))
        if serves(answer):
            return _Found(answer, is_registry=True, findings=(told,))
    if path and _is_there(host, way, f'{place}{path}/v2/'):
        return _Found(answer, findings=(below_path(place, path),))
    if answer.status == 404 and _is_debug_port(host, way, place):
        return _Found(answer, findings=(debug_port(place),))
    challenge = challenge_of(answer.headers)
    if answer.status == 401 and challenge and challenge.auth == 'basic':
        return _Found(answer, findings=(asks_first(place),))
    return _Found(answer, findings=(not_a_registry(place, answer, request.proxy),))


def serves(answer: Answer) -> bool:
    """Tell a registry by its API; one that asks for tokens is one, too."""
    if answer.status == 401:
        challenge = challenge_of(answer.headers)
        is_bearer = challenge is not None and challenge.auth == 'bearer'
        return is_registry(answer) or (is_bearer and b'"UNAUTHORIZED"' in answer.body)
    return answer.status == 200 and is_registry(answer)


def _is_there(host: Host, way: Way, url: str) -> bool:
    try:
        return serves(host.http_get(way.request(url, is_verified=False)))
    except ConnectionFailed:
        return False


def _is_debug_port(host: Host, way: Way, place: Mirror) -> bool:
    """Source: distribution 2.8.2 and 3.1.1: `{}` at /debug/health, 404 at /v2/."""
    request = way.request(f'{place}/debug/health', is_verified=False)
    try:
        answer = host.http_get(request)
    except ConnectionFailed:
        return False
    return answer.status == 200 and answer.body.strip() == b'{}'
