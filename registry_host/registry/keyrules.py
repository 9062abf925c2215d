"""Rules for keys and variables that the registry passes over, and what it refuses."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from registry_host.registry.distshape import KNOWN_PARAMS, SHAPES
from registry_host.registry.faulty import dotted
from registry_host.registry.upstreams import HUB_URL, judge_upstream
from registry_host.yamlfile.yamlnode import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.registry.faulty import Fault, Path
    from registry_host.registry.registryplace import Instance
    from registry_host.yamlfile.yamlnode import Node

_FORMATTERS = ('text', 'json', 'logstash')
# Keys that decide who may do what: passed over, they leave a registry open.
_GRAVE = {'proxy', 'auth', 'tls'}


def fault_rules(instance: Instance) -> Iterator[Finding]:
    """What the registry refuses, or passes over."""
    for fault in instance.config.reading.faults:
        if fault.check == 'unknown-key':
            yield from _unknown_key(instance, fault)
        elif fault.check == 'unknown-env':
            yield from _unknown_variable(instance, fault)
        else:
            yield _refused(instance, fault)
    yield from _unknown_params(instance)
    if not instance.is_built_in:
        yield from _second_document(instance)
        yield from _twice(instance)


def _refused(instance: Instance, fault: Fault) -> Finding:
    where = (
        instance.at_variable(fault.variable)
        if fault.variable
        else instance.at(*fault.path)
    )
    remedies = {
        'version-missing': 'write: version: 0.1',
        'version-value': 'write: version: 0.1',
        'log-level': 'write: level: info',
        'storage-missing': 'write: storage: {filesystem: {rootdirectory: /srv/push}}',
    }
    name = '' if fault.check == 'env-yaml' or not fault.path else dotted(fault.path)
    told = f'{name}: {fault.message}' if name else fault.message
    if fault.check != 'env-yaml':
        told += ', so the registry does not start'
    remedy = [remedies[fault.check]] if fault.check in remedies else []
    return instance.tell_at(
        where, fault.check, 'error', told, *remedy, *instance.restart()
    )


def log_rules(instance: Instance) -> Iterator[Finding]:
    formatter = instance.config.reading.get('log', 'formatter')
    if formatter and formatter not in _FORMATTERS:
        yield instance.tell(
            'log-formatter',
            'error',
            ('log', 'formatter'),
            f'log.formatter must be one of {", ".join(_FORMATTERS)}, so the registry '
            'does not start',
            'write: formatter: text',
            *instance.restart(),
        )


def _unknown_key(instance: Instance, fault: Fault) -> Iterator[Finding]:
    *above, name = map(str, fault.path)
    if name.startswith('x-') or fault.path == ('proxy', 'ttl'):
        return  # The place of an anchor by custom; a rule of its own.
    major = instance.config.major
    other = 5 - major
    if _is_known(SHAPES[other], fault.path):
        is_harmless = fault.path[0] in ('compatibility', 'reporting')
        yield instance.tell(
            'unknown-key',
            'info' if is_harmless else 'warning',
            fault.path,
            f'{dotted(fault.path)} is a key of distribution {other}, and {major} '
            'ignores it',
        )
        return
    meant = _meant(fault.path, major)
    is_grave = bool(_GRAVE & {name.lower(), *map(str.lower, above), meant[-1:]})
    is_grave = is_grave or meant.split('.')[0] in _GRAVE
    yield instance.tell(
        'unknown-key',
        'error' if is_grave else 'warning',
        fault.path,
        f'{dotted(fault.path)} is not a key of the registry, which silently ignores it',
        *((f'did you mean {meant}?',) if meant else ()),
    )
    if not instance.config.upstream and _asks_for_cache(instance, fault.path):
        upstream = _meant_upstream(instance, fault.path)
        yield _not_a_cache(
            instance,
            instance.at(*fault.path),
            'proxy.remoteurl',
            f'write at the left margin `proxy: {{remoteurl: "{upstream}"}}`',
        )


def _asks_for_cache(instance: Instance, path: Path) -> bool:
    """Whether a key that is passed over was to make a cache."""
    names = [str(part).lower().replace('_', '').replace('-', '') for part in path]
    if names[-1] in ('remoteurl', 'proxy', 'remote', 'upstream'):
        return True
    node = instance.config.reading.document.find(*path)
    return node is not None and node.kind == 'map' and bool(node.get('remoteurl'))


def _not_a_cache(instance: Instance, where: str, missing: str, *ways: str) -> Finding:
    return instance.tell_at(
        where,
        'not-a-cache',
        'error',
        f'this is not a cache but a registry that takes pushes: {missing} is not set',
        *ways,
        *instance.restart(),
    )


def _meant_upstream(instance: Instance, path: Path) -> str:
    """The upstream below a key that is passed over, as far as it is one."""
    node = instance.config.reading.document.find(*path)
    for each in () if node is None else (node, node.get('remoteurl')):
        if each is not None and each.kind == 'scalar':
            judged = judge_upstream(each.text)
            if isinstance(judged, str):
                return judged
    return HUB_URL


def _unknown_variable(instance: Instance, fault: Fault) -> Iterator[Finding]:
    name = fault.variable
    if name.startswith('REGISTRY_HOST_'):
        return  # A variable of registry-host itself.
    where = instance.at_variable(name)
    plain = name.removeprefix('REGISTRY_').replace('_', '')
    keys = ('_'.join(key).upper() for key, _ in _all_keys(SHAPES[2], ()))
    meant = next((key for key in keys if key.replace('_', '') == plain), '')
    is_grave = meant.startswith(('PROXY', 'AUTH', 'HTTP_TLS')) or 'PROXY' in plain
    yield instance.tell_at(
        where,
        'unknown-env',
        'error' if is_grave else 'warning',
        'is not a variable of the registry, which ignores it'
        + (' with a warning in its log' if meant else ''),
        *((f'did you mean REGISTRY_{meant}?',) if meant else ()),
    )
    if plain == 'PROXYREMOTEURL' and not instance.config.upstream:
        yield _not_a_cache(instance, where, 'REGISTRY_PROXY_REMOTEURL')


def _is_known(shape: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(shape, dict):
            return False
        shape = shape.get(part, shape.get('*'))
    return shape is not None


def _meant(path: Path, major: int) -> str:
    """Name the key that may have been meant: another case, or another place."""
    known = dict(_all_keys(SHAPES[major], ()))
    *above, name = map(str, path)
    beside = [key[-1] for key in known if list(key[:-1]) == above]
    plain = {key.replace('_', ''): key for key in beside}
    asked = name.lower().replace('_', '').replace('-', '')
    if asked in plain:
        return '.'.join((*above, plain[asked]))
    elsewhere = [key for key in known if key[-1] == name]
    if len(elsewhere) == 1 or (elsewhere and len(elsewhere[0]) == 1):
        return '.'.join(elsewhere[0])
    close = get_close_matches(asked, beside, 1, 0.75)
    return '.'.join((*above, *close)) if close else ''


def _all_keys(
    shape: Any, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, below in shape.items():
        if name != '*':
            yield (*above, name), below
            if isinstance(below, dict):
                yield from _all_keys(below, (*above, name))


def _unknown_params(instance: Instance) -> Iterator[Finding]:
    for path, known in KNOWN_PARAMS.items():
        found = instance.config.reading.get(*path)
        for name in found if isinstance(found, dict) else ():
            if str(name) not in known:
                close = get_close_matches(str(name).lower(), known, 1, 0.6)
                yield instance.tell(
                    'unknown-key',
                    'warning',
                    (*path, str(name)),
                    f'{dotted((*path, str(name)))} is not a key of the registry, which '
                    'silently ignores it',
                    *(f'did you mean {dotted((*path, key))}?' for key in close),
                )


def _twice(instance: Instance) -> Iterator[Finding]:
    """Keys that are written twice in one map: the first is as if it were not there."""
    document = instance.config.reading.document
    for path, node in walk(document.root) if document.root else ():
        first: dict[str, Node] = {}
        for key, _ in node.members:
            if key.tag != 'merge' and key.text in first:
                where = f'{instance.path}:{document.position(key.start)}'
                before = document.position(first[key.text].start).partition(':')[0]
                yield instance.tell_at(
                    where,
                    'key-twice',
                    'warning',
                    f'{dotted((*path, key.text))} is in line {before} too, and what is '
                    'written there does not count',
                    'write both as one',
                )
            first[key.text] = key


def _second_document(instance: Instance) -> Iterator[Finding]:
    document = instance.config.reading.document
    if document.rest is not None:
        where = f'{instance.path}:{document.position(document.rest)}'
        yield instance.tell_at(
            where,
            'yaml-several-documents',
            'warning',
            'the registry reads the file only up to the second `---`',
            'move what is below it up, or take it out',
        )
