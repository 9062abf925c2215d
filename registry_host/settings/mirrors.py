"""Registry mirrors: the rules for their URLs, and when two are the same. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact_input
from registry_host.settings.checking import (
    _BROKEN_SCHEME,
    _SCHEME,
    DEFAULT_PORTS,
    Checked,
    Checker,
    Parts,
    _root_of,
    check_authority,
    endpoint_of,
    is_address,
    require_characters,
    take_apart,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

HUB_HOSTS = (
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


class Mirror(NamedTuple):
    """A registry mirror. `host` is lower-case ASCII, IPv6 without brackets."""

    scheme: str
    host: str
    port: int | None = None

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.host, self.port)

    @property
    def url(self) -> str:
        return f'{self.scheme}://{self.endpoint}'

    def __str__(self) -> str:
        return self.url

    @property
    def key(self) -> Hashable:
        """Equal for mirrors that an engine asks at one place in one way.

        By HTTP http://M:80 and http://m are; by HTTPS a certificate is looked for, and
        a registry held for insecure, by host and port as they are spelled (observed,
        20.10.24, 26.1.5 and 28.5.2).
        """
        if self.scheme == 'http':
            return self.scheme, self.host.lower(), self.port or DEFAULT_PORTS['http']
        return self.scheme, self.host, self.port

    @property
    def is_ip(self) -> bool:
        return is_address(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether the engine takes it for its own host without a lookup."""
        is_v4 = is_address(self.host) and self.host.startswith('127.')
        return self.host == 'localhost' or self.host == '::1' or is_v4


def check_mirror(text: str) -> Checked[Mirror]:
    """Check a registry mirror against the rules, without touching the network.

    Stricter than moby's ValidateMirror (daemon/pkg/registry/config.go, b985e23), which
    accepts an empty host, ports over 65535, and from 24.0.8 on a path.
    """
    check = Checker('registry-mirror', 'mirror', text)
    if not text.strip():
        check.error('empty', 'the mirror is empty', 'http://registry.example:5000')
        return check.result(None)
    require_characters(check, text)
    parts = take_apart(text.strip())
    parts = check_web_scheme(check, text.strip(), parts)
    if parts.user_info is not None:
        check.error(
            'userinfo',
            'a mirror cannot have credentials, as an engine does not send them: '
            'leave out everything up to the @',
        )
    host, port = check_authority(check, parts)
    mirror = Mirror(parts.scheme or 'http', host, port) if host else None
    _check_root(check, parts, mirror)
    if mirror is not None and not check.errors:
        _check_mirror_host(check, mirror)
    check.keep_hints(check_mirror)
    return check.result(mirror)


def check_web_scheme(check: Checker, text: str, parts: Parts) -> Parts:
    """Check the scheme; return the parts of what was probably meant."""
    if parts.scheme in ('http', 'https'):
        doubled = _SCHEME.match(text[len(parts.scheme) + 3 :])
        if doubled and doubled[1].lower() in ('http', 'https'):
            meant = text[len(parts.scheme) + 3 :]
            check.error('scheme', 'the scheme is given twice', redact_input(meant))
            return take_apart(meant)
        return parts
    if parts.scheme:
        meant = f'http://{text[len(parts.scheme) + 3 :]}'
        message = f'the scheme must be http or https, not {parts.scheme}'
        check.error('scheme', message, _root_of(take_apart(meant)))
        return take_apart(meant)
    broken = _BROKEN_SCHEME.match(text)
    if broken and '@' not in text[: broken.end()]:
        meant = f'{broken[1].lower()}://{text[broken.end() :]}'
    else:
        meant = f'http://{text.lstrip("/")}'
    check.error('scheme', 'the scheme is missing', _root_of(take_apart(meant)))
    return take_apart(meant)


def _check_root(check: Checker, parts: Parts, mirror: Mirror | None) -> None:
    """A mirror is the root of a registry: nothing may follow host and port."""
    root = mirror.url if mirror else ''
    if parts.path not in ('', '/'):
        message, hint = 'a mirror is a root address, without a path', root
        if _PRODUCT_PATH.match(parts.path):
            message += ', and a repository of Nexus or Artifactory needs a port or a '
            message += 'sub-domain of its own'
            hint = str(mirror._replace(port=5000)) if mirror else ''
        check.error('path', message, hint)
    if parts.query is not None:
        check.error('query', 'a mirror has no query', root)
    if parts.fragment is not None:
        check.error('fragment', 'a mirror has no fragment', root)


def _check_mirror_host(check: Checker, mirror: Mirror) -> None:
    meant = misspelled_hub(mirror.host)
    if meant:
        check.error(
            'hub-typo',
            f'{mirror.host} is not Docker Hub: did you mean {meant}? (Docker Hub '
            'itself needs no mirror)',
        )
    elif mirror.host in HUB_HOSTS:
        check.warn('hub', 'Docker Hub is asked last in any case: leave it out')
    elif mirror.host in _OTHER_HUBS:
        check.warn(
            'other-hub',
            'mirrors are asked only for images of Docker Hub, and this is another hub: '
            'copy its images into a registry of your own',
        )
    elif mirror.is_ip and not mirror.is_loopback:
        check.warn(
            'ip',
            'prefer a DNS name: an address may change',
        )


def misspelled_hub(host: str) -> str:
    """Find the host of Docker Hub that was meant, if one was."""
    if host in HUB_HOSTS:
        return ''
    for name in HUB_HOSTS:
        allowed = 2 if len(name) > 12 else 1
        if _is_within(allowed, host, name):
            return name
    return ''


def _is_within(allowed: int, one: str, other: str) -> bool:
    """Whether so many insertions, removals and replacements lie between two words."""
    if abs(len(one) - len(other)) > allowed:
        return False
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            best = min(row[j] + 1, row[j - 1] + 1, above + (left != right))
            above, row[j] = row[j], best
        if min(row) > allowed:  # It only grows from here.
            return False
    return row[-1] <= allowed


def mirror_key(text: str) -> Hashable:
    """Tell equal mirrors in daemon.json; what would be refused is equal to itself."""
    mirror = None if has_odd_scheme(text) else spelled(text)
    return text.removesuffix('/') if mirror is None else mirror.key


def spelled(text: str) -> Mirror | None:
    """Read a mirror of daemon.json as an engine does: its host keeps its letters."""
    mirror = check_mirror(text).value
    if mirror is None:
        return None
    host = take_apart(text).host
    return mirror._replace(host=host) if host.lower() == mirror.host else mirror


def has_odd_scheme(text: str) -> bool:
    """Whether an engine takes the mirror, and with a graphdriver never asks it.

    Source: moby daemon/pkg/registry/service_v2.go lookupV2Endpoints tests for http://
    and https:// literally; observed, 20.10.24, 26.1.5 and 28.5.2.
    """
    found = _SCHEME.match(text)
    return found is not None and found[1] != found[1].lower()
