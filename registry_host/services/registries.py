"""The registries that are installed on this host, each a unit of its own.

A run that writes a unit starts it, and one that removes it stops it; `systemctl
disable --now` does so after the file is gone, too (systemd 252, 257 and 262, seen).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import ApplyError, EngineError, Finding
from registry_host.plan.readings import Reading, Seen
from registry_host.progress import Proof
from registry_host.registry.health import addresses_of, properties
from registry_host.registry.instances import CONFIGS, UNITS, config_of, unit_of
from registry_host.services.ordinary import Ordinary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from registry_host.errors import RegistryHostError
    from registry_host.host.host import Host
    from registry_host.levels import Activation, Allowed
    from registry_host.plan.wish import Values
    from registry_host.services.activated import Activated
    from registry_host.services.facts import Facts
    from registry_host.services.service import Description
    from registry_host.services.transition import Checks, Transition
    from registry_host.services.view import View

_PREFIX = 'registry-'
_RUNNING = 'running'
_FILE = re.compile(
    rf'{re.escape(UNITS)}/registry-host-(?P<unit>[a-z0-9-]+)\.service|'
    rf'{re.escape(CONFIGS)}/(?P<config>[a-z0-9-]+)\.yml'
)


def find(host: Host, facts: Facts, paths: Collection[str]) -> tuple[Registry, ...]:
    """The registries whose configs or units are among some files."""
    if not host.is_live:
        return ()
    names = dict.fromkeys(filter(None, map(_name_of, paths)))
    return tuple(Registry(host, name) for name in names)


def named(host: Host, facts: Facts, names: Collection[str]) -> tuple[Registry, ...]:
    if not host.is_live:
        return ()
    found = (name for name in names if name.startswith(_PREFIX))
    return tuple(Registry(host, name[len(_PREFIX) :]) for name in sorted(found))


def _name_of(path: str) -> str:
    found = _FILE.fullmatch(path)
    if found is None:
        return ''
    name = found['unit'] or found['config']
    # The units beside the one that serves.
    return '' if re.search(r'-(?:restart|gc|collect)$', name) else name


class Registry(Ordinary):
    """One registry, by the name of its instance."""

    kind = 'registry'
    subject = 'files'
    # On a way back it is stopped, or started, whatever became of it meanwhile.
    is_vital = False
    # What is installed is to run: see Service.is_started.
    is_started = True

    def __init__(self, host: Host, instance: str) -> None:
        self._instance = instance
        self.name = f'{_PREFIX}{instance}'
        self.unit = unit_of(instance)
        self.title = f'the registry {instance}'
        self.seen = self._look(host)

    def _look(self, host: Host) -> Seen:
        found = properties(host, self.unit, 'ActiveState', 'InvocationID')
        state = found.get('ActiveState', '')
        is_running = state in ('active', 'reloading')
        live = {_RUNNING: ('yes',) if is_running else ()}
        if is_running:
            return Seen('running', found.get('InvocationID', ''), live)
        is_there = host.exists(self._unit_path)
        return Seen('stopped' if is_there else 'absent', live=live)

    @property
    def _unit_path(self) -> str:
        return f'{UNITS}/{self.unit}'

    @property
    def by_hand(self) -> str:
        return f'systemctl restart {self.unit}'

    def is_there(self, host: Host) -> bool:
        return True

    def describe(self) -> Description:
        from registry_host.services.service import Description

        return Description(self.title, config_of(self._instance))

    def reads(self, path: str) -> bool:
        return _name_of(path) == self._instance

    def reading(self, view: View) -> Reading:
        """It reads all when it starts, and runs wherever its unit is installed."""
        from hashlib import sha256

        paths = (self._unit_path, config_of(self._instance))
        texts: list[str] = []
        for path in paths:
            state = view.state(path) if view.is_about(path) else None
            if state is not None and state.content is not None:
                texts.append(sha256(state.content).hexdigest())
        return Reading(
            at_start={
                'files': tuple(texts),
                _RUNNING: ('yes',) if texts else (),
            }
        )

    def shows(self, reading: Reading) -> Mapping[str, Values]:
        return {_RUNNING: reading.at_start[_RUNNING]}

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        """Have systemd run it, or not, as the files on disk say."""
        from registry_host.registry.health import START_TIMEOUT_S, start, stop
        from registry_host.services.activated import Activated

        limit_s = START_TIMEOUT_S if timeout_s is None else timeout_s
        is_installed = host.exists(self._unit_path)
        (start if is_installed else stop)(host, self._instance, limit_s=limit_s)
        return Activated({_RUNNING: ('yes',) if is_installed else ()})

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterable[Finding]:
        detail = 'does not run'
        if host.exists(self._unit_path):
            detail = f'answers: {", ".join(addresses_of(host, self._instance))}'
        host.progress.prove(Proof('live', self.name, detail=detail))
        return ()

    def look(self, host: Host) -> Mapping[str, Values] | None:
        return self._look(host).live

    def cure(self, host: Host) -> str:
        return self.by_hand

    def failure(self, err: OSError | RegistryHostError) -> OSError | RegistryHostError:
        if isinstance(err, EngineError):
            return ApplyError(*err.problems)
        return err

    def pending(self, allowed: Allowed, *, is_repeatable: bool) -> Finding:
        raise NotImplementedError('a registry is started at once')
