"""What other machines answered, as proofs."""

from __future__ import annotations

import pytest

from registry_host.errors import Problem
from registry_host.host.host import Host
from registry_host.registry.probe import Probe
from registry_host.services.transition import Checks
from registry_host.settings.images import HELLO
from registry_host.settings.mirrors import check_mirror
from registry_host.targets import reached

MIRROR = check_mirror('http://m.lab:5000').value
DEAD = Problem('mirror-unreachable', 'refuses the connection', str(MIRROR))
UNKNOWN = Problem('mirror-unresolved', 'its name is not found', str(MIRROR))


def said(proofs, level='reachable'):
    found = list(proofs)
    assert {proof.level for proof in found} <= {level}
    return [(proof.what, proof.outcome, proof.detail) for proof in found]


@pytest.mark.parametrize(
    ('problem', 'has_image', 'outcome', 'detail'),
    (
        (None, None, 'ok', 'answers as a registry (7 ms)'),
        (None, True, 'ok', f'answers as a registry (7 ms), has {HELLO}'),
        (None, False, 'ok', f'answers as a registry (7 ms), does not have {HELLO}'),
        (DEAD, None, 'failed', 'refuses the connection'),
        (UNKNOWN, None, 'skipped', 'its name needs the new nameservers'),
    ),
)
def test_mirrors(problem, has_image, outcome, detail):
    probe = Probe(mirror=MIRROR, problem=problem, elapsed_ms=7, has_image=has_image)
    found = said(reached.mirrors([probe], HELLO, ['m.lab']))
    assert found == [('http://m.lab:5000', outcome, detail)]


def test_a_name_that_nobody_will_know_is_a_failure():
    probe = Probe(mirror=MIRROR, problem=UNKNOWN)
    ((_, outcome, detail),) = said(reached.mirrors([probe], HELLO, ['other.lab']))
    assert (outcome, detail) == ('failed', 'its name is not found')


def test_nameservers():
    wrong = Problem('nameserver-dead', 'does not resolve m', '--nameserver 192.0.2.1')
    found = said(reached.nameservers(['192.0.2.1', '192.0.2.2'], ['m', 'n'], [wrong]))
    assert found == [
        ('192.0.2.1', 'failed', 'does not resolve m'),
        ('192.0.2.2', 'ok', 'resolves m, n'),
    ]


PROXIES = {'http-proxy': 'http://u:hunter2@p', 'https-proxy': 'http://u:hunter2@q'}
REFUSED = Problem('proxy-unreachable', 'could not be used', 'http-proxy')


@pytest.mark.parametrize(
    ('problems', 'outcomes'),
    (
        ((), ['ok', 'ok']),
        ((REFUSED,), ['failed', 'ok']),
        (None, ['skipped', 'skipped']),
    ),
)
def test_proxies_are_named_by_their_setting(problems, outcomes):
    found = said(reached.proxies(PROXIES, problems))
    assert [what for what, _, _ in found] == list(PROXIES)
    assert [outcome for _, outcome, _ in found] == outcomes


@pytest.mark.parametrize(
    ('checks', 'is_concerned', 'why'),
    (
        (Checks(unproved='the engine does not run'), True, 'the engine does not run'),
        (Checks(), True, 'no image is named to ask for'),
        (Checks(image=HELLO), True, ''),
        (Checks(), False, ''),
    ),
)
def test_why_the_engine_is_not_asked(tmp_path, checks, is_concerned, why):
    host = Host(str(tmp_path))
    reached.note(host, checks, is_concerned=is_concerned)
    expected = [('', 'skipped', why)] if why else []
    assert said(host.progress.proofs, 'pulls') == expected


def test_what_is_not_asked_has_a_reason():
    assert [tuple(proof) for proof in reached.unasked([MIRROR], '--no-probe')] == [
        ('reachable', 'http://m.lab:5000', 'skipped', '--no-probe'),
        ('pulls', '', 'skipped', '--no-probe'),
    ]
