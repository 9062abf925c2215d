"""A unit tells what it serves, as whom, and with which environment."""

from __future__ import annotations

import json

import pytest

UNIT = '/etc/systemd/system/registry-push.service'
CONFIG = '/etc/registry-host/registries/push.yml'
TEXT = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/push\n'
    'http:\n  addr: 127.0.0.1:5002\n'
)


def results(root, *words):
    return root.run('registry', 'check', *words, '--format=json').json['results']


@pytest.mark.parametrize(
    'start',
    (
        f'/usr/bin/docker-registry serve {CONFIG}',
        f'-/usr/local/bin/registry serve {CONFIG}',
        '/usr/bin/docker-registry serve ${CREDENTIALS_DIRECTORY}/config.yml',
        '/usr/bin/docker-registry serve %d/config.yml',
        '/usr/bin/docker-registry serve $CONFIG',
        '/usr/bin/docker-registry serve',
    ),
)
def test_the_environment_of_a_unit_goes_over_its_config(root, start):
    root.write(CONFIG, TEXT)
    root.write(
        UNIT,
        f'[Service]\nLoadCredential=config.yml:{CONFIG}\nExecStart={start}\n'
        f'Environment=CONFIG={CONFIG} REGISTRY_CONFIGURATION_PATH={CONFIG}\n',
    )
    drop_in = f'{UNIT}.d/cache.conf'
    upstream = 'https://docker.elastic.co'
    root.write(drop_in, f'[Service]\nEnvironment=REGISTRY_PROXY_REMOTEURL={upstream}\n')
    (result,) = results(root)
    assert (result['path'], result['role']) == (CONFIG, 'cache')
    assert result['upstream'] == upstream
    (root.path / drop_in.lstrip('/')).unlink()
    assert [each['role'] for each in results(root)] == ['push']


def test_a_named_file_has_the_environment_of_its_unit(root):
    root.write(CONFIG, TEXT)
    root.write(
        UNIT,
        f'[Service]\nExecStart=/usr/bin/docker-registry serve {CONFIG}\n'
        'Environment=REGISTRY_HTTP_ADDR=127.0.0.1:7000\n',
    )
    (result,) = results(root, f'{root.path}{CONFIG}')
    assert result['address'] == '127.0.0.1:7000'


def test_a_config_that_a_unit_serves_and_that_is_not_there(root):
    root.write(UNIT, f'[Service]\nExecStart=docker-registry serve {CONFIG}\n')
    ended = root.run('registry', 'check', '--format=json')
    (finding,) = ended.json['findings']
    assert (finding['check'], finding['severity']) == ('config-missing', 'error')
    assert ended.code == 1


@pytest.mark.parametrize(
    'start', ('/usr/bin/docker run registry:2', '/usr/bin/docker-registry --version')
)
def test_other_programs_are_no_registries(root, start):
    root.write(UNIT, f'[Service]\nExecStart={start}\n')
    assert results(root) == []


def test_a_host_without_any(root):
    ended = root.run('registry', 'check')
    assert (ended.code, ended.out) == (0, 'no registry was found on this host\n')


def test_both_instances_of_a_healthy_pair(root):
    cache = TEXT.replace('/srv/push', '/srv/cache').replace('5002', '5000')
    upstream = json.dumps('https://registry-1.docker.io')
    root.write(CONFIG, TEXT)
    root.write(
        CONFIG.replace('push', 'cache'), f'{cache}proxy: {{remoteurl: {upstream}}}'
    )
    ended = root.run('registry', 'check')
    assert (ended.code, ended.err) == (0, '')
    assert ended.out == (
        '/etc/registry-host/registries/cache.yml: cache of '
        'https://registry-1.docker.io, 127.0.0.1:5000, /srv/cache\n'
        '/etc/registry-host/registries/push.yml: push, 127.0.0.1:5002, /srv/push\n'
        '2 registries checked: nothing is wrong\n'
    )


def test_a_package_that_is_masked_is_none(root):
    """Its config stays, and says nothing of what runs here."""
    config = '/etc/docker/registry/config.yml'
    root.write(config, TEXT)
    root.write(
        '/lib/systemd/system/docker-registry.service',
        f'[Service]\nExecStart=/usr/bin/docker-registry serve {config}\n',
    )
    assert [each['path'] for each in results(root)] == [config]
    folder = root.path / 'etc/systemd/system'
    folder.mkdir(parents=True)
    (folder / 'docker-registry.service').symlink_to('/dev/null')
    assert results(root) == []


def test_the_instances_of_a_template(root):
    """Each has its own config; a template that is not enabled has none."""
    folder = '/etc/systemd/system'
    template = f'{folder}/registry@.service'
    root.write(
        template,
        '[Service]\nExecStart=/usr/bin/docker-registry serve /srv/%i/config.yml\n',
    )
    assert root.run('registry', 'check').code == 0
    wants = root.path / folder.lstrip('/') / 'multi-user.target.wants'
    wants.mkdir()
    (wants / 'registry@push.service').symlink_to(template)
    root.write('/srv/push/config.yml', TEXT)
    (result,) = results(root)
    assert (result['path'], result['role']) == ('/srv/push/config.yml', 'push')
