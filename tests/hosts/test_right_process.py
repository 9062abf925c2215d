"""Which process is the host's engine, where it listens, and what state it is in."""

from __future__ import annotations

import json

import pytest
from envelope import is_live, service, texts
from places import DAEMON_JSON
from services import wait_for

MIRROR = 'http://registry.lab:5000'
LIVE = [f'{MIRROR}/']
CONFIGURE = ('registry-host', 'configure', '--no-probe')
SECOND_JSON = '/etc/docker/second.json'
# Two engines of one network namespace would fight for its bridge.
ALONE = '--bridge=none --iptables=false --storage-driver=vfs'
RELOADING = 'Got signal to reload configuration'


def of(name):
    """The flags of an engine that shares nothing with others but the host's files."""
    return (
        f'{ALONE} --data-root=/var/lib/{name} --exec-root=/run/{name} '
        f'--pidfile=/run/{name}.pid -H unix:///run/{name}.sock'
    )


def start(host, name, command):
    """Start another engine as a unit of its own, and wait until it answers."""
    host.run(['systemd-run', '--quiet', f'--unit={name}', 'sh', '-c', command])
    wait_for(f'{host.name}: {name}', lambda: is_up(host, name), timeout_s=60)


def is_up(host, name):
    return 'API listen on' in host.journal(f'{name}.service')


def reloads(host, name):
    return host.journal(f'{name}.service').count(RELOADING)


def ran(host, *words, code=0, env=None):
    done = host.run([*words, '--format=json'], check=False, env=env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def found(report, check):
    of_check = [f for f in report['findings'] if f['check'] == check]
    return [(f['severity'], f['message']) for f in of_check]


def doctor(host, check, code=0):
    return found(
        ran(host, 'registry-host', 'doctor', f'--only={check}', code=code), check
    )


# Engines of containers


@pytest.mark.parametrize(
    ('content', 'container'),
    (
        ('{}', 'exec unshare -m -p -f --mount-proc dockerd ' + of('inner')),
        ('{}', 'exec unshare -m dockerd ' + of('inner')),
        (
            '{"pidfile": "/run/other.pid"}',
            "exec unshare -m sh -c 'mount -t tmpfs x /run; mount -t tmpfs x "
            f"/etc/docker; exec dockerd {ALONE} --data-root=/var/lib/inner'",
        ),
    ),
    ids=('pids-and-mounts', 'mounts', 'files'),
)
def test_an_engine_of_a_container_is_left_alone(newest, content, container):
    newest.write(DAEMON_JSON, content)
    newest.restart_engine()
    start(newest, 'inner', container)
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR)
    assert (report['changed'], newest.mirrors()) == (True, LIVE)
    assert found(report, 'other-engines') == []
    assert doctor(newest, 'engine-state') == [
        ('ok', 'Docker 28.5.2 answers at /var/run/docker.sock')
    ]
    newest.run('systemctl stop docker.service docker.socket', check=False)
    report = ran(newest, 'registry-host', 'unconfigure')
    assert service(report)[1] == 'none'
    ((_, message),) = doctor(newest, 'engine-state', code=1)
    assert 'is installed, but is not running' in message
    assert reloads(newest, 'inner') == 0
    assert is_up(newest, 'inner')


@pytest.mark.parametrize('hides', ('PrivateTmp=yes', 'ProtectHome=yes'))
def test_a_unit_with_a_mount_namespace_of_its_own(newest, hides):
    newest.drop_in(hides)
    newest.restart_engine()
    ran(newest, *CONFIGURE, '--mirror', MIRROR)
    assert newest.mirrors() == LIVE


# Several engines of one host


def test_the_engine_of_the_unit_is_meant(host):
    host.write(SECOND_JSON, '{}')
    start(host, 'second', f'exec dockerd --config-file={SECOND_JSON} {of("second")}')
    report = ran(host, *CONFIGURE, '--mirror', MIRROR)
    assert (host.mirrors(), host.read(SECOND_JSON)) == (LIVE, '{}')
    assert found(report, 'other-engines') == []
    pid = host.read('/run/second.pid').strip()
    main = host.run('systemctl show --value -p MainPID docker').stdout.strip()
    assert doctor(host, 'other-engines') == [
        (
            'info',
            f'another engine runs: process {pid} (second.service, /run/second.sock, '
            f'reads {SECOND_JSON}); the engine of process {main} is the one that '
            'registry-host configures',
        )
    ]
    assert reloads(host, 'second') == 0


def test_an_engine_that_reads_the_same_file_is_told(newest):
    start(newest, 'second', f'exec dockerd {of("second")}')
    pid = newest.read('/run/second.pid').strip()
    told = [
        (
            'warning',
            f'another engine runs: process {pid} (second.service, /run/second.sock, '
            f'reads {DAEMON_JSON}); registry-host does not reload it, though it reads '
            'the same file',
        )
    ]
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR)
    assert found(report, 'other-engines') == told
    assert doctor(newest, 'other-engines') == told
    assert reloads(newest, 'second') == 0
    (remedy,) = (texts(f) for f in report['findings'] if f['check'] == 'other-engines')
    newest.run(remedy[0])
    wait_for('a reload', lambda: reloads(newest, 'second') == 1)


def test_engines_that_nothing_tells_apart(newest):
    newest.run('systemctl stop docker.service docker.socket', check=False)
    for name in ('one', 'two'):
        newest.write(f'/etc/docker/{name}.json', '{}')
        start(
            newest,
            name,
            f'exec dockerd --config-file=/etc/docker/{name}.json {of(name)}',
        )
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR, code=1)
    (error,) = report['errors']
    assert error['code'] == 'engine-ambiguous'
    for name in ('one', 'two'):
        pid = newest.read(f'/run/{name}.pid').strip()
        told = f'process {pid} ({name}.service, /run/{name}.sock, reads '
        assert f'{told}/etc/docker/{name}.json)' in error['message']
    assert report['changed'] is False
    assert newest.run('cat /etc/docker/*.json').stdout == '{}{}'
    ((severity, message),) = doctor(newest, 'engine-state', code=1)
    assert (severity, f'{message}; nothing was written') == ('error', error['message'])

    chosen = error['hint'].removesuffix(' doctor')
    newest.run(f'{chosen} configure --no-probe --mirror {MIRROR}')
    assert [reloads(newest, name) for name in ('one', 'two')] == [1, 0]
    assert MIRROR in newest.read('/etc/docker/one.json')


# Where it listens


@pytest.mark.parametrize(
    ('lines', 'content', 'address'),
    (
        (
            ('ExecStart=', 'ExecStart=/usr/sbin/dockerd'),
            {'hosts': ['unix:///run/other.sock']},
            '/run/other.sock',
        ),
        (
            ('ExecStart=', 'ExecStart=/usr/sbin/dockerd -H tcp://127.0.0.1:2375'),
            {},
            'tcp://127.0.0.1:2375',
        ),
        (
            ('ExecStart=', 'ExecStart=/usr/sbin/dockerd'),
            {'hosts': ['tcp://0.0.0.0:2375']},
            'tcp://127.0.0.1:2375',
        ),
    ),
    ids=('hosts', 'tcp-flag', 'tcp-hosts'),
)
def test_an_engine_is_asked_where_it_listens(newest, lines, content, address):
    newest.write(DAEMON_JSON, json.dumps(content))
    newest.run('systemctl stop docker.service docker.socket', check=False)
    newest.run('rm -f /run/docker.sock')
    newest.drop_in(*lines)
    newest.run('systemctl start docker.service')
    assert doctor(newest, 'engine-state') == [
        ('ok', f'Docker 28.5.2 answers at {address}')
    ]
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR, '--engine-dns', '9.9.9.9')
    assert service(report)[1] == 'restart'
    assert is_live(report)
    newest.run('systemctl stop docker.service')
    ran(newest, *CONFIGURE, '--insecure-registry', 'registry.lab:5002')
    newest.run('systemctl start docker.service')
    assert doctor(newest, 'live-lists') == [
        (
            'ok',
            'the engine shows registry-mirrors and insecure-registries as named in '
            f'{DAEMON_JSON}',
        )
    ]


def test_a_socket_unit_may_name_another_socket(newest):
    path = '/etc/systemd/system/docker.socket.d/other.conf'
    newest.write(path, '[Socket]\nListenStream=\nListenStream=/run/other.sock\n')
    newest.run('systemctl stop docker.service docker.socket', check=False)
    newest.run(
        'rm -f /run/docker.sock; systemctl daemon-reload; systemctl start docker'
    )
    assert doctor(newest, 'engine-state') == [
        ('ok', 'Docker 28.5.2 answers at /run/other.sock')
    ]


# Where flags stand


DEFAULT = '/etc/default/docker'
DROP_IN = '/etc/systemd/system/docker.service.d/test.conf'
UNIT = '/etc/systemd/system/docker.service'
FLAG = f'--registry-mirror={MIRROR}'


# The file of a flag, what it has, and the place that is told.
FLAG_PLACES = (
    (
        DROP_IN,
        f'[Service]\nEnvironmentFile=\nEnvironment="DOCKER_OPTS={FLAG}"\n',
        f'DOCKER_OPTS of {DROP_IN}:3',
    ),
    (
        DROP_IN,
        f'[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// \\\n  {FLAG}\n',
        f'ExecStart of {DROP_IN}:3',
    ),
    (
        DEFAULT,
        f'# Ours\nDOCKER_OPTS="--debug {FLAG}"\n',
        f'DOCKER_OPTS of {DEFAULT}:2',
    ),
)


def test_a_flag_is_told_with_its_file(host):
    for path, content, place in FLAG_PLACES:
        a_flag_is_told_with_its_file(host, path, content, place)
        ran(host, 'registry-host', 'unconfigure', '--no-probe')
        host.run(['rm', path])


def a_flag_is_told_with_its_file(host, path, content, place):
    host.write(path, content)
    host.run('systemctl daemon-reload')
    host.restart_engine()
    assert doctor(host, 'mirror-rules') == [
        ('ok', f'registry mirrors are set by a flag (in {place}): {MIRROR}')
    ]
    report = ran(host, *CONFIGURE, '--mirror', MIRROR, code=2)
    (error,) = report['errors']
    assert error['message'] == (
        f'{DAEMON_JSON}: "registry-mirrors" is already given as the flag {FLAG} (in '
        f'{place}): the engine refuses what is given twice, even if it is equal; '
        'remove the flag; nothing was written'
    )
    remedy = error['hint']
    assert path in remedy
    # An editor that takes the flag out, as an administrator does.
    editor = '/root/editor'
    host.write(editor, f'#!/bin/sh\nsed -i "s#{FLAG}##" "$2"\n', mode='755')
    host.run(remedy, env={'EDITOR': editor})
    ran(host, *CONFIGURE, '--mirror', MIRROR)
    assert host.mirrors() == LIVE


def test_a_flag_of_the_packages_unit(newest):
    newest.write(DAEMON_JSON, '{"hosts": ["fd://"]}')
    (error,) = ran(newest, *CONFIGURE, '--mirror', MIRROR, code=2)['errors']
    assert '/lib/systemd/system/docker.service:' in error['message']
    assert error['hint'] == (
        'systemctl edit --full docker.service && systemctl restart docker.service'
    )


# The state of its unit


def states(host):
    return host.run('systemctl is-active docker.service docker.socket').stdout.split()


def test_four_restarts_within_a_minute(host):
    host.write(DAEMON_JSON, '{}')
    for number in range(5):
        report = ran(host, *CONFIGURE, '--engine-dns', f'192.0.2.{number}', '--replace')
        assert service(report)[1] == 'restart'
    assert states(host) == ['active', 'active']


def test_a_start_that_fails_is_told_by_its_cause_and_taken_back(host):
    """Each run restarts twice, and systemd allows three starts in a minute."""
    host.write(DAEMON_JSON, '{"labels": ["a=b"]}')
    host.drop_in(
        f"ExecStartPre=/bin/sh -c 'if grep -q 192.0.2 {DAEMON_JSON}; then "
        "echo failed to start daemon: no luck; exit 1; fi'"
    )
    host.restart_engine()
    for number in range(3):
        words = ('--engine-dns', f'192.0.2.{number}')
        (error,) = ran(host, *CONFIGURE, *words, code=1)['errors']
        assert error['message'].endswith(
            'the engine did not come back: failed to start daemon: no luck; '
            'the old file is back; the engine is as it was'
        )
    assert states(host) == ['active', 'active']
    assert host.docker_info()['Labels'] == ['a=b']


def test_a_unit_that_is_not_as_it_was_is_told(newest):
    """The engine answers, and systemd has let go of its socket."""
    newest.drop_in(
        'ExecReload=',
        "ExecReload=/bin/sh -c 'systemctl stop --job-mode=ignore-dependencies "
        "docker.socket; exit 1'",
    )
    newest.restart_engine()
    (error,) = ran(newest, *CONFIGURE, '--mirror', MIRROR, code=1)['errors']
    assert error['message'].endswith(
        'the old file is back; docker.socket is inactive (dead), and was active '
        '(running); the engine uses what it did before'
    )
    newest.run(error['hint'])
    assert states(newest) == ['active', 'active']


def test_an_engine_that_a_reload_has_killed_is_started_again(newest):
    newest.drop_in(
        'Restart=no', 'ExecReload=', 'ExecReload=/bin/sh -c "kill -9 $MAINPID; exit 1"'
    )
    newest.restart_engine()
    (error,) = ran(newest, *CONFIGURE, '--mirror', MIRROR, code=1)['errors']
    assert error['message'].endswith('the old file is back; the engine is as it was')
    assert states(newest) == ['active', 'active']
    assert newest.mirrors() == []


BELOW_A_SHELL = (
    'NotifyAccess=all',
    'ExecStart=',
    "ExecStart=/bin/sh -c 'dockerd -H unix:///run/docker.sock 2>&1 | tee /run/log'",
)


def test_an_engine_below_a_shell(host):
    """A reload of the unit would end the shell, and a restart leave the engine."""
    host.drop_in(*BELOW_A_SHELL)
    host.write(DAEMON_JSON, '{}')
    host.restart_engine()
    report = ran(host, *CONFIGURE, '--mirror', MIRROR)
    assert (service(report)[1], host.mirrors()) == ('reload', LIVE)
    report = ran(host, *CONFIGURE, '--engine-dns', '9.9.9.9')
    assert (service(report)[1], host.mirrors()) == ('restart', LIVE)
    assert host.run('pidof dockerd').stdout.split() == [
        host.read('/run/docker.pid').strip()
    ]
    assert states(host) == ['active', 'active']


def test_a_unit_that_was_lost_is_told_with_what_mends_it(newest):
    """The reload of a unit has ended its shell: the engine goes on without it."""
    newest.drop_in(*BELOW_A_SHELL, 'Restart=no')
    newest.write(DAEMON_JSON, '{}')
    newest.restart_engine()
    newest.write(
        '/root/lose',
        '#!/bin/sh\nuntil grep -q m.lab /etc/docker/daemon.json; do :; done\n'
        'kill -9 "$(systemctl show --value -p MainPID docker)"\n'
        "echo '{' >/etc/docker/daemon.json\n",
        mode='755',
    )
    newest.run('systemd-run --quiet --unit=lose /root/lose')
    words = [*CONFIGURE, '--mirror=http://m.lab', '--format=json']
    done = newest.run(words, check=False)
    # The file may be looked at once more before the engine has refused it.
    assert done.returncode in (1, 75)
    (error,) = json.loads(done.stdout)['errors']
    assert (
        'docker.service is failed (failed), and was active (running)'
        in (error['message'])
    )
    newest.write(DAEMON_JSON, '{}')
    newest.run(error['hint'])
    assert states(newest) == ['active', 'active']
