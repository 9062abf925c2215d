"""One root: links are followed inside it, and who works there."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from registry_host.host.records import Look
from registry_host.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

LINKS_LIMIT = 40


class Place:
    """A Linux host, or the folder of one that does not run (`root`).

    Links are followed inside the root, as they would be once it runs.
    """

    def __init__(self, root: str = '/', environ: Mapping[str, str] | None = None):
        self.root = os.path.realpath(root).rstrip('/')
        self.environ = dict(os.environ if environ is None else environ)
        self.progress = Progress()
        # A command may open more than one transaction, and waits once: see untold.
        self.has_told_again = False

    @property
    def is_live(self) -> bool:
        return not self.root

    @property
    def uid(self) -> int:
        return os.geteuid()

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    def resolve(self, path: str) -> str:
        """Follow every link of `path` without ever leaving the root."""
        pending = path.split('/')[::-1]
        real, links = self.root, 0
        while pending:
            part = pending.pop()
            if part in ('', '.'):
                continue
            if part == '..':
                real = self.root if real == self.root else real.rpartition('/')[0]
                continue
            try:
                link = os.readlink(f'{real}/{part}')
            except OSError:
                real = f'{real}/{part}'
                continue
            links += 1
            if links > LINKS_LIMIT:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            real = self.root if link.startswith('/') else real
            pending += link.split('/')[::-1]
        return real or '/'

    def look(self, path: str) -> Look | None:
        """Look at a file or folder, links followed; None where there is none."""
        try:
            real = self.resolve(path)
            found = os.stat(real, follow_symlinks=False)
        except OSError:
            return None
        try:
            has_acl = 'system.posix_acl_access' in os.listxattr(real)
        except OSError:
            has_acl = False
        return Look(
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            is_folder=stat.S_ISDIR(found.st_mode),
            has_acl=has_acl,
        )

    def age_s(self, path: str) -> float:
        """Seconds since a file was put there or changed; infinite where there is none.

        By the clock of the host, which may have been set since: never below 0.
        """
        import time

        try:
            changed_at = os.stat(self.resolve(path)).st_ctime
        except OSError:
            return float('inf')
        return max(0.0, time.time() - changed_at)

    def below_root(self, path: str) -> str:
        """Name a file as this machine does, for a command to be pasted."""
        return f'{self.root}{path}'
