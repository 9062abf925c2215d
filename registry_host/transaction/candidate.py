"""A plan is judged before the first byte: by its files, and by the engine itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, EngineError, Problem, quoted
from registry_host.host.replacing import changed
from registry_host.levels import Activation
from registry_host.targets import docker_daemon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.engine.directives import Version
    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.plan.changes import Plan


VALIDATE_SINCE: Version = (23, 0, 0)


def require_reachable(plan: Plan, engine: EngineFacts) -> None:
    """Refuse to change the file of an engine that runs and cannot be asked about it."""
    if plan.activation >= Activation.RELOAD and engine.state == 'unreachable':
        raise EngineError(*filter(None, [engine.problem]))


def require_unchanged(host: Host, plan: Plan) -> None:
    for change in plan.writes:
        before = change.before
        now = host.read(change.path, user=before.user, folder_mode=before.folder_mode)
        if now != before:
            raise changed(change.path)


def require_valid(host: Host, plan: Plan, engine: EngineFacts) -> None:
    """Let the engine itself judge the candidate, where it can without starting.

    `dockerd --validate` exists since 23.0, and sees conflicts with flags only if it is
    given those of the service (moby daemon/command, 26.1.5 and 28.5.2). What it never
    looks at is ours to check: see directives.lint.
    """
    candidate = next((c for c in plan.pending if c.target == docker_daemon.NAME), None)
    can_validate = engine.version is not None and engine.version >= VALIDATE_SINCE
    if candidate is None or candidate.after.content is None:
        return
    if not engine.program or not can_validate:
        return
    with host.private_file(candidate.after.content) as path:
        flags = _without_config_file(engine.argv[1:])
        done = host.run([engine.program, '--validate', f'--config-file={path}', *flags])
    if done.code in (0, None):
        return
    from registry_host.redact import redact

    reason = (
        redact(done.err.strip().splitlines()[-1]) if done.err.strip() else 'invalid'
    )
    raise ConfigError(
        Problem(
            code='engine-refuses',
            where=candidate.path,
            message=f'dockerd --validate: {reason.replace(path, candidate.path)}',
            hint=f'mend the file, then try: dockerd --validate '
            f'--config-file={quoted(candidate.path)}',
        )
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
