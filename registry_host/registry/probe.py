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
    failure_problem,
    look_at,
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
# The digest of no content that is known.
_NO_BLOB = f'sha256:{"0" * 64}'
# Slack for the last answer to be judged, and for a second question to the same mirror.
DEADLINE_S = TIMEOUT_S + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What became of one question. `problem` None: a registry this engine can use.

    `has_image` says whether it serves the image that was asked for; None where that
    was not asked, or not answered. `is_cut_off` says, likewise, whether it fails when
    it is asked for what it does not hold, as a cache without its upstream does.
    """

    mirror: Mirror
    problem: Problem | None
    status: int | None = None
    elapsed_ms: int = 0
    has_image: bool | None = None
    is_cut_off: bool | None = None


def probe_mirrors(
    host: Host, mirrors: Sequence[Mirror], route: Route, image: Image | None = None
) -> tuple[Probe, ...]:
    """Ask GET /v2/ of all mirrors at once; none takes longer than DEADLINE_S.

    With an image, those that are registries are asked for its manifest, too, and for a
    blob that none has.
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
    """Ask GET /v2/ of one mirror, and then what it has of an image."""
    started = time.monotonic()
    request = request_of(host, mirror, route)
    status, has_image, is_cut_off = None, None, None
    try:
        answer = host.http_get(request)
        status = answer.status
        problem = _judge(host, mirror, request, answer, route)
        if problem is None and image is not None:
            until = started + TIMEOUT_S
            has_image = _serves(host, request, image, until)
            if has_image is not None:
                is_cut_off = _is_cut_off(host, request, image, until)
    except ConnectionFailed as failure:
        problem = _explain(host, mirror, request, failure, route)
    elapsed_ms = round((time.monotonic() - started) * 1000)
    return Probe(
        mirror=mirror,
        problem=problem,
        status=status,
        elapsed_ms=elapsed_ms,
        has_image=has_image,
        is_cut_off=is_cut_off,
    )


def _serves(host: Host, request: Request, image: Image, until: float) -> bool | None:
    """Ask for a manifest as an engine does; None where there is no telling answer.

    A cache asks its upstream for each tag that it is asked for, and answers 404 where
    it cannot (distribution 2.8.2 and 3.1.1, observed).
    """
    path = f'{image.repository}/manifests/{image.tag}'
    answer = _head(host, request, path, until)
    return {200: True, 404: False}.get(answer.status) if answer else None


def _is_cut_off(
    host: Host, request: Request, image: Image, until: float
) -> bool | None:
    """Ask for a blob that no registry has; None where there is no telling answer.

    A cache asks its upstream for it, and answers 404 as the upstream does, or 500 where
    it cannot ask. Registries to push to answer 404. Nothing is stored anywhere
    (docker-registry 2.8.2, observed). A tag is no use here: a cache without its
    upstream serves those that it has, and answers 404 for the rest.
    """
    answer = _head(host, request, f'{image.repository}/blobs/{_NO_BLOB}', until)
    if answer is None or not is_registry(answer):
        return None
    return {404: False, 500: True}.get(answer.status)


def _head(host: Host, request: Request, path: str, until: float) -> Answer | None:
    left_s = until - time.monotonic()
    if left_s <= 0:
        return None
    asked = replace(
        request,
        url=f'{request.url}{path}',
        method='HEAD',
        accept=', '.join(MANIFESTS),
        timeout_s=left_s,
    )
    try:
        return host.http_get(asked)
    except ConnectionFailed:
        return None


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
    is_of_name = False
    try:
        if host.http_get(request).status != 407:
            return None
        is_login = True
        detail = 'it demands a login, or rejects this one (407)'
    except ConnectionFailed as failure:
        detail = failure.detail
        is_login = failure.reason == 'proxy' and '407' in detail
        is_of_name = failure.reason == 'resolve'
        if not failure.is_of_proxy or (failure.reason == 'proxy' and not is_login):
            return None
    code = 'proxy-login' if is_login else 'proxy-unreachable'
    return proxy_problem(code, area, request, detail, is_of_name=is_of_name)


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
            look_at(mirror),
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
        look_at(mirror),
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
