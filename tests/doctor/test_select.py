from __future__ import annotations

from dataclasses import replace

import pytest
from places import DAEMON_JSON

from registry_host.doctor.checks import CHECKS
from registry_host.doctor.checks.check import Check
from registry_host.doctor.configs import Config
from registry_host.doctor.lookahead import Ahead
from registry_host.doctor.observations import Observed
from registry_host.doctor.select import run_checks
from registry_host.engine.find import EngineFacts
from registry_host.engine.start import Refusal
from registry_host.errors import Finding, Problem
from registry_host.services.facts import Facts


def findings(root, *words):
    ended = root.run('doctor', '--format=json', *words)
    return ended.code, [
        (finding['check'], finding['severity']) for finding in ended.json['findings']
    ]


def test_names_are_an_api():
    assert list(CHECKS) == [
        'unfinished-run',
        'ledger',
        'restart-pending',
        'pulls',
        'engine-state',
        'other-engines',
        'engine-version',
        'daemon-json',
        'daemon-json-keys',
        'daemon-json-flags',
        'daemon-json-hazards',
        'next-start',
        'mirror-rules',
        'mirror-reachable',
        'mirror-content',
        'mirror-credentials',
        'mirror-resolves',
        'resolv-conf',
        'nameserver-owner',
        'hub-verification',
        'insecure-rules',
        'insecure-reachable',
        'insecure-unmatched',
        'live-lists',
        'live-proxies',
        'proxy-password',
        'client-config',
        'client-config-mode',
        'drift',
    ]


def test_a_crash_is_a_finding_and_not_the_end():
    def crash(seen):
        raise ValueError('http://u:hunter2@p')

    def well(seen):
        yield Finding(check='well', severity='ok', message='fine')

    checks = [
        Check(name='crash', title='', run=crash),
        Check(name='well', title='', run=well),
    ]
    crashed, fine = run_checks(checks, seen := None)
    assert seen is None
    assert (crashed.check, crashed.severity) == ('crash', 'error')
    assert crashed.message.startswith('the check itself failed: ValueError at ')
    assert 'hunter2' not in crashed.message
    assert crashed.remedy == ('registry-host doctor --skip crash',)
    assert fine.severity == 'ok'


@pytest.mark.parametrize(
    ('remedy', 'is_dead_after'),
    (
        (('systemctl restart docker.service', 'docker ps'), True),
        (('sudo systemctl restart docker',), True),
        (('systemctl restart systemd-resolved',), False),
        (('sudo registry-host reload',), False),
    ),
)
def test_nobody_is_told_to_restart_an_engine_into_its_death(remedy, is_dead_after):
    def pending(seen):
        yield Finding('pending', 'warning', 'restart it', remedy=remedy)

    refusal = Refusal(Problem('next-start-refused', 'the next start fails'))
    engine = EngineFacts('running', unit='docker.service')
    facts = Facts(True, True, engine, users=(), former_users={})
    seen = Observed(facts=facts, daemon=Config(path=DAEMON_JSON))
    checks = [Check(name='pending', title='', run=pending)]
    (found,) = run_checks(checks, seen)
    assert found.remedy == remedy
    (found,) = run_checks(checks, replace(seen, ahead=Ahead((refusal,))))
    first = ('sudo registry-host doctor --only next-start',) * is_dead_after
    told = '; what next-start tells of keeps the engine from starting again'
    assert found.message == 'restart it' + told * is_dead_after
    assert found.remedy == (*first, *remedy)


def test_only_and_skip(root):
    assert findings(root, '--only=daemon-json') == (0, [('daemon-json', 'ok')])
    _, found = findings(root, '--skip=daemon-json')
    assert 'daemon-json' not in dict(found)


def test_list(root):
    ended = root.run('doctor', '--list')
    assert ended.code == 0
    assert 'info: drift: the host matches its settings file\n' in ended.out


def test_root_folder_is_looked_at_without_any_engine(root):
    root.write(DAEMON_JSON, '{"registry-mirrors": ["http://h/v2"], "debug": 1}')
    code, found = findings(root)
    assert code == 1
    assert ('daemon-json-keys', 'error') in found
    assert ('mirror-rules', 'error') in found
    assert ('engine-state', 'skipped') in found
    assert ('mirror-reachable', 'error') not in found


def test_malformed_file(root):
    root.write(DAEMON_JSON, '{"debug": true,}')
    ended = root.run('doctor', '--only=daemon-json')
    assert (ended.code, ended.out) == (
        1,
        f"error: daemon-json: {DAEMON_JSON}:1:15: not JSON: a comma before '}}'; "
        'delete the comma on line 1\n'
        '1 error\n',
    )


def test_strict(root):
    root.write(DAEMON_JSON, '{"registry-mirrors": ["http://10.0.0.1"]}')
    assert root.run('doctor', '--only=mirror-rules').code == 0
    assert root.run('doctor', '--only=mirror-rules', '--strict').code == 1


def test_nothing_is_written(root):
    root.write(DAEMON_JSON, '{"registry-mirrors": ["http://10.0.0.1"]}')
    before = root.snapshot()
    root.run('doctor')
    assert root.snapshot() == before


def test_traps_of_resolv_conf(root):
    root.write('/etc/resolv.conf', 'nameserver 9.9.9.9:53\nsortlist 10.0.0.0\r\n')
    ended = root.run('doctor', '--only=resolv-conf')
    assert (ended.code, ended.out) == (
        1,
        "warning: resolv-conf: /etc/resolv.conf:1: '9.9.9.9:53': a port or brackets "
        'make it no address to any reader\n'
        'error: resolv-conf: /etc/resolv.conf:2: glibc reads this sortlist for ever: '
        'every lookup hangs\n'
        '1 error, 1 warning\n',
    )
    root.write('/etc/resolv.conf', 'nameserver 9.9.9.9\n')
    assert findings(root, '--only=resolv-conf') == (0, [('resolv-conf', 'ok')])


def test_owner_of_resolv_conf_in_a_root_folder(root):
    root.write('/etc/resolv.conf', 'nameserver 9.9.9.9\n')
    ended = root.run('doctor', '--only=nameserver-owner')
    assert (ended.code, ended.out.partition(':')[0]) == (0, 'ok')
    assert 'nameserver-owner: /etc/resolv.conf: static: ' in ended.out
