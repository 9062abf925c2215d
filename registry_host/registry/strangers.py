"""What a server is that is no registry, told by its answer. Pure.

Nothing of what it says is quoted: a stranger may say anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.host.wire import REDIRECTS, origin_of
from registry_host.settings.checking import DEFAULT_PORTS, take_apart

if TYPE_CHECKING:
    from registry_host.host.wire import Answer

# Headers, and what else they are seen on than registries.
_OWN_PORT = 'needs a port or a sub-domain of its own for each repository of images'
_BY_HEADER = (
    ('server', r'nexus/', f'a Nexus, which {_OWN_PORT}'),
    ('x-jfrog-version|x-artifactory-id', '', f'an Artifactory, which {_OWN_PORT}'),
    ('api-version', r'\d', 'the API of a Docker engine'),
    ('x-squid-error', '', 'a proxy (squid)'),
    ('server', r'squid|tinyproxy', 'a proxy'),
    ('server', r'minio', 'an object store (MinIO)'),
)
_LOGIN_PATH = re.compile(r'log-?in|sign-?in|sso|oauth|saml|auth', re.IGNORECASE)
_PASSWORD_FIELD = re.compile(rb'type\s*=\s*["\']?password', re.IGNORECASE)


def what_it_is(answer: Answer) -> str:
    """Say in words what answers there; '' if that is not known."""
    for names, pattern, what in _BY_HEADER:
        values = [answer.headers.get(name) for name in names.split('|')]
        if any(v is not None and re.match(pattern, v, re.I) for v in values):
            return what
    path = take_apart(answer.url).path
    is_page = 'html' in answer.headers.get('content-type', '').lower()
    is_page = is_page or answer.body.lstrip()[:9].lower().startswith(
        (b'<html', b'<!doc')
    )
    if not is_page:
        return ''
    if _PASSWORD_FIELD.search(answer.body) or _LOGIN_PATH.search(path):
        return 'a login page'
    return 'a web page'


def target_of(answer: Answer) -> str:
    """Where a redirect leads to, as SCHEME://HOST[:PORT]; '' for none, or itself."""
    location = answer.headers.get('location', '')
    if answer.status not in REDIRECTS or '://' not in location:
        return ''
    try:
        scheme, host, port = origin_of(location)
        is_same = (scheme, host, port) == origin_of(answer.url)
    except ValueError:
        return ''
    if is_same or not re.fullmatch(r'[a-z0-9.-]+|[0-9a-f:.]+', host):
        return ''
    shown = f'[{host}]' if ':' in host else host
    is_default = port == DEFAULT_PORTS.get(scheme)
    return f'{scheme}://{shown}' + ('' if is_default or not port else f':{port}')
