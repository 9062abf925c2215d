"""A server host: registries are installed, serve clients, and are removed again."""

from __future__ import annotations

import contextlib

import pytest
from envelope import envelope
from services import wait_for

REGISTRY = ('registry-host', 'registry')
SERVERS = ('bookworm', 'trixie')
ENGINES = ('bookworm', 'trixie', 'forky')
CACHE_UNIT = 'registry-host-cache.service'
PUSH_UNIT = 'registry-host-push.service'
BESIDE = ('registry-host-cache-restart.path', 'registry-host-cache-restart.service')
PACKAGE_UNIT = 'docker-registry.service'


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def booted(lab, suite, **how):
    """A server: apt knows the package from a folder of its own alone."""
    host = lab.host(suite, **how)
    host.run('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*')
    host.run('cp /opt/archive/archive.list /etc/apt/sources.list.d/')
    return host


def installs_a_cache(lab, server, *words, code=0):
    return ran(
        server,
        *(*REGISTRY, 'install', 'cache'),
        f'--upstream=http://{lab.hub.endpoint}',
        f'--listen={server.address}:5000',
        *words,
        code=code,
    )


def installs_a_push_instance(server):
    listen = f'--listen={server.address}:5002'
    return ran(server, *REGISTRY, 'install', 'push', listen)


@pytest.fixture(scope='module', params=SERVERS)
def server(lab, request):
    """A server with a cache of the lab's hub, and a push instance."""
    host = booted(lab, request.param, is_lasting=True)
    assert installs_a_cache(lab, host)['changed']
    assert installs_a_push_instance(host)['changed']
    yield host
    host.close()


def state_of(host, unit, verb='is-active'):
    return host.run(['systemctl', verb, unit], check=False).stdout.strip()


def test_they_run_under_their_own_names(server):
    for unit in (CACHE_UNIT, PUSH_UNIT):
        assert (state_of(server, unit), state_of(server, unit, 'is-enabled')) == (
            'active',
            'enabled',
        )
        found = server.run(['systemd-analyze', 'security', '--no-pager', unit])
        assert 'exposure level' in found.stdout.splitlines()[-1]
        assert ': 1.1 OK' in found.stdout.splitlines()[-1]
    assert state_of(server, PACKAGE_UNIT, 'is-enabled') == 'masked'
    seen = server.run('stat -c "%a %U" /etc/registry-host/registries/*.yml')
    assert seen.stdout == '600 root\n600 root\n'


def test_a_second_installation_changes_nothing(server, lab):
    report = installs_a_cache(lab, server)
    assert (report['changed'], report['run']) == (False, None)
    server.run(['systemctl', 'stop', CACHE_UNIT])
    assert installs_a_cache(lab, server)['changed'] is False
    assert state_of(server, CACHE_UNIT) == 'active'


def test_status_names_them(server):
    report = ran(server, 'registry-host', 'status')
    found = [
        (each['name'], each['kind'], each['address'], each['state'])
        for each in report['status']['registries']
    ]
    assert found == [
        ('cache', 'cache', f'{server.address}:5000', 'active'),
        ('push', 'push', f'{server.address}:5002', 'active'),
    ]


def test_nothing_is_wrong_with_them(server):
    """By their files, and asked as a client asks; no question leaves a trace."""
    report = ran(server, *REGISTRY, 'check')
    told = [f for f in report['findings'] if f['severity'] in ('error', 'warning')]
    assert told == []
    checked = [(each['path'], each['role']) for each in report['results']]
    folder = '/etc/registry-host/registries'
    assert checked == [(f'{folder}/cache.yml', 'cache'), (f'{folder}/push.yml', 'push')]
    before = server.run('find /srv/registry').stdout
    urls = [f'http://{server.address}:{port}' for port in (5000, 5002)]
    report = ran(server, *REGISTRY, 'check', '--roles', *urls)
    assert [each['role'] for each in report['results']] == ['cache', 'push']
    assert server.run('find /srv/registry').stdout == before


def test_clients_pull_through_both(server, lab):
    """By the short name, from the push instance first, and then from the cache."""
    mirrors = [f'--mirror=http://{server.address}:{port}' for port in (5002, 5000)]
    hub = f'{lab.hub.endpoint}/library/hello'
    lab.copy_image(hub, f'{server.address}:5002/library/mine')
    fetched = []
    for engine in ENGINES:
        client = lab.host(engine)
        ran(client, 'registry-host', 'configure', *mirrors)
        for image in ('hello', 'mine'):
            client.run(['docker', 'pull', image])
        # Without its upstream, the cache serves what it has.
        client.run(['docker', 'image', 'rm', 'hello'])
        with without_upstream(server):
            client.run(['docker', 'pull', 'hello'])
        client.close()
        fetched.append(len(blobs_fetched_by(server)))
    # By the first client alone: what the hub has served once, the cache has.
    assert fetched[0] > 0
    assert set(fetched) == {fetched[0]}


def blobs_fetched_by(server):
    requests = server.lab.hub.requests()
    return [
        each
        for each in requests
        if each.client == server.address
        and (each.method, '/blobs/' in each.path) == ('GET', True)
    ]


@contextlib.contextmanager
def without_upstream(server):
    block = 'iptables -{} OUTPUT -p tcp --dport 5001 -j REJECT --reject-with tcp-reset'
    server.run(block.format('A'))
    yield
    server.run(block.format('D'))


def test_a_cache_waits_for_its_upstream(server):
    """It does not start without: systemd tries until it is there."""
    show = ['systemctl', 'show', '-P', 'NRestarts', CACHE_UNIT]
    with without_upstream(server):
        server.run(['systemctl', 'restart', CACHE_UNIT])
        wait_for('restarts', lambda: int(server.run(show).stdout) > 2, timeout_s=60)
    url = f'http://{server.address}:5000/v2/'
    script = f'import urllib.request; urllib.request.urlopen("{url}")'
    listening = 'ss -Hltn "sport = :5000" | grep -q .'
    wait_for(
        'socket',
        lambda: server.run(listening, check=False).returncode == 0,
        timeout_s=60,
    )
    wait_for(
        'cache',
        lambda: server.run(['python3', '-c', script], check=False).returncode == 0,
        timeout_s=60,
    )


def test_the_password_of_a_proxy_is_for_root_alone(server, lab):
    proxy = 'http://lab:Tr4in$9%25@10.99.0.1:3128'
    report = installs_a_cache(lab, server, f'--http-proxy={proxy}')
    assert report['changed'] is True
    assert 'Tr4in' not in str(report)
    file = '/etc/registry-host/registries/cache.env'
    assert server.run(['stat', '-c', '%a %U', file]).stdout == '600 root\n'
    pid = server.run(['systemctl', 'show', '-P', 'MainPID', CACHE_UNIT]).stdout.strip()
    variables = server.run(['cat', f'/proc/{pid}/environ']).stdout.split('\0')
    assert f'HTTP_PROXY={proxy}' in variables
    shown = server.run(f'systemctl show {CACHE_UNIT}; systemctl cat {CACHE_UNIT}')
    assert 'Tr4in' not in shown.stdout
    assert installs_a_cache(lab, server)['changed'] is True
    assert server.run(['test', '-e', file], check=False).returncode == 1
    bad = installs_a_cache(lab, server, '--http-proxy=proxy.lab', code=2)
    assert bad['errors'][0]['message'].startswith('--http-proxy: ')


def test_what_is_taken_is_refused(server):
    before = server.run('ls -l /etc/registry-host/registries').stdout
    listen = f'--listen={server.address}:5000'
    second = (*REGISTRY, 'install', 'push', '--name=second')
    for words, message in (
        ((listen,), 'port 5000 is taken by the registry cache'),
        (
            ('--storage=/srv/registry/cache',),
            '/srv/registry/cache is the storage of the registry cache',
        ),
        (('--listen=127.0.0.1:15000',), 'port 15000 is taken by docker-registry (pid '),
    ):
        report = ran(server, *second, '--listen=127.0.0.1:5009', *words, code=2)
        (error,) = report['errors']
        assert message in error['message']
        assert error['message'].endswith('; nothing was written')
    assert server.run('ls -l /etc/registry-host/registries').stdout == before


def test_client_settings_leave_them_alone(server):
    ran(server, 'registry-host', 'configure', '--no-probe', '--mirror=http://m:5000')
    for words in (('undo',), ('unconfigure',)):
        report = ran(server, 'registry-host', *words, '--no-probe')
        (finding,) = (
            f for f in report['findings'] if f['check'] == 'registry-installed'
        )
        assert 'still runs cache, push' in finding['message']
    report = ran(server, 'registry-host', 'undo', '1', code=1)
    assert [error['code'] for error in report['errors']] == ['undo-installation']
    assert state_of(server, CACHE_UNIT) == state_of(server, PUSH_UNIT) == 'active'


def test_they_survive_a_reboot(server):
    server.cut_power()
    server.boot()
    for unit in (CACHE_UNIT, PUSH_UNIT):
        wait_for(unit, lambda unit=unit: state_of(server, unit) == 'active')


def test_an_upgrade_of_the_package_restarts_them(server):
    def program():
        pid = server.run(['systemctl', 'show', '-P', 'MainPID', CACHE_UNIT]).stdout
        link = f'/proc/{pid.strip()}/exe'
        return pid, server.run(['readlink', link], check=False).stdout.strip()

    before, _ = program()
    server.run(
        'cd /tmp && rm -rf new && dpkg-deb -R /opt/archive/docker-registry_*.deb new '
        '&& sed -i "s/^Version:.*/Version: 99/" new/DEBIAN/control '
        # Not compressed: that took ten times longer than all else here.
        '&& dpkg-deb -Znone -b new new.deb && dpkg -i new.deb'
    )
    wait_for('restart', lambda: program()[0] != before, timeout_s=30)
    wait_for('new program', lambda: program()[1] == '/usr/bin/docker-registry')
    assert state_of(server, PACKAGE_UNIT, 'is-enabled') == 'masked'


def test_a_purge_of_the_package_is_told_and_mended(server, lab):
    server.run('DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y docker-registry')
    wait_for('end', lambda: state_of(server, CACHE_UNIT) != 'active')
    report = ran(server, *REGISTRY, 'check', code=1)
    down = [f for f in report['findings'] if f['check'] == 'registry-down']
    assert len(down) == 2
    told = '/usr/bin/docker-registry is not there any more'
    assert all(told in finding['message'] for finding in down)
    assert installs_a_cache(lab, server)['changed'] is False
    wait_for('cache', lambda: state_of(server, CACHE_UNIT) == 'active')
    wait_for('push', lambda: state_of(server, PUSH_UNIT) == 'active')
    assert state_of(server, PACKAGE_UNIT, 'is-enabled') == 'masked'


def test_garbage_is_collected_while_no_push_is_taken(server, lab):
    endpoint = f'{server.address}:5002'
    storage = '/srv/registry/push/docker/registry/v2'

    def blobs():
        return server.run(f'find {storage}/blobs -name data | wc -l').stdout

    for name in ('kept', 'gone'):
        hub = f'{lab.hub.endpoint}/library/hello'
        lab.copy_image(hub, f'{endpoint}/library/{name}')
    before = blobs()
    server.run(f'rm -r {storage}/repositories/library/gone')
    collect = [*REGISTRY, 'gc', 'push']
    told = server.run(collect).stdout
    assert told == f'0 blobs removed, {before.strip()} in use\n'
    assert blobs() == before  # The image that is kept has the same layers.
    server.run(f'rm -r {storage}/repositories/library')
    told = server.run(collect).stdout
    assert told == f'{before.strip()} blobs removed, 0 in use\n'
    assert blobs() == '0\n'
    # The registry takes them once more, for it was restarted.
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', f'{endpoint}/library/again')
    lab.copy_image(f'{endpoint}/library/again', f'{endpoint}/library/copy')
    environment = f'cat /proc/$(systemctl show -P MainPID {PUSH_UNIT})/environ'
    assert 'READONLY' not in server.run(environment).stdout
    (error,) = ran(server, *REGISTRY, 'gc', 'cache', code=2)['errors']
    assert 'is a cache' in error['message']


COLLECT_UNIT = 'registry-host-push-collect.service'
SLOWLY = f'/run/systemd/system/{COLLECT_UNIT}.d/slowly.conf'
# What the process of the registry has, and not the unit alone.
READ_ONLY = f'grep -cz READONLY= /proc/$(systemctl show -P MainPID {PUSH_UNIT})/environ'


def takes_pushes(host):
    url = f'http://{host.address}:5002'
    done = host.run([*REGISTRY, 'check', '--roles', url], check=False)
    return f'{url}: push\n' in done.stdout


def is_read_only(host):
    return host.run(READ_ONLY, check=False).stdout == '1\n'


def test_no_push_is_taken_while_garbage_is_collected(server, lab):
    """Whatever becomes of the run: an interrupt ends the collection, too."""
    hub = f'{lab.hub.endpoint}/library/hello'
    wait_for('registry', lambda: takes_pushes(server))
    lab.copy_image(hub, f'{server.address}:5002/library/often')
    wait = '/bin/sh -c "while test -e /run/slow; do sleep 0.1; done"'
    server.write(SLOWLY, f'[Service]\nExecStartPre={wait}\n')
    server.run('systemctl daemon-reload')
    # Under nohup(1), these tests would run with a signal that is ignored.
    words = ' '.join(('env --default-signal', *REGISTRY, 'gc', 'push'))
    # One test, as tests with parameters of their own would each have a server.
    for signal in ('INT', 'TERM', 'HUP', 'KILL'):
        line = f'touch /run/slow; set -m; {words} >/dev/null 2>&1 & echo $! >/run/pid'
        server.run(['bash', '-c', line])
        wait_for('read-only', lambda: is_read_only(server), timeout_s=30)
        assert state_of(server, COLLECT_UNIT) == 'activating'
        report = ran(server, *REGISTRY, 'check')
        (told,) = (f for f in report['findings'] if f['check'] == 'readonly')
        assert told['severity'] == 'info'
        assert told['message'].endswith('refused with 405 while garbage is collected')
        server.run(f'kill -{signal} $(cat /run/pid)')
        if signal == 'KILL':  # It goes on, and ends when it is done.
            server.run('sleep 0.5')
            assert state_of(server, COLLECT_UNIT) == 'activating'
            assert is_read_only(server)
            server.run('rm /run/slow')
        # Never is there a moment with a collection and without this; looked for before
        # the state is, as it goes once the collection has ended.
        server.run(
            f'state() {{ systemctl is-active {COLLECT_UNIT} | grep -qx $1; }}; '
            'while file=$(ls /run/registry-host-push.read-only.env); state activating; '
            'do test "$file" || exit 1; done; while state deactivating; do :; done'
        )
        assert state_of(server, COLLECT_UNIT) in ('inactive', 'failed')
        wait_for('pushes', lambda: takes_pushes(server))
        lab.copy_image(hub, f'{server.address}:5002/library/{signal.lower()}')
    server.run(f'rm -r {SLOWLY}; systemctl daemon-reload')


def test_collections_may_follow_each_other_at_once(server):
    """systemd refuses the sixth start of a unit within ten seconds, if not told."""
    for _ in range(6):
        ran(server, *REGISTRY, 'gc', 'push')


def test_starts_may_follow_each_other_at_once(server):
    watcher = 'registry-host-push-restart.path'
    server.run(f'for i in 1 2 3 4 5 6 7; do systemctl restart {watcher}; done; true')
    assert state_of(server, watcher) == 'failed'
    listen = f'--listen={server.address}:5002'
    words = (*REGISTRY, 'install', 'push', listen)
    assert ran(server, *words, '--no-proxy=x.lab')['changed']
    assert state_of(server, watcher) == 'active'
    assert ran(server, *words)['changed']


def test_units_of_an_earlier_version_collect_nothing(server):
    """They would take pushes meanwhile."""
    unit = f'/etc/systemd/system/{PUSH_UNIT}'
    before = server.read(unit)
    server.run(f'sed -i /read-only/d {unit}')
    (error,) = ran(server, *REGISTRY, 'gc', 'push', code=2)['errors']
    assert 'would take pushes during a collection' in error['message']
    server.write(unit, before)


def test_a_collection_that_fails_leaves_the_registry_as_it_was(server, lab):
    unit = 'registry-host-push-collect.service'
    folder = f'/run/systemd/system/{unit}.d'
    hub = f'{lab.hub.endpoint}/library/hello'
    lab.copy_image(hub, f'{server.address}:5002/library/before')
    server.write(f'{folder}/fails.conf', '[Service]\nExecStart=\nExecStart=false\n')
    try:
        (error,) = ran(server, *REGISTRY, 'gc', 'push', code=1)['errors']
    finally:
        server.run(f'rm -r {folder}; systemctl daemon-reload')
    assert error['message'].startswith(f'{unit}: the collection failed')
    lab.copy_image(hub, f'{server.address}:5002/library/then')
    assert server.run(f'ls /run/systemd/system/{PUSH_UNIT}.d', check=False).stdout == ''


def test_they_are_removed_and_the_package_is_as_it_was(server, lab):
    """The last test of this module: the server has none afterwards."""
    fetched = f'{server.address}:5000/library/hello'
    lab.copy_image(fetched, f'{server.address}:5002/library/fetched')
    report = ran(server, *REGISTRY, 'uninstall', 'push', '--purge-images')
    assert report['changed'] is True
    assert server.run('test -e /srv/registry/push', check=False).returncode == 1
    assert state_of(server, PACKAGE_UNIT, 'is-enabled') == 'masked'
    ran(server, *REGISTRY, 'uninstall', 'cache')
    assert server.run(['ls', '/srv/registry/cache']).stdout
    assert state_of(server, PACKAGE_UNIT, 'is-enabled') != 'masked'
    left = server.run('find /etc /run/systemd -name "*registry-host*"').stdout
    assert left in ('', '/etc/registry-host\n')
    assert state_of(server, CACHE_UNIT) != 'active'
    for name in ('cache', 'other'):
        (error,) = ran(server, *REGISTRY, 'uninstall', name, code=2)['errors']
        assert error['code'] == 'registry-unknown'


def is_whole(host):
    """Whether the cache is installed and runs; if not, nothing of it may be left."""
    files = 'find /etc/systemd /etc/registry-host /run/systemd/system -name "*cache*"'
    found = host.run(files, check=False).stdout.split()
    if not found:
        assert state_of(host, CACHE_UNIT) != 'active'
        return False
    wanted = {
        '/etc/registry-host/registries/cache.yml',
        *(f'/etc/systemd/system/{unit}' for unit in (CACHE_UNIT, *BESIDE)),
        f'/etc/systemd/system/multi-user.target.wants/{CACHE_UNIT}',
        f'/etc/systemd/system/multi-user.target.wants/{BESIDE[0]}',
    }
    assert set(found) == wanted
    assert state_of(host, CACHE_UNIT) == 'active'
    return True


def test_an_installation_that_is_cut_short_is_before_or_after(lab):
    """Killed, and with the power of the host, at one time after the other."""
    host = booted(lab, 'trixie', is_lasting=True)
    installs_a_cache(lab, host)
    uninstall = (*REGISTRY, 'uninstall', 'cache', '--purge-images')
    ran(host, *uninstall)
    command = (
        f'registry-host registry install cache --upstream=http://{lab.hub.endpoint} '
        f'--listen={host.address}:5000'
    )
    seen = []
    for tenths in (2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 30):
        host.run(f'timeout --signal=KILL {tenths / 10} {command}', check=False)
        ran(host, 'registry-host', 'unconfigure')
        seen.append(is_whole(host))
        if seen[-1]:
            ran(host, *uninstall)
    assert (seen[0], seen[-1]) == (False, True)
    host.run(f'{command} >/dev/null 2>&1 & sleep 0.6')
    host.cut_power()
    host.boot()
    ran(host, 'registry-host', 'unconfigure')
    is_whole(host)
    host.close()
