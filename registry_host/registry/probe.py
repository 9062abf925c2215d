"""Asks each mirror, the way the engine would, whether it is a registry."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from registry_host.engine.route import Route
from registry_host.errors import Problem, place_of, reported
from registry_host.host.concurrency import ask_all
from registry_host.host.wire import Answer, ConnectionFailed, Request
from registry_host.redact import redact_input
from registry_host.registry.faults import (
    LOGIN,
    around_proxy,
    by_name,
    failure_problem,
    needs_tls,
    of_proxy,
    problem_of,
    proxy_problem,
    refused_by_proxy,
)
from registry_host.registry.requests import TIMEOUT_S, answered_by_proxy, request_of
from registry_host.resolver.asking import HUB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry_host.host.host import Host
    from registry_host.settings.images import Image
    from registry_host.settings.mirrors import Mirror

MANIFESTS = (
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.oci.image.index.v1+json',
)
# Slack for the last answer to be judged, and for a second question to the same mirror.
DEADLINE_S = TIMEOUT_S + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What became of one question. `problem` None: a registry this engine can use.

    `has_image` says whether it serves the image that was asked for; None where that
    was not asked, or not answered.
    """

    mirror: Mirror
    problem: Problem | None
    status: int | None = None
    elapsed_ms: int = 0
    has_image: bool | None = None


def probe_mirrors(
    host: Host, mirrors: Sequence[Mirror], route: Route, image: Image | None = None
) -> tuple[Probe, ...]:
    """Ask GET /v2/ of all mirrors at once; none takes longer than DEADLINE_S.

    With an image, those that are registries are asked for its manifest, too.
    """
    jobs = {
        mirror: partial(probe_one, host, mirror, route, image) for mirror in mirrors
    }
    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)
    return tuple(answers.get(mirror) or _late(mirror) for mirror in mirrors)


def crashed(mirror: Mirror, err: Exception) -> Probe:
    """The result of a question that ended in a bug of registry-host."""
    message = f'could not be asked, by a bug in registry-host: {place_of(err)}'
    problem = problem_of(mirror, 'probe-crashed', *reported(message))
    return Probe(mirror=mirror, problem=problem)


def _late(mirror: Mirror) -> Probe:
    failure = ConnectionFailed('timeout', f'no answer within {TIMEOUT_S:g} s')
    return Probe(mirror=mirror, problem=failure_problem(mirror, failure, Route()))


def probe_one(
    host: Host, mirror: Mirror, route: Route, image: Image | None = None
) -> Probe:
    """Ask GET /v2/ of one mirror, and then whether it has an image."""
    started = time.monotonic()
    request = request_of(host, mirror, route)
    status, has_image = None, None
    try:
        answer = host.http_get(request)
        status = answer.status
        problem = _judge(host, mirror, request, answer, route)
        left_s = started + TIMEOUT_S - time.monotonic()
        if problem is None and image is not None and left_s > 0:
            has_image = _serves(host, replace(request, timeout_s=left_s), image)
    except ConnectionFailed as failure:
        problem = _explain(host, mirror, request, failure, route)
    elapsed_ms = round((time.monotonic() - started) * 1000)
    return Probe(
        mirror=mirror,
        problem=problem,
        status=status,
        elapsed_ms=elapsed_ms,
        has_image=has_image,
    )


def _serves(host: Host, request: Request, image: Image) -> bool | None:
    """Ask for a manifest as an engine does; None where there is no telling answer.

    A cache asks its upstream for each tag that it is asked for, and answers 404 where
    it cannot (distribution 2.8.2 and 3.1.1, observed).
    """
    url = f'{request.url}{image.repository}/manifests/{image.tag}'
    asked = replace(request, url=url, method='HEAD', accept=', '.join(MANIFESTS))
    try:
        status = host.http_get(asked).status
    except ConnectionFailed:
        return None
    return {200: True, 404: False}.get(status)


def probe_proxies(host: Host, proxies: Mapping[str, str]) -> tuple[Problem, ...]:
    """Ask each proxy for Docker Hub, and report those that cannot be used at all.

    What lies behind a proxy is not its fault: one that answers is there. `proxies` are
    URLs with their credentials, by the name of the setting.
    """
    return tuple(
        problem
        for area, proxy in proxies.items()
        if (problem := _problem_of_proxy(host, area, proxy))
    )


def _problem_of_proxy(host: Host, area: str, proxy: str) -> Problem | None:
    scheme = area.partition('-')[0]
    url = f'{scheme}://{HUB}/v2/'
    request = Request(url=url, timeout_s=TIMEOUT_S, is_verified=False, proxy=proxy)
    try:
        is_login = host.http_get(request).status == 407
        detail = 'it demands a login, or does not take this one (407)'
    except ConnectionFailed as failure:
        detail = failure.detail
        is_login = failure.reason == 'proxy' and '407' in detail
        if not failure.is_of_proxy or (failure.reason == 'proxy' and not is_login):
            return None
        if not is_login:
            return proxy_problem('proxy-unreachable', area, request, detail)
    return proxy_problem('proxy-login', area, request, detail) if is_login else None


# The answer


def _judge(
    host: Host, mirror: Mirror, request: Request, answer: Answer, route: Route
) -> Problem | None:
    if answered_by_proxy(request, answer):
        return refused_by_proxy(mirror, request, answer.status)
    if answer.url != request.url and route.is_containerd_store:
        return problem_of(
            mirror,
            'mirror-redirects',
            f'redirects /v2/ to {answer.url}, and with the containerd image store an '
            'engine then pulls from nowhere',
            by_name(mirror.host),
        )
    if answer.status == 401:
        return problem_of(
            mirror,
            LOGIN,
            'demands a login, and an engine cannot log in to a mirror: let the '
            'registry serve pulls without one, or restrict it by network',
            '',
        )
    if answer.status == 400 and request.url.startswith('http://'):
        if speaks_tls(host, request):
            return needs_tls(mirror)
    if answer.status == 200 and is_registry(answer):
        return None
    return problem_of(
        mirror,
        'mirror-not-registry',
        f'answers {answer.status} at /v2/, and not as a registry does',
        by_name(mirror.host),
    )


def is_registry(answer: Answer) -> bool:
    """Tell a registry by the header of its API, or the empty object that it answers.

    Source: distribution docs/content/spec/api.md, API version check (v2.8, v3.1).
    """
    if 'docker-distribution-api-version' in answer.headers:
        return True
    return answer.body.strip() == b'{}'


def speaks_tls(host: Host, request: Request) -> bool:
    """Whether TLS, with any certificate, is spoken where plain HTTP was asked."""
    url = request.url.replace('http://', 'https://', 1)
    try:
        host.http_get(replace(request, url=url, is_verified=False))
    except ConnectionFailed:
        return False
    return True


def _explain(
    host: Host,
    mirror: Mirror,
    request: Request,
    failure: ConnectionFailed,
    route: Route,
) -> Problem:
    if failure.is_of_proxy:
        return of_proxy(mirror, request, failure.detail)
    is_plain = request.url.startswith('http://')
    if is_plain and failure.reason in ('closed', 'not-http'):
        if speaks_tls(host, request):
            return needs_tls(mirror)
    problem = failure_problem(mirror, failure, route)
    if request.proxy is None:
        return problem
    proxy = redact_input(request.proxy)
    message = f'{problem.message}, by way of the proxy {proxy}'
    return problem._replace(message=message, hint=around_proxy(mirror))
