from __future__ import annotations

import pytest
from recorded import load

from registry_host.engine.rules import (
    engine_accepts_insecure,
    engine_accepts_mirror,
    engine_mirror,
)
from registry_host.settings.insecure import registry_key

ERAS = {
    'A': ((20, 10, 24), (24, 0, 7)),
    'B': ((24, 0, 8), (26, 1, 5), (28, 2, 2)),
    'C': ((28, 3, 0), (28, 5, 2), (29, 6, 0)),
    'D': ((29, 7, 0),),
}
MIRRORS = load('mirrors')['cases']
INSECURE = load('insecure_registries')['cases']
LISTS = load('mirror_lists_and_endpoints')


@pytest.mark.parametrize('case', MIRRORS, ids=lambda case: repr(case['input']))
@pytest.mark.parametrize('era', ERAS)
def test_mirror_of_each_era(case, era):
    expected = case.get('ok_by_era', {}).get(era, case['ok'])
    for version in ERAS[era]:
        assert engine_accepts_mirror(case['input'], version) is expected


@pytest.mark.parametrize(
    'case',
    [case for case in MIRRORS if case.get('normalized')],
    ids=lambda case: repr(case['input']),
)
def test_mirror_as_the_engine_shows_it(case):
    assert engine_mirror(case['input']) == case['normalized']


@pytest.mark.parametrize('case', INSECURE, ids=lambda case: repr(case['input']))
def test_insecure_registry(case):
    assert engine_accepts_insecure(case['input'], (28, 5, 2)) is case['ok']
    before_25 = case.get('ok_before_25.0', case['ok'])
    assert engine_accepts_insecure(case['input'], (20, 10, 24)) is before_25
    if case['ok']:
        shown = (case['becomes'], case['normalized'])
        assert registry_key(case['input']) == shown
