"""The engines that run on this host, told apart, and the one that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.directives import parse_flags
from registry_host.engine.environment import of_process
from registry_host.engine.sockets import SOCKET, UNIX, Listening, listening_of
from registry_host.errors import ConfigError, Problem, quoted
from registry_host.host.invoker import find_invoker
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Literal

    from registry_host.host.host import Host
    from registry_host.host.records import Process, User

    Packaging = Literal['system', 'rootless', 'snap']

DAEMON_JSON = '/etc/docker/daemon.json'
PIDFILE = '/var/run/docker.pid'
UNIT = 'docker.service'
SNAP_UNIT = 'snap.docker.dockerd.service'
SNAP_DAEMON_JSON = '/var/snap/docker/current/config/daemon.json'


class Running(NamedTuple):
    """One engine that runs, by its process. `user` is whose it is, where rootless."""

    process: Process
    packaging: Packaging
    flags: Mapping[str, tuple[str, ...]]
    config_path: str
    listening: Listening
    unit: str | None = None
    user: User | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def __str__(self) -> str:
        by = f'{self.unit}, ' if self.unit else ''
        return (
            f'process {self.pid} ({by}{self.listening.address}, reads '
            f'{self.config_path})'
        )


def find_running(host: Host) -> tuple[Running, ...]:
    """Find the engines of this host, root's before a user's."""
    uids = _trusted_uids(host)
    found = (
        process
        for process in host.processes('dockerd')
        if _is_trusted(host, process, uids) and _is_of_this_host(host, process)
    )
    return tuple(
        _running(host, process)
        for process in sorted(found, key=lambda p: (p.uid, p.pid))
    )


def find_of_unit(host: Host) -> Running | None:
    """Find the engine of docker.service by its pidfile: it is the one that is meant.

    None where it takes a look at all processes to know. See choose().
    """
    text = _read_small(host, PIDFILE)
    process = host.process(int(text)) if text.isdecimal() else None
    if process is None or process.uid or not process.argv:
        return None
    if not _is_trusted(host, process, _trusted_uids(host)):
        return None
    if _unit_of(host, process.pid) != UNIT or not _is_of_this_host(host, process):
        return None
    return _running(host, process)


def _trusted_uids(host: Host) -> frozenset[int]:
    """Whose engine may be meant: root's, or the invoker's own.

    Any user can start a process by the name of dockerd, with flags that name any file.
    """
    invoker = find_invoker(host)
    return frozenset({0, invoker.uid} if invoker else {0})


def _is_trusted(host: Host, process: Process, uids: frozenset[int]) -> bool:
    """Whether a process by the name of dockerd is one, and whose.

    Any program has the name that it is started by: `ln -s /usr/bin/sudo dockerd` makes
    one of root's that a user has given its arguments.
    """
    program = host.executable_of(process.pid).rpartition('/')[2]
    is_engine = program.startswith('dockerd') or not (program or host.is_root)
    return process.uid in uids and is_engine


def _is_of_this_host(host: Host, process: Process) -> bool:
    """Whether an engine reads the files that registry-host would write.

    One in another mount namespace is a container's (docker:dind), and not this host's,
    but for two: an engine of the unit whose unit hides folders of no concern to it
    (PrivateTmp=), and a rootless one, which RootlessKit gives a namespace of its own.
    """
    space = host.namespace_of(process.pid, 'mnt')
    if process.uid or not space or space == host.namespace_of('self', 'mnt'):
        return True
    is_hosts = space == host.namespace_of(1, 'mnt')
    is_hosts = is_hosts or _unit_of(host, process.pid) in (UNIT, SNAP_UNIT)
    flags = parse_flags(process.argv)
    config_path = _config_path(flags, _packaging(process.argv), None, {})
    folders = ('/', '/run', config_path.rpartition('/')[0])
    return is_hosts and all(host.is_shared_with(process.pid, path) for path in folders)


def _running(host: Host, process: Process) -> Running:
    flags = parse_flags(process.argv)
    user = host.find_user(uid=process.uid) if process.uid else None
    environ = of_process(host, process.pid) if user else {}
    packaging = 'rootless' if user else _packaging(process.argv)
    config_path = _config_path(flags, packaging, user, environ)
    unit = None if user else _unit_of(host, process.pid)
    folder = environ.get('XDG_RUNTIME_DIR') or (f'/run/user/{user.uid}' if user else '')
    listening = listening_of(
        host, flags, config_path, user=user, runtime_folder=folder, unit=unit
    )
    return Running(process, packaging, flags, config_path, listening, unit, user)


def _packaging(argv: tuple[str, ...]) -> Packaging:
    return 'snap' if argv[0].startswith('/snap/') else 'system'


def _config_path(
    flags: Mapping[str, tuple[str, ...]],
    packaging: Packaging,
    user: User | None,
    environ: Mapping[str, str],
) -> str:
    """Say which file this engine reads, by moby's rules and docker-snap's packaging."""
    if given := flags.get('config-file'):
        return given[-1]
    if user is not None:
        folder = environ.get('XDG_CONFIG_HOME') or f'{user.home}/.config'
        return f'{folder}/docker/daemon.json'
    return SNAP_DAEMON_JSON if packaging == 'snap' else DAEMON_JSON


def _unit_of(host: Host, pid: int) -> str | None:
    """Name the system service that a process belongs to, by its control group."""
    for line in host.proc_text(pid, 'cgroup').splitlines():
        name = line.rpartition('/')[2]
        if name.endswith('.service') and '/user.slice/' not in line:
            return name
    return None


# The one that is meant


def choose(host: Host, engines: Sequence[Running]) -> Running | None:
    """Choose the engine that is this host's; None where nothing tells it from others.

    That of the unit, or of the usual socket, or of the usual pidfile; among others,
    that which DOCKER_HOST names, as the docker client has it.
    """
    left = [
        engine for engine in engines if engine.process.uid == engines[0].process.uid
    ]
    for is_it in _marks(host):
        if len(left) == 1:
            break
        left = [engine for engine in left if is_it(engine)] or left
    return left[0] if len(left) == 1 else None


def _marks(host: Host) -> Iterator[Callable[[Running], bool]]:
    """Yield what tells one engine from others, the surest first."""
    yield lambda engine: engine.unit == UNIT
    yield lambda engine: engine.unit == SNAP_UNIT
    yield lambda engine: engine.listening.address == SOCKET
    text = _read_small(host, PIDFILE)
    yield lambda engine: text == str(engine.pid)
    wanted = host.environ.get('DOCKER_HOST', '').removeprefix(UNIX)
    yield lambda engine: bool(wanted) and engine.listening.address == wanted


def _read_small(host: Host, path: str) -> str:
    try:
        return (host.read(path).content or b'').decode('ascii', 'replace').strip()
    except ConfigError:
        return ''


def ambiguous(engines: Sequence[Running]) -> Problem:
    """Name the engines of which none is told from the others."""
    address = engines[0].listening.address
    named = address if '://' in address else f'{UNIX}{address}'
    return Problem(
        code='engine-ambiguous',
        where='engine',
        message=f'{len(engines)} engines run, and none by {UNIT} or at {SOCKET}: '
        + '; '.join(map(str, engines))
        + '; name the socket of the one that is meant by DOCKER_HOST',
        hint=f'sudo env DOCKER_HOST={quoted(named)} registry-host doctor',
    )
