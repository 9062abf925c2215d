"""Rules for the storage of a registry, and what is set beside its driver.

What happens was seen on docker-registry 2.8.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import quoted
from registry_host.registry.distread import is_duration
from registry_host.registry.faulty import dotted
from registry_host.registry.instances import read_only_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.registry.registryplace import Instance

_ROOT = ('storage', 'filesystem', 'rootdirectory')
_MAINTENANCE = ('storage', 'maintenance')
_PURGING = (*_MAINTENANCE, 'uploadpurging')
_READONLY = (*_MAINTENANCE, 'readonly')
_DELETE = ('storage', 'delete', 'enabled')
_DRIVERS = {'filesystem', 'inmemory', 'azure', 'gcs', 's3', 's3aws', 'swift', 'oss'}
_PURGES = {'age': '168h', 'interval': '24h', 'dryrun': 'false'}
# Texts that are meant to switch something off.
_OFF = {'false', 'no', 'off', 'n', '0', ''}


def storage_rules(instance: Instance) -> Iterator[Finding]:
    yield from _driver(instance)
    yield from _root(instance)
    yield from _threads(instance)
    yield from _delete(instance)
    yield from _cache(instance)


def _driver(instance: Instance) -> Iterator[Finding]:
    driver = instance.config.driver
    if driver not in _DRIVERS:
        yield instance.tell(
            'storage-driver',
            'error',
            ('storage', driver),
            f'{driver} is not a storage driver, so the registry does not start',
            'write below storage: filesystem: {rootdirectory: /srv/push}',
            *instance.restart(),
        )
    elif driver == 'inmemory':
        yield instance.tell(
            'storage-inmemory',
            'warning',
            ('storage', driver),
            'all images are gone when the registry ends',
            'write below storage: filesystem: {rootdirectory: /srv/push}',
            *instance.restart(),
        )


def _root(instance: Instance) -> Iterator[Finding]:
    params = instance.config.reading.get('storage', 'filesystem')
    if not isinstance(params, dict) or 'rootdirectory' not in params:
        return
    root = params['rootdirectory']
    if isinstance(root, str) and root.startswith('/'):
        return
    if root is None:
        told = 'has no value, so images go to a folder with the name <nil>'
    elif root == '':
        told = 'is empty, so images go to /docker'
    else:
        told = 'is not an absolute path: where images go depends on where it is started'
    yield instance.tell(
        'storage-relative',
        'warning',
        _ROOT,
        told,
        'write: rootdirectory: /var/lib/docker-registry',
        *instance.restart(),
    )


def _threads(instance: Instance) -> Iterator[Finding]:
    """A number, or a text that is one (base.GetLimitFromParameter)."""
    threads = instance.config.reading.get('storage', 'filesystem', 'maxthreads')
    is_number = isinstance(threads, int) and not isinstance(threads, bool)
    is_text = isinstance(threads, str) and threads.isdigit()
    if threads is not None and not is_number and not is_text:
        yield _panics(
            instance,
            ('storage', 'filesystem', 'maxthreads'),
            'must be a whole number',
            'write: maxthreads: 100',
        )


def _delete(instance: Instance) -> Iterator[Finding]:
    enabled = instance.config.reading.get(*_DELETE)
    if isinstance(enabled, bool) or enabled is None or str(enabled).lower() in _OFF:
        return
    yield instance.tell(
        'value-type',
        'warning',
        _DELETE,
        'is neither true nor false, so deletion is off: a text in quotes, or a number, '
        'does not switch it on',
        'write: enabled: true',
        *instance.restart(),
    )


def _cache(instance: Instance) -> Iterator[Finding]:
    config = instance.config
    cache = config.reading.get('storage', 'cache')
    cache = cache if isinstance(cache, dict) else {}
    key = 'blobdescriptor' if 'blobdescriptor' in cache else 'layerinfo'
    kind = cache.get(key)
    place = ('storage', 'cache', key)
    if kind == 'inmemory' and config.upstream and config.has_delete:
        yield instance.tell(
            'descriptor-cache-in-proxy',
            'warning',
            place,
            'when a cached image expires, the memory still knows its layers, and they '
            'are answered with 200 and no content',
            f'take {key} out of storage.cache',
            *instance.restart(),
        )
    elif kind == 'redis' and not config.reading.get('redis'):
        yield instance.tell(
            'redis-missing',
            'error',
            place,
            'there is no redis.addr, so the registry does not start',
            'write: redis: {addr: "127.0.0.1:6379"}',
            *instance.restart(),
        )
    elif kind not in ('inmemory', 'redis', '', None):
        yield instance.tell(
            'value',
            'warning',
            place,
            'must be inmemory or redis; anything else means no cache, and a warning in '
            'the log',
            f'write: {key}: inmemory',
        )


def maintenance_rules(instance: Instance) -> Iterator[Finding]:
    reading = instance.config.reading
    maintenance = reading.get(*_MAINTENANCE)
    maintenance = maintenance if isinstance(maintenance, dict) else {}
    if 'readonly' in maintenance:
        yield from _readonly(instance, maintenance['readonly'])
    if 'uploadpurging' in maintenance:
        yield from _purging(instance, maintenance['uploadpurging'])
    redirect = reading.get('storage', 'redirect')
    if redirect is not None and not isinstance(redirect.get('disable'), bool):
        yield _panics(
            instance,
            ('storage', 'redirect', 'disable'),
            'must be true or false',
            'write: disable: true',
        )


def _is_collecting(instance: Instance) -> bool:
    """Whether its garbage is being collected; its unit reads a file more then."""
    name = instance.runner.name.removeprefix('registry-host-')
    return instance.runner.file == read_only_of(name)


def _readonly(instance: Instance, readonly: Any) -> Iterator[Finding]:
    if type(readonly) is not dict:  # One that the environment made is another type.
        yield _panics(
            instance,
            _READONLY,
            'must be a map; a boolean, or a variable that ends with _ENABLED, is not',
            'write: readonly: {enabled: false}',
        )
    elif not isinstance(readonly.get('enabled', False), bool):
        yield _panics(
            instance,
            (*_READONLY, 'enabled'),
            'must be true or false without quotes',
            'write: enabled: false',
        )
    elif instance.config.is_readonly and _is_collecting(instance):
        yield instance.tell(
            'readonly',
            'info',
            _READONLY,
            'pushes and deletions are refused with 405 while garbage is collected',
        )
    elif instance.config.is_readonly and not instance.config.upstream:
        yield instance.tell(
            'readonly',
            'warning',
            (*_READONLY, 'enabled'),
            'pushes and deletions are refused with 405 until it is off again',
            'when the maintenance is over, write: enabled: false',
            *instance.restart(),
        )


def _purging(instance: Instance, purging: Any) -> Iterator[Finding]:
    if type(purging) is not dict:
        yield _panics(
            instance,
            _PURGING,
            'must be a map with four keys',
            'write: uploadpurging: {enabled: false}',
        )
        return
    if purging.get('enabled') is False:
        return
    wrong = [(k, told) for k in _PURGES if (told := _told(k, purging.get(k)))]
    if wrong:
        values = {k: purging.get(k, _PURGES[k]) for k in _PURGES}
        values |= {k: _as_hours(purging.get(k)) or _PURGES[k] for k, _ in wrong}
        shown = ', '.join(f'{key}: {value}' for key, value in values.items())
        shown = shown.replace('False', 'false').replace('True', 'true')
        yield instance.tell(
            'upload-purging',
            'error',
            (*_PURGING, wrong[0][0]),
            '; '.join(f'{dotted((*_PURGING, key))} {told}' for key, told in wrong)
            + ': the registry does not start',
            f'write: uploadpurging: {{enabled: true, {shown}}}',
            *instance.restart(),
        )


def _told(key: str, value: Any) -> str:
    """Say what is wrong with a key of uploadpurging, all of which must be there."""
    if value is None:
        return 'is missing'
    if key == 'dryrun':
        return '' if isinstance(value, bool) else 'must be true or false without quotes'
    if isinstance(value, str) and is_duration(value):
        return ''
    return f'must be a duration in hours, minutes or seconds such as {_PURGES[key]}'


def _as_hours(value: Any) -> str:
    """Say days in hours, for Go knows no days."""
    number = value[:-1] if isinstance(value, str) and value.endswith('d') else ''
    return f'{int(number) * 24}h' if number.isdigit() else ''


def _panics(
    instance: Instance, path: tuple[str, ...], told: str, *remedy: str
) -> Finding:
    return instance.tell(
        'value-type',
        'error',
        path,
        f'{dotted(path)} {told}, so the registry does not start',
        *remedy,
        *instance.restart(),
    )


def not_writable(instance: Instance, root: str, owner: str) -> Finding:
    """Tell that the user of the unit may not write to the storage root."""
    user = instance.runner.user
    return instance.tell(
        'storage-not-writable',
        'error',
        _ROOT,
        f'{root} belongs to {owner}, and {user}, who the registry runs as, may not '
        'write there: it starts, and each push is answered with 500',
        f'sudo chown -R {quoted(user)}: {quoted(root)}',
    )
