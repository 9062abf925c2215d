"""Names of images of Docker Hub, as an engine writes them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.settings.checking import Checked
from registry_host.settings.references import LATEST, check_reference, read_reference

if TYPE_CHECKING:
    from collections.abc import Iterable


class Image(NamedTuple):
    """An image of Docker Hub: what mirrors are asked for, too."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f'{self.repository}:{self.tag}'


# Small, and there is no other image that every mirror of Docker Hub should have.
HELLO = Image('library/hello-world', 'latest')


def image_of(text: str) -> Image | None:
    """Read a name, `hello-world` for short; None for one that is not of Docker Hub.

    None for one by its digest, too: a mirror is asked for a tag.
    """
    reference = read_reference(text)
    if reference is None or not reference.is_of_hub or reference.digest:
        return None
    return Image(reference.path, reference.tag or LATEST)


def check_image(text: str) -> Checked[Image]:
    """Check what the engine is to be asked to resolve."""
    image = image_of(text)
    shown = check_reference(text).input
    problem = Problem(
        code='probe-image',
        message=f'{shown!r} is not an image of Docker Hub',
        hint=str(HELLO),
    )
    errors = () if image else (problem,)
    return Checked(input=shown, kind='probe-image', value=image, errors=errors)


def first_of_hub(tags: Iterable[str]) -> Image | None:
    """Pick an image of Docker Hub among the tags that a host has."""
    return next((image for tag in tags if (image := image_of(tag))), None)
