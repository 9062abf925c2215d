"""Where things are on a host, as users know these places; written out once."""

from __future__ import annotations

DAEMON_JSON = '/etc/docker/daemon.json'
# Of the user that a root folder of the tests has.
CONFIG_JSON = '/home/alice/.docker/config.json'
RESOLV_CONF = '/etc/resolv.conf'
STATE = '/var/lib/registry-host'
JOURNAL = f'{STATE}/journal.json'
LEDGER = f'{STATE}/ledger.json'
CHECKPOINTS = f'{STATE}/checkpoints'
