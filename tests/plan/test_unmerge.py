"""Three states of a file: before a run, after it, and now."""

from __future__ import annotations

import json

import pytest

from registry_host.plan.unmerge import InseparableError, holds, revert

BEFORE = b'{"labels": ["a"],  "list": ["t"]}'
AFTER = b'{"labels": ["a"],  "list": ["o", "t"], "new": {"x": "1"}}'


@pytest.mark.parametrize(
    ('now', 'expected'),
    (
        pytest.param(AFTER, BEFORE, id='as-we-left-it'),
        pytest.param(BEFORE, BEFORE, id='not-written-yet'),
        pytest.param(
            b'{"labels": ["a"],  "list": ["o", "t", "u"], "new": {"x": "1"}}',
            b'{"labels": ["a"],  "list": ["t", "u"]}',
            id='entry-added',
        ),
        pytest.param(
            b'{"labels": ["b"],  "list": ["o", "t"], "new": {"x": "1", "y": 2}}',
            b'{"labels": ["b"],  "list": ["t"], "new": {"y": 2}}',
            id='members-changed-and-added',
        ),
        pytest.param(
            b'{"list": ["t"], "more": 1}', b'{"list": ["t"], "more": 1}', id='lost'
        ),
        pytest.param(b'{"list": ["o"]}', b'{"list": []}', id='entry-removed'),
        pytest.param(None, None, id='file-removed'),
    ),
)
def test_what_others_wrote_stays(now, expected):
    assert revert(BEFORE, AFTER, now) == expected


def test_a_file_that_we_made_goes_if_nobody_extended_it():
    after = b'{"auths": {}, "list": ["o"]}'
    assert revert(None, after, after) is None
    assert revert(None, after, b'{"list":["o"]}') is None
    assert revert(None, after, b'{"list":["o"],"x":1}') == b'{"x":1}'


def test_what_the_run_removed_comes_back():
    before, after = b'{"list": ["o", "t"]}', b'{"list": ["t"]}'
    now = b'{"list": ["t", "u"], "x": 1}'
    assert json.loads(revert(before, after, now)) == {
        'list': ['o', 't', 'u'],
        'x': 1,
    }
    # Somebody else has put it there meanwhile: once is enough.
    assert revert(before, after, before + b'\n') == before + b'\n'


@pytest.mark.parametrize(
    'now',
    (
        pytest.param(b'{"labels": ["a"], "list": "o", "new": {"x": "1"}}', id='type'),
        pytest.param(b'{"labels": ["a"], "new": {"x": "2"}}', id='value'),
        pytest.param(b'{"labels": ["a"], "new": {"x": "1"', id='not-json'),
    ),
)
def test_what_cannot_be_told_apart_is_not_touched(now):
    with pytest.raises(InseparableError):
        revert(BEFORE, AFTER, now)
    assert not holds(BEFORE, AFTER, now)


def test_what_is_not_json_goes_back_whole_or_not_at_all():
    before, after = b'nameserver 192.0.2.1\n', b'nameserver 9.9.9.9\n'
    assert revert(before, after, after) == before
    assert revert(before, after, before) == before
    with pytest.raises(InseparableError):
        revert(before, after, b'nameserver 192.0.2.2\n')


def test_holds():
    assert holds(BEFORE, AFTER, AFTER)
    assert holds(BEFORE, AFTER, AFTER[:-1] + b', "more": 1}')
    assert not holds(BEFORE, AFTER, BEFORE)
    assert not holds(BEFORE, AFTER, None)


@pytest.mark.parametrize(
    ('before', 'after', 'now', 'expected'),
    (
        pytest.param(b'a\n', b'x\na\n', b'x\nb\n', b'b\n', id='theirs-stays'),
        pytest.param(b'a\n', b'x\na\n', b'x\nx\na\n', b'x\na\n', id='one-of-two'),
        pytest.param(b'a\n', b'x\na\n', b'b', b'b', id='gone-already'),
        pytest.param(None, b'x\n', b'x\nb\n', b'b\n', id='made-by-us'),
        pytest.param(b'x\na\n', b'y\na\n', b'b\ny\n', b'b\nx\n', id='another-of-ours'),
        pytest.param(None, b'x\n', b'x\r\n', None, id='nothing-left'),
        pytest.param(b'a\n', b'x\na\n', None, None, id='no-file'),
    ),
)
def test_lines_go_and_those_of_others_stay(before, after, now, expected):
    assert revert(before, after, now, is_text=True) == expected


def test_lines_that_were_taken_out_are_not_guessed_at():
    with pytest.raises(InseparableError):
        revert(b'a\nb\n', b'b\n', b'b\nc\n', is_text=True)
    assert not holds(b'a\nb\n', b'b\n', b'a\nb\nc\n', is_text=True)
    assert holds(b'a\n', b'x\na\n', b'x\na\nb\n', is_text=True)
    assert not holds(b'a\n', b'x\na\n', b'a\nb\n', is_text=True)
