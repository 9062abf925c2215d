"""Which registries are installed on a host, and what they are."""

from __future__ import annotations

import pytest

from registry_host.host.host import Host
from registry_host.registry.installed import installed
from registry_host.registry.instances import CONFIGS as FOLDER

CACHE = 'http:\n  addr: 127.0.0.1:5000\nproxy:\n  remoteurl: https://r.example\n'


@pytest.mark.parametrize(
    ('content', 'kind', 'address'),
    (
        pytest.param(CACHE, 'cache', '127.0.0.1:5000', id='cache'),
        pytest.param('http: {addr: ":5002"}\n', 'push', ':5002', id='push'),
        pytest.param('http: {addr: 5000}\n', 'push', '', id='no-address'),
        pytest.param('a: [', '', '', id='broken'),
    ),
)
def test_what_a_config_says(root, content, kind, address):
    root.write(f'{FOLDER}/main.yml', content)
    root.write(f'{FOLDER}/main.yml.bak', content)
    (found,) = installed(Host(str(root.path)))
    assert (found.name, found.kind, found.address) == ('main', kind, address)
    assert found.path == f'{FOLDER}/main.yml'
    assert found.unit == 'registry-host-main.service'


def test_a_host_without_any(root):
    assert installed(Host(str(root.path))) == ()
