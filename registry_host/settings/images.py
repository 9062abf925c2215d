"""Names of images of Docker Hub, as an engine writes them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.settings.checking import Checked

if TYPE_CHECKING:
    from collections.abc import Iterable

# Source: distribution/reference, reference.go (v0.6.0), without domain and digest.
_NAME = re.compile(
    r'(?P<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
    r'(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)'
    r'(?::(?P<tag>\w[\w.-]{0,127}))?',
    re.ASCII,
)
_HUB = ('docker.io/', 'index.docker.io/')


class Image(NamedTuple):
    """An image of Docker Hub: what mirrors are asked for, too."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f'{self.repository}:{self.tag}'


# Small, and there is no other image that every mirror of Docker Hub should have.
HELLO = Image('library/hello-world', 'latest')


def image_of(text: str) -> Image | None:
    """Read a name, `hello-world` for short; None for one that is not of Docker Hub."""
    for domain in _HUB:
        text = text.removeprefix(domain)
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    path = found['path']
    first, slash, _ = path.partition('/')
    if slash and ('.' in first or first == 'localhost'):
        return None
    return Image(path if slash else f'library/{path}', found['tag'] or 'latest')


def check_image(text: str) -> Checked[Image]:
    """Check what the engine is to be asked to resolve."""
    image = image_of(text)
    problem = Problem(
        code='probe-image',
        message=f'{text!r} is no image of Docker Hub',
        hint=str(HELLO),
    )
    errors = () if image else (problem,)
    return Checked(input=text, kind='probe-image', value=image, errors=errors)


def first_of_hub(tags: Iterable[str]) -> Image | None:
    """Pick an image of Docker Hub among the tags that a host has."""
    return next((image for tag in tags if (image := image_of(tag))), None)
