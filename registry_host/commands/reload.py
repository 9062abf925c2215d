"""The reload command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.find import look_at_engine
from registry_host.errors import EngineError, Problem
from registry_host.reporting.report import Report
from registry_host.targets import docker_daemon

if TYPE_CHECKING:
    from registry_host.commands.configure import Manner
    from registry_host.host.host import Host


def reload(host: Host, manner: Manner) -> Report:
    """Make the engine re-read its daemon.json, and hold it against the live lists."""
    from registry_host.transaction.apply import Order, apply_plan
    from registry_host.transaction.lock import transaction
    from registry_host.transaction.run import Origin

    with transaction(host, lock_timeout_s=manner.lock_timeout_s) as mended:
        engine = look_at_engine(host)
        if not engine.is_running:
            raise EngineError(engine.problem or _not_running(engine.state))
        state = host.read(engine.config_path, user=engine.user)
        plan = docker_daemon.plan_reload(state, engine)
        outcome = apply_plan(host, plan, engine, Order(Origin('reload', manner.line)))
    return Report(command='reload', plan=plan, outcome=outcome, findings=mended)


def _not_running(state: str) -> Problem:
    messages = {
        'absent': 'no Docker engine is installed, nor running',
        'stopped': 'the engine does not run: it reads daemon.json when it starts',
        'unknown': 'a root folder has no engine to reload',
    }
    return Problem(
        code=f'engine-{state}',
        where='engine',
        message=messages.get(state, 'does not run'),
        hint='systemctl start docker' if state == 'stopped' else '',
    )
