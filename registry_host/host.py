"""The one module that writes, runs, connects or resolves; all of it below one root."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from registry_host.errors import ConfigError, LockedError, Problem
from registry_host.plan import FileState, User

if TYPE_CHECKING:
    import socket

    from registry_host.lookups import Lookup
    from registry_host.privileges import Result
    from registry_host.wire import Answer, Request

FILE_LIMIT_BYTES = 16 * 1024 * 1024
LINKS_LIMIT = 40
STATE_FOLDER = '/var/lib/registry-host'


class Completed(NamedTuple):
    """How a program ended. `code` is None where it could not be started."""

    code: int | None
    out: str
    err: str

    @property
    def is_ok(self) -> bool:
        return self.code == 0


class Process(NamedTuple):
    pid: int
    argv: tuple[str, ...]
    uid: int


class Host:
    """A Linux host, or the folder of one that does not run (`root`).

    Links are followed inside the root, as they would be once it runs. Subclass it to
    make one operation fail in a test.
    """

    def __init__(self, root: str = '/', environ: Mapping[str, str] | None = None):
        self.root = os.path.realpath(root).rstrip('/')
        self.environ = dict(os.environ if environ is None else environ)

    @property
    def is_live(self) -> bool:
        return not self.root

    @property
    def uid(self) -> int:
        return os.geteuid()

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    # Files

    def resolve(self, path: str) -> str:
        """Follow every link of `path` without ever leaving the root."""
        pending = path.split('/')[::-1]
        real, links = self.root, 0
        while pending:
            part = pending.pop()
            if part in ('', '.'):
                continue
            if part == '..':
                real = real if real == self.root else os.path.dirname(real)
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

    def read(
        self, path: str, *, user: User | None = None, folder_mode: int = 0o755
    ) -> FileState:
        """Read a file that may be absent; ConfigError for anything but a plain file."""
        try:
            state = self._as(user, lambda: self._read(path, user))
            return state._replace(folder_mode=folder_mode)
        except OSError as err:
            raise ConfigError(_unreadable(path, err, user)) from None

    def read_argument(self, path: str) -> FileState:
        """Read a file named on our own command line: of this machine, whatever root."""
        return Host().read(os.path.abspath(path))

    def read_input(self) -> bytes:
        return sys.stdin.buffer.read(FILE_LIMIT_BYTES + 1)

    def _read(self, path: str, user: User | None) -> FileState:
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
        try:
            found = os.stat(real, follow_symlinks=False)
        except FileNotFoundError:
            return absent
        # Asked before opening: a FIFO would block, a device may act on being opened.
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(_not_a_file(path, found.st_mode))
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, 'rb') as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(_not_a_file(path, found.st_mode))
            content = file.read(FILE_LIMIT_BYTES + 1)
        return absent._replace(
            content=content,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
        )

    def replace_file(self, state: FileState) -> str:
        """Make the file what `state` says, whole or not at all, safe on a power cut.

        Returns how: 'renamed', 'in-place' (a bind mount cannot be renamed over) or
        'removed'. Raises OSError with the old file as it was.
        """
        return self._as(state.user, lambda: self._replace_file(state))

    def _replace_file(self, state: FileState) -> str:
        folder = os.path.dirname(state.realpath)
        if state.content is None:
            os.unlink(state.realpath)
            _fsync_folder(folder)
            return 'removed'
        # A link may point to nowhere; only the folders of the name itself are ours.
        if folder == self.resolve(os.path.dirname(state.path)):
            _make_folders(folder, state.folder_mode)
        temporary = self._write_beside(state)
        try:
            self.rename(temporary, state.realpath)
        except BaseException as err:
            os.unlink(temporary)
            if not _is_mounted_on(err):
                raise
            _write_in_place(state)
            return 'in-place'
        _fsync_folder(folder)
        return 'renamed'

    def rename(self, source: str, destination: str) -> None:
        os.rename(source, destination)

    def _write_beside(self, state: FileState) -> str:
        folder, name = os.path.split(state.realpath)
        temporary = f'{folder}/.{name}.{os.urandom(6).hex()}.registry-host'
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(temporary, flags, 0o600)
        try:
            try:
                _write_all(fd, state.content or b'')
                _give(fd, state)
                os.fsync(fd)
            finally:
                os.close(fd)
        except BaseException:
            os.unlink(temporary)
            raise
        return temporary

    def exists(self, path: str) -> bool:
        return os.path.exists(self.resolve(path))

    def names(self, folder: str) -> tuple[str, ...]:
        """List a folder; nothing where there is none, or it is not ours to read."""
        try:
            return tuple(sorted(os.listdir(self.resolve(folder))))
        except OSError:
            return ()

    # Whose privileges

    def _as(self, user: User | None, work: Callable[[], Result]) -> Result:
        """Do `work` in a child that has given root away for good, if root we are.

        A path below a home is the user's to redirect, so the kernel must check it with
        the user's rights, not ours. In the folder of a host that does not run there is
        no such user, and its links cannot leave it.
        """
        if user is None or not self.is_live or os.geteuid() != 0 or user.uid == 0:
            return work()
        from registry_host.privileges import run_as

        return run_as(user, work)

    def users(self) -> Iterator[User]:
        state = self.read('/etc/passwd')
        for line in (state.content or b'').decode('utf-8', 'replace').splitlines():
            fields = line.split(':')
            if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
                yield User(
                    name=fields[0],
                    uid=int(fields[2]),
                    gid=int(fields[3]),
                    home=fields[5],
                )

    def find_user(
        self, *, name: str | None = None, uid: int | None = None
    ) -> User | None:
        """Find a user by name or uid, in passwd and, live, in what nsswitch adds."""
        if not self.is_live:
            known = (u for u in self.users() if u.name == name or u.uid == uid)
            return next(known, None)
        import pwd

        try:
            found = pwd.getpwnam(name) if name is not None else pwd.getpwuid(uid or 0)
        except KeyError:
            return None
        return User(
            name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid, home=found.pw_dir
        )

    # One writer at a time

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the one writer's lock; LockedError if another run does.

        The state folder itself is what is locked: it needs no file of its own, exists
        under any root, and nobody but root can put another in its place.
        """
        import fcntl

        folder = self.resolve(STATE_FOLDER)
        _make_folders(folder, 0o700)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LockedError(
                    Problem(
                        code='locked',
                        where=STATE_FOLDER,
                        message='another run is changing this host',
                        hint='try again when it has ended',
                    )
                ) from None
            yield
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def private_file(self, content: bytes) -> Iterator[str]:
        """A file for another program to read, which only root can, gone afterwards."""
        folder = self.resolve(STATE_FOLDER)
        _make_folders(folder, 0o700)
        path = f'{folder}/candidate.{os.urandom(6).hex()}'
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                _write_all(fd, content)
            finally:
                os.close(fd)
            yield path
        finally:
            os.unlink(path)

    # Programs and processes

    def run(
        self, argv: Sequence[str], *, timeout_s: float = 30.0, uid: int | None = None
    ) -> Completed:
        """Run a program of this host to its end, without a shell or standard input."""
        import subprocess

        try:
            done = subprocess.run(  # noqa: S603 - no shell, argv from our own code
                list(argv),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                env={**self.environ, 'LC_ALL': 'C.UTF-8'},
                user=uid,
            )
        except subprocess.TimeoutExpired:
            return Completed(code=None, out='', err=f'no end within {timeout_s:.0f} s')
        except OSError as err:
            return Completed(code=None, out='', err=err.strerror or str(err))
        return Completed(
            code=done.returncode,
            out=done.stdout.decode('utf-8', 'replace'),
            err=done.stderr.decode('utf-8', 'replace'),
        )

    def find_program(self, name: str) -> str | None:
        """Find a program in PATH and in the folders that sudo may have left out."""
        folders = [*self.environ.get('PATH', '').split(':'), '/usr/sbin', '/sbin']
        candidates = (f'{folder}/{name}' for folder in folders if folder)
        return next((path for path in candidates if os.access(path, os.X_OK)), None)

    def process(self, pid: int) -> Process | None:
        """Look at a process, if it runs in our own pid namespace.

        An engine inside a container is seen from outside too, and is not this host's.
        """
        try:
            if os.readlink(f'/proc/{pid}/ns/pid') != os.readlink('/proc/self/ns/pid'):
                return None
        except PermissionError:
            pass  # Not root: cmdline and owner are readable all the same.
        except OSError:
            return None
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                words = file.read().split(b'\0')[:-1]
            uid = os.stat(f'/proc/{pid}').st_uid
        except OSError:
            return None
        return Process(pid=pid, argv=tuple(map(os.fsdecode, words)), uid=uid)

    def program_of(self, pid: int) -> str | None:
        """Find the file that a process runs; one upgraded since, by its name."""
        try:
            path = os.readlink(f'/proc/{pid}/exe')
        except OSError:
            path = ''
        if path and not path.endswith(' (deleted)'):
            return path
        return self.find_program('dockerd')

    def processes(self, name: str) -> tuple[Process, ...]:
        """Look through all processes for those whose program has this name."""
        import psutil

        named = (p.pid for p in psutil.process_iter(['name']) if p.info['name'] == name)
        found = (self.process(pid) for pid in named)
        return tuple(process for process in found if process and process.argv)

    def proc_text(self, pid: int, name: str) -> str:
        """Read /proc/PID/NAME; empty where it is gone or not ours to read."""
        try:
            with open(f'/proc/{pid}/{name}', 'rb') as file:
                return os.fsdecode(file.read())
        except OSError:
            return ''

    def signal(self, pid: int, number: int) -> None:
        os.kill(pid, number)

    # Connections

    def http_get(self, request: Request) -> Answer:
        """Send one GET; ConnectionFailed says why there was no answer."""
        from registry_host.wire import get

        return get(request)

    def look_up(self, name: str, nameserver: str, *, timeout_s: float) -> Lookup:
        """Ask one nameserver for the addresses of a name."""
        from registry_host.lookups import look_up

        return look_up(name, nameserver, timeout_s=timeout_s)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Resolve a name the way this host's programs do; () where it cannot."""
        from registry_host.lookups import system_addresses

        return system_addresses(name)

    def connect_unix(self, path: str, *, timeout_s: float) -> socket.socket:
        import socket

        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except BaseException:
            connection.close()
            raise
        return connection


def _is_mounted_on(err: BaseException) -> bool:
    return isinstance(err, OSError) and err.errno in (errno.EBUSY, errno.EXDEV)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _give(fd: int, state: FileState) -> None:
    """Give a new file the owner, mode and xattrs of the one that it replaces."""
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != (state.uid, state.gid):
        os.fchown(fd, state.uid, state.gid)
    os.fchmod(fd, state.mode)
    try:
        names = os.listxattr(state.realpath)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTSUP):
            return
        raise
    for name in names:
        value = os.getxattr(state.realpath, name)
        # A label that the folder gave already may not be ours to set again.
        if name not in os.listxattr(fd) or os.getxattr(fd, name) != value:
            os.setxattr(fd, name, value)


def _write_in_place(state: FileState) -> None:
    """Overwrite a file that cannot be renamed over, its length cut last.

    Space is claimed first, so that a full disk cannot leave half of it.
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
        _write_all(fd, content)
        os.ftruncate(fd, len(content))
        os.fsync(fd)
    finally:
        os.close(fd)


def _make_folders(path: str, mode: int) -> None:
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    _make_folders(parent, 0o755)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
        # mkdir obeys the umask, which config management often sets to 077.
        os.chmod(path, mode)
        _fsync_folder(parent)


def _fsync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _not_a_file(path: str, mode: int) -> Problem:
    kind = 'a folder' if stat.S_ISDIR(mode) else 'not a plain file'
    return Problem(
        code='config-not-a-file',
        where=path,
        message=f'is {kind} where a file is due',
        hint=f'look at it, then move it away: ls -ld {path}',
    )


def _unreadable(path: str, err: OSError, user: User | None) -> Problem:
    reader = f' as {user.name}' if user else ''
    hint = f'run it with sudo, or look at: namei -l {path}'
    if user and err.errno == errno.EACCES:
        hint = f'give it back to its user: sudo chown {user.name}: {path}'
    return Problem(
        code='config-unreadable',
        where=path,
        message=f'cannot be read{reader} ({err.strerror})',
        hint=hint,
    )
