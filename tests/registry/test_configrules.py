"""Registries from the field: what is wrong is found, and nothing beside it."""

from __future__ import annotations

import pytest
from registrycases import CASES, grave, load, role_of, run

# Where a case has another name for what the check calls so.
NAMES = {
    'letsencrypt-2.8': {'letsencrypt-2.8': 'letsencrypt'},
    'log-level-wrong': {'value': 'log-level'},
    'uploadpurging-age-days': {'value-duration': 'upload-purging'},
}
# These are seen by asking the upstream, which a root folder does not.
ASKED = {'upstream-basic-2.8', 'upstream-login', 'upstream-tls'}


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_case(root, path):
    case = load(path)
    names = NAMES.get(case['name'], {})
    expected = sorted(
        (names.get(each['kind'], each['kind']), each['severity'])
        for each in case['expect']['findings']
        if each['kind'] not in ASKED
    )
    ended = run(root, case['input'])
    assert grave(ended) == expected, ended.out
    assert role_of(ended) == case['expect']['role']
    assert ended.code == ('error' in dict(map(reversed, expected)))
