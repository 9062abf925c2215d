"""A server host: registries are installed, serve clients, and are removed again."""

from __future__ import annotations

import pytest
from envelope import envelope

REGISTRY = ('registry-host', 'registry')
SERVERS = ('bookworm', 'trixie')


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def booted(lab, suite, **how):
    """A server: apt knows the package from a folder of its own alone."""
    host = lab.host(suite, **how)
    host.run('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*')
    host.run('cp /opt/archive/archive.list /etc/apt/sources.list.d/')
    return host


@pytest.fixture(params=SERVERS)
def server(lab, request):
    host = booted(lab, request.param)
    yield host
    host.close()


def is_active(host, unit):
    return host.run(['systemctl', 'is-active', unit], check=False).stdout.strip()


def test_a_cache_is_installed_serves_and_is_removed(server, lab):
    listen = f'{server.address}:5000'
    words = (
        *(*REGISTRY, 'install', 'cache'),
        f'--upstream=http://{lab.hub.endpoint}',
        f'--listen={listen}',
    )
    report = ran(server, *words)
    assert (report['changed'], report['host']) == (True, 'changed')
    assert is_active(server, 'registry-host-cache.service') == 'active'
    assert is_active(server, 'docker-registry.service') == 'inactive'
    enabled = ['systemctl', 'is-enabled', 'docker-registry.service']
    assert server.run(enabled, check=False).stdout.strip() == 'masked'
    seen = server.run(
        ['stat', '-c', '%a %U', '/etc/registry-host/registries/cache.yml']
    )
    assert seen.stdout == '600 root\n'
    report = ran(server, *words)
    assert report['changed'] is False
    client = lab.host('forky')
    ran(client, 'registry-host', 'configure', f'--mirror=http://{listen}')
    client.run(['docker', 'pull', 'hello'])
    client.close()
    report = ran(server, *REGISTRY, 'uninstall', 'cache')
    assert is_active(server, 'registry-host-cache.service') != 'active'
    left = server.run(
        'ls /etc/systemd/system /etc/registry-host/registries', check=False
    )
    assert 'registry-host' not in left.stdout
    assert 'cache.yml' not in left.stdout
    assert server.run(enabled, check=False).stdout.strip() != 'masked'
    assert server.run(['ls', '/srv/registry/cache']).stdout


def test_garbage_is_collected_while_no_push_is_taken(server, lab):
    listen = f'{server.address}:5002'
    ran(server, *REGISTRY, 'install', 'push', f'--listen={listen}')
    empty = ran(server, *REGISTRY, 'gc', 'push')
    assert empty['ok']
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', f'{listen}/library/hello')
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', f'{listen}/library/gone')
    storage = '/srv/registry/push/docker/registry/v2'
    server.run(['rm', '-r', f'{storage}/repositories/library/gone'])
    before = len(server.run(f'find {storage}/blobs -name data').stdout.splitlines())
    ran(server, *REGISTRY, 'gc', 'push')
    after = len(server.run(f'find {storage}/blobs -name data').stdout.splitlines())
    assert after == before  # The other image has the same layers.
    server.run(['rm', '-r', f'{storage}/repositories/library/hello/_manifests/tags'])
    environment = server.run(
        'cat /proc/$(systemctl show -P MainPID registry-host-push.service)/environ'
    )
    assert 'READONLY' not in environment.stdout
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', f'{listen}/library/again')
