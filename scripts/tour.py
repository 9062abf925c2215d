"""What scripts/try shows: each command as it is typed, and what it really answers."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab import LabHost

TREE = Path(__file__).resolve().parents[1]
SUITE = 'trixie'
SERVER = 'registry.lab'
CACHE, PUSH = f'{SERVER}:5000', f'{SERVER}:5002'
DAEMON_JSON = """{
\t"log-driver": "json-file",
\t"log-opts": {"max-size": "10m", "max-file": "3"},
\t"registry-mirrors": [ "https://mirror.elsewhere.example" ]
}
"""
CONFIGURE = (
    f'registry-host configure --mirror http://{PUSH} --mirror http://{CACHE} '
    f'--insecure-registry {PUSH}'
)
ELASTICSEARCH = 'elasticsearch/elasticsearch:8.15.0'

Runner = Callable[[str], 'subprocess.CompletedProcess[str]']


class Tour:
    """Runs commands one by one; one that ends unlike it should ends the tour."""

    def __init__(self, run: Runner, prompt: str = '$') -> None:
        self._run = run
        self._prompt = prompt

    def show(self, command: str, *, code: int = 0, note: str = '') -> str:
        if note:
            is_terminal = sys.stdout.isatty()
            print(f'\n\033[1m# {note}\033[0m' if is_terminal else f'\n# {note}')
        print(f'{self._prompt} {command}', flush=True)
        done = self._run(command)
        print(done.stdout + done.stderr, end='', flush=True)
        if done.returncode != code:
            sys.exit(f'try: exit code {done.returncode} where {code} was due')
        if code:
            print(f'(exit code {code})')
        return done.stdout


def on_hosts() -> None:
    """Show a server and a client, and two hubs that the server alone reaches."""
    sys.path.insert(0, str(TREE / 'tests/hosts'))
    from guidesite import NAMES_AT, SERVER_AT, Site
    from lab import opened
    from owners import SITE

    print('try: starting a network, two hubs, a server and a client', flush=True)
    with (
        tempfile.TemporaryDirectory(prefix='registry-host-try-') as folder,
        opened() as lab,
        ThreadPoolExecutor() as pool,
        Site(lab, Path(folder), SERVER) as site,
    ):
        booting = pool.submit(lab.host, SUITE, is_lasting=True)
        while not lab.hosts:  # A host takes its number before it boots.
            time.sleep(0.05)
        client, server = lab.host(SUITE), booting.result()
        site.make_server(server)
        site.make_client(client, NAMES_AT)
        client.write('/etc/docker/daemon.json', DAEMON_JSON)
        client.restart_engine()
        client.start_container('bystander')
        on_server, on_client = tour_of(server, 'server#'), tour_of(client, 'client#')
        installing(on_server, SERVER_AT)
        configuring(on_client)
        pulling(on_client, on_server, SERVER_AT)
        going_back(on_client)
        client.write('/etc/resolv.conf', f'nameserver {SITE}\n')
        nameservers(on_client, NAMES_AT)
        on_client.show('registry-host history', note='what was done here')
        for name in ('cache', 'push'):
            note = 'and the server as it was' if name == 'cache' else ''
            on_server.show(
                f'registry-host registry uninstall {name} --purge-images', note=note
            )
    print('\ntry: done; the hosts and their network are gone')


def tour_of(host: LabHost, prompt: str) -> Tour:
    return Tour(lambda command: host.run(f'exec 2>&1; {command}', check=False), prompt)


def installing(tour: Tour, address: str) -> None:
    tour.show(
        f'registry-host registry install cache --listen {address}:5000',
        note='a server: a cache of Docker Hub, and an instance to push to',
    )
    tour.show(f'registry-host registry install push --listen {address}:5002')
    tour.show('registry-host registry check', note='and the way from there to the hub')


def configuring(tour: Tour) -> None:
    tour.show('docker version --format "Docker {{.Server.Version}}"')
    tour.show('cat /etc/docker/daemon.json', note='a client as it is')
    refusals(tour)
    tour.show(
        f'registry-host configure --mirror http://{CACHE}9',
        code=1,
        note='a mirror that does not answer is not written either',
    )
    tour.show(f'{CONFIGURE} --check --diff', code=3, note='a forecast')
    tour.show(CONFIGURE, note='the change, by reload, and the live proof')
    tour.show(CONFIGURE, note='again: nothing to do, nothing written')
    tour.show(
        'docker ps --format "{{.Names}}: {{.Status}}"', note='no container was stopped'
    )


def pulling(tour: Tour, on_server: Tour, address: str) -> None:
    tour.show('docker pull hello', note='a pull, through the mirror')
    on_server.show(
        'journalctl -q -o cat -u registry-host-cache.service | '
        'grep -o \'"GET /v2/library/hello/[^"]*" [0-9]*\'',
        note='what the cache logged',
    )
    tour.show(
        f'docker tag hello {PUSH}/library/mine && '
        f'docker push --quiet {PUSH}/library/mine && docker pull --quiet mine',
        note='an image of your own: pushed, and pulled by its short name',
    )
    hub, to = 'docker.elastic.co', f'{address}:5002'
    on_server.show(
        f'registry-host configure --insecure-registry {to} && '
        f'docker login -u alice --password-stdin {hub} <~/elastic.password',
        note='an image of another hub, which wants a login: copied with all platforms',
    )
    copy = f'registry-host image copy {hub}/{ELASTICSEARCH} --to {to}'
    on_server.show(copy)
    on_server.show(copy)
    tour.show(f'docker pull {ELASTICSEARCH}', note='and pulled by its short name, too')
    tour.show(
        'registry-host doctor',
        code=1,
        note='doctor: one mirror, a foreign entry, is dead',
    )


def going_back(tour: Tour) -> None:
    tour.show(
        'registry-host undo',
        code=1,
        note='the mirrors are the only way to an image here: what would end pulls is '
        'rolled back',
    )
    tour.show(
        'registry-host undo --no-probe',
        note='undone all the same, in the file and in the engine',
    )
    tour.show('cat /etc/docker/daemon.json')
    tour.show(
        f'{CONFIGURE} --confirm-within 2',
        note='undone automatically unless it is confirmed',
    )
    tour.show('sleep 3; cat /etc/docker/daemon.json')


def nameservers(tour: Tour, nameserver: str) -> None:
    tour.show(
        CONFIGURE,
        code=1,
        note='where the nameserver of the host does not know the registry',
    )
    tour.show('registry-host doctor --only nameserver-owner')
    tour.show(
        f'{CONFIGURE} --nameserver {nameserver}',
        note='with one that does, through the DNS manager',
    )
    tour.show('registry-host undo --no-probe', note='undo it')


def in_a_folder() -> None:
    with tempfile.TemporaryDirectory(prefix='registry-host-try-') as folder:
        root = Path(folder)
        (root / 'etc/docker').mkdir(parents=True)
        (root / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\n')
        (root / 'etc/docker/daemon.json').write_text(DAEMON_JSON)
        program = [
            str(Path(sys.executable).with_name('registry-host')),
            '--root',
            folder,
        ]

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
        tour.show('registry-host doctor', note='doctor')
        tour.show('registry-host undo', note='undo the last run')
        tour.show('registry-host history', note='what was done here')
        json.loads((root / 'etc/docker/daemon.json').read_text())
    print(
        '\ntry: left out, for they need root on Debian: the engine, its reload and the '
        'live proof, the pulls through the mirrors, the probes of them, the server'
    )


def refusals(tour: Tour) -> None:
    tour.show(
        f'registry-host configure --mirror http://{CACHE}/v2 --mirror {CACHE}',
        code=2,
        note='mistakes are named, all at once, before anything is written',
    )


if __name__ == '__main__':
    in_a_folder() if sys.argv[1:] == ['--folder'] else on_hosts()
