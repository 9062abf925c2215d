"""What the engine itself makes of mirrors and insecure registries. Pure.

Sources: moby daemon/pkg/registry/config.go (ValidateMirror, loadMirrors,
loadInsecureRegistries; b985e23, 2026-08) and the registry/ folder of older branches;
20.10.24, 26.1.5 and 28.5.2 observed.
"""

from __future__ import annotations

import re

from registry_host.settings.insecure import registry_key

Version = tuple[int, int, int]

PATH_ALLOWED_SINCE: Version = (24, 0, 8)
SCHEME_CHECKED_SINCE: Version = (28, 3, 0)
STRICT_COLONS_SINCE: Version = (29, 7, 0)
BARE_BRACKETS_SINCE: Version = (25, 0, 0)
# Insecure by the engine itself, and since when.
BUILT_IN_INSECURE: dict[str, Version] = {
    '127.0.0.0/8': (0, 0, 0),
    '::1/128': (28, 0, 0),
}
_LABEL = r'(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
_DOMAIN = rf'{_LABEL}(?:\.{_LABEL})*'
# The regular expression of a registry in an image reference.
_NAME = rf'{_DOMAIN}(?::[0-9]+)?'
_NAME_OR_BRACKETS = rf'(?:{_DOMAIN}|\[[a-fA-F0-9:]+\])(?::[0-9]+)?'
# What Go's net/url takes in a host, besides all that is not ASCII.
_NOT_GO_HOST = r"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"]"


def engine_mirror(text: str) -> str:
    """Give a mirror as /info shows it: one closing slash, and nothing else changed."""
    return text.removesuffix('/') + '/'


def built_in_insecure(version: Version | None) -> tuple[str, ...]:
    """The networks that are insecure for an engine whatever its lists say."""
    return tuple(
        cidr
        for cidr, since in BUILT_IN_INSECURE.items()
        if version is None or version >= since
    )


def engine_accepts_mirror(text: str, version: Version) -> bool:
    """Say whether this engine would start with the mirror; one bad one fails all."""
    if version >= SCHEME_CHECKED_SINCE and not re.match(r'[^:/]+://', text):
        return False
    if re.search(r'[\x00-\x1f\x7f]', text):
        return False
    rest, _, fragment = text.partition('#')
    rest, _, query = rest.partition('?')
    found = re.fullmatch(r'(?i:https?):(?://([^/]*))?(.*)', rest)
    if not found or fragment or query:
        return False
    authority, path = found[1] or '', found[2]
    if version < PATH_ALLOWED_SINCE and path not in ('', '/'):
        return False
    if re.search(r'%(?![0-9A-Fa-f]{2})', path) or '@' in authority:
        return False
    return _is_go_host(authority, version)


def _is_go_host(authority: str, version: Version) -> bool:
    """Hold an authority against Go's net/url: its characters, brackets and port."""
    if authority.startswith('['):
        found = re.fullmatch(r'\[[0-9A-Fa-f:.]+(?:%25[^\]]*)?\](?::[0-9]*)?', authority)
        return found is not None
    if any(char.isascii() for char in re.findall(_NOT_GO_HOST, authority)):
        return False
    if version >= STRICT_COLONS_SINCE and authority.count(':') > 1:
        return False
    _, colon, port = authority.rpartition(':')
    return not colon or re.fullmatch(r'[0-9]*', port) is not None


def engine_accepts_insecure(text: str, version: Version) -> bool:
    """Say whether this engine would start with the entry; --validate never looks.

    Source: ValidateIndexName and validateHostPort: the whole must have the form of
    HOST[:PORT], or what stands before the port be an address, and a port be a number.
    Observed, 20.10.24, 26.1.5 and 28.5.2.
    """
    kind, bare = registry_key(text)
    if kind == 'cidr':
        return True
    if not bare or bare[0] == '-' or bare[-1] == '-' or '/' in bare:
        return False
    host, port = _split_host_port(bare)
    form = _NAME if version < BARE_BRACKETS_SINCE else _NAME_OR_BRACKETS
    if not re.fullmatch(form, bare) and not _is_ip(host):
        return False
    if not port:
        return True
    number = re.fullmatch(r'([+-]?)0*([0-9]{1,5})', port, re.ASCII)
    return number is not None and int(number[2]) <= (0 if number[1] == '-' else 65535)


def _split_host_port(text: str) -> tuple[str, str]:
    """Split as Go's net.SplitHostPort; what that refuses is a host as a whole."""
    found = re.fullmatch(r'\[([^\[\]]*)\]:([^:\[\]]*)|([^:\[\]]*):([^:\[\]]*)', text)
    if not found:
        return text, ''
    return found[1] or found[3] or '', found[2] or found[4] or ''


def _is_ip(text: str) -> bool:
    if text.strip('0123456789abcdefABCDEF.:'):  # Most are names: that costs nothing.
        return False
    from ipaddress import ip_address

    try:
        return bool(ip_address(text))
    except ValueError:
        return False


CONTAINERD_OWN_HOSTS: Version = (28, 0, 0)
