"""Rules for the upstream of a cache, and the login there.

What happens was seen on docker-registry 2.8.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.registry.addresses import listen_of, split_url
from registry_host.registry.upstreams import HUB_URL, judge_upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.registry.registryplace import Instance

# Other names of Docker Hub that answer as a registry all the same.
_ANSWERING = {'index.docker.io', 'registry.hub.docker.com'}
_CONSEQUENCES = {
    'upstream-misspelt': 'the registry does not start, or has no image',
    'upstream-hub': 'the registry does not start, or has no image',
    'upstream-scheme': 'the registry does not start',
    'upstream-userinfo': 'what needs one is answered with 404',
}
_PORTS = {'http': '80', 'https': '443'}
_URL = ('proxy', 'remoteurl')


def upstream_rules(instance: Instance) -> Iterator[Finding]:
    upstream = instance.config.upstream
    if not upstream:
        return
    judged = judge_upstream(upstream)
    if upstream != upstream.strip():
        yield instance.tell(
            'upstream-scheme',
            'error',
            _URL,
            'begins or ends with white space, so the registry does not start',
            f'write: remoteurl: {judged if isinstance(judged, str) else HUB_URL}',
            *instance.restart(),
        )
    elif isinstance(judged, str):
        yield from _itself(instance, *split_url(judged)[::2])
    elif judged.code != 'upstream-hub' or split_url(upstream)[2] not in _ANSWERING:
        so = _CONSEQUENCES.get(judged.code, '')
        yield instance.tell(
            judged.code,
            'error',
            _URL,
            f'{judged.message}{so and f": {so}"}',
            *_right(judged.hint),
            *instance.restart(),
        )


def _right(hint: str) -> Iterator[str]:
    """Give the right value as a line of the file, where it is known."""
    if hint.startswith(('http://', 'https://')) and ' ' not in hint:
        yield f'write: remoteurl: {hint}'
    elif hint:
        yield hint


def _itself(instance: Instance, scheme: str, host: str) -> Iterator[Finding]:
    """Whether the upstream is where this registry is about to listen."""
    listen = listen_of(instance.config.addr)
    asked = listen_of(host if ':' in host else f'{host}:{_PORTS[scheme]}')
    if listen and asked and asked.is_loopback and asked.overlaps(listen):
        yield instance.tell(
            'upstream-self',
            'error',
            _URL,
            'is the address that this registry listens on: nothing answers there when '
            'it starts, so it does not start',
            f'write: remoteurl: {HUB_URL}',
            *instance.restart(),
        )


def login_rules(instance: Instance) -> Iterator[Finding]:
    config = instance.config
    if not config.upstream:
        return
    reading = config.reading
    user, password = reading.get('proxy', 'username'), reading.get('proxy', 'password')
    if bool(user) != bool(password):
        has, lacks = ('username', 'password') if user else ('password', 'username')
        yield instance.tell(
            'login-incomplete',
            'warning',
            ('proxy', has),
            f'proxy.{has} is set and proxy.{lacks} is not, so no login is sent to the '
            'upstream: it is asked as by a stranger',
            f'write below proxy: a {lacks}, or take the {has} out',
            *instance.restart(),
        )
    scheme, _, host, _ = split_url(config.upstream)
    if user and password and scheme == 'http' and not _is_loopback(host):
        yield instance.tell(
            'login-in-clear',
            'warning',
            _URL,
            'the login goes to the upstream by plain HTTP, for everybody on the way '
            'to read',
            f'write: remoteurl: https://{host}',
            *instance.restart(),
        )


def _is_loopback(host: str) -> bool:
    return host.startswith(('127.', 'localhost', '[::1]'))


def ttl_rules(instance: Instance) -> Iterator[Finding]:
    config = instance.config
    ttl = config.reading.document.find('proxy', 'ttl')
    if not config.upstream or ttl is None or ttl.tag == 'null':
        return
    if config.major < 3:
        yield instance.tell(
            'ttl-ignored',
            'warning',
            ('proxy', 'ttl'),
            'distribution 2.x has no ttl: images expire after 168 hours, whatever is '
            'written',
            'take the line out, or run distribution 3',
        )
    elif ttl.tag in ('int', 'float') and ttl.value != 0:
        yield instance.tell(
            'ttl-nanoseconds',
            'error',
            ('proxy', 'ttl'),
            f'a number without a unit is in nanoseconds: {ttl.text} expires at once',
            f'write: ttl: {ttl.text}s',
            *instance.restart(),
        )
