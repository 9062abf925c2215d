"""Runs that change five files, for strace to cut: each a fork of this process.

A start of Python, and the imports of a run, take many times longer than what strace is
to cut: they are had once, by a run on the root that is named on the command line. Each
line of the input names a root, what is done there (apply, undo or recover), and a file
for what is told; each is answered with the number of a process, which waits for
SIGCONT, and with how that has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback

import outsiders

from registry_host.errors import RegistryHostError
from registry_host.host.host import Host
from registry_host.settings.asked import read_asked
from registry_host.targets.planning import plan_asked
from registry_host.transaction.apply import apply_plan
from registry_host.transaction.checkpoints import history
from registry_host.transaction.lock import transaction
from registry_host.transaction.order import Order
from registry_host.transaction.run import Origin
from registry_host.transaction.undoing import take_back

FLAGS = {
    'registry-mirrors': ['http://registry.lab:5000'],
    'insecure-registries': ['registry.lab:5002'],
    'http-proxy': 'http://proxy:hunter2@proxy.lab:3128',
    'for': ['engine', 'client'],
    'nameservers': ['9.9.9.9'],
    'engine': ['9.9.9.9'],
    'users': ['alice', 'bob'],
}


def apply(host: Host) -> None:
    with transaction(host):
        planned = plan_asked(host, read_asked(host, file=None, flags=FLAGS))
        order = Order(Origin('configure', 'registry-host configure'))
        apply_plan(host, planned, order)


def undo(host: Host) -> None:
    with transaction(host):
        (run,) = (run for run in history(host) if run.origin.command == 'configure')
        take_back(host, run, line='registry-host undo')


def recover(host: Host) -> None:
    with transaction(host):
        pass


def run(root: str, what: str) -> int:
    try:
        {'apply': apply, 'undo': undo, 'recover': recover}[what](Host(root))
    except RegistryHostError as err:
        print(*err.problems, sep='\n', file=sys.stderr)
        return err.exit_code
    except BaseException:  # noqa: BLE001 - as Python ends, but for what a fork shares
        traceback.print_exc()
        return 1
    return 0


def wait_and_run(root: str, what: str, told: str) -> None:
    """Be the fork, up to its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    file = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, to in enumerate((nothing, nothing, file)):
        os.dup2(to, number)
    os.close(nothing)
    os.close(file)
    os.kill(os.getpid(), signal.SIGSTOP)
    code = run(root, what)
    sys.stderr.flush()
    os._exit(code)


def main(root: str) -> None:
    outsiders.move_in()
    apply(Host(root))
    undo(Host(root))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            wait_and_run(*json.loads(line))
        os.waitpid(pid, os.WUNTRACED)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
