"""Which way a request goes: directly, by a proxy, or by a tunnel through one."""

from __future__ import annotations

import http.client
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from registry_host.host.tls import context_of

if TYPE_CHECKING:
    from registry_host.host.wire import Request


def connection_of(request: Request) -> http.client.HTTPConnection:
    """Return a connection that is yet to be made."""
    url = urlsplit(request.url)
    if request.proxy is None:
        return _connection(request, url.scheme, url.hostname or '', url.port)
    proxy = urlsplit(request.proxy)
    connection = _connection(request, url.scheme, proxy.hostname or '', proxy.port)
    if url.scheme == 'https':
        credentials = _credentials(proxy.username, proxy.password)
        connection.set_tunnel(url.hostname or '', url.port, headers=credentials)
    return connection


def asked_of(request: Request) -> tuple[str, dict[str, str]]:
    """Return what a connection is asked for, and the headers to ask with."""
    url = urlsplit(request.url)
    path = (url.path or '/') + (f'?{url.query}' if url.query else '')
    headers = {'User-Agent': 'registry-host', 'Accept': request.accept}
    if request.authorization:
        headers['Authorization'] = request.authorization
    if request.content_type:
        headers['Content-Type'] = request.content_type
    if request.proxy is None or url.scheme == 'https':
        return path, headers
    proxy = urlsplit(request.proxy)
    credentials = _credentials(proxy.username, proxy.password)
    return f'{url.scheme}://{url.netloc}{path}', {**headers, **credentials}


def _connection(
    request: Request, scheme: str, host: str, port: int | None
) -> http.client.HTTPConnection:
    if scheme != 'https':
        return http.client.HTTPConnection(host, port, timeout=request.timeout_s)
    context = context_of(request)
    return http.client.HTTPSConnection(
        host, port, timeout=request.timeout_s, context=context
    )


def _credentials(username: str | None, password: str | None) -> dict[str, str]:
    if username is None:
        return {}
    value = basic(unquote(username), unquote(password or ''))
    return {'Proxy-Authorization': value}


def basic(username: str, password: str) -> str:
    """Write the value of a header that logs in (RFC 7617)."""
    return f'Basic {b64encode(f"{username}:{password}".encode()).decode()}'


def form(**values: str) -> str:
    """Write what is not empty as application/x-www-form-urlencoded."""
    return urlencode({name: value for name, value in values.items() if value})


def with_query(url: str, **values: str) -> str:
    """Add to the query of a URL what is not empty."""
    query = form(**values)
    if not query:
        return url
    return f'{url}{"&" if "?" in url else "?"}{query}'
