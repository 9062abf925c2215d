"""What scripts/try shows: each command as it is typed, and what it really answers."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
SUITE = 'trixie'
MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
DAEMON_JSON = """{
\t"log-driver": "json-file",
\t"log-opts": {"max-size": "10m", "max-file": "3"},
\t"registry-mirrors": [ "https://mirror.elsewhere.example" ]
}
"""
CONFIGURE = f'registry-host configure --mirror {MIRROR} --insecure-registry {PUSH}'

Runner = Callable[[str], 'subprocess.CompletedProcess[str]']


class Tour:
    """Runs commands one by one; one that ends unlike it should ends the tour."""

    def __init__(self, run: Runner) -> None:
        self._run = run

    def show(self, command: str, *, code: int = 0, note: str = '') -> str:
        if note:
            is_terminal = sys.stdout.isatty()
            print(f'\n\033[1m# {note}\033[0m' if is_terminal else f'\n# {note}')
        print(f'$ {command}', flush=True)
        done = self._run(command)
        print(done.stdout + done.stderr, end='', flush=True)
        if done.returncode != code:
            sys.exit(f'try: exit code {done.returncode} where {code} was due')
        if code:
            print(f'(exit code {code})')
        return done.stdout


def on_a_host() -> None:
    sys.path.insert(0, str(TREE / 'tests/hosts'))
    from lab import GATEWAY, opened
    from owners import SITE

    print('try: starting a network, registries, a name server and a host', flush=True)
    with opened() as lab:
        host = lab.host(SUITE)
        host.write('/etc/docker/daemon.json', DAEMON_JSON)
        host.restart_engine()
        host.start_container('bystander')
        tour = Tour(lambda command: host.run(command, check=False))
        tour.show('docker version --format "Docker {{.Server.Version}}"')
        tour.show('cat /etc/docker/daemon.json', note='the host as it is')
        refusals(tour)
        tour.show(
            f'registry-host configure --mirror {MIRROR}9',
            code=1,
            note='a mirror that does not answer is not written either',
        )
        tour.show(f'{CONFIGURE} --check --diff', code=3, note='a forecast')
        tour.show(CONFIGURE, note='the change, by reload, and the live proof')
        tour.show(CONFIGURE, note='again: nothing to do, nothing written')
        tour.show('docker ps --format "{{.Names}}: {{.Status}}"', note='nobody stopped')
        before = len(lab.cache.requests())
        tour.show('docker pull hello', note='a pull, through the mirror')
        print('# what the cache logged:')
        for request in lab.cache.requests()[before:]:
            print(
                f'  {request.client} {request.method} {request.path} {request.status}'
            )
        tour.show(
            f'docker tag hello {PUSH}/hello && docker push --quiet {PUSH}/hello',
            note='a push, to the instance beside it',
        )
        tour.show(
            'registry-host doctor',
            code=1,
            note='the doctor: one mirror, which somebody else had put there, is dead',
        )
        tour.show(
            'registry-host undo',
            code=1,
            note='the mirror is the only way to an image here: what would end pulls is '
            'rolled back',
        )
        tour.show(
            'registry-host undo --no-probe',
            note='taken back all the same, in the file and in the engine',
        )
        tour.show('cat /etc/docker/daemon.json')
        tour.show(
            f'{CONFIGURE} --confirm-within 2',
            note='on approval: it goes back by itself unless somebody confirms it',
        )
        tour.show('sleep 3; cat /etc/docker/daemon.json')
        host.write('/etc/resolv.conf', f'nameserver {SITE}\n')
        nameservers(tour, GATEWAY)
        tour.show('registry-host history', note='what was done here')
    print('\ntry: done; the host and its network are gone')


def nameservers(tour: Tour, nameserver: str) -> None:
    tour.show(
        CONFIGURE,
        code=1,
        note='where the nameserver of the host does not know the registry',
    )
    tour.show('registry-host doctor --only nameserver-owner')
    tour.show(
        f'{CONFIGURE} --nameserver {nameserver}',
        note='with one that does, through whoever keeps the nameservers',
    )
    tour.show('registry-host undo --no-probe', note='and back')


def in_a_folder() -> None:
    with tempfile.TemporaryDirectory(prefix='registry-host-try-') as folder:
        root = Path(folder)
        (root / 'etc/docker').mkdir(parents=True)
        (root / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\n')
        (root / 'etc/docker/daemon.json').write_text(DAEMON_JSON)
        program = [str(TREE / '.venv/bin/registry-host'), '--root', folder]

        def run(command: str) -> subprocess.CompletedProcess[str]:
            _, *words = shlex.split(command)
            return subprocess.run(
                [*program, *words], capture_output=True, text=True, check=False
            )

        tour = Tour(run)
        refusals(tour)
        tour.show(f'{CONFIGURE} --check --diff', code=3, note='a forecast')
        tour.show(CONFIGURE, note='the change')
        tour.show(CONFIGURE, note='again: nothing to do, nothing written')
        tour.show('registry-host doctor', note='the doctor')
        tour.show('registry-host undo', note='taken back')
        tour.show('registry-host history', note='what was done here')
        json.loads((root / 'etc/docker/daemon.json').read_text())
    print(
        '\ntry: left out, for they need root on Debian: the engine, its reload and the '
        'live proof, the pull through the mirror, the probes of the mirrors'
    )


def refusals(tour: Tour) -> None:
    tour.show(
        f'registry-host configure --mirror {MIRROR}/v2 --mirror registry.lab:5000',
        code=2,
        note='mistakes are named, all at once, before anything is written',
    )


if __name__ == '__main__':
    in_a_folder() if sys.argv[1:] == ['--folder'] else on_a_host()
