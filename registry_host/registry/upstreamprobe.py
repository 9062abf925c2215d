"""Asks the upstream of a cache as the registry would, and says which step fails.

The registry itself does not say: it does not start, or its clients get a 404.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry_host.engine.environment import proxies_in
from registry_host.engine.route import Route
from registry_host.engine.trust import trust_of
from registry_host.errors import Finding, Problem
from registry_host.host.dialing import basic
from registry_host.host.wire import REDIRECTS, ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.registry.certfaults import certificate_findings
from registry_host.registry.challenges import challenge_by, challenge_of
from registry_host.registry.probe import speaks_tls
from registry_host.registry.requests import answered_by_proxy
from registry_host.registry.resolution import resolve, slow_nameservers, unresolved
from registry_host.registry.serverfaults import not_a_registry
from registry_host.registry.serverprobe import serves
from registry_host.registry.strangers import target_of
from registry_host.registry.tokens import ask_token
from registry_host.registry.upstreamfaults import (
    TRUST,
    TRUSTED_AT,
    as_upstream,
    basic_with_2,
    by_proxy,
    connection_failed,
    login_needed,
    login_refused,
    odd_proxy,
    of_proxy,
    of_socks,
    or_by_proxy,
    reached,
    redirected,
    too_many,
    without_https_proxy,
    wrong_scheme,
)
from registry_host.registry.upstreams import judge_upstream
from registry_host.registry.ways import (
    Way,
    authorities,
    place_of_proxy,
    place_of_url,
    require_place,
)
from registry_host.settings.areas import HTTP_PROXY, HTTPS_PROXY, NO_PROXY
from registry_host.settings.noproxy import parse_no_proxy
from registry_host.settings.proxies import check_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.host.wire import Answer, Request
    from registry_host.registry.challenges import Challenge
    from registry_host.registry.resolution import Resolved
    from registry_host.registry.tokens import Login
    from registry_host.settings.mirrors import Mirror

TIMEOUT_S = 10.0


def ask_upstream(
    host: Host,
    upstream_url: str,
    *,
    environment: Mapping[str, str],
    credentials: Login | None = None,
    major: int = 2,
    timeout_s: float = TIMEOUT_S,
) -> tuple[Finding, ...]:
    """Go the way of a registry on this host, step by step, up to its token server.

    `environment` is that of its unit, or its process: proxies and certificates are
    taken from there. `credentials` are proxy.username and proxy.password, `major` the
    version of distribution. A finding that is 'ok' names the way that works.
    """
    judged = judge_upstream(upstream_url)
    if isinstance(judged, Problem):
        return (Finding.of(judged, 'error'),)
    place = require_place(judged)
    area = HTTPS_PROXY if place.scheme == 'https' else HTTP_PROXY
    route, told = route_in(environment, area)
    way = Way(route, authorities(host, route.trust), timeout_s)
    return (*told, *_findings(_Upstream(host, way, place, credentials, major)))


def route_in(
    environment: Mapping[str, str], area: str
) -> tuple[Route, tuple[Finding, ...]]:
    """Read proxies as Go does; one that it cannot read it ignores, silently.

    Source: golang.org/x/net http/httpproxy/proxy.go parseProxy, 0ca694d (2026-07).
    """
    found = proxies_in(environment)
    told: list[Finding] = []
    proxies = {HTTP_PROXY: '', HTTPS_PROXY: ''}
    for each in proxies:
        text = found.get(each, '').strip()
        if text and '://' not in text:
            text = f'http://{text}'
        problems = check_proxy(text, each).errors if text else ()
        if problems and each == area:
            told.append(odd_proxy(problems[0]))
        proxies[each] = '' if problems else text
    return Route(
        http_proxy=proxies[HTTP_PROXY],
        https_proxy=proxies[HTTPS_PROXY],
        no_proxy=parse_no_proxy(found.get(NO_PROXY, '')),
        trust=trust_of(environment),
    ), tuple(told)


class _Upstream(NamedTuple):
    """An upstream, and how its cache asks it."""

    host: Host
    way: Way
    place: Mirror
    login: Login | None
    major: int

    def __repr__(self) -> str:
        return f'_Upstream({self.place})'

    @property
    def request(self) -> Request:
        return self.way.request(f'{self.place}/v2/', is_followed=False)


def _findings(asked: _Upstream) -> Iterator[Finding]:
    """Resolve, connect, ask: the first step that fails ends it."""
    request, where = asked.request, str(asked.place)
    proxy = place_of_proxy(request.proxy)
    if proxy is not None and proxy.scheme not in ('http', 'https'):
        yield of_socks(asked.place, proxy.scheme)
        return
    # Behind a proxy names are looked up by that, but for its own.
    found = resolve(asked.host, proxy.host if proxy else asked.place.host)
    yield from slow_nameservers(found, 'upstream', where)
    if not found.addresses:
        finding = unresolved(asked.host, found, 'upstream', where)
        yield finding if proxy else or_by_proxy(finding)
        return
    try:
        answer = asked.host.http_get(request)
    except ConnectionFailed as failure:
        yield from _why(asked, request, failure, found)
        return
    yield from _look_at_certificate(asked, request, '')
    yield from _judge(asked, request, answer, found)


def _why(
    asked: _Upstream, request: Request, failure: ConnectionFailed, found: Resolved
) -> Iterator[Finding]:
    """Say who refused, at which address, or what else went wrong on the way."""
    place, is_tls = asked.place, asked.place.scheme == 'https'
    if failure.is_of_proxy:
        yield of_proxy(place, request, failure.detail, found)
    elif failure.reason == 'tls-untrusted':
        yield from _look_at_certificate(asked, request, failure.detail)
    elif is_tls and failure.reason == 'not-tls':
        yield wrong_scheme(place, 'http')
    elif not is_tls and failure.reason in ('closed', 'not-http'):
        is_other = speaks_tls(asked.host, request)
        other = wrong_scheme(place, 'https')
        yield other if is_other else connection_failed(place, request, failure, found)
    else:
        is_half = is_tls and bool(asked.way.route.http_proxy) and not request.proxy
        is_half = is_half and not asked.way.route.https_proxy
        finding = connection_failed(place, request, failure, found)
        yield without_https_proxy(finding) if is_half else finding


def _look_at_certificate(
    asked: _Upstream, request: Request, refusal: str
) -> Iterator[Finding]:
    if asked.place.scheme != 'https':
        return
    certificate = asked.host.certificate(request)
    for finding in certificate_findings(
        asked.place, certificate, refusal, 'upstream', TRUSTED_AT, TRUST
    ):
        yield by_proxy(finding, request)


def _judge(
    asked: _Upstream, request: Request, answer: Answer, found: Resolved
) -> Iterator[Finding]:
    place, status = asked.place, answer.status
    if answered_by_proxy(request, answer):
        yield of_proxy(place, request, f'it answers {status}', found)
        return
    if status == 400 and place.scheme == 'http' and speaks_tls(asked.host, request):
        yield wrong_scheme(place, 'https')
        return
    if status in REDIRECTS:
        yield redirected(place, target_of(answer))
        try:
            answer = asked.host.http_get(replace(request, is_followed=True))
        except ConnectionFailed as failure:
            yield connection_failed(place, request, failure, found)
            return
    if status == 429:
        yield too_many(place)
    challenge = challenge_of(answer.headers) if answer.status == 401 else None
    if challenge is not None and challenge.auth == 'basic':
        problem = _log_in_by_basic(asked)
    elif challenge is not None:
        is_own = challenge_by(place.url, answer) is not None
        login = asked.login if is_own else None
        problem = _ask_token_server(asked._replace(login=login), challenge)
    elif serves(answer) or status == 429:
        problem = None
    else:
        problem = as_upstream(not_a_registry(place, answer, request.proxy))
    yield problem or reached(place, request, found, has_login=bool(asked.login))


def _log_in_by_basic(asked: _Upstream) -> Finding | None:
    """Basic is what distribution 2 cannot do as a cache, whatever the password is."""
    if asked.login is None:
        return login_needed(asked.place)
    if asked.major < 3:
        return basic_with_2(asked.place)
    authorization = basic(asked.login.username, asked.login.secret)
    request = replace(asked.request, authorization=authorization)
    try:
        status = asked.host.http_get(request).status
    except ConnectionFailed as failure:
        return connection_failed(asked.place, request, failure, None)
    return None if status == 200 else login_refused(asked.place, '', status)


def _ask_token_server(asked: _Upstream, challenge: Challenge) -> Finding | None:
    """A cache asks it at each pull; that it refuses shows nowhere but in a 404."""
    token = ask_token(
        asked.host,
        asked.way,
        challenge,
        origin=asked.place,
        credentials=asked.login,
    )
    if token.problem is None:
        return None
    if token.problem.code != 'server-login':
        return as_upstream(Finding.of(token.problem, 'error'))
    server = str(place_of_url(challenge.realm))
    if asked.login is None:
        return login_needed(asked.place)
    return login_refused(asked.place, server, token.status or 0)
