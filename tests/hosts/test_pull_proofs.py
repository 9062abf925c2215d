"""The proof that a host can pull: by which commands, when again, and by a real pull."""

from __future__ import annotations

import json

import pytest
from envelope import envelope, proofs, service
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
DEAD = 'http://registry.lab:5999'
HELLO = 'library/hello-world:latest'
CONFIGURE = ('registry-host', 'configure')
UNPROVED = '/var/lib/registry-host/unproved.json'


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def pulls(report):
    return [f['severity'] for f in report['findings'] if f['check'] == 'pulls']


def images(host):
    columns = '{{.Repository}} {{.Tag}} {{.ID}} {{.Digest}}'
    listed = host.run(['docker', 'images', '--all', f'--format={columns}'])
    return sorted(listed.stdout.splitlines())


def is_open(host):
    return host.run(['test', '-e', UNPROVED], check=False).returncode == 0


def test_undo_of_the_only_way_to_an_image_is_rolled_back(host):
    ran(host, *CONFIGURE, '--mirror', MIRROR)
    written = host.read(DAEMON_JSON)
    report = ran(host, 'registry-host', 'undo', code=1)
    (error,) = report['errors']
    assert error['code'] == 'pull-failed'
    assert error['message'].startswith(f'Docker: could pull {HELLO} before, and ')
    assert host.read(DAEMON_JSON) == written
    assert (report['changed'], report['host']) == (False, 'rolled-back')
    ((image, outcome, detail),) = proofs(report, 'pulls')
    assert (image, outcome) == (HELLO, 'failed')
    assert detail.startswith(f'Docker: could pull {HELLO} before, and ')
    report = ran(host, 'registry-host', 'undo', '--no-probe')
    assert proofs(report, 'pulls') == [('', 'skipped', '--no-probe')]
    assert (report['changed'], pulls(report)) == (True, [])
    assert is_open(host)


def test_a_host_where_nothing_is_managed_has_nothing_to_prove(host):
    """Neither what was withdrawn without a proof, nor what was there before."""
    ran(host, *CONFIGURE, '--mirror', MIRROR, '--no-probe')
    assert 'not proved' in host.run('registry-host status').stdout
    ran(host, 'registry-host', 'unconfigure', '--no-probe')
    assert 'not proved' not in host.run('registry-host status').stdout
    doctor = ran(host, 'registry-host', 'doctor', '--only=pulls')
    assert [each['severity'] for each in doctor['findings']] == ['ok']


def test_a_proof_that_was_waived_is_had_by_the_next_run(newest):
    """It changes nothing, and the one after it asks for no proof."""
    ran(newest, *CONFIGURE, '--mirror', MIRROR, '--no-probe')
    assert is_open(newest)
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR)
    assert (report['changed'], pulls(report)) == (False, ['ok'])
    assert not is_open(newest)
    assert ran(newest, *CONFIGURE, '--mirror', MIRROR)['findings'] == []


def test_a_mirror_that_was_never_asked_fails_the_next_run(newest):
    ran(newest, *CONFIGURE, '--mirror', DEAD, '--no-probe')
    written = newest.read(DAEMON_JSON)
    for words in ((), ('--check',)):
        report = ran(newest, *CONFIGURE, '--mirror', DEAD, *words, code=1)
        (error,) = report['errors']
        assert error['code'] == 'mirror-unreachable'
        ((mirror, outcome, detail),) = proofs(report, 'reachable')
        assert (mirror, outcome) == (DEAD, 'failed')
        assert 'refused' in detail
        assert (report['changed'], newest.read(DAEMON_JSON)) == (False, written)
    assert is_open(newest)


def test_a_change_beside_an_engine_that_does_not_run_is_proved_once_it_does(newest):
    newest.run(['systemctl', 'stop', 'docker.socket', 'docker.service'])
    forecast = newest.run([*CONFIGURE, '--mirror', MIRROR, '--check'], check=False)
    line = 'no reload would be done: the engine reads the file when it starts\n'
    assert (forecast.returncode, forecast.stdout[-len(line) :]) == (3, line)
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR)
    assert pulls(report) == []
    assert proofs(report, 'pulls') == [('', 'skipped', 'the engine does not run')]
    asleep = 'it does not run, and reads its files when it starts'
    assert proofs(report, 'live') == [('docker', 'skipped', asleep)]
    assert (service(report), report['services'][0]['why']) == (
        ('reload', 'none', 'none'),
        asleep,
    )
    assert pulls(ran(newest, *CONFIGURE, '--mirror', MIRROR)) == []
    newest.run(['systemctl', 'start', 'docker.service'])
    assert pulls(ran(newest, *CONFIGURE, '--mirror', MIRROR)) == ['ok']
    assert not is_open(newest)


def test_a_restart_that_was_put_off_and_done_by_hand_is_proved(newest):
    ran(newest, *CONFIGURE, '--mirror', MIRROR)
    newest.run(['docker', 'run', '--detach', '--name=web', 'hello', 'sleep', '1000'])
    change = (*CONFIGURE, '--engine-dns', '10.99.0.1')
    forecast = ran(newest, *change, '--check', code=3)
    report = ran(newest, *change)
    for each in (forecast, report):
        (pending,) = (f for f in each['findings'] if f['check'] == 'restart-pending')
        assert '1 running container: web' in pending['message']
        why = 'a restart would stop 1 running container: web'
        assert service(each) == ('restart', 'reload', 'restart')
        assert each['services'][0]['why'] == why
    assert proofs(forecast, 'pulls')[0][1:] == (
        'skipped',
        'a forecast: nothing is written',
    )
    assert proofs(report, 'pulls')[0][1:] == ('skipped', 'a restart was put off')
    assert proofs(report, 'live')[-1] == ('docker', 'skipped', why)
    assert ran(newest, *change)['changed'] is False
    reload = ran(newest, 'registry-host', 'reload')
    (pending,) = (f for f in reload['findings'] if f['check'] == 'restart-pending')
    assert 'dns' in pending['message']
    assert is_open(newest)
    newest.restart_engine()
    assert pulls(ran(newest, *change)) == ['ok']
    assert not is_open(newest)


def test_what_goes_back_by_itself_is_not_proved(newest):
    ran(newest, *CONFIGURE, '--mirror', MIRROR, '--confirm-within=3')
    assert not is_open(newest)
    script = 'for i in $(seq 400); do test -e $0 || exit 0; sleep 0.1; done; exit 1'
    newest.run(['sh', '-c', script, '/var/lib/registry-host/pending.json'])
    assert is_open(newest)
    doctor = ran(newest, 'registry-host', 'doctor', '--only=pulls')
    ((severity, message),) = ((f['severity'], f['message']) for f in doctor['findings'])
    assert severity == 'warning'
    assert message.endswith(
        ' has not proved that pulls work: it was undone automatically'
    )


def test_a_forecast_names_the_containers_that_a_restart_stops(newest):
    ran(newest, *CONFIGURE, '--mirror', MIRROR)
    newest.run(['docker', 'run', '--detach', '--name=web', 'hello', 'sleep', '1000'])
    words = (*CONFIGURE, '--engine-dns=10.99.0.1', '--restart=always', '--check')
    forecast = newest.run(words, check=False)
    assert (forecast.returncode, forecast.stdout.splitlines()[-2:]) == (
        3,
        [
            'would restart the engine; would stop: web',
            'a rollback, if that fails, would restart it once more',
        ],
    )


def test_reload_proves_that_pulls_work(host):
    host.write(DAEMON_JSON, json.dumps({'registry-mirrors': [MIRROR]}))
    assert pulls(ran(host, 'registry-host', 'reload')) == ['ok']
    host.write(DAEMON_JSON, json.dumps({'registry-mirrors': [DEAD]}))
    report = ran(host, 'registry-host', 'reload')
    (finding,) = (f for f in report['findings'] if f['check'] == 'pulls')
    assert finding['severity'] == 'warning'
    assert 'dial tcp' in finding['message']
    assert pulls(ran(host, 'registry-host', 'reload', '--no-probe')) == []


def test_a_real_pull_leaves_the_images_as_they_were(host):
    pulled_for_real(host)
    host.run(['docker', 'create', '--name=web', 'hello'])
    host.run(['docker', 'commit', 'web', 'hello-world'])
    asked_by_a_name_that_is_there(host)


def test_so_does_one_with_the_containerd_store(lab):
    host = lab.host('forky')
    features = {'containerd-snapshotter': True}
    host.write(DAEMON_JSON, json.dumps({'features': features}))
    host.restart_engine()
    pulled_for_real(host)
    host.close()


def pulled_for_real(host):
    report = ran(host, *CONFIGURE, '--probe-pull', '--mirror', MIRROR)
    (finding,) = (f for f in report['findings'] if f['check'] == 'pulls')
    assert finding['message'].startswith(f'Docker has pulled {HELLO}: sha256:')
    assert finding['message'].endswith('; removed again')
    assert images(host) == []
    host.run(['docker', 'pull', 'hello'])
    host.run(['docker', 'tag', 'hello', 'hello-world'])
    asked_by_a_name_that_is_there(host)


def asked_by_a_name_that_is_there(host):
    before = images(host)
    for name in ('hello-world', 'hello'):
        words = ('--probe-pull', '--mirror', MIRROR, '--probe-image', name)
        assert pulls(ran(host, *CONFIGURE, *words)) == ['ok']
        assert images(host) == before


@pytest.mark.parametrize('how', ('--probe-pull', '--probe-image=hello'))
def test_a_run_that_breaks_real_pulls_is_rolled_back(host, how):
    ran(host, *CONFIGURE, '--mirror', MIRROR)
    host.write('/etc/registry-host/settings.json', '{"probe-image": "hello"}')
    written = host.read(DAEMON_JSON)
    report = ran(
        host, *CONFIGURE, '--settings=/etc/registry-host/settings.json', how, code=1
    )
    (error,) = report['errors']
    assert error['code'] == 'pull-failed'
    assert host.read(DAEMON_JSON) == written
    assert images(host) == []
