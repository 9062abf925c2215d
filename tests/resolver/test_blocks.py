"""Lines of ours in a file of others: in, found again, and out without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_host.resolver.blocks import AlteredError, with_block

OURS = ('# ours', 'a=1')
OTHERS = st.lists(
    st.sampled_from(('', 'b=2', '# theirs', 'a=10', ' # ours', '\r', 'é')), max_size=5
)


@given(lines=OTHERS, is_ended=st.booleans(), is_at_top=st.booleans())
def test_out_again_without_a_trace(lines, is_ended, is_at_top):
    before = '\n'.join(lines).encode() + (b'\n' if is_ended and lines else b'')
    made = with_block(before, OURS, (), is_at_top=is_at_top)
    assert with_block(made, OURS, OURS, is_at_top=is_at_top) == made
    other = with_block(made, ('# ours', 'a=3'), OURS, is_at_top=is_at_top)
    assert other == made.replace(b'a=1\n', b'a=3\n').replace(b'a=1', b'a=3') or (
        b'a=10' in before
    )
    assert with_block(made, (), OURS, is_at_top=is_at_top) == before


@pytest.mark.parametrize(
    ('now', 'expected'),
    (
        pytest.param(b'b=2\n# ours\na=1\nc=3\n', b'b=2\nc=3\n', id='between'),
        pytest.param(b'b=2\n', b'b=2\n', id='gone'),
        pytest.param(b'', b'', id='empty'),
    ),
)
def test_wherever_they_stand_now(now, expected):
    assert with_block(now, (), OURS, is_at_top=False) == expected


@pytest.mark.parametrize(
    'now', (b'# ours\na=2\n', b'a=1\n# ours\n', b'# ours\n\na=1\n')
)
def test_what_was_altered_is_not_guessed_at(now):
    with pytest.raises(AlteredError):
        with_block(now, (), OURS, is_at_top=False)
