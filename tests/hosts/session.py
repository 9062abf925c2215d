"""The lab for a person: scripts/lab runs this."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import images
import owners
from lab import PATH, opened

RECORD = Path('/run/registry-host-lab.json')


def main(words: list[str]) -> int:
    command, *suites = words
    commands = {
        'build': build,
        'up': up,
        'shell': shell,
        'down': down,
        'status': status,
    }
    return commands[command](suites)


def build(suites: list[str]) -> int:
    for suite in suites or [*images.IMAGES, *owners.OWNERS]:
        ensure = owners.ensure if suite in owners.OWNERS else images.ensure
        print(f'{suite}: {ensure(suite)}')
    return 0


def up(suites: list[str]) -> int:
    """Start the lab in a process of its own, and wait until it says that it is up."""
    if read_record():
        print('lab: it is up already: scripts/lab status')
        return 1
    build(suites or list(images.IMAGES))
    log = RECORD.with_suffix('.log')
    keeper = [sys.executable, __file__, 'keep', *(suites or images.IMAGES)]
    with open(log, 'wb') as output:
        process = subprocess.Popen(
            keeper,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    while process.poll() is None and not RECORD.exists():
        time.sleep(0.1)
    if process.poll() is not None:
        print(log.read_text(errors='replace'), file=sys.stderr)
        return 1
    return status([])


def keep(suites: list[str]) -> int:
    """Hold the lab until a signal ends it."""
    with opened() as lab:
        hosts = {suite: lab.host(suite) for suite in suites}
        record = {
            'keeper': os.getpid(),
            'hosts': {
                suite: {'address': host.address, 'enter': host.enter}
                for suite, host in hosts.items()
            },
            'services': {
                service.name: service.endpoint
                for service in (lab.hub, lab.cache, lab.push)
            },
        }
        partial = RECORD.with_suffix('.partial')
        partial.write_text(json.dumps(record))
        partial.rename(RECORD)
        try:
            signal.pause()
        finally:
            RECORD.unlink(missing_ok=True)
    return 0


def read_record() -> dict[str, object] | None:
    """Read which lab is up; a record whose keeper is gone is removed."""
    if not RECORD.exists():
        return None
    record: dict[str, object] = json.loads(RECORD.read_text())
    try:
        command = Path(f'/proc/{record["keeper"]}/cmdline').read_bytes()
    except OSError:
        command = b''
    if b'session.py' not in command:
        RECORD.unlink()
        return None
    return record


def status(_: list[str]) -> int:
    record = read_record()
    if record is None:
        print('lab: it is not up: scripts/lab up')
        return 1
    hosts, services = record['hosts'], record['services']
    assert isinstance(hosts, dict)
    assert isinstance(services, dict)
    for suite, host in hosts.items():
        print(f'host  {suite:24} {host["address"]:12} scripts/lab shell {suite}')
    for name, endpoint in services.items():
        print(f'      {name:24} {endpoint}')
    print('try   registry-host configure --mirror http://registry.lab:5000 --diff')
    return 0


def shell(suites: list[str]) -> int:
    record = read_record()
    hosts = record['hosts'] if record else {}
    assert isinstance(hosts, dict)
    suite = suites[0] if suites else next(iter(hosts), '')
    if suite not in hosts:
        print('lab: no such host is up: scripts/lab status', file=sys.stderr)
        return 1
    variables = [f'PATH={PATH}', 'HOME=/root', 'LANG=C.UTF-8']
    variables.append(f'TERM={os.environ.get("TERM", "dumb")}')
    enter = [*hosts[suite]['enter'], 'env', '-i', *variables]
    return subprocess.run([*enter, 'bash', '-l'], check=False).returncode


def down(_: list[str]) -> int:
    record = read_record()
    if record is None:
        return status([])
    os.kill(int(str(record['keeper'])), signal.SIGTERM)
    while RECORD.exists():
        time.sleep(0.1)
    print('lab: it is down')
    return 0


if __name__ == '__main__':
    if sys.argv[1:2] == ['keep']:
        sys.exit(keep(sys.argv[2:]))
    sys.exit(main(sys.argv[1:]))
