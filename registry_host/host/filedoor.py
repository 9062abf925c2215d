"""Files of a host: read and replaced whole, with the rights of whose they are."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, cast

from registry_host.errors import ConfigError, Problem, quoted, repeat_with
from registry_host.host.attributes import group_of, missing_folders, xattrs_of
from registry_host.host.records import FileState, User

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_host.host.privileges import Result
    from registry_host.host.replacing import Written

from registry_host.host.locations import (
    FILE_LIMIT_BYTES,
    TEMPORARY,
)
from registry_host.host.place import Place

# The code of a file that is there, and may or can not be read.
UNREADABLE = 'config-unreadable'
MOVE_AWAY = '; move it away'


class Files(Place):
    """Files of a host, read and replaced whole, with the rights of whose they are."""

    def read(
        self, path: str, *, user: User | None = None, folder_mode: int = 0o755
    ) -> FileState:
        """Read a file that may be absent; ConfigError for anything but a plain file."""
        try:
            state = self._as(user, lambda: self._read(path, user))
            return state._replace(folder_mode=folder_mode)
        except OSError as err:
            raise ConfigError(unreadable(path, err, user)) from None

    def _read(
        self, path: str, user: User | None, *, limit: int = FILE_LIMIT_BYTES
    ) -> FileState:
        real = self.resolve(path)
        absent = FileState(
            path=path,
            realpath=real,
            content=None,
            mode=0,
            uid=user.uid if user else os.geteuid(),
            gid=user.gid if user else os.getegid(),
            user=user,
        )
        named = f'{self.resolve(os.path.dirname(path))}/{os.path.basename(path)}'
        if named != real:
            with contextlib.suppress(OSError):
                absent = absent._replace(link=os.readlink(named))
        try:
            found = os.stat(real, follow_symlinks=False)
        except FileNotFoundError:
            # A link may point to nowhere; only the folders of the name itself are made.
            missing = () if absent.link else missing_folders(os.path.dirname(real))
            return absent._replace(missing_folders=missing)
        # Asked before opening: a FIFO would block, a device may act on being opened.
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(_not_a_file(path, found.st_mode))
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, 'rb') as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(_not_a_file(path, found.st_mode))
            content = file.read(limit + 1)
            require_size(path, content, limit)
            xattrs = xattrs_of(fd)
        return absent._replace(
            content=content,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=group_of(found),
            xattrs=xattrs,
        )

    def temporary_for(self, state: FileState) -> str:
        """Make up a name beside a file that cannot be guessed, and so not be taken."""
        folder, name = os.path.split(state.realpath)
        return f'{folder}/.{name}.{os.urandom(8).hex()}{TEMPORARY}'

    def replace_file(
        self, before: FileState, after: FileState, temporary: str | None = None
    ) -> Written:
        """Make the file what `after` says, if it still is what `before` says.

        Whole or not at all, and safe on a power cut. Returns how: see
        replacing.replace. Raises ConflictError, or OSError with the old file as it was.
        """
        # Imported here: a child that has given root away may not be able to.
        from registry_host.host import replacing

        beside = temporary or self.temporary_for(after)
        self._require_trusted(after)
        how = self._as(
            after.user, lambda: replacing.replace(before, after, beside, self.rename)
        )
        return cast('Written', how)

    def rename(self, source: str, destination: str, flags: int) -> None:
        from registry_host.host.replacing import rename

        rename(source, destination, flags)

    def discard(self, temporary: str, states: tuple[FileState, ...]) -> None:
        """Remove the temporary file of a run that was cut short."""
        from registry_host.host import replacing

        def discard() -> str:
            replacing.discard(temporary, states, self.rename)
            return ''

        self._as(states[0].user, discard)

    def remove_folders(self, state: FileState) -> None:
        """Remove the folders that were made for a file, as far as they are empty."""
        from registry_host.host import replacing

        def remove() -> str:
            replacing.remove_folders(state.missing_folders)
            return ''

        if state.missing_folders:
            self._as(state.user, remove)

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder with all that it holds; links are not followed."""
        import shutil

        real = self.resolve(os.path.dirname(path)) + '/' + os.path.basename(path)
        if os.path.isdir(real) and not os.path.islink(real):
            shutil.rmtree(real)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(real)

    def remove_empty_folder(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(self.resolve(path))

    def _require_trusted(self, state: FileState) -> None:
        """Refuse to write as root where another user could swap the folder."""
        if not self.is_live or not self.is_root or state.user is not None:
            return
        folder = os.path.dirname(state.realpath)
        while folder != '/':
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(folder, follow_symlinks=False)
                is_open = found.st_mode & stat.S_IWOTH and not (
                    found.st_mode & stat.S_ISVTX
                )
                if found.st_uid != 0 or is_open:
                    raise ConfigError(_not_trusted(state.path, folder, found.st_uid))
            folder = os.path.dirname(folder)

    def exists(self, path: str) -> bool:
        return os.path.exists(self.resolve(path))

    def has_place_for(self, path: str) -> bool:
        """Whether a file stands, or could be made, at a path of this host."""
        with contextlib.suppress(OSError):
            return os.path.isdir(os.path.dirname(self.resolve(path)))
        return False

    def is_same_file(self, path: str, other: str) -> bool:
        """Whether two names, links followed, are of one inode: hard links, say."""
        try:
            return os.path.samefile(self.resolve(path), self.resolve(other))
        except OSError:
            return False

    def file_flags(self, path: str) -> int:
        """Read what chattr(1) sets (linux/fs.h FS_*_FL); 0 where it cannot be asked."""
        import fcntl

        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.resolve(path), flags)
        except OSError:
            return 0
        try:
            answer = fcntl.ioctl(fd, _get_flags_request(os.uname().machine), bytes(8))
        except OSError:  # A file system without: tmpfs, overlay, NFS.
            return 0
        finally:
            os.close(fd)
        return int.from_bytes(answer[:4], sys.byteorder)

    def names(self, folder: str) -> tuple[str, ...]:
        """List a folder; nothing where there is none, or it may not be read."""
        try:
            return tuple(sorted(os.listdir(self.resolve(folder))))
        except OSError:
            return ()

    def _as(self, user: User | None, work: Callable[[], Result]) -> Result:
        """Do `work` in a child that has given root away for good, if run as root.

        A path below a home is the user's to redirect, so the kernel must check it with
        the user's rights, not those of this process. In the folder of a host that does
        not run there is no such user, and its links cannot leave it.
        """
        if user is None or not self.is_live or os.geteuid() != 0 or user.uid == 0:
            return work()
        from registry_host.host.privileges import run_as

        return run_as(user, work)


def require_size(
    path: str, content: bytes, limit: int, *, has_name: bool = True
) -> None:
    """Refuse what was cut off, before it is taken for the whole."""
    if len(content) > limit:
        raise ConfigError(
            Problem(
                code='config-too-large',
                where=path,
                message=f'is larger than {limit // 2**20} MiB, the most that is read',
                hint=f'ls -l {quoted(path)}' if has_name else '',
            )
        )


def give_back(path: str, user: User) -> str:
    """The command that gives a file to its user, and no other file of the host.

    `chown PATH` would follow a link that the user has put there, even one of a folder
    on the way. Walking down from the folder does not, with -P and -h (GNU coreutils
    chown-core.c, fts), and hard links to files of others are refused to users by
    default (proc_sys_fs(5), protected_hardlinks).
    """
    return quoted('sudo', 'chown', '-hRP', f'{user.name}:', os.path.dirname(path))


def _get_flags_request(machine: str) -> int:
    """Number FS_IOC_GETFLAGS, which is _IOR('f', 1, long) (asm-generic/ioctl.h).

    A few machines have its direction one bit lower (arch/*/include/uapi/asm/ioctl.h).
    """
    import struct

    is_lower = machine.startswith(('ppc', 'mips', 'sparc', 'alpha'))
    direction = 0x40000000 if is_lower else 0x80000000
    return direction | struct.calcsize('l') << 16 | ord('f') << 8 | 1


def _not_trusted(path: str, folder: str, uid: int) -> Problem:
    return Problem(
        code='path-untrusted',
        where=path,
        message=f'{folder} can be changed by others than root (owner: uid {uid}), '
        'so root does not write there',
        hint=f'sudo chown root: {quoted(folder)} && sudo chmod go-w {quoted(folder)}',
    )


def _not_a_file(path: str, mode: int) -> Problem:
    kind = 'a folder' if stat.S_ISDIR(mode) else 'not a plain file'
    return Problem(
        code='config-not-a-file',
        where=path,
        message=f'is {kind}, not a file{MOVE_AWAY}',
        hint=f'ls -ld {quoted(path)}',
    )


def unreadable(path: str, err: OSError, user: User | None) -> Problem:
    reader = f' as {user.name}' if user else ''
    hint = f'sudo namei -l {quoted(path)}'
    message = f'cannot be read{reader} ({err.strerror})'
    if user is None and err.errno == errno.EACCES:
        hint = f'{repeat_with("sudo")}\n{hint}'
    if user and err.errno == errno.EACCES:
        message += "; is it root's by mistake?"
        # Elsewhere, as in a folder that $DOCKER_CONFIG names, it may hold more than
        # files of the user: /etc, or the logins of root.
        home = user.home.rstrip('/')
        if home and path.startswith(f'{home}/'):
            hint += f'\n{give_back(path, user)}'
    return Problem(
        code=UNREADABLE,
        where=path,
        message=message,
        hint=hint,
    )
