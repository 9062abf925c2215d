"""Proxies and lists of what goes without one: their rules. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.redact import learn, redact_input
from registry_host.settings.checking import (
    Checked,
    Checker,
    check_authority,
    require_characters,
    take_apart,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from registry_host.settings.noproxy import NoProxy


class Proxy(NamedTuple):
    """A proxy. Only reveal() gives away its user info; str() and repr() mask it."""

    text: str
    key: tuple[Hashable, Hashable, Hashable, Hashable]

    def __repr__(self) -> str:
        return f'Proxy({str(self)!r})'

    def __str__(self) -> str:
        return redact_input(self.text)

    def reveal(self) -> str:
        return self.text

    @property
    def without_user_info(self) -> Hashable:
        """The key of the same proxy, addressed without user and password."""
        scheme, _, host, port = self.key
        return scheme, None, host, port

    def selects(self, other: Proxy) -> bool:
        """Whether `other` is this proxy; one without a password stands for any."""
        return self.key in (other.key, other.without_user_info)


def check_proxy(text: str, kind: str) -> Checked[Proxy]:
    """Hold a proxy URL against what Go and curl both take. `kind` names the setting."""
    check = Checker(kind, 'proxy', text)
    if not text.strip():
        check.error('empty', 'the proxy is empty', 'http://proxy.example:3128')
        return check.result(None)
    require_characters(check, text)
    parts = take_apart(text.strip())
    if not parts.scheme:
        meant = '' if '@' in text else f'http://{text.strip().lstrip("/")}'
        check.error('scheme', 'the scheme is missing', meant)
    elif parts.scheme not in ('http', 'https', 'socks5', 'socks5h'):
        check.error('scheme', 'the scheme must be http, https or socks5')
    if parts.user_info and re.search(
        r'[/?#@\[\]]|%(?![0-9A-Fa-f]{2})', parts.user_info
    ):
        check.error(
            'userinfo',
            'user or password holds a character that must be percent-encoded: '
            '/ is %2F, @ is %40, # is %23, ? is %3F, % is %25',
        )
    host, port = check_authority(check, parts)
    if (
        parts.path not in ('', '/')
        or parts.query is not None
        or parts.fragment is not None
    ):
        check.error('path', 'a proxy is host and port, without a path')
    check.keep_hints(lambda hint: check_proxy(hint, kind))
    key = (parts.scheme, parts.user_info, host, port)
    if parts.user_info:
        learn(text.strip())
    return check.result(Proxy(text.strip(), key))


def check_no_proxy(text: str) -> Checked[NoProxy]:
    """Hold a NO_PROXY list against how Go reads it: commas alone separate entries."""
    from registry_host.settings.noproxy import parse_no_proxy

    check = Checker('no-proxy', 'no-proxy', text)
    value = parse_no_proxy(text)
    for entry in value.entries:
        shown = redact_input(entry)
        if re.search(r'[\s;]', entry):
            meant = ','.join(re.split(r'[\s;]+', shown))
            check.error(
                'separator', f'{shown!r} is not one entry: commas separate', meant
            )
        elif '://' in entry:
            meant = shown.partition('://')[2].partition('/')[0]
            check.error('scheme', f'{shown!r} is a URL, not a host', meant)
        elif odd := re.search(r'[^\w.:/*%<>~@\[\]+-]', entry):
            check.error('character', f'{shown!r} holds {odd[0]!r}, which no host has')
    if not value.entries:
        check.error('empty', 'the list is empty', 'localhost,.example.com,10.0.0.0/8')
    return check.result(value)
