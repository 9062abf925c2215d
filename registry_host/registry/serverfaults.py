"""What is wrong with a URL, or with the server that is asked there, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding, quoted
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.registry.faults import by_name
from registry_host.registry.strangers import what_it_is
from registry_host.settings.checking import (
    Checker,
    check_authority,
    check_characters,
    require_characters,
    take_apart,
)
from registry_host.settings.mirrors import Mirror

if TYPE_CHECKING:
    from registry_host.errors import Problem, Severity
    from registry_host.host.wire import Answer, ConnectionFailed


class Asked(NamedTuple):
    """A URL as it was given: `path` is '' for that of a registry."""

    place: Mirror
    has_scheme: bool
    path: str


def taken(url: str) -> Asked | Problem:
    """Read the URL of a registry, or HOST:PORT; else what is wrong with it."""
    text = url.strip()
    unusable = check_characters('server', text)
    if unusable is not None:
        return unusable.errors[0]
    check = Checker('server', 'server', url)
    require_characters(check, text)
    parts = take_apart(text)
    if parts.scheme not in ('', 'http', 'https'):
        message = f'the scheme must be http or https, not {parts.scheme}'
        check.error('scheme', message)
    if parts.user_info is not None:
        check.error('userinfo', 'a URL is no place for a login')
    host, port = check_authority(check, parts)
    if check.errors or host is None:
        return check.errors[0]
    path = parts.path.rstrip('/').removesuffix('/v2')
    return Asked(Mirror(parts.scheme or 'https', host, port), bool(parts.scheme), path)


def told(
    code: str,
    where: Mirror,
    message: str,
    *remedy: str,
    severity: Severity = 'error',
) -> Finding:
    remedy = tuple(filter(None, remedy))
    return Finding(f'server-{code}', severity, f'{where}: {message}', remedy=remedy)


def by_way_of(proxy: str | None) -> str:
    return f', by way of the proxy {redact_input(proxy)}' if proxy else ''


def of_scheme(asked: Mirror, other: Mirror) -> Finding:
    if other.scheme == 'https':
        message = 'speaks TLS where plain HTTP was asked'
        return told('needs-tls', asked, message, str(other))
    message = 'speaks plain HTTP where TLS was asked'
    return told('not-tls', asked, message, str(other))


# What servers say that want one: Go's by TLS 1.3, and 1.2; nginx behind.
_WANTS_CERTIFICATE = ('certificate_required', 'bad_certificate', 'handshake_failure')


def failed(
    place: Mirror, failure: ConnectionFailed, proxy: str | None, at: str = ''
) -> Finding:
    """Tell which step failed; `at` says which address was used, and from where."""
    detail, reason = failure.detail, failure.reason
    if failure.is_of_proxy:
        message = f'the proxy {redact_input(proxy or "")} could not be used ({detail})'
        return told('proxy', place, message, 'docker info')
    by = by_way_of(proxy)
    if reason == 'resolve':
        message = f'{place.host} does not resolve ({detail}){by}'
        return told('unresolved', place, message, by_name(place.host))
    if reason == 'refused':
        message = f'nothing listens {at or "there"} (Connection refused){by}'
        if place.port is None:
            message += '; without a port it stands for 443 (https) and 80 (http)'
        return told('refused', place, message)
    if reason == 'timeout':
        message = f'is silent{at and f" {at}"} ({detail}){by}: a firewall drops it, or '
        return told('silent', place, f'{message}it hangs')
    if any(alert in detail for alert in _WANTS_CERTIFICATE):
        message = f'ends the TLS handshake ({detail}): it may want a client certificate'
        return told('client-certificate', place, message, severity='skipped')
    if reason in ('not-http', 'not-tls', 'tls'):
        message = f'is the port of another service ({detail}){by}'
        return told('not-http', place, message)
    message = f'cannot be reached{at and f" {at}"} ({detail}){by}'
    return told('unreachable', place, message)


def not_a_registry(place: Mirror, answer: Answer, proxy: str | None) -> Finding:
    """Tell what it is instead, as far as that shows."""
    by = by_way_of(proxy)
    status = answer.status
    if status in (502, 503, 504):
        message = f'answers {status}{by}: what is in front of the registry is there, '
        message += 'and the registry behind it is not'
        return told('error', place, message)
    if status >= 500:
        message = f'answers {status}{by}: it fails, and its log says why'
        return told('error', place, message)
    what = what_it_is(answer)
    message = f'is not a registry: it answers {status} at /v2/{by}'
    if what:
        message += f', and is {what}'
    return told('not-registry', place, message)


def asks_first(place: Mirror) -> Finding:
    """Something in front of it has a login, and what is behind does not show."""
    message = 'asks for a login (basic) before it tells whether it is a registry'
    return told('login', place, message, f'docker login {quoted(place.endpoint)}')


def debug_port(place: Mirror) -> Finding:
    message = 'is the debug port of a registry, and not where it serves images: that '
    return told('not-registry', place, f'{message}is http.addr in its config')


def below_path(place: Mirror, path: str) -> Finding:
    message = f'is a registry below {path} alone, and no image can be named by a path: '
    return told('path', place, f'{message}it needs a port or a name of its own')


def redirects(place: Mirror, target: str) -> Finding:
    message = f'redirects to {target or "another path"}, and a push ends there'
    return told('redirects', place, message, target, severity='warning')


def asks_for_login(place: Mirror, auth: str, server: str) -> Finding:
    by = f', tokens come from {server}' if server else ''
    message = f'asks for a login ({auth}){by}: as a mirror no engine can use it'
    return told('login', place, message, severity='info')


def token_at_basic(place: Mirror) -> Finding:
    """An engine sends no login there at all (distribution client/auth/session.go)."""
    message = 'takes passwords alone (basic), and the login for it is an identity token'
    return told('login', place, message, f'docker login {quoted(place.endpoint)}')


def login_failed(place: Mirror, status: int) -> Finding:
    """Tell what becomes of a login.

    An htpasswd file that is a folder, as Debian 12 configures it, ends in a 400
    without a body (docker-registry 2.8.2+ds1-1, observed).
    """
    message = f'does not take this login ({status})'
    if status == 400:
        message = 'fails at any login (400): its auth.htpasswd.path may be a folder'
    return told('login', place, message, f'docker login {quoted(place.endpoint)}')
