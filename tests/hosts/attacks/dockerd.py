"""A user's process by the name of dockerd that runs as root; runs on a host.

It is su(1) by another name, waiting for a password: the options after its own ones are
what dockerd would be given. What answers at `--host` is the user's too.
"""

from __future__ import annotations

import json
import os
import pty
import socket
import sys
import time

HOME = os.path.expanduser('~')
INFO = {
    # Too old for its file to be validated by the program itself.
    'ServerVersion': '20.10.0',
    'RegistryConfig': {
        'Mirrors': ['http://registry.lab:5000/'],
        'IndexConfigs': {},
        'InsecureRegistryCIDRs': ['127.0.0.0/8'],
    },
}


def serve(path: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print('listening', flush=True)
    while True:
        connection, _ = listener.accept()
        target = connection.recv(4096).split()[1]
        connection.sendall(b'HTTP/1.0 200 OK\r\n\r\n')
        if target.startswith(b'/events'):
            time.sleep(0.5)
            connection.sendall(b'{}\n')
        else:
            body = b'OK' if target == b'/_ping' else json.dumps(INFO).encode()
            connection.sendall(body)
        connection.close()


def main() -> None:
    (config,) = sys.argv[1:]
    path = f'{HOME}/engine.sock'
    os.symlink('/usr/bin/su', f'{HOME}/dockerd')
    pid, _ = pty.fork()
    if pid == 0:
        # Each of these options has a value to su, and is one itself to dockerd.
        options = ['-c', f'--config-file={config}', '-w', f'--host=unix://{path}']
        os.execv(f'{HOME}/dockerd', ['dockerd', *options, 'root'])
    serve(path)


main()
