"""The one module that writes, runs, connects or resolves; all of it below one root."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from registry_host.errors import ConfigError, LockedError, Problem, quoted
from registry_host.files import group_of, missing_folders, xattrs_of
from registry_host.plan import FileState, User

if TYPE_CHECKING:
    import socket

    from registry_host.lookups import Lookup
    from registry_host.privileges import Result
    from registry_host.wire import Answer, Request

# The largest config, or settings file, that is read.
FILE_LIMIT_BYTES = 16 * 1024 * 1024
# The largest file of the state folder. A journal holds each file of a run twice, in
# base64, and a run that is under way may add to it: see checkpoints.save_journal.
STATE_LIMIT_BYTES = 128 * 1024 * 1024
LINKS_LIMIT = 40
RESOLV_CONF = '/etc/resolv.conf'
STATE_FOLDER = '/var/lib/registry-host'
# An unfinished run's, and that of a run on approval.
JOURNAL = f'{STATE_FOLDER}/journal.json'
PENDING = f'{STATE_FOLDER}/pending.json'
LEDGER = f'{STATE_FOLDER}/ledger.json'
# DNS managers that could not be told that their files are back.
UNTOLD = f'{STATE_FOLDER}/untold.json'
# What a recovery could not put back yet.
LEFT_BEHIND = f'{STATE_FOLDER}/left-behind'
LOCK_POLL_S = 0.02
# Marks a name that is ours and in passing.
TEMPORARY = '.registry-host'


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
    name: str = ''


class Host:
    """A Linux host, or the folder of one that does not run (`root`).

    Links are followed inside the root, as they would be once it runs. Subclass it to
    make one operation fail in a test.
    """

    def __init__(self, root: str = '/', environ: Mapping[str, str] | None = None):
        self.root = os.path.realpath(root).rstrip('/')
        self.environ = dict(os.environ if environ is None else environ)
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
        """Read standard input; ConfigError if it is larger than any config may be."""
        content = sys.stdin.buffer.read(FILE_LIMIT_BYTES + 1)
        _require_size('standard input', content, FILE_LIMIT_BYTES)
        return content

    def read_state(self, path: str) -> FileState:
        """Read a file of the state folder that may be absent.

        A root folder may have come from elsewhere with its state folder, and root acts
        on what that says: ConfigError if anybody else could have written it.
        """
        try:
            self._require_trusted_state(path)
            return self._read(path, None, limit=STATE_LIMIT_BYTES)
        except OSError as err:
            raise ConfigError(_unreadable(path, err, None)) from None

    def below_root(self, path: str) -> str:
        """Name a file as this machine does, for a command to be pasted."""
        return f'{self.root}{path}'

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
            message=f'{why}, so others than root may have written what it says',
            hint=f'to go on without the history of earlier runs: mv -T {quoted(name)} '
            f'{quoted(name + ".untrusted")}',
        )

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
            # A link may point to nowhere; only the folders of the name itself are ours.
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
            _require_size(path, content, limit)
            xattrs = xattrs_of(fd)
        return absent._replace(
            content=content,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=group_of(found),
            xattrs=xattrs,
        )

    def temporary_for(self, state: FileState) -> str:
        """Make up a name beside a file that nobody can guess, and so not take."""
        folder, name = os.path.split(state.realpath)
        return f'{folder}/.{name}.{os.urandom(8).hex()}{TEMPORARY}'

    def replace_file(
        self, before: FileState, after: FileState, temporary: str | None = None
    ) -> str:
        """Make the file what `after` says, if it still is what `before` says.

        Whole or not at all, and safe on a power cut. Returns how: see
        replacing.replace. Raises ConflictError, or OSError with the old file as it was.
        """
        # Imported here: a child that has given root away may not be able to.
        from registry_host import replacing

        beside = temporary or self.temporary_for(after)
        self._require_trusted(after)
        return self._as(
            after.user, lambda: replacing.replace(before, after, beside, self.rename)
        )

    def rename(self, source: str, destination: str, flags: int) -> None:
        from registry_host.replacing import rename

        rename(source, destination, flags)

    def discard(self, temporary: str, states: tuple[FileState, ...]) -> None:
        """Remove what a run that was cut short left under a temporary name of ours."""
        from registry_host import replacing

        def discard() -> str:
            replacing.discard(temporary, states, self.rename)
            return ''

        self._as(states[0].user, discard)

    def remove_folders(self, state: FileState) -> None:
        """Remove the folders that were made for a file, as far as they are empty."""
        from registry_host import replacing

        def remove() -> str:
            replacing.remove_folders(state.missing_folders)
            return ''

        if state.missing_folders:
            self._as(state.user, remove)

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

    def invoker_name(self) -> str:
        """Name who runs us: the one behind sudo, else our own uid's name."""
        if name := self.environ.get('SUDO_USER', ''):
            return name
        user = Host().find_user(uid=self.uid)
        return user.name if user else str(self.uid)

    # One writer at a time, and what it remembers

    @contextlib.contextmanager
    def lock(self, timeout_s: float = 0.0) -> Iterator[None]:
        """Hold the one writer's lock; LockedError if another run does all that time.

        The state folder itself is what is locked: it needs no file of its own, exists
        under any root, and nobody but root can put another in its place.
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
                # Whoever waited may hold the lock of a folder that is gone.
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
        from registry_host.replacing import make_folders

        self._require_trusted_state(STATE_FOLDER)
        folder = self.resolve(STATE_FOLDER)
        make_folders(missing_folders(folder), 0o700)
        found = os.stat(folder)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.chmod(folder, 0o700)
        return folder

    def write_state(self, path: str, content: bytes) -> None:
        """Write a file below the state folder, whole, on disk, and root's alone."""
        from registry_host import replacing

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
        from registry_host import replacing

        real, place = self._state_name(source), self._state_name(destination)
        os.rename(real, place)
        for folder in {os.path.dirname(place), os.path.dirname(real)}:
            replacing.sync_folder(folder)

    def make_state_folder(self, path: str) -> None:
        from registry_host import replacing

        replacing.make_folders(missing_folders(self.resolve(path)), 0o700)

    def clean_state(self) -> None:
        """Remove what runs that were cut short left in passing; for a lock's holder."""
        for folder in (STATE_FOLDER, f'{STATE_FOLDER}/checkpoints', LEFT_BEHIND):
            for name in self.names(folder):
                if name.endswith(TEMPORARY):
                    self.remove_state(f'{folder}/{name}')

    def remove_state(self, path: str) -> None:
        from registry_host import replacing

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
        """A file for another program to read, which only root can, gone afterwards."""
        path = f'{STATE_FOLDER}/candidate.{os.urandom(8).hex()}{TEMPORARY}'
        try:
            self._state_folder()
            self.write_state(path, content)
            yield self.resolve(path)
        finally:
            self.remove_state(path)

    # Programs and processes

    def run(
        self, argv: Sequence[str], *, timeout_s: float = 30.0, uid: int | None = None
    ) -> Completed:
        """Run a program of this host to its end, without a shell or standard input."""
        import signal
        import subprocess

        try:
            process = subprocess.Popen(  # noqa: S603 - no shell, argv from our own code
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self.environ, 'LC_ALL': 'C.UTF-8'},
                user=uid,
                start_new_session=True,
            )
        except OSError as err:
            return Completed(code=None, out='', err=err.strerror or str(err))
        try:
            out, err_out = process.communicate(timeout=timeout_s)
        except BaseException as err:
            # A script's own children too, or they would go on after we went back.
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if not isinstance(err, subprocess.TimeoutExpired):
                raise
            return Completed(code=None, out='', err=f'no end within {timeout_s:.0f} s')
        return Completed(
            code=process.returncode,
            out=out.decode('utf-8', 'replace'),
            err=err_out.decode('utf-8', 'replace'),
        )

    def start_detached(self, argv: Sequence[str]) -> None:
        """Start a program that outlives us, our terminal and our session."""
        import subprocess

        subprocess.Popen(  # noqa: S603 - no shell, argv from our own code
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd='/',
            start_new_session=True,
        )

    def boot_clock(self) -> tuple[str, float]:
        """Tell which boot this is, and its seconds, those asleep included."""
        boot = self.proc_text('sys/kernel/random', 'boot_id').strip()
        return boot, time.clock_gettime(time.CLOCK_BOOTTIME)

    def find_program(self, name: str) -> str | None:
        """Find a program in PATH and in the folders that sudo may have left out."""
        folders = [*self.environ.get('PATH', '').split(':'), '/usr/sbin', '/sbin']
        candidates = (f'{folder}/{name}' for folder in folders if folder)
        return next((path for path in candidates if os.access(path, os.X_OK)), None)

    def process(self, pid: int) -> Process | None:
        """Look at a process, if it runs in our own pid namespace.

        An engine inside a container is seen from outside too, and is not this host's.
        Its uid is the highest that it has: a program that lends root to whoever starts
        it (setuid) is theirs.
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
        except OSError:
            return None
        ids = re.search(r'^Uid:([\s\d]+)$', self.proc_text(pid, 'status'), re.MULTILINE)
        if ids is None:
            return None
        uid = max(map(int, ids[1].split()))
        return Process(pid=pid, argv=tuple(map(os.fsdecode, words)), uid=uid)

    def executable_of(self, pid: int) -> str:
        """Name the file that a process runs; '' where that is not ours to see."""
        try:
            return os.readlink(f'/proc/{pid}/exe')
        except OSError:
            return ''

    def program_of(self, pid: int) -> str | None:
        """Find the file that a process runs; one upgraded since, by its name."""
        path = self.executable_of(pid)
        if path and not path.endswith(' (deleted)'):
            return path
        return self.find_program('dockerd')

    def processes(self, *names: str) -> tuple[Process, ...]:
        """Look through all processes for those whose program has one of these names."""
        import psutil

        running = ((p.pid, p.info['name']) for p in psutil.process_iter(['name']))
        found = ((self.process(pid), name) for pid, name in running if name in names)
        return tuple(
            process._replace(name=name)
            for process, name in found
            if process and process.argv
        )

    def proc_text(self, folder: int | str, name: str) -> str:
        """Read /proc/FOLDER/NAME; empty where it is gone or not ours to read."""
        try:
            with open(f'/proc/{folder}/{name}', 'rb') as file:
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


def _require_size(path: str, content: bytes, limit: int) -> None:
    """Refuse what was cut off, before it is taken for the whole."""
    if len(content) > limit:
        raise ConfigError(
            Problem(
                code='config-too-large',
                where=path,
                message=f'is larger than {limit // 2**20} MiB, the most that is read',
                hint=f'look at it: ls -l {quoted(path)}',
            )
        )


def give_back(path: str, user: User) -> str:
    """The command that gives a user a file of theirs, and no other file of the host.

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


def _locked() -> Problem:
    return Problem(
        code='locked',
        where=STATE_FOLDER,
        message='another run is changing this host',
        hint='try again when it has ended, or wait longer: --lock-timeout SECONDS',
    )


def _not_trusted(path: str, folder: str, uid: int) -> Problem:
    return Problem(
        code='path-untrusted',
        where=path,
        message=f'{folder} can be changed by others than root (owner: uid {uid}), '
        'so root does not write there',
        hint=f'chown root: {quoted(folder)} && chmod go-w {quoted(folder)}',
    )


def _not_a_file(path: str, mode: int) -> Problem:
    kind = 'a folder' if stat.S_ISDIR(mode) else 'not a plain file'
    return Problem(
        code='config-not-a-file',
        where=path,
        message=f'is {kind} where a file is due',
        hint=f'look at it, then move it away: ls -ld {quoted(path)}',
    )


def _unreadable(path: str, err: OSError, user: User | None) -> Problem:
    reader = f' as {user.name}' if user else ''
    hint = f'look at: sudo namei -l {quoted(path)}'
    if user is None and err.errno == errno.EACCES:
        hint = f'run it with sudo, or {hint}'
    if user and err.errno == errno.EACCES:
        hint += f"; is it root's by mistake? {give_back(path, user)}"
    return Problem(
        code='config-unreadable',
        where=path,
        message=f'cannot be read{reader} ({err.strerror})',
        hint=hint,
    )
