"""Which way a request goes: directly, by a proxy, or by a tunnel through one."""

from __future__ import annotations

import http.client
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from registry_host.host.tls import context_of

if TYPE_CHECKING:
    from registry_host.host.wire import Request


def connection_of(
    request: Request,
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """Return a connection, what to ask it for, and the headers to ask with."""
    url = urlsplit(request.url)
    path = (url.path or '/') + (f'?{url.query}' if url.query else '')
    headers = {'User-Agent': 'registry-host', 'Accept': request.accept}
    if request.authorization:
        headers['Authorization'] = request.authorization
    if request.content_type:
        headers['Content-Type'] = request.content_type
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
