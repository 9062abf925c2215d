"""What keeps labs apart, and what ends one whose process was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Enter a cgroup, then be the program.
INSIDE = ('sh', '-ec', 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"', 'sh')
# Waits for the end of the process at the other end of its standard input, by whatever
# that ends, and then for the end of all that it started.
JANITOR = r"""
trap '' HUP INT TERM
cat >/dev/null
echo 1 >"$1/cgroup.kill"
while grep -qx 'populated 1' "$1/cgroup.events"; do sleep 0.05; done
# A group is in use for a moment after its last process.
until find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; do
    [ -d "$1" ] || break
    sleep 0.05
done
rm -rf --one-file-system "$2" /run/systemd/nspawn/propagate/"$3"-*
"""
INOTIFY = Path('/proc/sys/fs/inotify/max_user_instances')
# What root's processes of a booted host take: 11 to 13, by suite.
INSTANCES_OF_A_HOST = 14
# For what starts in hosts later.
SPARE = 6
PLACES = Path('/run/lock/registry-host-lab')


class Bounds:
    """The cgroup of a lab, and the process that ends what is in it.

    systemd-nspawn would put every container that is started from here into one and the
    same cgroup, where the service managers of several hosts are in each other's way.
    """

    def __init__(self, folder: Path, machines: str) -> None:
        self.group = _own_group() / folder.name
        self.group.mkdir()
        self._janitor = subprocess.Popen(
            ['sh', '-c', JANITOR, 'sh', str(self.group), str(folder), machines],
            stdin=subprocess.PIPE,
            # Whoever ends our session or our process group does not end this.
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def make(self, name: str) -> Path:
        """Make a cgroup for a part of the lab."""
        group = self.group / name
        group.mkdir()
        return group

    def close(self) -> None:
        """End what is left, and remove the lab's folder."""
        assert self._janitor.stdin is not None
        self._janitor.stdin.close()
        self._janitor.wait()


def end(group: Path) -> None:
    """Kill all that runs in a cgroup, and remove it."""
    (group / 'cgroup.kill').write_text('1')
    while 'populated 1' in (group / 'cgroup.events').read_text():
        time.sleep(0.01)
    for folder, _, _ in os.walk(group, topdown=False):
        os.rmdir(folder)


def _own_group() -> Path:
    mounts = Path('/proc/self/mountinfo').read_text()
    found = re.search(r'^(?:\S+ ){4}(\S+) .* - cgroup2 ', mounts, re.MULTILINE)
    if not found:
        raise RuntimeError('the lab of real hosts needs cgroup v2, mounted anywhere')
    own = Path('/proc/self/cgroup').read_text()
    path = re.search(r'^0::/(.*)$', own, re.MULTILINE)
    assert path is not None
    return Path(found[1], path[1])


# inotify: a host that finds no instance left dies, or its services do


@contextlib.contextmanager
def inotify_for_a_host(
    *, limit: int | None = None, timeout_s: float = 300
) -> Iterator[None]:
    """Wait until there are inotify instances for one more host, which boots meanwhile.

    All labs of the machine see who boots; hosts that are up count by what they use, as
    all else does.
    """
    limit = limit or int(INOTIFY.read_text())
    PLACES.mkdir(exist_ok=True)
    deadline = time.monotonic() + timeout_s
    while not (place := _place_to_boot(limit)):
        if time.monotonic() > deadline:
            raise RuntimeError(
                f'a host takes {INSTANCES_OF_A_HOST} inotify instances, and '
                f'{instances_in_use()} of {limit} are in use: end other labs, or '
                'raise fs.inotify.max_user_instances'
            )
        time.sleep(0.1)
    with place:
        yield


def instances_in_use() -> int:
    """Count the inotify instances of our user, in hosts too."""
    used, uid = 0, os.geteuid()
    for process in Path('/proc').glob('[0-9]*'):
        # It may end at any time.
        with contextlib.suppress(OSError):
            if process.stat().st_uid == uid:
                for descriptor in os.listdir(process / 'fd'):
                    opened = os.readlink(process / 'fd' / descriptor)
                    used += opened == 'anon_inode:inotify'
    return used


def _place_to_boot(limit: int) -> IO[str] | None:
    """Take one of the places for hosts that boot; who ends gives it up."""
    own, taken = None, 0
    with open(PLACES / 'gate', 'w') as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        free = (limit - instances_in_use() - SPARE) // INSTANCES_OF_A_HOST
        for number in range(limit // INSTANCES_OF_A_HOST):
            place = open(PLACES / str(number), 'w')
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                taken += 1
                place.close()
                continue
            if own:
                place.close()
            else:
                own = place
    if own and taken >= free:
        own.close()
        return None
    return own
