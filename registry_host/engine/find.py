"""The engine of a host, found: by its process, its socket or its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.directives import Version, parse_flags, parse_version
from registry_host.engine.environment import of_file, of_process
from registry_host.errors import ConfigError, EngineError, Problem
from registry_host.host.invoker import find_invoker
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    EngineState = Literal['running', 'stopped', 'absent', 'unreachable', 'unknown']
    Packaging = Literal['system', 'rootless', 'snap']

    from registry_host.engine.answers import Container, Info
    from registry_host.host.host import Host
    from registry_host.host.records import Process, User


DAEMON_JSON = '/etc/docker/daemon.json'
PIDFILE = '/var/run/docker.pid'
SOCKET = '/var/run/docker.sock'
UNIT = 'docker.service'
SNAP_DAEMON_JSON = '/var/snap/docker/current/config/daemon.json'
SNAP_PIDFILE = '/run/snap.docker/docker.pid'
Flags = Mapping[str, tuple[str, ...]]


class EngineFacts(NamedTuple):
    """One engine, as far as it could be seen.

    `state`: running, stopped (installed), absent, unreachable (running, but its socket
    does not answer us), unknown (nothing was asked: a root folder). `flags` are those
    of the running process, or of the unit where it is stopped; `flags_origin` says
    which. `user` is whose files it reads, where it runs rootless.
    """

    state: EngineState
    packaging: Packaging = 'system'
    config_path: str = DAEMON_JSON
    socket_path: str = SOCKET
    program: str | None = None
    pid: int | None = None
    unit: str | None = None
    version: Version | None = None
    flags: Flags = MappingProxyType({})
    argv: tuple[str, ...] = ()
    flags_origin: str = ''
    user: User | None = None
    info: Info | None = None
    problem: Problem | None = None

    @property
    def is_running(self) -> bool:
        return self.state == 'running'

    @property
    def known_flags(self) -> Flags | None:
        """Its flags; None where it is not known whether it has any."""
        return self.flags if self.flags_origin else None


def look_at_engine(host: Host) -> EngineFacts:
    """Find the engine of this host; a root folder has none that could be asked."""
    return find_engine(host) if host.is_live else EngineFacts(state='unknown')


def find_engine(host: Host) -> EngineFacts:
    process = _find_process(host, _trusted_uids(host))
    if process is not None:
        return _running_engine(host, process)
    return _stopped_engine(host)


def _trusted_uids(host: Host) -> frozenset[int]:
    """Whose engine may be meant: root's, or the invoker's own.

    Any user can start a process by the name of dockerd, with flags that name any file.
    """
    invoker = find_invoker(host)
    return frozenset({0, invoker.uid} if invoker else {0})


def _find_process(host: Host, uids: frozenset[int]) -> Process | None:
    """Find dockerd by its pidfile, else among all processes; root's before a user's."""
    for pidfile in (PIDFILE, SNAP_PIDFILE):
        text = _read_small(host, pidfile)
        if text.isdigit() and host.proc_text(int(text), 'comm').strip() == 'dockerd':
            process = host.process(int(text))
            if process is not None and _is_trusted(host, process, uids):
                return process
    found = (p for p in host.processes('dockerd') if _is_trusted(host, p, uids))
    return min(found, key=lambda p: (p.uid, p.pid), default=None)


def _is_trusted(host: Host, process: Process, uids: frozenset[int]) -> bool:
    """Whether a process by the name of dockerd is one, and whose.

    Any program has the name that it is started by: `ln -s /usr/bin/sudo dockerd` makes
    one of root's that a user has given its arguments.
    """
    program = host.executable_of(process.pid).rpartition('/')[2]
    is_engine = program.startswith('dockerd') or not (program or host.is_root)
    return process.uid in uids and is_engine


def _read_small(host: Host, path: str) -> str:
    try:
        return (host.read(path).content or b'').decode('ascii', 'replace').strip()
    except ConfigError:
        return ''


def _running_engine(host: Host, process: Process) -> EngineFacts:
    from registry_host.engine.api import Client

    flags = parse_flags(process.argv)
    user = host.find_user(uid=process.uid) if process.uid else None
    environ = of_process(host, process.pid) if user else {}
    packaging = 'rootless' if user else _packaging(process.argv)
    socket_path = _socket_path(flags, user, environ)
    # A user's engine is a program of the user's choice, never to be run as root.
    program = None if user else host.program_of(process.pid)
    client = Client(host, socket_path)
    info, problem = None, None
    try:
        info = client.info()
    except PermissionError:
        problem = _permission_problem(socket_path)
    except (OSError, EngineError):
        problem = _unreachable_problem(socket_path)
    return EngineFacts(
        state='unreachable' if info is None else 'running',
        packaging=packaging,
        config_path=_config_path(flags, packaging, user, environ),
        socket_path=socket_path,
        program=program,
        pid=process.pid,
        unit=None if user else _unit_of(host, process.pid),
        version=info.version if info else _program_version(host, program),
        flags=flags,
        argv=process.argv,
        flags_origin=f'the command line of process {process.pid}',
        user=user,
        info=info,
        problem=problem,
    )


def _packaging(argv: tuple[str, ...]) -> Packaging:
    return 'snap' if argv[0].startswith('/snap/') else 'system'


def _config_path(
    flags: Flags, packaging: Packaging, user: User | None, environ: Mapping[str, str]
) -> str:
    """Say which file this engine reads, by moby's rules and docker-snap's packaging."""
    if given := flags.get('config-file'):
        return given[-1]
    if user is not None:
        folder = environ.get('XDG_CONFIG_HOME') or f'{user.home}/.config'
        return f'{folder}/docker/daemon.json'
    return SNAP_DAEMON_JSON if packaging == 'snap' else DAEMON_JSON


def _socket_path(flags: Flags, user: User | None, environ: Mapping[str, str]) -> str:
    for address in flags.get('host', ()):
        if address.startswith('unix://') and len(address) > len('unix://'):
            return address.removeprefix('unix://')
    if user is not None:
        folder = environ.get('XDG_RUNTIME_DIR') or f'/run/user/{user.uid}'
        return f'{folder}/docker.sock'
    return SOCKET


def _unit_of(host: Host, pid: int) -> str | None:
    """Name the system service that a process belongs to, by its control group."""
    for line in host.proc_text(pid, 'cgroup').splitlines():
        name = line.rpartition('/')[2]
        if name.endswith('.service') and '/user.slice/' not in line:
            return name
    return None


def _stopped_engine(host: Host) -> EngineFacts:
    program = host.find_program('dockerd')
    if program is None:
        return EngineFacts(state='absent')
    argv = _unit_argv(host)
    flags = parse_flags(argv)
    return EngineFacts(
        state='stopped',
        program=program,
        config_path=_config_path(flags, 'system', None, {}),
        unit=UNIT if argv else None,
        version=_program_version(host, program),
        flags=flags,
        argv=argv,
        flags_origin=f'ExecStart of {UNIT}',
    )


def _program_version(host: Host, program: str | None) -> Version | None:
    if program is None:
        return None
    return parse_version(host.run([program, '--version']).out)


def _unit_argv(host: Host) -> tuple[str, ...]:
    """Read the command line that the unit would start, its variables filled in."""
    properties = ('ExecStart', 'Environment', 'EnvironmentFiles')
    shown = host.run(
        ['systemctl', 'show', *(f'--property={name}' for name in properties), UNIT]
    )
    values = dict(line.split('=', 1) for line in shown.out.splitlines() if '=' in line)
    command = re.search(r'argv\[\]=(.*?) ; ', values.get('ExecStart', ''))
    if not command:
        return ()
    variables = _split_environment(values.get('Environment', ''))
    for path in re.findall(
        r'(\S+) \(ignore_errors=', values.get('EnvironmentFiles', '')
    ):
        variables.update(of_file(host, path))
    words: list[str] = []
    for word in command[1].split():
        name = re.fullmatch(r'\$\{?(\w+)\}?', word)
        words += variables.get(name[1], '').split() if name else [word]
    return tuple(words)


def _split_environment(text: str) -> dict[str, str]:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return dict(word.split('=', 1) for word in words if '=' in word)


def _permission_problem(socket_path: str) -> Problem:
    return Problem(
        code='engine-permission',
        where=socket_path,
        message='permission denied, so the live engine could not be asked',
        hint='run it with sudo',
    )


def _unreachable_problem(socket_path: str) -> Problem:
    return Problem(
        code='engine-unreachable',
        where=socket_path,
        message='dockerd runs, but does not answer here',
        hint='journalctl -u docker.service -n 20',
    )


def running_containers(host: Host, engine: EngineFacts) -> tuple[Container, ...]:
    """List them; () where the engine does not tell."""
    if engine.info is None or not engine.info.running_containers:
        return ()
    from registry_host.engine.api import Client

    try:
        return Client(host, engine.socket_path).running()
    except (OSError, EngineError):
        return ()
