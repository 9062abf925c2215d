"""Asks each mirror, the way the engine would, whether it is a registry."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from registry_host.engine.route import Route
from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import Problem, place_of
from registry_host.host.concurrency import ask_all
from registry_host.host.wire import Answer, ConnectionFailed, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.host import Host
    from registry_host.settings.mirrors import Mirror

TIMEOUT_S = 3.0
# Slack for the last answer to be judged, and for a second question to the same mirror.
DEADLINE_S = TIMEOUT_S + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What became of one question. `problem` None: a registry this engine can use."""

    mirror: Mirror
    problem: Problem | None
    status: int | None = None
    elapsed_ms: int = 0


def probe_mirrors(
    host: Host, mirrors: Sequence[Mirror], route: Route
) -> tuple[Probe, ...]:
    """Ask GET /v2/ of all mirrors at once; none takes longer than DEADLINE_S."""

    jobs = {mirror: partial(probe_one, host, mirror, route) for mirror in mirrors}
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)
    return tuple(answers.get(mirror) or _late(mirror) for mirror in mirrors)


def crashed(mirror: Mirror, err: Exception) -> Probe:
    """The result of a question that ended in a bug of registry-host."""
    message = f'could not be asked, by a bug in registry-host: {place_of(err)}'
    hint = 'please report it with the output of registry-host --version'
    problem = _problem(mirror, 'probe-crashed', message, hint)
    return Probe(mirror=mirror, problem=problem)


def _late(mirror: Mirror) -> Probe:
    failure = ConnectionFailed('timeout', f'no answer within {TIMEOUT_S:g} s')
    return Probe(mirror=mirror, problem=_failure_problem(mirror, failure, Route()))


def probe_one(host: Host, mirror: Mirror, route: Route) -> Probe:
    """Ask GET /v2/ of one mirror."""
    started = time.monotonic()
    request = _request(host, mirror, route)
    status = None
    try:
        answer = host.http_get(request)
        status = answer.status
        problem = _judge(host, mirror, request, answer)
    except ConnectionFailed as failure:
        problem = _explain(host, mirror, request, failure, route)
    elapsed_ms = round((time.monotonic() - started) * 1000)
    return Probe(mirror=mirror, problem=problem, status=status, elapsed_ms=elapsed_ms)


# The way there


def _request(host: Host, mirror: Mirror, route: Route) -> Request:
    is_insecure = route.insecure.covers(mirror.host, mirror.port)
    scheme = mirror.scheme
    if _is_scheme_dropped(route) and not is_insecure and not mirror.is_loopback:
        scheme = 'https'
    return Request(
        url=f'{scheme}://{mirror.endpoint}/v2/',
        timeout_s=TIMEOUT_S,
        is_verified=not is_insecure,
        authorities=_authorities(host, mirror, route) if scheme == 'https' else (),
        proxy=_proxy_for(mirror, scheme, route),
    )


def _is_scheme_dropped(route: Route) -> bool:
    """Up to 27, the containerd store speaks HTTPS whatever a mirror's scheme is.

    Source: moby 27 daemon/containerd/resolver.go; not so since 28.0 (daemon/hosts.go).
    """
    is_old = route.version is not None and route.version < CONTAINERD_OWN_HOSTS
    return route.is_containerd_store and is_old


def _authorities(host: Host, mirror: Mirror, route: Route) -> tuple[str, ...]:
    """Find the CA files that this engine trusts for this mirror.

    The containerd store since 28.0 looks under the name of the registry that is
    mirrored, not of the mirror (observed, 28.5.2).
    """
    is_new = route.version is not None and route.version >= CONTAINERD_OWN_HOSTS
    name = 'docker.io' if route.is_containerd_store and is_new else mirror.endpoint
    folder = f'/etc/docker/certs.d/{name}'
    names = host.names(folder)
    return tuple(f'{folder}/{file}' for file in names if file.endswith('.crt'))


def _proxy_for(mirror: Mirror, scheme: str, route: Route) -> str | None:
    proxy = route.https_proxy if scheme == 'https' else route.http_proxy
    if not proxy or mirror.is_loopback:
        return None
    if route.no_proxy and route.no_proxy.bypasses(
        mirror.host, _port_of(mirror, scheme)
    ):
        return None
    return proxy


def _port_of(mirror: Mirror, scheme: str) -> int:
    return mirror.port or (443 if scheme == 'https' else 80)


# The answer


def _judge(
    host: Host, mirror: Mirror, request: Request, answer: Answer
) -> Problem | None:
    if answer.status == 401:
        return _problem(
            mirror,
            'mirror-login',
            'demands a login, and an engine cannot log in to a mirror',
            'let the registry serve pulls without one, or restrict it by network',
        )
    if answer.status == 400 and request.url.startswith('http://'):
        if _speaks_tls(host, request):
            return _needs_tls(mirror)
    if answer.status == 200 and _is_registry(answer):
        return None
    return _problem(
        mirror,
        'mirror-not-registry',
        f'answers {answer.status} at /v2/, and not as a registry does',
        f'curl -i {request.url}',
    )


def _is_registry(answer: Answer) -> bool:
    """Tell a registry by the header of its API, or the empty object that it answers.

    Source: distribution docs/content/spec/api.md, API version check (v2.8, v3.1).
    """
    if 'docker-distribution-api-version' in answer.headers:
        return True
    return answer.body.strip() == b'{}'


def _speaks_tls(host: Host, request: Request) -> bool:
    url = request.url.replace('http://', 'https://', 1)
    try:
        host.http_get(replace(request, url=url, is_verified=False))
    except ConnectionFailed:
        return False
    return True


def _needs_tls(mirror: Mirror) -> Problem:
    return _problem(
        mirror,
        'mirror-needs-tls',
        'speaks TLS where plain HTTP was asked',
        f'use https://{mirror.endpoint}',
    )


def _explain(
    host: Host,
    mirror: Mirror,
    request: Request,
    failure: ConnectionFailed,
    route: Route,
) -> Problem:
    is_plain = request.url.startswith('http://')
    if is_plain and failure.reason in ('closed', 'not-http'):
        if _speaks_tls(host, request):
            return _needs_tls(mirror)
    return _failure_problem(mirror, failure, route)


def _failure_problem(
    mirror: Mirror, failure: ConnectionFailed, route: Route
) -> Problem:
    detail = failure.detail
    if failure.reason == 'resolve':
        return _problem(
            mirror,
            'mirror-unresolved',
            f'{mirror.host} does not resolve ({detail})',
            f'getent ahosts {mirror.host}; is the name right, and the nameserver?',
        )
    if failure.reason == 'not-tls' and mirror.scheme == 'http':
        return _problem(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP, and with the containerd image store this engine (older '
            'than 28.0) speaks TLS to mirrors, whatever their scheme',
            f'add --insecure-registry {mirror.endpoint}',
        )
    if failure.reason == 'not-tls':
        return _problem(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP where TLS was asked',
            f'use http://{mirror.endpoint}',
        )
    if failure.reason == 'tls-untrusted':
        return _problem(
            mirror,
            'mirror-untrusted',
            f'its certificate is not trusted ({detail})',
            _trust_hint(mirror, route),
        )
    code = (
        'mirror-not-registry' if failure.reason == 'not-http' else 'mirror-unreachable'
    )
    return _problem(
        mirror,
        code,
        f'could not be reached ({detail})'
        if code == 'mirror-unreachable'
        else f'does not speak HTTP ({detail})',
        f'curl -v {mirror}/v2/',
    )


def _trust_hint(mirror: Mirror, route: Route) -> str:
    is_new = route.version is not None and route.version >= CONTAINERD_OWN_HOSTS
    if route.is_containerd_store and is_new:
        return (
            'put its CA into the system store: cp ca.crt /usr/local/share/'
            'ca-certificates/ && update-ca-certificates && systemctl restart docker'
        )
    return f'put its CA at /etc/docker/certs.d/{mirror.endpoint}/ca.crt'


def _problem(mirror: Mirror, code: str, message: str, hint: str) -> Problem:
    return Problem(code=code, where=str(mirror), message=message, hint=hint)
