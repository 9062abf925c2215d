"""What can be seen of a file besides its bytes."""

from __future__ import annotations

import errno
import os


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
