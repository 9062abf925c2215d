"""All that the checks look at, gathered once, the slow parts at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from registry_host.doctor.configs import (
    Config,
    look_at_client_configs,
    look_at_config,
)
from registry_host.doctor.lookahead import Ahead, look_ahead
from registry_host.doctor.looking import Look, crash
from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.environment import proxies_of
from registry_host.engine.find import EngineFacts, others_of
from registry_host.engine.route import mirrors_of, route_of
from registry_host.errors import (
    ConfigError,
    Finding,
    Problem,
    RegistryHostError,
)
from registry_host.host.concurrency import ask_all
from registry_host.host.filedoor import UNREADABLE
from registry_host.host.locations import RESOLV_CONF
from registry_host.plan.ledger import Ledger, load_ledger
from registry_host.resolver.evidence import gather as look_at_names
from registry_host.resolver.owner import Ownership, decide
from registry_host.resolver.resolvconf import ResolvConf, nameservers, parse, view
from registry_host.services.docker import NAME as DOCKER
from registry_host.services.engine_live import identity_of
from registry_host.services.facts import Facts, gather
from registry_host.settings.areas import INSECURE
from registry_host.settings.asked import DEFAULT_FILES, read_asked
from registry_host.settings.insecure import spelled
from registry_host.settings.model import NOTHING_ASKED
from registry_host.targets.planning import plan_asked
from registry_host.transaction.lock import state_problems, unfinished
from registry_host.transaction.unproved import load as load_unproved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from registry_host.engine.running import Running
    from registry_host.host.host import Host
    from registry_host.host.records import Lookup
    from registry_host.plan.changes import Plan
    from registry_host.registry.insecure_probe import Found
    from registry_host.registry.probe import Probe
    from registry_host.settings.images import Image
    from registry_host.settings.insecure import Registry
    from registry_host.settings.mirrors import Mirror
    from registry_host.transaction.unproved import Unproved

DEADLINE_S = 5.0
LOOKUP_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen. A question without an answer in time is not in its mapping.

    `ledger` is None if it could not be read. `due` names settings that the engine takes
    up only when it has restarted. `addresses` are those of the names of mirrors; of
    Docker Hub where there are none, and no nameserver in resolv.conf.
    """

    facts: Facts
    daemon: Config
    ledger: Ledger | None = Ledger()  # noqa: RUF009 - it does not change
    ledger_problems: tuple[Problem, ...] = ()
    daemon_json: DaemonJson | None = None
    clients: tuple[Config, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    image: Image | None = None
    resolv_conf: ResolvConf | None = None
    has_resolv_conf: bool = True
    interfaces: tuple[str, ...] | None = None
    probes: Mapping[Mirror, Probe] = field(default_factory=dict)
    insecure: Mapping[Registry, Found] = field(default_factory=dict)
    lookups: Mapping[tuple[str, str], Lookup] = field(default_factory=dict)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ownership: Ownership | None = None
    unfinished: tuple[Finding, ...] = ()
    due: tuple[str, ...] = ()
    unproved: Unproved | None = None
    ahead: Ahead = Ahead()  # noqa: RUF009 - it does not change
    plan: Plan | None = None
    plan_problems: tuple[Problem, ...] = ()
    crashes: tuple[Finding, ...] = ()

    @property
    def nameservers(self) -> tuple[str, ...]:
        """Those that the C library asks, which is what most programs do."""
        if self.resolv_conf is None:
            return ()
        return view(self.resolv_conf, 'glibc', self.interfaces).nameservers

    @property
    def names_nameserver(self) -> bool:
        """Whether resolv.conf names one: without, programs ask the loopback address."""
        conf = self.resolv_conf
        return conf is not None and any(nameservers(conf, 'glibc', self.interfaces))

    @property
    def is_denied(self) -> bool:
        """Whether the engine, or its file, is there and only root may see it."""
        problems = (self.facts.engine.problem, self.daemon.problem)
        codes = {problem.code for problem in problems if problem}
        return self.lacks_root and bool(codes & {'engine-permission', UNREADABLE})

    @property
    def lacks_root(self) -> bool:
        return self.facts.is_live and not self.facts.is_root

    def entries(self, area: str) -> tuple[str, ...]:
        return tuple(text for _, text in self.numbered_entries(area))

    def numbered_entries(self, area: str) -> tuple[tuple[int, str], ...]:
        """Give each entry that is a string, after its place in the list, from 0."""
        found = self.daemon.document.get(area) if self.daemon.document else ()
        values = found if isinstance(found, list) else ()
        return tuple(
            (n, text) for n, text in enumerate(values) if isinstance(text, str)
        )

    def addresses_of(self, name: str) -> tuple[str, ...]:
        return self.addresses.get(name, ())

    def where(self, area: str, index: int) -> str:
        """Give the file, line and column of one entry."""
        document = self.daemon.document
        place = document.where(area, index) if document else ''
        return f'{self.daemon.path}:{place}'


def observe(host: Host) -> Observed:
    """Look at the host and ask its registries and nameservers; nothing is written."""
    look = Look()
    no_ledger: tuple[Ledger | None, tuple[Problem, ...]] = None, ()
    ledger, ledger_problems = look('the ledger', _ledger, no_ledger, host)
    known = ledger or Ledger()
    nothing = Facts(host.is_live, host.is_root, EngineFacts('unknown'), (), {})
    facts = look('the engine', gather, nothing, host, NOTHING_ASKED, known)
    if facts.is_live:
        none: tuple[Running, ...] = ()
        others = look('other engines', others_of, none, host, facts.engine)
        facts = facts._replace(engine=facts.engine._replace(others=others))
        nowhere: Mapping[str, str] = {}
        found = look('proxies', proxies_of, nowhere, host, facts.engine)
        facts = facts._replace(environment=found)
    path, user = facts.engine.config_path, facts.engine.user
    daemon = look('daemon.json', look_at_config, Config(path=path), host, path, user)
    ahead = look(
        'the next start', look_ahead, Ahead(), host, facts.engine, daemon.document
    )
    no_plan: tuple[Plan | None, tuple[Problem, ...]] = None, ()
    plan, plan_problems = look('the settings file', _plan, no_plan, host)
    seen = Observed(
        facts=facts,
        daemon=daemon,
        ledger=ledger,
        ledger_problems=ledger_problems,
        daemon_json=DaemonJson(daemon.document) if daemon.document else None,
        clients=tuple(look('config.json', look_at_client_configs, [], host, facts)),
        resolv_conf=look('resolv.conf', _resolv_conf, None, host),
        has_resolv_conf=look('resolv.conf', host.exists, True, RESOLV_CONF),
        interfaces=host.names('/sys/class/net') if facts.is_live else None,
        ownership=look('the DNS manager', _ownership, None, host),
        unfinished=look('earlier runs', _earlier_runs, (), host),
        unproved=look('proofs', load_unproved, None, host),
        due=look('restarts that were put off', _due, (), host, facts, known),
        ahead=ahead,
        plan=plan,
        plan_problems=plan_problems,
    )
    if facts.is_live:
        seen = look('registries and nameservers', _ask, seen, host, seen)
    return replace(seen, crashes=(*seen.crashes, *look.crashes))


def _earlier_runs(host: Host) -> tuple[Finding, ...]:
    return (*unfinished(host), *state_problems(host))


def _due(host: Host, facts: Facts, ledger: Ledger) -> tuple[str, ...]:
    """Name what the engine that runs has not read, since a restart was put off."""
    started = ledger.started_of(DOCKER)
    if started is None or started.identity != identity_of(host, facts.engine):
        return ()
    return tuple(started.at_start)


def _ledger(host: Host) -> tuple[Ledger | None, tuple[Problem, ...]]:
    try:
        return load_ledger(host)[0], ()
    except ConfigError as err:
        return None, err.problems


def _resolv_conf(host: Host) -> ResolvConf | None:
    try:
        return parse(host.read(RESOLV_CONF).content or b'')
    except ConfigError:
        return None


def _ownership(host: Host) -> Ownership | None:
    try:
        return decide(look_at_names(host))
    except ConfigError:
        return None


def _plan(host: Host) -> tuple[Plan | None, tuple[Problem, ...]]:
    """Plan what `configure` would do now: doctor has no second way to know it."""
    if not any(host.exists(path) for path in DEFAULT_FILES):
        return None, ()
    try:
        return plan_asked(host, read_asked(host, file=None, flags={})).plan, ()
    except RegistryHostError as err:
        return None, err.problems


def _ask(host: Host, seen: Observed) -> Observed:
    """Ask all mirrors and all nameservers at once, under the one deadline."""
    from registry_host.engine.pulls import probe_image
    from registry_host.registry import insecure_probe
    from registry_host.registry.probe import crashed as probe_crashed
    from registry_host.registry.probe import probe_one
    from registry_host.resolver.asking import HUB
    from registry_host.resolver.asking import crashed as lookup_crashed

    daemon, engine = seen.daemon_json, seen.facts.engine
    named = mirrors_of(daemon, engine) if daemon else ()
    mirrors = tuple({mirror.key: mirror for mirror in named}.values())
    names = tuple(dict.fromkeys(m.host for m in mirrors if not m.is_ip))
    if not seen.names_nameserver and not names:
        names = (HUB,)
    listed = map(spelled, seen.entries(INSECURE))
    registries = tuple(dict.fromkeys(r for r in listed if r and not r.is_cidr))
    jobs: dict[Any, Callable[[], Any]] = {}
    image = probe_image(host, engine) if mirrors else None
    if daemon is not None:
        route = route_of(host, engine, daemon)
        for mirror in mirrors:
            jobs['probe', mirror] = partial(probe_one, host, mirror, route, image)
        for registry in registries:
            ask = insecure_probe.ask_insecure
            jobs['insecure', registry] = partial(ask, host, registry, route)
    for name in names:
        jobs['addresses', name] = partial(host.addresses, name)
        for server in seen.nameservers:
            jobs['lookup', (name, server)] = partial(
                host.look_up, name, server, timeout_s=LOOKUP_TIMEOUT_S
            )
    crashes: list[Finding] = []

    def crashed(key: tuple[str, Any], err: Exception) -> Any:
        kind, about = key
        if kind == 'probe':
            return probe_crashed(about, err)
        if kind == 'insecure':
            return insecure_probe.crashed(about, err)
        if kind == 'lookup':
            return lookup_crashed((about[1], about[0]), err)
        crashes.append(crash(f'looking up {about}', err))
        return ()

    answers = ask_all(jobs, deadline_s=DEADLINE_S, crashed=crashed)

    def of_kind(kind: str) -> dict[Any, Any]:
        return {key[1]: value for key, value in answers.items() if key[0] == kind}

    return replace(
        seen,
        mirrors=mirrors,
        image=image,
        probes=of_kind('probe'),
        insecure=of_kind('insecure'),
        lookups=of_kind('lookup'),
        addresses=of_kind('addresses'),
        crashes=(*seen.crashes, *crashes),
    )
