"""Asks insecure registries, the way the engine would, whether they are there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from registry_host.errors import Problem, place_of, quoted
from registry_host.host.concurrency import ask_all
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.registry.probe import DEADLINE_S, is_registry
from registry_host.registry.requests import request_of
from registry_host.settings.mirrors import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.engine.route import Route
    from registry_host.host.host import Host
    from registry_host.host.wire import Answer
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
    hint = 'please report it with the output of registry-host --version'
    return _failed(registry, 'probe-crashed', message, hint)


def late(registry: Registry) -> Found:
    return _unreachable(registry, f'no answer within {DEADLINE_S:g} s')


def ask_insecure(host: Host, registry: Registry, route: Route) -> Found:
    """Ask GET /v2/ by HTTPS, whatever its certificate, and then by HTTP.

    Source: moby daemon/pkg/registry/service_v2.go lookupV2Endpoints (20.10 to 28.5):
    both are tried, in this order. One without a port stands for 443 and 80. A registry
    that demands a login is one: docker login is for those.
    """
    failure: ConnectionFailed | None = None
    for scheme in ('https', 'http'):
        place = Mirror(scheme, registry.host, registry.port)
        request = request_of(host, place, route)
        try:
            answer = host.http_get(request)
        except ConnectionFailed as err:
            failure = err
            if err.is_of_proxy:
                proxy = redact_input(request.proxy or '')
                return _unreachable(registry, f'{err.detail}: the proxy {proxy}')
            if err.reason in ('resolve', 'timeout'):
                break  # The other way takes as long, and there is no time for both.
            continue
        if _is_registry(answer):
            return Found(registry, request.url)
        return _failed(
            registry,
            'insecure-not-registry',
            f'answers {answer.status} at {request.url}, and not as a registry does',
            f'curl -i {quoted(request.url)}',
        )
    return _unreachable(registry, failure.detail if failure else '')


def _is_registry(answer: Answer) -> bool:
    return answer.status in (200, 401) and is_registry(answer)


def _unreachable(registry: Registry, detail: str) -> Found:
    message = f'could not be reached ({detail})'
    if registry.port is None:
        message += '; without a port it stands for ports 443 and 80 alone'
    hint = f'getent ahosts {quoted(registry.host)}'
    return _failed(registry, 'insecure-unreachable', message, hint)


def _failed(registry: Registry, code: str, message: str, hint: str) -> Found:
    problem = Problem(code=code, where=str(registry), message=message, hint=hint)
    return Found(registry, problem=problem)
