"""Each check of doctor: what it says of a host that is well, of one that is not."""

from __future__ import annotations

import errno
import inspect
import os
import re
from dataclasses import replace

import pytest

from registry_host.doctor.checks import CHECKS
from registry_host.doctor.configs import Config
from registry_host.doctor.lookahead import Ahead
from registry_host.doctor.observations import Observed
from registry_host.engine.answers import Info
from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.find import DAEMON_JSON, EngineFacts
from registry_host.engine.flags import parse_flags
from registry_host.engine.live import LiveLists
from registry_host.engine.route import Route
from registry_host.engine.running import Running
from registry_host.engine.sockets import Listening
from registry_host.engine.start import Refusal
from registry_host.errors import ConfigError, Finding, Problem, repeat_with
from registry_host.host.filedoor import unreadable
from registry_host.host.host import Host
from registry_host.host.locations import (
    JOURNAL,
    LEDGER,
    LEFT_BEHIND,
    PENDING,
    RESOLV_CONF,
)
from registry_host.host.records import FileState, Lookup, Process, User
from registry_host.host.wire import ConnectionFailed
from registry_host.jsonfile.config import read_json
from registry_host.levels import Activation
from registry_host.plan.changes import Change, Plan
from registry_host.plan.ledger import Applied, Ledger, damaged
from registry_host.plan.readings import Need, Seen
from registry_host.registry.insecure_probe import Found
from registry_host.registry.probe import Probe, probe_one
from registry_host.resolver.owner import Evidence, NetworkManager, decide
from registry_host.resolver.resolvconf import parse
from registry_host.services.facts import Facts
from registry_host.settings.images import Image
from registry_host.settings.insecure import check_insecure_registry
from registry_host.settings.mirrors import check_mirror
from registry_host.transaction.unproved import Unproved

SOCKET = '/var/run/docker.sock'
ORIGIN = 'the command line of process 42'
SETTINGS = '/etc/registry-host/settings.toml'
STUB = '/run/systemd/resolve/stub-resolv.conf'
ALICE = User('alice', 1000, 1000, '/home/alice')
ROOT = User('root', 0, 0, '/root')
CONFIG_JSON = '/home/alice/.docker/config.json'
LOGIN = '{"auths": {"mirror.lab:5000": {"auth": "YWxpY2U6eA=="}}}'
SPOILED = (
    'docker cannot load the file as it is, and empties the logins in it at the next '
    'docker login'
)
HUB = (
    'with the containerd image store this mirror switches off TLS verification of '
    'Docker Hub itself, because '
)


# A host that is well, and how it is made another


def config(path, text, *, mode=0o644, uid=0, user=None):
    """What is observed of a file with this text; of none, where that is None."""
    content = None if text is None else text.encode()
    mode = 0 if content is None else mode
    state = FileState(path, path, content, mode, uid, uid, user)
    found = Config(path=path, user=user, state=state)
    try:
        return replace(found, document=read_json(state, is_first_value=bool(user)))
    except ConfigError as err:
        return replace(found, problem=err.problems[0])


def denied(path, user=None):
    err = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return Config(path=path, user=user, problem=unreadable(path, err, user))


def daemon(text, **more):
    """A daemon.json, and the mirrors that observe() would ask for it."""
    found = config(DAEMON_JSON, text, **more)
    made = DaemonJson(found.document) if found.document else None
    checked = (check_mirror(text).value for text in (made and made.mirrors) or ())
    mirrors = tuple(mirror for mirror in checked if mirror)
    return {'daemon': found, 'daemon_json': made, 'mirrors': mirrors}


NO_JSON = daemon('{')
NO_DAEMON_JSON = {'daemon': denied(DAEMON_JSON), 'daemon_json': None, 'mirrors': ()}


def client(text, *, uid=1000, user=ALICE, mode=0o600):
    path = f'{user.home}/.docker/config.json'
    return {'clients': (config(path, text, mode=mode, uid=uid, user=user),)}


def engine(**changes):
    return {'facts': FACTS._replace(engine=ENGINE._replace(**changes))}


def flags(*words):
    argv = (*ARGV, *words)
    return engine(flags=parse_flags(argv), argv=argv)


def shows(**changes):
    return engine(info=INFO._replace(**changes))


class Cut(Host):
    """A host that reaches no other one."""

    def __init__(self, failure):
        super().__init__()
        self.failure = failure

    def http_get(self, request):
        raise self.failure


def probed(failure):
    return {'probes': {MIRROR: probe_one(Cut(failure), MIRROR, Route())}}


def answered(elapsed_ms, has_image=True, is_cut_off=False, *, mirror=None):
    mirror = mirror or MIRROR
    probe = Probe(
        mirror=mirror,
        problem=None,
        status=200,
        elapsed_ms=elapsed_ms,
        has_image=has_image,
        is_cut_off=is_cut_off,
    )
    return {'probes': {mirror: probe}}


def answered_beside(has_image, is_cut_off):
    """Two mirrors, of which the second has the image."""
    other = check_mirror('http://cache.lab:5000').value
    first = answered(3, has_image, is_cut_off)['probes']
    second = answered(3, mirror=other)['probes']
    return {'mirrors': (MIRROR, other), 'probes': first | second}


def looked_up(*lookups):
    return {'lookups': {(each.name, each.nameserver): each for each in lookups}}


def knows(server):
    return Lookup(name='mirror.lab', nameserver=server, addresses=('192.0.2.7',))


def fails(server, failure):
    return Lookup(name='mirror.lab', nameserver=server, failure=failure)


def resolv(text):
    return {'resolv_conf': parse(text.encode())}


def owned(text=None, **more):
    return {'ownership': decide(Evidence(text=text or SERVERS, **more))}


def planned(*texts, **more):
    """A plan that leaves files as they are, or has them hold each text."""
    states = [config(f'/etc/{n}', 'as it was').state for n in range(len(texts))]
    changes = tuple(
        Change('t', was, was._replace(content=text.encode()))
        for was, text in zip(states, texts, strict=True)
    )
    return {'plan': Plan(changes, **more)}


BUILT_IN = frozenset({('cidr', '127.0.0.0/8'), ('cidr', '::1/128')})
INFO = Info(
    version=(28, 5, 2),
    lists=LiveLists(('http://mirror.lab:5000/',), BUILT_IN),
    http_proxy='',
    https_proxy='',
    no_proxy='',
    is_containerd_store=False,
    is_live_restore=False,
    is_in_swarm=False,
    running_containers=1,
)
ARGV = ('/usr/sbin/dockerd', '-H', 'fd://')
ENGINE = EngineFacts(
    state='running',
    program=ARGV[0],
    pid=42,
    unit='docker.service',
    version=(28, 5, 2),
    flags=parse_flags(ARGV),
    argv=ARGV,
    flags_origin=ORIGIN,
    info=INFO,
)
FACTS = Facts(True, True, ENGINE, users=(ALICE,), former_users={})
MIRROR = check_mirror('http://mirror.lab:5000').value
SERVERS = 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n'
HEALTHY = Observed(
    facts=FACTS,
    interfaces=('eth0', 'lo'),
    addresses={'mirror.lab': ('192.0.2.7', '2001:db8::7')},
    plan=Plan(()),
    image=Image('library/hello-world', 'latest'),
    **daemon('{"registry-mirrors": ["http://mirror.lab:5000"]}'),
    **client('{}'),
    **resolv(SERVERS),
    **owned(),
    **answered(3),
    **looked_up(knows('192.0.2.1'), knows('192.0.2.2')),
)


# What is found, all but the name of the check


def ok(message, *, path=None):
    return Finding('', 'ok', message, path)


def info(message, *remedy, path=None):
    return Finding('', 'info', message, path, remedy)


def skipped(message):
    return Finding('', 'skipped', message)


def warning(message, *remedy, path=None):
    return Finding('', 'warning', message, path, remedy)


def error(message, *remedy, path=None):
    return Finding('', 'error', message, path, remedy)


def needs_root(name, message):
    return skipped(message)._replace(
        remedy=(f'sudo registry-host doctor --only {name}',)
    )


NOT_READ = skipped(f'{DAEMON_JSON} could not be read')
NO_INFO = skipped('the engine or its daemon.json could not be read')


# The tables, in the order of the checks: how the host differs, and what is found


def left(each):
    return {'unfinished': (each._replace(check='unfinished-run'),)}


CUT_SHORT = error(
    'run 3 was cut short, and may be applied in part; the next run rolls it back first',
    'sudo registry-host undo',
    path=JOURNAL,
)
ON_APPROVAL = warning(
    'run 3 is waiting for confirmation, and is undone in 60 s',
    'sudo registry-host confirm',
    path=PENDING,
)
NOT_PUT_BACK = warning(
    f'of run 3, {DAEMON_JSON} could not be put back yet; each run tries'
    ': is there room?',
    f'df -h {DAEMON_JSON}',
    path=LEFT_BEHIND,
)
UNFINISHED_RUN = (
    pytest.param(
        {},
        [ok('no run is recorded as cut short, or as waiting for confirmation')],
        id='none',
    ),
    pytest.param(
        {'facts': FACTS._replace(is_live=False, is_root=False)},
        [ok('no run is recorded as cut short, or as waiting for confirmation')],
        id='in-a-root-folder-without-root',
    ),
    pytest.param(left(CUT_SHORT), [CUT_SHORT], id='cut-short'),
    pytest.param(left(ON_APPROVAL), [ON_APPROVAL], id='on-approval'),
    pytest.param(left(NOT_PUT_BACK), [NOT_PUT_BACK], id='left-behind'),
    pytest.param(
        {'facts': FACTS._replace(is_root=False)},
        [needs_root('unfinished-run', 'only root may see what earlier runs left')],
        id='without-root',
    ),
)


DAMAGED = damaged()
UNREAD_LEDGER = {'ledger': None, 'ledger_problems': (DAMAGED,)}
DENIED_LEDGER = {'ledger': None, 'ledger_problems': (denied(LEDGER).problem,)}
LEDGERS = (
    pytest.param({}, [ok('no managed entry is recorded')], id='none'),
    pytest.param(
        {'ledger': Ledger((Applied('a', '/x', keys={}),))},
        [ok('managed entries are recorded in 1 file')],
        id='one',
    ),
    pytest.param(
        {
            'ledger': Ledger(
                (Applied('a', '/x'), Applied('b', '/x'), Applied('a', '/y'))
            )
        },
        [ok('managed entries are recorded in 2 files')],
        id='two',
    ),
    pytest.param(
        UNREAD_LEDGER,
        [
            error(
                f'{LEDGER}: is damaged, so which entries are managed is not known; '
                'without it, everything in the files counts as foreign',
                DAMAGED.hint,
                path=LEDGER,
            )
        ],
        id='damaged',
    ),
    pytest.param(
        DENIED_LEDGER,
        [
            error(
                f'{LEDGER}: cannot be read (Permission denied)',
                *denied(LEDGER).problem.hint.split('\n'),
                path=LEDGER,
            )
        ],
        id='denied-to-root',
    ),
    pytest.param(
        {**DENIED_LEDGER, 'facts': FACTS._replace(is_root=False)},
        [needs_root('ledger', 'only root may see which entries are managed')],
        id='without-root',
    ),
    pytest.param(
        {**UNREAD_LEDGER, 'facts': FACTS._replace(is_root=False)},
        [
            error(
                f'{LEDGER}: is damaged, so which entries are managed is not known; '
                'without it, everything in the files counts as foreign',
                DAMAGED.hint,
                path=LEDGER,
            )
        ],
        id='damaged-and-without-root',
    ),
)


STOPS = '; a restart stops containers, unless live-restore is on'


def restart(unit='docker.service'):
    return (f'sudo systemctl restart {unit}',)


def put_off(areas, unit):
    return warning(
        f'{areas} was changed, and Docker has not restarted since{STOPS}',
        *restart(unit),
    )


RESTART_PENDING = (
    pytest.param(
        UNREAD_LEDGER,
        [skipped('the ledger, which records it, could not be read')],
        id='ledger-not-readable',
    ),
    pytest.param(
        {}, [ok('no restart of the engine is recorded as put off')], id='none'
    ),
    pytest.param(
        {'due': ('http-proxy', 'engine-dns')},
        [put_off('http-proxy, engine-dns', 'docker.service')],
        id='put-off',
    ),
    pytest.param(
        {'due': ('http-proxy',), **engine(unit='snap.docker.dockerd.service')},
        [put_off('http-proxy', 'snap.docker.dockerd.service')],
        id='put-off-of-another-unit',
    ),
    pytest.param(
        {'facts': FACTS._replace(is_root=False)},
        [needs_root('restart-pending', 'only root may see what earlier runs left')],
        id='not-root',
    ),
)
NOT_PROVED = 'has not proved that pulls work: it was made with --no-probe'
PULLS = (
    pytest.param(
        {}, [ok('no run is recorded as one that could not be proved')], id='none'
    ),
    pytest.param(
        {'unproved': Unproved(7, 'it was made with --no-probe')},
        [warning(f'run 7 {NOT_PROVED}', 'sudo registry-host reload')],
        id='open',
    ),
    pytest.param(
        {'unproved': Unproved(0, 'it was made with --no-probe')},
        [warning(f'an earlier run {NOT_PROVED}', 'sudo registry-host reload')],
        id='open-of-a-run-in-no-history',
    ),
    pytest.param(
        {'facts': FACTS._replace(is_root=False)},
        [needs_root('pulls', 'only root may see what earlier runs left')],
        id='not-root',
    ),
)
UNREACHABLE = Problem(
    code='engine-unreachable',
    where=SOCKET,
    message='dockerd runs, but does not answer here',
    hint='sudo journalctl -u docker.service -n 20',
)
NO_PERMISSION = Problem(
    code='engine-permission',
    where=SOCKET,
    message='permission denied, so the live engine could not be asked',
    hint=repeat_with('sudo'),
)
NO_PROFILE = Refusal(
    Problem(
        code='next-start-refused',
        where='1:2',
        message='"seccomp-profile" names /x, which does not exist: the next start of '
        'the engine fails'
        '; put it there, or take "seccomp-profile" out',
    ),
    sign='seccomp',
)
ENGINE_STATE = (
    pytest.param({}, [ok(f'Docker 28.5.2 answers at {SOCKET}')], id='running'),
    pytest.param(
        engine(packaging='rootless', socket_path='/run/user/1000/docker.sock'),
        [ok('Docker 28.5.2 answers at /run/user/1000/docker.sock, rootless')],
        id='running-rootless',
    ),
    pytest.param(
        engine(version=None),
        [ok(f'Docker (version unknown) answers at {SOCKET}')],
        id='running-and-built-by-hand',
    ),
    pytest.param(
        engine(state='unreachable', info=None, problem=UNREACHABLE),
        [
            error(
                f'{SOCKET}: dockerd runs, but does not answer here',
                'sudo journalctl -u docker.service -n 20',
                path=SOCKET,
            )
        ],
        id='unreachable',
    ),
    pytest.param(
        engine(state='stopped', info=None, unit='docker.service'),
        [
            error(
                'Docker 28.5.2 is installed, but is not running',
                'systemctl status docker.service',
                'sudo systemctl reset-failed docker.service && '
                'sudo systemctl start docker.service',
            )
        ],
        id='stopped',
    ),
    pytest.param(
        engine(state='stopped', info=None, unit='my-docker.service', version=None),
        [
            error(
                'Docker (version unknown) is installed, but is not running',
                'systemctl status my-docker.service',
                'sudo systemctl reset-failed my-docker.service && '
                'sudo systemctl start my-docker.service',
            )
        ],
        id='stopped-under-another-unit',
    ),
    pytest.param(
        engine(state='stopped', info=None, unit=None),
        [
            error(
                'Docker 28.5.2 is installed, but is not running',
                'systemctl status docker.service',
                'sudo systemctl reset-failed docker.service && '
                'sudo systemctl start docker.service',
            )
        ],
        id='stopped-and-no-unit-is-known',
    ),
    pytest.param(
        {
            **engine(state='stopped', info=None, unit='docker.service'),
            'ahead': Ahead((NO_PROFILE,), failure='failed to start daemon: no profile'),
        },
        [
            error(
                'Docker 28.5.2 does not run: its last start failed: failed to start '
                'daemon: no profile',
                'sudo registry-host doctor --only next-start',
                'sudo systemctl reset-failed docker.service && '
                'sudo systemctl start docker.service',
            )
        ],
        id='dead-for-what-is-known',
    ),
    pytest.param(
        {
            **engine(state='stopped', info=None, unit='my-docker.service'),
            'ahead': Ahead(failure='failed to start daemon: bad luck'),
        },
        [
            error(
                'Docker 28.5.2 does not run: its last start failed: failed to start '
                'daemon: bad luck',
                'sudo journalctl -u my-docker.service -n 50',
                'sudo systemctl reset-failed my-docker.service && '
                'sudo systemctl start my-docker.service',
            )
        ],
        id='dead-for-what-is-not-known',
    ),
    pytest.param(
        {**engine(state='stopped', info=None), 'ahead': Ahead((NO_PROFILE,))},
        [
            error(
                'Docker 28.5.2 is installed, but is not running',
                'sudo registry-host doctor --only next-start',
                'sudo systemctl reset-failed docker.service && '
                'sudo systemctl start docker.service',
            )
        ],
        id='stopped-and-would-not-start',
    ),
    pytest.param(
        {
            'facts': FACTS._replace(
                is_root=False, engine=ENGINE._replace(state='stopped', info=None)
            )
        },
        [
            error(
                'Docker 28.5.2 is installed, but is not running; only root may read '
                'why',
                'sudo registry-host doctor --only engine-state',
            )
        ],
        id='stopped-and-not-root',
    ),
    pytest.param(
        {'facts': FACTS._replace(engine=EngineFacts('absent'))},
        [
            warning(
                'no Docker engine is installed or running',
                'sudo apt-get install docker.io',
            )
        ],
        id='absent',
    ),
    pytest.param(
        engine(state='unreachable', info=None, problem=NO_PERMISSION),
        [
            needs_root(
                'engine-state',
                f'{SOCKET}: permission denied, so the live engine could not be asked',
            )
        ],
        id='without-root',
    ),
    pytest.param(
        {'facts': FACTS._replace(engine=EngineFacts('unknown'))},
        [skipped('a root folder has no engine to ask')],
        id='in-a-root-folder',
    ),
)


def other(pid=43, path='/etc/docker/second.json', **changes):
    return Running(
        process=Process(pid=pid, argv=('/usr/sbin/dockerd',), uid=0),
        packaging='system',
        flags={},
        config_path=path,
        listening=Listening('/run/second.sock'),
        **changes,
    )


OTHER_ENGINES = (
    pytest.param({}, [ok('no other engine runs on this host')], id='none'),
    pytest.param(
        engine(others=(other(), other(pid=44, path=DAEMON_JSON, unit='b.service'))),
        [
            info(
                'another engine runs: process 43 (/run/second.sock, reads '
                '/etc/docker/second.json); the engine of process 42 is the one that '
                'registry-host configures',
                path='/etc/docker/second.json',
            ),
            warning(
                'another engine runs: process 44 (b.service, /run/second.sock, reads '
                f'{DAEMON_JSON}); registry-host does not reload it, though it reads '
                'the same file',
                'sudo kill -HUP 44',
                path=DAEMON_JSON,
            ),
        ],
        id='two',
    ),
    pytest.param(
        engine(state='unreachable', info=None, pid=None, others=(other(), other(44))),
        [skipped('it is not known which engine is meant')],
        id='one-of-several',
    ),
    pytest.param(
        {'facts': FACTS._replace(engine=EngineFacts('unknown'))},
        [skipped('a root folder has no engine to ask')],
        id='in-a-root-folder',
    ),
)


ENGINE_VERSION = (
    pytest.param({}, [ok('Docker 28.5.2 is not older than 20.10')], id='known'),
    pytest.param(
        engine(version=(20, 10, 0)),
        [ok('Docker 20.10 is not older than 20.10')],
        id='the-oldest',
    ),
    pytest.param(
        engine(version=(18, 9, 1)),
        [error('Docker 18.9.1 is older than 20.10: upgrade it')],
        id='older',
    ),
    pytest.param(
        engine(version=None),
        [skipped('the version of the engine is not known')],
        id='unknown',
    ),
)


DAEMON = (
    pytest.param(
        {}, [ok(f'{DAEMON_JSON} parses', path=DAEMON_JSON)], id='one-that-parses'
    ),
    pytest.param(daemon(None), [ok(f'{DAEMON_JSON} does not exist')], id='none'),
    pytest.param(
        daemon('{"debug": true,}'),
        [
            error(
                f"{DAEMON_JSON}:1:15: not JSON: a comma before '}}'"
                '; delete the comma on line 1',
                path=DAEMON_JSON,
            )
        ],
        id='not-json',
    ),
    pytest.param(
        NO_DAEMON_JSON,
        [
            error(
                f'{DAEMON_JSON}: cannot be read (Permission denied)',
                repeat_with('sudo'),
                f'sudo namei -l {DAEMON_JSON}',
                path=DAEMON_JSON,
            )
        ],
        id='not-readable',
    ),
    pytest.param(
        {**NO_DAEMON_JSON, 'facts': FACTS._replace(is_root=False)},
        [needs_root('daemon-json', f'only root may read {DAEMON_JSON}')],
        id='of-root-alone',
    ),
)


DAEMON_KEYS = (
    pytest.param(
        {},
        [ok(f'every key of {DAEMON_JSON} is one that Docker 28.5.2 takes')],
        id='all-known',
    ),
    pytest.param(
        {**daemon(None), **engine(version=(20, 10, 24))},
        [ok(f'{DAEMON_JSON} does not exist: it has no key')],
        id='none',
    ),
    pytest.param(
        daemon('{\n"debug": 1,\n"registry-mirror": []}'),
        [
            error(
                f'{DAEMON_JSON}:2:1: "debug" must be true or false, without quotes'
                '; the engine refuses the whole file otherwise',
                path=DAEMON_JSON,
            ),
            error(
                f'{DAEMON_JSON}:3:1: "registry-mirror" is the name of a flag, and is '
                'silently ignored here'
                '; rename it to "registry-mirrors"',
                path=DAEMON_JSON,
            ),
        ],
        id='one-refused-and-one-ignored',
    ),
    pytest.param(
        {**daemon(''), **engine(version=(20, 10, 24))},
        [
            error(
                f'{DAEMON_JSON}: Docker does not start with an empty file before 23.0'
                '; write {} into it, or remove the file',
                path=DAEMON_JSON,
            )
        ],
        id='empty-and-an-old-engine',
    ),
    pytest.param(NO_DAEMON_JSON, [NOT_READ], id='not-readable'),
    pytest.param(
        {**NO_DAEMON_JSON, 'facts': FACTS._replace(is_root=False)},
        [needs_root('daemon-json-keys', f'{DAEMON_JSON} could not be read')],
        id='of-root-alone',
    ),
    pytest.param(
        engine(version=None),
        [ok(f'every key of {DAEMON_JSON} is known to some Docker from 20.10 on')],
        id='version-not-known',
    ),
)


DAEMON_FLAGS = (
    pytest.param(
        daemon(None),
        [ok(f'{DAEMON_JSON} does not exist: it repeats no flag')],
        id='no-file',
    ),
    pytest.param({}, [ok(f'nothing in {DAEMON_JSON} is in {ORIGIN} too')], id='none'),
    pytest.param(
        {**daemon('{"mtu": 1400}'), **flags('--mtu=1500')},
        [
            error(
                f'{DAEMON_JSON}:1:2: "mtu" is also given as the flag --mtu=1500: the '
                'engine refuses what is given twice, even if it is equal'
                '; remove "mtu" from the file, or the flag',
                'sudo systemctl edit --full docker.service',
                path=DAEMON_JSON,
            )
        ],
        id='given-twice',
    ),
    pytest.param(NO_DAEMON_JSON, [NOT_READ], id='not-readable'),
    pytest.param(
        {'facts': FACTS._replace(engine=EngineFacts('absent'))},
        [skipped('the flags of the engine are not known')],
        id='flags-unknown',
    ),
)


STARTS = f'nothing known in {DAEMON_JSON} keeps the engine from starting again'
WOULD_NOT = error(
    f'{DAEMON_JSON}:1:2: {NO_PROFILE.problem.message}',
    path=DAEMON_JSON,
)
NEXT_START = (
    pytest.param({}, [ok(STARTS)], id='nothing-known'),
    pytest.param(
        {'ahead': Ahead(judged='')},
        [ok(f'{STARTS}, and dockerd --validate takes it')],
        id='asked',
    ),
    pytest.param(
        daemon(None),
        [ok(f'{DAEMON_JSON} does not exist: it keeps no engine from starting again')],
        id='no-file',
    ),
    pytest.param({'ahead': Ahead((NO_PROFILE,))}, [WOULD_NOT], id='known'),
    pytest.param(
        {'ahead': Ahead((NO_PROFILE,), judged='no seccomp')},
        [WOULD_NOT],
        id='known-and-told-once',
    ),
    pytest.param(
        {'ahead': Ahead(judged='bad luck')},
        [
            warning(
                f'dockerd --validate refuses {DAEMON_JSON}: bad luck',
                f'sudo dockerd --validate --config-file={DAEMON_JSON}',
                path=DAEMON_JSON,
            )
        ],
        id='known-to-the-engine-alone',
    ),
    pytest.param(
        {**daemon('{"nope": 1}'), 'ahead': Ahead(judged='unknown: nope')},
        [skipped(f'what else is wrong with {DAEMON_JSON} comes first')],
        id='a-reload-fails-too',
    ),
    pytest.param(
        {**daemon('{"registry-mirror": []}'), 'ahead': Ahead(judged='')},
        [ok(f'{STARTS}, and dockerd --validate takes it')],
        id='what-is-read-past',
    ),
    pytest.param(NO_DAEMON_JSON, [NOT_READ], id='not-readable'),
    pytest.param(
        {'facts': FACTS._replace(is_root=False)},
        [needs_root('next-start', 'only root may see all files that the engine reads')],
        id='without-root',
    ),
    pytest.param(
        {'facts': FACTS._replace(is_live=False, engine=EngineFacts('unknown'))},
        [skipped('a root folder has no engine to ask')],
        id='in-a-root-folder',
    ),
)
HARMLESS = 'nothing known to make a reload do harm is in'
DAEMON_HAZARDS = (
    pytest.param({}, [ok(f'{HARMLESS} {DAEMON_JSON} or in {ORIGIN}')], id='none'),
    pytest.param(daemon(None), [ok(f'{HARMLESS} {ORIGIN}')], id='no-file'),
    pytest.param(
        {**daemon(None), **engine(flags_origin='')},
        [skipped(f'{DAEMON_JSON} does not exist, and no flags are known')],
        id='nothing-to-look-at',
    ),
    pytest.param(
        {**daemon('{"graph": "/x"}'), **engine(version=(20, 10, 24))},
        [
            warning(
                f'{DAEMON_JSON}:1:2: "graph" keeps Docker 23.0 and newer from starting'
                '; rename it to "data-root"',
                path=DAEMON_JSON,
            )
        ],
        id='in-the-file',
    ),
    pytest.param(
        flags('--max-concurrent-uploads=9'),
        [
            warning(
                f'{DAEMON_JSON}: --max-concurrent-uploads is given as a flag alone: '
                'at a reload it falls back to its default'
                '; move it from the unit into daemon.json, as "max-concurrent-uploads"',
                path=DAEMON_JSON,
            )
        ],
        id='in-the-flags',
    ),
    pytest.param(NO_DAEMON_JSON, [NOT_READ], id='not-readable'),
)


MIRROR_RULES = (
    pytest.param(
        daemon('{"registry-mirrors": [null, "http://mirror.lab:5000"]}'),
        [ok('http://mirror.lab:5000 is a root address')],
        id='null-is-told-by-daemon-json-keys',
    ),
    pytest.param(
        daemon('{"registry-mirrors": [null]}'),
        [skipped(f'no entry of {DAEMON_JSON} is a string: see daemon-json-keys')],
        id='null-alone',
    ),
    pytest.param({}, [ok('http://mirror.lab:5000 is a root address')], id='one'),
    pytest.param(
        daemon('{"registry-mirrors": ["https://m", "https://u:hunter2@n/v2/"]}'),
        [
            ok('https://m is a root address'),
            error(
                f"{DAEMON_JSON}:1:36: 'https://xxxxx:xxxxx@n/v2/': a mirror cannot "
                'have credentials, as an engine does not send them: leave out '
                'everything up to the @',
                path=DAEMON_JSON,
            ),
            error(
                f"{DAEMON_JSON}:1:36: 'https://xxxxx:xxxxx@n/v2/': a mirror is a root "
                'address, without a path',
                'https://n',
                path=DAEMON_JSON,
            ),
        ],
        id='one-of-two-refused',
    ),
    pytest.param(
        daemon('{"registry-mirrors": ["http://192.0.2.7:5000"]}'),
        [
            warning(
                f"{DAEMON_JSON}:1:23: 'http://192.0.2.7:5000': prefer a DNS name: an "
                'address may change',
                path=DAEMON_JSON,
            )
        ],
        id='an-address',
    ),
    pytest.param(
        daemon('{"registry-mirrors": ["HTTP://m.lab:5000", "http://n"]}'),
        [
            warning(
                f"{DAEMON_JSON}:1:23: 'HTTP://m.lab:5000' is never asked: Docker takes "
                'the scheme in lower case alone',
                'sudo registry-host configure --registry-mirror http://m.lab:5000',
                path=DAEMON_JSON,
            ),
            ok('http://n is a root address'),
        ],
        id='letters-of-the-scheme',
    ),
    pytest.param(
        daemon('{"registry-mirrors": ["http://m.lab:5000", "HTTP://m.lab:5000"]}'),
        [
            ok('http://m.lab:5000 is a root address'),
            ok('HTTP://m.lab:5000 is a root address'),
        ],
        id='another-entry-is-asked-for-it',
    ),
    pytest.param(
        {
            **daemon('{"registry-mirrors": ["HTTP://m.lab:5000"]}'),
            **shows(is_containerd_store=True),
        },
        [ok('HTTP://m.lab:5000 is a root address')],
        id='the-containerd-store-asks-it',
    ),
    pytest.param(NO_JSON, [NOT_READ], id='no-json'),
    pytest.param(
        daemon('{}'),
        [
            info(
                f'{DAEMON_JSON} names no registry mirror',
                'registry-host configure --help',
            )
        ],
        id='none',
    ),
    pytest.param(
        {
            **engine(flags={'registry-mirror': ('http://u:hunter2@m', 'http://n')}),
            **daemon('{}'),
        },
        [
            ok(
                f'registry mirrors are set by a flag (in {ORIGIN}): '
                'http://xxxxx:xxxxx@m http://n'
            )
        ],
        id='flags',
    ),
)


MIRROR_REACHABLE = (
    pytest.param(
        answered(12),
        [ok('http://mirror.lab:5000 answers as a registry (12 ms)')],
        id='answers',
    ),
    pytest.param(
        probed(ConnectionFailed('refused', 'Connection refused')),
        [
            error(
                'http://mirror.lab:5000: could not be reached (Connection refused)',
                'registry-host registry check http://mirror.lab:5000',
                path=DAEMON_JSON,
            )
        ],
        id='refuses',
    ),
    pytest.param(
        {'probes': {}},
        [
            error(
                'http://mirror.lab:5000 did not answer in time',
                'registry-host doctor --only mirror-reachable',
            )
        ],
        id='silent',
    ),
    pytest.param(
        probed(ConnectionFailed('resolve', 'Name or service not known')),
        [skipped('http://mirror.lab:5000: its name does not resolve')],
        id='unresolved',
    ),
    pytest.param(daemon('{}'), [], id='none'),
)


ROLES = 'registry-host registry check --roles http://mirror.lab:5000'
CUT_OFF = (
    'answers 500 for a blob that it does not hold, as a cache does that cannot reach '
    'its upstream; on its server, registry-host registry check tells why'
)
NOT_THERE = warning(
    'http://mirror.lab:5000: answers, but does not have library/hello-world:latest '
    '(404): it is a registry to push to, or mirrors another one than Docker Hub, or '
    'cannot reach it; pulls of what it does not have go to Docker Hub',
    ROLES,
    path=DAEMON_JSON,
)
MIRROR_CONTENT = (
    pytest.param(
        {}, [ok('http://mirror.lab:5000 has library/hello-world:latest')], id='there'
    ),
    pytest.param(
        answered(3, has_image=False),
        [NOT_THERE],
        id='not-there',
    ),
    pytest.param(
        answered_beside(False, False),
        [
            info(
                'http://mirror.lab:5000: does not have library/hello-world:latest '
                '(404), as is usual for a registry to push to; http://cache.lab:5000 '
                'has it',
                ROLES,
                path=DAEMON_JSON,
            ),
            ok('http://cache.lab:5000 has library/hello-world:latest'),
        ],
        id='to-push-to-beside-a-cache',
    ),
    pytest.param(
        answered_beside(False, None),
        [
            NOT_THERE,
            ok('http://cache.lab:5000 has library/hello-world:latest'),
        ],
        id='what-it-is-does-not-show',
    ),
    pytest.param(
        answered_beside(False, True),
        [
            warning(
                'http://mirror.lab:5000: does not have library/hello-world:latest '
                f'(404), and {CUT_OFF}',
                ROLES,
                path=DAEMON_JSON,
            ),
            ok('http://cache.lab:5000 has library/hello-world:latest'),
        ],
        id='without-its-upstream-beside-another',
    ),
    pytest.param(
        answered(3, is_cut_off=True),
        [
            warning(
                'http://mirror.lab:5000: has library/hello-world:latest, but '
                f'{CUT_OFF}',
                ROLES,
                path=DAEMON_JSON,
            )
        ],
        id='without-its-upstream',
    ),
    pytest.param(
        answered(3, has_image=None),
        [
            skipped(
                'http://mirror.lab:5000 does not say in time whether it has '
                'library/hello-world:latest: a cache waits for its upstream'
            )
        ],
        id='no-telling-answer',
    ),
    pytest.param(
        probed(ConnectionFailed('refused', 'Connection refused')),
        [skipped('http://mirror.lab:5000 could not be asked for an image')],
        id='refuses',
    ),
    pytest.param(
        {'image': None},
        [skipped('http://mirror.lab:5000 could not be asked for an image')],
        id='no-image',
    ),
)


def unknown_to(server, failure):
    """What is told of a nameserver, whatever its severity."""
    return (
        f'nameserver {server} does not resolve mirror.lab: {failure}',
        'getent ahosts mirror.lab',
    )


ANOTHER_NAMESERVER = info(
    'to have this host ask a nameserver that knows mirror.lab (NAMESERVER): '
    'sudo registry-host configure --nameserver NAMESERVER',
    path=RESOLV_CONF,
)
NOT_RESOLVED = error(
    'mirror.lab does not resolve on this host', 'getent ahosts mirror.lab'
)
SILENT = {'probes': {}}
NO_NAME = fails('192.0.2.1', 'NXDOMAIN'), fails('192.0.2.2', 'NXDOMAIN')
MIRROR_RESOLVES = (
    pytest.param(
        {}, [ok('mirror.lab resolves to 192.0.2.7, 2001:db8::7')], id='to-all'
    ),
    pytest.param(
        daemon('{"registry-mirrors": ["http://192.0.2.7:5000"]}'), [], id='an-address'
    ),
    pytest.param(
        looked_up(knows('192.0.2.1'), fails('192.0.2.2', 'SERVFAIL')),
        [warning(*unknown_to('192.0.2.2', 'SERVFAIL'))],
        id='to-one-of-two',
    ),
    pytest.param(
        looked_up(knows('192.0.2.1')),
        [warning(*unknown_to('192.0.2.2', 'no answer in time'))],
        id='one-is-silent',
    ),
    pytest.param(
        {**looked_up(*NO_NAME), 'addresses': {'mirror.lab': ()}, **SILENT},
        [
            error(*unknown_to('192.0.2.1', 'NXDOMAIN')),
            error(*unknown_to('192.0.2.2', 'NXDOMAIN')),
            ANOTHER_NAMESERVER,
        ],
        id='to-none',
    ),
    pytest.param(
        {**looked_up(*NO_NAME), 'addresses': {}, 'ownership': None, **SILENT},
        [
            error(*unknown_to('192.0.2.1', 'NXDOMAIN')),
            error(*unknown_to('192.0.2.2', 'NXDOMAIN')),
        ],
        id='to-none-and-the-owner-is-not-known',
    ),
    pytest.param(
        {'resolv_conf': None, 'ownership': None, 'addresses': {}, **SILENT},
        [NOT_RESOLVED],
        id='no-nameserver-is-known',
    ),
    pytest.param(
        {'addresses': {}, **SILENT},
        [
            error(
                'mirror.lab does not resolve on this host, though each nameserver '
                'knows it',
                'getent ahosts mirror.lab',
            )
        ],
        id='to-all-nameservers-and-not-to-the-host',
    ),
    pytest.param(
        {**looked_up(*NO_NAME), 'addresses': {}},
        [ok('mirror.lab does not resolve on this host, and is reached all the same')],
        id='to-the-proxy',
    ),
)


NO_RESOLV_CONF = {**resolv(''), 'has_resolv_conf': False}
LOOPBACK = 'programs ask 127.0.0.1:53 and [::1]:53'
STUB_AT_HOME = f'{LOOPBACK}, and mirror.lab resolves all the same'


def unresolvable(what, host):
    return error(
        f'{RESOLV_CONF} {what}: {LOOPBACK}, and {host} does not resolve',
        f'getent ahosts {host}',
        path=RESOLV_CONF,
    )


RESOLV = (
    pytest.param(
        {}, [ok(f'glibc, musl and Go see the same in {RESOLV_CONF}')], id='the-same'
    ),
    pytest.param(
        resolv('nameserver 192.0.2.1\nnameserver 192.0.2.2:53\n'),
        [
            warning(
                f"{RESOLV_CONF}:2: '192.0.2.2:53': a port or brackets make it no "
                'address to any reader',
                path=RESOLV_CONF,
            )
        ],
        id='a-port',
    ),
    pytest.param(
        {**resolv('nameserver fe80::1%eth0\n'), 'interfaces': ('lo',)},
        [
            warning(
                f"{RESOLV_CONF}:1: 'fe80::1%eth0' is fe80::1 to glibc, nothing to "
                'musl, fe80::1%eth0 to Go',
                path=RESOLV_CONF,
            )
        ],
        id='the-zone-of-no-interface',
    ),
    pytest.param(
        resolv('nameserver 192.0.2.1\nsortlist 10.0.0.0\r\n'),
        [
            error(
                f'{RESOLV_CONF}:2: glibc reads this sortlist for ever: every lookup '
                'hangs',
                path=RESOLV_CONF,
            )
        ],
        id='endless',
    ),
    pytest.param(
        resolv(f'nameserver 192.0.2.1\nsearch {"a" * 255}.lab\n'),
        [
            error(
                f'{RESOLV_CONF}:2: a domain is too long: glibc aborts every program '
                'that looks up a name',
                path=RESOLV_CONF,
            )
        ],
        id='aborts',
    ),
    pytest.param(
        {'resolv_conf': None},
        [skipped(f'{RESOLV_CONF} cannot be read')],
        id='not-readable',
    ),
    pytest.param(
        NO_RESOLV_CONF,
        [ok(f'{RESOLV_CONF} does not exist: {STUB_AT_HOME}')],
        id='none-and-names-resolve',
    ),
    pytest.param(
        {**NO_RESOLV_CONF, 'addresses': {'registry-1.docker.io': ()}},
        [unresolvable('does not exist', 'registry-1.docker.io')],
        id='none-and-names-do-not-resolve',
    ),
    pytest.param(
        {**NO_RESOLV_CONF, 'addresses': {}},
        [unresolvable('does not exist', 'registry-1.docker.io')],
        id='none-and-no-answer-in-time',
    ),
    pytest.param(
        {**resolv('# empty\n'), 'addresses': {'a.lab': ('192.0.2.7',), 'b.lab': ()}},
        [unresolvable('names no nameserver', 'b.lab')],
        id='no-nameserver-and-one-name-does-not-resolve',
    ),
    pytest.param(
        {**NO_RESOLV_CONF, 'facts': FACTS._replace(is_live=False)},
        [skipped(f'{RESOLV_CONF} does not exist')],
        id='none-in-a-root-folder',
    ),
)


BY_RESOLVED = f'{RESOLV_CONF}: resolved (stub): {RESOLV_CONF} is a link that leads to '
NAMESERVER_OWNER = (
    pytest.param(
        {},
        [ok(f'{RESOLV_CONF}: static: {RESOLV_CONF} is a file of its own')],
        id='static',
    ),
    pytest.param(
        {'ownership': decide(Evidence(text=None)), 'has_resolv_conf': False},
        [ok(f'{RESOLV_CONF}: static: there is no file')],
        id='no-file',
    ),
    pytest.param(
        owned(link=STUB, target=STUB, present=frozenset({'resolved'})),
        [ok(f'{BY_RESOLVED}{STUB}; systemd-resolved is active')],
        id='resolved',
    ),
    pytest.param(
        owned(link=STUB, target=STUB),
        [
            warning(
                f'{BY_RESOLVED}{STUB}; systemd-resolved is not active; so nothing '
                'keeps it up to date',
                'systemctl status systemd-resolved',
            )
        ],
        id='resolved-is-gone',
    ),
    pytest.param(
        owned(link='/run/resolvconf/resolv.conf', target='/run/resolvconf/resolv.conf'),
        [
            warning(
                f'{RESOLV_CONF}: resolvconf: {RESOLV_CONF} is a link that leads to '
                '/run/resolvconf/resolv.conf; no program called resolvconf is '
                'installed; so nothing keeps it up to date'
            )
        ],
        id='one-without-a-unit-is-gone',
    ),
    pytest.param(
        owned(
            present=frozenset({'network-manager'}),
            network_manager=NetworkManager('default', 'symlink'),
            resolvconf='openresolv',
        ),
        [
            warning(
                f'{RESOLV_CONF}: static: {RESOLV_CONF} is a file of its own; but '
                'network-manager and openresolv will write over it'
            )
        ],
        id='rivals',
    ),
    pytest.param(
        {'ownership': None},
        [error(f'{RESOLV_CONF} cannot be read', f'ls -l {RESOLV_CONF}')],
        id='not-readable',
    ),
)


def containerd(mirror, insecure=''):
    text = f'{{"registry-mirrors": ["{mirror}"], "insecure-registries": [{insecure}]}}'
    return {**daemon(text), **shows(is_containerd_store=True)}


NO_MIRROR = 'no mirror switches off TLS verification of Docker Hub'
LISTED = f'{HUB}it is listed in insecure-registries'
HUB_VERIFICATION = (
    pytest.param({}, [ok(f'Docker uses a graphdriver, and {NO_MIRROR}')], id='none'),
    pytest.param(
        containerd('http://mirror.lab:5000', '"mirror.lab:5000"'),
        [
            warning(
                f'http://mirror.lab:5000: {LISTED}'
                '; take mirror.lab:5000 out of insecure-registries: an http:// mirror '
                'does not need it',
                path=DAEMON_JSON,
            )
        ],
        id='listed-and-http',
    ),
    pytest.param(
        containerd('https://mirror.lab:5000', '"mirror.lab:5000"'),
        [
            warning(
                f'https://mirror.lab:5000: {LISTED}'
                '; give the mirror a certificate that this host trusts, and take it '
                'out of insecure-registries',
                path=DAEMON_JSON,
            )
        ],
        id='listed-and-https',
    ),
    pytest.param(
        {
            **containerd('http://mirror.lab:5000', '"192.0.2.0/24"'),
            'addresses': {'mirror.lab': ('192.0.2.9',)},
        },
        [
            warning(
                f'http://mirror.lab:5000: {HUB}it is in a network of '
                'insecure-registries; list the insecure registries one by one instead '
                'of the network, and mirror.lab:5000 not among them',
                path=DAEMON_JSON,
            )
        ],
        id='by-name-in-a-network',
    ),
    pytest.param(
        {
            **containerd('http://mirror.lab:5000', '"192.0.2.0/24"'),
            'addresses': {'mirror.lab': ('198.51.100.9',)},
        },
        [ok(f'Docker uses the containerd image store, and {NO_MIRROR}')],
        id='by-name-in-no-network',
    ),
    pytest.param(
        {
            **containerd('http://mirror.lab:5000'),
            'addresses': {'mirror.lab': ('127.0.1.1',)},
        },
        [
            warning(
                f'http://mirror.lab:5000: {HUB}it is loopback'
                "; name the mirror by an address of this host's that is not loopback",
                path=DAEMON_JSON,
            )
        ],
        id='by-name-on-loopback',
    ),
    pytest.param(
        containerd('http://localhost:5000'),
        [
            warning(
                f'http://localhost:5000: {HUB}it is loopback'
                "; name the mirror by an address of this host's that is not loopback",
                path=DAEMON_JSON,
            )
        ],
        id='loopback',
    ),
    pytest.param(
        engine(info=None),
        [skipped('the engine could not be asked for its image store')],
        id='no-engine-to-ask',
    ),
    pytest.param(NO_JSON, [NOT_READ], id='no-json'),
)


def insecure(*entries, mirror='http://mirror.lab:5000'):
    listed = ', '.join(f'"{entry}"' for entry in entries)
    return daemon(
        f'{{"insecure-registries": [{listed}], "registry-mirrors": ["{mirror}"]}}'
    )


INSECURE_RULES = (
    pytest.param({}, [], id='none'),
    pytest.param(
        insecure('r.lab:5002', '10.1.0.0/24'),
        [ok('r.lab:5002 is HOST[:PORT]'), ok('10.1.0.0/24 is a network')],
        id='two',
    ),
    pytest.param(
        insecure('r.lab:5002', 'r.lab/v2'),
        [
            ok('r.lab:5002 is HOST[:PORT]'),
            error(
                f"{DAEMON_JSON}:1:40: 'r.lab/v2': a registry is HOST[:PORT], without a "
                'path',
                'r.lab',
                path=DAEMON_JSON,
            ),
        ],
        id='one-of-two-refused',
    ),
    pytest.param(
        insecure('127.0.0.0/8'),
        [
            warning(
                f"{DAEMON_JSON}:1:26: '127.0.0.0/8': loopback is insecure anyway: "
                'leave it out',
                path=DAEMON_JSON,
            )
        ],
        id='of-no-use',
    ),
    *(
        pytest.param(
            insecure(text),
            [
                warning(
                    f'{DAEMON_JSON}:1:26: {text!r} does not cover {meant}: Docker '
                    'compares insecure registries letter by letter',
                    f'sudo registry-host configure --insecure-registry {meant}',
                    path=DAEMON_JSON,
                )
            ],
            id=text,
        )
        for text, meant in (
            ('R.LAB:5002', 'r.lab:5002'),
            ('r.lab:05002', 'r.lab:5002'),
            ('r.lab:065535', 'r.lab:65535'),
            ('10.99.0.1:', '10.99.0.1'),
            ('10.99.0.1:+5002', '10.99.0.1:5002'),
        )
    ),
    pytest.param(
        insecure('R.LAB:5002', 'r.lab:5002', 'HTTP://r.lab:5003'),
        [
            ok(f'{text} is HOST[:PORT]')
            for text in ('R.LAB:5002', 'r.lab:5002', 'HTTP://r.lab:5003')
        ],
        id='both-spellings',
    ),
    pytest.param(
        insecure('r.lab:0'),
        [
            warning(
                f"{DAEMON_JSON}:1:26: 'r.lab:0': the port must be a number from 1 to "
                '65535',
                path=DAEMON_JSON,
            )
        ],
        id='an-engine-starts-with-port-0',
    ),
    pytest.param(
        insecure('r.lab:'),
        [
            error(
                f"{DAEMON_JSON}:1:26: 'r.lab:': the port must be a number from 1 to "
                '65535',
                path=DAEMON_JSON,
            )
        ],
        id='a-name-with-an-empty-port',
    ),
    pytest.param(
        insecure('https://r.lab:5002/'),
        [
            error(
                f'{DAEMON_JSON}:1:26: dockerd does not start with the spelling '
                "'https://r.lab:5002/'",
                'r.lab:5002',
                path=DAEMON_JSON,
            )
        ],
        id='a-closing-slash',
    ),
    *(
        pytest.param(
            {**insecure('[fd00::1]'), **engine(version=version)}, found, id=f'v6-{n}'
        )
        for n, version, found in (
            (26, (26, 1, 5), [ok('[fd00::1] is HOST[:PORT]')]),
            (
                20,
                (20, 10, 24),
                [
                    error(
                        f'{DAEMON_JSON}:1:26: dockerd does not start with the spelling '
                        "'[fd00::1]'; add a port",
                        '[fd00::1]:5000',
                        path=DAEMON_JSON,
                    )
                ],
            ),
        )
    ),
)


def found_at(text, url='', problem=None):
    registry = check_insecure_registry(text).value
    return {'insecure': {registry: Found(registry, url, problem)}}


GONE = Problem(
    code='insecure-unreachable',
    where='r.lab:5002',
    message='could not be reached (Connection refused)',
    hint='registry-host registry check http://r.lab:5002',
)
HUB_LOGIN = '{"auths": {"https://index.docker.io/v1/": {"auth": "YTpodW50ZXIy"}}}'
DEMANDS = {
    'probes': {
        MIRROR: Probe(
            mirror=MIRROR,
            problem=Problem(code='mirror-login', message='demands a login'),
            status=401,
        )
    },
    **client(HUB_LOGIN),
}
MIRROR_CREDENTIALS = (
    pytest.param({}, [ok('no login is demanded by http://mirror.lab:5000')], id='none'),
    pytest.param(
        DEMANDS,
        [
            error(
                'http://mirror.lab:5000 demands a login, and each pull sends it the '
                f'login for Docker Hub in {CONFIG_JSON}',
                'sudo registry-host unconfigure mirrors http://mirror.lab:5000',
                path=DAEMON_JSON,
            )
        ],
        id='sent',
    ),
    pytest.param(
        {**DEMANDS, **client(LOGIN)},
        [
            ok(
                'http://mirror.lab:5000 demands a login, and no config.json that was '
                'read has one for Docker Hub'
            )
        ],
        id='another-login',
    ),
    pytest.param(
        {**DEMANDS, **shows(is_containerd_store=True)},
        [
            ok(
                'http://mirror.lab:5000 demands a login, and the containerd image '
                'store sends it none'
            )
        ],
        id='containerd-store',
    ),
    pytest.param(
        {**DEMANDS, **engine(info=None)},
        [skipped('the engine could not be asked for its image store')],
        id='no-engine-to-ask',
    ),
)
INSECURE_REACHABLE = (
    pytest.param({}, [], id='none'),
    pytest.param(
        {**insecure('r.lab:5002'), **found_at('r.lab:5002', 'http://r.lab:5002/v2/')},
        [ok('r.lab:5002 answers at http://r.lab:5002/v2/')],
        id='answers',
    ),
    pytest.param(
        {**insecure('r.lab:5002'), **found_at('r.lab:5002', problem=GONE)},
        [
            warning(
                'r.lab:5002: could not be reached (Connection refused)',
                'registry-host registry check http://r.lab:5002',
                path=DAEMON_JSON,
            )
        ],
        id='gone',
    ),
    pytest.param(
        insecure('10.1.0.0/24', 'r.lab:1', 'r.lab/v2'),
        [
            skipped('10.1.0.0/24 is a network: nothing in it is asked'),
            skipped('r.lab:1 was not asked'),
        ],
        id='not-asked',
    ),
)


NOT_COVERED = (
    f'{DAEMON_JSON}:1:26: mirror.lab does not cover mirror.lab:5000: an entry without '
    'a port stands for the default ports alone'
)
BY_TLS = insecure('mirror.lab', mirror='https://mirror.lab:5000')
UNTRUSTED = {'probes': {}}
INSECURE_UNMATCHED = (
    pytest.param(insecure('mirror.lab:5000'), [], id='the-port-of-the-mirror'),
    pytest.param(
        insecure('mirror.lab', mirror='http://mirror.lab'), [], id='neither-has-a-port'
    ),
    pytest.param(insecure('r.lab', 'r.lab/v2', '10.0.0.0/8'), [], id='others'),
    pytest.param(
        {**BY_TLS, **UNTRUSTED},
        [
            warning(
                NOT_COVERED,
                'sudo registry-host configure --insecure-registry mirror.lab:5000',
                path=DAEMON_JSON,
            )
        ],
        id='a-mirror-with-a-port',
    ),
    pytest.param(
        {**BY_TLS, **UNTRUSTED, **shows(is_containerd_store=True)},
        [
            warning(
                f'{NOT_COVERED}; give mirror.lab:5000 a certificate that this host '
                'trusts',
                path=DAEMON_JSON,
            )
        ],
        id='where-an-entry-would-cost-docker-hub-its-verification',
    ),
    pytest.param(
        {
            **insecure('mirror.lab', mirror='https://mirror.lab:5000'),
            'probes': {
                check_mirror('https://mirror.lab:5000').value: Probe(
                    mirror=MIRROR, problem=None, status=200, elapsed_ms=3
                )
            },
        },
        [],
        id='a-mirror-that-is-trusted',
    ),
    pytest.param(
        {**insecure('mirror.lab', 'mirror.lab:5000', mirror='https://mirror.lab:5000')},
        [],
        id='another-entry-matches',
    ),
    pytest.param(
        insecure('mirror.lab', '192.0.2.0/24', mirror='https://mirror.lab:5000'),
        [],
        id='a-network-matches',
    ),
    pytest.param(
        {**insecure('mirror.lab'), **UNTRUSTED}, [], id='plain-http-needs-no-entry'
    ),
    pytest.param(
        {
            **insecure('mirror.lab'),
            **UNTRUSTED,
            **engine(version=(26, 1, 5), info=INFO._replace(is_containerd_store=True)),
        },
        [
            warning(
                NOT_COVERED,
                'sudo registry-host configure --insecure-registry mirror.lab:5000',
                path=DAEMON_JSON,
            )
        ],
        id='plain-http-and-an-old-containerd-store',
    ),
)


def live(mirrors=('http://mirror.lab:5000/',), *hosts):
    found = BUILT_IN | {('host', host) for host in hosts}
    return shows(lists=LiveLists(mirrors, found))


BOTH_LISTS = insecure('r.lab')
NOT_USED = f'the engine does not use what {DAEMON_JSON} says: '
RELOAD = 'sudo registry-host reload'
NO_FILE = daemon(None)
SHOWS = 'the engine shows registry-mirrors and insecure-registries'


def beyond(lists):
    return warning(
        'the engine uses what neither a file nor a flag names, until its next restart: '
        f'{lists}{STOPS}',
        *restart(),
    )


LIVE_LISTS = (
    pytest.param({}, [ok(f'{SHOWS} as named in {DAEMON_JSON}')], id='as-named'),
    pytest.param(
        {**NO_FILE, **live(())},
        [
            ok(
                'the engine shows no registry-mirrors and insecure-registries but '
                'those built in, and none is named'
            )
        ],
        id='none-and-no-file',
    ),
    pytest.param(
        {**daemon('{}'), **live(('https://m/',))},
        [beyond('registry-mirrors (live: https://m/)')],
        id='of-an-earlier-file',
    ),
    pytest.param(
        {**NO_FILE, **live(('https://m/',), 'r.lab')},
        [
            beyond(
                'registry-mirrors (live: https://m/); insecure-registries (live: '
                '127.0.0.0/8, ::1/128, r.lab)'
            )
        ],
        id='of-a-file-that-is-gone',
    ),
    pytest.param(
        {
            **daemon('{}'),
            **engine(
                flags=parse_flags((*ARGV, '--registry-mirror=https://m')),
                info=INFO._replace(lists=LiveLists(('https://m/',), BUILT_IN)),
            ),
        },
        [ok(f'{SHOWS} as named in {DAEMON_JSON} and its flags')],
        id='of-a-flag',
    ),
    pytest.param(
        {**BOTH_LISTS, **live(('http://mirror.lab:5000/',), 'r.lab')},
        [ok(f'{SHOWS} as named in {DAEMON_JSON}')],
        id='both-as-named',
    ),
    pytest.param(
        {**daemon('{"registry-mirrors": ["http://n"]}'), **live(('http://m/', 'x/'))},
        [error(f'{NOT_USED}registry-mirrors (live: http://m/, x/)', RELOAD)],
        id='other-mirrors',
    ),
    pytest.param(
        live(()), [error(f'{NOT_USED}registry-mirrors (live: none)', RELOAD)], id='none'
    ),
    pytest.param(
        {**BOTH_LISTS, **live(('http://m/',), 'b.lab', 'a.lab')},
        [
            error(
                f'{NOT_USED}registry-mirrors (live: http://m/); insecure-registries '
                '(live: 127.0.0.0/8, ::1/128, a.lab, b.lab)',
                RELOAD,
            )
        ],
        id='both-lists',
    ),
    pytest.param(engine(info=None), [NO_INFO], id='no-engine-to-ask'),
    pytest.param(NO_DAEMON_JSON, [NO_INFO], id='not-readable'),
)


PROXIES = daemon(
    '{"proxies": {"http-proxy": "http://u:hunter2@p:1", "no-proxy": ".lab"}}'
)
MASKED = 'http://xxxxx:xxxxx@p:1'
USES_PROXIES = ok(f'the engine uses http-proxy {MASKED}, no-proxy .lab')


def proxies_unused(areas, unit):
    return warning(
        f'the engine does not use {areas} of {DAEMON_JSON}: it reads proxies when it '
        f'starts{STOPS}',
        *restart(unit),
    )


def proxies_unnamed(text):
    return warning(
        'the engine uses what no file, no flag and no variable of its unit names, '
        f'until its next restart: {text}{STOPS}',
        *restart(),
    )


def of_unit(**variables):
    """The engine shows a proxy that its environment names, or another."""
    names = {'http-proxy': 'http://u:hunter2@p:1', 'no-proxy': '.lab', **variables}
    shown = INFO._replace(http_proxy=MASKED, no_proxy='.lab')
    found = FACTS._replace(engine=ENGINE._replace(info=shown), environment=names)
    return {'facts': found}


def without_root(changes):
    return {**changes, 'facts': changes['facts']._replace(is_root=False)}


USED = shows(http_proxy=MASKED, no_proxy='.lab')
LIVE_PROXIES = (
    pytest.param({}, [ok('the engine uses no proxy')], id='none'),
    pytest.param({**PROXIES, **USED}, [USES_PROXIES], id='as-named'),
    pytest.param(of_unit(), [USES_PROXIES], id='of-the-unit'),
    pytest.param(
        of_unit(**{'no-proxy': ''}), [proxies_unnamed('no-proxy .lab')], id='unnamed'
    ),
    pytest.param(
        of_unit(**{'https-proxy': 'http://q:2'}),
        [proxies_unnamed('https-proxy none')],
        id='named-and-not-used',
    ),
    pytest.param(
        USED, [proxies_unnamed(f'http-proxy {MASKED}, no-proxy .lab')], id='gone'
    ),
    pytest.param(
        without_root(USED),
        [
            needs_root(
                'live-proxies', "only root may read the variables of the engine's unit"
            ),
            USES_PROXIES,
        ],
        id='environment-not-readable',
    ),
    pytest.param(
        {**PROXIES, **shows(https_proxy='http://q:2')},
        [
            proxies_unused('http-proxy, no-proxy', 'docker.service'),
            proxies_unnamed('https-proxy http://q:2'),
        ],
        id='both',
    ),
    pytest.param(
        {
            **daemon('{}'),
            **flags('--http-proxy=http://u:hunter2@p:1', '--no-proxy=.lab'),
        },
        [proxies_unnamed('http-proxy none, no-proxy none')],
        id='a-flag-is-a-name',
    ),
    pytest.param(
        {**PROXIES, **shows(http_proxy=MASKED)},
        [proxies_unused('no-proxy', 'docker.service')],
        id='one',
    ),
    pytest.param(
        {**PROXIES, **engine(unit='snap.docker.dockerd.service')},
        [proxies_unused('http-proxy, no-proxy', 'snap.docker.dockerd.service')],
        id='all-and-another-unit',
    ),
    pytest.param(
        {**PROXIES, **engine(unit=None)},
        [proxies_unused('http-proxy, no-proxy', 'docker.service')],
        id='no-unit-is-known',
    ),
    pytest.param(engine(info=None), [NO_INFO], id='no-engine-to-ask'),
    pytest.param(NO_DAEMON_JSON, [NO_INFO], id='not-readable'),
)


def with_password(mode):
    text = '{"proxies": {"http-proxy": "http://u:hunter2@p:1"}}'
    return daemon(text, mode=mode)


NO_PASSWORD = ok(f"{DAEMON_JSON} holds no proxy's password")
KEPT = ok(f"only root may read the proxy's password in {DAEMON_JSON} (mode 0600)")
PROXY_PASSWORD = (
    pytest.param({}, [NO_PASSWORD], id='no-proxy'),
    pytest.param(
        daemon(None),
        [ok(f'{DAEMON_JSON} does not exist: it holds no password')],
        id='no-file',
    ),
    pytest.param(with_password(0o600), [KEPT], id='of-root-alone'),
    pytest.param(
        with_password(0o640),
        [
            warning(
                f"{DAEMON_JSON} holds a proxy's password, and others may read it "
                '(mode 0640)',
                f'sudo chmod 600 {DAEMON_JSON}',
                path=DAEMON_JSON,
            )
        ],
        id='readable',
    ),
    pytest.param(NO_DAEMON_JSON, [NOT_READ], id='not-readable'),
    pytest.param(daemon('{'), [NOT_READ], id='not-json'),
)


FLAT = '{"proxies": {"httpProxy": "http://p:1"}}'
SHADOWED = '{"proxies": {"unix:///var/run/docker.sock": {"httpProxy": "http://p:1"}}}'
NO_MEMBER = f'no member of {CONFIG_JSON}'
CLIENT_CONFIG = (
    pytest.param(
        {},
        [ok(f'{NO_MEMBER} is known to keep docker from it', path=CONFIG_JSON)],
        id='one-that-loads',
    ),
    pytest.param(client(None), [ok(f'{CONFIG_JSON} does not exist')], id='none'),
    pytest.param({'clients': ()}, [], id='no-user-is-known'),
    pytest.param(
        client('{"auths": {},}'),
        [
            error(
                f"{CONFIG_JSON}:1:13: not JSON: a comma before '}}'"
                '; delete the comma on line 1',
                path=CONFIG_JSON,
            )
        ],
        id='not-json',
    ),
    pytest.param(
        {'clients': (denied(CONFIG_JSON, ALICE),)},
        [
            error(
                f'{CONFIG_JSON}: cannot be read as alice (Permission denied); '
                "is it root's by mistake?",
                f'sudo namei -l {CONFIG_JSON}',
                'sudo chown -hRP alice: /home/alice/.docker',
                path=CONFIG_JSON,
            )
        ],
        id='not-readable',
    ),
    pytest.param(
        client('{"credsStore": 1}'),
        [
            error(
                f'{CONFIG_JSON}:1:2: "credsStore" must be a string, not a number; '
                f'{SPOILED}'
                '; put the number in double quotes',
                path=CONFIG_JSON,
            )
        ],
        id='of-a-wrong-type',
    ),
    pytest.param(
        client(FLAT),
        [
            error(
                f'{CONFIG_JSON}:1:14: "httpProxy" must stand in "default", not in '
                f'"proxies" itself; {SPOILED}'
                '; move "httpProxy" into "default": "proxies": {"default": '
                '{"httpProxy": "..."}}',
                path=CONFIG_JSON,
            )
        ],
        id='proxies-without-default',
    ),
    pytest.param(
        client(SHADOWED),
        [
            warning(
                f'{CONFIG_JSON}:1:14: the proxies of "unix:///var/run/docker.sock" '
                'replace those of "default" for the local engine'
                '; merge that entry into "default", and remove it',
                path=CONFIG_JSON,
            )
        ],
        id='shadowed',
    ),
)


def readable(path, mode, become):
    return warning(
        f'{path} holds logins, and others may read it (mode {mode})',
        f'{become}chmod 600 {path}',
        path=path,
    )


CLIENT_CONFIG_MODE = (
    pytest.param(client(LOGIN), [], id='the-users-alone'),
    pytest.param(client('{}', mode=0o644), [], id='readable-without-logins'),
    pytest.param(client(None, uid=0), [], id='none'),
    pytest.param({'clients': (denied(CONFIG_JSON, ALICE),)}, [], id='not-readable'),
    pytest.param(
        client(LOGIN, mode=0o640),
        [readable(CONFIG_JSON, '0640', 'sudo -u alice ')],
        id='readable',
    ),
    pytest.param(
        client(LOGIN, mode=0o604, user=ROOT, uid=0),
        [readable('/root/.docker/config.json', '0604', 'sudo ')],
        id='readable-and-of-root',
    ),
    pytest.param(
        client(LOGIN, uid=0),
        [
            error(
                f'{CONFIG_JSON} belongs to uid 0, not to alice',
                'sudo chown -hRP alice: /home/alice/.docker',
                path=CONFIG_JSON,
            )
        ],
        id='of-somebody-else',
    ),
    pytest.param(
        client('{', uid=0, mode=0o644),
        [
            error(
                f'{CONFIG_JSON} belongs to uid 0, not to alice',
                'sudo chown -hRP alice: /home/alice/.docker',
                path=CONFIG_JSON,
            )
        ],
        id='of-somebody-else-and-not-json',
    ),
)


def reload_needed():
    return (Need('docker', Seen('running'), needed=Activation.RELOAD, is_engine=True),)


UNREAD = denied(SETTINGS).problem
NOT_AS_ASKED = 'the host is not as its settings file says: '
CHECK = 'sudo registry-host configure --check --diff'
DRIFT = (
    pytest.param({}, [ok('the host matches its settings file')], id='none'),
    pytest.param(
        planned('as it was'),
        [ok('the host matches its settings file')],
        id='files-that-stay-as-they-are',
    ),
    pytest.param(
        planned('other', 'as it was', 'else', needs=reload_needed()),
        [warning(f'{NOT_AS_ASKED}/etc/0, /etc/2 would change', CHECK)],
        id='files',
    ),
    pytest.param(
        planned('as it was', needs=reload_needed()),
        [warning(f'{NOT_AS_ASKED}the engine would be reloaded', CHECK)],
        id='the-engine-alone',
    ),
    pytest.param(
        {'plan': None, 'plan_problems': (UNREAD,)},
        [
            error(
                f'{SETTINGS}: cannot be read (Permission denied)',
                repeat_with('sudo'),
                f'sudo namei -l {SETTINGS}',
                path=SETTINGS,
            )
        ],
        id='settings-not-readable',
    ),
    pytest.param(
        {
            'plan': None,
            'plan_problems': (UNREAD,),
            'facts': FACTS._replace(is_root=False),
        },
        [needs_root('drift', f'only root may read {SETTINGS}')],
        id='settings-of-root-alone',
    ),
    pytest.param(
        {
            'plan': None,
            'plan_problems': (
                Problem('x', 'is odd', f'{SETTINGS}:3:1'),
                Problem('y', 'is odd, too', 'registry-mirrors'),
            ),
        },
        [
            error(f'{SETTINGS}:3:1: is odd', path=SETTINGS),
            error('registry-mirrors: is odd, too'),
        ],
        id='settings-that-break-a-rule',
    ),
    pytest.param(
        {'plan': None},
        [skipped('there is no settings file to hold the host against')],
        id='no-settings-file',
    ),
)


# Every check has its table, and every table all that its check can say


ROWS = {
    'unfinished-run': UNFINISHED_RUN,
    'ledger': LEDGERS,
    'restart-pending': RESTART_PENDING,
    'pulls': PULLS,
    'engine-state': ENGINE_STATE,
    'other-engines': OTHER_ENGINES,
    'engine-version': ENGINE_VERSION,
    'daemon-json': DAEMON,
    'daemon-json-keys': DAEMON_KEYS,
    'daemon-json-flags': DAEMON_FLAGS,
    'daemon-json-hazards': DAEMON_HAZARDS,
    'next-start': NEXT_START,
    'mirror-rules': MIRROR_RULES,
    'mirror-reachable': MIRROR_REACHABLE,
    'mirror-content': MIRROR_CONTENT,
    'mirror-credentials': MIRROR_CREDENTIALS,
    'mirror-resolves': MIRROR_RESOLVES,
    'resolv-conf': RESOLV,
    'nameserver-owner': NAMESERVER_OWNER,
    'hub-verification': HUB_VERIFICATION,
    'insecure-rules': INSECURE_RULES,
    'insecure-reachable': INSECURE_REACHABLE,
    'insecure-unmatched': INSECURE_UNMATCHED,
    'live-lists': LIVE_LISTS,
    'live-proxies': LIVE_PROXIES,
    'proxy-password': PROXY_PASSWORD,
    'client-config': CLIENT_CONFIG,
    'client-config-mode': CLIENT_CONFIG_MODE,
    'drift': DRIFT,
}


ALL_ROWS = [
    pytest.param(name, *row.values, id=f'{name}-{row.id}')
    for name, rows in ROWS.items()
    for row in rows
]


@pytest.mark.parametrize(('name', 'changes', 'expected'), ALL_ROWS)
def test_findings(name, changes, expected):
    found = tuple(CHECKS[name].run(replace(HEALTHY, **changes)))
    assert found == tuple(each._replace(check=name) for each in expected)


def test_every_check_has_a_table():
    assert list(ROWS) == list(CHECKS)


def said(name):
    """The severities of each row: none, where a check has nothing to say."""
    return [{each.severity for each in row.values[1]} for row in ROWS.get(name, ())]


def sayable(name):
    """The severities that the source of a check names, itself or by a helper's name."""
    source = inspect.getsource(CHECKS[name].run)
    source = re.sub(r'\bor_ok\(', "'ok'", re.sub(r'\bskipped\(', "'skipped'", source))
    return set(re.findall("'(ok|info|skipped|warning|error)'", source))


@pytest.mark.parametrize('name', CHECKS)
def test_every_check_has_a_row_where_all_is_well(name):
    is_silent = 'ok' not in sayable(name)
    assert (set() if is_silent else {'ok'}) in said(name)


@pytest.mark.parametrize('name', CHECKS)
def test_every_check_has_a_row_where_something_is_bad(name):
    assert any(severities & {'warning', 'error'} for severities in said(name))


@pytest.mark.parametrize('name', [n for n in CHECKS if 'skipped' in sayable(n)])
def test_every_check_that_can_be_skipped_has_a_row_where_it_is(name):
    assert {'skipped'} in said(name)


@pytest.mark.parametrize('name', CHECKS)
def test_every_severity_that_a_check_names_has_a_row(name):
    assert sayable(name) - set().union(*said(name)) == set()


def test_of_a_healthy_host_nothing_bad_is_said():
    found = [each for check in CHECKS.values() for each in check.run(HEALTHY)]
    assert {each.severity for each in found} == {'ok'}
