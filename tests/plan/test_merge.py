from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_host.plan.merge import ListMerge, ValueMerge, merge_list, merge_value


def merged(current, applied, wanted, *, is_ordered=True):
    merge = merge_list(
        current,
        applied,
        wanted,
        key=lambda text: text.rstrip('/'),
        is_ordered=is_ordered,
    )
    kept = [text for i, text in enumerate(current) if i not in merge.drop]
    return [*merge.insert, *kept], list(merge.managed)


@pytest.mark.parametrize(
    ('current', 'applied', 'wanted', 'result', 'managed'),
    (
        pytest.param([], [], ['a'], ['a'], ['a'], id='first-entry'),
        pytest.param(
            ['f'], [], ['a', 'b'], ['a', 'b', 'f'], ['a', 'b'], id='ours-first'
        ),
        pytest.param(['a', 'f'], ['a'], ['a'], ['a', 'f'], ['a'], id='converged'),
        pytest.param(['f', 'a'], ['a'], ['a'], ['a', 'f'], ['a'], id='moved-to-front'),
        pytest.param(
            ['a', 'f'], ['a'], ['b', 'a'], ['b', 'a', 'f'], ['b', 'a'], id='new-order'
        ),
        pytest.param(['a', 'f'], ['a'], ['b'], ['b', 'f'], ['b'], id='replaced'),
        pytest.param(['a', 'f'], ['a'], [], ['f'], [], id='withdrawn'),
        pytest.param(['f', 'g'], [], [], ['f', 'g'], [], id='nothing-asked'),
        pytest.param(['f'], ['a'], ['a'], ['a', 'f'], ['a'], id='removed-by-hand'),
        pytest.param(['f'], ['a'], [], ['f'], [], id='removed-by-hand-and-withdrawn'),
        pytest.param(['a/', 'f'], [], ['a'], ['a/', 'f'], [], id='foreign-serves'),
        pytest.param(
            ['f', 'a/'], [], ['a'], ['f', 'a/'], [], id='foreign-stays-second'
        ),
        pytest.param(['a/'], [], [], ['a/'], [], id='foreign-is-not-withdrawn'),
        pytest.param(
            ['b', 'a/'], ['b'], ['a', 'b'], ['b', 'a/'], ['b'], id='ours-and-foreign'
        ),
        pytest.param(
            ['a', 'a/'], ['a'], ['a'], ['a', 'a/'], ['a'], id='twin-of-ours-is-foreign'
        ),
        pytest.param(['a', 'a/'], ['a'], [], ['a/'], [], id='twin-stays-on-withdrawal'),
        pytest.param(
            ['a', 'a'], ['a'], [], ['a'], [], id='only-one-of-a-double-is-ours'
        ),
        pytest.param([], [], ['a', 'a/'], ['a'], ['a'], id='asked-twice'),
    ),
)
def test_ordered_list(current, applied, wanted, result, managed):
    assert merged(current, applied, wanted) == (result, managed)


@pytest.mark.parametrize(
    ('current', 'applied', 'wanted', 'result', 'managed'),
    (
        pytest.param(['f', 'a'], ['a'], ['a'], ['f', 'a'], ['a'], id='stays-in-place'),
        pytest.param(
            ['f', 'a'], ['a'], ['b', 'a'], ['b', 'f', 'a'], ['b', 'a'], id='one-more'
        ),
        pytest.param(['f', 'a'], ['a'], [], ['f'], [], id='withdrawn'),
    ),
)
def test_unordered_list(current, applied, wanted, result, managed):
    assert merged(current, applied, wanted, is_ordered=False) == (result, managed)


names = st.lists(st.sampled_from(['a', 'a/', 'b', 'b/', 'c', 'd']), max_size=5)


@settings(max_examples=300, derandomize=True)
@given(current=names, applied=names, wanted=names, is_ordered=st.booleans())
def test_any_list(current, applied, wanted, is_ordered):
    once, managed = merged(current, applied, wanted, is_ordered=is_ordered)
    left = [text for text in current if text not in applied]
    foreign = [text for text in once if text not in managed]
    assert [text for text in foreign if text not in applied] == [
        text for text in left if text not in managed
    ]
    assert {text.rstrip('/') for text in wanted} <= {text.rstrip('/') for text in once}
    again = merged(once, managed, wanted, is_ordered=is_ordered)
    assert again == (once, managed)
    withdrawn, _ = merged(once, managed, [], is_ordered=is_ordered)
    assert len(withdrawn) == len(once) - len(managed)


@pytest.mark.parametrize(
    ('current', 'applied', 'before', 'wanted', 'expected'),
    (
        pytest.param(None, None, None, 'a', ('a', 'a', None), id='first'),
        pytest.param('f', None, None, 'a', ('a', 'a', 'f'), id='foreign-is-remembered'),
        pytest.param('a/', None, None, 'a', ('a/', None, None), id='foreign-serves'),
        pytest.param('a', 'a', 'f', 'a', ('a', 'a', 'f'), id='converged'),
        pytest.param('a', 'a', 'f', 'b', ('b', 'b', 'f'), id='replaced'),
        pytest.param('a', 'a', 'f', None, ('f', None, None), id='brought-back'),
        pytest.param('a', 'a', None, None, (None, None, None), id='withdrawn'),
        pytest.param('g', 'a', 'f', None, ('g', None, None), id='theirs-by-now'),
        pytest.param('g', 'a', 'f', 'b', ('b', 'b', 'g'), id='theirs-is-remembered'),
        pytest.param(None, 'a', 'f', None, (None, None, None), id='removed-by-hand'),
    ),
)
def test_value(current, applied, before, wanted, expected):
    value, managed, was = expected
    merge = merge_value(
        current,
        () if applied is None else (applied,),
        before,
        wanted,
        key=lambda text: text.rstrip('/'),
    )
    assert merge == ValueMerge(value=value, managed=managed, before=was)


def test_empty_merge_is_known_as_such():
    assert ListMerge(insert=(), drop=frozenset(), managed=('a',)).is_empty
