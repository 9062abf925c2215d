"""What `status` sees of hosts with each of the three engines: one host an engine."""

from __future__ import annotations

import json
import re

import pytest
from envelope import envelope, service, texts
from lab import GATEWAY
from owners import SITE
from places import CONFIG_JSON, DAEMON_JSON
from services import wait_for

SUITES = ('bookworm', 'trixie', 'forky')
MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
RESOLVED = '/etc/systemd/resolved.conf.d/90-registry-host.conf'


@pytest.fixture(scope='module', params=SUITES)
def shared(lab, request):
    booted = lab.host(request.param)
    yield booted
    booted.close()


@pytest.fixture
def host(shared):
    """The host of the module, afterwards as it was before any run."""
    yield shared
    shared.run('docker rm -f bystander', check=False)
    shared.run(f'rm -rf /var/lib/registry-host /etc/registry-host {DAEMON_JSON}')
    shared.run('rm -rf /home/alice/.docker')
    shared.restart_engine()


def tool(host, *words, user='root'):
    return host.run(['registry-host', *words], user=user)


def seen(host, user='root'):
    return envelope(tool(host, 'status', '--format=json', user=user).stdout)


def entries(found):
    """Each managed entry: value, the run that added it, state, and what it takes."""
    return {
        (entry['value'], entry['run'], entry['state'], entry['needed'])
        for file in found['status']['files']
        for entry in file['entries']
    }


def told(found):
    return [(each['check'], texts(each)) for each in found['findings']]


def test_what_is_live_what_is_not_shown_and_what_waits_for_a_restart(host):
    assert tool(host, 'status').stdout == 'nothing is managed on this host\n'
    tool(host, 'configure', '--mirror', MIRROR)
    tool(host, 'configure', '--insecure-registry', PUSH)
    tool(host, 'configure', '--engine-dns', '192.0.2.53')
    found = seen(host)
    lists = {(MIRROR, '1', 'live', 'none'), (PUSH, '2', 'live', 'none')}
    assert entries(found) == {*lists, ('192.0.2.53', '3', 'not-shown', 'none')}
    assert (found['services'], found['findings'], found['ok']) == ([], [], True)
    assert found['status']['last-run']['id'] == '3'
    (engine,) = found['status']['engines']
    version = str(host.docker_info()['ServerVersion']).partition('+')[0]
    assert engine['title'] == f'Docker {version}'
    assert (engine['state'], engine['path']) == ('running', DAEMON_JSON)

    host.start_container('bystander')
    tool(host, 'configure', '--engine-dns', '192.0.2.54')
    found = seen(host)
    assert entries(found) == {
        *lists,
        ('192.0.2.53', '3', 'pending', 'restart'),
        ('192.0.2.54', '4', 'pending', 'restart'),
    }
    assert service(found) == ('restart', 'none', 'restart')
    restart = ('restart-pending', ['systemctl restart docker.service'])
    assert restart in told(found)
    assert found['status']['unproved']['run'] == '4'
    pending = r'^  dns\.engine +192\.0\.2\.54 +run 4  restart pending: '
    assert re.search(pending, tool(host, 'status').stdout, re.MULTILINE)

    # What was taken back is managed no more, and still in use.
    tool(host, 'undo', '--no-probe')
    tool(host, 'undo', '3', '--no-probe')
    found = seen(host)
    assert entries(found) == lists
    assert service(found) == ('restart', 'none', 'restart')
    assert found['status']['last-run']['undoes'] == '3'


def test_what_others_did_to_the_file_and_to_the_engine(host):
    tool(host, 'configure', '--mirror', MIRROR, '--insecure-registry', PUSH)
    # An entry of somebody else's that is not loaded makes ours no less live.
    lists = {'registry-mirrors': ['http://other.lab', MIRROR]}
    host.write(DAEMON_JSON, json.dumps(lists))
    found = seen(host)
    assert entries(found) == {
        (MIRROR, '1', 'live', 'none'),
        (PUSH, '1', 'gone', 'none'),
    }
    assert 'and the engine still uses it' in tool(host, 'status').stdout
    host.write(DAEMON_JSON, json.dumps({**lists, 'insecure-registries': []}))
    host.run('systemctl reload docker')
    # Which ends before the engine has read it.
    wait_for('reload', lambda: PUSH not in host.insecure())
    host.write(DAEMON_JSON, json.dumps({**lists, 'insecure-registries': [PUSH]}))
    found = seen(host)
    assert (PUSH, '1', 'pending', 'reload') in entries(found)
    assert service(found) == ('reload', 'none', 'reload')
    assert told(found) == [('reload-pending', ['registry-host reload'])]
    tool(host, 'reload')
    assert (PUSH, '1', 'live', 'none') in entries(seen(host))
    host.run('systemctl stop docker.socket docker.service')
    found = seen(host)
    assert {state for _, _, state, _ in entries(found)} == {'not-running'}
    assert found['status']['engines'][0]['state'] == 'stopped'


def test_a_change_that_waits_for_confirmation(host):
    tool(host, 'configure', '--mirror', MIRROR, '--confirm-within', '300')
    found = seen(host)
    assert entries(found) == {(MIRROR, '1', 'live', 'none')}
    waiting = found['status']['waiting']
    assert (waiting['run'], 200 < waiting['seconds'] <= 300) == ('1', True)
    assert told(found) == [('unfinished-run', ['registry-host confirm'])]
    assert 'warning: run 1 is waiting for confirmation' in tool(host, 'status').stdout
    tool(host, 'confirm')
    assert seen(host)['status']['waiting'] is None


def test_without_root_and_with_one_question(host):
    proxy = ('--proxy-for=client', '--http-proxy=http://u:hunter2@proxy.lab:1')
    tool(host, 'configure', '--mirror', MIRROR, *proxy, '--user=alice')
    found = seen(host)
    masked = ('http://xxxxx:xxxxx@proxy.lab:1', '1', 'written', 'none')
    assert entries(found) == {(MIRROR, '1', 'live', 'none'), masked}
    files = [(file['path'], file['user']) for file in found['status']['files']]
    assert (CONFIG_JSON, 'alice') in files
    assert 'hunter2' not in json.dumps(found) + tool(host, 'status').stdout
    # Another user of this host than one who may use docker.
    nobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
    done = host.run([*nobody, 'registry-host', 'status'])
    assert 'is running, but cannot be asked (permission denied' in done.stdout
    unchecked = 'not checked without root: managed entries, earlier runs'
    assert done.stdout.splitlines()[-1] == unchecked
    log = '/run/status.trace'
    host.run(f'strace -f -e trace=network -o {log} registry-host status')
    asked = re.findall(r'connect\(.*?(docker\.sock|AF_INET)', host.read(log))
    assert asked == ['docker.sock']


def test_nameservers_by_the_word_of_their_manager(lab):
    host = lab.host('resolved-stub')
    try:
        tool(host, 'configure', '--nameserver', GATEWAY, '--dns-search', 'lab')
        found = seen(host)
        assert found['status']['dns-manager'] == 'resolved (stub)'
        written = ('lab', '1', 'written', 'none')
        assert entries(found) == {(GATEWAY, '1', 'live', 'none'), written}
        text = host.read(RESOLVED)
        host.write(RESOLVED, text.replace(GATEWAY, SITE))
        assert {state for _, _, state, _ in entries(seen(host))} == {'gone'}
        host.run('systemctl restart systemd-resolved')
        host.write(RESOLVED, text)
        found = seen(host)
        assert (GATEWAY, '1', 'pending', 'reload') in entries(found)
        (remedy,) = dict(told(found))['reload-pending']
        host.run(remedy)
        assert (GATEWAY, '1', 'live', 'none') in entries(seen(host))
    finally:
        host.close()
