"""What an engine's answer says of pulls, with what is known besides."""

from __future__ import annotations

import pytest

from registry_host.engine.find import EngineFacts
from registry_host.engine.pulls import Pull, probe_image, verdict
from registry_host.host.host import Host

OK, ABSENT, LIMITED = Pull('ok'), Pull('absent'), Pull('limited')
LATE, FAILED = Pull('late'), Pull('failed')


@pytest.mark.parametrize(
    ('before', 'after', 'is_served', 'expected'),
    (
        pytest.param(None, OK, False, 'ok', id='it-can'),
        pytest.param(FAILED, OK, False, 'ok', id='it-can-now'),
        pytest.param(OK, FAILED, False, 'failed', id='it-could'),
        pytest.param(OK, ABSENT, False, 'failed', id='it-could-and-finds-none'),
        pytest.param(OK, LATE, False, 'failed', id='it-could-and-waits-for-ever'),
        pytest.param(OK, LIMITED, False, 'skipped', id='rate-limit'),
        pytest.param(None, LIMITED, True, 'skipped', id='rate-limit-with-a-mirror'),
        pytest.param(None, FAILED, True, 'failed', id='a-mirror-has-it'),
        pytest.param(FAILED, FAILED, True, 'failed', id='a-mirror-has-it-all-the-same'),
        pytest.param(FAILED, FAILED, False, 'warning', id='it-never-could'),
        pytest.param(None, FAILED, False, 'warning', id='not-asked-before'),
        pytest.param(None, ABSENT, False, 'skipped', id='no-such-image'),
        pytest.param(ABSENT, ABSENT, True, 'skipped', id='404-says-little'),
        pytest.param(LATE, LATE, False, 'skipped', id='too-slow-to-tell'),
    ),
)
def test_verdict(before, after, is_served, expected):
    found = verdict(before, after, is_served=is_served, is_any_answering=False)
    assert found == expected


@pytest.mark.parametrize('after', (ABSENT, FAILED, LATE))
def test_an_engine_that_does_not_ask_all_endpoints_proves_nothing(after):
    assert verdict(OK, after, is_served=False, is_any_answering=True) == 'skipped'


class Sockets(Host):
    """Systemd would start the engine for whoever asks at its socket."""

    asked = 0

    def connect_unix(self, path, *, timeout_s):
        self.asked += 1
        raise ConnectionRefusedError


@pytest.mark.parametrize(('state', 'asked'), (('stopped', 0), ('running', 1)))
def test_an_engine_that_does_not_run_is_not_asked_for_its_images(state, asked):
    host = Sockets()
    assert str(probe_image(host, EngineFacts(state))) == 'library/hello-world:latest'
    assert host.asked == asked
