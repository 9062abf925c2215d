"""HTTP as the engine would speak it to a registry. Used by host.py alone."""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urljoin, urlsplit

from registry_host.errors import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BODY_LIMIT_BYTES = 64 * 1024
REDIRECTS_LIMIT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET, or HEAD. `proxy` is the URL of the proxy to go through.

    That has its credentials. `timeout_s` is for connecting, and again for the whole
    reply, however it drips in.

    `authorities` are the PEM files that are trusted, and no others are; `is_verified`
    False takes any certificate. No variable of the environment has a say: what counts
    is which way the engine would go, not which way this process would.
    """

    url: str
    timeout_s: float
    is_verified: bool = True
    authorities: tuple[str, ...] = ()
    proxy: str | None = None
    method: Literal['GET', 'HEAD'] = 'GET'
    accept: str = '*/*'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply: lower-case header names, BODY_LIMIT_BYTES of body at most."""

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
        answer = _get_once(request)
        location = answer.headers.get('location')
        if answer.status not in (301, 302, 303, 307, 308) or not location:
            return answer
        try:
            target = urljoin(request.url, location)
            is_http = urlsplit(target).scheme in ('http', 'https')
        except ValueError:
            raise ConnectionFailed(
                'redirects', 'it redirects to what is no address'
            ) from None
        if not is_http:
            return answer
        request = replace(request, url=target)
    raise ConnectionFailed('redirects', f'more than {REDIRECTS_LIMIT} redirects')


def _get_once(request: Request) -> Answer:
    deadline = time.monotonic() + request.timeout_s
    try:
        connection, path, headers = _connection(request)
        if request.proxy is not None:
            connection._create_connection = _to_proxy  # type: ignore[attr-defined]
        with _connected(connection, request.timeout_s):
            connection.request(request.method, path, headers=headers)
            with connection.getresponse() as reply:
                body = reply.read(BODY_LIMIT_BYTES)
    except ProxyError as err:
        cause = err.__cause__
        found = _failure(request, cause if isinstance(cause, Exception) else err)
        raise ConnectionFailed(found.reason, found.detail, is_of_proxy=True) from None
    except Exception as err:  # noqa: BLE001 - see _failure
        if refused := _TUNNEL.fullmatch(str(err)):
            raise ConnectionFailed(
                'proxy', f'it answers {refused[1]}', is_of_proxy=True
            ) from None
        # What was cut off at the deadline looks like a reply that breaks off.
        is_late = time.monotonic() >= deadline
        raise _failure(request, TimeoutError() if is_late else err) from None
    return Answer(
        status=reply.status,
        headers={name.lower(): value for name, value in reply.getheaders()},
        body=body,
        url=request.url,
    )


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


@contextlib.contextmanager
def _connected(
    connection: http.client.HTTPConnection, timeout_s: float
) -> Iterator[None]:
    """Connect, and end the connection at the end, or once its time is up.

    The timeout of a socket is for each read, and a byte a second never meets it.
    """
    with contextlib.closing(connection):
        connection.connect()
        # A reply takes the socket over where it ends with the connection.
        end = connection.sock

        def shut_down() -> None:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(timeout_s, shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _failure(request: Request, failure: Exception) -> ConnectionFailed:
    """Say why there was no reply; a parser may raise anything at what it is sent."""
    try:
        raise failure
    except ssl.SSLCertVerificationError as err:
        return ConnectionFailed('tls-untrusted', err.verify_message)
    except ssl.SSLError as err:
        is_plain = err.reason in ('WRONG_VERSION_NUMBER', 'HTTP_REQUEST')
        reason = 'not-tls' if is_plain else 'tls'
        return ConnectionFailed(reason, (err.reason or 'TLS error').lower())
    except socket.gaierror as err:
        return ConnectionFailed('resolve', err.strerror or 'no such name')
    except TimeoutError:
        detail = f'no answer within {request.timeout_s:g} s'
        return ConnectionFailed('timeout', detail)
    except http.client.HTTPException as err:
        return ConnectionFailed('not-http', type(err).__name__)
    except OSError as err:
        reason = _REASONS.get(err.errno or 0, 'unreachable')
        return ConnectionFailed(reason, err.strerror or type(err).__name__)
    except Exception as err:  # noqa: BLE001 - whatever a stranger's bytes bring about
        return ConnectionFailed('not-http', place_of(err))


def _connection(
    request: Request,
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """Return a connection, what to ask it for, and the headers to ask with."""
    url = urlsplit(request.url)
    path = url.path or '/'
    headers = {'User-Agent': 'registry-host', 'Accept': request.accept}
    host, port = url.hostname or '', url.port
    if request.proxy is None:
        if url.scheme == 'https':
            return _tls_connection(request, host, port), path, headers
        plain = http.client.HTTPConnection(host, port, timeout=request.timeout_s)
        return plain, path, headers
    proxy = urlsplit(request.proxy)
    credentials = _credentials(proxy.username, proxy.password)
    if url.scheme == 'https':
        tunnel = _tls_connection(request, proxy.hostname or '', proxy.port)
        tunnel.set_tunnel(host, port, headers=credentials)
        return tunnel, path, headers
    plain = http.client.HTTPConnection(
        proxy.hostname or '', proxy.port, timeout=request.timeout_s
    )
    return plain, f'{url.scheme}://{url.netloc}{path}', {**headers, **credentials}


def _tls_connection(
    request: Request, host: str, port: int | None
) -> http.client.HTTPSConnection:
    # Not create_default_context(), which goes by variables of the environment.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python 3.13 asks more of a CA's certificate than Go, and so the engine, does.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    for file in request.authorities if request.is_verified else ():
        with contextlib.suppress(OSError):  # As Go: what is no certificate is left out.
            context.load_verify_locations(file)
    if not request.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(
        host, port, timeout=request.timeout_s, context=context
    )


def _credentials(username: str | None, password: str | None) -> dict[str, str]:
    if username is None:
        return {}
    pair = f'{unquote(username)}:{unquote(password or "")}'.encode()
    return {'Proxy-Authorization': f'Basic {b64encode(pair).decode()}'}
