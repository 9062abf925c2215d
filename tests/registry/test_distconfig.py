"""A config as the registry uses it, for the code that asks for it."""

from __future__ import annotations

import pytest

from registry_host.errors import ConfigError
from registry_host.registry.distconfig import read_config
from registry_host.yamlfile.yamlnode import YamlTextError

SECRET = 'Tr4in-9'
CACHE = b"""\
version: 0.1
storage:
  filesystem:
    rootdirectory: /srv//cache/../cache/
  delete: {enabled: on}
http: {addr: ":5000", secret: Tr4in-9, debug: {addr: "127.0.0.1:5001"}}
proxy:
  remoteurl: https://registry-1.docker.io
  username: lab
  password: Tr4in-9
  ttl: 48h
"""


def test_a_cache():
    config = read_config(CACHE)
    assert (config.role, config.root, config.addr) == ('cache', '/srv/cache', ':5000')
    assert config.upstream == 'https://registry-1.docker.io'
    assert (config.driver, config.debug_addr) == ('filesystem', '127.0.0.1:5001')
    assert config.has_delete
    assert config.has_secret
    assert config.has_login
    assert (config.auth, config.has_tls, config.is_readonly) == ('', False, False)
    assert SECRET not in repr(config)


@pytest.mark.parametrize(('major', 'ttl'), ((2, None), (3, 48 * 3600.0)))
def test_how_long_a_cache_keeps_what_it_has(major, ttl):
    assert read_config(CACHE, major=major).ttl_s == ttl


@pytest.mark.parametrize(
    ('environment', 'field', 'value'),
    (
        ({'REGISTRY_PROXY_REMOTEURL': ''}, 'role', 'push'),
        (
            {'REGISTRY_PROXY_REMOTEURL': 'https://quay.io'},
            'upstream',
            'https://quay.io',
        ),
        ({'REGISTRY_HTTP_ADDR': '5000'}, 'addr', '5000'),
        ({'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY': '/a'}, 'root', '/a'),
        ({'REGISTRY_STORAGE_DELETE_ENABLED': 'false'}, 'has_delete', False),
        ({'REGISTRY_STORAGE_DELETE_ENABLED': '"true"'}, 'has_delete', False),
        ({'REGISTRY_STORAGE_DELETE': '{enabled: off}'}, 'has_delete', False),
        ({'REGISTRY_HTTP_TLS_CERTIFICATE': '/c'}, 'has_tls', True),
        ({'REGISTRY_AUTH': '{htpasswd: {realm: x, path: /p}}'}, 'auth', 'htpasswd'),
        ({'REGISTRY_AUTH': 'none'}, 'auth', ''),
        ({'REGISTRY_LOG_LEVEL': 'debug', 'OTHER_HTTP_ADDR': ':1'}, 'addr', ':5000'),
        ({'REGISTRY_CONFIGURATION_PATH': '/x.yml'}, 'role', 'cache'),
    ),
)
def test_the_environment_goes_over_the_file(environment, field, value):
    assert getattr(read_config(CACHE, environment=environment), field) == value


@pytest.mark.parametrize(
    ('content', 'code'),
    (
        (CACHE.replace(b'0.1', b'1'), 'version-value'),
        (CACHE.replace(b'version: 0.1\n', b''), 'version-missing'),
        (CACHE.replace(b'  delete:', b'  s3:'), 'storage-two-drivers'),
        (CACHE.replace(b'filesystem', b'cache'), 'storage-missing'),
        (CACHE.replace(b'secret: Tr4in-9', b'secret: [Tr4in-9]'), 'value-type'),
        (b'', 'version-missing'),
        (b'- Tr4in-9\n', 'value-type'),
    ),
)
def test_what_the_registry_does_not_start_with(content, code):
    with pytest.raises(ConfigError) as caught:
        read_config(content)
    assert code in [problem.code for problem in caught.value.problems]
    assert SECRET not in str(caught.value)


def test_a_value_of_the_environment_that_is_no_yaml_is_not_quoted():
    environment = {'REGISTRY_PROXY_PASSWORD': f'*{SECRET}'}
    with pytest.raises(ConfigError) as caught:
        read_config(CACHE, environment=environment)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ('env-yaml', 'REGISTRY_PROXY_PASSWORD')
    assert SECRET not in str(caught.value)


def test_what_is_no_yaml_is_not_quoted():
    with pytest.raises(YamlTextError) as caught:
        read_config(CACHE.replace(b'password: ', b'password: *'))
    assert SECRET not in str(caught.value)
