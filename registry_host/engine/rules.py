"""What the engine itself makes of mirrors and insecure registries. Pure.

Sources: moby daemon/pkg/registry/config.go (ValidateMirror, loadMirrors,
loadInsecureRegistries; b985e23, 2026-08) and the registry/ folder of older branches;
20.10.24, 26.1.5 and 28.5.2 observed.
"""

from __future__ import annotations

import re

from registry_host.settings.noproxy import parse_network

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
# What Go's net/url takes in a host, besides all that is not ASCII.
_NOT_GO_HOST = r"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"]"


def engine_mirror(text: str) -> str:
    """Give a mirror as /info shows it: one closing slash, and nothing else changed."""
    return text.removesuffix('/') + '/'


def engine_insecure(text: str) -> tuple[str, str]:
    """Give an insecure registry as /info shows it: ('host' | 'cidr', text)."""
    bare = re.sub(r'^https?://', '', text, flags=re.IGNORECASE)
    network = parse_network(bare)
    return ('host', bare) if network is None else ('cidr', str(network))


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
    """Say whether this engine would start with the entry; --validate never looks."""
    bare = re.sub(r'^https?://', '', text, flags=re.IGNORECASE)
    if '://' in bare:
        return False
    if parse_network(bare) is not None:
        return True
    if not bare or bare[0] == '-' or bare[-1] == '-' or '/' in bare:
        return False
    return _is_engine_host(bare, version)


def _is_engine_host(text: str, version: Version) -> bool:
    host, colon, port = text.rpartition(':')
    if not colon or text.endswith(']'):
        host, port = text, '0'
        if text.startswith('[') and version < BARE_BRACKETS_SINCE:
            return False
    if _is_ip(text):
        return True
    if not re.fullmatch(r'[0-9]{1,5}', port) or int(port) > 65535:
        return False
    is_bracketed = host.startswith('[') and host.endswith(']') and _is_ip(host[1:-1])
    return is_bracketed or re.fullmatch(_DOMAIN, host) is not None


def _is_ip(text: str) -> bool:
    if text.strip('0123456789abcdefABCDEF.:'):  # Most are names: that costs nothing.
        return False
    from ipaddress import ip_address

    try:
        return '%' not in text and bool(ip_address(text))
    except ValueError:
        return False


CONTAINERD_OWN_HOSTS: Version = (28, 0, 0)
