"""References of images, as Docker's engines read them. Pure.

Sources: distribution reference/regexp.go, normalize.go and reference.go, v2.7.1 (Docker
20.10) and distribution/reference v0.6.0 (26.1, 28.5); opencontainers/go-digest v1.0.0,
digest.go. What 20.10.24, 26.1.5 and 28.5.2 really take, and which registry each asks:
tests/data/references/seen.json.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.settings.checking import Checked
from registry_host.settings.misnamed import (
    DIGITS,
    HUB,
    HUBS,
    OFFICIAL,
    PATH_LIMIT,
    cut,
    meant_by,
    shown,
    why_not,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = 'image'
LATEST = 'latest'
_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
_PATH = re.compile(f'{_COMPONENT}(?:/{_COMPONENT})*')
_LABEL = '[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*'
# Without a zone, and without the IPv4 address of a mapped one.
_IPV6 = r'\[[0-9A-Fa-f:]+\]'
_DOMAIN = re.compile(rf'(?:{_LABEL}(?:\.{_LABEL})*|{_IPV6})(?::[0-9]+)?')
_TAG = re.compile(r'\w[\w.-]{0,127}', re.ASCII)
_DIGEST = re.compile('|'.join(f'{each}:[0-9a-f]{{{n}}}' for each, n in DIGITS.items()))
_ID = re.compile('[0-9a-f]{64}')
# Every engine reads these names, but does not do everything with them.
_RESERVED = {
    'library/scratch': 'cannot be pulled: scratch is a reserved name',
    'library/sha256': 'cannot be tagged: sha256 is a digest algorithm',
}


class Reference(NamedTuple):
    """The name of an image, written out. Letter case is kept.

    `domain` is HOST[:PORT] of a registry, docker.io for Docker Hub; '' where an engine
    takes a name and then finds no registry in it (a host with an underscore). `path`
    has the library/ of Docker Hub's one-word names. `tag` is '' where none is given,
    `digest` is 'sha256:...' or ''.
    """

    domain: str
    path: str
    tag: str = ''
    digest: str = ''

    @property
    def is_of_hub(self) -> bool:
        return self.domain == HUB

    @property
    def repository(self) -> str:
        return f'{self.domain}/{self.path}' if self.domain else self.path

    def __str__(self) -> str:
        """Write it in full; the tag is latest where there is neither tag nor digest."""
        tag = self.tag or ('' if self.digest else LATEST)
        return _joined(self.repository, tag, self.digest)

    @property
    def familiar(self) -> str:
        """Write it as docker shows it: nginx:1.27, team/app, registry:5000/app."""
        name = self.path if self.is_of_hub else self.repository
        if self.is_of_hub and name.count('/') == 1:
            name = name.removeprefix(OFFICIAL)
        return _joined(name, self.tag, self.digest)


def _joined(name: str, tag: str, digest: str) -> str:
    return name + (f':{tag}' if tag else '') + (f'@{digest}' if digest else '')


def check_reference(text: str) -> Checked[Reference]:
    """Read a reference as docker pull does; what any of the engines takes is taken.

    Where one of them refuses it, a warning names that one.
    """
    reference = read_reference(text)
    if reference is not None:
        warnings = tuple(_warnings(text, reference))
        return Checked(input=text, kind=KIND, value=reference, warnings=warnings)
    safe = shown(text)
    problem = Problem(
        code='image-name',
        message=f'{cut(safe)!r} is not an image name: {why_not(text)}',
        hint=meant_by(text, lambda meant: read_reference(meant) is not None),
    )
    return Checked(input=safe, kind=KIND, value=None, errors=(problem,))


def is_digest(text: str) -> bool:
    """Whether a text is a digest as Docker reads it: ALGORITHM:HEX."""
    return bool(_DIGEST.fullmatch(text))


def read_reference(text: str) -> Reference | None:
    """Read a reference; None if all engines refuse it."""
    if _ID.fullmatch(text):
        return None
    name, at, digest = text.partition('@')
    if at and not is_digest(digest):
        return None
    domain, remainder = _split(name)
    path, colon, tag = remainder.partition(':')
    if colon and not _TAG.fullmatch(tag):
        return None
    if not _DOMAIN.fullmatch(domain):
        # An engine looks once more at the whole, and finds a path without a registry.
        domain, path = '', f'{domain}/{path}'
    if not _PATH.fullmatch(path) or len(path) > PATH_LIMIT:
        return None
    return Reference(domain, path, tag, digest)


def _split(name: str) -> tuple[str, str]:
    """Split off the registry (distribution normalize.go, splitDockerDomain).

    Docker 20.10 takes a word in capitals for a path, and refuses it.
    """
    first, slash, rest = name.partition('/')
    is_domain = '.' in first or ':' in first or first == 'localhost'
    if not slash or not (is_domain or first != first.lower()):
        first, rest = HUB, name
    if first in HUBS:
        first = HUB
    if first == HUB and '/' not in rest:
        rest = OFFICIAL + rest
    return first, rest


def _warnings(text: str, reference: Reference) -> Iterator[Problem]:
    name = cut(text)
    for refusal in _refusals(reference):
        message = f'{name!r} is refused by Docker {refusal}'
        yield Problem(code='image-engine', message=message)
    if not reference.domain:
        message = (
            f'Docker finds no registry in {name!r}, as a host name has no underscore: '
            'the image can be neither pulled nor pushed'
        )
        yield Problem(code='image-host', message=message)
    if not reference.is_of_hub:
        return
    reserved = _RESERVED.get(reference.path)
    if reserved:
        yield Problem(code='image-reserved', message=f'{name!r} {reserved}')
    alone = text.partition(':')[0]
    is_host = '.' in alone or alone == 'localhost'
    if reference.tag.isdigit() and is_host and '/' not in text:
        message = (
            f'{name!r} is a registry, not an image: Docker reads it as '
            f'{reference.repository} with the tag {reference.tag}'
        )
        yield Problem(code='image-registry', message=message)
    again = read_reference(reference.familiar)
    if again is not None and again.repository != reference.repository:
        message = f'docker pull drops {HUB} from {name!r}, and pulls {again.repository}'
        yield Problem(code='image-hub-path', message=message)


def _refusals(reference: Reference) -> Iterator[str]:
    """Name the engines that refuse it, and say why."""
    domain = reference.domain
    if '[' in domain:
        yield '20.10, which takes no IPv6 address as a registry'
    elif domain and not re.search('[.:]', domain) and domain != domain.lower():
        yield f'20.10; newer Docker reads {cut(domain)} as a registry'
    elif len(reference.repository) > PATH_LIMIT:
        yield f'20.10, which allows registry and path {PATH_LIMIT} characters in all'
    is_id = _ID.fullmatch(reference.path.removeprefix(OFFICIAL))
    if reference.is_of_hub and is_id:
        yield '20.10 and 26.1, which take the name for an image ID'
