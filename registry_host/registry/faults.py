"""What is wrong with a mirror, or on the way to it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.rules import CONTAINERD_OWN_HOSTS
from registry_host.errors import Finding, Problem, quoted
from registry_host.redact import redact_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from registry_host.engine.route import Route
    from registry_host.errors import Severity
    from registry_host.host.wire import ConnectionFailed, Request
    from registry_host.registry.probe import Probe
    from registry_host.settings.images import Image
    from registry_host.settings.mirrors import Mirror

# A mirror that answers 401.
LOGIN = 'mirror-login'
# It is the proxy that failed.
OF_PROXY = frozenset({'proxy-login', 'proxy-unreachable'})
_AROUND = 'sudo registry-host configure --no-proxy '


def proxy_problem(
    code: str, area: str, request: Request, detail: str, *, is_of_name: bool
) -> Problem:
    """Tell of a proxy that is no use; its name is looked up where that failed."""
    return Problem(
        code=code,
        where=area,
        message=f'the proxy {redact_input(request.proxy or "")} could not be used '
        f'({detail})',
        hint=by_name(proxy_host(request)) if is_of_name else '',
    )


def by_name(host: str) -> str:
    """How to see whether a name resolves, and to what."""
    return f'getent ahosts {quoted(host)}' if host else ''


def look_at(place: Mirror) -> str:
    """How to see what is at the address that a name leads to.

    Of all programs that ask over HTTP, none is on every host but this one.
    """
    return f'registry-host registry check {quoted(str(place))}'


def proxy_host(request: Request) -> str:
    from registry_host.settings.checking import take_apart

    return take_apart(request.proxy or '').host


def needs_tls(mirror: Mirror) -> Problem:
    return problem_of(
        mirror,
        'mirror-needs-tls',
        'speaks TLS where plain HTTP was asked',
        f'https://{mirror.endpoint}',
    )


def of_proxy(mirror: Mirror, request: Request, detail: str) -> Problem:
    """It is the proxy that fails: the mirror may be well, and was not asked."""
    proxy = redact_input(request.proxy or '')
    return problem_of(
        mirror,
        'proxy-unreachable',
        f'the proxy {proxy}, which the engine asks for it, could not be reached or '
        f'refused ({detail})',
        around_proxy(mirror),
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
    return problem_of(mirror, code, message, around_proxy(mirror))


def around_proxy(mirror: Mirror) -> str:
    """How not to go that way: the entry is added to those there are."""
    return f'{_AROUND}{quoted(mirror.host)} --proxy-for engine'


def goes_around(hint: str) -> bool:
    return hint.startswith(_AROUND)


def failure_problem(mirror: Mirror, failure: ConnectionFailed, route: Route) -> Problem:
    detail = failure.detail
    if failure.reason == 'resolve':
        return problem_of(
            mirror,
            'mirror-unresolved',
            f'{mirror.host} does not resolve ({detail}); is the name right, and the '
            'nameserver?',
            by_name(mirror.host),
        )
    if failure.reason == 'not-tls' and mirror.scheme == 'http':
        return problem_of(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP, and with the containerd image store this engine (older '
            'than 28.0) speaks TLS to mirrors, whatever their scheme',
            f'sudo registry-host configure --insecure-registry {mirror.endpoint}',
        )
    if failure.reason == 'not-tls':
        return problem_of(
            mirror,
            'mirror-not-tls',
            'speaks plain HTTP where TLS was asked',
            f'http://{mirror.endpoint}',
        )
    if failure.reason == 'tls-untrusted':
        return problem_of(
            mirror,
            'mirror-untrusted',
            f'its certificate is not trusted ({detail}); put its CA '
            + _place_of_ca(mirror, route),
            '',
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
        look_at(mirror),
    )


def content_doubt(
    probe: Probe, image: Image, probes: Iterable[Probe]
) -> tuple[Severity, Problem] | None:
    """Judge what a mirror that is a registry has; None where nothing is wrong.

    `probes` are those of all mirrors: a registry to push to stands beside a cache by
    design, and has none of Docker Hub's images.
    """
    mirror = probe.mirror
    if probe.is_cut_off:
        return 'warning', _cut_off(mirror, image, has_image=probe.has_image is True)
    if probe.has_image is not False:
        return None
    having = [str(each.mirror) for each in probes if each.has_image]
    if having and probe.is_cut_off is False:
        message = (
            f'does not have {image} (404), as is usual for a registry to push to; '
            f'{having[0]} has it'
        )
        return 'info', problem_of(mirror, 'mirror-content', message, roles_of(mirror))
    message = (
        f'answers, but does not have {image} (404): it is a registry to push to, or '
        'mirrors another one than Docker Hub, or cannot reach it; pulls of what it '
        'does not have go to Docker Hub'
    )
    return 'warning', problem_of(mirror, 'mirror-content', message, roles_of(mirror))


def _cut_off(mirror: Mirror, image: Image, *, has_image: bool) -> Problem:
    has = f'has {image}, but' if has_image else f'does not have {image} (404), and'
    return problem_of(
        mirror,
        'mirror-content',
        f'{has} answers 500 for a blob that it does not hold, as a cache does that '
        'cannot reach its upstream; on its server, registry-host registry check tells '
        'why',
        roles_of(mirror),
    )


def roles_of(mirror: Mirror) -> str:
    """How to see whether a registry is a cache, or takes pushes."""
    return f'registry-host registry check --roles {quoted(str(mirror))}'


def silent_on(mirror: Mirror, image: Image) -> str:
    return (
        f'{mirror} does not say in time whether it has {image}: a cache waits for its '
        'upstream'
    )


def content_findings(probes: Sequence[Probe], image: Image | None) -> Iterator[Finding]:
    """Tell of mirrors that are registries, and do not have what they should have."""
    for probe in probes:
        if image is None or probe.problem is not None:
            continue
        doubt = content_doubt(probe, image, probes)
        if doubt is not None:
            severity, problem = doubt
            yield Finding.of(problem, severity, str(probe.mirror))
        elif probe.has_image is None:
            yield Finding('mirror-content', 'skipped', silent_on(probe.mirror, image))


def _place_of_ca(mirror: Mirror, route: Route) -> str:
    is_new = route.version is not None and route.version >= CONTAINERD_OWN_HOSTS
    if route.is_containerd_store and is_new:
        return (
            'into /usr/local/share/ca-certificates, run update-ca-certificates, and '
            'restart Docker'
        )
    return f'at /etc/docker/certs.d/{mirror.endpoint}/ca.crt'


def problem_of(mirror: Mirror, code: str, message: str, hint: str) -> Problem:
    return Problem(code=code, where=str(mirror), message=message, hint=hint)
