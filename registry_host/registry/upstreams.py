"""The upstream of a cache: which values of proxy.remoteurl a registry can use. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.resolver.asking import HUB
from registry_host.settings.checking import (
    Checker,
    check_authority,
    check_characters,
    endpoint_of,
    require_characters,
    take_apart,
)
from registry_host.settings.mirrors import HUB_HOSTS, check_web_scheme, misspelled_hub

if TYPE_CHECKING:
    from registry_host.errors import Problem
    from registry_host.settings.checking import Parts

HUB_URL = f'https://{HUB}'
# Other addresses of Docker Hub: web pages, redirects, and the API of version 1.
_OTHER_HUB_NAMES = {*HUB_HOSTS, 'docker.com', 'www.docker.com', 'www.docker.io'} - {HUB}


def judge_upstream(url: str) -> str | Problem:
    """Return the upstream as SCHEME://HOST[:PORT], or what is wrong with it.

    The hint has the right value, where one can be told. A single slash at the end is
    fine; a path, a login and a URL without a scheme are not: the registry does not
    start, or starts and answers 404. Below a path that ends in a slash one works that
    is open to all, and 404s begin with its first login (docker-registry 2.8.2,
    observed).
    """
    check = Checker('upstream', 'upstream', url)
    text = url.strip()
    if not text:
        check.error('empty', 'the upstream is empty', HUB_URL)
        return check.errors[0]
    unusable = check_characters('upstream', text)
    if unusable is not None:
        return unusable.errors[0]
    require_characters(check, text)
    parts = take_apart(text)
    if parts.user_info is not None:
        message = 'a login is ignored here; it is proxy.username and proxy.password'
        check.error('userinfo', message)
    parts = check_web_scheme(check, text, parts)
    host, port = check_authority(check, parts)
    if host is not None:
        _check_hub(check, host, parts.scheme)
    _check_root(check, parts)
    if not check.errors:
        return f'{parts.scheme}://{endpoint_of(host or "", port)}'
    problem = check.errors[0]
    if host is None or any('port' in each.code for each in check.errors):
        return problem
    return problem._replace(hint=_meant(text, parts, endpoint_of(host, port)))


def _check_hub(check: Checker, host: str, scheme: str) -> None:
    meant = misspelled_hub(host)
    if meant:
        check.error('misspelt', f'{host} is not Docker Hub')
    elif host in _OTHER_HUB_NAMES:
        check.error('hub', f'{host} is not where Docker Hub serves images')
    elif host == HUB and scheme == 'http':
        check.error('scheme', 'Docker Hub is asked by HTTPS')


def _check_root(check: Checker, parts: Parts) -> None:
    if _is_api(parts):
        message = 'a registry adds that path by itself: with it no tag is found'
        check.error('path', message)
    elif parts.path not in ('', '/'):
        message = 'an upstream is the root of a registry: below a path no login works,'
        message += ' so its images need a port or a name of their own'
        check.error('path', message)
    if parts.query is not None:
        check.error('query', 'an upstream has no query')
    if parts.fragment is not None:
        check.error('fragment', 'an upstream has no fragment')


def _meant(text: str, parts: Parts, endpoint: str) -> str:
    """Give the value that is right in all respects, and not in one alone."""
    host = endpoint.partition(':')[0]
    if host == HUB or host in _OTHER_HUB_NAMES or misspelled_hub(host):
        return HUB_URL
    is_told = re.match('https?[:/]', text, re.IGNORECASE)
    return f'{parts.scheme if is_told else "https"}://{endpoint}'


def _is_api(parts: Parts) -> bool:
    return parts.path.strip('/') in ('v1', 'v2')
