"""How a registry asks for a login: the header WWW-Authenticate. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.host.wire import origin_of
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from registry_host.host.wire import Answer

    Auth = Literal['none', 'basic', 'bearer']

# RFC 9110, section 11.6.1: a scheme, and then names with values, quoted or not.
_PARAMETER = r'[\w-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|[^\s,"]+)'
_CHALLENGE = re.compile(rf'([A-Za-z]+)\s+({_PARAMETER}(?:\s*,\s*{_PARAMETER})*)')
_ONE = re.compile(r'([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))')


class Challenge(NamedTuple):
    """What is asked for; `realm` is the URL of the token server, for bearer alone."""

    auth: Auth
    realm: str = ''
    service: str = ''


def challenge_of(headers: Mapping[str, str]) -> Challenge | None:
    """Read what a registry asks for; bearer before basic, as Docker's client does.

    Source: distribution registry/client/auth/session.go (2.8.2): handlers in order.
    """
    found: dict[str, dict[str, str]] = {}
    for scheme, text in _CHALLENGE.findall(headers.get('www-authenticate', '')[:4096]):
        values = {
            name.lower(): re.sub(r'\\(.)', r'\1', quoted) or bare
            for name, quoted, bare in _ONE.findall(text)
        }
        found.setdefault(scheme.lower(), values)
    bearer = found.get('bearer')
    if bearer is not None:
        return Challenge('bearer', bearer.get('realm', ''), bearer.get('service', ''))
    return Challenge('basic') if 'basic' in found else None


def challenge_by(url: str, answer: Answer) -> Challenge | None:
    """Read what an answer asks for, if it came from the registry at `url` itself.

    A login for a registry is not one for a server it redirects to, nor for a token
    server that is named there: distribution
    registry/client/auth/challenge/authchallenge.go (2.8), which keeps challenges by
    scheme and host.
    """
    is_own = origin_of(answer.url) == origin_of(url)
    return challenge_of(answer.headers) if is_own else None
