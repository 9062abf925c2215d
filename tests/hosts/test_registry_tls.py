"""A push instance with TLS and users, on a port that root alone may open."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lab import HTPASSWD, PASSWORD
from services import make_certificates, wait_for
from test_registry_server import REGISTRY, booted, ran, state_of

NAME = 'secure.lab'
UNIT = 'registry-host-secure.service'
SHOWN = """
import ssl, sys
try:
    print(ssl.get_server_certificate((sys.argv[1], 443)))
except OSError as err:
    print(err)
"""


@pytest.fixture(scope='module', params=('bookworm', 'trixie'))
def secure(lab, request, tmp_path_factory):
    """Port 443, files that root alone can read; the CA is `authority` of the host."""
    host = booted(lab, request.param, is_lasting=True)
    folder = tmp_path_factory.mktemp(request.param)
    authority, certificate, key = make_certificates(folder, NAME, host.address)
    lab.add_name(NAME, host.address)
    for name, text in (
        ('tls.crt', certificate.read_text()),
        ('tls.key', key.read_text()),
        ('htpasswd', HTPASSWD),
    ):
        host.write(f'/root/secure/{name}', text, mode='600')
    host.authority = Path(authority).read_text()
    assert installs(host)['changed'] is True
    yield host
    host.close()


def installs(host, code=0):
    return ran(
        host,
        *(*REGISTRY, 'install', 'push', '--name=secure'),
        f'--listen={host.address}:443',
        '--tls-certificate=/root/secure/tls.crt',
        '--tls-key=/root/secure/tls.key',
        '--htpasswd=/root/secure/htpasswd',
        code=code,
    )


def test_it_serves_who_logs_in_and_nobody_else(secure, lab):
    assert installs(secure)['changed'] is False
    found = secure.run(['systemd-analyze', 'security', '--no-pager', UNIT]).stdout
    assert ' OK' in found.splitlines()[-1]
    client = lab.host('forky')
    client.write(f'/etc/docker/certs.d/{NAME}/ca.crt', secure.authority)
    image = f'{NAME}/team/hello:1'
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', f'{lab.push.endpoint}/hello')
    client.write('/etc/docker/daemon.json', '{"insecure-registries": ["10.99.0.0/24"]}')
    # A reload is over before the engine has read the file.
    client.restart_engine()
    client.run(['docker', 'pull', f'{lab.push.endpoint}/hello'])
    client.run(['docker', 'tag', f'{lab.push.endpoint}/hello', image])
    assert client.run(['docker', 'push', image], check=False).returncode == 1
    login = ['docker', 'login', '--username=lab', '--password-stdin', NAME]
    assert client.run(login, stdin='wrong', check=False).returncode == 1
    client.run(login, stdin=PASSWORD)
    client.run(['docker', 'push', image])
    report = ran(client, *REGISTRY, 'check', '--roles', '--login', f'https://{NAME}')
    (result,) = report['results']
    assert result['role'] == 'push'
    assert [f['severity'] for f in report['findings']].count('error') == 0
    client.close()
    checked = ran(secure, *REGISTRY, 'check')
    told = [f for f in checked['findings'] if f['severity'] in ('error', 'warning')]
    assert told == []


def test_a_new_certificate_is_taken_up(secure, lab, tmp_path):
    """The path unit restarts it: Let's Encrypt and others replace the file."""
    _, certificate, key = make_certificates(tmp_path, NAME, secure.address)
    secure.write('/root/secure/tls.key', key.read_text(), mode='600')
    secure.write('/root/secure/tls.crt', certificate.read_text(), mode='600')
    wanted = certificate.read_text().split()
    wait_for('new one', lambda: shown_by(lab, secure).split() == wanted, timeout_s=60)
    assert state_of(secure, UNIT) == 'active'


def shown_by(lab, server):
    done = lab.run([sys.executable, '-c', SHOWN, server.address])
    return done.stdout.decode()
