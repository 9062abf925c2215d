"""Which login a registry is sent, where a user asks for that."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from registry_host.errors import ConfigError
from registry_host.host.host import Host
from registry_host.registry.storedlogins import stored_login

LOGIN = b64encode(b'lab:Tr4in:9').decode()


@pytest.mark.parametrize(
    ('key', 'url'),
    (
        ('registry.lab:5002', 'http://registry.lab:5002'),
        ('https://registry.lab/v1/', 'https://registry.lab/'),
    ),
)
def test_the_login_of_its_host_and_port(root, key, url):
    root.write(
        '/root/.docker/config.json', json.dumps({'auths': {key: {'auth': LOGIN}}})
    )
    assert stored_login(Host(str(root.path)), url) == ('lab', 'Tr4in:9')


@pytest.mark.parametrize(
    'config',
    (
        None,
        '{}',
        '{"auths": {"registry.lab": {"auth": "bGFiOng="}}}',
        '{"auths": {"registry.lab:5002": {}}, "credsStore": "pass"}',
        '{"auths": {"registry.lab:5002": {"auth": "*"}}}',
    ),
)
def test_no_login_of_another(root, config):
    if config is not None:
        root.write('/root/.docker/config.json', config)
    with pytest.raises(ConfigError) as caught:
        stored_login(Host(str(root.path)), 'http://registry.lab:5002')
    (problem,) = caught.value.problems
    assert 'config.json has no login for registry.lab:5002' in problem.message
    assert problem.hint == 'docker login registry.lab:5002'
