"""An engine judges its daemon.json before that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem, quoted
from registry_host.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.host.records import FileState

VALIDATE_SINCE: Version = (23, 0, 0)


def require_valid(
    host: Host, engine: EngineFacts, candidate: FileState, content: bytes
) -> None:
    """Raise ConfigError if the engine would not start with a file.

    `dockerd --validate` exists since 23.0, and sees conflicts with flags only if it is
    given those of the service (moby daemon/command, 26.1.5 and 28.5.2). What it never
    looks at is for registry-host to check: see engine.directives.
    """
    can_validate = engine.version is not None and engine.version >= VALIDATE_SINCE
    if not engine.program or not can_validate:
        return
    with host.private_file(content) as path:
        flags = _without_config_file(engine.argv[1:])
        done = host.run([engine.program, '--validate', f'--config-file={path}', *flags])
    if done.code not in (0, None):
        raise ConfigError(_refused(done.err.strip(), path, candidate.path))


def _refused(reason: str, copy: str, path: str) -> Problem:
    text = redact(reason.splitlines()[-1]) if reason else 'invalid'
    return Problem(
        code='engine-refuses',
        where=path,
        message=f'dockerd --validate: {text.replace(copy, path)}',
        hint=f'mend the file, then try: dockerd --validate '
        f'--config-file={quoted(path)}',
    )


def _without_config_file(argv: Sequence[str]) -> list[str]:
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word == '--config-file':
            next(words, None)
        elif not word.startswith('--config-file='):
            kept.append(word)
    return kept
