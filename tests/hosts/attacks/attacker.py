"""A hostile user at work: runs on a host as that user, until it is told to end.

`swap` has tricks change places with the honest file or folder, in one system call and
many thousand times a second, so that they fall between any two steps of whoever works
there. `kill` hits the processes that work there with her rights as well; `late` only
does that, after a while.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable

HOME = os.path.expanduser('~')
FOLDER = f'{HOME}/.docker'
FILE = f'{FOLDER}/config.json'
SPARE = f'{HOME}/.spare'
# Hard links that root has put there: as if fs.protected_hardlinks were off.
LINKS = f'{HOME}/.links'
MARK = '.registry-host'
HONEST = (
    '{\n\t"auths": {\n\t\t"r.lab": {\n\t\t\t"auth": "QUxJQ0U6U0VDUkVU"\n\t\t}\n\t}\n}\n'
)
TARGETS = (
    '/etc/shadow',
    '/etc/passwd',
    '/root/.docker/config.json',
    '/home/bob/.docker/config.json',
    '/etc/new.json',
    '/dev/zero',
    '/dev/full',
    '/dev/tty',
    '/proc/self/environ',
    '/var/lib/registry-host/ledger.json',
    'config.json',
    '../.docker/config.json',
)
FOLDERS = (
    '/root/.docker',
    '/home/bob/.docker',
    '/etc',
    '/var/lib/registry-host',
    '/proc/self',
    '/',
    '.docker',
)
SLICE_S = 0.03
HONEST_S = 0.12
LIMIT_S = 1.0
LATEST_S = 0.08
STOPS = 25
EXCHANGE = 2
_libc = ctypes.CDLL(None)


def exchange(one: str, other: str) -> None:
    _libc.renameat2(-100, one.encode(), -100, other.encode(), EXCHANGE)


def put(path: str, content: str) -> None:
    with open(path, 'w') as file:
        file.write(content)


def honest() -> None:
    """Put everything back as an honest user has it."""
    for path in (FOLDER, f'{HOME}/moved', SPARE):
        with contextlib.suppress(OSError):
            os.unlink(path)
        shutil.rmtree(path, ignore_errors=True)
    os.mkdir(FOLDER, 0o700)
    put(FILE, HONEST)
    os.chmod(FILE, 0o600)


def prepare() -> None:
    """Make what is to stand where the file, or its folder, is due."""
    honest()
    os.mkdir(SPARE)
    for number, target in enumerate(TARGETS):
        os.symlink(target, f'{SPARE}/file-link-{number}')
    for number, target in enumerate(FOLDERS):
        os.symlink(target, f'{SPARE}/folder-link-{number}')
    os.mkfifo(f'{SPARE}/file-fifo')
    os.mkdir(f'{SPARE}/file-folder')
    put(f'{SPARE}/file-sparse', '')
    os.truncate(f'{SPARE}/file-sparse', 1 << 40)
    put(f'{SPARE}/file-other', '{"proxies": {"default": {"httpProxy": "http://o:1"}}}')
    put(f'{SPARE}/file-null', '{"proxies": null}')
    put(f'{SPARE}/folder-file', HONEST)
    os.mkdir(f'{SPARE}/folder-empty')
    os.mkdir(f'{SPARE}/folder-other')
    os.symlink('/etc/shadow', f'{SPARE}/folder-other/config.json')


# Tricks: each does its deed once, and undoes it where it can


def flip(spare: str, place: str) -> Callable[[], None]:
    def once() -> None:
        exchange(spare, place)
        exchange(spare, place)

    return once


def rename_folder() -> None:
    os.rename(FOLDER, f'{HOME}/moved')
    os.symlink('/root/.docker', FOLDER)
    os.unlink(FOLDER)
    os.rename(f'{HOME}/moved', FOLDER)


def remove_folder() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.mkdir(FOLDER, 0o700)


def rewrite() -> None:
    with open(FILE, 'r+') as file:
        file.write(HONEST)
        file.truncate()


def resize() -> None:
    os.truncate(FILE, random.choice((0, 1, 1 << 21, 1 << 40)))


def forbid() -> None:
    os.chmod(FOLDER, 0)
    os.chmod(FOLDER, 0o700)


def chase(deed: Callable[[str], None]) -> Callable[[], None]:
    """Do something to every temporary file that shows."""

    def once() -> None:
        for name in os.listdir(FOLDER):
            if name.endswith(MARK):
                deed(f'{FOLDER}/{name}')

    return once


def link_to(target: str) -> Callable[[str], None]:
    def deed(path: str) -> None:
        os.unlink(path)
        os.symlink(target, path)

    return deed


def spoil(path: str) -> None:
    with open(path, 'r+') as file:
        file.write('{"spoiled": true')


def steal(path: str) -> None:
    os.rename(path, FILE)


def link_back(path: str) -> None:
    os.link(path, f'{path}.link')
    os.rename(f'{path}.link', FILE)


def tricks() -> list[Callable[[], None]]:
    found = [rename_folder, remove_folder, rewrite, resize, forbid]
    found += [
        chase(deed)
        for deed in (
            os.unlink,
            link_to('/etc/shadow'),
            link_to('/etc/passwd'),
            link_to('/home/bob/.docker/config.json'),
            spoil,
            steal,
            link_back,
            lambda path: os.chmod(path, 0),
        )
    ]
    for name in sorted(os.listdir(SPARE)):
        place = FILE if name.startswith('file') else FOLDER
        found.append(flip(f'{SPARE}/{name}', place))
    # One of each kind: a link that is lost on the way cannot be made again.
    links = {name.partition('-')[0]: name for name in os.listdir(LINKS)}
    return found + [flip(f'{LINKS}/{name}', FILE) for name in links.values()]


def swap() -> None:
    """One trick after another, with time for honest runs in between."""
    signal.signal(signal.SIGALRM, take_too_long)
    number = 0
    while True:
        with contextlib.suppress(OSError):
            signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
            play(number)
        number += 1
        print(number, flush=True)


def take_too_long(*_: object) -> None:
    """A name of hers may have become a FIFO, and nobody is at its other end."""
    raise TimeoutError


def play(number: int) -> None:
    if number % 8 == 7:
        honest()
        time.sleep(HONEST_S)
    prepare()
    some = tricks()
    trick = some[number % len(some)]
    end = time.monotonic() + SLICE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            trick()
    forget_links()


def forget_links() -> None:
    """Drop those of the hard links that changed places with a file of her own."""
    for name in os.listdir(LINKS):
        if os.stat(f'{LINKS}/{name}').st_uid == os.getuid():
            os.unlink(f'{LINKS}/{name}')


# Signals


def send(number: int) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


def starve(pid: int) -> None:
    """Take away what a process needs, as its user may (prlimit(2))."""
    limit = random.choice(
        (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
    )
    resource.prlimit(pid, limit, (0, resource.RLIM_INFINITY))


def new_processes(others: set[int]) -> list[int]:
    """The numbers that the newest processes of the host may have."""
    with open('/proc/loadavg') as file:
        last = int(file.read().split()[-1])
    return [pid for pid in range(last - 2, last + 3) if pid not in others]


def kill(others: set[int]) -> None:
    """Hit every process of hers that comes up, as soon as its number can be known."""
    signals = ('KILL', 'TERM', 'SEGV', 'HUP', 'STOP', 'INT')
    deeds = [(name, send(signal.Signals[f'SIG{name}'])) for name in signals]
    deeds.append(('starve', starve))
    stops, number = 0, 0
    while True:
        name, deed = deeds[number % len(deeds)]
        number += 1
        end = time.monotonic() + 0.1
        while time.monotonic() < end and (name != 'STOP' or stops < STOPS):
            for pid in new_processes(others):
                try:
                    deed(pid)
                except (OSError, ValueError):
                    continue
                if name == 'STOP':
                    stops += 1
                    end = 0.0
        time.sleep(0.4)


def kill_late(others: set[int]) -> None:
    """Kill each new process of hers, but only once it has worked for a while."""
    while True:
        for pid in new_processes(others):
            try:
                os.kill(pid, 0)
                time.sleep(random.uniform(0, LATEST_S))
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


def main() -> None:
    (mode,) = sys.argv[1:]
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
    if mode == 'late':
        kill_late({os.getpid()})
    child = os.fork() if mode == 'kill' else 0
    try:
        if child:
            kill({os.getpid(), child})
        else:
            swap()
    finally:
        if child:
            os.kill(child, signal.SIGUSR1)
            os.waitpid(child, 0)
        else:
            honest()


main()
