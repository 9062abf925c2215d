"""The power goes between the write and the reload, on each of the three engines."""

from __future__ import annotations

import pytest
from conftest import ENGINES

MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
DAEMON_JSON = '/etc/docker/daemon.json'
CONFIG_JSON = '/root/.docker/config.json'
ORIGINAL = '{ "labels":["a=b"] }'
CUT = '/etc/systemd/system/docker.service.d/cut.conf'
CONFIGURE = (
    f'registry-host configure --mirror {MIRROR} --insecure-registry {PUSH} '
    '--http-proxy http://proxy.lab:1'
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
    lasting.write(
        CUT,
        '[Service]\nExecReload=\nExecReload=/bin/sh -c "kill -9 $(cat /run/run.pid)"\n',
    )
    lasting.run('systemctl daemon-reload')
    done = lasting.run(f"sh -c 'echo $$ >/run/run.pid; exec {CONFIGURE}'", check=False)
    assert done.returncode in (-9, 137)
    assert MIRROR in lasting.read(DAEMON_JSON)
    assert lasting.mirrors() == []
    lasting.run(f'rm {CUT}')

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
    lasting.write(
        CUT,
        '[Service]\nExecReload=\nExecReload=/bin/sh -c "kill -9 $(cat /run/run.pid)"\n',
    )
    lasting.run('systemctl daemon-reload')
    lasting.run(f"sh -c 'echo $$ >/run/run.pid; exec {CONFIGURE}'", check=False)
    lasting.run(f'rm {CUT}')
    reboot(lasting)
    done = lasting.run('registry-host configure --insecure-registry other.lab:1').stdout
    assert 'had not ended: the old file is back' in done
    assert lasting.mirrors() == []
    assert lasting.insecure() >= {'other.lab:1'}
    assert PUSH not in lasting.insecure()
    assert 'registry-mirrors' not in lasting.read(DAEMON_JSON)
