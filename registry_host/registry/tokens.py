"""A token server asked, with a login or without, as an engine and a cache do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_host.engine.clientlogins import StoredLogin
from registry_host.errors import Problem, quoted
from registry_host.host.dialing import basic, form, with_query
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.registry.faults import by_name
from registry_host.registry.patience import LASTING, PASSING, retry_after
from registry_host.registry.serverfaults import by_way_of
from registry_host.registry.ways import place_of_url

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.wire import Answer, Request
    from registry_host.registry.challenges import Challenge
    from registry_host.registry.ways import Way
    from registry_host.settings.mirrors import Mirror

# Be it one that docker has stored, or that of a config.
Login = StoredLogin
# The client_id, which a token server may log (distribution oauth2 2.8).
_CLIENT = 'registry-host'


class Token(NamedTuple):
    """What a token server said: a secret, or a `problem`, and its status if any.

    `is_passing`: asked later, it may give one; `wait_s` is the time that it asks for.
    """

    text: str = ''
    status: int | None = None
    problem: Problem | None = None
    is_passing: bool = False
    wait_s: float | None = None

    def __repr__(self) -> str:
        return f'Token(status={self.status}, problem={self.problem!r})'


def ask_token(
    host: Host,
    way: Way,
    challenge: Challenge,
    *,
    origin: Mirror,
    scope: str = '',
    credentials: Login | None = None,
) -> Token:
    """Ask the realm of a challenge for a token; `origin` is the registry that names it.

    A login is not sent in the clear where the registry itself speaks TLS. An identity
    token goes in the body of a POST, which is not redirected, nor tried another way:
    distribution registry/client/auth/session.go fetchToken (2.8).
    """
    where = origin.url
    server = place_of_url(challenge.realm)
    if server is None:
        shown = redact_input(challenge.realm)[:200]
        message = (
            f'names {shown!r} as its token server, which is not a URL{_OF_THE_SERVER}'
        )
        return _no_token('server-realm', where, message, '')
    if server.scheme == 'http' and origin.scheme == 'https':
        message = f'names a token server by plain HTTP ({server}): passwords go there'
        return _no_token('server-realm', where, f'{message}{_OF_THE_SERVER}', '')
    if server.is_loopback and not origin.is_loopback:
        message = f'names {server} as its token server: each client looks on itself'
        return _no_token('server-realm', where, f'{message}{_OF_THE_SERVER}', '')
    request = _request(way, challenge, scope, credentials)
    try:
        is_post = request.method == 'POST'
        answer = host.http_post(request) if is_post else host.http_get(request)
    except ConnectionFailed as failure:
        by = by_way_of(request.proxy)
        message = f'its token server {server} cannot be reached ({failure.detail}{by})'
        hint = by_name(server.host)
        token = _no_token('server-realm', where, message, hint)
        return token._replace(is_passing=failure.reason not in LASTING)
    if is_post and (problem := _refusal(answer, origin, server)) is not None:
        return Token(status=answer.status, problem=problem)
    return _judge(answer, where, server, credentials)


def _request(
    way: Way, challenge: Challenge, scope: str, credentials: Login | None
) -> Request:
    service = challenge.service
    if credentials is not None and credentials.is_identity_token:
        body = form(
            grant_type='refresh_token',
            service=service,
            client_id=_CLIENT,
            scope=scope,
            refresh_token=credentials.secret,
        )
        return way.request(
            challenge.realm,
            method='POST',
            content_type='application/x-www-form-urlencoded',
            body=body.encode(),
        )
    url = with_query(challenge.realm, service=service, scope=scope)
    login = basic(credentials.username, credentials.secret) if credentials else ''
    return way.request(url, authorization=login)


_OF_THE_SERVER = ' (auth.token.realm in its config)'


def _refusal(answer: Answer, origin: Mirror, server: Mirror) -> Problem | None:
    """Say why there is no token for an identity token, which ends some day."""
    status = answer.status
    if status in (404, 405):
        message = f'its token server {server} takes no identity tokens ({status})'
    elif status in (400, 401, 403):
        message = f'its token server {server} does not take this identity token'
        message += f' ({status}): it may have expired'
    else:
        return None
    hint = f'docker login {quoted(origin.endpoint)}'
    return Problem('server-login', message, origin.url, hint)


def _judge(
    answer: Answer, where: str, server: Mirror, credentials: Login | None
) -> Token:
    status = answer.status
    if status in (400, 401, 403):
        message = f'its token server {server} does not take this login ({status})'
        if credentials is None:
            message = f'its token server {server} demands a login ({status})'
        problem = Problem('server-login', message, where)
        return Token(status=status, problem=problem)
    text = _token_in(answer.body) if status == 200 else ''
    if not text:
        message = f'its token server {server} answers {status}, and with no token'
        return _no_token('server-realm', where, message, '')._replace(
            status=status,
            is_passing=status in PASSING,
            wait_s=retry_after(answer),
        )
    return Token(text, status)


def _token_in(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ''
    if not isinstance(answer, dict):
        return ''
    text = answer.get('token') or answer.get('access_token')
    # It goes into a header: what cannot stand in one is no token.
    if isinstance(text, str) and text.isascii() and text.isprintable():
        return text
    return ''


def _no_token(code: str, where: str, message: str, hint: str) -> Token:
    return Token(problem=Problem(code, message, where, hint))
