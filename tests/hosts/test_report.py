"""What --format json says of real hosts: what was proved, what failed, what was not."""

from __future__ import annotations

from envelope import envelope, proofs, service, texts
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
DEAD = 'http://registry.lab:5999'
HELLO = 'library/hello-world:latest'
CONFIGURE = ('configure', '--mirror', MIRROR)


def ran(host, *words, code=0):
    done = host.run(['registry-host', *words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def outcomes(report):
    return [(p['level'], p['what'], p['outcome']) for p in report['proofs']]


def told(report):
    return report['ok'], report['changed'], report['host']


def test_what_is_proved_of_a_change_and_of_none(host):
    forecast = ran(host, *CONFIGURE, '--check', code=3)
    assert told(forecast) == (True, True, 'unchanged')
    assert sorted(outcomes(forecast)) == [
        ('live', 'docker', 'skipped'),
        ('pulls', HELLO, 'skipped'),
        ('reachable', MIRROR, 'ok'),
        ('written', DAEMON_JSON, 'skipped'),
    ]
    assert service(forecast) == ('reload', 'reload', 'none')
    first = ran(host, *CONFIGURE)
    assert told(first) == (True, True, 'changed')
    assert sorted(outcomes(first)) == [
        ('live', 'docker', 'ok'),
        ('pulls', HELLO, 'ok'),
        ('reachable', MIRROR, 'ok'),
        ('written', DAEMON_JSON, 'ok'),
    ]
    assert proofs(first, 'live') == [
        ('docker', 'ok', 'shows registry-mirrors as its files say')
    ]
    ((_, _, detail),) = proofs(first, 'reachable')
    assert detail.startswith('answers as a registry (')
    second = ran(host, *CONFIGURE)
    assert told(second) == (True, False, 'unchanged')
    assert outcomes(second) == [
        ('written', DAEMON_JSON, 'ok'),
        ('live', 'docker', 'ok'),
    ]


def test_what_is_not_asked_is_skipped_with_the_reason(newest):
    report = ran(newest, *CONFIGURE, '--no-probe')
    assert told(report) == (True, True, 'changed')
    assert proofs(report, 'reachable') == [(MIRROR, 'skipped', '--no-probe')]
    assert proofs(report, 'pulls') == [('', 'skipped', '--no-probe')]
    assert proofs(report, 'live')[0][:2] == ('docker', 'ok')


def test_an_engine_that_does_not_run_proves_nothing(newest):
    newest.run('systemctl stop docker.socket docker.service', check=False)
    report = ran(newest, *CONFIGURE)
    assert told(report) == (True, True, 'changed')
    asleep = 'it does not run, and reads its files when it starts'
    assert proofs(report, 'live') == [('docker', 'skipped', asleep)]
    assert proofs(report, 'pulls') == [('', 'skipped', 'the engine does not run')]
    assert proofs(report, 'reachable')[0][:2] == (MIRROR, 'ok')
    (docker,) = report['services']
    assert (docker['done'], docker['pending'], docker['why']) == (
        'none',
        'none',
        asleep,
    )


def test_a_run_that_fails_says_at_which_proof(newest):
    report = ran(newest, 'configure', '--mirror', MIRROR, '--mirror', DEAD, code=1)
    assert told(report) == (False, False, 'unchanged')
    dead = [proof for proof in proofs(report, 'reachable') if proof[0] == DEAD]
    ((_, outcome, detail),) = dead
    assert outcome == 'failed'
    assert detail in report['errors'][0]['message']
    assert (MIRROR, 'ok') in [proof[:2] for proof in proofs(report, 'reachable')]
    assert proofs(report, 'written') == []

    ran(newest, *CONFIGURE)
    report = ran(newest, 'undo', code=1)
    assert told(report) == (False, False, 'rolled-back')
    assert [error['code'] for error in report['errors']] == ['pull-failed']
    ((what, outcome, detail),) = proofs(report, 'pulls')
    assert (what, outcome) == (HELLO, 'failed')
    assert 'could pull library/hello-world:latest before, and cannot' in detail
    assert newest.mirrors() == [f'{MIRROR}/']


def test_a_remedy_is_run_by_its_words(newest):
    newest.write(DAEMON_JSON, f'{{"registry-mirrors": ["{MIRROR}"]}}')
    report = ran(newest, 'doctor', '--only', 'live-lists', code=1)
    (finding,) = report['findings']
    assert texts(finding) == ['registry-host reload']
    (remedy,) = finding['remedy']
    newest.run(remedy['argv'])
    assert newest.mirrors() == [f'{MIRROR}/']
