"""The power goes between the write and the reload, on each of the three engines."""

from __future__ import annotations

import time

import pytest
from conftest import ENGINES
from envelope import envelope
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
CONFIG_JSON = '/root/.docker/config.json'
KILL = '/bin/sh -c "kill -9 $(cat /run/run.pid)"'
ORIGINAL = '{ "labels":["a=b"] }'
CONFIGURE = (
    f'registry-host configure --mirror {MIRROR} --insecure-registry {PUSH} '
    '--proxy-for=client --http-proxy http://proxy.lab:1'
)


@pytest.fixture(params=ENGINES, ids=ENGINES.values())
def lasting(lab, request):
    booted = lab.host(request.param, is_lasting=True)
    yield booted
    booted.close()


def reboot(host):
    host.cut_power()
    host.boot()


def test_power_cut_between_write_and_reload(lasting):
    lasting.write(DAEMON_JSON, ORIGINAL, mode='640')
    lasting.restart_engine()
    lasting.drop_in('ExecReload=', f'ExecReload={KILL}')
    done = lasting.run(f"sh -c 'echo $$ >/run/run.pid; exec {CONFIGURE}'", check=False)
    assert done.returncode in (-9, 137)
    assert MIRROR in lasting.read(DAEMON_JSON)
    assert lasting.mirrors() == []
    lasting.drop_in()

    reboot(lasting)

    # The engine has started, with the file of a run that never ended.
    assert lasting.mirrors() == [f'{MIRROR}/']
    seen = lasting.run('registry-host doctor --only unfinished-run', check=False)
    assert seen.returncode == 1
    assert 'was cut short' in seen.stdout
    mended = lasting.run('registry-host undo').stdout
    assert 'had not ended: the old file is back; the engine is as it was' in mended
    assert lasting.read(DAEMON_JSON) == ORIGINAL
    assert lasting.run(['stat', '-c', '%a', DAEMON_JSON]).stdout == '640\n'
    assert lasting.run('ls -A /root/.docker', check=False).returncode != 0
    assert (lasting.mirrors(), PUSH in lasting.insecure()) == ([], False)

    lasting.run(CONFIGURE)
    reboot(lasting)
    assert lasting.mirrors() == [f'{MIRROR}/']
    assert lasting.run(CONFIGURE).stdout.startswith('nothing to do')


def test_the_next_run_recovers_and_does_its_own_work(lasting):
    lasting.drop_in('ExecReload=', f'ExecReload={KILL}')
    lasting.run(f"sh -c 'echo $$ >/run/run.pid; exec {CONFIGURE}'", check=False)
    lasting.drop_in()
    reboot(lasting)
    done = lasting.run('registry-host configure --insecure-registry other.lab:1').stdout
    assert 'had not ended: the old file is back' in done
    assert lasting.mirrors() == []
    assert lasting.insecure() >= {'other.lab:1'}
    assert PUSH not in lasting.insecure()
    assert 'registry-mirrors' not in lasting.read(DAEMON_JSON)


USERS = ('alice', 'bob')
KILLS = 40


def state_of(host):
    """The files of the engine and two users, and what the engine uses."""
    paths = [DAEMON_JSON, *(f'/home/{user}/.docker/config.json' for user in USERS)]
    script = 'for f; do stat -c "%a %U %G" $f; cat $f; echo; done 2>&1'
    shown = host.run(['sh', '-c', script, 'sh', *paths]).stdout
    left = host.run("find /etc /home /root -name '*.registry-host'").stdout
    return shown, left, host.mirrors(), sorted(host.insecure())


def test_killed_at_any_time_of_a_live_run(newest, capsys):
    """SIGKILL after ever more time, children as the users and the reload included."""
    newest.run('useradd --create-home bob')
    newest.write(DAEMON_JSON, ORIGINAL, mode='640')
    newest.run('install -d -m 700 -o alice -g alice /home/alice/.docker')
    newest.write(
        '/home/alice/.docker/config.json',
        '{"auths": {}}',
        mode='600',
        owner='alice:alice',
    )
    newest.restart_engine()
    words = f'{CONFIGURE} --user alice --user bob'
    before = state_of(newest)
    # The first one takes longer than those that follow.
    for _ in range(2):
        began = time.monotonic()
        newest.run(words)
        whole_s = time.monotonic() - began
        after = state_of(newest)
        newest.run('registry-host undo --no-probe')
        assert state_of(newest) == before
    outcomes = {'before': 0, 'recovered': 0, 'after': 0}
    for number in range(KILLS):
        seconds = round(whole_s * (0.3 + 1.2 * number / KILLS), 3)
        began = time.monotonic()
        killed = newest.run(f'timeout -s KILL {seconds} {words}', check=False)
        if killed.returncode == 0:
            # What else this machine does changes how long a whole one takes.
            whole_s = time.monotonic() - began
        done = envelope(newest.run('registry-host reload --format=json').stdout)
        is_recovered = any(f['check'] == 'recovered' for f in done['findings'])
        found = state_of(newest)
        assert found in (before, after), (seconds, found)
        assert not (is_recovered and found == after)
        outcomes['after' if found == after else 'before'] += 1
        outcomes['recovered'] += is_recovered
        if found == after:
            newest.run('registry-host undo --no-probe')
            assert state_of(newest) == before
    with capsys.disabled():
        print(f'\n  {KILLS} runs killed: {outcomes}', end=' ')
    assert outcomes['recovered']
    assert outcomes['after']
