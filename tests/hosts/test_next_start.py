"""What a running engine lives with, and refuses when it starts next.

Each rule of engine/nextstart.py is held against a restart of the real engine.
"""

from __future__ import annotations

import json

import pytest
from envelope import envelope, texts
from places import DAEMON_JSON

from registry_host.host.locations import PENDING

MIRROR = 'http://registry.lab:5000'
CONFIGURE = ('registry-host', 'configure', '--mirror', MIRROR)
FAILS = 'the next start of the engine fails'
AGAIN = (
    'sudo systemctl reset-failed docker.service && sudo systemctl start docker.service'
)
# As root by login reads them.
REMEDY = ['registry-host doctor --only next-start', AGAIN.replace('sudo ', '')]
OKC = 'overlay2.override_kernel_check'
JOURNALD = {'log-driver': 'journald', 'log-opts': {'max-size': '10m'}}
JOURNALD_SAYS = 'the log driver journald has no option "max-size"'
JOURNALD_MENDED = 'remove "max-size": only json-file and local write files of their own'
# By the engine that refuses it: what stands in the file, what is said of it, and the
# engine's own words.
ALL, SINCE_25, BEFORE_23, BEFORE_27 = (
    ('bookworm', 'trixie', 'forky'),
    ('trixie', 'forky'),
    ('bookworm',),
    ('bookworm', 'trixie'),
)
CASES = (
    (
        {'storage-opts': [f'{OKC}=true']},
        SINCE_25,
        f'"{OKC}" was removed in Docker',
        OKC,
    ),
    (
        {'storage-opts': ['dm.basesize=9G']},
        SINCE_25,
        '"dm.basesize" was removed',
        'dm.',
    ),
    ({'storage-driver': 'aufs'}, SINCE_25, '"aufs" was removed in Docker 24.0', 'aufs'),
    ({'storage-driver': 'overlay'}, SINCE_25, '"overlay" was removed', 'overlay'),
    (
        {'storage-driver': 'devicemapper'},
        SINCE_25,
        '"devicemapper" was',
        'devicemapper',
    ),
    (JOURNALD, ALL, JOURNALD_SAYS, "unknown log opt 'max-size' for journald"),
    ({'log-driver': 'local', 'log-opts': {'tag': 'x'}}, ALL, 'option "tag"', "'tag'"),
    ({'log-opts': {'max-buffer-size': '4m'}}, ALL, 'needs "mode"', 'mode=non-blocking'),
    ({'seccomp-profile': '/nope.json'}, ALL, '"seccomp-profile" names', '/nope.json'),
    ({'seccomp-profile': 'unconfined'}, BEFORE_23, 'names /unconfined', 'unconfined'),
    ({'tlsverify': False}, ALL, '"tlscert" and "tlskey" must name', 'X509 key pair'),
    (
        {'tls': True, 'tlscert': '/no/c.pem', 'tlskey': '/no/k.pem'},
        ALL,
        '"tlscert" names /no/c.pem, which does not exist',
        'Could not load X509 key pair',
    ),
    ({'userland-proxy-path': '/nope'}, SINCE_25, 'names /nope', 'userland-proxy-path'),
    ({'exec-opts': ['native.cgroupdriver=x']}, ALL, 'must be systemd', 'option x not'),
    (
        {'exec-opts': ['native.cgroupdriver=systemd'], 'cgroup-parent': 'x'},
        ALL,
        '"cgroup-parent" must be a slice',
        'should be a valid slice',
    ),
    ({'icc': False, 'iptables': False}, ALL, '"icc": false', '--icc=false'),
    ({'bridge': 'none', 'bip': '10.9.9.1/24'}, ALL, '"bridge" and "bip"', '-b & --bip'),
    ({'ipv6': True}, BEFORE_27, 'needs "fixed-cidr-v6"', '--fixed-cidr-v6'),
    ({'ip6tables': True}, BEFORE_27, '"ip6tables" needs', 'experimental features'),
)
# With containerd's store no storage driver is asked.
FINE = (
    {'features': {'containerd-snapshotter': True}, 'storage-driver': 'devicemapper'},
    {'features': {'containerd-snapshotter': True}, 'storage-opts': [f'{OKC}=1']},
)


def tool(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return envelope(done.stdout)


def of_check(report, check):
    return [f for f in report['findings'] if f['check'] == check]


def said(host, check, code):
    (found,) = of_check(tool(host, 'registry-host', 'doctor', code=code), check)
    return found


def write(host, config):
    host.write(DAEMON_JSON, json.dumps(config))


def restart(host):
    host.run('systemctl reset-failed docker.service docker.socket', check=False)
    return host.run('systemctl restart docker', check=False).returncode


def can_pull(host):
    return host.run(['docker', 'pull', 'hello'], check=False).returncode == 0


def test_what_the_next_start_refuses(host):
    """Doctor foretells each, a reload goes on, and the engine is as foretold."""
    host.drop_in('Restart=no')
    for config, suites, message, words in CASES:
        write(host, config)
        if host.suite not in suites:
            report = tool(host, 'registry-host', 'doctor', '--only=next-start')
            assert of_check(report, 'next-start')[0]['severity'] == 'ok', config
            continue
        found = of_check(tool(host, 'registry-host', 'doctor', code=1), 'next-start')
        assert [f['severity'] for f in found] == ['error'] * len(found), config
        assert message in found[0]['message'], found
        assert found[0]['message'].startswith(f'{DAEMON_JSON}:1:'), found
        assert f': {FAILS}; ' in found[0]['message'], found
        reloaded = tool(host, 'registry-host', 'reload')
        (warned, *_) = of_check(reloaded, 'next-start-refused')
        assert (warned['severity'], warned['message']) == (
            'warning',
            found[0]['message'],
        )
        assert restart(host) != 0, config
        dead = said(host, 'engine-state', 1)
        assert 'does not run: its last start failed: ' in dead['message']
        assert words in dead['message'], dead
        assert texts(dead) == REMEDY
        write(host, {})
        assert host.run(AGAIN, check=False).returncode == 0


@pytest.fixture(params=('trixie', 'forky'), ids=('26.1-trixie', '28.5-forky'))
def modern(lab, request):
    booted = lab.host(request.param)
    yield booted
    booted.close()


def test_a_reload_goes_on_and_a_restart_is_refused(host):
    write(host, JOURNALD)
    report = tool(host, *CONFIGURE)
    (found,) = of_check(report, 'next-start-refused')
    assert JOURNALD_SAYS in found['message']
    assert found['severity'] == 'warning'
    assert host.mirrors() == [f'{MIRROR}/']
    assert can_pull(host)
    before = host.read(DAEMON_JSON)
    dns = ('registry-host', 'configure', '--engine-dns', '192.0.2.53')
    for more in (('--check',), (), ('--restart=never',)):
        report = tool(host, *dns, *more, code=2)
        (error,) = report['errors']
        assert error['code'] == 'next-start-refused'
        assert error['message'].endswith(
            f': this change needs a restart, but {JOURNALD_SAYS}: {FAILS}; '
            f'{JOURNALD_MENDED}; nothing was written'
        )
        assert (report['changed'], host.read(DAEMON_JSON)) == (False, before)
    assert can_pull(host)
    assert tool(host, 'registry-host', 'undo', '--no-probe')['changed'] is True
    assert json.loads(host.read(DAEMON_JSON)) == JOURNALD
    assert host.is_engine_up()


def test_live_restore_on_a_node_of_a_swarm(host):
    host.run('docker swarm init --advertise-addr 127.0.0.1')
    write(host, {'live-restore': True})
    report = tool(host, *CONFIGURE)
    (found,) = of_check(report, 'next-start-refused')
    assert '"live-restore" is incompatible with a swarm' in found['message']
    assert host.docker_info()['LiveRestoreEnabled'] is True
    assert can_pull(host)
    host.drop_in('Restart=no')
    assert restart(host) != 0
    dead = said(host, 'engine-state', 1)
    assert 'incompatible with swarm mode' in dead['message']
    assert 'is incompatible with a swarm' in said(host, 'next-start', 1)['message']


def test_a_dead_engine_is_told_with_its_cause(host):
    host.drop_in('Restart=no')
    write(host, JOURNALD)
    assert restart(host) != 0
    (found,) = of_check(tool(host, *CONFIGURE), 'engine-failed')
    assert "unknown log opt 'max-size' for journald" in found['message']
    assert texts(found) == REMEDY[1:]
    (error,) = tool(host, 'registry-host', 'reload', code=1)['errors']
    assert "unknown log opt 'max-size' for journald" in error['message']
    as_user = host.run(['registry-host', 'doctor'], user='alice', check=False)
    assert 'but is not running; only root may read why' in as_user.stdout
    assert f'hint:  {AGAIN}' in as_user.stdout
    host.write(DAEMON_JSON, json.dumps({'registry-mirrors': [MIRROR]}))
    host.run(AGAIN)
    assert said(host, 'engine-state', 0)['severity'] == 'ok'
    host.run('systemctl stop docker.socket docker.service', check=False)
    assert (
        'is installed, but is not running' in said(host, 'engine-state', 1)['message']
    )


def test_a_runtime_that_nobody_names(host):
    """A reload refuses it as a start does, on all engines."""
    write(host, {'default-runtime': 'nvidia'})
    (error,) = tool(host, *CONFIGURE, code=2)['errors']
    assert '"default-runtime" must be one of "runtimes"' in error['message']
    assert json.loads(host.read(DAEMON_JSON)) == {'default-runtime': 'nvidia'}
    host.drop_in(
        'ExecStart=',
        'ExecStart=/usr/sbin/dockerd -H fd:// --add-runtime nvidia=/usr/sbin/runc',
    )
    if host.suite != 'bookworm':
        host.restart_engine()
        tool(host, *CONFIGURE)


def test_the_engine_is_asked_in_its_own_environment(modern):
    """No rule of ours knows users; the program of the user has no sbin in its PATH."""
    ask = ('env', 'PATH=/usr/bin:/bin', '/usr/bin/registry-host', 'doctor')
    write(modern, {'labels': ['a=b']})
    (found,) = of_check(tool(modern, *ask, '--only=next-start'), 'next-start')
    assert found['severity'] == 'ok'
    assert found['message'].endswith('again, and dockerd --validate takes it')
    write(modern, {'userns-remap': 'nobodyknows'})
    (found,) = of_check(tool(modern, *ask, '--only=next-start'), 'next-start')
    assert found['severity'] == 'warning'
    assert 'unable to find entry "nobodyknows" in passwd' in found['message']
    (command,) = texts(found)
    assert command == f'dockerd --validate --config-file={DAEMON_JSON}'
    refused = modern.run(command, check=False)
    assert 'nobodyknows' in refused.stderr
    write(modern, {'tls': True, 'tlscert': '/no/c.pem', 'tlskey': '/no/k.pem'})
    found = of_check(tool(modern, *ask, '--only=next-start', code=1), 'next-start')
    assert [f['severity'] for f in found] == ['error', 'error']


def test_containerd_asks_no_storage_driver(modern):
    for config in FINE:
        write(modern, config)
        report = tool(modern, 'registry-host', 'doctor', '--only=next-start')
        assert of_check(report, 'next-start')[0]['severity'] == 'ok', config
        assert restart(modern) == 0, config


def test_a_way_back_by_itself_leaves_no_dead_engine(newest):
    """Approval runs out after somebody has made the mistake: no restart is done."""
    write(newest, {})
    words = ('--engine-dns', '192.0.2.53', '--confirm-within', '5')
    tool(newest, 'registry-host', 'configure', *words)
    pid = newest.run('pidof dockerd').stdout
    write(newest, {**json.loads(newest.read(DAEMON_JSON)), **JOURNALD})
    newest.run(f'until ! grep -q 192.0.2.53 {DAEMON_JSON}; do sleep 0.2; done')
    newest.run(f'while test -e {PENDING}; do sleep 0.2; done')
    assert json.loads(newest.read(DAEMON_JSON)) == JOURNALD
    assert newest.run('pidof dockerd').stdout == pid
    assert newest.is_engine_up()
