"""Which engines are old beyond what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.keys import OLDEST, show_version
from registry_host.errors import ConfigError, Problem

if TYPE_CHECKING:
    from registry_host.engine.find import EngineFacts


def require_known(engine: EngineFacts) -> None:
    if engine.version is not None and engine.version < OLDEST:
        found, oldest = show_version(engine.version), show_version(OLDEST)
        raise ConfigError(
            Problem(
                code='engine-too-old',
                where='engine',
                message=f'Docker {found} is older than {oldest}, the oldest that is '
                'known; upgrade Docker',
            )
        )
