"""The checks: each a pure function over what was observed. Their names are an API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from registry_host import directives
from registry_host.doctor.observations import Config, Observed
from registry_host.engine import expected_lists
from registry_host.enginekeys import OLDEST, show_version
from registry_host.errors import Problem, quoted
from registry_host.host import RESOLV_CONF, give_back
from registry_host.names.owner import UNITS, Ownership
from registry_host.names.steps import steps
from registry_host.names.traps import FATAL, Trap, traps
from registry_host.plan import Finding
from registry_host.redact import redact
from registry_host.settings import INSECURE, MIRRORS
from registry_host.targets.docker_config import problems_of, shadowed_proxies
from registry_host.targets.docker_daemon import (
    list_of,
    placed,
    proxy_texts,
    readable_password,
    unverified_hub,
)
from registry_host.urls import check_insecure_registry, check_mirror

Findings = Iterable[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    title: str
    run: Callable[[Observed], Findings]


CHECKS: dict[str, Check] = {}


def check(
    name: str, title: str
) -> Callable[[Callable[[Observed], Findings]], Callable[[Observed], Findings]]:
    """Register a check under its name."""

    def register(
        run: Callable[[Observed], Findings],
    ) -> Callable[[Observed], Findings]:
        CHECKS[name] = Check(name=name, title=title, run=run)
        return run

    return register


def _finding(
    name: str,
    severity: str,
    message: str,
    *remedy: str,
    path: str | None = None,
) -> Finding:
    return Finding(
        check=name, severity=severity, message=message, path=path, remedy=remedy
    )


def _of_problem(name: str, severity: str, problem: Problem, path: str) -> Finding:
    remedy = (problem.hint,) if problem.hint else ()
    return _finding(name, severity, str(problem), *remedy, path=path)


def _skipped(name: str, why: str) -> Finding:
    return _finding(name, 'skipped', why)


def _or_ok(findings: Findings, name: str, message: str) -> Iterator[Finding]:
    """Say that all is well where nothing else was said."""
    is_well = True
    for finding in findings:
        is_well = False
        yield finding
    if is_well:
        yield _finding(name, 'ok', message)


# Earlier runs


@check('unfinished-run', 'no earlier run was cut short, nor waits for approval')
def _unfinished_run(seen: Observed) -> Findings:
    name = 'unfinished-run'
    if seen.facts.is_live and not seen.facts.is_root:
        yield _skipped(name, 'only root may see what earlier runs left')
        return
    yield from _or_ok(seen.unfinished, name, 'every earlier run has ended')


# The engine


@check('engine-state', 'the engine runs and answers')
def _engine_state(seen: Observed) -> Findings:
    name, engine = 'engine-state', seen.facts.engine
    version = show_version(engine.version) if engine.version else '(version unknown)'
    if engine.state == 'running':
        kind = '' if engine.packaging == 'system' else f', {engine.packaging}'
        message = f'Docker {version} answers at {engine.socket_path}{kind}'
        yield _finding(name, 'ok', message)
    elif engine.state == 'unreachable' and engine.problem:
        is_denied = engine.problem.code == 'engine-permission'
        severity = 'skipped' if is_denied else 'error'
        yield _of_problem(name, severity, engine.problem, engine.socket_path)
    elif engine.state == 'stopped':
        unit = engine.unit or 'docker.service'
        yield _finding(
            name,
            'error',
            f'Docker {version} is installed, and does not run',
            f'systemctl status {unit}',
            f'systemctl reset-failed {unit} && systemctl start {unit}',
        )
    elif engine.state == 'absent':
        message = 'no Docker engine is installed, nor running'
        yield _finding(name, 'warning', message, 'apt-get install docker.io')
    else:
        yield _skipped(name, 'a root folder has no engine to ask')


@check('engine-version', 'the engine is one that this tool knows')
def _engine_version(seen: Observed) -> Findings:
    name, version = 'engine-version', seen.facts.engine.version
    if version is None:
        yield _skipped(name, 'the version of the engine is not known')
    elif version < OLDEST:
        message = f'Docker {show_version(version)} is older than {show_version(OLDEST)}'
        yield _finding(name, 'error', message, 'upgrade Docker')
    else:
        yield _finding(name, 'ok', f'Docker {show_version(version)} is known')


# daemon.json


@check('daemon-json', 'daemon.json can be read and parsed')
def _daemon_json(seen: Observed) -> Findings:
    name, daemon = 'daemon-json', seen.daemon
    if daemon.problem:
        yield _of_problem(name, 'error', daemon.problem, daemon.path)
    elif not daemon.is_present:
        yield _finding(name, 'ok', f'{daemon.path} does not exist: all is default')
    else:
        yield _finding(name, 'ok', f'{daemon.path} parses', path=daemon.path)


@check('daemon-json-keys', 'daemon.json holds only what this engine takes')
def _daemon_json_keys(seen: Observed) -> Findings:
    name, daemon = 'daemon-json-keys', seen.daemon
    if daemon.document is None:
        yield _skipped(name, f'{daemon.path} could not be read')
        return
    if not daemon.is_present:
        yield _finding(name, 'ok', f'{daemon.path} does not exist: no key is wrong')
        return
    problems = directives.lint(daemon.document, seen.facts.engine.version)
    yield from _or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'every key of {daemon.path} is one that the engine takes',
    )


@check('daemon-json-flags', 'no directive is given as a flag too')
def _daemon_json_flags(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-flags', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield _skipped(name, f'{daemon.path} could not be read')
        return
    if not engine.flags_origin:
        yield _skipped(name, 'the flags of the engine are not known')
        return
    problems = directives.conflicts(daemon.document, engine.flags)
    yield from _or_ok(
        _daemon_problems(name, 'error', daemon, problems),
        name,
        f'nothing in {daemon.path} is in {engine.flags_origin} too',
    )


@check('daemon-json-hazards', 'nothing in daemon.json makes a reload do harm')
def _daemon_json_hazards(seen: Observed) -> Findings:
    name, daemon, engine = 'daemon-json-hazards', seen.daemon, seen.facts.engine
    if daemon.document is None:
        yield _skipped(name, f'{daemon.path} could not be read')
        return
    problems = directives.warnings(daemon.document, engine.version, engine.flags)
    yield from _or_ok(
        _daemon_problems(name, 'warning', daemon, problems),
        name,
        'a reload changes nothing but what the file says',
    )


def _daemon_problems(
    name: str, severity: str, daemon: Config, problems: Iterable[Problem]
) -> Findings:
    for problem in problems:
        yield _of_problem(name, severity, placed(problem, daemon.path), daemon.path)


# Mirrors


@check('mirror-rules', 'each registry mirror is a root address')
def _mirror_rules(seen: Observed) -> Findings:
    name = 'mirror-rules'
    entries = seen.entries(MIRRORS)
    if not entries:
        message = 'no registry mirror is set'
        yield _finding(name, 'info', message, f'{_CONFIGURE} --registry-mirror URL')
        return
    for index, text in enumerate(entries):
        place = seen.where(MIRRORS, index)
        checked = check_mirror(text)
        for problem in checked.errors:
            yield _of_problem(name, 'error', problem.at(place), seen.daemon.path)
        for problem in checked.warnings:
            yield _of_problem(name, 'warning', problem.at(place), seen.daemon.path)
        if not checked.errors and not checked.warnings:
            yield _finding(name, 'ok', f'{checked.input} is a root address')


_CONFIGURE = 'sudo registry-host configure'


@check('mirror-reachable', 'each registry mirror answers as a registry')
def _mirror_reachable(seen: Observed) -> Findings:
    name = 'mirror-reachable'
    for mirror in seen.mirrors:
        probe = seen.probes.get(mirror)
        if probe is None:
            yield _finding(name, 'error', f'{mirror} did not answer in time')
        elif probe.problem and probe.problem.code == 'mirror-unresolved':
            yield _skipped(name, f'{mirror}: its name does not resolve')
        elif probe.problem:
            path = seen.daemon.path
            yield _of_problem(name, 'error', probe.problem, path)
        else:
            message = f'{mirror} answers as a registry ({probe.elapsed_ms} ms)'
            yield _finding(name, 'ok', message)


def _other_nameserver(name: str, host: str, ownership: Ownership) -> Finding:
    """Tell how this host gets another nameserver, for each host has its own way."""
    return _finding(
        name,
        'info',
        f'to have this host ask a nameserver that knows {host} (NAMESERVER below)',
        *steps(ownership, 'NAMESERVER'),
        path=ownership.target,
    )


@check('mirror-resolves', 'each nameserver knows the name of each registry mirror')
def _mirror_resolves(seen: Observed) -> Findings:
    name = 'mirror-resolves'
    hosts = dict.fromkeys(m.host for m in seen.mirrors if not m.is_ip)
    for host in hosts:
        is_resolved = bool(seen.addresses.get(host))
        severity = 'warning' if is_resolved else 'error'
        is_known_by_all = True
        for server in seen.nameservers:
            lookup = seen.lookups.get((host, server))
            failure = lookup.failure if lookup else 'no answer in time'
            if failure:
                is_known_by_all = False
                message = f'nameserver {server} does not resolve {host}: {failure}'
                remedy = f'is the name right? If so, replace the nameserver {server}'
                yield _finding(name, severity, message, remedy)
        if not is_resolved and seen.ownership is not None:
            yield _other_nameserver(name, host, seen.ownership)
        if is_resolved and is_known_by_all:
            shown = ', '.join(seen.addresses[host])
            yield _finding(name, 'ok', f'{host} resolves to {shown}')
        elif not is_resolved and is_known_by_all:
            message = f'{host} does not resolve on this host'
            yield _finding(name, 'error', message, f'getent ahosts {host}')


@check('resolv-conf', 'every reader of /etc/resolv.conf sees the same in it')
def _resolv_conf(seen: Observed) -> Findings:
    name = 'resolv-conf'
    if seen.resolv_conf is None:
        yield _skipped(name, f'{RESOLV_CONF} cannot be read')
        return
    yield from _or_ok(
        (_trapped(name, trap) for trap in traps(seen.resolv_conf, seen.interfaces)),
        name,
        f'glibc, musl and Go see the same in {RESOLV_CONF}',
    )


def _trapped(name: str, trap: Trap) -> Finding:
    severity = 'error' if trap.code in FATAL else 'warning'
    message = f'{RESOLV_CONF}:{trap.line}: {trap.message}'
    return _finding(name, severity, message, path=RESOLV_CONF)


@check('nameserver-owner', 'what writes /etc/resolv.conf is known, and is there')
def _nameserver_owner(seen: Observed) -> Findings:
    name, owned = 'nameserver-owner', seen.ownership
    if owned is None:
        yield _finding(
            name, 'error', f'{RESOLV_CONF} cannot be read', f'ls -l {RESOLV_CONF}'
        )
        return
    message = f'{RESOLV_CONF}: {owned.title}: {"; ".join(owned.evidence)}'
    if owned.is_active is False:
        message += '; so nobody keeps it up to date'
        unit = UNITS.get(owned.owner)
        remedy = (f'systemctl status {unit}',) if unit else ()
        yield _finding(name, 'warning', message, *remedy)
    elif owned.rivals:
        message += f'; but {" and ".join(owned.rivals)} will write over it'
        yield _finding(name, 'warning', message)
    else:
        yield _finding(name, 'ok', message)


@check('hub-verification', 'Docker Hub is contacted with its certificate verified')
def _hub_verification(seen: Observed) -> Findings:
    name = 'hub-verification'
    if seen.facts.engine.info is None:
        yield _skipped(name, 'the engine could not be asked for its image store')
        return
    problems = unverified_hub(
        seen.entries(MIRRORS), seen.entries(INSECURE), seen.facts.engine
    )
    yield from _or_ok(
        (_of_problem(name, 'warning', p, seen.daemon.path) for p in problems),
        name,
        'no mirror switches off TLS verification of Docker Hub',
    )


# Insecure registries


@check('insecure-rules', 'each insecure registry is a host, host:port or CIDR')
def _insecure_rules(seen: Observed) -> Findings:
    name = 'insecure-rules'
    for index, text in enumerate(seen.entries(INSECURE)):
        place = seen.where(INSECURE, index)
        checked = check_insecure_registry(text)
        for problem in checked.errors:
            yield _of_problem(name, 'error', problem.at(place), seen.daemon.path)
        for problem in checked.warnings:
            yield _of_problem(name, 'warning', problem.at(place), seen.daemon.path)
        if not checked.errors and not checked.warnings:
            yield _finding(name, 'ok', f'{checked.input} is a registry')


@check('insecure-unmatched', 'each insecure registry covers the ports it is meant for')
def _insecure_unmatched(seen: Observed) -> Findings:
    name = 'insecure-unmatched'
    for index, text in enumerate(seen.entries(INSECURE)):
        registry = check_insecure_registry(text).value
        if registry is None or registry.is_cidr or registry.port is not None:
            continue
        for mirror in seen.mirrors:
            if mirror.host == registry.host and mirror.port is not None:
                place = seen.where(INSECURE, index)
                yield _finding(
                    name,
                    'warning',
                    f'{place}: {registry} does not cover {mirror.endpoint}: '
                    'an entry without a port stands for the default ports alone',
                    f'{_CONFIGURE} --insecure-registry {mirror.endpoint}',
                    path=seen.daemon.path,
                )


# What the engine uses now


@check('live-lists', 'the live engine uses what daemon.json says')
def _live_lists(seen: Observed) -> Findings:
    name, info = 'live-lists', seen.facts.engine.info
    document = seen.daemon.document
    if info is None or document is None:
        yield _skipped(name, 'the engine or its daemon.json could not be read')
        return
    lists = (list_of(document, MIRRORS), list_of(document, INSECURE))
    expected = expected_lists(*lists, seen.facts.engine.version)
    differing = []
    if expected.mirrors is not None and expected.mirrors != info.lists.mirrors:
        live = ', '.join(info.lists.mirrors or ()) or 'none'
        differing.append(f'{MIRRORS} (live: {live})')
    if expected.insecure is not None and expected.insecure != info.lists.insecure:
        live = ', '.join(sorted(entry for _, entry in info.lists.insecure or ()))
        differing.append(f'{INSECURE} (live: {live})')
    if differing:
        message = f'the engine does not use what {seen.daemon.path} says: '
        yield _finding(
            name, 'error', message + '; '.join(differing), 'sudo registry-host reload'
        )
    else:
        yield _finding(name, 'ok', f'the engine uses what {seen.daemon.path} says')


@check('live-proxies', 'the live engine uses the proxies that daemon.json names')
def _live_proxies(seen: Observed) -> Findings:
    name, info = 'live-proxies', seen.facts.engine.info
    document = seen.daemon.document
    if info is None or document is None:
        yield _skipped(name, 'the engine or its daemon.json could not be read')
        return
    live = dict(info.live.proxies)
    named = proxy_texts(document)
    differing = [area for area, text in named.items() if live[area] != redact(text)]
    if differing:
        unit = seen.facts.engine.unit or 'docker.service'
        yield _finding(
            name,
            'warning',
            f'the engine does not use {", ".join(differing)} of {seen.daemon.path}: '
            'it reads proxies when it starts',
            f'systemctl restart {unit}  (stops containers, unless live-restore is on)',
        )
    else:
        yield _finding(name, 'ok', 'the engine uses the proxies that its file names')


@check('proxy-password', "a proxy's password in daemon.json is root's alone")
def _proxy_password(seen: Observed) -> Findings:
    name, daemon = 'proxy-password', seen.daemon
    if daemon.document is None or daemon.state is None:
        yield _skipped(name, f'{daemon.path} could not be read')
        return
    yield from _or_ok(
        readable_password(daemon.state, daemon.document, name),
        name,
        f'no password in {daemon.path} is readable by others',
    )


# The users' config.json


@check('client-config', "each user's config.json can be read by docker")
def _client_config(seen: Observed) -> Findings:
    name = 'client-config'
    for client in seen.clients:
        if client.problem:
            yield _of_problem(name, 'error', client.problem, client.path)
        elif not client.is_present:
            yield _finding(name, 'ok', f'{client.path} does not exist: all is default')
        elif client.document is not None:
            wrong = problems_of(client.document, client.path)
            shadowed = tuple(shadowed_proxies(client.document, client.path))
            for problem in wrong:
                yield _of_problem(name, 'error', problem, client.path)
            for problem in shadowed:
                yield _of_problem(name, 'warning', problem, client.path)
            if not wrong and not shadowed:
                message = f'{client.path} is one that docker loads'
                yield _finding(name, 'ok', message, path=client.path)


@check('client-config-mode', "each user's config.json is the user's alone")
def _client_config_mode(seen: Observed) -> Findings:
    name = 'client-config-mode'
    for client in seen.clients:
        state, user = client.state, client.user
        if state is None or state.content is None or user is None:
            continue
        if state.uid != user.uid:
            yield _finding(
                name,
                'error',
                f'{client.path} belongs to uid {state.uid}, not to {user.name}',
                give_back(client.path, user),
                path=client.path,
            )
        document = client.document
        has_auths = document is not None and bool(document.get('auths'))
        if has_auths and state.mode & 0o077:
            # As the user, for root would follow a link of theirs.
            become = f'sudo -u {user.name} ' if user.uid else ''
            yield _finding(
                name,
                'warning',
                f'{client.path} holds logins, and others may read it '
                f'(mode {state.mode:04o})',
                f'{become}chmod 600 {quoted(client.path)}',
                path=client.path,
            )


# Drift


@check('drift', 'the host is as its settings file says')
def _drift(seen: Observed) -> Findings:
    name = 'drift'
    for problem in seen.plan_problems:
        yield _of_problem(name, 'error', problem, problem.where)
    if seen.plan is None:
        if not seen.plan_problems:
            yield _skipped(name, 'there is no settings file to hold the host against')
    elif seen.plan.is_empty:
        yield _finding(name, 'ok', 'the host is as its settings file says')
    else:
        paths = ', '.join(change.path for change in seen.plan.pending)
        what = f'{paths} would change' if paths else 'the engine would be reloaded'
        message = f'the host is not as its settings file says: {what}'
        yield _finding(name, 'warning', message, f'{_CONFIGURE} --check --diff')
