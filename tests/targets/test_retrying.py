from __future__ import annotations

import pytest

from registry_host.errors import Problem, repeat_with
from registry_host.registry.faults import around_proxy
from registry_host.settings.mirrors import Mirror
from registry_host.settings.model import NOTHING_ASKED
from registry_host.settings.noproxy import NoProxy
from registry_host.targets import retrying

MIRROR = Mirror('http', 'm.lab', 5000)
OWN = NoProxy(('.own.lab',))


@pytest.mark.parametrize(
    ('asked', 'hint'),
    (
        ({}, repeat_with('--no-proxy m.lab --proxy-for engine')),
        ({'proxy_for': frozenset({'both'})}, repeat_with('--no-proxy m.lab')),
        (
            {'no_proxy': OWN, 'proxy_for': frozenset({'engine'})},
            repeat_with('--no-proxy .own.lab,m.lab'),
        ),
        # A run by the settings file alone would be another one with flags.
        ({'no_proxy': OWN, 'is_declaration': True}, 'no-proxy = ".own.lab,m.lab"'),
    ),
)
def test_the_way_around_a_proxy_is_the_whole_run(asked, hint):
    settings = NOTHING_ASKED._replace(**asked)
    problem = Problem('proxy-unreachable', 'could not', hint=around_proxy(MIRROR))
    assert retrying.around_proxy(problem, MIRROR, settings).hint == hint


def test_another_hint_is_left_as_it_is():
    problem = Problem('mirror-unreachable', 'could not', hint='getent ahosts m.lab')
    assert retrying.around_proxy(problem, MIRROR, NOTHING_ASKED) == problem


@pytest.mark.parametrize(('hint', 'lines'), (('', []), ('ls /x', ['ls /x'])))
def test_a_run_may_be_made_without_being_proved(hint, lines):
    found = retrying.or_all_the_same(Problem('x', 'y', hint=hint)).hint
    assert found.split('\n') == [*lines, repeat_with('--no-probe')]
