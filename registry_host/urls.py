"""Mirrors, insecure registries and proxies: parsed, normalised, matched. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from registry_host.errors import Problem
from registry_host.redact import learn, redact_input

if TYPE_CHECKING:
    from registry_host.noproxy import NoProxy

T = TypeVar('T')

HOST_LIMIT = 253
PORT_LIMIT = 65535
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*)://')
_BROKEN_SCHEME = re.compile(r'(https?)(?::/?|/{1,2})(?=[^/])', re.IGNORECASE)
_LABEL = re.compile(r'[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?', re.ASCII)
_DEFAULT_PORTS = {'http': 80, 'https': 443}
_HUB_HOSTS = (
    'registry-1.docker.io',
    'registry.hub.docker.com',
    'index.docker.io',
    'hub.docker.com',
    'docker.io',
)
_OTHER_HUBS = (
    'docker.elastic.co',
    'gcr.io',
    'ghcr.io',
    'mcr.microsoft.com',
    'public.ecr.aws',
    'quay.io',
    'registry.gitlab.com',
    'registry.k8s.io',
)
_PRODUCT_PATH = re.compile(r'/(?:repository|artifactory|nexus)(?:/|$)', re.IGNORECASE)


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


class Mirror(NamedTuple):
    """A registry mirror. `host` is lower-case ASCII, IPv6 without brackets."""

    scheme: str
    host: str
    port: int | None = None

    @property
    def endpoint(self) -> str:
        return _join(self.host, self.port)

    @property
    def url(self) -> str:
        return f'{self.scheme}://{self.endpoint}'

    def __str__(self) -> str:
        return self.url

    @property
    def key(self) -> Hashable:
        """Equal for spellings of the same mirror: http://M:80/ and http://m."""
        return self.scheme, self.host, self.port or _DEFAULT_PORTS[self.scheme]

    @property
    def is_ip(self) -> bool:
        return _is_address(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether the engine takes it for its own host without a lookup."""
        is_v4 = _is_address(self.host) and self.host.startswith('127.')
        return self.host == 'localhost' or self.host == '::1' or is_v4


class Registry(NamedTuple):
    """An insecure registry: HOST[:PORT], or a network. `str()` is what is stored."""

    host: str
    port: int | None = None
    is_bracketed: bool = False
    network: str | None = None

    def __str__(self) -> str:
        if self.network is not None:
            return self.network
        if self.port is None:
            return f'[{self.host}]' if self.is_bracketed else self.host
        return _join(self.host, self.port)

    @property
    def key(self) -> Hashable:
        return self.network or (self.host, self.port)

    @property
    def is_cidr(self) -> bool:
        return self.network is not None

    def matches(self, host: str, port: int | None, addresses: Iterable[str]) -> bool:
        """Say whether the engine holds this registry for insecure by this entry.

        HOST[:PORT] must be equal, port included; a network must hold an address of the
        host. Source: moby daemon/pkg/registry/config.go isSecureIndex, b985e23.
        """
        if self.network is None:
            return (self.host, self.port) == (host, port)
        from ipaddress import ip_address, ip_network

        network = ip_network(self.network)
        return any(ip_address(a) in network for a in addresses if _is_address(a))


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


def _join(host: str, port: int | None) -> str:
    shown = f'[{host}]' if ':' in host else host
    return shown if port is None else f'{shown}:{port}'


def _is_address(host: str) -> bool:
    if ':' not in host and not host.replace('.', '').isdigit():
        return False
    from ipaddress import ip_address

    try:
        ip_address(host)
    except ValueError:
        return False
    return True


# Checking


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
            reason, hint = 'a zone is not allowed', 'use an address without %ZONE'
        elif host.endswith('.'):
            reason, hint = 'the host ends in a dot', host.rstrip('.')
        elif ':' in host or host.replace('.', '').isdigit():
            reason = '' if _is_address(host) else 'the address is not valid'
        else:
            reason, hint = _name_reason(host)
        if reason:
            self.error('host', reason, hint)
            return None
        return _compressed(host) if host and ':' in host else host

    def port(self, text: str | None) -> int | None:
        if text is None:
            return None
        if not re.fullmatch(r'[0-9]{1,5}', text) or not 1 <= int(text) <= PORT_LIMIT:
            self.error(
                'port', 'the port must be a number from 1 to 65535', 'for example :5000'
            )
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


def _compressed(host: str) -> str:
    from ipaddress import ip_address

    return str(ip_address(host))


def _name_reason(host: str) -> tuple[str, str]:
    if len(host) > HOST_LIMIT:
        return f'the host is longer than {HOST_LIMIT} characters', ''
    for label in host.split('.'):
        if not label:
            return 'the host has an empty label', 'remove the extra dot'
        if '_' in label:
            return 'a host name has no underscore', host.replace('_', '-')
        if len(label) > 63:
            return 'a label of the host is longer than 63 characters', ''
        if not _LABEL.fullmatch(label):
            return 'the host is not a valid name', 'letters, digits, hyphens and dots'
    return '', ''


class _Parts(NamedTuple):
    """A URL taken apart without judging it. None: the part is missing."""

    scheme: str
    user_info: str | None
    host: str
    port: str | None
    path: str
    query: str | None
    fragment: str | None
    is_unbracketed: bool


def _take_apart(text: str) -> _Parts:
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    # A password may hold slashes: the last '@' ends the user info, not the first '/'.
    user_info, at, rest = rest.rpartition('@')
    rest, hash_mark, fragment = rest.partition('#')
    rest, question_mark, query = rest.partition('?')
    authority, slash, path = rest.partition('/')
    host, port, is_unbracketed = _split_port(authority)
    return _Parts(
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


def _check_characters(check: Checker, text: str) -> None:
    if not _UNPRINTABLE.search(text):
        return
    stripped = text.strip()
    is_outside = not _UNPRINTABLE.search(stripped)
    hint = redact_input(stripped) if is_outside and '@' not in text else ''
    check.error('character', 'a character that no URL holds, or white space', hint)


def check_mirror(text: str) -> Checked[Mirror]:
    """Hold a registry mirror against our rules, without touching the network.

    Stricter than moby's ValidateMirror (daemon/pkg/registry/config.go, b985e23), which
    accepts an empty host, ports over 65535, and from 24.0.8 on a path.
    """
    check = Checker('registry-mirror', 'mirror', text)
    if not text.strip():
        check.error('empty', 'the mirror is empty', 'http://registry.example:5000')
        return check.result(None)
    _check_characters(check, text)
    parts = _take_apart(text.strip())
    parts = _check_mirror_scheme(check, text.strip(), parts)
    if parts.user_info is not None:
        check.error(
            'userinfo',
            'a mirror cannot be given credentials: an engine does not send them',
            'leave out everything up to the @',
        )
    host, port = _check_authority(check, parts)
    mirror = Mirror(parts.scheme or 'http', host, port) if host else None
    _check_root(check, parts, mirror)
    if mirror is not None and not check.errors:
        _check_mirror_host(check, mirror)
    check.keep_hints(check_mirror)
    return check.result(mirror)


def _check_mirror_scheme(check: Checker, text: str, parts: _Parts) -> _Parts:
    """Check the scheme; return the parts of what was probably meant."""
    if parts.scheme in ('http', 'https'):
        doubled = _SCHEME.match(text[len(parts.scheme) + 3 :])
        if doubled and doubled[1].lower() in ('http', 'https'):
            meant = text[len(parts.scheme) + 3 :]
            check.error('scheme', 'the scheme is given twice', redact_input(meant))
            return _take_apart(meant)
        return parts
    if parts.scheme:
        meant = f'http://{text[len(parts.scheme) + 3 :]}'
        message = f'the scheme must be http or https, not {parts.scheme}'
        check.error('scheme', message, _root_of(_take_apart(meant)))
        return _take_apart(meant)
    broken = _BROKEN_SCHEME.match(text)
    if broken and '@' not in text[: broken.end()]:
        meant = f'{broken[1].lower()}://{text[broken.end() :]}'
    else:
        meant = f'http://{text.lstrip("/")}'
    check.error('scheme', 'the scheme is missing', _root_of(_take_apart(meant)))
    return _take_apart(meant)


def _root_of(parts: _Parts) -> str:
    host = f'[{parts.host}]' if ':' in parts.host else parts.host
    port = f':{parts.port}' if parts.port else ''
    return f'{parts.scheme}://{host}{port}' if parts.host else ''


def _check_authority(check: Checker, parts: _Parts) -> tuple[str | None, int | None]:
    if parts.is_unbracketed:
        is_ipv6 = _is_address(parts.host)
        hint = f'[{parts.host}]' if is_ipv6 else 'one colon, before the port'
        reason = 'an IPv6 address must stand in brackets' if is_ipv6 else 'two colons'
        check.error('host', reason, hint)
        return None, None
    return check.host(parts.host), check.port(parts.port)


def _check_root(check: Checker, parts: _Parts, mirror: Mirror | None) -> None:
    """A mirror is the root of a registry: nothing may follow host and port."""
    root = mirror.url if mirror else ''
    if parts.path not in ('', '/'):
        hint = root
        if _PRODUCT_PATH.match(parts.path):
            own = mirror._replace(port=5000) if mirror else ''
            hint = (
                'a repository of Nexus or Artifactory needs a port or a sub-domain of '
                f'its own: give it one, and use that root, as {own}'
            )
        check.error('path', 'a mirror is a root address, without a path', hint)
    if parts.query is not None:
        check.error('query', 'a mirror has no query', root)
    if parts.fragment is not None:
        check.error('fragment', 'a mirror has no fragment', root)


def _check_mirror_host(check: Checker, mirror: Mirror) -> None:
    meant = _misspelled_hub(mirror.host)
    if meant:
        check.error(
            'hub-typo',
            f'{mirror.host} is not Docker Hub',
            f'did you mean {meant}? (Docker Hub itself needs no mirror)',
        )
    elif mirror.host in _HUB_HOSTS:
        check.warn(
            'hub', 'Docker Hub is asked anyway, after all mirrors', 'leave it out'
        )
    elif mirror.host in _OTHER_HUBS:
        check.warn(
            'other-hub',
            'mirrors are asked for images of Docker Hub alone, which this hub has not',
            'copy its images into a registry of yours',
        )
    elif mirror.is_ip and not mirror.is_loopback:
        check.warn(
            'ip',
            'prefer a DNS name: an address may change',
            f'{mirror.scheme}://NAME' + (f':{mirror.port}' if mirror.port else ''),
        )


def _misspelled_hub(host: str) -> str:
    """Find the host of Docker Hub that was meant, if one was."""
    if host in _HUB_HOSTS:
        return ''
    for name in _HUB_HOSTS:
        allowed = 2 if len(name) > 12 else 1
        if abs(len(name) - len(host)) <= allowed and _distance(host, name) <= allowed:
            return name
    return ''


def _distance(one: str, other: str) -> int:
    """Count the insertions, removals and replacements between two words."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            best = min(row[j] + 1, row[j - 1] + 1, above + (left != right))
            above, row[j] = row[j], best
    return row[-1]


def check_insecure_registry(text: str) -> Checked[Registry]:
    """Hold an entry of insecure-registries against our rules.

    A scheme and one closing slash are dropped, for the engine would drop the one with a
    warning, and not start for the other (moby config.go loadInsecureRegistries).
    """
    check = Checker('insecure-registry', 'insecure', text)
    if not text.strip():
        check.error('empty', 'the registry is empty', 'registry.example:5000')
        return check.result(None)
    _check_characters(check, text)
    stripped = text.strip()
    network = _network(re.sub(r'^https?://', '', stripped, flags=re.IGNORECASE))
    if network is not None:
        _check_network(check, network)
        return check.result(Registry(host='', network=network))
    return _check_registry(check, stripped)


def _network(text: str) -> str | None:
    if '/' not in text or not (text[0].isdigit() or ':' in text):
        return None
    from registry_host.noproxy import parse_network

    network = parse_network(text)
    return None if network is None else str(network)


def _check_network(check: Checker, network: str) -> None:
    from ipaddress import ip_network

    parsed = ip_network(network)
    if parsed.is_loopback:
        check.warn('builtin', 'loopback is insecure anyway', 'leave it out')
    elif parsed.num_addresses > 2 ** (parsed.max_prefixlen - 12):
        check.warn(
            'wide',
            f'switches off TLS verification for {network}, which is a great part of '
            'the network',
            'name the registries one by one: HOST:PORT',
        )


def _check_registry(check: Checker, text: str) -> Checked[Registry]:
    parts = _take_apart(text)
    if parts.scheme not in ('', 'http', 'https'):
        check.error('scheme', 'a registry has no scheme', parts.host)
    if parts.user_info is not None:
        check.error(
            'userinfo',
            'a registry has no credentials here',
            'docker login keeps them',
        )
    host, port = _registry_host(check, parts)
    root = _join(host, port) if host else ''
    if parts.path not in ('', '/'):
        if re.fullmatch(r'[\d.:a-fA-F\[\]]+', parts.host) and parts.path[1:].isdigit():
            check.error('cidr', 'the network is not valid', 'for example 10.0.0.0/8')
        else:
            check.error('path', 'a registry is HOST[:PORT], without a path', root)
    if parts.query is not None or parts.fragment is not None:
        check.error('query', 'a registry is HOST[:PORT] alone', root)
    if host is None:
        return check.result(None)
    if host == 'docker.io':
        message = 'Docker Hub is never insecure: the engine ignores this entry'
        check.warn('docker-hub', message, 'leave it out')
    is_bracketed = ':' in host and '[' in text
    return check.result(Registry(host, port, is_bracketed=is_bracketed))


def _registry_host(check: Checker, parts: _Parts) -> tuple[str | None, int | None]:
    if parts.is_unbracketed and _is_address(parts.host):
        return check.host(parts.host), None
    return _check_authority(check, parts)


def check_proxy(text: str, kind: str) -> Checked[Proxy]:
    """Hold a proxy URL against what Go and curl both take. `kind` names the setting."""
    check = Checker(kind, 'proxy', text)
    if not text.strip():
        check.error('empty', 'the proxy is empty', 'http://proxy.example:3128')
        return check.result(None)
    _check_characters(check, text)
    parts = _take_apart(text.strip())
    if not parts.scheme:
        meant = '' if '@' in text else f'http://{text.strip().lstrip("/")}'
        check.error(
            'scheme', 'the scheme is missing', meant or 'http://USER:PASSWORD@…'
        )
    elif parts.scheme not in ('http', 'https', 'socks5', 'socks5h'):
        check.error('scheme', 'the scheme must be http, https or socks5')
    if parts.user_info and re.search(
        r'[/?#@\[\]]|%(?![0-9A-Fa-f]{2})', parts.user_info
    ):
        check.error(
            'userinfo',
            'user or password holds a character that must be percent-encoded',
            '/ is %2F, @ is %40, # is %23, ? is %3F, % is %25',
        )
    host, port = _check_authority(check, parts)
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
    from registry_host.noproxy import parse_no_proxy

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


# Foreign entries


def mirror_key(text: str) -> Hashable:
    """Tell equal mirrors by any spelling; what we would refuse is equal to itself."""
    mirror = check_mirror(text).value
    return text.removesuffix('/') if mirror is None else mirror.key


def registry_key(text: str) -> Hashable:
    registry = check_insecure_registry(text).value
    return text if registry is None else registry.key
