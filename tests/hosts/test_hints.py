"""What a hint says is pasted into a shell, and mends."""

from __future__ import annotations

import pytest
from envelope import envelope
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
    """The hints of a run that fails, each of which may be pasted, as alice does."""
    done = host.run([*words, '--format=json'], check=False)
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


def test_a_dead_proxy_is_written_all_the_same(newest):
    newest.run([*CONFIGURE, '--mirror', MIRROR])
    words = ('--http-proxy', 'http://10.99.0.1:3999', '--proxy-for', 'engine')
    *_, last = failed(newest, *CONFIGURE, *words)
    assert last.endswith(' --format=json --no-probe')
    paste(newest, last)
    assert ':3999' in newest.run(f'cat {DAEMON_JSON}').stdout


def test_a_stopped_engine_is_started(host):
    host.run('systemctl stop docker.socket docker.service', check=False)
    done = host.run(['registry-host', 'doctor', '--format=json'], check=False)
    found = envelope(done.stdout)['findings']
    (remedy,) = [f['remedy'] for f in found if f['check'] == 'engine-state']
    paste(host, remedy[-1]['text'])
    host.run(['docker', 'info'])
