"""Where registry-host keeps its own files, and how large a file may be."""

from __future__ import annotations

# The largest config, or settings file, that is read.
FILE_LIMIT_BYTES = 16 * 1024 * 1024
# The largest file of the state folder. A journal holds each file of a run twice, in
# base64, and a run that is under way may add to it: see checkpoints.save_journal.
STATE_LIMIT_BYTES = 128 * 1024 * 1024
RESOLV_CONF = '/etc/resolv.conf'
STATE_FOLDER = '/var/lib/registry-host'
# An unfinished run's, and that of a run that waits for confirmation.
JOURNAL = f'{STATE_FOLDER}/journal.json'
PENDING = f'{STATE_FOLDER}/pending.json'
LEDGER = f'{STATE_FOLDER}/ledger.json'
# DNS managers that could not be told that their files are back.
UNTOLD = f'{STATE_FOLDER}/untold.json'
# A proof that a run could not have.
UNPROVED = f'{STATE_FOLDER}/unproved.json'
# What was done about the package of the registry.
REGISTRY_PACKAGE = f'{STATE_FOLDER}/registry-package.json'
# What a recovery could not put back yet.
LEFT_BEHIND = f'{STATE_FOLDER}/left-behind'
# Marks a temporary file of registry-host.
TEMPORARY = '.registry-host'
