"""Which authorities an engine trusts, by its own environment and the system's files."""

from __future__ import annotations

import pytest

from registry_host.engine.find import EngineFacts
from registry_host.engine.route import planned_route
from registry_host.engine.trust import FILES, FOLDERS, Trust, roots, trust_of
from registry_host.host.host import Host
from registry_host.registry.requests import request_of
from registry_host.settings.mirrors import check_mirror

BUNDLE = '/etc/ssl/certs/ca-certificates.crt'


@pytest.mark.parametrize(
    ('environment', 'expected'),
    (
        pytest.param({}, Trust(), id='system'),
        pytest.param({'SSL_CERT_FILE': '', 'SSL_CERT_DIR': ''}, Trust(), id='empty'),
        pytest.param({'SSL_CERT_FILE': '/a'}, Trust(('/a',), FOLDERS), id='file'),
        pytest.param(
            {'SSL_CERT_DIR': '/a:/b'}, Trust(FILES, ('/a', '/b')), id='folders'
        ),
    ),
)
def test_variables_of_the_engine_name_them(environment, expected):
    assert trust_of(environment) == expected


def test_the_first_file_and_each_folder_count(root):
    for path in (BUNDLE, '/etc/ssl/cert.pem', '/etc/ssl/certs/own.pem'):
        root.write(path, 'x')
    (root.path / 'etc/ssl/certs/0123abcd.0').symlink_to('own.pem')
    host = Host(str(root.path))
    assert list(roots(host, Trust())) == [BUNDLE, '/etc/ssl/certs/own.pem']
    alone = Trust(('/gone', '/etc/ssl/cert.pem'), ('/none',))
    assert list(roots(host, alone)) == ['/etc/ssl/cert.pem']


def test_variables_of_this_process_do_not_count(root, monkeypatch):
    monkeypatch.setenv('SSL_CERT_FILE', '/of/the/shell.pem')
    root.write('/etc/systemd/system/docker.service', '[Service]\n')
    root.write(BUNDLE, 'x')
    host, engine = Host(str(root.path)), EngineFacts('stopped')
    mirror = check_mirror('https://m.lab').value

    def authorities():
        from registry_host.engine.daemonjson import DaemonJson
        from registry_host.jsonfile import jsontext

        daemon = DaemonJson(jsontext.read(b''))
        return request_of(host, mirror, planned_route(host, engine, daemon)).authorities

    assert authorities() == (BUNDLE,)
    own = '[Service]\nEnvironment=SSL_CERT_FILE=/own.pem SSL_CERT_DIR=/own\n'
    root.write('/etc/systemd/system/docker.service.d/own.conf', own)
    root.write('/own.pem', 'x')
    assert authorities() == ('/own.pem',)
