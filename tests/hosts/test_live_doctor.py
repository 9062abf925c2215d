"""The doctor and reload, on hosts that have something."""

from __future__ import annotations

from envelope import envelope, texts
from places import DAEMON_JSON

LEDGER = '/var/lib/registry-host/ledger.json'
WITHOUT_ROOT = (
    'unfinished-run',
    'ledger',
    'restart-pending',
    'pulls',
    'engine-state',
    'next-start',
    'hub-verification',
    'live-lists',
    'live-proxies',
)


def doctor(host, *flags, user='root'):
    done = host.run(
        ['registry-host', 'doctor', '--format=json', *flags], check=False, user=user
    )
    found = envelope(done.stdout)
    return done.returncode, {
        finding['check']: finding
        for finding in reversed(found['findings'])
        if finding['severity'] not in ('ok', 'info')
    }


def test_sound_host(host):
    host.run(['registry-host', 'configure', '--mirror', 'http://registry.lab:5000'])
    code, findings = doctor(host)
    assert code == 0
    assert set(findings) == {'drift'}
    assert findings['drift']['severity'] == 'skipped'
    # A ledger that cannot be read is told by every run.
    host.run(f'echo "{{" >{LEDGER}')
    code, findings = doctor(host, '--only=mirror-rules')
    assert (code, set(findings)) == (1, {'ledger'})
    assert findings['ledger']['path'] == LEDGER


def test_file_that_the_engine_does_not_use_yet_and_the_remedy(host):
    host.write(DAEMON_JSON, '{"registry-mirrors": ["http://registry.lab:5000"]}')
    code, findings = doctor(host)
    assert code == 1
    assert texts(findings['live-lists']) == ['registry-host reload']
    done = host.run(['registry-host', 'reload'])
    assert 'live registry-mirrors: http://registry.lab:5000/' in done.stdout
    assert doctor(host)[0] == 0


def test_reload_that_the_engine_rejects(host):
    """No rule of ours looks into the builder's policies."""
    host.write(DAEMON_JSON, '{"builder": {"gc": {"policy": [{"filter": "x"}]}}}')
    done = host.run(['registry-host', 'reload'], check=False)
    assert done.returncode in (1, 2)
    assert 'cannot unmarshal string' in done.stderr
    _, findings = doctor(host)
    if host.suite == 'bookworm':  # It cannot be asked without being reloaded.
        assert findings.keys() == {'drift'}
        return
    assert findings.keys() == {'drift', 'next-start'}
    assert findings['next-start']['severity'] == 'warning'
    assert 'cannot unmarshal string' in findings['next-start']['message']


def test_faults(host):
    """They are told, and the engine is not asked to read a file that has one."""
    host.write(
        DAEMON_JSON,
        '{\n  "registry-mirror": ["x"],\n'
        '  "registry-mirrors": ["https://registry.lab:5999"],\n'
        '  "insecure-registries": ["registry.lab"]\n}',
    )
    code, findings = doctor(host)
    assert code == 1
    assert findings['daemon-json-keys']['message'].startswith(f'{DAEMON_JSON}:2:3: ')
    assert findings['mirror-reachable']['severity'] == 'error'
    assert texts(findings['insecure-unmatched']) == [
        'registry-host configure --insecure-registry registry.lab:5999'
    ]
    host.write(DAEMON_JSON, '{"insecure-registries": ["10.0.0.0/33"]}')
    done = host.run(['registry-host', 'reload'], check=False)
    assert done.returncode == 2
    assert f'{DAEMON_JSON}:1:26' in done.stderr


def test_without_root_and_without_the_socket(host):
    host.run(['registry-host', 'configure', '--mirror', 'http://registry.lab:5000'])
    host.run('gpasswd -d alice docker')
    host.run('chgrp root /var/run/docker.sock; chmod 660 /var/run/docker.sock')
    code, findings = doctor(host, user='alice')
    assert code == 0
    assert findings['engine-state']['severity'] == 'skipped'
    assert texts(findings['engine-state']) == [
        'sudo registry-host doctor --only engine-state'
    ]
    assert findings['live-lists']['severity'] == 'skipped'
    assert 'mirror-reachable' not in findings
    done = host.run(['registry-host', 'doctor'], user='alice')
    *_, last = done.stdout.splitlines()
    assert last == f'not checked without root: {", ".join(WITHOUT_ROOT)}'
    assert doctor(host, '--strict', user='alice')[0] == 1
    # A hint that is pasted has the answer.
    for check in WITHOUT_ROOT:
        (remedy,) = texts(findings[check])
        host.run(remedy, user='alice')


def test_a_host_without_resolv_conf(newest):
    newest.run('cp /etc/resolv.conf /tmp/was; rm /etc/resolv.conf')
    code, findings = doctor(newest, '--only=resolv-conf')
    assert (code, set(findings)) == (1, {'resolv-conf'})
    assert findings['resolv-conf']['message'] == (
        '/etc/resolv.conf does not exist: programs ask 127.0.0.1:53 and [::1]:53, and '
        'registry-1.docker.io does not resolve'
    )
    newest.run('cp /tmp/was /etc/resolv.conf')


def test_stopped_engine(host):
    host.run('systemctl stop docker.socket docker.service', check=False)
    code, findings = doctor(host)
    assert code == 1
    assert 'is not running' in findings['engine-state']['message']


def test_drift_from_the_settings_file(host):
    host.write(
        '/etc/registry-host/settings.toml',
        'registry-mirrors = ["http://registry.lab:5000"]\n',
    )
    assert doctor(host)[1]['drift']['severity'] == 'warning'
    assert doctor(host, '--strict')[0] == 1
    host.run(['registry-host', 'configure'])
    assert 'drift' not in doctor(host)[1]


def test_logins_that_others_may_read(newest):
    path = '/root/.docker/config.json'
    newest.write(path, '{"auths": {"r:1": {"auth": "eDp5"}}}', mode='644')
    _, findings = doctor(newest)
    assert texts(findings['client-config-mode']) == [f'chmod 600 {path}']
