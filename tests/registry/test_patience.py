"""The header Retry-After, and times for people."""

from __future__ import annotations

import pytest

from registry_host.host.wire import Answer
from registry_host.registry.patience import LONGEST_WAIT_S, retry_after, shown_time


@pytest.mark.parametrize(
    ('text', 'seconds'),
    (
        ('5', 5.0),
        (' 5 ', 5.0),
        ('0', 0.0),
        ('999999999', 999999999.0),
        ('', None),
        ('-5', None),
        ('1.5', None),
        ('soon', None),
        ('٣', None),
        ('9' * 400, None),
        ('Thu, 01 Jan 1970 00:00:00 GMT', 0.0),
        ('Mon, 01 Jan 0001 00:00:00 GMT', 0.0),
        ('Mon, 01 Jan 0001 00:00:00 -0000', 0.0),
        ('Fri, 31 Dec 9999 23:59:59 -0000', ...),
        ('Fri, 31 Dec 9999 23:59:59 -2359', ...),
        ('Fri, 99 Dec 2026 99:99:99 GMT', None),
        ('5, 7', None),
    ),
)
def test_the_header_retry_after(text, seconds):
    answer = Answer(status=429, headers={'retry-after': text}, body=b'', url='')
    found = retry_after(answer)
    if seconds is ...:
        assert found is None or found > LONGEST_WAIT_S
    else:
        assert found == seconds


@pytest.mark.parametrize(
    ('seconds', 'text'),
    ((0, '0 s'), (119.4, '119 s'), (120, '2 min'), (7199, '120 min'), (18000, '5 h')),
)
def test_times_for_people(seconds, text):
    assert shown_time(seconds) == text
