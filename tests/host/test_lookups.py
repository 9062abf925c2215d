"""One nameserver is asked for one name."""

from __future__ import annotations

import time

from webservers import free_port, name_server

from registry_host.host.lookups import look_up


def test_an_address_is_found():
    with name_server({'hub.lab': '192.0.2.9'}) as port:
        found = look_up('hub.lab', '127.0.0.1', timeout_s=2, port=port)
    assert (found.addresses, found.failure, found.is_answered) == (
        ('192.0.2.9',),
        '',
        True,
    )


def test_a_name_that_is_not_known():
    with name_server({}) as port:
        found = look_up('hub.lab', '127.0.0.1', timeout_s=2, port=port)
    assert (found.failure, found.is_answered) == ('NXDOMAIN', True)


def test_a_refusal_is_told_from_silence():
    """The kernel tells it to a connected socket alone."""
    started = time.monotonic()
    found = look_up('hub.lab', '127.0.0.1', timeout_s=5, port=free_port())
    assert (found.failure, found.is_answered) == ('Connection refused', False)
    assert time.monotonic() - started < 4
