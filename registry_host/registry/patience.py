"""How long a registry, or its token server, is waited for that asks for a wait."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_host.host.wire import Answer

# A wait that a registry asks for is kept up to here; beyond it, an image fails.
LONGEST_WAIT_S = 120.0
TRIES = 4
LIMITED = 429
# What a server that limits requests, is overloaded or restarts answers: asked again, it
# may be well.
PASSING = frozenset({LIMITED, 500, 502, 503, 504})
# Reasons of a ConnectionFailed: a name that is wrong, and TLS that is not trusted, stay
# so.
LASTING = frozenset({'resolve', 'tls-untrusted', 'not-tls'})


def retry_after(answer: Answer) -> float | None:
    """Read the header Retry-After, seconds or a date (RFC 9110); None for neither."""
    text = answer.headers.get('retry-after', '').strip()
    if re.fullmatch('[0-9]{1,9}', text):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def shown_time(seconds: float) -> str:
    """Write a time for people: 45 s, 12 min, 5 h."""
    if seconds < 120:
        return f'{seconds:.0f} s'
    if seconds < 7200:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.0f} h'
