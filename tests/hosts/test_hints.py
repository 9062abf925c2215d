"""What a hint says is pasted into a shell, and mends."""

from __future__ import annotations

import json

import pytest
from envelope import envelope, proofs
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
DEAD = 'http://registry.lab:5999'
CONFIGURE = ('registry-host', 'configure')


@pytest.fixture
def oldest(lab):
    booted = lab.host('bookworm')
    yield booted
    booted.close()


def failed(host, *words, code=1):
    """The hints of a run of alice's that fails, each of which she may paste."""
    done = host.run(['sudo', *words, '--format=json'], user='alice', check=False)
    assert done.returncode == code, done.stdout + done.stderr
    report = envelope(done.stdout)
    return [hint for error in report['errors'] for hint in error['hint'].split('\n')]


def paste(host, hint, *, check=True):
    return host.run(hint, user='alice', check=check)


def test_a_dead_mirror_is_written_all_the_same(host):
    *_, last = failed(host, *CONFIGURE, '--mirror', DEAD)
    assert last == (
        f'sudo registry-host configure --mirror {DEAD} --format=json --no-probe'
    )
    paste(host, last)
    assert DEAD in host.run(f'cat {DAEMON_JSON}').stdout


def test_an_old_engine_gets_its_proxy_by_its_unit(oldest):
    proxy = 'http://registry.lab:3999'
    words = ('--http-proxy', proxy, '--no-proxy', 'registry.lab,10.99.0.0/24')
    (hint,) = failed(oldest, *CONFIGURE, *words, '--proxy-for', 'engine', code=2)
    paste(oldest, hint)
    shown = oldest.run(
        ['docker', 'info', '--format', '{{.HTTPProxy}} {{.NoProxy}}']
    ).stdout
    assert shown == f'{proxy} registry.lab,10.99.0.0/24\n'


def test_a_mirror_is_reached_around_a_dead_proxy(newest):
    """The entry stands beside those of the run, and of the file."""
    dead = ('--http-proxy', 'http://10.99.0.1:3999', '--no-proxy', '.kept.lab')
    newest.run([*CONFIGURE, '--no-probe', *dead, '--proxy-for', 'engine'])
    own = ('--no-proxy', '.own.lab', '--proxy-for', 'engine')
    first, _ = failed(newest, *CONFIGURE, '--mirror', MIRROR, *own)
    assert first == (
        f'sudo registry-host configure --mirror {MIRROR} --no-proxy .own.lab '
        '--proxy-for engine --format=json --no-proxy .own.lab,registry.lab'
    )
    report = envelope(paste(newest, first).stdout)
    assert [outcome for _, outcome, _ in proofs(report, 'reachable')] == ['ok']
    entries = json.loads(newest.read(DAEMON_JSON))['proxies']['no-proxy'].split(',')
    assert sorted(entries) == ['.kept.lab', '.own.lab', 'registry.lab']
    assert newest.mirrors() == [f'{MIRROR}/']
    newest.run(['docker', 'pull', 'hello-world'])


def test_a_dead_proxy_is_written_all_the_same(newest):
    newest.run([*CONFIGURE, '--mirror', MIRROR])
    words = ('--http-proxy', 'http://10.99.0.1:3999', '--proxy-for', 'engine')
    *_, last = failed(newest, *CONFIGURE, *words)
    assert last.endswith(' --format=json --no-probe')
    paste(newest, last)
    assert ':3999' in newest.run(f'cat {DAEMON_JSON}').stdout


def test_root_by_login_is_not_asked_for_sudo(newest):
    """Its host may have no sudo."""
    newest.run('mv /usr/bin/sudo /usr/bin/sudo.away')
    done = newest.run([*CONFIGURE, '--mirror', DEAD, '--format=json'], check=False)
    (error,) = envelope(done.stdout)['errors']
    looked, last = error['hint'].split('\n')
    assert looked == f'registry-host registry check {DEAD}'
    assert newest.run(looked, check=False).stdout == (
        f'error: {DEAD}: nothing listens at 10.99.0.1:5999, given by nameserver '
        '10.99.0.1 (Connection refused)\n1 registry checked: 1 error\n'
    )
    newest.run(last)

    newest.run(['registry-host', 'undo'])
    assert newest.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1


def test_a_stopped_engine_is_started(host):
    host.run('systemctl stop docker.socket docker.service', check=False)
    words = ['sudo', 'registry-host', 'doctor', '--format=json']
    done = host.run(words, user='alice', check=False)
    found = envelope(done.stdout)['findings']
    (remedy,) = [f['remedy'] for f in found if f['check'] == 'engine-state']
    paste(host, remedy[-1]['text'])
    host.run(['docker', 'info'])
