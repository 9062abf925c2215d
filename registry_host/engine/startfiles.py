"""Files that daemon.json names and an engine reads when it starts. Pure.

Tried by a restart of dockerd 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.engine.start import Refusal, Start

_NAMED_PROFILES = ('builtin', 'unconfined')


def file_refusals(start: Start) -> Iterator[Refusal]:
    yield from _certificates(start)
    yield from _absent_files(start)


def files_of(start: Start) -> Iterator[tuple[str, str]]:
    """Yield the keys that name a file, and the files."""
    path = start.document.get('seccomp-profile')
    is_named = path in _NAMED_PROFILES and not start.is_before((23, 0, 0))
    if isinstance(path, str) and path and not is_named:
        yield 'seccomp-profile', path if path.startswith('/') else f'/{path}'
    path = start.document.get('userland-proxy-path')
    is_used = start.is_set('userland-proxy', default=True)
    if isinstance(path, str) and path.startswith('/') and is_used:
        if start.is_since((25, 0, 0)):
            yield 'userland-proxy-path', path
    if _is_tls(start):
        for key in ('tlscert', 'tlskey', 'tlscacert'):
            path = start.document.get(key)
            if isinstance(path, str) and path:
                yield key, path if path.startswith('/') else f'/{path}'


def _is_tls(start: Start) -> bool:
    """Whether the file turns TLS on: "tlsverify" does, even if it is false or null."""
    return start.document.get('tls') is True or start.document.has('tlsverify')


_SIGNS = {
    'tlscacert': 'could not read CA certificate',
    'tlscert': 'Could not load X509 key pair',
    'tlskey': 'Could not load X509 key pair',
    'userland-proxy-path': 'invalid userland-proxy-path',
}


def _absent_files(start: Start) -> Iterator[Refusal]:
    for key, path in files_of(start):
        if path in start.around.absent:
            shown = path if path.isprintable() else repr(path)
            yield start.refusal(
                (key,),
                f'"{key}" names {shown}, which does not exist',
                f'put it there, or take "{key}" out',
                _SIGNS.get(key, ''),
            )


def _certificates(start: Start) -> Iterator[Refusal]:
    """Flags of the engine do not stand in for what the file leaves out."""
    if not _is_tls(start):
        return
    missing = [k for k in ('tlscert', 'tlskey') if not start.document.get(k)]
    key = 'tlsverify' if start.document.has('tlsverify') else 'tls'
    if missing:
        names = ' and '.join(f'"{name}"' for name in missing)
        yield start.refusal(
            (key,),
            f'"{key}" turns TLS on, and {names} must name its files then',
            f'add {names}, or remove "{key}"',
            _SIGNS['tlscert'],
        )
