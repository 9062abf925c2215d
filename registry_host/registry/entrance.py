"""Whether a registry takes a login, and what it lets this login do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.host.dialing import basic
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.registry.challenges import challenge_of
from registry_host.registry.roles import NEEDS_LOGIN, Judged, judged, put, unknown
from registry_host.registry.serverfaults import (
    asks_for_login,
    failed,
    login_failed,
    token_at_basic,
)
from registry_host.registry.tokens import ask_token
from registry_host.registry.ways import place_of_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.registry.challenges import Challenge
    from registry_host.registry.tokens import Login, Token
    from registry_host.registry.ways import Way
    from registry_host.settings.mirrors import Mirror


_UNANSWERED = 'it gives no token for a push'


class Server(NamedTuple):
    """A registry, what it asks for at /v2/, and the login that there is for it."""

    host: Host
    way: Way
    place: Mirror
    challenge: Challenge | None
    login: Login | None

    def __repr__(self) -> str:
        return f'Server({self.place})'

    def token(self, challenge: Challenge, scope: str = '') -> Token:
        return ask_token(
            self.host,
            self.way,
            challenge,
            origin=self.place,
            scope=scope,
            credentials=self.login,
        )


def auth_findings(server: Server) -> Iterator[Finding]:
    """Tell what it asks for, whether that can be had, and what becomes of the login."""
    challenge = server.challenge
    if challenge is None:
        return
    realm = place_of_url(challenge.realm)
    yield asks_for_login(server.place, challenge.auth, str(realm) if realm else '')
    authorization = ''
    if challenge.auth == 'bearer':
        token = server.token(challenge)
        # One that hands out no token to strangers is well.
        is_strange = server.login is None and token.status in (400, 401, 403)
        if token.problem is not None and not is_strange:
            yield Finding.of(token.problem, 'error')
            return
        authorization = f'Bearer {token.text}'
    elif server.login is not None:
        if server.login.is_identity_token:
            yield token_at_basic(server.place)
            return
        authorization = basic(server.login.username, server.login.secret)
    if server.login is not None:
        yield from _enter(server, authorization)


def untrusted(server: Server) -> tuple[Finding, ...]:
    """No secret goes where anyone may listen, and so no answer comes back."""
    return unknown(server.place, 'its certificate is not trusted').findings


def _enter(server: Server, authorization: str) -> Iterator[Finding]:
    request = server.way.request(f'{server.place}/v2/', authorization=authorization)
    try:
        status = server.host.http_get(request).status
    except ConnectionFailed as failure:
        yield failed(server.place, failure, request.proxy)
        return
    if status != 200:
        yield login_failed(server.place, status)


def role_of(server: Server, name: str) -> Judged:
    """Put the one manifest that is refused, with the login if one is asked for."""
    challenge = server.challenge
    if challenge is not None and server.login is None:
        return unknown(server.place, NEEDS_LOGIN)
    authorization = _authorization(server, challenge, name) if challenge else ''
    if authorization is None:
        is_basic = challenge is not None and challenge.auth == 'basic'
        why = 'it takes no identity token' if is_basic else _UNANSWERED
        return unknown(server.place, why)
    answer = put(server.host, server.way, server.place, name, authorization)
    if isinstance(answer, ConnectionFailed):
        return unknown(server.place, answer.detail)
    # One that is open to pulls may ask first here.
    asked = challenge_of(answer.headers) if answer.status == 401 else None
    if asked is not None and challenge is None and server.login is not None:
        return role_of(server._replace(challenge=asked), name)
    return judged(server.place, answer, has_login=bool(authorization))


def _authorization(server: Server, challenge: Challenge, name: str) -> str | None:
    if challenge.auth == 'basic':
        login = server.login
        is_password = login is not None and not login.is_identity_token
        return basic(login.username, login.secret) if login and is_password else None
    token = server.token(challenge, f'repository:{name}:pull,push')
    return f'Bearer {token.text}' if token.problem is None else None
