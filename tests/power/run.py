"""A run that changes five files, for strace to cut: run.py ROOT apply|undo|recover."""

from __future__ import annotations

import sys

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


def main(root: str, what: str) -> int:
    outsiders.move_in()
    try:
        {'apply': apply, 'undo': undo, 'recover': recover}[what](Host(root))
    except RegistryHostError as err:
        print(*err.problems, sep='\n', file=sys.stderr)
        return err.exit_code
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
