"""An engine judges a daemon.json without starting: `dockerd --validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem, quoted
from registry_host.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.host.records import FileState

VALIDATE_SINCE: Version = (23, 0, 0)
# What systemd gives a service that is told no other (systemd.exec(5), 252).
_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
# By these a service speaks to systemd: a copy of it must not.
_OF_SYSTEMD = ('INVOCATION_ID', 'JOURNAL_STREAM', 'LISTEN_', 'NOTIFY_', 'WATCHDOG_')
# Words about the flags, and not about the file.
_ABOUT_FLAGS = ('unknown flag', 'unknown shorthand flag')


def judge_file(host: Host, engine: EngineFacts, path: str) -> str | None:
    """Give the reason for which the engine refuses a file; '' if it takes it.

    None where it cannot be asked: before 23.0, without root, or if it gives no answer.
    It judges by its own environment, so it is given that of the service: without sbin
    in PATH it refuses a good file (26.1.5 and 28.5.2, observed). It sees conflicts with
    flags only if it is given those of the service. What it never looks at is for
    registry-host to check: see engine.directives and engine.nextstart.
    """
    can_validate = engine.version is not None and engine.version >= VALIDATE_SINCE
    if not engine.program or not can_validate or not host.is_root:
        return None
    flags = _without_config_file(_flags_of(engine.argv))
    done = host.run(
        [engine.program, '--validate', f'--config-file={path}', *flags],
        env=_environment(host, engine),
    )
    if done.code is None:
        return None
    reason = redact(done.err.strip().rpartition('\n')[2])
    if done.is_ok or any(words in done.err for words in _ABOUT_FLAGS):
        return '' if done.is_ok else None
    return reason or 'no reason given'


def require_valid(
    host: Host, engine: EngineFacts, candidate: FileState, content: bytes
) -> None:
    """Raise ConfigError if the engine would not take a file.

    What only its next start refuses, and a reload takes, is no such reason: that is
    told when the change is planned.
    """
    with host.private_file(content) as path:
        reason = judge_file(host, engine, path)
        reason = reason and reason.replace(path, candidate.path)
    if reason and not _is_known(host, engine, candidate, reason):
        raise ConfigError(_refused(reason, candidate.path))


def _is_known(
    host: Host, engine: EngineFacts, candidate: FileState, reason: str
) -> bool:
    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.services.starting import is_explained, next_refusals

    document = DaemonJson.read(candidate).document
    return is_explained(reason, next_refusals(host, engine, document))


def validate_command(path: str) -> str:
    return f'sudo dockerd --validate --config-file={quoted(path)}'


def _refused(reason: str, path: str) -> Problem:
    return Problem(
        code='engine-refuses',
        where=path,
        message=f'dockerd --validate: {reason}',
        hint=validate_command(path),
    )


def _environment(host: Host, engine: EngineFacts) -> Mapping[str, str]:
    """The variables that the engine has, or would be started with."""
    from registry_host.engine.environment import variables_of

    found = {
        name: text
        for name, text in variables_of(host, engine).items()
        if not name.startswith(_OF_SYSTEMD)
    }
    path = found.get('PATH') or _PATH
    folders = path.split(':')
    more = [each for each in ('/usr/sbin', '/sbin') if each not in folders]
    return {**found, 'PATH': ':'.join((path, *more))}


def _flags_of(argv: Sequence[str]) -> Sequence[str]:
    """Its flags; those of a shell, or of another program that starts it, are not."""
    is_engine = bool(argv) and argv[0].rpartition('/')[2].startswith('dockerd')
    return argv[1:] if is_engine else ()


def _without_config_file(argv: Sequence[str]) -> list[str]:
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word == '--config-file':
            next(words, None)
        elif not word.startswith('--config-file='):
            kept.append(word)
    return kept
