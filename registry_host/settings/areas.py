"""The areas of settings: what can be asked for, by the names that users write."""

from __future__ import annotations

from enum import Enum

MIRRORS = 'registry-mirrors'
INSECURE = 'insecure-registries'
HTTP_PROXY = 'http-proxy'
HTTPS_PROXY = 'https-proxy'
NO_PROXY = 'no-proxy'
NAMESERVERS = 'nameservers'
NAMESERVER = 'nameserver'
SEARCH = 'search'
EXCLUSIVE = 'exclusive'
# The `engine` of [dns]; by that name alone, an area would be mistaken for a reader.
ENGINE_DNS = 'engine-dns'
ENGINE = 'engine'
# No area: what the engine is asked to resolve as a proof.
PROBE_IMAGE = 'probe-image'
CLIENT = 'client'
DNS_AREAS = frozenset({NAMESERVERS, SEARCH})
# In the order in which files and reports name them.
PROXY_KEYS = (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)
PROXY_AREAS = frozenset(PROXY_KEYS)
AREAS = DNS_AREAS | PROXY_AREAS | {MIRRORS, INSECURE, ENGINE_DNS}


class Operation(Enum):
    """What a run does to the managed entries of an area."""

    ADD = 'add'
    REPLACE = 'replace'
    REMOVE = 'remove'
