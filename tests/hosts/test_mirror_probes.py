"""Mirrors that are none: nothing is written, and the hint says what to do."""

from __future__ import annotations

import time

import pytest
from envelope import envelope
from places import DAEMON_JSON


@pytest.fixture(scope='session')
def oddities(lab):
    """Everything that is not a usable mirror, each at its own address."""
    lab.start_registry('login', 5003, has_login=True)
    lab.start_registry('tls', 5443, has_tls=True)
    lab.start_web_server()
    silent = lab.add_silent_address()
    return {
        'refused': 'http://registry.lab:5999',
        'silent': f'http://{silent}:5000',
        'unresolved': 'http://nowhere.lab:5000',
        'not-a-registry': 'http://registry.lab:8080',
        'login': 'http://registry.lab:5003',
        'needs-tls': 'http://registry.lab:5443',
        'not-tls': 'https://registry.lab:5000',
        'untrusted': 'https://registry.lab:5443',
    }


CHECK = 'registry-host registry check'
REFUSED = (
    ('refused', 'mirror-unreachable', f'{CHECK} http://registry.lab:5999'),
    ('silent', 'mirror-unreachable', f'{CHECK} http://10.99.0.250:5000'),
    ('unresolved', 'mirror-unresolved', 'getent ahosts nowhere.lab'),
    ('not-a-registry', 'mirror-not-registry', f'{CHECK} http://registry.lab:8080'),
    ('login', 'mirror-login', 'registry-host configure '),
    ('needs-tls', 'mirror-needs-tls', 'https://registry.lab:5443'),
    ('not-tls', 'mirror-not-tls', 'http://registry.lab:5000'),
    ('untrusted', 'mirror-untrusted', 'registry-host configure '),
)


def test_refused_mirrors(newest, oddities):
    """One host for all of them, since nothing is written."""
    for name, code, hint in REFUSED:
        command = ['registry-host', 'configure', '--mirror', oddities[name]]
        done = newest.run([*command, '--format=json'], check=False)
        assert done.returncode == 1, name
        (error,) = envelope(done.stdout)['errors']
        assert error['code'] == code
        assert error['hint'].startswith(hint), name
        if name == 'untrusted':
            place = '/etc/docker/certs.d/registry.lab:5443/ca.crt'
            assert f'put its CA at {place}' in error['message']
        assert error['message'].endswith('; nothing was written'), name
        left = newest.run(['test', '-e', DAEMON_JSON], check=False)
        assert left.returncode == 1, name


def test_dead_mirrors_are_asked_at_once(newest, oddities):
    mirrors = [f'http://10.99.0.250:{port}' for port in range(5000, 5020)]
    flags = [word for mirror in mirrors for word in ('--mirror', mirror)]
    command = ['registry-host', 'configure', *flags, '--format=json']
    started = time.monotonic()
    done = newest.run(command, check=False)
    errors = envelope(done.stdout)['errors']
    assert [error['code'] for error in errors] == ['mirror-unreachable'] * 20
    # It would take a minute, were they asked in turn; this measures no speed.
    assert time.monotonic() - started < 20


def test_written_all_the_same(host):
    host.run(['registry-host', 'configure', '--mirror=http://dead.lab', '--no-probe'])
    assert host.mirrors() == ['http://dead.lab/']


def test_trusted_certificate_is_followed_as_the_engine_does(host, oddities, lab):
    host.write(
        '/etc/docker/certs.d/registry.lab:5443/ca.crt', lab.authority.read_text()
    )
    host.run(['registry-host', 'configure', '--mirror', oddities['untrusted']])
    assert host.mirrors() == ['https://registry.lab:5443/']


def test_insecure_registry_is_not_verified(host, oddities):
    host.run(
        f'registry-host configure --mirror {oddities["untrusted"]} '
        '--insecure-registry registry.lab:5443'
    )
    assert host.mirrors() == ['https://registry.lab:5443/']


def test_our_own_proxy_variables_have_no_say(newest):
    dead = 'http://127.0.0.1:9'
    newest.run(
        ['registry-host', 'configure', '--mirror', 'http://registry.lab:5000'],
        env={'HTTP_PROXY': dead, 'http_proxy': dead},
    )
    assert newest.mirrors() == ['http://registry.lab:5000/']


def test_the_engines_proxy_is_gone_through(newest):
    """The engine would ask its proxy for the mirror, and the proxy is dead."""
    newest.write(
        DAEMON_JSON, '{"proxies": {"http-proxy": "http://u:hunter2@127.0.0.1:9"}}'
    )
    newest.restart_engine()
    command = ['registry-host', 'configure', '--mirror', 'http://registry.lab:5000']
    done = newest.run(command, check=False)
    assert done.returncode == 1
    assert 'Connection refused' in done.stderr
    assert 'hunter2' not in done.stderr
    newest.write(
        DAEMON_JSON,
        '{"proxies": {"http-proxy": "http://127.0.0.1:9", "no-proxy": ".lab"}}',
    )
    newest.restart_engine()
    newest.run(command)
    assert newest.mirrors() == ['http://registry.lab:5000/']


def test_older_containerd_store_speaks_tls_to_plain_mirrors(lab):
    host = lab.host('trixie')
    host.write(DAEMON_JSON, '{"features": {"containerd-snapshotter": true}}')
    host.restart_engine()
    command = ['registry-host', 'configure', '--mirror', 'http://registry.lab:5000']
    done = host.run(command, check=False)
    assert done.returncode == 1
    assert (
        'hint:  registry-host configure --insecure-registry registry.lab:5000'
        in done.stderr
    )
    host.run([*command, '--insecure-registry', 'registry.lab:5000'])
    before = len(lab.cache.requests(pull_of='library/hello'))
    host.run('docker pull hello')
    assert len(lab.cache.requests(pull_of='library/hello')) > before
    host.close()


def test_mirrors_are_asked_only_when_their_list_changes(newest):
    """And then until they answer; an engine without a proof asks for no mirrors."""
    flags = ['--mirror', 'http://registry.lab:5999', '--format=json']
    more = [*flags, '--insecure-registry', 'r.lab:1']
    newest.run(['registry-host', 'configure', *flags, '--no-probe'])
    done = newest.run(['registry-host', 'configure', *more], check=False)
    assert [error['code'] for error in envelope(done.stdout)['errors']] == [
        'mirror-unreachable'
    ]
    newest.run(
        "sed -i 's/not asked/asked/' /var/lib/registry-host/unproved.json",
    )
    newest.run(['registry-host', 'configure', *more])
    assert 'r.lab:1' in newest.insecure()


# A mirror, an insecure registry, and whether Docker Hub is then not verified.
UNVERIFIED = (
    ('http://127.0.0.1:5000', None, True),
    ('http://registry.lab:5000', 'registry.lab:5000', True),
    ('http://registry.lab:5000', None, False),
)


def test_docker_hub_unverified_with_the_containerd_store(newest):
    newest.write(DAEMON_JSON, '{"features": {"containerd-snapshotter": true}}')
    newest.restart_engine()
    for case in UNVERIFIED:
        mirror, insecure, is_warned = case
        flags = ['--insecure-registry', insecure] if insecure else []
        words = ['configure', '--mirror', mirror, '--no-probe', *flags, '--format=json']
        found = envelope(newest.run(['registry-host', *words]).stdout)
        codes = [finding['check'] for finding in found['findings']]
        assert ('hub-unverified' in codes) is is_warned, case
        doctor = newest.run(['registry-host', 'doctor', '--only=hub-verification'])
        assert ('warning: hub-verification' in doctor.stdout) is is_warned, case
        newest.run(['registry-host', 'unconfigure', '--no-probe'])
