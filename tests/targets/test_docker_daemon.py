"""Lists and nameservers of containers in daemon.json."""

from __future__ import annotations

import json

import pytest
from envelope import service
from places import DAEMON_JSON

from registry_host.engine.find import EngineFacts
from registry_host.errors import ConfigError
from registry_host.host.host import Host
from registry_host.levels import Activation
from registry_host.plan.ledger import Applied, ManagedKey, load_ledger
from registry_host.services.facts import Facts
from registry_host.settings.areas import AREAS
from registry_host.settings.asked import asked_by_flags
from registry_host.settings.load import load
from registry_host.settings.model import WITHDRAW_ALL
from registry_host.targets import docker_daemon
from registry_host.targets.planning import build_plan, read_files
from registry_host.targets.target import FileRef

# docker-daemon


@pytest.mark.parametrize(
    ('before', 'flags', 'after'),
    (
        pytest.param(
            {'registry-mirrors': ['http://M:5000/']},
            ('--mirror=http://m:5000',),
            {'registry-mirrors': ['http://M:5000/']},
            id='equal-mirror-keeps-its-spelling',
        ),
        pytest.param(
            {'registry-mirrors': None},
            ('--mirror=http://m',),
            {'registry-mirrors': ['http://m']},
            id='null-is-an-empty-list',
        ),
        pytest.param(
            {},
            ('--mirror=http://b', '--mirror=http://a'),
            {'registry-mirrors': ['http://b', 'http://a']},
            id='order-is-priority',
        ),
        pytest.param(
            {'insecure-registries': ['http://r:1']},
            ('--insecure-registry=r:1',),
            {'insecure-registries': ['http://r:1']},
            id='equal-registry-keeps-its-spelling',
        ),
        pytest.param(
            {'insecure-registries': ['R.LAB:1', 'r.lab:02', '[FD00::2]:5', 'fd00::1']},
            tuple(
                f'--insecure-registry={text}'
                for text in ('R.LAB:1', 'r.lab:2', '[FD00::2]:5', '[fd00::1]')
            ),
            {
                'insecure-registries': [
                    *('r.lab:1', 'r.lab:2', '[fd00::2]:5', '[fd00::1]'),
                    *('R.LAB:1', 'r.lab:02', '[FD00::2]:5', 'fd00::1'),
                ]
            },
            id='what-an-engine-compares-by-its-letters-does-not-serve',
        ),
        pytest.param(
            {'insecure-registries': ['index.docker.io']},
            ('--insecure-registry=docker.io',),
            {'insecure-registries': ['docker.io', 'index.docker.io']},
            id='two-names-of-docker-hub',
        ),
        pytest.param(
            {'registry-mirrors': ['HTTP://m:5000']},
            ('--mirror=HTTP://M:5000',),
            {'registry-mirrors': ['http://m:5000', 'HTTP://m:5000']},
            id='a-mirror-that-is-never-asked-does-not-serve',
        ),
        pytest.param(
            {'registry-mirrors': ['https://M:5443', 'https://n:443']},
            ('--mirror=https://m:5443', '--mirror=https://n'),
            {
                'registry-mirrors': [
                    *('https://m:5443', 'https://n', 'https://M:5443', 'https://n:443')
                ]
            },
            id='certificates-are-looked-for-by-the-letters-of-a-mirror',
        ),
        pytest.param(
            {'registry-mirrors': ['http://proxy.corp/p']},
            ('--mirror=http://proxy.corp',),
            {'registry-mirrors': ['http://proxy.corp', 'http://proxy.corp/p']},
            id='a-path-is-another-mirror',
        ),
        pytest.param(
            {'dns': ['192.0.2.1', '2001:DB8:0::53']},
            ('--engine-dns=9.9.9.9', '--engine-dns=2001:db8::53'),
            {'dns': ['9.9.9.9', '192.0.2.1', '2001:DB8:0::53']},
            id='equal-nameserver-keeps-its-spelling',
        ),
        pytest.param(
            {'dns': [' 192.0.2.1 ']},
            ('--engine-dns=192.0.2.1',),
            {'dns': [' 192.0.2.1 ']},
            id='blanks-are-no-other-nameserver',
        ),
        pytest.param(
            {'dns': ['192.0.2.1']},
            ('--engine-dns=9.9.9.10', '--engine-dns=9.9.9.9'),
            {'dns': ['9.9.9.10', '9.9.9.9', '192.0.2.1']},
            id='nameservers-in-the-order-asked',
        ),
    ),
)
def test_lists(root, before, flags, after):
    root.write(DAEMON_JSON, json.dumps(before))
    assert root.run('configure', *flags).code == 0
    assert json.loads(root.read(DAEMON_JSON)) == after


# docker-daemon: nameservers of containers


def facts_of(engine):
    return Facts(True, True, engine, users=(), former_users={})


def settings_of(flags):
    if flags is None:
        return WITHDRAW_ALL
    return load(asked_by_flags(flags))


def merged(root, flags, engine, ref, applied):
    """What the target makes of daemon.json on a host with such an engine."""
    state, facts = Host(str(root.path)).read(DAEMON_JSON), facts_of(engine)
    wish = docker_daemon.asked(settings_of(flags), facts, ref, state, applied)
    return docker_daemon.merge(ref, state, applied, wish, facts)


def need(root, flags, engine, **other):
    """What a change of daemon.json takes of such an engine."""
    host, facts = Host(str(root.path)), facts_of(engine)
    settings = settings_of(flags)._replace(**other)
    ledger, state = load_ledger(host)
    files = read_files(host, settings, facts, ledger)
    plan = build_plan(host, settings, facts, files, ledger, state).plan
    return next((need for need in plan.needs if need.is_engine), None)


def test_nameservers_of_containers_take_a_restart_and_are_not_for_pulls(root):
    root.write('/etc/resolv.conf', 'nameserver 192.0.2.1\n')
    words = ('--engine-dns=9.9.9.9', '--engine-dns=2620:fe::fe', '--format=json')
    command = f'{root.as_root} configure --nameserver 9.9.9.9 '
    command += '--nameserver 2620:fe::fe'
    for is_check in (True, False):
        check = ('--check',) if is_check else ()
        found = root.run('configure', *words, *check).json
        assert service(found) == ('restart', 'none', 'none')
        assert [change['path'] for change in found['changes']] == [DAEMON_JSON]
        assert found['findings'] == [
            {
                'check': 'engine-dns-pulls',
                'severity': 'info',
                'message': '"dns" in daemon.json is for containers, from their next '
                'start on: pulls ask the nameservers of the host',
                'path': DAEMON_JSON,
                'remedy': [{'text': command, 'argv': command.split()}],
            }
        ]
    again = root.run('configure', *words).json
    assert (again['changed'], again['findings']) == (False, [])
    more = root.run('configure', '--mirror=http://m', '--format=json').json
    assert (service(more)[0], more['findings']) == ('reload', [])
    back = root.run('unconfigure', 'dns', 'engine-dns', '--format=json').json
    assert (service(back)[0], back['findings']) == ('restart', [])


def test_pulls_are_not_told_of_where_the_host_asks_too(root):
    root.write('/etc/resolv.conf', 'nameserver 192.0.2.1\n')
    ended = root.run('configure', '--engine-dns=9.9.9.9', '--nameserver=9.9.9.9')
    assert (ended.code, 'pulls ask' in ended.out) == (0, False)
    assert root.read('/etc/resolv.conf').startswith('nameserver 9.9.9.9\n')
    alone = root.run('configure', '--engine-dns=9.9.9.10', '--format=json').json
    assert [change['path'] for change in alone['changes']] == [DAEMON_JSON]


def test_nameservers_that_no_container_asks_are_told(root):
    foreign = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
    root.write(DAEMON_JSON, json.dumps({'dns': foreign}))
    told = (
        'warning: the nameserver \'192.0.2.3\' in "dns" is asked by no container: only '
        'the first 3 are\n'
    )
    for _ in range(2):
        assert told in root.run('configure', '--engine-dns=9.9.9.9').out
    assert 'warning: ' not in root.run('unconfigure', 'dns').out


def test_undo_keeps_the_nameservers_that_others_added_since(root):
    root.write(DAEMON_JSON, '{"dns": ["192.0.2.1"]}')
    root.run('configure', '--engine-dns=9.9.9.9')
    root.run('configure', '--replace', '--engine-dns=9.9.9.10', '--mirror=http://m')
    content = json.loads(root.read(DAEMON_JSON))
    content['dns'].append('192.0.2.2')
    root.write(DAEMON_JSON, json.dumps({**content, 'mtu': 1500}))
    expected = [
        {'dns': ['9.9.9.9', '192.0.2.1', '192.0.2.2'], 'mtu': 1500},
        {'dns': ['192.0.2.1', '192.0.2.2'], 'mtu': 1500},
    ]
    for document in expected:
        assert root.run('undo').code == 0
        assert json.loads(root.read(DAEMON_JSON)) == document


def test_declared_nameservers_of_containers_come_and_go(root):
    root.write('/etc/resolv.conf', 'nameserver 192.0.2.1\n')
    settings = '/etc/registry-host/settings.toml'
    root.write(settings, '[dns]\nengine = ["9.9.9.9"]\n')
    drift = root.run('doctor', '--only=drift').out
    assert f'as its settings file says: {DAEMON_JSON} would change' in drift
    assert root.run('configure').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {'dns': ['9.9.9.9']}
    assert root.run('doctor', '--only=drift').out.startswith('ok: ')
    root.write(settings, '[proxies]\nfor = ["engine"]\n')
    assert root.run('configure').code == 0
    assert not (root.path / 'etc/docker').exists()
    assert root.read('/etc/resolv.conf') == 'nameserver 192.0.2.1\n'


def test_nameservers_that_the_engine_has_as_a_flag_are_refused(root):
    root.write(DAEMON_JSON, '{}')
    engine = EngineFacts(
        'stopped', flags={'dns': ('9.9.9.9',)}, flags_origin='the unit'
    )
    applied = Applied(docker_daemon.NAME, DAEMON_JSON)
    flags, ref = {'engine': ['9.9.9.9']}, FileRef(DAEMON_JSON)
    with pytest.raises(ConfigError) as caught:
        merged(root, flags, engine, ref, applied)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ('flag-conflict', DAEMON_JSON)
    assert problem.message == (
        '"dns" is already given as the flag --dns=9.9.9.9: the engine refuses what is '
        'given twice, even if it is equal; remove the flag'
    )
    assert problem.hint == 'sudo systemctl edit --full docker.service'


def test_nameservers_leave_the_file_of_a_former_engine(root):
    root.write(DAEMON_JSON, '{"dns": ["9.9.9.9"], "mtu": 1500}')
    managed = {'engine-dns': ManagedKey(managed=('9.9.9.9',))}
    found = merged(
        root,
        None,
        EngineFacts(state='unknown', config_path='/elsewhere/daemon.json'),
        FileRef(DAEMON_JSON, is_withdrawn=True),
        Applied(docker_daemon.NAME, DAEMON_JSON, keys=managed, created=(('dns',),)),
    )
    assert found.after.content == b'{"mtu": 1500}'


def test_another_order_of_nameservers_is_another_list(root):
    flags = ('--engine-dns=9.9.9.9', '--engine-dns=9.9.9.10')
    root.run('configure', *flags)
    assert root.run('configure', *reversed(flags)).out.startswith('nothing to do')
    ended = root.run('configure', '--replace', *reversed(flags), '--format=json')
    assert service(ended.json)[0] == 'restart'
    assert json.loads(root.read(DAEMON_JSON)) == {'dns': ['9.9.9.10', '9.9.9.9']}


@pytest.mark.parametrize(
    ('flags', 'needed', 'is_hidden'),
    (
        pytest.param({'engine': ['9.9.9.9']}, Activation.NONE, True, id='as-asked'),
        pytest.param({'engine': ['9.9.9.10']}, Activation.RESTART, True, id='new'),
        pytest.param(
            {'registry-mirrors': ['http://m']}, Activation.RELOAD, False, id='mirrors'
        ),
    ),
)
def test_what_an_engine_never_shows_is_not_proven(root, flags, needed, is_hidden):
    root.write(DAEMON_JSON, '{"dns": ["9.9.9.9"]}')
    found = need(root, flags, EngineFacts(state='unknown'))
    assert (found.needed, found.is_hidden) == (needed, is_hidden)


def test_foreign_nameservers_of_containers_are_not_for_proof(root):
    root.write(DAEMON_JSON, '{"dns": ["9.9.9.9"], "registry-mirrors": ["http://m"]}')
    flags = {'registry-mirrors': ['http://m']}
    found = need(root, flags, EngineFacts(state='unknown'), named=AREAS)
    assert (found.needed, found.is_hidden) == (Activation.NONE, False)


@pytest.mark.parametrize(
    ('words', 'code', 'hint'),
    (
        pytest.param(['1.1.1.1:53'], 'engine-dns-address', '1.1.1.1', id='port'),
        pytest.param(['dns.example'], 'engine-dns-address', '', id='name'),
        pytest.param(['1.1.1.1%eth0'], 'engine-dns-address', '', id='zone-of-ipv4'),
        pytest.param(['fe80::1%eth0'], 'engine-dns-zone', '', id='zone'),
        pytest.param(['127.0.0.53'], 'engine-dns-loopback', '', id='loopback'),
        pytest.param(['::1'], 'engine-dns-loopback', '', id='loopback-of-ipv6'),
        pytest.param(['::'], 'engine-dns-address', '', id='nobody'),
        pytest.param(
            [f'1.1.1.{n}' for n in range(1, 5)], 'engine-dns-beyond', '', id='four'
        ),
    ),
)
def test_what_is_no_nameserver_of_containers(root, words, code, hint):
    flags = [f'--engine-dns={word}' for word in words]
    for command in ('configure', 'validate'):
        ended = root.run(command, *flags, '--format=json')
        assert ended.code == 2
        (error,) = ended.json['errors']
        assert (error['code'], error['hint']) == (code, hint)
        assert error['message'].startswith('--engine-dns: ')
    assert not (root.path / 'etc/docker').exists()
