"""A proxy of the lab: proxy.py ADDRESS PORT works|login|silent|refuses|...

It forwards plain HTTP and tunnels; `plain` refuses tunnels. `login` wants a password
that nobody has, `silent` takes what is sent and never answers, `refuses` answers 503
for everything. As mirrors, `redirects` answers with another place, `page` with a page
that asks for a login, and `demands` one for itself.
"""

from __future__ import annotations

import select
import socket
import sys
import threading
from base64 import b64decode
from urllib.parse import urlsplit

TIMEOUT_S = 60.0
ANSWERS = {
    'login': b'HTTP/1.1 407 Proxy Authentication Required\r\n'
    b'Proxy-Authenticate: Basic realm="lab"\r\nContent-Length: 0\r\n\r\n',
    'refuses': b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n',
}
PAGE = b'<html><form>login</form></html>'
ANSWERS['page'] = (
    b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n'
    % len(PAGE)
) + PAGE
ANSWERS['demands'] = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="lab"\r\n'
    b'Docker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 0\r\n\r\n'
)
ANSWERS['plain'] = b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'
ANSWERS['redirects'] = (
    b'HTTP/1.1 302 Found\r\nLocation: http://10.99.0.1:5000/v2/\r\n'
    b'Content-Length: 0\r\n\r\n'
)
UNREACHABLE = b'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'


def serve(address: str, port: int, mode: str) -> None:
    with socket.create_server((address, port), backlog=64) as server:
        while True:
            client, _ = server.accept()
            work = (client, mode, address)
            threading.Thread(target=answer, args=work, daemon=True).start()


def answer(client: socket.socket, mode: str, address: str) -> None:
    with client:
        client.settimeout(TIMEOUT_S)
        head = received_head(client)
        print(head.partition(b'\r\n')[0].decode('latin-1'), flush=True)
        for line in head.split(b'\r\n'):  # Of whom a mirror is sent the login.
            name, _, value = line.partition(b': Basic ')
            if name.lower() == b'authorization':
                user = b64decode(value).partition(b':')[0].decode()
                print(f'login of {user}', flush=True)
        if mode == 'silent':
            threading.Event().wait(TIMEOUT_S)
        elif mode == 'works' or (mode == 'plain' and not head.startswith(b'CONNECT')):
            forward(client, head, address)
        else:
            client.sendall(ANSWERS[mode])


def received_head(client: socket.socket) -> bytes:
    head = b''
    while b'\r\n\r\n' not in head:
        more = client.recv(65536)
        if not more:
            break
        head += more
    return head


def forward(client: socket.socket, head: bytes, address: str) -> None:
    """Names of the lab are all at one address, that of the proxy."""
    method, target, _ = head.split(b' ', 2)
    is_tunnel = method == b'CONNECT'
    url = urlsplit(f'//{target.decode()}' if is_tunnel else target.decode())
    name = url.hostname or ''
    host = address if name.endswith('.lab') else name
    place = (host, url.port or (443 if is_tunnel else 80))
    try:
        server = socket.create_connection(place, timeout=TIMEOUT_S)
    except OSError:
        client.sendall(UNREACHABLE)
        return
    with server:
        if is_tunnel:
            client.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
        else:
            path = (url.path or '/') + (f'?{url.query}' if url.query else '')
            # One request a connection, so that the next is looked at, too.
            plain = head.replace(target, path.encode(), 1)
            server.sendall(plain.replace(b'\r\n', b'\r\nConnection: close\r\n', 1))
        join(client, server)


def join(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either sends, until one of them ends."""
    while True:
        ready, _, _ = select.select([one, other], [], [], TIMEOUT_S)
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
        if not ready:
            return


if __name__ == '__main__':
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
