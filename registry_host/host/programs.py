"""Programs and processes of a host."""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

from registry_host.host.place import Place
from registry_host.host.records import Completed, Process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry_host.host.records import User


class Programs(Place):
    """Programs are run; processes are looked at and signalled."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 30.0,
        uid: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program of this host to its end, without a shell or standard input.

        `env` is its environment; by default, it inherits that of this process.
        """
        import signal
        import subprocess

        try:
            process = subprocess.Popen(  # noqa: S603 - no shell, argv from our own code
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**(self.environ if env is None else env), 'LC_ALL': 'C.UTF-8'},
                user=uid,
                start_new_session=True,
            )
        except OSError as err:
            return Completed(code=None, out='', err=err.strerror or str(err))
        try:
            out, err_out = process.communicate(timeout=timeout_s)
        except BaseException as err:
            # A script's own children too, or they would go on after this returns.
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

    def ask(
        self, argv: Sequence[str], question: bytes, *, user: User, timeout_s: float
    ) -> Completed:
        """Run a program as a user, with `question` on its standard input.

        In the environment of this process if it runs as that user, else in a fresh one.
        """
        from registry_host.host.userprograms import ask, environment_of

        is_other = user.uid != self.uid
        env = environment_of(user, self.environ) if is_other else self.environ
        return ask(
            argv,
            question,
            env={**env, 'LC_ALL': 'C.UTF-8'},
            user=user if is_other else None,
            timeout_s=timeout_s,
        )

    def start_detached(self, argv: Sequence[str]) -> None:
        """Start a program that outlives this process, its terminal and its session."""
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
        """Look at a process, if it runs in the pid namespace of this one.

        An engine inside a container is seen from outside too, and is not this host's.
        Its uid is the highest that it has: a setuid program belongs to the user who
        started it.
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
        status = self.proc_text(pid, 'status')
        ids = re.search(r'^Uid:([\s\d]+)$', status, re.MULTILINE)
        pids = re.search(r'^NSpid:([\s\d]+)$', status, re.MULTILINE)
        # A process in a child namespace has a pid there too; any user may see that.
        if ids is None or (pids is not None and len(pids[1].split()) > 1):
            return None
        uid = max(map(int, ids[1].split()))
        return Process(pid=pid, argv=tuple(map(os.fsdecode, words)), uid=uid)

    def namespace_of(self, pid: int | str, kind: str) -> str:
        """Name a namespace of a process; '' where that may not be seen."""
        try:
            return os.readlink(f'/proc/{pid}/ns/{kind}')
        except OSError:
            return ''

    def is_shared_with(self, pid: int, path: str) -> bool:
        """Whether a process and this one have the same file at a path, or none."""
        found: list[tuple[int, int] | None] = []
        for name in (path or '/', f'/proc/{pid}/root{path}'):
            try:
                status = os.stat(name)
                found.append((status.st_dev, status.st_ino))
            except OSError:
                found.append(None)
        return found[0] == found[1]

    def executable_of(self, pid: int) -> str:
        """Name the file that a process runs; '' where that may not be seen."""
        try:
            return os.readlink(f'/proc/{pid}/exe')
        except OSError:
            return ''

    def folder_of(self, pid: int) -> str:
        """Name the working folder of a process; '' where that may not be seen."""
        try:
            return os.readlink(f'/proc/{pid}/cwd')
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
        """Read /proc/FOLDER/NAME; empty where it is gone or may not be read."""
        try:
            with open(f'/proc/{folder}/{name}', 'rb') as file:
                return os.fsdecode(file.read())
        except OSError:
            return ''

    def signal(self, pid: int, number: int) -> None:
        os.kill(pid, number)

    def listeners(self, port: int) -> tuple[tuple[int, str], ...]:
        """Tell which processes listen on a TCP port, by pid and name; root sees all."""
        import psutil

        found: dict[int, str] = {}
        for each in psutil.net_connections('tcp'):
            is_listening = each.status == psutil.CONN_LISTEN and each.pid is not None
            if is_listening and each.laddr and each.laddr.port == port:
                with contextlib.suppress(psutil.Error):
                    found[each.pid or 0] = psutil.Process(each.pid).name()
        return tuple(found.items())
