"""A front of a registry that behaves badly on demand: run by the lab.

    front.py ADDRESS PORT UPSTREAM-PORT MODE

limited    429 for the first two manifests, Retry-After: 1
exhausted  429 for every manifest, Retry-After: 18000
token      demands tokens, which it gives for one repository and lets expire after 2 s
cut        ends the connection in the middle of the first two large blobs
slow       sends the second half of each large blob after some seconds
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADDRESS, PORT, UPSTREAM, MODE = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
HERE = f'{ADDRESS}:{PORT}'
LOGIN = base64.b64encode(b'lab:Tr4in-spotting').decode()
LARGE = 100_000
TOKEN_S = 2.0
SLOW_S = 2.0

lock = threading.Lock()
counts = {'manifests': 0, 'blobs': 0}
tokens: dict[str, tuple[float, str]] = {}


class Front(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == '/token':
            self._give_token()
        elif MODE == 'token' and not self._has_token(path):
            self._demand_token(path)
        elif MODE in ('limited', 'exhausted') and '/manifests/' in path:
            self._limit()
        else:
            self._forward()

    do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, text: str, *values: object) -> None:
        """Log as docker-registry does, on standard error."""
        status = values[1] if len(values) > 1 else 0
        print(
            f'{self.client_address[0]} - - [now] "{self.requestline}" {status} 0',
            file=sys.stderr,
            flush=True,
        )

    def _limit(self) -> None:
        with lock:
            counts['manifests'] += 1
            number = counts['manifests']
        if MODE == 'limited' and number > 2:
            self._forward()
            return
        wait = '1' if MODE == 'limited' else '18000'
        body = {'errors': [{'code': 'TOOMANYREQUESTS', 'message': 'too many'}]}
        self._answer(429, body, {'Retry-After': wait})

    # Tokens

    def _give_token(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        scope = query.get('scope', [''])[0]
        is_known = self.headers.get('Authorization') == f'Basic {LOGIN}'
        if self.headers.get('Authorization') and not is_known:
            self._answer(401, {'errors': [{'code': 'UNAUTHORIZED'}]}, {})
            return
        token = secrets.token_hex(16)
        repository = scope.split(':')[1] if scope.count(':') >= 2 and is_known else ''
        with lock:
            tokens[token] = (time.monotonic() + TOKEN_S, repository)
        self._answer(200, {'token': token, 'expires_in': 60}, {})

    def _has_token(self, path: str) -> bool:
        token = self.headers.get('Authorization', '').removeprefix('Bearer ')
        until, repository = tokens.get(token, (0.0, ''))
        is_fresh = time.monotonic() < until
        is_root = path == '/v2/'
        return is_fresh and (is_root or path.startswith(f'/v2/{repository}/'))

    def _demand_token(self, path: str) -> None:
        challenge = f'Bearer realm="http://{HERE}/token",service="lab"'
        parts = path.split('/')
        if len(parts) > 4:
            name = '/'.join(parts[2:-2])
            challenge += f',scope="repository:{name}:pull"'
        body = {'errors': [{'code': 'UNAUTHORIZED', 'message': 'log in'}]}
        self._answer(401, body, {'WWW-Authenticate': challenge})

    # Answers

    def _answer(self, status: int, body: object, headers: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Docker-Distribution-Api-Version', 'registry/2.0')
        self.send_header('Content-Length', str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def _forward(self) -> None:
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length) if length else None
        dropped = ('host', 'authorization', 'content-length', 'connection')
        request = urllib.request.Request(
            f'http://{ADDRESS}:{UPSTREAM}{self.path}',
            data=body,
            method=self.command,
            headers={
                name: ', '.join(self.headers.get_all(name) or ())
                for name in self.headers
                if name.lower() not in dropped
            },
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                self._pass_on(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as err:
            self._pass_on(err.code, err.headers, err.read())

    def _pass_on(self, status: int, headers: object, content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():  # type: ignore[attr-defined]
            if name.lower() not in ('connection', 'transfer-encoding'):
                self.send_header(name, value)
        self.end_headers()
        if self.command == 'HEAD':
            return
        is_large = '/blobs/' in self.path and len(content) > LARGE
        with lock:
            counts['blobs'] += is_large
            is_cut = MODE == 'cut' and counts['blobs'] <= 2
        is_halved = is_large and (is_cut or MODE == 'slow')
        half = len(content) // 2 if is_halved else 0
        if half:
            self.wfile.write(content[:half])
            self.wfile.flush()
        if half and is_cut:
            self.close_connection = True
            self.connection.close()
            return
        if half:
            time.sleep(SLOW_S)
        self.wfile.write(content[half:])


if __name__ == '__main__':
    ThreadingHTTPServer((ADDRESS, PORT), Front).serve_forever()
