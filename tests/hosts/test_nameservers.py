"""Nameservers set on real hosts: proven, refused where they are no use, and undone."""

from __future__ import annotations

import pytest
import services
from envelope import envelope, proofs, service
from lab import GATEWAY
from owners import SITE
from places import RESOLV_CONF

MIRROR = 'http://registry.lab:5000'
LISTENING = ['ss', '-Hlun']
BOTH = ('--mirror', MIRROR, '--nameserver', GATEWAY)


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
    """Nameserver and mirror in one run, which is proven, and undone."""
    before = static.read(RESOLV_CONF)
    tool(static, 'configure', '--mirror', MIRROR, '--no-probe')
    assert static.run('docker pull -q hello', check=False).returncode == 1
    tool(static, 'undo')
    static.start_container('bystander')
    done = tool(static, 'configure', *BOTH)
    assert f'updated {RESOLV_CONF}\n' in done.stdout
    assert 'info: 1 running container asks the nameservers that it' in done.stdout
    assert 'hint:  docker restart bystander\n' in done.stdout
    assert static.read(RESOLV_CONF).splitlines()[1:] == [
        f'nameserver {GATEWAY}',
        f'nameserver {SITE}',
    ]
    assert static.knows('registry.lab')
    assert 'docker.io/library/hello' in static.run('docker pull -q hello').stdout
    assert GATEWAY in static.in_container('nslookup', 'registry.lab')
    again = tool(static, 'configure', *BOTH)
    assert again.stdout.startswith('nothing to do')

    tool(static, 'undo', '--no-probe')
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
    errors = envelope(done.stdout)['errors']
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


def test_a_nameserver_that_hides_docker_hub_is_not_written(static):
    names = ('--address=/registry.lab/10.99.0.1', '--address=/docker.io/0.0.0.0')
    start_nameserver(static.lab, '10.99.0.6', *names, '--local=/invalid/')
    words = ('--mirror', MIRROR, '--nameserver', '10.99.0.6')
    done = tool(static, 'configure', *words, check=False)
    assert done.returncode == 1
    said = 'sends registry-1.docker.io nowhere: 0.0.0.0; is the address right?'
    assert f'{said}; nothing was written' in done.stderr


def test_what_does_not_hold_is_rolled_back(static):
    """Another nameserver of the host's comes first to the C library, all the same."""
    static.write('/etc/nsswitch.conf', 'hosts: files\n')
    before = static.read(RESOLV_CONF)
    done = tool(static, 'configure', *BOTH, check=False)
    assert done.returncode == 1
    assert 'this host does not resolve registry.lab with it; the old file is back' in (
        done.stderr
    )
    assert static.read(RESOLV_CONF) == before
    assert static.run('test -e /etc/docker/daemon.json', check=False).returncode == 1


@pytest.fixture
def resolved(lab):
    booted = lab.host('resolved-stub')
    yield booted
    booted.close()


def test_a_dns_manager_is_a_service_and_is_proved(resolved):
    """What it took, and that it, this host and its engine use the nameserver."""
    done = tool(resolved, 'configure', *BOTH, '--format=json')
    found = envelope(done.stdout)
    assert service(found, 'resolved') == ('reload', 'reload', 'none')
    assert service(found) == ('reload', 'reload', 'none')
    assert proofs(found, 'reachable')[0] == (
        GATEWAY,
        'ok',
        'resolves registry.lab',
    )
    outcomes = {what: outcome for what, outcome, _ in proofs(found, 'live')}
    assert outcomes == {'resolved': 'ok', 'host-names': 'ok', 'docker': 'ok'}
    assert [outcome for _, outcome, _ in proofs(found, 'pulls')] == ['ok']
    again = envelope(tool(resolved, 'configure', *BOTH, '--format=json').stdout)
    assert (again['changed'], again['host']) == (False, 'unchanged')
    assert {outcome for _, outcome, _ in proofs(again, 'written')} == {'ok'}
