"""Several registries at once: the storage and the ports that they share."""

from __future__ import annotations

import pytest

PUSH = '/etc/docker/registry/push.yml'
CACHE = '/etc/docker/registry/cache.yml'


def text(root='/srv/push', addr='127.0.0.1:5002', *, upstream='', more=''):
    proxy = f'proxy: {{remoteurl: "{upstream}"}}\n' if upstream else ''
    return (
        f'version: 0.1\nstorage:\n  filesystem: {{rootdirectory: "{root}"}}\n'
        f'{more}http: {{addr: "{addr}"}}\n{proxy}'
    )


def cache(root='/srv/cache', addr='127.0.0.1:5000', *, more=''):
    return text(root, addr, upstream='https://registry-1.docker.io', more=more)


def found(root, first, second, *words):
    paths = [str(root.write(path, t)) for path, t in ((CACHE, first), (PUSH, second))]
    ended = root.run('registry', 'check', *paths, *words, '--format=json')
    return sorted(each['check'] for each in ended.json['findings'])


DELETE = '  delete: {enabled: true}\n'


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    (
        (cache(), text(), []),
        (cache(more=DELETE), text(more=DELETE), []),
        (cache('/srv/push'), text(), ['shared-root-retag']),
        (
            cache('/srv//x/../push/', more=DELETE),
            text(),
            ['shared-root-expiry', 'shared-root-retag'],
        ),
        (cache('/srv/push/below'), text(), []),
        (cache(), cache('/srv/cache', '127.0.0.1:5001'), ['shared-root-caches']),
        (text(addr=':5000'), text(), ['no-http-secret']),
        (cache(addr=':5002'), text(), ['port-clash']),
        (cache(addr='127.0.0.1:5002'), text(addr='localhost:5002'), ['port-clash']),
        (cache(addr='127.0.0.2:5002'), text(), []),
        (cache(addr='[::1]:5002'), text(addr=':5002'), ['port-clash']),
    ),
)
def test_two_registries(root, first, second, expected):
    assert found(root, first, second) == expected


def test_a_root_that_is_a_link_to_that_of_the_other(root):
    (root.path / 'srv/push').mkdir(parents=True)
    (root.path / 'srv/cache').symlink_to('/srv/push')
    assert found(root, cache(), text()) == ['shared-root-retag']


def test_storage_that_is_shared_on_purpose(root):
    """As `registry install cache --shared-storage` has it: nothing is deleted there."""
    install = ('registry', 'install')
    assert root.run(*install, 'push').code == 0
    words = ('cache', '--storage=/srv/registry/push', '--shared-storage')
    assert root.run(*install, *words).code == 0
    ended = root.run('registry', 'check', '--format=json')
    found = [(each['check'], each['severity']) for each in ended.json['findings']]
    assert ('shared-root-retag', 'warning') in found
    assert 'error' not in {severity for _, severity in found}
    assert ended.code == 0
    path = '/etc/registry-host/registries/cache.yml'
    before = root.read(path)
    after = before.replace('  delete:\n    enabled: false\n', DELETE)
    assert after != before
    root.write(path, after, 0o600)
    ended = root.run('registry', 'check', '--format=json')
    found = [(each['check'], each['severity']) for each in ended.json['findings']]
    assert ('shared-root-retag', 'error') in found


def test_replicas_with_one_secret(root):
    secret = '  secret: k3Zb0n1QmR7vXc2L\n'
    one = text(addr=':5000').replace(
        'http: {addr: ":5000"}', f'http:\n  addr: :5000\n{secret}'
    )
    two = one.replace(':5000', ':5001')
    for path in (CACHE, PUSH):
        root.write(path, '', 0o600)
    paths = [str(root.write(p, t, 0o600)) for p, t in ((CACHE, one), (PUSH, two))]
    assert root.run('registry', 'check', *paths).code == 0
    root.write(PUSH, two.replace('k3Z', 'K3Z'), 0o600)
    assert root.run('registry', 'check', *paths).code == 1


def test_images_that_never_expire_leave_those_of_the_other_alone(root):
    forever = cache('/srv/push', more=DELETE).replace(
        'docker.io"', 'docker.io", ttl: 0'
    )
    assert found(root, forever, text(), '--distribution=3') == ['shared-root-retag']
    expected = ['shared-root-expiry', 'shared-root-retag', 'ttl-ignored']
    assert found(root, forever, text()) == expected
