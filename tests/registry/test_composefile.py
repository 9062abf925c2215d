"""The services of a compose file that run a registry, with what they are given."""

from __future__ import annotations

import pytest

COMPOSE = '/srv/registry/compose.yml'
VOLUMES = '    volumes: ["images:/var/lib/registry"]\n'
UPSTREAM = 'https://registry-1.docker.io'
CONFIG = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\n'
    f'http:\n  addr: :5000\nproxy:\n  remoteurl: {UPSTREAM}\n'
)


def check(root, body, *words, image='registry:2', mode=0o644):
    content = f'services:\n  mirror:\n    image: {image}\n{body}'
    path = str(root.write(COMPOSE, content, mode))
    report = root.run('registry', 'check', path, *words, '--format=json').json
    found = sorted(each['check'] for each in report['findings'])
    return found, report['results']


@pytest.mark.parametrize(
    ('image', 'major'),
    (
        ('registry:2', 2),
        ('registry:2.8.3', 2),
        ('registry:3', 3),
        ('docker.io/library/registry:3.0.0', 3),
        ('registry.corp.example:5000/library/registry:2', 2),
        ('distribution/distribution:3.1.1', 3),
    ),
)
def test_images_of_a_registry(root, image, major):
    found, (result,) = check(root, VOLUMES, image=image)
    assert (found, result['role'], result['distribution']) == ([], 'push', major)


@pytest.mark.parametrize('image', ('nginx:1', 'my-registry:2', 'registry-ui:2'))
def test_other_images(root, image):
    found, (result,) = check(root, VOLUMES, image=image)
    assert (found, result['role']) == (['no-registry'], None)


@pytest.mark.parametrize(
    ('mount', 'role', 'expected'),
    (
        ('./c.yml:/etc/docker/registry/config.yml:ro', 'cache', []),
        ('/srv/registry/c.yml:/etc/docker/registry/config.yml', 'cache', []),
        ('./c.yml:/etc/distribution/config.yml', 'push', ['config-path-version']),
        ('./c.yml:/etc/registry.yml', 'push', []),
    ),
)
def test_where_a_config_is_mounted(root, mount, role, expected):
    root.write('/srv/registry/c.yml', CONFIG)
    body = f'    volumes: ["images:/var/lib/registry", "{mount}"]\n'
    found, (result,) = check(root, body)
    assert (found, result['role']) == (expected, role)


def test_a_config_that_the_command_names(root):
    root.write('/srv/registry/c.yml', CONFIG)
    body = (
        '    command: ["serve", "/etc/registry.yml"]\n'
        '    volumes: ["images:/var/lib/registry", "./c.yml:/etc/registry.yml"]\n'
    )
    found, (result,) = check(root, body)
    assert (found, result['role'], result['path'][-6:]) == ([], 'cache', '/c.yml')


@pytest.mark.parametrize(
    'environment',
    (
        f'{{REGISTRY_PROXY_REMOTEURL: "{UPSTREAM}"}}',
        f'["REGISTRY_PROXY_REMOTEURL={UPSTREAM}"]',
        '{REGISTRY_PROXY_REMOTEURL: "${UPSTREAM}"}',
        f'{{REGISTRY_PROXY_REMOTEURL: "${{OTHER:-{UPSTREAM}}}"}}',
    ),
)
def test_the_environment_of_a_service(root, environment):
    root.write('/srv/registry/.env', f'UPSTREAM={UPSTREAM}\n')
    found, (result,) = check(root, f'{VOLUMES}    environment: {environment}\n')
    assert (found, result['role'], result['upstream']) == ([], 'cache', UPSTREAM)


def test_a_file_with_the_environment(root):
    root.write('/srv/registry/mirror.env', f'REGISTRY_PROXY_REMOTEURL={UPSTREAM}\n')
    found, (result,) = check(root, f'{VOLUMES}    env_file: ./mirror.env\n')
    assert (found, result['role']) == ([], 'cache')


def test_nothing_is_said_of_a_value_that_is_not_known(root):
    environment = '{REGISTRY_PROXY_REMOTEURL: "${ELSEWHERE}"}'
    found, (result,) = check(root, f'{VOLUMES}    environment: {environment}\n')
    assert (found, result['role']) == ([], 'cache')


@pytest.mark.parametrize(
    ('body', 'expected'),
    (
        ('', ['storage-no-volume']),
        ('    volumes: ["images:/data"]\n', ['storage-no-volume']),
        ('    volumes:\n      - {type: bind, source: ./d, target: /var/lib}\n', []),
        (f'{VOLUMES}    scale: 2\n', ['no-http-secret']),
        (
            f'{VOLUMES}    scale: 2\n'
            '    environment: {REGISTRY_HTTP_SECRET: "${REGISTRY_HTTP_SECRET}"}\n',
            [],
        ),
        (
            f'{VOLUMES}    environment: {{REGISTRY_HTTP_SECRET: k3Zb0n1QmR7v}}\n',
            ['secret-readable'],
        ),
        (
            f'{VOLUMES}    environment: {{REGISTRY_HTTP_ADDR: 5000}}\n',
            ['listen-address'],
        ),
    ),
)
def test_what_is_wrong_with_a_service(root, body, expected):
    assert check(root, body)[0] == expected


def test_a_cache_and_a_push_instance_on_one_volume(root):
    body = (
        f'{VOLUMES}    environment: {{REGISTRY_PROXY_REMOTEURL: "{UPSTREAM}"}}\n'
        f'  push:\n    image: registry:2\n{VOLUMES}'
    )
    found, results = check(root, body)
    assert found == ['shared-root-retag']
    assert [each['role'] for each in results] == ['cache', 'push']


@pytest.mark.parametrize(
    ('ports', 'expected'),
    (
        ('"5000:5000"', ['port-clash']),
        ('"127.0.0.1:5000:5001"', ['port-clash']),
        ('{target: 5001, published: 5000}', ['port-clash']),
        ('"5002:5000"', []),
        ('"5000"', []),
    ),
)
def test_two_services_that_publish_one_port(root, ports, expected):
    body = (
        f'    ports: ["5000:5000"]\n{VOLUMES}'
        f'  push:\n    image: registry:2\n    ports: [{ports}]\n'
        '    volumes: ["pushed:/var/lib/registry"]\n'
    )
    assert check(root, body)[0] == expected
