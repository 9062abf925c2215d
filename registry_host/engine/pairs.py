"""Keys of daemon.json that an engine does not take together, or not alone. Pure.

Sources: moby daemon/config/config.go and config_linux.go Validate, and setupRuntimes in
daemon/runtime_unix.go, at v20.10.24, v24.0.0, v26.1.5, v28.5.2 and docker-v29.7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from registry_host.engine.keys import Version
from registry_host.errors import Problem

if TYPE_CHECKING:
    from registry_host.engine.flags import Flags
    from registry_host.jsonfile.jsontext import Document

Rule = Callable[['Document', Version, 'Flags | None'], Iterator[Problem]]


def pair_problems(
    document: Document, key: str, version: Version, flags: Flags | None = None
) -> Iterator[Problem]:
    """Find what the engine makes of a key for what stands, or is missing, beside it.

    Without `flags`, which are then not known, what a flag could add is not told.
    """
    if rule := _RULES.get(key):
        yield from rule(document, version, flags)


def _userland_proxy(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    is_on, path = document.get('userland-proxy'), document.get('userland-proxy-path')
    if version >= (25, 0, 0) and is_on is True and not path:
        yield Problem(
            code='reload-impossible',
            where=document.where('userland-proxy'),
            message='"userland-proxy": true without "userland-proxy-path" makes the '
            'engine refuse every reload since Docker 25.0, although it starts with it; '
            'remove it (true is the default), or add "userland-proxy-path"',
        )


def _userland_proxy_path(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    is_on, path = document.get('userland-proxy'), document.get('userland-proxy-path')
    is_relative = isinstance(path, str) and path != '' and not path.startswith('/')
    if version >= (25, 0, 0) and is_on is not False and is_relative:
        yield Problem(
            code='directive-value',
            where=document.where('userland-proxy-path'),
            message='"userland-proxy-path" must be an absolute path',
            hint='"/usr/bin/docker-proxy"',
        )


def _runtimes(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    if document.has('runtimes', 'runc'):
        yield Problem(
            code='directive-value',
            where=document.where('runtimes', 'runc'),
            message='"runtimes" must not name "runc": the engine keeps that name; '
            'give it another name, and "default-runtime" the same',
        )


_STOCK_RUNTIMES = (
    '',
    'runc',
    'io.containerd.runtime.v1.linux',
    'io.containerd.runc.v2',
)


def _default_runtime(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    """Engines from 25.0 on look later, when runtimes of the flags are known too.

    They then refuse both a start and a reload (26.1.5, 28.5.2, observed).
    """
    name = document.get('default-runtime')
    if not isinstance(name, str) or name in _STOCK_RUNTIMES:
        return
    if version >= (25, 0, 0):
        if flags is None or _is_shim(name) or _names_runtime(flags, name):
            return
    # From 23.0 on a shim of containerd needs no entry: io.containerd.kata.v2, a path.
    elif version >= (23, 0, 0) and ('.' in name or '/' in name):
        return
    if not document.has('runtimes', name):
        yield Problem(
            code='directive-value',
            where=document.where('default-runtime'),
            message='"default-runtime" must be one of "runtimes" in the same file; '
            'add it to "runtimes", or remove "default-runtime"',
        )


def _is_shim(name: str) -> bool:
    """Whether moby hands a name on to containerd (isPermissibleC8dRuntimeName)."""
    return '/' not in name and '.' in name and not name.startswith('.')


def _names_runtime(flags: Flags, name: str) -> bool:
    given = flags.get('add-runtime', ())
    return any(text.partition('=')[0].strip() == name for text in given)


def _host_gateway(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    if version >= (28, 0, 0) and document.has('host-gateway-ips'):
        yield Problem(
            code='directive-value',
            where=document.where('host-gateway-ip'),
            message='"host-gateway-ip" must not stand beside "host-gateway-ips"; '
            'remove "host-gateway-ip"',
        )


def _graph(
    document: Document, version: Version, flags: Flags | None
) -> Iterator[Problem]:
    if version < (23, 0, 0) and document.get('graph') and document.get('data-root'):
        yield Problem(
            code='directive-value',
            where=document.where('graph'),
            message='"graph" must not stand beside "data-root"; remove "graph"',
        )


_RULES: Mapping[str, Rule] = {
    'default-runtime': _default_runtime,
    'graph': _graph,
    'host-gateway-ip': _host_gateway,
    'runtimes': _runtimes,
    'userland-proxy': _userland_proxy,
    'userland-proxy-path': _userland_proxy_path,
}
