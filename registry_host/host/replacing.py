"""One file replaced by another: whole or not at all, and only if it is still the same.

A writer that ignores the lock of registry-host, as `docker login`, may put its own file
there at any moment. So the new file and the old one change places in one step, and what
came out is looked at: if it is not what was to be replaced, they change back.

In one module: each step is safe only because of the one before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING

from registry_host.errors import ConflictError, Problem, repeat_with
from registry_host.host.attributes import group_of, xattrs_of

if TYPE_CHECKING:
    from typing import Literal

    # How a file came to hold its new content; 'none' where it holds it already.
    Written = Literal['renamed', 'in-place', 'removed', 'none']

    from registry_host.host.records import FileState

# renameat2(2)
REPLACE, NO_REPLACE, EXCHANGE = 0, 1, 2
_AT_FDCWD = -100
# What a file system says that cannot do it: vfat, some of FUSE, NFS.
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
# A file that was mounted on its own has no name that could be given to another.
_MOUNTED = (errno.EBUSY, errno.EXDEV)
_BLOCK_BYTES = 4096

Rename = Callable[[str, str, int], None]


def rename(source: str, destination: str, flags: int) -> None:
    """Call renameat2(2), which Python has no function for; OSError as os.rename."""
    if flags == REPLACE:
        os.rename(source, destination)
        return
    call = getattr(ctypes.CDLL(None, use_errno=True), 'renameat2', None)
    if call is None:  # An old C library.
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), source)
    names = os.fsencode(source), os.fsencode(destination)
    if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source, None, destination)


def replace(
    before: FileState, after: FileState, temporary: str, rename: Rename = rename
) -> Written:
    """Make the file what `after` says, safe on a power cut.

    Returns how: 'renamed', 'in-place' (a file mounted on its own), 'removed' or 'none'.
    Raises ConflictError where the file is not as in `before`, and leaves it; and
    OSError. `temporary` is a name in the same folder that cannot be guessed.
    """
    folder = os.path.dirname(after.realpath)
    if after.content is None:
        return _remove(before, temporary, rename)
    owner = (after.uid, after.gid)
    make_folders(before.missing_folders, after.folder_mode, owner)
    _write(temporary, after)
    try:
        how = _put(before, after, temporary, rename)
    except BaseException:
        with contextlib.suppress(OSError):
            discard(temporary, (after,))
        raise
    sync_folder(folder)
    return how


def _put(
    before: FileState, after: FileState, temporary: str, rename: Rename
) -> Written:
    try:
        if before.content is None:
            _renamed(temporary, after.realpath, NO_REPLACE, before, rename)
        else:
            _exchange(before, after, temporary, rename)
    except OSError as err:
        if err.errno not in _MOUNTED:
            raise
        _require_at(before)
        os.unlink(temporary)
        _write_in_place(after)
        return 'in-place'
    return 'renamed'


def _renamed(
    source: str, destination: str, flags: int, before: FileState, rename: Rename
) -> bool:
    """Rename as `flags` say; False where the file system can only rename over a file.

    Then `before` is looked for first, and what comes between is lost: there is no way
    to see it.
    """
    try:
        rename(source, destination, flags)
        return True
    except (FileExistsError, FileNotFoundError):
        raise changed(before.path) from None
    except OSError as err:
        if err.errno not in _UNSUPPORTED:
            raise
    _require_at(before)
    rename(source, destination, REPLACE)
    return False


def _exchange(
    before: FileState, after: FileState, temporary: str, rename: Rename
) -> None:
    if not _renamed(temporary, after.realpath, EXCHANGE, before, rename):
        return
    try:
        if not is_at(temporary, before):
            raise changed(after.path)
        # The new name is on disk before the old bytes go.
        sync_folder(os.path.dirname(temporary))
        os.unlink(temporary)
    except BaseException:
        _change_back(after, temporary, rename)
        raise


def _change_back(after: FileState, temporary: str, rename: Rename) -> None:
    """Give back the place to what was there, be it the newest of several."""
    if not os.path.lexists(temporary):
        return
    rename(temporary, after.realpath, EXCHANGE)
    if not is_at(temporary, after):
        # Another program has replaced the file meanwhile: its file is the newer one.
        rename(temporary, after.realpath, EXCHANGE)
    os.unlink(temporary)


def _remove(before: FileState, temporary: str, rename: Rename) -> Written:
    """Take the name away first, look at what it was, and only then remove it."""
    real = before.realpath
    folder = os.path.dirname(real)
    if before.content is None:
        return 'none'
    _renamed(real, temporary, NO_REPLACE, before, rename)
    try:
        if not is_at(temporary, before):
            raise changed(before.path)
        sync_folder(folder)
        os.unlink(temporary)
    except BaseException:
        with contextlib.suppress(FileExistsError):
            rename(temporary, real, NO_REPLACE)
        raise
    sync_folder(folder)
    return 'removed'


def discard(
    temporary: str, states: tuple[FileState, ...], rename: Rename = rename
) -> None:
    """Clear a temporary name that a run left when it was cut short.

    A file of registry-host is removed: one of `states`, or as much as was written of
    it. It is a foreign file if the cut came before it was checked: it was the newer
    one, and gets its place back.
    """
    known = [state.content for state in states if state.content is not None]
    limit = max(map(len, known), default=0) + 1
    try:
        content = _content_at(temporary, limit)
    except FileNotFoundError:
        return
    if content is None:
        return
    if any(text.startswith(content) for text in known):
        os.unlink(temporary)
    else:
        _give_back(temporary, states[0].realpath, known, rename)
    sync_folder(os.path.dirname(temporary))


def _give_back(temporary: str, real: str, known: list[bytes], rename: Rename) -> None:
    try:
        rename(temporary, real, NO_REPLACE)
    except FileExistsError:
        if _content_at(real, max(map(len, known), default=0) + 1) in known:
            rename(temporary, real, EXCHANGE)
            os.unlink(temporary)


def is_at(path: str, state: FileState) -> bool:
    """Whether a real path holds the plain file that `state` describes."""
    try:
        found = os.stat(path, follow_symlinks=False)
        content = _content_at(path, len(state.content or b'') + 1)
    except FileNotFoundError:
        return state.content is None
    return content == state.content and (
        (stat.S_IMODE(found.st_mode), found.st_uid, group_of(found))
        == (state.mode, state.uid, state.gid)
    )


def _content_at(path: str, limit: int = -1) -> bytes | None:
    """Read a plain file, up to `limit` bytes; None for anything else."""
    found = os.stat(path, follow_symlinks=False)
    # Asked before opening: a FIFO would block, a device may act on being opened.
    if not stat.S_ISREG(found.st_mode):
        return None
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, 'rb') as file:
        # Others may make it as large as they like; one byte more is another content.
        return file.read(limit)


def _require_at(state: FileState) -> None:
    if not is_at(state.realpath, state):
        raise changed(state.path)


def changed(path: str) -> ConflictError:
    return ConflictError(
        Problem(
            code='file-changed',
            where=path,
            message='was changed outside registry-host since it was read',
            hint=repeat_with(''),
        )
    )


# Bytes and folders


def write_new(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file that must not exist yet, down to the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, mode)
    try:
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(temporary: str, state: FileState) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    try:
        try:
            write_all(fd, state.content or b'')
            _give(fd, state)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _give(fd: int, state: FileState) -> None:
    """Give a new file owner, mode and extended attributes."""
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != (state.uid, state.gid):
        os.fchown(fd, state.uid, state.gid)
    os.fchmod(fd, state.mode)
    if state.xattrs is None:
        return
    wanted, has = dict(state.xattrs), dict(xattrs_of(fd))
    for name, value in wanted.items():
        # A label that the folder has given may not be set again.
        if has.get(name) != value:
            os.setxattr(fd, name, value)
    for name in has.keys() - wanted.keys():
        # A default ACL of the folder; labels are the security module's own.
        if not name.startswith('security.'):
            os.removexattr(fd, name)
    os.fchmod(fd, state.mode)


def _write_in_place(state: FileState) -> None:
    """Overwrite a file that cannot be renamed over, its length cut last.

    Space is claimed first, so that a full disk cannot leave half of it. A power cut
    can: what is then there is known by `is_torn`.
    """
    content = state.content or b''
    fd = os.open(state.realpath, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        if len(content) > size:
            try:
                os.posix_fallocate(fd, 0, len(content))
            except OSError:
                os.ftruncate(fd, size)
                raise
        write_all(fd, content)
        os.ftruncate(fd, len(content))
        os.fsync(fd)
    finally:
        os.close(fd)


def is_torn(content: bytes, old: bytes, new: bytes) -> bool:
    """Whether this is what a cut through `_write_in_place` leaves, block by block."""
    if len(content) not in {len(old), len(new)}:
        return False
    size = len(content)
    old = old[:size].ljust(size, b'\0')
    new = new[:size].ljust(size, b'\0')
    for start in range(0, size, _BLOCK_BYTES):
        was, due, now = (
            text[start : start + _BLOCK_BYTES] for text in (old, new, content)
        )
        pairs = zip(now, due, strict=True)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if now[same:] != was[same:]:
            return False
    return True


def make_folders(
    folders: tuple[str, ...], mode: int, owner: tuple[int, int] | None = None
) -> None:
    """Make folders, outermost first; only the last one gets `mode` and `owner`."""
    for path in folders:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        # mkdir obeys the umask, which config management often sets to 077.
        os.chmod(path, mode if path == folders[-1] else 0o755)
        if owner and path == folders[-1] and os.geteuid() == 0:
            # In the folder of a host that does not run, root works for its users.
            os.chown(path, *owner)
        sync_folder(os.path.dirname(path))


def remove_folders(folders: tuple[str, ...]) -> None:
    """Remove folders that are still empty, innermost first."""
    for path in reversed(folders):
        try:
            os.rmdir(path)
        except OSError as err:
            if err.errno in (errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR):
                continue
            raise
        sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
