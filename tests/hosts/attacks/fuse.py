"""A file system of a user's own, in which no read is ever answered; runs on a host.

Started by root, as fusermount(1) would: it mounts, and becomes the user.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable

LOOKUP, FORGET, GETATTR, OPEN, READ, INIT = 1, 2, 3, 14, 15, 26
ENOSYS = 38
FOREVER = 3600
_libc = ctypes.CDLL(None, use_errno=True)


def mount(place: str, uid: int) -> int:
    if not os.path.exists('/dev/fuse'):
        os.mknod('/dev/fuse', 0o20666, os.makedev(10, 229))
    fd = os.open('/dev/fuse', os.O_RDWR)
    options = f'fd={fd},rootmode=40000,user_id={uid},group_id={uid}'
    if _libc.mount(b'fuse', place.encode(), b'fuse', 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), 'mount')
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    return fd


def attributes(node: int, uid: int) -> bytes:
    mode = 0o40700 if node == 1 else 0o100600
    return struct.pack(
        '<6Q10I', node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, uid, uid, 0, 4096, 0
    )


def answers(uid: int) -> dict[int, Callable[[int], bytes]]:
    """What to say to each question (linux/fuse.h, version 7.31)."""
    versions = struct.pack(
        '<4I2H2I2H8I', 7, 31, 65536, 0, 12, 9, 65536, 1, 1, 0, *([0] * 8)
    )
    entry = struct.pack('<4Q2I', 2, 0, FOREVER, FOREVER, 0, 0)
    return {
        INIT: lambda node: versions,
        LOOKUP: lambda node: entry + attributes(2, uid),
        GETATTR: lambda node: (
            struct.pack('<Q2I', FOREVER, 0, 0) + attributes(node, uid)
        ),
        OPEN: lambda node: struct.pack('<Q2I', 1, 0, 0),
    }


def serve(fd: int, uid: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    known = answers(uid)
    while time.monotonic() < end:
        question = os.read(fd, 1 << 20)
        _, kind, number, node = struct.unpack_from('<IIQQ', question)
        if kind in known:
            body = known[kind](node)
            os.write(fd, struct.pack('<IiQ', 16 + len(body), 0, number) + body)
        elif kind not in (READ, FORGET):
            os.write(fd, struct.pack('<IiQ', 16, -ENOSYS, number))


def main() -> None:
    place, uid, seconds = sys.argv[1:]
    fd = mount(place, int(uid))
    print('mounted', flush=True)
    if os.fork() == 0:
        # So that a read that nobody answers ends with the time, at the latest.
        time.sleep(float(seconds))
        os.kill(os.getppid(), 9)
    else:
        serve(fd, int(uid), float(seconds))


main()
