"""The state of registry-host on a host: one writer, and files that root alone has."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING

from registry_host.errors import (
    ConfigError,
    LockedError,
    Problem,
    StateError,
    quoted,
    repeat_with,
)
from registry_host.host.attributes import missing_folders
from registry_host.host.filedoor import Files, unreadable
from registry_host.host.locations import (
    LEFT_BEHIND,
    STATE_FOLDER,
    STATE_LIMIT_BYTES,
    TEMPORARY,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.records import FileState

LOCK_POLL_S = 0.02


class State(Files):
    """What is remembered between runs, and the lock of the one that writes it."""

    def read_state(self, path: str) -> FileState:
        """Read a file of the state folder that may be absent.

        A root folder may have come from elsewhere with its state folder, and root acts
        on what that says: ConfigError if a user other than root could have written it.
        """
        try:
            self._require_trusted_state(path)
            return self._read(path, None, limit=STATE_LIMIT_BYTES)
        except OSError as err:
            raise ConfigError(unreadable(path, err, None)) from None

    def _require_trusted_state(self, path: str) -> None:
        if not self.is_root:
            return
        names = [STATE_FOLDER]
        for part in path.removeprefix(STATE_FOLDER).split('/')[1:]:
            names.append(f'{names[-1]}/{part}')
        for name in names:
            folder, _, last = name.rpartition('/')
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found = os.lstat(f'{self.resolve(folder)}/{last}')
                is_link = stat.S_ISLNK(found.st_mode) and not self.is_live
                is_open = not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o022
                if is_link or is_open or found.st_uid != 0:
                    raise ConfigError(self._untrusted_state(name, found))

    def _untrusted_state(self, path: str, found: os.stat_result) -> Problem:
        kind = 'is a link' if stat.S_ISLNK(found.st_mode) else ''
        owner = '' if found.st_uid == 0 else f'belongs to uid {found.st_uid}'
        is_open = found.st_mode & 0o022 and not kind
        mode = f'has mode {stat.S_IMODE(found.st_mode):04o}' if is_open else ''
        name = self.below_root(path)
        why = ' and '.join(filter(None, (kind, owner, mode)))
        return Problem(
            code='state-untrusted',
            where=name,
            message=f'{why}, so others than root may have written what it says; '
            'without it, the history of earlier runs is gone',
            hint=f'sudo mv -T {quoted(name, name + ".untrusted")}',
        )

    @contextlib.contextmanager
    def lock(self, timeout_s: float = 0.0) -> Iterator[None]:
        """Hold the one writer's lock; LockedError if another run does all that time.

        The state folder itself is what is locked: it needs no file of its own, exists
        under any root, and only root can put another in its place.
        """
        import fcntl

        fd = self._locked_folder(time.monotonic() + timeout_s)
        try:
            yield
        finally:
            # Said, for a child that its user holds up may have it open still.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)

    def _locked_folder(self, deadline: float) -> int:
        import fcntl

        folder = self._state_folder()
        while True:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # After a wait, the lock may be that of a folder that is gone.
                if os.path.samestat(os.fstat(fd), os.stat(folder)):
                    return fd
            except (BlockingIOError, FileNotFoundError):
                pass
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            if time.monotonic() >= deadline:
                raise LockedError(_locked())
            time.sleep(LOCK_POLL_S)
            folder = self._state_folder()

    def _state_folder(self) -> str:
        from registry_host.host.replacing import make_folders

        self._require_trusted_state(STATE_FOLDER)
        folder = self.resolve(STATE_FOLDER)
        make_folders(missing_folders(folder), 0o700)
        found = os.stat(folder)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.chmod(folder, 0o700)
        return folder

    def write_state(self, path: str, content: bytes) -> None:
        """Write a file below the state folder, whole, on disk, and root's alone."""
        from registry_host.host import replacing

        self._require_trusted_state(path)
        real = self._state_name(path)
        folder = os.path.dirname(real)
        replacing.make_folders(missing_folders(folder), 0o700)
        temporary = f'{folder}/{os.urandom(8).hex()}{TEMPORARY}'
        try:
            replacing.write_new(temporary, content)
            os.rename(temporary, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        replacing.sync_folder(folder)

    def move_state(self, source: str, destination: str) -> None:
        """Give a state file its final name, in one step that needs no space."""
        from registry_host.host import replacing

        real, place = self._state_name(source), self._state_name(destination)
        os.rename(real, place)
        for folder in {os.path.dirname(place), os.path.dirname(real)}:
            replacing.sync_folder(folder)

    def make_state_folder(self, path: str) -> None:
        from registry_host.host import replacing

        replacing.make_folders(missing_folders(self.resolve(path)), 0o700)

    def clean_state(self) -> None:
        """Remove what runs that were cut short left in passing; for a lock's holder."""
        for folder in (STATE_FOLDER, f'{STATE_FOLDER}/checkpoints', LEFT_BEHIND):
            for name in self.names(folder):
                if name.endswith(TEMPORARY):
                    self.remove_state(f'{folder}/{name}')

    def remove_state(self, path: str) -> None:
        from registry_host.host import replacing

        real = self._state_name(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(real)
            replacing.sync_folder(os.path.dirname(real))

    def _state_name(self, path: str) -> str:
        """The real name of a state file itself, which may be a link from elsewhere."""
        folder, name = os.path.split(path)
        return f'{self.resolve(folder)}/{name}'

    @contextlib.contextmanager
    def private_file(self, content: bytes) -> Iterator[str]:
        """A file for a program of root to read: in memory, and gone afterwards.

        Nothing of it reaches a disk, so a forecast may have it, too.
        """
        descriptor = os.memfd_create('registry-host')
        try:
            try:
                os.fchmod(descriptor, 0o600)
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError as err:
                raise StateError(_no_memory(err)) from None
            yield f'/proc/{os.getpid()}/fd/{descriptor}'
        finally:
            os.close(descriptor)


def _no_memory(err: OSError) -> Problem:
    return Problem(
        code='candidate-memory',
        where='memory',
        message=f'has no room for a copy of a config ({err.strerror or err})',
        hint='free -m',
    )


def _locked() -> Problem:
    return Problem(
        code='locked',
        where=STATE_FOLDER,
        message='another run is changing this host',
        hint=repeat_with('--lock-timeout 600'),
    )
