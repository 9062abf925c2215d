"""Servers on loopback: the real registry, and small ones that misbehave."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from services import registry_config

from registry_host.engine.clientlogins import StoredLogin

LOGIN = StoredLogin('lab', 'correct-horse')
# bcrypt, the only kind that the registry takes.
HTPASSWD = 'lab:$2y$05$abcdefghijklmnopqrstuuZ0Fx87Pb/Aqb0E90lfvCwzXnaFKUHpS\n'
API = ('Docker-Distribution-Api-Version', 'registry/2.0')
READ_ONLY = {'REGISTRY_STORAGE_MAINTENANCE_READONLY': '{"enabled":true}'}

# (status, headers, body)
Reply = tuple[int, list[tuple[str, str]], bytes]


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def registry(
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    **config: Any,
) -> Iterator[str]:
    """Run docker-registry with its storage in `folder`; yield HOST:PORT."""
    endpoint = f'127.0.0.1:{free_port()}'
    file = folder.with_suffix('.json')
    if 'has_login' in config:
        config.pop('has_login')
        config['htpasswd'] = folder.with_suffix('.htpasswd')
        config['htpasswd'].write_text(HTPASSWD)
    file.write_text(registry_config(folder, endpoint, **config))
    log = folder.with_suffix('.log')
    with log.open('wb') as output:
        process = subprocess.Popen(
            ['docker-registry', 'serve', str(file)],
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    try:
        wait_until_open(endpoint, process)
        yield endpoint
    finally:
        process.terminate()
        process.wait(10)


def wait_until_open(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = endpoint.rpartition(':')
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
            return
        assert process.poll() is None, 'the registry ended'
        assert time.monotonic() < deadline, 'the registry does not listen'
        time.sleep(0.02)


class WebServer:
    """A web server of one test: where it is, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.endpoint = f'127.0.0.1:{port}'
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []


@contextlib.contextmanager
def web_server(
    answer: Callable[[str, str, dict[str, str]], Reply],
    *,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[WebServer]:
    """Answer (method, path, headers) each time anew; headers by lower-case names."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            # A client that only shakes hands, or ends early, is none of its business.
            with contextlib.suppress(OSError):
                super().handle_one_request()

        def _reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.bodies.append(self.rfile.read(int(headers.get('content-length', 0))))
            seen.asked.append((self.command, self.path, headers))
            status, pairs, body = answer(self.command, self.path, headers)
            self.send_response_only(status)
            for name, value in (*pairs, ('Content-Length', str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_CONNECT = _reply

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        # Handshakes belong into the threads: one that hangs must not hold the others.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    seen = WebServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def name_server(names: dict[str, str]) -> Iterator[int]:
    """Answer for the addresses of some names, NXDOMAIN for others; yield its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 0))
    server.settimeout(0.05)
    is_ended = threading.Event()

    def serve() -> None:
        while not is_ended.is_set():
            with contextlib.suppress(TimeoutError):
                query, client = server.recvfrom(4096)
                server.sendto(_named(query, names), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        is_ended.set()
        thread.join()
        server.close()


def _named(query: bytes, names: dict[str, str]) -> bytes:
    asked = dns.message.from_wire(query)
    question = asked.question[0]
    reply = dns.message.make_response(asked)
    address = names.get(question.name.to_text(omit_final_dot=True))
    if address is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(question.name, 60, 'IN', 'A', address))
    return reply.to_wire()


@contextlib.contextmanager
def tokens(folder: Path) -> Iterator[dict[str, str]]:
    """Run a token server that knows LOGIN; yield what has a registry use it.

    Strangers get no token. Source: distribution docs/spec/auth/jwt.md (2.8).
    """
    key, certificate = folder / 'token.key', folder / 'token.crt'
    subprocess.run(
        [
            *'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=tokens'.split(),
            *('-keyout', str(key), '-out', str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    known = 'Basic ' + base64.b64encode(':'.join(LOGIN[:2]).encode()).decode()

    def answer(method: str, path: str, headers: dict[str, str]) -> Reply:
        if headers.get('authorization') != known:
            return 401, [], b''
        scopes = parse_qs(urlsplit(path).query).get('scope', [])
        token = {'token': _signed(_claims(scopes), key, certificate)}
        return 200, [('Content-Type', 'application/json')], json.dumps(token).encode()

    with web_server(answer) as server:
        yield {
            'REGISTRY_AUTH': 'token',
            'REGISTRY_AUTH_TOKEN_REALM': f'http://{server.endpoint}/token',
            'REGISTRY_AUTH_TOKEN_SERVICE': 'images',
            'REGISTRY_AUTH_TOKEN_ISSUER': 'tokens',
            'REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE': str(certificate),
        }


def _claims(scopes: list[str]) -> dict[str, Any]:
    now = int(time.time())
    access = []
    for kind, name, actions in (scope.split(':') for scope in scopes):
        access.append({'type': kind, 'name': name, 'actions': actions.split(',')})
    return {
        'iss': 'tokens',
        'aud': 'images',
        'sub': LOGIN[0],
        'jti': str(now),
        'nbf': now - 60,
        'iat': now,
        'exp': now + 300,
        'access': access,
    }


def _signed(claims: dict[str, Any], key: Path, certificate: Path) -> str:
    chain = ''.join(certificate.read_text().splitlines()[1:-1])
    header = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [chain]}
    text = b'.'.join(_packed(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(
        ['openssl', 'dgst', '-sha256', '-sign', str(key)],
        input=text,
        check=True,
        capture_output=True,
    ).stdout
    return b'.'.join((text, _packed(signature))).decode()


def _packed(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b'=')
