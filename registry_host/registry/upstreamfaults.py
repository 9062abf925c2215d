"""What is wrong on the way from a cache to its upstream, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.redact import redact_input
from registry_host.registry import serverfaults
from registry_host.registry.faults import by_name, proxy_host
from registry_host.registry.ways import place_of_proxy
from registry_host.settings.checking import DEFAULT_PORTS

if TYPE_CHECKING:
    from registry_host.errors import Problem, Severity
    from registry_host.host.wire import ConnectionFailed, Request
    from registry_host.registry.resolution import Resolved
    from registry_host.settings.mirrors import Mirror

# Read when a registry starts.
TRUSTED_AT = 'a CA counts in /usr/local/share/ca-certificates, from a restart on'
TRUST = ('sudo update-ca-certificates',)
# What an upstream that wants another login looks like to those who pull.
_FOR_CLIENTS = 'clients get 404 (manifest unknown) for what it does not show to all'
_OF_THE_LOGIN = 'that is proxy.username and proxy.password in its config'


def told(
    code: str,
    where: Mirror,
    message: str,
    *remedy: str,
    severity: Severity = 'error',
) -> Finding:
    return as_upstream(
        serverfaults.told(code, where, message, *remedy, severity=severity)
    )


def as_upstream(finding: Finding) -> Finding:
    """Name a finding about a server as one about an upstream."""
    return finding._replace(check=finding.check.replace('server-', 'upstream-', 1))


def odd_proxy(problem: Problem) -> Finding:
    """Source: see route_in()."""
    message = (
        f'{problem.code.partition("-")[0]} of the registry: {problem.message}; Go '
        'silently ignores such a proxy, and connects directly'
    )
    remedy = (problem.hint,) if problem.hint else ()
    return Finding('upstream-proxy', 'warning', message, remedy=remedy)


def of_socks(where: Mirror, scheme: str) -> Finding:
    message = f'is asked by a {scheme} proxy, which registry-host cannot try'
    return told('proxy', where, message, severity='skipped')


def by_proxy(finding: Finding, request: Request) -> Finding:
    way = serverfaults.by_way_of(request.proxy)
    return finding._replace(message=f'{finding.message}{way}')


def of_proxy(where: Mirror, request: Request, detail: str, found: Resolved) -> Finding:
    """It is the proxy that fails: the upstream may be well, and was not asked."""
    proxy = redact_input(request.proxy or '')
    place = place_of_proxy(request.proxy)
    message, hint = f'the proxy {proxy}, which the registry asks for it, ', ''
    if 'refused' in detail and place is not None:
        at = found.at(place.port or DEFAULT_PORTS.get(place.scheme, 80))
        message += f'refuses connections: nothing listens at {at} (Connection refused)'
    elif '407' in detail:
        message += 'demands a login, or rejects this one (407)'
    else:
        message += f'does not let it through ({detail})'
        hint = by_name(proxy_host(request))
    return told('proxy', where, message, hint)


def connection_failed(
    where: Mirror, request: Request, failure: ConnectionFailed, found: Resolved | None
) -> Finding:
    """Tell which address refused, and where that address came from."""
    if request.proxy:
        message = f'cannot be reached ({failure.detail})'
        return by_proxy(told('unreachable', where, message), request)
    at = (
        found.at(where.port or DEFAULT_PORTS[where.scheme]) if found else where.endpoint
    )
    given = f' (given by {found.source})' if found and found.source else ''
    way = '' if given else by_name(where.host)
    if failure.reason == 'refused':
        message = f'Connection refused by {at}{given}: names resolve, and that machine '
        message += 'or a firewall before it refuses'
        is_own = found is not None and found.addresses[0].startswith(('127.', '::1'))
        if is_own and not where.is_loopback:
            message = f'Connection refused by {at}{given}: that is this machine itself'
        return told('refused', where, message, way)
    if failure.reason in ('timeout', 'unreachable'):
        message = f'{failure.detail}, from {at}{given}, asked directly: a firewall may '
        message += 'drop it; a network with a proxy wants HTTPS_PROXY in the '
        message += 'environment of the registry'
        return told('silent', where, message, way)
    return told('unreachable', where, f'{failure.detail}, from {at}{given}', way)


def or_by_proxy(finding: Finding) -> Finding:
    """Where only a proxy knows the names of the world, none resolves here."""
    message = f'{finding.message}; a network with a proxy wants HTTPS_PROXY in the '
    return finding._replace(message=f'{message}environment of the registry')


def without_https_proxy(finding: Finding) -> Finding:
    """A proxy for plain HTTP alone is what people forget."""
    message = f'{finding.message}; HTTP_PROXY is set, but an https upstream goes by '
    return finding._replace(message=f'{message}HTTPS_PROXY, which is not')


def wrong_scheme(where: Mirror, scheme: str) -> Finding:
    spoken = 'TLS' if scheme == 'https' else 'plain HTTP'
    asked = 'plain HTTP' if scheme == 'https' else 'TLS'
    hint = str(where._replace(scheme=scheme))
    return told('scheme', where, f'speaks {spoken} where {asked} was asked', hint)


def redirected(where: Mirror, right: str) -> Finding:
    message = f'redirects to {right or "another path"}'
    return told('redirects', where, message, right, severity='warning')


def too_many(where: Mirror) -> Finding:
    message = (
        'is asked too often from here (429): its limit of pulls is reached, which '
    )
    message += f'is higher with a login; {_OF_THE_LOGIN}'
    return told('limit', where, message, severity='warning')


def login_needed(where: Mirror) -> Finding:
    message = f'demands a login, and the registry has none: {_FOR_CLIENTS}'
    return told('login', where, f'{message}; {_OF_THE_LOGIN}')


def login_refused(where: Mirror, server: str, status: int) -> Finding:
    by = f'its token server {server}' if server else 'it'
    message = f'{by} does not take the login ({status}): {_FOR_CLIENTS}'
    return told('login', where, f'{message}; {_OF_THE_LOGIN}')


def basic_with_2(where: Mirror) -> Finding:
    """Source: distribution 2.8.2, observed: it sends no login, right or wrong."""
    message = (
        'asks for a Basic login, which a cache of distribution 2 never sends: '
        f'{_FOR_CLIENTS}; distribution 3 does, and upstreams that are open, or have a '
        'token server, can be used'
    )
    return told('basic-2.8', where, message)


def reached(
    where: Mirror, request: Request, found: Resolved, *, has_login: bool
) -> Finding:
    way = f'by way of the proxy {redact_input(request.proxy or "")}'
    if not request.proxy:
        at = found.at(where.port or DEFAULT_PORTS[where.scheme])
        way = f'directly, at {at}' + (f', by {found.source}' if found.source else '')
    login = ', and takes the login' if has_login else ''
    return told('reached', where, f'answers {way}{login}', severity='ok')
