"""How one value is checked: its characters, host and port; what came of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar('T')
HOST_LIMIT = 253
PORT_LIMIT = 65535
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*)://')
_BROKEN_SCHEME = re.compile(r'(https?)(?::/?|/{1,2})(?=[^/])', re.IGNORECASE)
_LABEL = re.compile(r'[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?', re.ASCII)
DEFAULT_PORTS = {'http': 80, 'https': 443}


class Checked(Generic[T]):
    """What became of one input: a value, or the errors why there is none.

    `input` is redacted, and safe to show. No dataclass, nor is any record here: each
    would cost every start half a millisecond.
    """

    __slots__ = ('errors', 'input', 'kind', 'value', 'warnings')

    def __init__(
        self,
        *,
        input: str,
        kind: str,
        value: T | None,
        errors: tuple[Problem, ...] = (),
        warnings: tuple[Problem, ...] = (),
    ) -> None:
        self.input = input
        self.kind = kind
        self.value = value
        self.errors = errors
        self.warnings = warnings

    def at(self, where: str) -> Checked[T]:
        """Say of each problem where the input stands."""
        return Checked(
            input=self.input,
            kind=self.kind,
            value=self.value,
            errors=tuple(problem.at(where) for problem in self.errors),
            warnings=tuple(problem.at(where) for problem in self.warnings),
        )


def endpoint_of(host: str, port: int | None) -> str:
    shown = f'[{host}]' if ':' in host else host
    return shown if port is None else f'{shown}:{port}'


def is_address(host: str) -> bool:
    if ':' not in host and not host.replace('.', '').isdigit():
        return False
    from ipaddress import ip_address

    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Checker:
    """Collects all that is wrong with one input, in a stable order."""

    def __init__(self, kind: str, prefix: str, text: str) -> None:
        self.kind = kind
        self.prefix = prefix
        self.shown = redact_input(text)
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(self, rule: str, message: str, hint: str = '') -> None:
        self.errors.append(self._problem(rule, message, hint))

    def warn(self, rule: str, message: str, hint: str = '') -> None:
        self.warnings.append(self._problem(rule, message, hint))

    def _problem(self, rule: str, message: str, hint: str) -> Problem:
        shown = self.shown if len(self.shown) <= 200 else self.shown[:200] + '…'
        code = f'{self.prefix}-{rule}'
        return Problem(code=code, message=f'{shown!r}: {message}', hint=hint)

    def keep_hints(self, check: Callable[[str], Checked[Any]]) -> None:
        """Drop each hint that is a URL, and is refused when it is pasted."""
        self.errors = [
            problem._replace(hint='')
            if re.match('https?://[^ …]*$', problem.hint) and check(problem.hint).errors
            else problem
            for problem in self.errors
        ]

    def result(self, value: T | None) -> Checked[T]:
        errors = tuple(self.errors)
        return Checked(
            input=self.shown,
            kind=self.kind,
            value=None if errors else value,
            errors=errors,
            warnings=() if errors else tuple(self.warnings),
        )

    def host(self, text: str) -> str | None:
        """Check a host name or address; None if it is neither."""
        reason, hint = '', ''
        host = _to_ascii(text)
        if not text:
            reason = 'the host is missing'
        elif host is None:
            reason = 'the host is not a valid international name'
        elif '%' in host and ':' in host:
            reason, hint = 'a zone is not allowed', host.partition('%')[0]
        elif host.endswith('.'):
            reason, hint = 'the host ends in a dot', host.rstrip('.')
        elif ':' in host or host.replace('.', '').isdigit():
            reason = '' if is_address(host) else 'the address is not valid'
        else:
            reason, hint = _name_reason(host)
        if reason:
            self.error('host', reason, hint)
            return None
        return compressed(host) if host and ':' in host else host

    def port(self, text: str | None) -> int | None:
        if text is None:
            return None
        if not re.fullmatch(r'[0-9]{1,5}', text) or not 1 <= int(text) <= PORT_LIMIT:
            self.error('port', 'the port must be a number from 1 to 65535')
            return None
        return int(text)


def _to_ascii(text: str) -> str | None:
    if text.isascii():
        return text.lower()
    import idna

    try:
        return idna.encode(text, uts46=True).decode().lower()
    except idna.IDNAError:
        return None


def compressed(host: str) -> str:
    from ipaddress import ip_address

    return str(ip_address(host))


def _name_reason(host: str) -> tuple[str, str]:
    if len(host) > HOST_LIMIT:
        return f'the host is longer than {HOST_LIMIT} characters', ''
    for label in host.split('.'):
        if not label:
            return 'the host has an empty label', re.sub(r'\.+', '.', host).strip('.')
        if '_' in label:
            return 'a host name has no underscore', host.replace('_', '-')
        if len(label) > 63:
            return 'a label of the host is longer than 63 characters', ''
        if not _LABEL.fullmatch(label):
            return 'the host is not a name of letters, digits, hyphens and dots', ''
    return '', ''


class Parts(NamedTuple):
    """A URL taken apart without judging it. None: the part is missing."""

    scheme: str
    user_info: str | None
    host: str
    port: str | None
    path: str
    query: str | None
    fragment: str | None
    is_unbracketed: bool


def take_apart(text: str) -> Parts:
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    # A password may hold slashes: the last '@' ends the user info, not the first '/'.
    user_info, at, rest = rest.rpartition('@')
    rest, hash_mark, fragment = rest.partition('#')
    rest, question_mark, query = rest.partition('?')
    authority, slash, path = rest.partition('/')
    host, port, is_unbracketed = _split_port(authority)
    return Parts(
        scheme=scheme[1].lower() if scheme else '',
        user_info=user_info if at else None,
        host=host,
        port=port,
        path=slash + path,
        query=query if question_mark else None,
        fragment=fragment if hash_mark else None,
        is_unbracketed=is_unbracketed,
    )


def _split_port(authority: str) -> tuple[str, str | None, bool]:
    bracketed = re.fullmatch(r'\[([^\[\]]*)\](?::(.*))?', authority, re.DOTALL)
    if bracketed:
        return bracketed[1], bracketed[2], False
    if authority.count(':') > 1:
        return authority, None, True
    host, colon, port = authority.partition(':')
    return host, port if colon else None, False


# The prefix of the codes of each kind, where it is another word.
_PREFIXES = {
    'registry-mirror': 'mirror',
    'insecure-registry': 'insecure',
    'http-proxy': 'proxy',
    'https-proxy': 'proxy',
    'dns-search': 'search',
}


def check_characters(kind: str, text: str) -> Checked[Any] | None:
    """Refuse what no setting holds; None where every character may be in one.

    Controls, marks of direction, unassigned code points and halves of a pair (UTF-16)
    look like nothing, or like something else, wherever they are shown, and end or
    change a value in some of the files that it is written into.
    """
    if text.isascii() and text.isprintable():
        return None
    from unicodedata import category

    odd = next((c for c in text if category(c)[0] == 'C' or c in '\u2028\u2029'), None)
    if odd is None:
        return None
    check = Checker(kind, _PREFIXES.get(kind, kind), text)
    name = f'U+{ord(odd):04X}'
    # An undecodable byte of the command line (PEP 383).
    if 0xDC80 <= ord(odd) <= 0xDCFF:
        name = f'the byte 0x{ord(odd) - 0xDC00:02X}, which is not UTF-8'
    check.error('character', f'holds {name}, which no value may hold')
    return check.result(None)


def check_user(name: str) -> Checked[str]:
    """Hold a user's name against what passwd(5) and a command line can take."""
    check = Checker('user', 'user', name)
    if not re.fullmatch(r'[^\s/:-](?:[^\s/:]| )*', name):
        check.error('name', 'is not the name of a user')
    return check.result(name)


_UNPRINTABLE = re.compile(r'[\s\x00-\x1f\x7f\\"<>^`{|}]')


def require_characters(check: Checker, text: str) -> None:
    if not _UNPRINTABLE.search(text):
        return
    stripped = text.strip()
    is_outside = not _UNPRINTABLE.search(stripped)
    hint = redact_input(stripped) if is_outside and '@' not in text else ''
    check.error('character', 'a character that no URL holds, or white space', hint)


def _root_of(parts: Parts) -> str:
    host = f'[{parts.host}]' if ':' in parts.host else parts.host
    port = f':{parts.port}' if parts.port else ''
    return f'{parts.scheme}://{host}{port}' if parts.host else ''


def check_authority(check: Checker, parts: Parts) -> tuple[str | None, int | None]:
    if parts.is_unbracketed:
        is_ipv6 = is_address(parts.host)
        hint = f'[{parts.host}]' if is_ipv6 else ''
        reason = 'two colons, where one stands before the port'
        if is_ipv6:
            reason = 'an IPv6 address must stand in brackets'
        check.error('host', reason, hint)
        return None, None
    return check.host(parts.host), check.port(parts.port)
