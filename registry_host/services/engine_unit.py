"""The unit of an engine: what systemd has of it, and what a person can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import (
    ApplyError,
    EngineError,
    Finding,
    Problem,
    RegistryHostError,
    repeat_with,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.engine.find import EngineFacts
    from registry_host.host.host import Host
    from registry_host.levels import Allowed


class OfUnit:
    """The part of a service that is about the unit of an engine."""

    engine: EngineFacts

    @property
    def by_hand(self) -> str:
        return f'sudo systemctl restart {self.engine.unit or "docker.service"}'

    def condition(
        self,
        host: Host,
        like: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Mapping[str, str]:
        from registry_host.engine.condition import SETTLE_S, condition_of

        limit_s = SETTLE_S if timeout_s is None else timeout_s
        return condition_of(host, self.engine.unit, like, limit_s)

    def cure(self, host: Host) -> str:
        from registry_host.engine.condition import cure_of

        unit = self.engine.unit
        return cure_of(host, unit, self.engine.pid) if unit else self.by_hand

    def failure(self, err: OSError | RegistryHostError) -> OSError | RegistryHostError:
        if isinstance(err, RegistryHostError) and not isinstance(err, EngineError):
            return err
        unit = self.engine.unit or 'dockerd'
        problem = err.problems[0] if isinstance(err, EngineError) else None
        return ApplyError(
            Problem(
                code=problem.code if problem else 'reload-rejected',
                where=unit,
                message='the engine did not take the change: '
                f'{problem.message if problem else err}',
                hint=f'sudo journalctl -u {unit} -n 20',
            )
        )

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        again = repeat_with('--restart always')
        return Finding(
            check='restart-pending',
            severity='warning',
            message=f'the engine uses it only once it has restarted: {allowed.reason}',
            remedy=(again,) if is_repeatable else (self.by_hand,),
        )
