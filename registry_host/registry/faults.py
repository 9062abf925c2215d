"""What is wrong with a mirror, or on the way to it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import Finding, Problem, quoted
from registry_host.redact import redact_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.engine.route import Route
    from registry_host.host.wire import ConnectionFailed, Request
    from registry_host.registry.probe import Probe
    from registry_host.settings.images import Image
    from registry_host.settings.mirrors import Mirror

# A mirror that answers 401.
LOGIN = 'mirror-login'
# It is the proxy that failed.
OF_PROXY = frozenset({'proxy-login', 'proxy-unreachable'})


def proxy_problem(code: str, area: str, request: Request, detail: str) -> Problem:
    return Problem(
        code=code,
        where=area,
        message=f'the proxy {redact_input(request.proxy or "")} could not be used '
        f'({detail})',
        hint=_curl(request),
    )


def _curl(request: Request) -> str:
    """How to try the same way by hand, without the password of the proxy."""
    scheme, _, place = (request.proxy or '').partition('://')
    proxy = f'{scheme}://{place.rpartition("@")[2].rstrip("/")}'
    return f'curl -sI -x {quoted(proxy)} {quoted(request.url)}'


def needs_tls(mirror: Mirror) -> Problem:
    return problem_of(
        mirror,
        'mirror-needs-tls',
        'speaks TLS where plain HTTP was asked',
        f'use https://{mirror.endpoint}',
    )


def of_proxy(mirror: Mirror, request: Request, detail: str) -> Problem:
    """It is the proxy that fails: the mirror may be well, and was not asked."""
    proxy = redact_input(request.proxy or '')
    return problem_of(
        mirror,
        'proxy-unreachable',
        f'the proxy {proxy}, which the engine asks for it, could not be reached or '
        f'refused ({detail})',
        by_proxy(mirror, request),
    )


def refused_by_proxy(mirror: Mirror, request: Request, status: int) -> Problem:
    proxy = redact_input(request.proxy or '')
    if status == 407:
        message = f'the proxy {proxy}, which the engine asks for it, demands a login'
        message += ' or does not take this one'
        code = 'proxy-login'
    else:
        message = f'the proxy {proxy} answers {status} for it'
        code = 'proxy-unreachable'
    return problem_of(mirror, code, message, by_proxy(mirror, request))


def by_proxy(mirror: Mirror, request: Request) -> str:
    """How to try the same way by hand, and how not to go that way."""
    return (
        f'{_curl(request)}\n'
        f'sudo registry-host configure --no-proxy {quoted(mirror.host)} '
        '--proxy-for engine'
    )


def failure_problem(mirror: Mirror, failure: ConnectionFailed, route: Route) -> Problem:
    detail = failure.detail
    if failure.reason == 'resolve':
        return problem_of(
            mirror,
            'mirror-unresolved',
            f'{mirror.host} does not resolve ({detail})',
            f'getent ahosts {mirror.host}; is the name right, and the nameserver?',
        )
    if failure.reason == 'not-tls' and mirror.scheme == 'http':
        return problem_of(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP, and with the containerd image store this engine (older '
            'than 28.0) speaks TLS to mirrors, whatever their scheme',
            f'add --insecure-registry {mirror.endpoint}',
        )
    if failure.reason == 'not-tls':
        return problem_of(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP where TLS was asked',
            f'use http://{mirror.endpoint}',
        )
    if failure.reason == 'tls-untrusted':
        return problem_of(
            mirror,
            'mirror-untrusted',
            f'its certificate is not trusted ({detail})',
            _trust_hint(mirror, route),
        )
    code = (
        'mirror-not-registry' if failure.reason == 'not-http' else 'mirror-unreachable'
    )
    return problem_of(
        mirror,
        code,
        f'could not be reached ({detail})'
        if code == 'mirror-unreachable'
        else f'does not speak HTTP ({detail})',
        f'curl -v {mirror}/v2/',
    )


def without_image(mirror: Mirror, image: Image) -> Problem:
    """Say what it can mean that a mirror answers 404 for an image of Docker Hub."""
    url = f'{mirror}/v2/{image.repository}/manifests/{image.tag}'
    return problem_of(
        mirror,
        'mirror-content',
        f'answers, but does not have {image} (404): it is a registry to push to, or '
        'mirrors another one than Docker Hub, or cannot reach it; pulls of what it '
        'does not have go to Docker Hub',
        f'curl -sI {quoted(url)}',
    )


def silent_on(mirror: Mirror, image: Image) -> str:
    return (
        f'{mirror} does not say in time whether it has {image}: a cache waits for its '
        'upstream'
    )


def content_findings(probes: Iterable[Probe], image: Image | None) -> Iterator[Finding]:
    """Tell of mirrors that are registries, and do not have what they should have."""
    for probe in probes:
        if image is None or probe.problem is not None:
            continue
        if probe.has_image is False:
            problem = without_image(probe.mirror, image)
            yield Finding.of(problem, 'warning', str(probe.mirror))
        elif probe.has_image is None:
            yield Finding('mirror-content', 'skipped', silent_on(probe.mirror, image))


def _trust_hint(mirror: Mirror, route: Route) -> str:
    is_new = route.version is not None and route.version >= CONTAINERD_OWN_HOSTS
    if route.is_containerd_store and is_new:
        return (
            'put its CA into the system store: cp ca.crt /usr/local/share/'
            'ca-certificates/ && update-ca-certificates && systemctl restart docker'
        )
    return f'put its CA at /etc/docker/certs.d/{mirror.endpoint}/ca.crt'


def problem_of(mirror: Mirror, code: str, message: str, hint: str) -> Problem:
    return Problem(code=code, where=str(mirror), message=message, hint=hint)
