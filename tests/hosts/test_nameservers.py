"""Nameservers set on real hosts: proven, refused where they are no use, and undone."""

from __future__ import annotations

import json

import pytest
import services
from lab import GATEWAY
from owners import OWNERS, SITE, SITE_NAME

MIRROR = 'http://registry.lab:5000'
RESOLV_CONF = '/etc/resolv.conf'
LISTENING = ['ss', '-Hlun']
BOTH = ('--mirror', MIRROR, '--nameserver', GATEWAY)
# Programs in Go look at the file again after five seconds (net/dnsclient_unix.go).
PULL = 'for i in $(seq 8); do docker pull -q hello && exit; sleep 1; done; exit 1'


@pytest.fixture
def static(lab):
    booted = lab.host('static')
    yield booted
    booted.close()


def tool(host, *words, check=True):
    return host.run(['registry-host', *words], check=check)


def start_nameserver(lab, address, *words):
    lab.ip(f'addr add {address}/24 dev rh0')
    options = '--no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root '
    options += f'--bind-interfaces --except-interface=lo --listen-address={address} '
    lab.spawn(['dnsmasq', *options.split(), '--pid-file=', *words])
    ready = f'{address}:53'.encode()
    services.wait_for(address, lambda: ready in lab.run(LISTENING).stdout)


def test_a_mirror_whose_name_is_not_known_yet(static):
    """Nameserver and mirror in one run, which is proven; then a reboot, then undone."""
    before = static.read(RESOLV_CONF)
    tool(static, 'configure', '--mirror', MIRROR, '--no-probe')
    assert static.run('docker pull -q hello', check=False).returncode == 1
    tool(static, 'undo')
    static.start_container('bystander')
    done = tool(static, 'configure', *BOTH)
    assert f'updated {RESOLV_CONF}\n' in done.stdout
    assert 'info: 1 running container(s) ask the nameservers that they' in done.stdout
    assert static.read(RESOLV_CONF).splitlines()[1:] == [
        f'nameserver {GATEWAY}',
        f'nameserver {SITE}',
    ]
    assert static.knows('registry.lab')
    assert 'docker.io/library/hello' in static.run(PULL).stdout
    asked = ['docker', 'run', '--rm', 'local/busybox', '/bin/busybox', 'nslookup']
    assert GATEWAY in static.run([*asked, 'registry.lab']).stdout
    again = tool(static, 'configure', *BOTH)
    assert again.stdout.startswith('nothing to do')

    static.lab.add_name(SITE_NAME, GATEWAY)
    static.cut_power()
    static.boot()
    assert static.knows('registry.lab')
    tool(static, 'undo')
    assert static.read(RESOLV_CONF) == before
    assert not static.knows('registry.lab')
    assert static.mirrors() == []


@pytest.mark.parametrize(
    ('server', 'code', 'message'),
    (
        pytest.param(
            '10.99.0.5',
            'nameserver-dead',
            'does not resolve registry.lab: NXDOMAIN',
            id='not-its',
        ),
        pytest.param(
            '10.99.0.254', 'nameserver-dead', 'no answer within 2 s', id='dead'
        ),
    ),
)
def test_a_nameserver_that_is_no_use_is_not_written(static, server, code, message):
    if server == '10.99.0.5':
        start_nameserver(static.lab, server, '--local=/lab/')
    before = static.run(f'stat {RESOLV_CONF}; cat {RESOLV_CONF}').stdout
    words = ('--mirror', MIRROR, '--nameserver', server, '--format=json')
    done = tool(static, 'configure', *words, check=False)
    assert done.returncode == 1
    errors = json.loads(done.stdout)['errors']
    assert errors[0]['code'] == code
    assert message in errors[0]['message']
    assert static.run(f'stat {RESOLV_CONF}; cat {RESOLV_CONF}').stdout == before
    assert static.run('test -e /etc/docker/daemon.json', check=False).returncode == 1


def test_a_nameserver_that_makes_names_up_is_not_written(static):
    start_nameserver(static.lab, '10.99.0.4', f'--address=/#/{GATEWAY}')
    words = ('--mirror', MIRROR, '--nameserver', '10.99.0.4')
    done = tool(static, 'configure', *words, check=False)
    assert done.returncode == 1
    assert 'makes up addresses for names that do not exist: 10.99.0.1' in done.stderr


def test_a_change_that_cuts_names_off_goes_back_by_itself(static):
    before = static.read(RESOLV_CONF)
    words = ('--nameserver', '10.99.0.254', '--dns-exclusive', '--no-probe')
    tool(static, 'configure', *words, '--confirm-within', '2')
    assert not static.knows(SITE_NAME)
    script = 'for i in $(seq 100); do test -e $0 || exit 0; sleep 0.1; done; exit 1'
    static.run(['sh', '-c', script, '/var/lib/registry-host/pending.json'])
    assert static.read(RESOLV_CONF) == before
    assert static.knows(SITE_NAME)


def test_what_does_not_hold_is_rolled_back(static):
    """Another nameserver of the host's comes first to the C library, all the same."""
    static.write('/etc/nsswitch.conf', 'hosts: files\n')
    before = static.read(RESOLV_CONF)
    done = tool(static, 'configure', *BOTH, check=False)
    assert done.returncode == 1
    assert 'this host does not find registry.lab by it; the old file is back' in (
        done.stderr
    )
    assert static.read(RESOLV_CONF) == before
    assert static.run('test -e /etc/docker/daemon.json', check=False).returncode == 1


@pytest.mark.parametrize('name', sorted(set(OWNERS) - {'static'}))
def test_where_it_is_somebody_elses_it_is_not_touched(lab, name):
    host = lab.host(name)
    try:
        before = host.run(f'ls -l {RESOLV_CONF}; cat {RESOLV_CONF}').stdout
        done = tool(host, 'configure', *BOTH, check=False)
        assert done.returncode == 2
        assert f'error: {RESOLV_CONF}: is kept by ' in done.stderr
        assert 'nothing was written\nhint:  ' in done.stderr
        assert GATEWAY in done.stderr
        assert host.run(f'ls -l {RESOLV_CONF}; cat {RESOLV_CONF}').stdout == before
        assert host.run('test -e /etc/docker/daemon.json', check=False).returncode == 1
    finally:
        host.close()
