"""The way to a registry by its name in an image, as the engine of this host goes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding, Problem, quoted
from registry_host.host.keepalive import KeepAlive
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.registry.challenges import challenge_of
from registry_host.registry.entrance import Server, auth_findings
from registry_host.registry.knocking import knock, request_for
from registry_host.registry.landing import has_port
from registry_host.registry.serverfaults import not_a_registry
from registry_host.registry.serverprobe import serves
from registry_host.registry.ways import Way, authorities, identity_of
from registry_host.settings.mirrors import Mirror

if TYPE_CHECKING:
    from registry_host.engine.route import Route
    from registry_host.host.host import Host
    from registry_host.registry.knocking import Door
    from registry_host.registry.tokens import Login

HUB = 'docker.io'
# Where Docker Hub serves images, which no name says (moby registry/config.go).
_HUB_SERVER = 'registry-1.docker.io'
TIMEOUT_S = 30.0


class Reached(NamedTuple):
    """A registry that answers, as `server`; else `problem` says why it does not."""

    server: Server | None = None
    problem: Problem | None = None


def reach(host: Host, route: Route, domain: str, login: Login | None) -> Reached:
    """Find out by which scheme and trust a registry is asked, and what it asks for.

    An insecure registry is asked by HTTPS with any certificate, then by HTTP; any other
    one by HTTPS alone, with the certificates that the engine trusts. `login` is sent
    where the registry asks for one, and has to be taken.
    """
    if not has_port(domain):
        message = 'its port is not one from 1 to 65535'
        return Reached(problem=Problem('copy-unreachable', message, domain))
    place = _place_of(domain)
    is_insecure = route.insecure.covers(place.host, place.port, host.addresses)
    trusted = authorities(host, route.trust, place.endpoint)
    identity = identity_of(host, place.endpoint)
    kept = KeepAlive()
    way = Way(route, trusted, TIMEOUT_S, not is_insecure, identity, kept)
    door = knock(host, way, place, has_scheme=False)
    problem = _problem_of(host, way, domain, door, is_insecure=is_insecure)
    if problem is not None or door.answer is None:
        return Reached(problem=problem)
    challenge = challenge_of(door.answer.headers)
    server = Server(host, way, door.place, challenge, login)
    if login is not None and challenge is not None:
        refused = (f for f in auth_findings(server) if f.severity == 'error')
        finding = next(refused, None)
        if finding is not None:
            refusal = _as_problem(domain, finding)
            if finding.check == 'server-login':
                refusal = refusal._replace(hint=f'docker login {quoted(domain)}')
            return Reached(problem=refusal)
    return Reached(server)


def _place_of(domain: str) -> Mirror:
    name = _HUB_SERVER if domain == HUB else domain
    head, colon, port = name.rpartition(':')
    if not colon or not port.isdigit():
        head, port = name, ''
    bare = head.removeprefix('[').removesuffix(']')
    return Mirror('https', bare.lower(), int(port) if port else None)


def _problem_of(
    host: Host, way: Way, domain: str, door: Door, *, is_insecure: bool
) -> Problem | None:
    errors = [finding for finding in door.findings if finding.severity == 'error']
    if door.answer is None:
        return _as_problem(domain, (errors or door.findings)[-1])
    if door.place.scheme == 'http' and not is_insecure:
        message = 'speaks plain HTTP, and is not an insecure registry of this host'
        hint = f'sudo registry-host configure --insecure-registry {quoted(domain)}'
        return Problem('copy-not-tls', message, domain, hint)
    if not door.is_trusted and not is_insecure:
        return _as_problem(domain, errors[0]) if errors else _untrusted(domain)
    answer = door.answer
    if answer.status in (301, 302, 303, 307, 308):
        try:
            answer = host.http_get(way.request(f'{door.place}/v2/'))
        except ConnectionFailed as failure:
            message = f'redirects to where nothing answers ({failure.detail})'
            return Problem('copy-unreachable', message, domain)
    challenge = challenge_of(answer.headers)
    if serves(answer) or (answer.status == 401 and challenge is not None):
        return None
    proxy = request_for(way, door.place).proxy
    return _as_problem(domain, not_a_registry(door.place, answer, proxy))


def _untrusted(domain: str) -> Problem:
    return Problem('copy-untrusted', 'its certificate is not trusted', domain)


def _as_problem(domain: str, finding: Finding) -> Problem:
    """Tell what a finding does, of the registry by the name that images have."""
    where, _, message = finding.message.partition(': ')
    if '://' not in where:
        message = finding.message
    return Problem(finding.check, message, domain, '\n'.join(finding.remedy))
