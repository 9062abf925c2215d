"""What scripts/bench prints. Ratios, for a machine's speed is not the program's."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from registry_host.commands.doctor import doctor
from registry_host.host.host import Host
from registry_host.jsonfile import editing, jsontext
from registry_host.registry.requests import TIMEOUT_S

FOLDER = Path(sys.argv[1])
PROGRAM = [str(Path(sys.executable).with_name('registry-host'))]
ROUNDS = 15
MIRROR = 'http://registry.lab:5000'
FOREIGN = """{
\t"log-driver" : "json-file",
  "log-opts": {"max-size": "10m",   "max-file": "3"},
    "labels":["zone=a",
\t\t"rack=7"],
  "shutdown-timeout": 15, "builder": {"gc": {"x": 12345678901234567890}},
  "registry-mirrors": [ "https://mirror.other.example" ],
  "debug": false, "icc" : true
}"""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratio_of(
    work: Callable[[], object], base: Callable[[], object], rounds: int = ROUNDS
) -> float:
    """Compare the best of both, taken in turn: whatever else runs slows both down."""
    pairs = [(seconds(work), seconds(base)) for _ in range(rounds)]
    return min(pair[0] for pair in pairs) / min(pair[1] for pair in pairs)


def run(argv: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, check=True, capture_output=True)


def show(name: str, ratio: float, budget: float, what: str) -> None:
    verdict = 'within' if ratio <= budget else 'OVER'
    print(f'{name:34} {ratio:5.2f} x {what}; {verdict} the budget of {budget}')


def make_root(name: str, content: str = FOREIGN) -> Path:
    root = FOLDER / name
    (root / 'etc/docker').mkdir(parents=True)
    (root / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\n')
    (root / 'etc/docker/daemon.json').write_text(content)
    return root


# Start-up


def start_up() -> None:
    root = make_root('start-up')
    settings = root / 'settings.toml'
    settings.write_text(f'registry-mirrors = ["{MIRROR}"]\n')
    configure = [*PROGRAM, '--root', str(root), 'configure', '-f', str(settings)]
    run(configure)
    what = "python -c 'import click'"

    def click() -> object:
        return run([sys.executable, '-c', 'import click'])

    nothing = ratio_of(lambda: run(configure), click)
    show('configure, nothing to do', nothing, 1.8, what)
    show('--version', ratio_of(lambda: run([*PROGRAM, '--version']), click), 1.3, what)


# A large file


def large_file() -> None:
    document = {
        'data-root': '/srv/docker',
        'insecure-registries': [
            f'registry-{number:05}.{"x" * 470}.example:5000' for number in range(10_000)
        ],
        'registry-mirrors': ['https://a.example', 'https://b.example'],
    }
    content = json.dumps(document, indent=2).encode()

    def ours() -> bytes:
        edited = editing.edit(
            jsontext.read(content),
            editing.Splice(('registry-mirrors',), (MIRROR,)),
            editing.Splice(('insecure-registries',), ('r:1',), frozenset({5000})),
        )
        return edited.encode()

    ratio = ratio_of(ours, lambda: json.dumps(json.loads(content), indent=2))
    what = f'json.loads + json.dumps of {len(content) / 1e6:.1f} MB'
    show('edit with 10,000 registries', ratio, 4, what)


# Many entries

COMMANDS = (
    ('validate', ('validate', '-f', 'SETTINGS')),
    ('configure, first run', ('--root', 'ROOT', 'configure', '-f', 'SETTINGS')),
    ('configure, converged', ('--root', 'ROOT', 'configure', '-f', 'SETTINGS')),
    ('doctor', ('--root', 'ROOT', 'doctor')),
    ('unconfigure', ('--root', 'ROOT', 'unconfigure')),
)
FEW, MANY = 4_000, 40_000


def growth() -> None:
    """Compare the time of an entry at two sizes, the start of the program left out."""
    start = min(seconds(lambda: run([*PROGRAM, '--version'])) for _ in range(5))
    for kind in ('toml', 'json'):
        few, many = (_durations(kind, number) for number in (FEW, MANY))
        for name, _ in COMMANDS:
            each = [(few[name] - start) / FEW, (many[name] - start) / MANY]
            what = f'the time of an entry among {FEW:,}, {MANY:,} entries ({kind})'
            show(name, each[1] / each[0], 1.3, what)


def _durations(kind: str, number: int) -> dict[str, float]:
    """Run each command once with so many mirrors and as many insecure registries."""
    root = make_root(f'growth-{kind}-{number}')
    settings = root / f'settings.{kind}'
    entries = {
        'registry-mirrors': [f'http://m{n}.example:5000' for n in range(number)],
        'insecure-registries': [f'r{n}.example:5000' for n in range(number)],
    }
    lines = (f'{name} = {json.dumps(values)}\n' for name, values in entries.items())
    settings.write_text(json.dumps(entries) if kind == 'json' else ''.join(lines))
    places = {'ROOT': str(root), 'SETTINGS': str(settings)}
    return {
        name: seconds(partial(run, [*PROGRAM, *(places.get(w, w) for w in words)]))
        for name, words in COMMANDS
    }


# The doctor


class Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    def log_message(self, *_: object) -> None:
        pass


class LiveFolder(Host):
    """A folder whose mirrors are asked, as those of a running host would be."""

    @property
    def is_live(self) -> bool:
        return True


def doctors_patience() -> None:
    """Half of the mirrors answer; the other half takes the question and is silent."""
    ports, silent = [], []
    for _ in range(50):
        server = ThreadingHTTPServer(('127.0.0.1', 0), Registry)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_port)
        listener = socket.create_server(('127.0.0.1', 0))
        silent.append(listener)
        ports.append(listener.getsockname()[1])
    mirrors = [f'http://127.0.0.1:{port}' for port in ports]
    root = make_root('doctor', json.dumps({'registry-mirrors': mirrors}))
    host = LiveFolder(str(root))
    found = doctor(host, only=('mirror-reachable',)).findings
    dead = sum(finding.severity == 'error' for finding in found)
    duration = seconds(lambda: doctor(host, only=('mirror-reachable',)))
    ratio = duration / TIMEOUT_S
    what = f'one probe timeout, {len(found)} mirrors, {dead} dead'
    show('doctor', ratio, 1.3, what)


# The same merge by others

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    file: "{{ root }}/etc/docker/daemon.json"
    now: "{{ lookup('file', file) | from_json }}"
    mirrors: "{{ ([MIRROR] + now['registry-mirrors']) | unique }}"
  tasks:
    - copy:
        dest: "{{ file }}"
        content: "{{ now | combine({'registry-mirrors': mirrors}) | to_nice_json }}"
"""
DEPLOY = """
import io, json
from pyinfra.operations import files
path = {path!r}
now = json.load(open(path))
mirrors = now['registry-mirrors']
now['registry-mirrors'] = [{mirror!r}] * ({mirror!r} not in mirrors) + mirrors
files.put(src=io.StringIO(json.dumps(now, indent=4)), dest=path)
"""
LENS = '/files/etc/docker/daemon.json/dict/entry[. = "registry-mirrors"]/array'


def others() -> None:
    print('\nthe same merge: one mirror in front of another, eight keys of others')
    for name, argv_of in (
        ('registry-host', _registry_host),
        ('ansible-core', _ansible),
        ('pyinfra', _pyinfra),
        ('augtool', _augtool),
    ):
        root = make_root(f'by-{name}')
        argv = argv_of(root)
        if argv is None:
            print(f'  {name:14} not installed')
            continue
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            print(f'  {name:14} failed: {(done.stderr or done.stdout).strip()[-90:]}')
            continue
        content = (root / 'etc/docker/daemon.json').read_text()
        again = min(seconds(partial(run, argv)) for _ in range(3))
        print(
            f'  {name:14} {again * 1000:6.0f} ms when nothing is to do; {lost(content)}'
        )


def _registry_host(root: Path) -> list[str]:
    return [*PROGRAM, '--root', str(root), 'configure', '--mirror', MIRROR]


def _ansible(root: Path) -> list[str] | None:
    program = shutil.which('ansible-playbook')
    book = FOLDER / 'play.yml'
    book.write_text(PLAYBOOK.replace('MIRROR', f"'{MIRROR}'"))
    inventory = ['-i', 'localhost,', '-c', 'local', '-e', f'root={root}']
    inventory += ['-e', f'ansible_python_interpreter={sys.executable}']
    return [program, *inventory, str(book)] if program else None


def _pyinfra(root: Path) -> list[str] | None:
    program = shutil.which('pyinfra')
    deploy = FOLDER / 'deploy.py'
    path = str(root / 'etc/docker/daemon.json')
    deploy.write_text(DEPLOY.format(path=path, mirror=MIRROR))
    return [program, '-y', '@local', str(deploy)] if program else None


def _augtool(root: Path) -> list[str] | None:
    program = shutil.which('augtool')
    script = FOLDER / 'merge.aug'
    script.write_text(
        f'ins string before {LENS}/string[1]\n'
        f'set {LENS}/string[1] {MIRROR}\n'
        f'rm {LENS}/string[position() > 1 and . = "{MIRROR}"]\nsave\n'
    )
    transform = ['--transform', 'Json incl /etc/docker/daemon.json', '--noautoload']
    arguments = [*transform, '--root', str(root), '--file', str(script)]
    return [program, *arguments] if program else None


def lost(content: str) -> str:
    """Say what of the other lines is not as it was."""
    before, after = FOREIGN.splitlines(), content.splitlines()
    kept = sum(line in after for line in before)
    number = '12345678901234567890' in content
    return (
        f'{kept} of {len(before)} lines as they were'
        f'{"" if number else ", a large number changed"}'
        f'{"" if MIRROR in content else ", MIRROR MISSING"}'
    )


if __name__ == '__main__':
    start_up()
    large_file()
    growth()
    doctors_patience()
    others()
