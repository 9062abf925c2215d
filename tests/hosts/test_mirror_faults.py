"""Mirrors that are no use, with both image stores: a host that can pull still can."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode

import pytest
from envelope import envelope
from places import DAEMON_JSON
from services import wait_for

MIRROR = 'http://registry.lab:5000'
GATE = 'http://10.99.0.1'
CONFIGURE = ('registry-host', 'configure')
STORE = {'features': {'containerd-snapshotter': True}}
HOSTS = {
    '20.10-bookworm': ('bookworm', {}),
    '26.1-trixie': ('trixie', {}),
    '28.5-forky': ('forky', {}),
    '28.5-forky-containerd': ('forky', STORE),
}


@pytest.fixture(params=HOSTS, ids=str)
def able(lab, request):
    """A host that can pull, by a mirror that works."""
    suite, document = HOSTS[request.param]
    booted = lab.host(suite)
    if document:
        booted.write(DAEMON_JSON, json.dumps(document))
        booted.restart_engine()
    booted.has_containerd_store = bool(document)
    ran(booted, *CONFIGURE, '--mirror', MIRROR)
    assert can_pull(booted)
    yield booted
    booted.close()


@pytest.fixture(scope='session')
def faulty(lab):
    """Mirrors by what is wrong with them."""
    for mode, port in (('silent', 5021), ('page', 5022), ('redirects', 5023)):
        lab.start_proxy(mode, port)
    lab.start_registry('empty2', 5024)
    silent = lab.add_silent_address()
    # A cache does not start without its upstream, and goes on without it.
    for name, port, rule in (
        ('dead', 5025, 'REJECT --reject-with tcp-reset'),
        ('silent', 5026, 'DROP'),
    ):
        lab.start_registry(f'{name}-hub', port + 10)
        lab.start_registry(f'{name}-cache', port, upstream=f'{GATE}:{port + 10}')
        if name == 'dead':
            # With storage of its own: one that another cache writes a tag to meanwhile
            # answers 500 now and then.
            kept = shutil.copytree(lab.folder / 'hub', lab.folder / 'kept')
            upstream = f'{GATE}:{port + 10}'
            lab.start_registry('kept-cache', 5028, root=kept, upstream=upstream)
        words = f'iptables -A INPUT -p tcp --dport {port + 10} -j {rule}'
        lab.run(words.split())
    return {
        'dead': f'{GATE}:5999',
        'drops': f'http://{silent}:5000',
        'silent': f'{GATE}:5021',
        'page': f'{GATE}:5022',
        'redirects': f'{GATE}:5023',
        'empty': f'{GATE}:5024',
        'dead-upstream': f'{GATE}:5025',
        'kept': f'{GATE}:5028',
        'silent-upstream': f'{GATE}:5026',
    }


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def can_pull(host):
    return host.run(['docker', 'pull', 'hello'], check=False).returncode == 0


def severities(report, *checks):
    found = report['findings']
    return [(f['check'], f['severity']) for f in found if f['check'] in checks]


def test_a_host_that_can_pull(able, faulty, lab):
    """One host for all of it, since each step leaves it able to pull."""
    a_mirror_that_is_no_use_is_refused(able, faulty)
    a_mirror_without_content_is_told_of_and_harms_nothing(able, faulty)
    a_cache_that_serves_only_what_it_has_is_told_of(able, faulty)
    an_insecure_registry_that_does_not_answer_is_told_of(able)
    a_cache_that_waits_for_its_upstream_is_not_called_a_good_one(able, faulty)
    a_mirror_that_is_sent_the_login_for_docker_hub_is_told_of(able, lab)


def a_mirror_that_is_no_use_is_refused(able, faulty):
    """By what it does when it is asked; nothing is written."""
    written = able.read(DAEMON_JSON)
    codes = {
        'dead': 'mirror-unreachable',
        'drops': 'mirror-unreachable',
        'silent': 'mirror-unreachable',
        'page': 'mirror-not-registry',
    }
    if able.has_containerd_store:
        codes['redirects'] = 'mirror-redirects'
    for fault, code in codes.items():
        report = ran(able, *CONFIGURE, '--mirror', faulty[fault], code=1)
        assert [error['code'] for error in report['errors']] == [code], fault
        assert report['changed'] is False
    assert able.read(DAEMON_JSON) == written
    assert can_pull(able)


def a_mirror_without_content_is_told_of_and_harms_nothing(able, faulty):
    """It stands behind the one that works, and before none."""
    for fault, severity in (('empty', 'info'), ('dead-upstream', 'warning')):
        report = ran(able, *CONFIGURE, '--mirror', faulty[fault])
        found = severities(report, 'mirror-content', 'pulls')
        assert found == [('mirror-content', 'warning'), ('pulls', 'ok')], fault
        doctor = ran(able, 'registry-host', 'doctor', '--only=mirror-content')
        assert [each for _, each in severities(doctor, 'mirror-content')] == [
            'ok',
            severity,
        ], fault
        hint = f'registry-host registry check --roles {faulty[fault]}'
        *_, told = doctor['findings']
        assert [each['text'] for each in told['remedy']] == [hint]
        checked = ran(able, *hint.split())
        role = 'push' if fault == 'empty' else 'cache'
        assert [each['role'] for each in checked['results']] == [role], fault
        assert can_pull(able)
        ran(able, 'registry-host', 'undo')


def a_cache_that_waits_for_its_upstream_is_not_called_a_good_one(able, faulty):
    """It holds up each question for as long as it waits itself."""
    report = ran(able, *CONFIGURE, '--mirror', faulty['silent-upstream'])
    assert ('mirror-content', 'ok') not in severities(report, 'mirror-content')
    assert severities(report, 'pulls') == [('pulls', 'ok')]
    doctor = ran(able, 'registry-host', 'doctor', '--only=mirror-content')
    assert [each for _, each in severities(doctor, 'mirror-content')] == [
        'ok',
        'skipped',
    ]
    assert can_pull(able)


def a_cache_that_serves_only_what_it_has_is_told_of(able, faulty):
    """Its upstream is away, and the image that is asked for is in the cache."""
    report = ran(able, *CONFIGURE, '--mirror', faulty['kept'])
    said = [f['message'] for f in report['findings'] if f['check'] == 'mirror-content']
    assert said == [
        f'{faulty["kept"]}: has library/hello:latest, but answers 500 for a blob that '
        'it does not hold, as a cache does that cannot reach its upstream; on its '
        'server, registry-host registry check tells why'
    ]
    doctor = ran(able, 'registry-host', 'doctor', '--only=mirror-content')
    assert [each for _, each in severities(doctor, 'mirror-content')] == [
        'ok',
        'warning',
    ]
    ran(able, 'registry-host', 'undo')


def an_insecure_registry_that_does_not_answer_is_told_of(able):
    words = ('--insecure-registry=registry.lab:5002', '--insecure-registry=10.0.0.0/24')
    report = ran(able, *CONFIGURE, *words)
    assert severities(report, 'insecure-unreachable') == []
    words = (
        '--insecure-registry=registry.lab:5998',
        '--insecure-registry=registry.lab',
    )
    report = ran(able, *CONFIGURE, *words)
    told = [f['message'] for f in report['findings'] if f['severity'] == 'warning']
    assert told == [
        'registry.lab:5998: could not be reached (Connection refused)',
        'registry.lab: could not be reached (Connection refused); without a port it '
        'stands for ports 443 and 80 alone',
    ]
    doctor = ran(able, 'registry-host', 'doctor', '--only=insecure-reachable')
    assert [each for _, each in severities(doctor, 'insecure-reachable')] == [
        'warning',
        'warning',
        'ok',
        'skipped',
    ]


def a_mirror_that_is_sent_the_login_for_docker_hub_is_told_of(able, lab):
    """With a graphdriver, in each pull; doctor says so of what the engine does."""
    log = lab.start_proxy('demands', 5027) if not lab.is_listening(5027) else None
    log = log or lab.folder / 'proxy-5027.log'
    before = log.read_text().count('login of hubuser\n')
    auth = b64encode(b'hubuser:hunter2').decode()
    login = {'auths': {'https://index.docker.io/v1/': {'auth': auth}}}
    able.write('/root/.docker/config.json', json.dumps(login), mode='600')
    document = json.loads(able.read(DAEMON_JSON))
    able.write(
        DAEMON_JSON, json.dumps({**document, 'registry-mirrors': [f'{GATE}:5027']})
    )
    able.run('systemctl reload docker')
    # Which ends before the engine has read it.
    wait_for('mirror', lambda: able.mirrors() == [f'{GATE}:5027/'])
    able.run(['docker', 'pull', 'hello-world'], check=False)
    is_sent = log.read_text().count('login of hubuser\n') > before
    assert is_sent is not able.has_containerd_store
    done = able.run(
        ['registry-host', 'doctor', '--only=mirror-credentials', '--format=json'],
        check=False,
    )
    assert 'hunter2' not in done.stdout
    (finding,) = envelope(done.stdout)['findings']
    assert finding['severity'] == ('error' if is_sent else 'ok')


def test_a_proxy_that_is_no_use_is_refused_with_the_containerd_store(lab):
    host = lab.host('forky')
    host.write(DAEMON_JSON, json.dumps(STORE))
    host.restart_engine()
    ran(host, *CONFIGURE, '--mirror', MIRROR)
    written = host.read(DAEMON_JSON)
    for mode, port in (('silent', 5041), ('login', 5042)):
        lab.start_proxy(mode, port)
    for port, code in (
        (5998, 'proxy-unreachable'),
        (5041, 'mirror-unreachable'),
        (5042, 'proxy-login'),
    ):
        flags = ('--http-proxy', f'http://u:hunter2@10.99.0.1:{port}')
        report = ran(host, *CONFIGURE, *flags, '--proxy-for=engine', code=1)
        assert code in [error['code'] for error in report['errors']]
        assert 'hunter2' not in json.dumps(report)
    assert host.read(DAEMON_JSON) == written
    assert can_pull(host)
    host.close()
