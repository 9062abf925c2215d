"""Entries that an engine takes for others than they seem: as it pulls, so we say."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
import services
from envelope import envelope, texts
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
TLS_MIRROR = 'https://registry.lab:5445'
HUB = 'registry.lab:5001'
HELLO = 'library/hello'
CONFIGURE = ('registry-host', 'configure')
STORE = {'features': {'containerd-snapshotter': True}}
HOSTS = {
    '20.10-bookworm': ('bookworm', {}),
    '26.1-trixie': ('trixie', {}),
    '26.1-trixie-containerd': ('trixie', STORE),
    '28.5-forky': ('forky', {}),
    '28.5-forky-containerd': ('forky', STORE),
}
# It answers 404.
WEB_SERVER = """
import ssl, sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
server = ThreadingHTTPServer((sys.argv[1], 443), SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2] + '/server.crt', sys.argv[2] + '/server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
UNTRUSTED = 'mirror-untrusted'


@pytest.fixture(scope='module', params=HOSTS, ids=str)
def kept(lab, request):
    """One host for the whole module: each test begins with a daemon.json of its own."""
    suite, document = HOSTS[request.param]
    booted = lab.host(suite)
    yield SimpleNamespace(host=booted, document=document, is_store=bool(document))
    booted.close()


@pytest.fixture(scope='session')
def served(lab):
    """The lab's hub behind TLS, and page.lab: a web server by HTTPS, a hub by HTTP."""
    authority = getattr(lab, 'authority', None)
    root = lab.folder / 'hub'
    lab.start_registry('identity', 5445, root=root, has_tls=True)
    if authority is not None:  # That of another module.
        lab.authority = authority
    page = '10.99.0.240'
    lab.ip(f'addr replace {page}/24 dev rh0')
    lab.add_name('page.lab', page)
    lab.start_registry('page', 80, root=root, address=page)
    tls = lab.folder / 'identity.tls'
    lab.spawn([sys.executable, '-c', WEB_SERVER, page, str(tls)])
    services.wait_for('web server', lambda: lab.is_listening(443))
    lab.start_proxy('plain', 5246)
    lab.start_proxy('refuses', 5247)


def began(kept, *, is_started=True, mirrors=(), insecure=(), proxy=''):
    """Start the engine with these lists, as on a host that registry-host never saw."""
    host = kept.host
    host.run('rm -rf /var/lib/registry-host')
    host.drop_in(f'Environment=HTTP_PROXY={proxy} HTTPS_PROXY={proxy}' if proxy else '')
    lists = {'registry-mirrors': [*mirrors], 'insecure-registries': [*insecure]}
    host.write(DAEMON_JSON, json.dumps({**kept.document, **lists}))
    if is_started:
        host.restart_engine()
    return host


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def can_pull(host, image):
    is_pulled = host.run(['docker', 'pull', image], check=False).returncode == 0
    if is_pulled:
        host.run(['docker', 'rmi', image])
    return is_pulled


def found(report, check):
    return [f for f in report['findings'] if f['check'] == check]


def doctor(host, check):
    done = host.run(
        ['registry-host', 'doctor', f'--only={check}', '--format=json'], check=False
    )
    return found(envelope(done.stdout), check)


def severities(findings):
    return [finding['severity'] for finding in findings]


# For what does not depend on the image store.
each_engine = pytest.mark.parametrize(
    'kept',
    [name for name, (_, document) in HOSTS.items() if not document],
    indirect=True,
    scope='module',
)
ODD = {
    'REGISTRY.LAB:5001': HUB,
    'registry.lab:05001': HUB,
    'registry.lab:065535': 'registry.lab:65535',
    '10.99.0.1:': '10.99.0.1',
    '[FD00::2]:5000': '[fd00::2]:5000',
}


@each_engine
def test_an_insecure_registry_in_other_letters_does_not_serve(kept):
    """The engine starts with all of them, and doctor has a remedy for each."""
    host = began(kept, insecure=[*ODD, 'fd00::1', 'index.docker.io'])
    assert not can_pull(host, f'{HUB}/{HELLO}')
    told = doctor(host, 'insecure-rules')
    assert severities(told) == ['warning'] * 6 + ['ok']
    remedies = [
        f'registry-host configure --insecure-registry {meant}' for meant in ODD.values()
    ]
    first, *others = [text.replace("'", '') for f in told[:5] for text in texts(f)]
    assert [first, *others] == remedies

    host.run(first)

    assert host.insecure() >= {HUB, *ODD}
    assert can_pull(host, f'{HUB}/{HELLO}')
    told = doctor(host, 'insecure-rules')
    # What was written, and the two that it makes harmless; four are left.
    assert severities(told) == ['ok'] * 3 + ['warning'] * 4 + ['ok']
    words = ('--insecure-registry', HUB)
    assert ran(host, *CONFIGURE, *words)['changed'] is False
    ran(host, 'registry-host', 'unconfigure', 'insecure-registries', HUB.upper())
    assert HUB not in host.insecure()
    assert host.insecure() >= {*ODD}


@each_engine
def test_what_an_engine_does_not_start_with_is_an_error(kept):
    host = began(kept, insecure=['registry.lab:'], is_started=False)
    assert severities(doctor(host, 'insecure-rules')) == ['error']
    report = ran(host, *CONFIGURE, '--insecure-registry', HUB, code=2)
    assert report['host'] == 'unchanged'
    start = 'systemctl reset-failed docker; systemctl restart docker'
    assert host.run(start, check=False).returncode != 0


def test_a_mirror_with_an_odd_scheme_does_not_serve(kept):
    host = began(kept, mirrors=['HTTP://registry.lab:5000'], insecure=[MIRROR])
    assert can_pull(host, 'hello') is kept.is_store
    told = doctor(host, 'mirror-rules')
    if kept.is_store:  # Which reads it as an URL.
        assert severities(told) == ['ok']
        return
    assert severities(told) == ['warning']
    (remedy,) = texts(told[0])
    host.run(remedy)
    assert host.mirrors() == [f'{MIRROR}/', 'HTTP://registry.lab:5000/']
    assert can_pull(host, 'hello')
    assert severities(doctor(host, 'mirror-rules')) == ['ok', 'ok']


def test_a_mirror_in_other_letters_does_not_serve_by_https(kept, served):
    """Not where it is listed insecure by its own letters."""
    host = began(
        kept, mirrors=['https://REGISTRY.LAB:5445'], insecure=['registry.lab:5445']
    )
    assert not can_pull(host, 'hello')
    (probed,) = doctor(host, 'mirror-reachable')
    assert 'its certificate is not trusted' in probed['message']
    ran(host, *CONFIGURE, '--mirror', TLS_MIRROR)
    assert host.mirrors() == [f'{TLS_MIRROR}/', 'https://REGISTRY.LAB:5445/']
    assert can_pull(host, 'hello')


def test_a_mirror_in_an_insecure_network_is_looked_up(kept, served):
    """Up to 27, the containerd store verifies certificates all the same."""
    host = began(kept)
    report = ran(host, *CONFIGURE, '--mirror', TLS_MIRROR, code=1)
    assert [error['code'] for error in report['errors']] == [UNTRUSTED]
    words = ('--mirror', TLS_MIRROR, '--insecure-registry', '10.99.0.0/24')
    is_old_store = kept.is_store and host.suite == 'trixie'
    report = ran(host, *CONFIGURE, *words, code=1 if is_old_store else 0)
    if is_old_store:
        assert [error['code'] for error in report['errors']] == [UNTRUSTED]
        host = began(kept, mirrors=[TLS_MIRROR], insecure=['10.99.0.0/24'])
    assert can_pull(host, 'hello') is not is_old_store
    is_hub_unverified = kept.is_store and not is_old_store
    expected = ['warning'] if is_hub_unverified else ['ok']
    assert severities(doctor(host, 'hub-verification')) == expected


def test_a_registry_behind_a_proxy_that_refuses_tunnels(kept, served):
    """A graphdriver goes on to plain HTTP, and so does the question."""
    host = began(kept, proxy='http://10.99.0.1:5246')
    report = ran(host, *CONFIGURE, '--insecure-registry', HUB, '--probe-image', '')
    told = found(report, 'proxy-unreachable')
    assert can_pull(host, f'{HUB}/{HELLO}') is not kept.is_store
    assert severities(told) == (['warning'] if kept.is_store else [])


def test_what_a_proxy_refuses_is_told_as_its_fault(kept, served):
    host = began(kept, proxy='http://10.99.0.1:5247')
    report = ran(host, *CONFIGURE, '--insecure-registry', HUB, '--probe-image', '')
    (told,) = found(report, 'proxy-unreachable')
    assert told['message'].startswith(f'{HUB}: the proxy http://10.99.0.1:5247')
    assert not can_pull(host, f'{HUB}/{HELLO}')


def test_a_page_by_https_keeps_from_the_registry_by_http(kept, served):
    """No engine asks by HTTP what has answered by HTTPS."""
    host = began(kept)
    words = ('--insecure-registry', 'page.lab', '--probe-image', '')
    (told,) = found(ran(host, *CONFIGURE, *words), 'insecure-not-registry')
    assert 'answers 404 at https://page.lab/v2/' in told['message']
    assert not can_pull(host, f'page.lab/{HELLO}')
