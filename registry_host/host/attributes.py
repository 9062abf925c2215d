"""What can be seen of a file besides its bytes."""

from __future__ import annotations

import errno
import os
import stat


def xattrs_of(fd: int) -> tuple[tuple[str, bytes], ...]:
    """Extended attributes, ACLs and labels among them; () where there are none."""
    try:
        return tuple((name, os.getxattr(fd, name)) for name in os.listxattr(fd))
    except OSError as err:
        if err.errno in (errno.ENOTSUP, errno.ENODATA):
            return ()
        raise


def missing_folders(folder: str) -> tuple[str, ...]:
    """The part of a real path that does not exist, outermost first."""
    missing: list[str] = []
    while folder and not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return tuple(missing)


def group_of(found: os.stat_result) -> int:
    """The group of a file, as far as it matters here.

    A user can give a new file no group but their own, and where a group has no rights
    one is as good as another. The docker client too goes on where it cannot keep the
    group (docker/cli cli/config/configfile/file_unix.go, 28f7560).
    """
    is_idle = os.geteuid() != 0 and not found.st_mode & stat.S_IRWXG
    return os.getegid() if is_idle else found.st_gid
