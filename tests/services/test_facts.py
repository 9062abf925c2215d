from __future__ import annotations

import pytest

from registry_host.engine.find import find_engine, others_of
from registry_host.errors import Problem
from registry_host.host.host import Host
from registry_host.host.invoker import find_invoker
from registry_host.host.records import Completed, Process, User

ALICE = User(name='alice', uid=1000, gid=1000, home='/home/alice')


class Scene(Host):
    """A host described by its processes, /proc, programs' output and files."""

    def __init__(
        self, *, processes=(), proc=None, outputs=None, files=None, environ=None
    ):
        super().__init__('/', environ or {})
        self._processes = tuple(processes)
        self._proc = proc or {}
        self._outputs = outputs or {}
        self._files = files or {}

    def read(self, path, **_):
        content = self._files.get(path)
        return super().read('/nonexistent')._replace(content=content)

    def processes(self, name):
        return tuple(p for p in self._processes if p.argv[0].endswith(f'/{name}'))

    def exists(self, path):
        return path in self._files

    def namespace_of(self, pid, kind):
        return self._proc.get((pid, f'ns/{kind}'), 'mnt:[1]')

    def is_shared_with(self, pid, path):
        return path not in self._proc.get((pid, 'hidden'), ())

    def process(self, pid):
        return next((p for p in self._processes if p.pid == pid), None)

    def proc_text(self, pid, name):
        return self._proc.get((pid, name), '')

    def run(self, argv, **_):
        text = self._outputs.get(argv[1], '')
        return Completed(code=0 if text else 1, out=text, err='')

    def find_program(self, name):
        return '/usr/sbin/dockerd' if 'program' in self._outputs else None

    def program_of(self, pid):
        return '/usr/sbin/dockerd'

    def executable_of(self, pid):
        return self._proc.get((pid, 'exe'), '/usr/sbin/dockerd')

    def find_user(self, *, name=None, uid=None):
        return ALICE if uid == ALICE.uid or name == 'alice' else None

    def connect_unix(self, path, *, timeout_s):
        raise self._files.get('socket-error', ConnectionRefusedError)


def dockerd(*flags, pid=7, uid=0, program='/usr/sbin/dockerd'):
    return Process(pid=pid, argv=(program, *flags), uid=uid)


def test_no_engine():
    assert find_engine(Scene()).state == 'absent'


def test_pidfile_before_a_search():
    scene = Scene(
        processes=[dockerd(pid=3), dockerd('--debug', pid=7)],
        files={'/var/run/docker.pid': b'7'},
        proc={(7, 'comm'): 'dockerd\n'},
    )
    assert find_engine(scene).pid == 7


def test_stale_pidfile():
    other = Process(pid=7, argv=('bash',), uid=0)
    scene = Scene(
        processes=[dockerd(pid=3), other],
        files={'/var/run/docker.pid': b'7'},
        proc={(7, 'comm'): 'bash\n'},
    )
    assert find_engine(scene).pid == 3


def test_config_file_and_socket_given_as_flags():
    process = dockerd('--config-file=/srv/d.json', '-H', 'unix:///srv/d.sock')
    engine = find_engine(Scene(processes=[process]))
    assert engine.config_path == '/srv/d.json'
    assert engine.socket_path == '/srv/d.sock'
    assert engine.state == 'unreachable'
    assert engine.flags_origin == 'the command line of process 7'


def test_unit_from_the_control_group():
    scene = Scene(
        processes=[dockerd()],
        proc={(7, 'cgroup'): '0::/system.slice/docker.service\n'},
    )
    assert find_engine(scene).unit == 'docker.service'


def test_started_from_a_login_session_it_has_no_unit():
    group = '0::/user.slice/user-0.slice/session-1.scope/x.service\n'
    scene = Scene(processes=[dockerd()], proc={(7, 'cgroup'): group})
    assert find_engine(scene).unit is None


def test_rootless(monkeypatch):
    monkeypatch.setattr('os.geteuid', lambda: 0)
    scene = Scene(
        environ={'SUDO_UID': '1000'},
        processes=[dockerd(uid=1000)],
        proc={(7, 'environ'): 'XDG_RUNTIME_DIR=/run/user/1000\0HOME=/home/alice\0'},
    )
    engine = find_engine(scene)
    assert (engine.packaging, engine.user) == ('rootless', ALICE)
    assert engine.config_path == '/home/alice/.config/docker/daemon.json'
    assert engine.socket_path == '/run/user/1000/docker.sock'
    assert engine.unit is None
    # What a user calls dockerd is not for root to run.
    assert engine.program is None


@pytest.mark.parametrize('pidfile', (b'', b'7'))
def test_a_process_by_the_name_of_dockerd_of_some_user(monkeypatch, pidfile):
    monkeypatch.setattr('os.geteuid', lambda: 0)
    scene = Scene(
        processes=[dockerd('--config-file=/etc/shadow', uid=1000)],
        files={'/var/run/docker.pid': pidfile},
        proc={(7, 'comm'): 'dockerd\n'},
    )
    assert find_engine(scene).state == 'absent'


def test_snap():
    program = '/snap/docker/2915/bin/dockerd'
    engine = find_engine(Scene(processes=[dockerd(program=program)]))
    assert engine.packaging == 'snap'
    assert engine.config_path == '/var/snap/docker/current/config/daemon.json'


def test_roots_engine_before_a_users(monkeypatch):
    monkeypatch.setattr('os.geteuid', lambda: 0)
    scene = Scene(
        environ={'SUDO_UID': '1000'},
        processes=[dockerd(uid=1000, pid=3), dockerd(pid=7)],
    )
    assert find_engine(scene).pid == 7


@pytest.mark.parametrize(
    ('exe', 'state'),
    (
        pytest.param('/usr/bin/sudo', 'absent', id='another-program'),
        pytest.param('', 'absent', id='gone-meanwhile'),
        pytest.param('/usr/bin/dockerd-ce', 'unreachable', id='alternative'),
        pytest.param('/usr/bin/dockerd (deleted)', 'unreachable', id='upgraded'),
    ),
)
def test_the_file_that_runs_counts_not_its_name(monkeypatch, exe, state):
    """A user's link `dockerd` to a program that root runs for them, as sudo."""
    monkeypatch.setattr('os.geteuid', lambda: 0)
    scene = Scene(processes=[dockerd()], proc={(7, 'exe'): exe})
    assert find_engine(scene).state == state


@pytest.mark.parametrize(
    ('error', 'code'),
    (
        (PermissionError(), 'engine-permission'),
        (ConnectionRefusedError(), 'engine-unreachable'),
    ),
)
def test_socket_that_cannot_be_used(error, code):
    engine = find_engine(Scene(processes=[dockerd()], files={'socket-error': error}))
    assert engine.state == 'unreachable'
    assert engine.problem.code == code


SHOW = (
    'ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// '
    '$DOCKER_OPTS ${MORE} ; ignore_errors=no ; start_time=[n/a] }\n'
    'Environment=MORE=--debug\n'
    'EnvironmentFiles=/etc/default/docker (ignore_errors=yes)\n'
)


def test_stopped_engine_has_the_flags_of_its_unit():
    scene = Scene(
        outputs={
            'program': 'x',
            'show': SHOW,
            '--version': 'Docker version 26.1.5, build 1\n',
        },
        files={
            '/etc/default/docker': b'# c\n'
            b'DOCKER_OPTS="--registry-mirror=http://m -l warn"\n'
        },
    )
    engine = find_engine(scene)
    assert (engine.state, engine.version) == ('stopped', (26, 1, 5))
    assert engine.flags == {
        'host': ('fd://',),
        'registry-mirror': ('http://m',),
        'log-level': ('warn',),
        'debug': ('true',),
    }
    assert engine.flags_origin == 'ExecStart of docker.service'


def test_the_user_behind_sudo(monkeypatch):
    scene = Scene(environ={'SUDO_UID': '1000'})
    monkeypatch.setattr('os.geteuid', lambda: 0)
    assert find_invoker(scene) == ALICE


def test_sudo_variables_mean_nothing_without_root(monkeypatch):
    scene = Scene(environ={'SUDO_UID': '0'})
    monkeypatch.setattr('os.geteuid', lambda: 1000)
    assert find_invoker(scene) == ALICE


# Several engines, and those of containers


def inside(**changes):
    """/proc of an engine in a mount namespace of its own."""
    return {(7, 'ns/mnt'): 'mnt:[7]', **changes}


CGROUP = {(7, 'cgroup'): '0::/system.slice/docker.service\n'}


@pytest.mark.parametrize(
    ('proc', 'state'),
    (
        ({}, 'unreachable'),
        (inside(), 'stopped'),
        ({**inside(), **CGROUP}, 'unreachable'),
        ({**inside(), **CGROUP, (7, 'hidden'): ('/run',)}, 'stopped'),
        ({**inside(), **CGROUP, (7, 'hidden'): ('/etc/docker',)}, 'stopped'),
        ({**inside(), (1, 'ns/mnt'): 'mnt:[7]'}, 'unreachable'),
        ({**inside(), (1, 'ns/mnt'): 'mnt:[7]', (7, 'hidden'): ('/',)}, 'stopped'),
        ({(7, 'ns/mnt'): ''}, 'unreachable'),
    ),
    ids=(
        'ours',
        'another',
        'of-the-unit',
        'another-run',
        'another-etc',
        'of-the-first-process',
        'another-root',
        'not-to-be-seen',
    ),
)
def test_an_engine_in_a_mount_namespace(proc, state):
    scene = Scene(processes=[dockerd()], proc=proc, outputs={'program': 'x'})
    assert find_engine(scene).state == state


def second(pid, **changes):
    return dockerd('-H', f'unix:///run/{pid}.sock', pid=pid, **changes)


@pytest.mark.parametrize(
    ('scene', 'pid'),
    (
        ({'processes': [second(3), second(7)], 'proc': CGROUP}, 7),
        ({'processes': [second(3), dockerd(pid=7)]}, 7),
        ({'processes': [second(3), dockerd('-H', 'fd://', pid=7)]}, 7),
        (
            {
                'processes': [second(3), second(7)],
                'files': {'/var/run/docker.pid': b'7\n'},
            },
            7,
        ),
        (
            {
                'processes': [second(3), second(7)],
                'environ': {'DOCKER_HOST': 'unix:///run/7.sock'},
            },
            7,
        ),
        (
            {
                'processes': [second(3), dockerd(pid=7)],
                'environ': {'DOCKER_HOST': 'unix:///run/3.sock'},
            },
            7,
        ),
        ({'processes': [second(3), second(7)]}, None),
        (
            {
                'processes': [second(3), second(7)],
                'environ': {'DOCKER_HOST': 'unix:///run/9.sock'},
            },
            None,
        ),
    ),
    ids=(
        'unit',
        'default-socket',
        'activated',
        'pidfile',
        'docker-host',
        'docker-host-last',
        'none',
        'docker-host-of-none',
    ),
)
def test_which_of_several_engines_is_meant(scene, pid):
    host = Scene(**scene)
    engine = find_engine(host)
    assert engine.pid == pid
    others = [other.pid for other in others_of(host, engine)]
    assert others == ([3] if pid else [3, 7])


def test_engines_that_nothing_tells_apart():
    scene = Scene(
        processes=[
            dockerd('--config-file=/a.json', '-H', 'tcp://0.0.0.0:2375', pid=3),
            second(7),
        ],
        proc={(7, 'cgroup'): '0::/system.slice/b.service\n'},
    )
    engine = find_engine(scene)
    assert engine.state == 'unreachable'
    assert engine.problem == Problem(
        code='engine-ambiguous',
        where='engine',
        message='2 engines run, and none by docker.service or at /var/run/docker.sock: '
        'process 3 (tcp://127.0.0.1:2375, reads /a.json); process 7 (b.service, '
        '/run/7.sock, reads /etc/docker/daemon.json)'
        '; name the socket of the one that is meant by DOCKER_HOST',
        hint='sudo env DOCKER_HOST=tcp://127.0.0.1:2375 registry-host doctor',
    )
    chosen = Scene(
        processes=scene.processes('dockerd'),
        environ={'DOCKER_HOST': 'tcp://127.0.0.1:2375'},
    )
    assert find_engine(chosen).pid == 3


def test_an_engine_that_listens_over_tls_alone():
    process = dockerd('--tlsverify', '-H', 'tcp://0.0.0.0')
    engine = find_engine(Scene(processes=[process]))
    assert engine.state == 'unreachable'
    assert engine.problem == Problem(
        code='engine-unreachable',
        where='tcp://127.0.0.1:2376',
        message='dockerd (process 7) listens over TLS alone, where registry-host '
        'cannot ask it'
        '; add unix:///var/run/docker.sock where '
        'tcp://0.0.0.0 is named, and restart it',
    )
