"""Both ends of a copy, looked at before the first byte."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.environment import proxies_in
from registry_host.engine.find import EngineFacts, look_at_engine
from registry_host.engine.route import Route, insecure_of, planned_route, route_of
from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    listed,
    place_of,
    quoted,
    reported,
)
from registry_host.host.concurrency import ask_all
from registry_host.jsonfile import jsontext
from registry_host.namedtuples import NamedTuple
from registry_host.registry import entrance
from registry_host.registry.client import Registry
from registry_host.registry.reaching import HUB, Reached, reach
from registry_host.registry.storedlogins import find_login
from registry_host.settings.areas import HTTP_PROXY, HTTPS_PROXY, NO_PROXY
from registry_host.settings.proxies import check_no_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from registry_host.engine.clientlogins import StoredLogin
    from registry_host.host.host import Host
    from registry_host.registry.landing import Destination, Landing

_DEADLINE_S = 90.0
_TOLD_AFTER_S = 5.0


class Ends(NamedTuple):
    """The registries of a copy, by the name that images have.

    Of `origins`, those that cannot be used are Problems; the destination is there too.
    `findings` tells of logins that could not be read.
    """

    engine: EngineFacts
    destination: Registry
    origins: Mapping[str, Registry | Problem]
    findings: tuple[Finding, ...] = ()

    def close(self) -> None:
        """End the connections to all of them."""
        for each in self.origins.values():
            if isinstance(each, Registry):
                each.close()

    def origin(self, domain: str) -> Registry:
        """The registry of images that were found to be copied."""
        found = self.origins[domain]
        if isinstance(found, Problem):
            raise TypeError(domain)
        return found


def reach_ends(
    host: Host,
    landings: Sequence[Landing],
    destination: Destination,
    *,
    told: Callable[[str], None],
    stop: threading.Event,
) -> Ends | Problem:
    """Ask each registry what it is, with the login that there is for it.

    A Problem is why nothing can be copied to the destination.
    """
    engine = look_at_engine(host)
    route = way_of(host, engine)
    domains = {destination.domain, *(each.source.domain for each in landings)}
    silent = set(domains)
    unread: dict[str, Problem] = {}
    jobs = {
        each: partial(_reach, host, route, each, silent, unread) for each in domains
    }
    # After a while, progress shows what takes so long.
    timer = threading.Timer(_TOLD_AFTER_S, _tell, (silent, told))
    timer.daemon = True
    timer.start()
    try:
        found = ask_all(jobs, deadline_s=_DEADLINE_S, crashed=_crashed)
    finally:
        timer.cancel()
        timer.join()
    registries: dict[str, Registry | Problem] = {}
    for domain in domains:
        reached = found.get(domain) or _late(domain)
        registries[domain] = reached.problem or _missing(domain)
        if reached.server is not None:
            registries[domain] = Registry(
                reached.server, name=domain, told=told, stop=stop
            )
    target = registries[destination.domain]
    if isinstance(target, Problem):
        return target
    if target.server.challenge is not None and target.server.login is None:
        if target.name in unread:
            return unread[target.name]
        message = 'asks for a login, and docker login has stored none for it'
        hint = f'docker login {quoted(target.name)}'
        return Problem('copy-login', message, target.name, hint)
    return Ends(engine, target, registries, tuple(_without_login(registries, unread)))


def way_of(host: Host, engine: EngineFacts) -> Route:
    """Go as the engine of this host does, or will once it runs.

    Without one, insecure registries are those that daemon.json lists all the same, and
    proxies those of the environment, as for every other program.
    """
    try:
        daemon = DaemonJson.read(host.read(engine.config_path))
    except ConfigError:  # The engine does not start with it, and doctor says so.
        daemon = DaemonJson(jsontext.read(b'{}'))
    if engine.info is not None:
        return route_of(host, engine, daemon)
    if engine.state != 'absent':
        return planned_route(host, engine, daemon)
    found = proxies_in(host.environ)
    no_proxy = found.get(NO_PROXY, '')
    return Route(
        insecure=insecure_of(engine, daemon),
        http_proxy=found.get(HTTP_PROXY, ''),
        https_proxy=found.get(HTTPS_PROXY, ''),
        no_proxy=check_no_proxy(no_proxy).value if no_proxy else None,
    )


def _reach(
    host: Host,
    route: Route,
    domain: str,
    silent: set[str],
    unread: dict[str, Problem],
) -> Reached:
    try:
        return reach(host, route, domain, _login(host, domain, unread))
    finally:
        silent.discard(domain)


def _login(host: Host, domain: str, unread: dict[str, Problem]) -> StoredLogin | None:
    """Find the login for a registry; like docker, go on without one that is unreadable.

    Source: docker/cli cli/command/registry.go ResolveAuthConfig (20.10 to 28.5).
    """
    try:
        return find_login(host, domain)
    except ConfigError as err:
        unread[domain] = err.problems[0]
        return None


def _without_login(
    registries: Mapping[str, Registry | Problem], unread: Mapping[str, Problem]
) -> Iterator[Finding]:
    """Warn of registries that ask for a login where it could not be read."""
    by_problem: dict[Problem, list[str]] = {}
    for domain, problem in sorted(unread.items()):
        registry = registries[domain]
        if isinstance(registry, Registry) and registry.server.challenge is not None:
            by_problem.setdefault(problem, []).append(domain)
    for problem, domains in by_problem.items():
        message = f'{problem.message}; asked without a login: {listed(domains)}'
        yield Finding.of(problem._replace(message=message), 'warning')


def _tell(silent: set[str], told: Callable[[str], None]) -> None:
    if names := sorted(silent):
        told(f'waiting for {listed(names)}')


def _crashed(domain: str, err: Exception) -> Reached:
    message = f'could not be asked, by a bug in registry-host: {place_of(err)}'
    return Reached(problem=Problem('copy-crashed', *reported(message)).at(domain))


def _late(domain: str) -> Reached:
    message = f'did not answer within {_DEADLINE_S:.0f} s'
    return Reached(problem=Problem('copy-unreachable', message, domain))


def _missing(domain: str) -> Problem:
    return Problem('copy-unreachable', 'did not answer', domain)


def role_findings(target: Registry, path: str) -> tuple[Finding, ...] | Problem:
    """Ask whether a registry takes pushes to a repository; a Problem if it does not.

    It is sent a manifest that it refuses: see roles.py.
    """
    if target.name == HUB:
        return ()
    judged = entrance.role_of(target.server, path)
    if judged.role == 'cache':
        message = 'is a pull-through cache, and takes no pushes'
        return Problem('copy-cache', message, target.name)
    if judged.role == 'read-only':
        message = 'is read-only, and takes no pushes (storage.maintenance.readonly)'
        return Problem('copy-read-only', message, target.name)
    if judged.status == 405:
        # Of which kind it is or not: docker asks again for over a minute.
        message = 'takes no pushes (it answers 405 Method Not Allowed)'
        return Problem('copy-refused', message, target.name)
    return judged.findings
