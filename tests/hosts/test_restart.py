"""What only a restart does: when it is done, what it stops, and the way back."""

from __future__ import annotations

import json

import pytest
from envelope import envelope, is_live, service, texts
from lab import GATEWAY
from places import DAEMON_JSON, RESOLV_CONF

PROXY = 'http://user:hunter2@proxy.lab:3128'
FLAGS = ('configure', '--proxy-for', 'engine', '--http-proxy', PROXY)
RELOAD_BY_UNIT = 'ExecReload=/bin/kill -s HUP $MAINPID'
MASKED = 'http://xxxxx:xxxxx@proxy.lab:3128'
FOREIGN = '{ "labels":["a=b"] }'
ENGINE_DNS = ('configure', '--engine-dns', '192.0.2.53')


@pytest.fixture(params=('trixie', 'forky'), ids=('26.1-trixie', '28.5-forky'))
def modern(lab, request):
    """Engines that know proxies in daemon.json: 23.0 and newer."""
    booted = lab.host(request.param)
    yield booted
    booted.close()


def tool(host, *words, check=True):
    return host.run(['registry-host', *words], check=check)


def proxy_of(host):
    return host.docker_info()['HttpProxy']


def is_running(host, name):
    argv = ['docker', 'inspect', '-f', '{{.State.Running}}', name]
    return host.run(argv).stdout == 'true\n'


def starts(host):
    return host.run('systemctl show -p ActiveEnterTimestampMonotonic docker').stdout


def test_restart_is_safe_where_nothing_runs(modern):
    done = tool(modern, *FLAGS)
    assert 'restarted the engine; no container was stopped\n' in done.stdout
    assert f'live http-proxy: {MASKED}\n' in done.stdout
    assert 'hunter2' not in done.stdout + done.stderr
    assert "holds a proxy's password" not in done.stdout
    assert modern.run(['stat', '-c', '%a', DAEMON_JSON]).stdout == '600\n'
    assert proxy_of(modern) == MASKED
    first = starts(modern)
    again = envelope(tool(modern, *FLAGS, '--format=json').stdout)
    assert (again['changed'], is_live(again)) == (False, True)
    assert starts(modern) == first
    tool(modern, 'undo')
    assert proxy_of(modern) == ''
    assert modern.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1


def test_running_containers_put_a_restart_off(modern):
    modern.start_container('bystander')
    done = tool(modern, *FLAGS, '--format=json')
    found = envelope(done.stdout)
    assert service(found) == ('restart', 'reload', 'restart')
    assert not is_live(found)
    (pending,) = [f for f in found['findings'] if f['check'] == 'restart-pending']
    assert 'would stop 1 running container: bystander' in pending['message']
    assert is_running(modern, 'bystander')
    assert proxy_of(modern) == ''
    seen = tool(modern, 'doctor', '--only', 'live-proxies')
    assert 'reads proxies when it starts' in seen.stdout

    never = tool(modern, *FLAGS, '--restart', 'never')
    assert '--restart never' in never.stdout
    assert is_running(modern, 'bystander')

    always = tool(modern, *FLAGS, '--restart', 'always')
    assert 'restarted the engine; stopped: bystander\n' in always.stdout
    assert proxy_of(modern) == MASKED
    assert not is_running(modern, 'bystander')


def reloaded(host):
    report = envelope(tool(host, 'reload', '--format=json', '--no-probe').stdout)
    found = [(f['check'], f['message']) for f in report['findings']]
    return is_live(report), found


def proxies_by_doctor(host):
    words = ('doctor', '--only', 'live-proxies', '--format=json')
    (finding,) = envelope(tool(host, *words).stdout)['findings']
    return finding['severity'], finding['message']


def test_a_reload_is_not_verified_while_the_engine_has_other_proxies(modern):
    """Those of an earlier file, and those of the file that wait for a restart."""
    tool(modern, *FLAGS)
    assert reloaded(modern) == (True, [])
    modern.write(DAEMON_JSON, '{}')
    named = 'http-proxy that neither a file nor a flag names, until its next restart'
    assert reloaded(modern) == (False, [('live-unnamed', f'the engine uses {named}')])
    assert proxies_by_doctor(modern) == (
        'warning',
        'the engine uses what no file, no flag and no variable of its unit names, '
        f'until its next restart: http-proxy {MASKED}; a restart stops containers, '
        'unless live-restore is on',
    )
    other = {'proxies': {'http-proxy': 'http://other.lab:3128'}}
    modern.write(DAEMON_JSON, json.dumps(other))
    waits = 'the engine does not use http-proxy of its file until it has restarted'
    assert reloaded(modern) == (False, [('restart-pending', waits)])
    modern.drop_in(f'Environment=HTTP_PROXY={PROXY}')
    modern.write(DAEMON_JSON, '{}')
    modern.restart_engine()
    assert reloaded(modern) == (True, [])
    assert proxies_by_doctor(modern) == ('ok', f'the engine uses http-proxy {MASKED}')


def test_undo_of_a_restart_that_was_put_off_needs_none(modern):
    modern.start_container('bystander')
    tool(modern, *FLAGS)
    undone = envelope(tool(modern, 'undo', '--format=json').stdout)
    assert service(undone) == ('none', 'none', 'none')
    assert is_live(undone)
    assert is_running(modern, 'bystander')

    tool(modern, *FLAGS, '--restart', 'always')
    modern.run('docker start bystander')
    undone = envelope(tool(modern, 'undo', '--format=json').stdout)
    assert service(undone)[2] == 'restart'


def test_live_restore_shelters_containers(modern):
    modern.write(DAEMON_JSON, '{"live-restore": true}')
    modern.restart_engine()
    modern.start_container('bystander')
    done = tool(modern, *FLAGS)
    assert 'restarted the engine; no container was stopped\n' in done.stdout
    assert proxy_of(modern) == MASKED
    assert is_running(modern, 'bystander')


def test_swarm_puts_a_restart_off(newest):
    newest.run('docker swarm init --advertise-addr 127.0.0.1')
    done = tool(newest, *FLAGS)
    assert 'this host is in a swarm' in done.stdout
    assert proxy_of(newest) == ''


def test_an_engine_that_does_not_come_back_is_brought_back(modern):
    """It refuses to start with our file, often enough for systemd to give up on it."""
    refuse = f"ExecStartPre=/bin/sh -c '! grep -q proxies {DAEMON_JSON}'"
    modern.drop_in('RestartSec=100ms', refuse)
    modern.write(DAEMON_JSON, '{"labels": ["a=b"]}')
    modern.restart_engine()
    done = tool(modern, *FLAGS, check=False)
    assert done.returncode == 1
    assert 'the engine did not come back' in done.stderr
    assert 'the old file is back; the engine is as it was' in done.stderr
    assert modern.read(DAEMON_JSON) == '{"labels": ["a=b"]}'
    assert modern.docker_info()['Labels'] == ['a=b']
    assert proxy_of(modern) == ''
    assert modern.run('ls -A /var/lib/registry-host').stdout == 'checkpoints\n'


def test_what_cannot_be_taken_back_is_told_and_finished_later(newest):
    """The engine starts with neither file; once it can, the told command mends."""
    newest.write(DAEMON_JSON, '{"labels": ["a=b"]}')
    newest.restart_engine()
    newest.drop_in('ExecStartPre=/bin/false')
    done = tool(newest, *FLAGS, check=False)
    assert done.returncode == 1
    assert 'partly applied: the old file is back' in done.stderr
    assert 'hint:  registry-host undo\n' in done.stderr
    assert newest.read(DAEMON_JSON) == '{"labels": ["a=b"]}'
    seen = tool(newest, 'doctor', '--only', 'unfinished-run', check=False)
    assert seen.returncode == 1
    assert 'was cut short' in seen.stdout

    newest.drop_in()
    mended = tool(newest, 'undo')
    assert 'had not ended' in mended.stdout
    assert newest.docker_info()['Labels'] == ['a=b']
    assert tool(newest, 'doctor', '--only', 'unfinished-run').returncode == 0


def test_engine_too_old_for_proxies(lab):
    host = lab.host('bookworm')
    try:
        done = tool(host, *FLAGS, check=False)
        assert done.returncode == 2
        assert 'Docker 20.10.24 does not start with "proxies"' in done.stderr
        assert host.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1
    finally:
        host.close()


# Nameservers of containers: no engine shows them


def asked_by(host, container=''):
    """Read which nameservers a container asks; a new one, unless it is named."""
    if container:
        # The file that is bound into it.
        shown = ['docker', 'inspect', '--format={{.ResolvConfPath}}', container]
        text = host.read(host.run(shown).stdout.strip())
    else:
        text = host.in_container('cat', RESOLV_CONF)
    lines = text.splitlines()
    return [line.split()[1] for line in lines if line.startswith('nameserver ')]


def activation(done):
    """What a run needed of the engine, what it did, and what is left to do."""
    return service(envelope(done.stdout))


def test_engine_dns_is_for_containers_after_a_restart(host):
    host.write(DAEMON_JSON, FOREIGN)
    done = tool(host, *ENGINE_DNS, '--format=json')
    assert activation(done) == ('restart', 'restart', 'none')
    assert is_live(envelope(done.stdout))
    host.start_container('bystander')
    assert asked_by(host, 'bystander') == ['192.0.2.53']
    assert host.run('getent hosts registry.lab').stdout.startswith(GATEWAY)
    again = envelope(tool(host, *ENGINE_DNS, '--format=json').stdout)
    assert (again['changed'], is_live(again)) == (False, False)

    undone = tool(host, 'undo', '--format=json')
    assert host.read(DAEMON_JSON) == FOREIGN
    assert activation(undone)[2] == 'restart'
    (pending,) = envelope(undone.stdout)['findings'][-1:]
    assert 'would stop 1 running container: bystander' in pending['message']
    assert texts(pending) == ['systemctl restart docker.service']
    assert asked_by(host) == ['192.0.2.53']
    assert is_running(host, 'bystander')
    # Runs that are about something else know it, until the engine has restarted.
    mirror = ('configure', '--mirror', 'http://registry.lab:5000', '--format=json')
    for needed in ('restart', 'restart'):
        later = tool(host, *mirror)
        assert activation(later)[2] == needed
    assert envelope(later.stdout)['changed'] is False
    told = tool(host, 'doctor', '--only', 'restart-pending').stdout
    assert 'engine-dns was changed, and Docker has not restarted since' in told
    assert tool(host, *mirror, '--check', check=False).returncode == 3
    host.run(f'docker kill bystander && {texts(pending)[0]}')
    assert asked_by(host) == [GATEWAY]
    assert activation(tool(host, *mirror))[0] == 'none'
    once_more = tool(host, *ENGINE_DNS, '--format=json')
    assert activation(once_more)[1] == 'restart'
    host.run('docker start bystander')
    host.write(DAEMON_JSON, FOREIGN)  # By hand: nobody has put a restart off.
    assert activation(tool(host, *mirror))[0] == 'reload'


def test_engine_dns_of_a_run_that_fails_is_forgotten(newest):
    """Somebody writes the file anew while the engine starts: it has read ours."""
    newest.write(DAEMON_JSON, FOREIGN)
    newest.drop_in(f"ExecStartPost=/bin/sh -c 'cp -p /root/theirs {DAEMON_JSON}'")
    newest.write('/root/theirs', FOREIGN)
    done = tool(newest, *ENGINE_DNS, check=False)
    assert done.returncode == 75
    assert (
        'was overwritten by another program right after it was written' in done.stderr
    )
    assert 'the engine is as it was' in done.stderr
    newest.start_container('bystander')
    assert asked_by(newest, 'bystander') == [GATEWAY]


def test_an_engine_that_is_not_its_units_main_process(host):
    """A reload of the unit would end the shell, and the engine with it."""
    host.run('systemctl stop docker.socket docker.service')
    engine = '/usr/sbin/dockerd -H unix:///var/run/docker.sock'
    engine += ' --containerd=/run/containerd/containerd.sock'
    script = f'ExecStart=/bin/sh -c "{engine} 2>&1 | tee /run/docker.out"'
    host.drop_in('Type=simple', 'ExecStart=', script, 'ExecReload=', RELOAD_BY_UNIT)
    host.run('systemctl start docker.service --no-block')
    # Until it listens there itself, the unit of the socket takes questions for good.
    host.run('until timeout 1 docker version >/dev/null 2>&1; do sleep 0.1; done')
    main = host.run('systemctl show --property=MainPID --value docker').stdout
    before = host.run('pidof dockerd').stdout
    assert main != before
    done = tool(host, 'configure', '--mirror', 'http://registry.lab:5000')
    assert 'reloaded the engine' in done.stdout
    assert host.mirrors() == ['http://registry.lab:5000/']
    assert host.run('pidof dockerd').stdout == before
