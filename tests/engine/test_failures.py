"""The last words of engines that did not start, as they were in the journal."""

from __future__ import annotations

import pytest

from registry_host.engine.failures import reason_of

STARTING = 'time="2026-11-27T01:59:09Z" level=info msg="Starting up"'
UP = 'time="2026-11-27T01:59:10Z" level=info msg="Daemon has completed initialization"'
DOWN = 'time="2026-11-27T02:03:04Z" level=info msg="Daemon shutdown complete"'
JSON_LOGGED = '{"level":"info","msg":"Starting'
DRIVER = (
    'time="2026-11-27T01:59:12Z" level=error msg="[graphdriver] prior storage driver '
    'overlay2 failed: overlay2: unknown option overlay2.override_kernel_check"'
)
NOT_STARTED = 'failed to start daemon: error initializing graphdriver: driver not known'
NO_CERTIFICATE = (
    'invalid TLS configuration: Could not load X509 key pair (cert: "/nope/c.pem", '
    'key: "/nope/k.pem"): open /nope/c.pem: no such file or directory'
)
FLAG = "Status: unknown flag: --nope\nSee 'dockerd --help'., Code: 125"
FATAL = 'time="2026-11-27T01:59:12Z" level=fatal msg="no" error="plugin not found"'


@pytest.mark.parametrize(
    ('lines', 'reason'),
    (
        ((), ''),
        ((STARTING,), ''),
        ((UP,), ''),
        ((STARTING, DRIVER, NOT_STARTED), NOT_STARTED),
        ((STARTING, NOT_STARTED, STARTING, UP), ''),
        ((UP, STARTING, NOT_STARTED), NOT_STARTED),
        ((NOT_STARTED, STARTING, NO_CERTIFICATE), NO_CERTIFICATE),
        ((STARTING, NO_CERTIFICATE), NO_CERTIFICATE),
        (FLAG.splitlines(), 'Status: unknown flag: --nope'),
        ((STARTING, FATAL), 'no: plugin not found'),
        ((STARTING, DRIVER), ''),
        ((UP, DRIVER, DOWN), ''),
        ((STARTING, NO_CERTIFICATE, DOWN), NO_CERTIFICATE),
        ((f'{JSON_LOGGED} up"}}', 'panic: no memory'), 'panic: no memory'),
        (
            ('failed to start daemon: proxy http://user:hunter2@p:1 is bad', ' '),
            'failed to start daemon: proxy http://xxxxx:xxxxx@p:1 is bad',
        ),
    ),
)
def test_the_reason_is_the_last_since_it_ran(lines, reason):
    assert reason_of(lines) == reason
