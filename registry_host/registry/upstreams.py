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
    start, or starts and answers 404 to every tag (docker-registry 2.8.2, observed).
    """
    check = Checker('upstream', 'upstream', url)
    text = url.strip()
    if not text:
        check.error('empty', 'the upstream is empty', f'use {HUB_URL}')
        return check.errors[0]
    unusable = check_characters('upstream', text)
    if unusable is not None:
        return unusable.errors[0]
    require_characters(check, text)
    parts = take_apart(text)
    if parts.user_info is not None:
        check.error('userinfo', 'a registry ignores a login inside of remoteurl')
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
    return problem._replace(hint=_hint(problem, text, parts, endpoint_of(host, port)))


def _check_hub(check: Checker, host: str, scheme: str) -> None:
    meant = misspelled_hub(host)
    if meant:
        check.error('misspelt', f'{host} is not Docker Hub')
    elif host in _OTHER_HUB_NAMES:
        check.error('hub', f'{host} is not where Docker Hub serves images')
    elif host == HUB and scheme == 'http':
        check.error('scheme', 'Docker Hub is asked by HTTPS')


def _check_root(check: Checker, parts: Parts) -> None:
    if parts.path not in ('', '/'):
        message = 'an upstream is a root address: with a path every tag is not found'
        check.error('path', message)
    if parts.query is not None:
        check.error('query', 'an upstream has no query')
    if parts.fragment is not None:
        check.error('fragment', 'an upstream has no fragment')


def _hint(problem: Problem, text: str, parts: Parts, endpoint: str) -> str:
    """Give the value that is right in all respects, and not in this one alone."""
    host = endpoint.partition(':')[0]
    if host == HUB or host in _OTHER_HUB_NAMES or misspelled_hub(host):
        right, other = HUB_URL, ''
    elif re.match('https?[:/]', text, re.IGNORECASE):
        right, other = f'{parts.scheme}://{endpoint}', ''
    else:
        right = f'https://{endpoint}'
        other = f', or http://{endpoint} if it speaks plain HTTP'
    hint = f'use {right}{other}'
    if problem.code == 'upstream-userinfo':
        hint += ', and give the login in proxy.username and proxy.password'
    return hint
