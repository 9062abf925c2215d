"""Why an engine that does not run did not start, by its own last words."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

from registry_host.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_host.host.host import Host

# Three attempts, as many as systemd makes, take some 60 lines.
LINES = 200
SYNC_TIMEOUT_S = 5.0
# What it logs once it runs, and what failed before is over.
_STARTED = ('Daemon has completed initialization', 'API listen on')
_LOGGED = re.compile(r'time="|\{"')
_USAGE = ("See '", 'Usage:')


def last_failure(host: Host, unit: str) -> str:
    """Give the engine's own reason for not having started; '' where none is known.

    Redacted, one line. Only root, and the groups that may read the journal, learn it.
    A start that worked since takes a reason back, `systemctl reset-failed` does not.
    """
    words = ('journalctl', '--quiet', '--output=cat', f'--lines={LINES}')
    # What a program has written in its last moment may not be there yet.
    host.run(['journalctl', '--sync'], timeout_s=SYNC_TIMEOUT_S)
    # Containers that log to the journal do it by the engine, but not by its stderr.
    shown = host.run([*words, f'_SYSTEMD_UNIT={unit}', '_TRANSPORT=stdout'])
    return reason_of(shown.out.splitlines())


def reason_of(lines: Sequence[str]) -> str:
    """Find the reason in what an engine has written, the oldest line first. Pure.

    It is the last line that is none of its log, mostly 'failed to start daemon: ...',
    and other words for TLS, flags and plugins; on engines before 28 also a line of its
    log, of level fatal (20.10.24, 26.1.5, 28.5.2, observed).
    """
    for line in reversed(lines):
        if any(mark in line for mark in _STARTED):
            return ''
        is_fatal = 'level=fatal' in line
        is_plain = line.strip() and not _LOGGED.match(line)
        if is_fatal or (is_plain and not line.startswith(_USAGE)):
            return redact(message_of(line))
    return ''


def message_of(line: str) -> str:
    """Take msg="…" and error="…", as newer engines add, out of a line of logrus."""
    if not line.startswith('time='):
        return line.strip()
    parts = (_field_of(line, name) for name in ('msg', 'error'))
    return ': '.join(part for part in parts if part) or line


def _field_of(line: str, name: str) -> str:
    found = re.search(rf'\b{name}=("(?:[^"\\]|\\.)*"|\S+)', line)
    if not found:
        return ''
    with contextlib.suppress(ValueError):
        return str(json.loads(found[1])).strip()
    return found[1]
