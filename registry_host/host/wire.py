"""HTTP as the engine would speak it to a registry. Used by host.py alone."""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit

from registry_host.errors import place_of
from registry_host.host.dialing import asked_of, connection_of
from registry_host.host.keepalive import reply_until
from registry_host.host.tls import certificate_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.host.keepalive import KeepAlive
    from registry_host.host.tls import Certificate

BODY_LIMIT_BYTES = 64 * 1024
REDIRECTS_LIMIT = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {'http': http.client.HTTP_PORT, 'https': http.client.HTTPS_PORT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET, HEAD, PUT or POST. `proxy` is the URL of the proxy to go through.

    That has its credentials. `timeout_s` is for connecting, and again for the whole
    reply, however it drips in.

    `authorities` are the PEM files that are trusted, and no others are; `is_verified`
    False takes any certificate. No variable of the environment has a say: what counts
    is which way the engine would go, not which way this process would.

    `pinned` is the one certificate (DER) that is taken, whatever its name, date and
    issuer. `identity` has the certificate that is shown to a server which asks for one,
    and the file of its key. `authorization` has a secret, and goes to the origin of
    `url` alone; `is_followed` False returns a redirect as it is. `keep_alive` has open
    connections, of which one is taken if it leads there, and which gets it back.
    """

    url: str
    timeout_s: float
    is_verified: bool = True
    authorities: tuple[str, ...] = ()
    proxy: str | None = None
    method: Literal['GET', 'HEAD', 'PUT', 'POST'] = 'GET'
    accept: str = '*/*'
    pinned: bytes = b''
    authorization: str = field(default='', repr=False)
    is_followed: bool = True
    content_type: str = ''
    body: bytes | None = field(default=None, repr=False)
    limit_bytes: int = BODY_LIMIT_BYTES
    identity: tuple[str, str] | None = None
    keep_alive: KeepAlive | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply: lower-case header names, `limit_bytes` of its request at most.

    The values of a header that comes more than once are joined by commas (RFC 9110).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class ConnectionFailed(Exception):
    """There was no reply. `reason` is one of the words of `_REASONS` and below.

    `is_of_proxy`: it is the proxy that could not be reached, or that refused.
    """

    def __init__(self, reason: str, detail: str, *, is_of_proxy: bool = False) -> None:
        super().__init__(f'{reason}: {detail}')
        self.reason = reason
        self.detail = detail
        self.is_of_proxy = is_of_proxy


class ProxyError(Exception):
    """What went wrong between here and the proxy."""


_REASONS = {
    errno.ECONNREFUSED: 'refused',
    errno.ECONNRESET: 'closed',
    errno.EPIPE: 'closed',
    errno.ETIMEDOUT: 'timeout',
    errno.ENETUNREACH: 'unreachable',
    errno.EHOSTUNREACH: 'unreachable',
}


def get(request: Request) -> Answer:
    """Send `request`, follow redirects, and return the last reply.

    Raises ConnectionFailed, and nothing else, whatever the other side sends.
    """
    for _ in range(REDIRECTS_LIMIT + 1):
        answer = send_once(request)
        location = answer.headers.get('location')
        if answer.status not in REDIRECTS or not location or not request.is_followed:
            return answer
        try:
            target = urljoin(request.url, location)
            is_http = origin_of(target)[0] in _PORTS
        except ValueError:
            raise ConnectionFailed(
                'redirects', 'it redirects to something that is not an address'
            ) from None
        if not is_http:
            return answer
        is_same = origin_of(target) == origin_of(request.url)
        authorization = request.authorization if is_same else ''
        request = replace(request, url=target, authorization=authorization)
    raise ConnectionFailed('redirects', f'more than {REDIRECTS_LIMIT} redirects')


def origin_of(url: str) -> tuple[str, str, int | None]:
    """The origin that may get a secret for a URL (RFC 6454); ValueError for no URL."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    return parts.scheme, (parts.hostname or '').lower(), port


def look_at_certificate(request: Request) -> Certificate | None:
    """Read what certificate is shown at a URL, whatever it is worth; None for none.

    The module ssl decodes only what it has verified: so it is asked twice, and takes
    the second time the one certificate of the first.
    """
    try:
        found = _shown(replace(request, is_verified=False), is_binary=True)
        if not found:
            return None
        pinned = replace(request, pinned=found, is_verified=True)
        return certificate_of(_shown(pinned, is_binary=False))
    except Exception:  # noqa: BLE001 - whatever a stranger's bytes bring about
        return None


def _shown(request: Request, *, is_binary: bool) -> Any:
    """Shake hands, and no more; return what SSLSocket.getpeercert() does."""
    with contextlib.closing(connection_of(request)) as connection:
        connection.connect()
        end: Any = connection.sock
        return end.getpeercert(is_binary)


def send_once(request: Request) -> Answer:
    """Send `request`, and return what comes, be it a redirect.

    Raises ConnectionFailed, as get() does.
    """
    try:
        kept = _kept(request)
        if kept is not None:
            # The other side may close an idle connection at any time.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                return _exchange(request, kept)
        connection = connection_of(request)
        if request.proxy is not None:
            connection._create_connection = _to_proxy  # type: ignore[attr-defined]
        return _exchange(request, connection)
    except ProxyError as err:
        cause = err.__cause__
        found = _failure(request, cause if isinstance(cause, Exception) else err)
        raise ConnectionFailed(found.reason, found.detail, is_of_proxy=True) from None
    except Exception as err:  # noqa: BLE001 - see _failure
        if refused := _TUNNEL.fullmatch(str(err)):
            raise ConnectionFailed(
                'proxy', f'it answers {refused[1]}', is_of_proxy=True
            ) from None
        raise _failure(request, err) from None


def _kept(request: Request) -> http.client.HTTPConnection | None:
    # What may have had an effect is not sent a second time (RFC 9110, 9.2.2).
    is_safe = request.method in ('GET', 'HEAD')
    return request.keep_alive.take(request) if request.keep_alive and is_safe else None


def _exchange(request: Request, connection: http.client.HTTPConnection) -> Answer:
    """Send a request over a connection, which is closed or kept afterwards."""
    is_kept = False
    path, headers = asked_of(request)
    try:
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(request.timeout_s)
        deadline = time.monotonic() + request.timeout_s
        connection.response_class = reply_until(deadline)
        connection.request(request.method, path, request.body, headers)
        with connection.getresponse() as reply:
            body = reply.read(request.limit_bytes)
            is_whole = reply.isclosed() and not reply.will_close
        if request.keep_alive is not None and is_whole:
            request.keep_alive.keep(request, connection)
            is_kept = True
    finally:
        if not is_kept:
            connection.close()
    return Answer(
        status=reply.status,
        headers=_joined(reply.getheaders()),
        body=body,
        url=request.url,
    )


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return {name: ', '.join(values) for name, values in found.items()}


# http.client.HTTPConnection._tunnel (Python 3.10 to 3.14).
_TUNNEL = re.compile(r'Tunnel connection failed: (.*)', re.DOTALL)


def _to_proxy(*arguments: Any, **options: Any) -> socket.socket:
    """Connect as http.client does, and tell apart what fails here from what is behind.

    It takes the function from an attribute of the connection (Python 3.10 to 3.14).
    """
    try:
        return socket.create_connection(*arguments, **options)
    except Exception as err:
        raise ProxyError from err


def _failure(request: Request, failure: Exception) -> ConnectionFailed:
    """Say why there was no reply; a parser may raise anything at what it is sent."""
    try:
        raise failure
    except ssl.SSLCertVerificationError as err:
        return ConnectionFailed('tls-untrusted', err.verify_message)
    except ssl.SSLEOFError:
        # What speaks no TLS, and has nothing to say of it, as Envoy.
        return ConnectionFailed('closed', 'it closes the connection')
    except ssl.SSLError as err:
        is_plain = err.reason in ('WRONG_VERSION_NUMBER', 'HTTP_REQUEST')
        reason = 'not-tls' if is_plain else 'tls'
        return ConnectionFailed(reason, (err.reason or 'TLS error').lower())
    except socket.gaierror as err:
        return ConnectionFailed('resolve', err.strerror or 'no such name')
    except TimeoutError:
        detail = f'no answer within {request.timeout_s:g} s'
        return ConnectionFailed('timeout', detail)
    except http.client.BadStatusLine as err:
        return ConnectionFailed('not-http', _spoken(err))
    except http.client.HTTPException as err:
        return ConnectionFailed('not-http', type(err).__name__)
    except OSError as err:
        reason = _REASONS.get(err.errno or 0, 'unreachable')
        return ConnectionFailed(reason, err.strerror or type(err).__name__)
    except Exception as err:  # noqa: BLE001 - whatever a stranger's bytes bring about
        return ConnectionFailed('not-http', place_of(err))


# How servers of other protocols greet; nothing of what they say is quoted.
_GREETINGS = {'SSH-': 'SSH', '220': 'SMTP or FTP', '-ERR': 'Redis', '+OK': 'POP3'}


def _spoken(err: http.client.BadStatusLine) -> str:
    said = str(err).lstrip('\'"')
    for greeting, protocol in _GREETINGS.items():
        if said.startswith(greeting):
            return f'it speaks {protocol}'
    return type(err).__name__
