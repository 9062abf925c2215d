"""Asks insecure registries, the way the engine would, whether they are there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import Problem, place_of, reported
from registry_host.host.concurrency import ask_all
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.registry.faults import (
    OF_PROXY,
    around_proxy,
    by_name,
    look_at,
    of_proxy,
    refused_by_proxy,
)
from registry_host.registry.probe import DEADLINE_S, is_registry
from registry_host.registry.requests import answered_by_proxy, request_of
from registry_host.settings.mirrors import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_host.engine.route import Route
    from registry_host.host.host import Host
    from registry_host.host.wire import Answer, Request
    from registry_host.settings.insecure import Registry


class Found(NamedTuple):
    """What became of a question; `problem` None: a registry, that answers at `url`."""

    registry: Registry
    url: str = ''
    problem: Problem | None = None


def probe_insecure(
    host: Host, registries: Iterable[Registry], route: Route
) -> tuple[Found, ...]:
    """Ask all of them at once, but for networks; in DEADLINE_S at the most."""
    jobs = {
        registry: partial(ask_insecure, host, registry, route)
        for registry in registries
        if not registry.is_cidr
    }
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)
    return tuple(answers.get(registry) or late(registry) for registry in jobs)


def crashed(registry: Registry, err: Exception) -> Found:
    """The result of a question that ended in a bug of registry-host."""
    message = f'could not be asked, by a bug in registry-host: {place_of(err)}'
    problem = _problem(registry, 'probe-crashed', *reported(message))
    return Found(registry, problem=problem)


def late(registry: Registry) -> Found:
    place = Mirror('https', registry.host, registry.port)
    failure = ConnectionFailed('timeout', f'no answer within {DEADLINE_S:g} s')
    problem = _unreachable(registry, place, failure)
    return Found(registry, problem=problem)


def ask_insecure(host: Host, registry: Registry, route: Route) -> Found:
    """Ask GET /v2/ by HTTPS, whatever its certificate, and then by HTTP.

    Source: moby daemon/pkg/registry/service_v2.go lookupV2Endpoints (20.10 to 28.5):
    both are tried, in this order; but what answers by HTTPS is not asked by HTTP, be it
    a registry or not (distribution/pull.go, confirmedTLSRegistries; observed, 20.10.24,
    26.1.5 and 28.5.2). One without a port stands for 443 and 80. A registry that
    demands a login is one: docker login is for those.
    """
    problems: list[Problem] = []
    for scheme in ('https', 'http'):
        place = Mirror(scheme, registry.host, registry.port)
        request = replace(request_of(host, place, route), is_verified=False)
        try:
            answer = host.http_get(request)
        except ConnectionFailed as failure:
            problems.append(_unanswered(registry, place, request, failure))
            if not _goes_on(registry, route, failure):
                break
            continue
        if answered_by_proxy(request, answer):
            problem = refused_by_proxy(place, request, answer.status)
            problems.append(problem.at(str(registry)))
        elif _is_registry(answer):
            return Found(registry, request.url)
        else:
            problems.append(_no_registry(registry, place, request, answer))
        break
    return Found(registry, problem=_joined(problems))


def _goes_on(registry: Registry, route: Route, failure: ConnectionFailed) -> bool:
    """Whether an engine asks by HTTP after this failure of HTTPS.

    With a graphdriver after any, a refused CONNECT too; with the containerd store only
    where plain HTTP was spoken, and from 28.0 on where nothing listens at the port 443
    that no entry names. Observed, 20.10.24, 26.1.5 and 28.5.2; containerd
    core/remotes/docker/resolver.go isPortError.
    """
    is_of_name = failure.reason == 'resolve' and not failure.is_of_proxy
    if is_of_name or failure.reason == 'timeout':
        return False  # The other way takes as long, and there is no time for both.
    if not route.is_containerd_store:
        return True
    is_new = route.version is None or route.version >= CONTAINERD_OWN_HOSTS
    is_refused = failure.reason == 'refused' and registry.port is None
    return failure.reason == 'not-tls' or (is_new and is_refused)


def _is_registry(answer: Answer) -> bool:
    return answer.status in (200, 401) and is_registry(answer)


def _unanswered(
    registry: Registry, place: Mirror, request: Request, failure: ConnectionFailed
) -> Problem:
    if failure.is_of_proxy:
        return of_proxy(place, request, failure.detail).at(str(registry))
    problem = _unreachable(registry, place, failure)
    if request.proxy is None:
        return problem
    message = f'{problem.message}, by way of the proxy {redact_input(request.proxy)}'
    return problem._replace(message=message, hint=around_proxy(place))


def _unreachable(
    registry: Registry, place: Mirror, failure: ConnectionFailed
) -> Problem:
    message = f'could not be reached ({failure.detail})'
    if registry.port is None:
        message += '; without a port it stands for ports 443 and 80 alone'
    is_of_name = failure.reason == 'resolve'
    hint = by_name(registry.host) if is_of_name else look_at(place)
    return _problem(registry, 'insecure-unreachable', message, hint)


def _no_registry(
    registry: Registry, place: Mirror, request: Request, answer: Answer
) -> Problem:
    return _problem(
        registry,
        'insecure-not-registry',
        f'answers {answer.status} at {request.url}, and not as a registry does',
        around_proxy(place) if request.proxy else look_at(place),
    )


def _joined(problems: Sequence[Problem]) -> Problem:
    """Tell what came last; of a proxy that stood in the way of HTTPS alone, too."""
    first, last = problems[0], problems[-1]
    if first.code not in OF_PROXY or last.code in OF_PROXY:
        return last
    message = f'by HTTP: {last.message}; by HTTPS: {first.message}'
    return last._replace(message=message, hint=f'{last.hint}\n{first.hint}')


def _problem(registry: Registry, code: str, message: str, hint: str) -> Problem:
    return Problem(code=code, where=str(registry), message=message, hint=hint)
