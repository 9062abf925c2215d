"""The Docker engine, as a program that reads daemon.json and resolv.conf."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import LIST_KEYS, DaemonJson
from registry_host.engine.live import LiveLists, expected_lists
from registry_host.engine.route import asked_lists, asked_proxies
from registry_host.errors import ConfigError, EngineError
from registry_host.host.locations import RESOLV_CONF
from registry_host.jsonfile import jsontext
from registry_host.levels import Activation
from registry_host.plan.readings import Reading, Seen, disagreeing
from registry_host.redact import redact
from registry_host.services.engine_live import (
    identity_of,
    lists_of,
    of_lists,
    shown_by,
    words_of,
)
from registry_host.services.engine_unit import OfUnit
from registry_host.settings.areas import ENGINE_DNS, INSECURE, MIRRORS, PROXY_KEYS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from registry_host.engine.find import EngineFacts
    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import FileState
    from registry_host.levels import Allowed, RestartPolicy
    from registry_host.plan.wish import Values
    from registry_host.services.activated import Activated
    from registry_host.services.facts import Facts
    from registry_host.services.service import Description, Service
    from registry_host.services.transition import Checks, Transition
    from registry_host.services.view import View

NAME = 'docker'
NOWHERE: Mapping[str, str] = MappingProxyType({})
# Whether resolv.conf asks systemd-resolved alone. An engine looks once in its life:
# from then on its containers get the nameservers of one file or of the other (moby
# internal/resolvconf/resolvconf_path.go Path, b985e23).
STUB = 'resolv.conf'
STUB_ADDRESS = '127.0.0.53'


def find(host: Host, facts: Facts, paths: Collection[str]) -> tuple[Service, ...]:
    """There is one engine; whatever it reads, it looks up names to pull images."""
    return (Docker(host, facts.engine, facts.environment),)


def named(host: Host, facts: Facts, names: Collection[str]) -> tuple[Service, ...]:
    return find(host, facts, ()) if NAME in names else ()


class Docker(OfUnit):
    """One engine, as far as it could be seen."""

    name = NAME
    title = 'the engine'
    kind = 'engine'
    subject = 'configuration'
    is_vital = True
    is_started = False

    def __init__(
        self,
        host: Host,
        engine: EngineFacts,
        environment: Mapping[str, str] = NOWHERE,
    ) -> None:
        """Look at an engine; `environment` has the proxies of its own, by area."""
        self.engine = engine
        self._environment = environment
        self.seen = Seen(
            state=engine.state,
            identity=identity_of(host, engine),
            live=shown_by(engine.info) if engine.info else None,
        )

    def is_there(self, host: Host) -> bool:
        return self.engine.is_running

    def describe(self) -> Description:
        from registry_host.engine.keys import show_version
        from registry_host.services.service import Description

        version, problem = self.engine.version, self.engine.problem
        title = f'Docker {show_version(version)}' if version else 'Docker'
        why = problem.message if problem else ''
        return Description(title, self.engine.config_path, why)

    def reads(self, path: str) -> bool:
        return path in (self.engine.config_path, RESOLV_CONF)

    def reading(self, view: View) -> Reading:
        """Lists are read at a reload, proxies and nameservers of containers at a start.

        Source: moby daemon/reload.go, daemon/command/daemon.go configureProxyEnv (20.10
        to 29).
        """
        daemon = self._daemon(view)
        lists = {area: daemon.list_of(area) for area in LIST_KEYS}
        proxies = {area: daemon.proxies.get(area) for area in PROXY_KEYS}
        silent = (*_missing(lists), *_missing(proxies))
        return Reading(
            at_start={
                **{area: (text,) if text else () for area, text in proxies.items()},
                ENGINE_DNS: lists.pop(ENGINE_DNS) or (),
                STUB: (STUB_ADDRESS,) if _is_stub_alone(view) else (),
            },
            at_reload={area: values or () for area, values in lists.items()},
            silent=frozenset(silent),
        )

    def _daemon(self, view: View) -> DaemonJson:
        """Parse its config; one that it would not load says nothing."""
        state = view.state(self.engine.config_path, self.engine.user)
        try:
            if state is not None:
                return DaemonJson.read(state)
        except ConfigError:
            pass
        return DaemonJson(jsontext.read(b''))

    def shows(self, reading: Reading) -> Mapping[str, Values]:
        """A reload keeps the value of a key that its file leaves out."""
        lists = {
            area: None if area in reading.silent else values
            for area, values in reading.at_reload.items()
        }
        expected = expected_lists(lists[MIRRORS], lists[INSECURE], self.engine.version)
        proxies = {
            area: (redact(*reading.at_start[area]),)
            for area in PROXY_KEYS
            if area not in reading.silent
        }
        return {**of_lists(expected), **proxies}

    def unasked(self, view: View) -> tuple[str, ...]:
        """A reload keeps lists that the file leaves out: an earlier file had them.

        So it does with all proxies.
        """
        if self.seen.live is None:
            return ()
        daemon = self._daemon(view)
        lists = of_lists(asked_lists(daemon, self.engine))
        proxies = asked_proxies(daemon, self.engine, self._environment)
        expected = {
            **{a: v for a, v in lists.items() if daemon.list_of(a) is None},
            **{
                area: (redact(text),) if text else ()
                for area, text in proxies.items()
                if area not in daemon.proxies
            },
        }
        return disagreeing(expected, self.seen.live)

    def interim(
        self,
        path: str,
        was: FileState,
        made: FileState,
        keeps: Mapping[str, Values] | None,
    ) -> bytes | None:
        """Name lists that the file does not name any more, empty or as they were live.

        A reload keeps the value of a key that its file leaves out (moby
        daemon/reload.go).
        """
        if path != self.engine.config_path:
            return None
        named, names = (DaemonJson.read(state) for state in (was, made))
        dropped = [
            area
            for area in (MIRRORS, INSECURE)
            if named.document.has(area) and not names.document.has(area)
        ]
        if self.seen.live is None or not dropped:
            return None
        lists = lists_of({area: (keeps or {}).get(area, ()) for area in dropped})
        wanted = of_lists(self._with_built_in(lists))
        is_needed = disagreeing(wanted, self.seen.live)
        return names.naming(lists).encode() if is_needed else None

    def _with_built_in(self, lists: LiveLists) -> LiveLists:
        """Add to lists of a file what the engine adds."""
        insecure = lists.insecure
        return expected_lists(
            lists.mirrors,
            None if insecure is None else tuple(name for _, name in insecure),
            self.engine.version,
        )

    def judge(
        self, host: Host, candidates: Mapping[str, FileState], needed: Activation
    ) -> None:
        """Let the engine itself judge the candidate, where it can without starting."""
        engine = self.engine
        if needed >= Activation.RELOAD and engine.state == 'unreachable':
            raise EngineError(*filter(None, [engine.problem]))
        candidate = candidates.get(engine.config_path)
        if candidate is not None and candidate.content is not None:
            from registry_host.services.validating import require_valid

            require_valid(host, engine, candidate, candidate.content)

    def allowed(self, host: Host, needed: Activation, policy: RestartPolicy) -> Allowed:
        from registry_host.services.starting import allowed

        return allowed(host, self.engine, needed, policy)

    def activate(
        self,
        host: Host,
        how: Activation,
        want: Mapping[str, Values],
        transition: Transition,
        timeout_s: float | None,
    ) -> Activated:
        from registry_host.engine.activate import activate
        from registry_host.engine.lifecycle import RELOAD_TIMEOUT_S
        from registry_host.services.activated import Activated

        limit_s = RELOAD_TIMEOUT_S if timeout_s is None else timeout_s
        info = activate(
            host,
            self.engine,
            how,
            is_expected=lambda info: not disagreeing(want, shown_by(info)),
            timeout_s=limit_s,
        )
        return Activated(shown_by(info), words_of(info))

    def look(self, host: Host) -> Mapping[str, Values] | None:
        from registry_host.engine.api import Client

        try:
            return shown_by(Client(host, self.engine.socket_path).info())
        except (OSError, EngineError):
            return None

    def prove(
        self, host: Host, checks: Checks, transition: Transition
    ) -> Iterable[Finding]:
        if not self.seen.is_running:
            return
        if checks.endpoints:
            from registry_host.engine.activate import require_found

            require_found(host, self.engine, checks.endpoints)
        if checks.image is not None:
            from registry_host.services.pulling import prove

            daemon = self._daemon(transition.after)
            yield from prove(host, self.engine, daemon, checks)


def _missing(values: Mapping[str, object]) -> Iterable[str]:
    return (area for area, value in values.items() if value is None)


def _is_stub_alone(view: View) -> bool:
    if not view.is_about(RESOLV_CONF):
        return False
    from registry_host.resolver.resolvconf import parse
    from registry_host.resolver.resolvconf import view as seen

    state = view.state(RESOLV_CONF)
    content = state.content if state else None
    return seen(parse(content or b''), 'go').nameservers == (STUB_ADDRESS,)
