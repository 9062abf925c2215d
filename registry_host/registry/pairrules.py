"""Rules for several registries at once: storage roots and ports that they share."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from registry_host.registry.addresses import Listen, listen_of
from registry_host.registry.instances import CONFIGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.registry.registryplace import Instance

_ROOT = ('storage', 'filesystem', 'rootdirectory')


def pair_findings(host: Host, instances: Sequence[Instance]) -> Iterator[Finding]:
    started = [each for each in instances if each.config.role is not None]
    for first, second in combinations(started, 2):
        yield from _ports(first, second)
        if _root(host, first) and _root(host, first) == _root(host, second):
            yield from _shared(first, second)


def _root(host: Host, instance: Instance) -> str:
    """The folder itself, links followed; '' for what is no folder of this host."""
    if not instance.config.root.startswith('/'):
        return ''
    root = instance.on_host(instance.config.root)
    return host.resolve(root) if root else _volume(instance)


def _volume(instance: Instance) -> str:
    """The name of the volume that holds the root, for those of one compose file."""
    volume = instance.runner.mounts.get(instance.config.root)
    return f'{instance.runner.file} {volume}' if volume else ''


def _shared(first: Instance, second: Instance) -> Iterator[Finding]:
    caches = [each for each in (first, second) if each.config.role == 'cache']
    if len(caches) == 2:
        yield second.tell(
            'shared-root-caches',
            'error',
            _ROOT,
            f'this folder is the storage of the cache of {first.name} too: each '
            'overwrites what the other knows of when images expire',
            'give each its own rootdirectory',
            *second.restart(),
        )
    elif len(caches) == 1:
        other = second if caches[0] is first else first
        yield from _cache_and_push(caches[0], other)
    else:
        yield from _replicas(first, second)


def _cache_and_push(cache: Instance, push: Instance) -> Iterator[Finding]:
    expires = cache.config.major < 3 or cache.config.ttl_s != 0
    is_losing = cache.config.has_delete and expires
    # One of registry install --shared-storage, which has warned of it.
    is_wanted = cache.path.startswith(f'{CONFIGS}/') and not is_losing
    if is_losing:
        yield cache.tell(
            'shared-root-expiry',
            'error',
            _ROOT,
            f'this folder is the storage of the push instance of {push.name} too: '
            'when a cached image expires, the cache deletes layers that pushed images '
            'use',
            'give each its own rootdirectory',
            *cache.restart(),
        )
    yield cache.tell(
        'shared-root-retag',
        'warning' if is_wanted else 'error',
        _ROOT,
        f'this folder is the storage of the push instance of {push.name} too: a '
        'pushed tag that the upstream has as well becomes the image of the upstream '
        'at the next pull through the cache',
        'give each its own rootdirectory',
        *cache.restart(),
    )


def _replicas(first: Instance, second: Instance) -> Iterator[Finding]:
    secrets = [each.config.reading.get('http', 'secret') for each in (first, second)]
    if not secrets[0] or secrets[0] != secrets[1]:
        yield second.tell(
            'no-http-secret',
            'error',
            ('http', 'secret'),
            f'has the storage of {first.name} and not the same http.secret: an upload '
            'that begins at one and goes on at the other fails with 404',
            'write in both below http: the same secret: "$(openssl rand -hex 32)"',
            *second.restart(),
        )


def _ports(first: Instance, second: Instance) -> Iterator[Finding]:
    for one in _listens(first):
        for two in _listens(second):
            if one.overlaps(two):
                yield _clash(first, second, two)


def _listens(instance: Instance) -> list[Listen]:
    """Where it listens on this host: for a container, what is published of it."""
    runner = instance.runner
    addresses = runner.ports if runner.has_own_network else (instance.config.addr,)
    return [found for each in addresses if (found := listen_of(each)) is not None]


def _clash(first: Instance, second: Instance, listen: Listen) -> Finding:
    port = listen.port
    free = f'{listen.host}:{int(port) + 2}' if port.isdigit() else '127.0.0.1:5002'
    told = (
        f'port {port} is that of {first.name} too: the one that starts second ends '
        'at once'
    )
    if second.runner.has_own_network:
        where = second.runner.file
        return second.tell_at(where, 'port-clash', 'error', told, 'publish another')
    return second.tell(
        'port-clash',
        'error',
        ('http', 'addr'),
        told,
        f'write: addr: {free}',
        *second.restart(),
    )
