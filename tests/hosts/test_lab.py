"""The lab itself: what every other test here stands on."""

from __future__ import annotations

import os
from pathlib import Path

from lab import Lab


def test_host_pulls_through_the_cache(host, lab):
    host.write(
        '/etc/docker/daemon.json', '{"registry-mirrors": ["http://registry.lab:5000"]}'
    )
    host.run('systemctl reload docker')
    before = len(lab.cache.requests(pull_of='library/hello'))
    host.run('docker pull hello')
    assert len(lab.cache.requests(pull_of='library/hello')) > before
    assert host.run('docker run --rm hello').stdout == 'hello from the lab\n'


def test_two_labs_side_by_side_and_nothing_left():
    spaces = {os.readlink('/proc/self/ns/net')}
    with Lab() as one, Lab() as other:
        for lab in (one, other):
            spaces.add(lab.run(['readlink', '/proc/self/ns/net']).stdout.decode())
        folders = one.folder, other.folder
        pids = [process.pid for process in (*one._processes, *other._processes)]
    assert len(spaces) == 3
    assert not any(folder.exists() for folder in folders)
    assert not any(Path(f'/proc/{pid}').exists() for pid in pids)
