"""What the unit of a registry forbids it, and what it shows of its passwords."""

from __future__ import annotations

import pytest

CONFIG = '/etc/docker/registry/config.yml'
UNIT = '/etc/systemd/system/registry.service'
ENVIRONMENT = '/etc/default/registry'
USER = 'docker-registry:x:990:990::/var/lib/docker-registry:/bin/sh\n'
PASSWORD = 'hunter2-and-more'
TEXT = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/push\n'
    'http:\n  addr: :443\n'
)


def found(root, lines, *, text=TEXT):
    root.write('/etc/passwd', root.read('/etc/passwd') + USER)
    root.write(CONFIG, text)
    start = f'ExecStart=/usr/bin/docker-registry serve {CONFIG}'
    root.write(UNIT, '\n'.join(('[Service]', start, *lines, '')))
    ended = root.run('registry', 'check', '--format=json')
    assert PASSWORD not in ended.out + ended.err
    return sorted(each['check'] for each in ended.json['findings'])


@pytest.mark.parametrize(
    ('lines', 'expected'),
    (
        ((), []),
        (('User=docker-registry',), ['listen-privileged', 'storage-not-writable']),
        (
            ('User=docker-registry', 'AmbientCapabilities=CAP_NET_BIND_SERVICE'),
            ['storage-not-writable'],
        ),
        (('ProtectSystem=full',), []),
        (
            (
                'User=docker-registry',
                'ExecStartPre=+/usr/bin/install -d -o docker-registry /srv/push',
                'Environment=REGISTRY_HTTP_ADDR=:5000',
            ),
            [],
        ),
        (('ProtectSystem=strict',), ['storage-not-writable']),
        (('ProtectSystem=strict', 'ReadWritePaths=/srv/pus'), ['storage-not-writable']),
        (('ProtectSystem=strict', 'ReadWritePaths=-/mnt -/srv'), []),
        (('ProtectSystem=strict', 'ReadWritePaths=/mnt', 'ReadWritePaths=/srv'), []),
    ),
)
def test_what_a_unit_forbids(root, lines, expected):
    assert found(root, lines) == expected


def test_a_folder_that_the_user_of_the_unit_may_write_to(root):
    folder = root.path / 'srv/push'
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert (
        found(root, ('User=docker-registry', 'Environment=REGISTRY_HTTP_ADDR=:5000'))
        == []
    )


@pytest.mark.parametrize(
    ('lines', 'mode', 'expected'),
    (
        ((f'Environment=REGISTRY_HTTP_SECRET={PASSWORD}',), 0o600, ['secret-in-unit']),
        ((f'EnvironmentFile={ENVIRONMENT}',), 0o600, []),
        ((f'EnvironmentFile=-{ENVIRONMENT}',), 0o644, ['secret-readable']),
    ),
)
def test_a_password_in_the_environment(root, lines, mode, expected):
    root.write(ENVIRONMENT, f'REGISTRY_HTTP_SECRET={PASSWORD}\n', mode)
    assert found(root, lines) == expected
