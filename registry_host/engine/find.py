"""The engine of a host, found: by its process, its socket or its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.directives import Version, parse_flags, parse_version
from registry_host.engine.environment import of_file
from registry_host.engine.flagplaces import places_of
from registry_host.engine.running import (
    DAEMON_JSON,
    UNIT,
    ambiguous,
    choose,
    find_of_unit,
    find_running,
)
from registry_host.engine.sockets import SOCKET, UNIX, listening_of
from registry_host.errors import EngineError, Finding, Problem, repeat_with
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    EngineState = Literal['running', 'stopped', 'absent', 'unreachable', 'unknown']
    from registry_host.engine.answers import Container, Info
    from registry_host.engine.flagplaces import FlagPlace
    from registry_host.engine.running import Packaging, Running
    from registry_host.host.host import Host
    from registry_host.host.records import User


Flags = Mapping[str, tuple[str, ...]]


class EngineFacts(NamedTuple):
    """One engine, as far as it could be seen.

    `state`: running, stopped (installed), absent, unreachable (running, but its socket
    does not answer here), unknown (nothing was asked: a root folder). `flags` are those
    of the running process, or of the unit where it is stopped; `flags_origin` says
    which, and `places` in which file of the unit each stands, as far as that is known.
    `socket_path` may be tcp://HOST:PORT. `user` is whose files it reads, where it runs
    rootless. `others` are further engines of this host, where they were looked for (see
    others_of); where none of them can be told to be the one that is meant, the engine
    is unreachable, and those are all.
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
    places: Mapping[str, FlagPlace] = MappingProxyType({})
    user: User | None = None
    info: Info | None = None
    problem: Problem | None = None
    others: tuple[Running, ...] = ()

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
    engine = find_of_unit(host)
    if engine is not None:
        return _running_engine(host, engine)
    engines = find_running(host)
    if not engines:
        return _stopped_engine(host)
    engine = choose(host, engines)
    if engine is None:
        return EngineFacts(
            state='unreachable', others=engines, problem=ambiguous(engines)
        )
    return _running_engine(host, engine)


def others_of(host: Host, engine: EngineFacts) -> tuple[Running, ...]:
    """Find the engines of this host beside the one that is meant."""
    if engine.pid is None:
        return engine.others
    return tuple(other for other in find_running(host) if other.pid != engine.pid)


def _running_engine(host: Host, engine: Running) -> EngineFacts:
    from registry_host.engine.api import Client

    # A user's engine is a program of the user's choice, never to be run as root.
    program = None if engine.user else host.program_of(engine.pid)
    address = engine.listening.address
    info, problem = None, None
    try:
        if engine.listening.is_askable:
            info = Client(host, address).info()
        else:
            problem = _tls_problem(engine)
    except PermissionError:
        problem = _permission_problem(address)
    except (OSError, EngineError):
        problem = _unreachable_problem(address, engine)
    return EngineFacts(
        state='unreachable' if info is None else 'running',
        packaging=engine.packaging,
        config_path=engine.config_path,
        socket_path=address,
        program=program,
        pid=engine.pid,
        unit=engine.unit,
        version=info.version if info else _program_version(host, program),
        flags=engine.flags,
        argv=engine.process.argv,
        flags_origin=f'the command line of process {engine.pid}',
        places=places_of(host, engine.unit, engine.flags) if engine.unit else {},
        user=engine.user,
        info=info,
        problem=problem,
    )


def _stopped_engine(host: Host) -> EngineFacts:
    program = host.find_program('dockerd')
    if program is None:
        return EngineFacts(state='absent')
    argv = _unit_argv(host)
    flags = parse_flags(argv)
    unit = UNIT if argv else None
    config_path = flags.get('config-file', (DAEMON_JSON,))[-1]
    return EngineFacts(
        state='stopped',
        program=program,
        config_path=config_path,
        socket_path=listening_of(host, flags, config_path, unit=unit).address,
        unit=unit,
        version=_program_version(host, program),
        flags=flags,
        argv=argv,
        flags_origin=f'ExecStart of {UNIT}',
        places=places_of(host, unit, flags) if unit else {},
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


def other_engine(engine: EngineFacts, other: Running) -> Finding:
    """Name another engine of the host, which no run reloads."""
    is_shared = other.config_path == engine.config_path
    also = (
        f'the engine of process {engine.pid} is the one that registry-host configures'
    )
    if is_shared:
        also = 'registry-host does not reload it, though it reads the same file'
    return Finding(
        check='other-engines',
        severity='warning' if is_shared else 'info',
        message=f'another engine runs: {other}; {also}',
        path=other.config_path,
        remedy=(f'sudo kill -HUP {other.pid}',) if is_shared else (),
    )


def _permission_problem(socket_path: str) -> Problem:
    return Problem(
        code='engine-permission',
        where=socket_path,
        message='permission denied, so the live engine could not be asked',
        hint=repeat_with('sudo'),
    )


def _unreachable_problem(address: str, engine: Running) -> Problem:
    unit = engine.unit or UNIT
    return Problem(
        code='engine-unreachable',
        where=address,
        message='dockerd runs, but does not answer here',
        hint=f'sudo journalctl -u {unit} -n 20',
    )


def _tls_problem(engine: Running) -> Problem:
    return Problem(
        code='engine-unreachable',
        where=engine.listening.address,
        message=f'dockerd (process {engine.pid}) listens over TLS alone, where '
        f'registry-host cannot ask it; add {UNIX}{SOCKET} where '
        f'{engine.listening.hosts[0]} is named, and restart it',
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
