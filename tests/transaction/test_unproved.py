"""A proof that a run could not have is remembered until one has it."""

from __future__ import annotations

import pytest

from registry_host.errors import Finding
from registry_host.host.host import Host
from registry_host.host.locations import UNPROVED
from registry_host.services.transition import Checks
from registry_host.settings.images import HELLO
from registry_host.transaction.unproved import Unproved, forget, load, remember

ASKED = Checks(image=HELLO, has_asked=True)
WAIVED = Checks(unproved='waived', has_asked=False)
OK = (Finding('pulls', 'ok', 'Docker resolves it'),)
SKIPPED = (Finding('other', 'warning', 'no'), Finding('pulls', 'skipped', 'rate limit'))


def settle(host, checks, findings, *, run=None, is_put_off=False):
    remember(host, checks, findings, run=run, is_put_off=is_put_off)
    forget(host, checks, findings, is_put_off=is_put_off)


@pytest.fixture
def host(root):
    return Host(str(root.path))


@pytest.mark.parametrize(
    ('checks', 'findings', 'is_put_off', 'expected'),
    (
        pytest.param(ASKED, OK, False, None, id='proved'),
        pytest.param(Checks(), (), False, None, id='not-about-pulls'),
        pytest.param(Checks(), (), True, None, id='switched-off'),
        pytest.param(ASKED, SKIPPED, False, 'rate limit', id='skipped'),
        pytest.param(ASKED, OK, True, 'a restart was put off', id='put-off'),
        pytest.param(ASKED, SKIPPED, True, 'rate limit', id='skipped-and-put-off'),
        pytest.param(WAIVED, (), False, 'waived', id='waived'),
    ),
)
def test_what_is_remembered(host, checks, findings, is_put_off, expected):
    settle(host, checks, findings, run=7, is_put_off=is_put_off)
    has_asked = checks != WAIVED
    assert load(host) == (expected and Unproved(7, expected, has_asked))


def test_it_is_forgotten_once_it_is_proved_and_not_before(host):
    settle(host, ASKED, SKIPPED, run=7)
    settle(host, Checks(), (), run=8)
    settle(host, ASKED, SKIPPED)
    assert load(host) == Unproved(7, 'rate limit', True)
    settle(host, ASKED, OK)
    assert load(host) is None


def test_nothing_is_left_to_prove_where_nothing_is_managed(host):
    settle(host, WAIVED, (), run=7)
    settle(host, WAIVED._replace(is_moot=True), (), run=8)
    assert load(host) is None
    settle(host, ASKED._replace(is_moot=True), SKIPPED, run=9)
    assert load(host) is None


def test_a_run_in_no_history_is_remembered_too(host):
    settle(host, ASKED, SKIPPED)
    assert load(host) == Unproved(0, 'rate limit', True)


@pytest.mark.parametrize('content', ('{', '[]', '{"run": 1}', '{"run": "x"}'))
def test_a_damaged_record_is_an_open_proof(root, host, content):
    root.write(UNPROVED, content, 0o600)
    assert load(host) == Unproved(0, 'the record of it is damaged')


def test_mirrors_that_were_not_asked_stay_to_be_asked(host):
    """The engine's own proof may have come from Docker Hub."""
    settle(host, WAIVED, (), run=7)
    settle(host, Checks(image=HELLO), OK)
    assert load(host) == Unproved(7, 'waived', False)
    settle(host, ASKED, SKIPPED)
    assert load(host) == Unproved(7, 'waived', True)
    settle(host, Checks(image=HELLO), OK)
    assert load(host) is None
