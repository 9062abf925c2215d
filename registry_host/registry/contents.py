"""What an image consists of, by its manifests: platforms, sizes, children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple
from registry_host.registry.client import RequestFailed
from registry_host.registry.manifests import Manifest
from registry_host.settings.references import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.registry.client import Registry

# An index may hold indexes (OCI image-spec 1.1); deeper ones are not known.
_DEPTH = 3


class Contents(NamedTuple):
    """`platforms` as OS/ARCH[/VARIANT]; `size` is that of all blobs, in bytes."""

    platforms: tuple[str, ...]
    size: int


class Child(NamedTuple):
    """A manifest that an index lists; `platform` is '' for an attestation."""

    digest: str
    platform: str
    is_index: bool = False


def children_of(manifest: Manifest) -> tuple[Child, ...]:
    """List what an index holds; () for the manifest of a single platform."""
    listed = manifest.parsed.get('manifests')
    found = []
    for each in listed if isinstance(listed, list) else ():
        digest = each.get('digest') if isinstance(each, dict) else None
        if isinstance(digest, str) and is_digest(digest):
            is_index = _is_index(str(each.get('mediaType')))
            found.append(Child(digest, platform_of(each.get('platform')), is_index))
    return tuple(found)


def _is_index(media_type: str) -> bool:
    return 'index' in media_type or 'list' in media_type


def platform_of(value: Any) -> str:
    """Write the platform of a descriptor or a config as Docker does; '' for none.

    What buildx attests of an image is of the platform unknown/unknown (moby/buildkit
    docs/attestations/attestation-storage.md).
    """
    if not isinstance(value, dict):
        return ''
    parts = [value.get(key) for key in ('os', 'architecture', 'variant')]
    words = [part for part in parts if isinstance(part, str) and part]
    return '' if 'unknown' in words else '/'.join(words)


def config_of(manifest: Manifest) -> str:
    """Give the digest of an image's config, which Docker calls its id; '' for none."""
    config = manifest.parsed.get('config')
    digest = config.get('digest') if isinstance(config, dict) else None
    return digest if isinstance(digest, str) and is_digest(digest) else ''


def contents_of(registry: Registry, path: str, manifest: Manifest) -> Contents:
    """Read all manifests of an image, of which `manifest` is the first.

    Raises RequestFailed where one is missing.
    """
    platforms: list[str] = []
    sizes: dict[str, int] = {}
    for child, each in _walked(registry, path, manifest, _DEPTH, set()):
        if child and child.platform:
            platforms.append(child.platform)
        for digest, size in _blobs(each):
            sizes[digest] = size
    return Contents(tuple(platforms), sum(sizes.values()))


def _walked(
    registry: Registry, path: str, manifest: Manifest, depth: int, seen: set[str]
) -> Iterator[tuple[Child | None, Manifest]]:
    """Walk through an image, and once through what it lists more than once."""
    yield None, manifest
    for child in children_of(manifest) if depth else ():
        if child.digest in seen:
            yield child, Manifest(child.digest)
            continue
        seen.add(child.digest)
        below = registry.get(path, child.digest)
        for inner, each in _walked(registry, path, below, depth - 1, seen):
            yield inner or child, each


def _blobs(manifest: Manifest) -> Iterator[tuple[str, int]]:
    found = manifest.parsed
    layers = found.get('layers')
    for each in (found.get('config'), *(layers if isinstance(layers, list) else ())):
        if not isinstance(each, dict):
            continue
        digest, size = each.get('digest'), each.get('size')
        # Within the 64 bits that a registry has for it: it is the word of a stranger.
        if isinstance(digest, str) and type(size) is int and 0 <= size < 1 << 63:
            yield digest, size


def missing_children(registry: Registry, path: str, digest: str) -> tuple[str, ...]:
    """Ask for each manifest that an index lists, and name those that are gone.

    A garbage collection of distribution 2.8 with -m removes them, and leaves the index
    (distribution#3178).
    """
    return tuple(_missing(registry, path, digest, _DEPTH, set()))


def _missing(
    registry: Registry, path: str, digest: str, depth: int, seen: set[str]
) -> Iterator[str]:
    for child in children_of(registry.get(path, digest)) if depth else ():
        if child.digest in seen:
            continue
        seen.add(child.digest)
        try:
            found = registry.head(path, child.digest)
        except RequestFailed as failure:
            if not failure.is_absent:
                raise
            yield child.digest
            continue
        if _is_index(found.media_type):
            yield from _missing(registry, path, child.digest, depth - 1, seen)


def of_platform(manifest: Manifest, wanted: str) -> Child | None:
    """Pick the manifest of one platform; a variant counts only where it is named.

    linux/arm is linux/arm/v7, and linux/arm64/v8 is linux/arm64: containerd/platforms
    database.go, normalizeArch.
    """
    children = children_of(manifest)
    exact = [child for child in children if child.platform == wanted]
    exact += [each for each in children if _normal(each.platform) == _normal(wanted)]
    loose = [child for child in children if child.platform.startswith(f'{wanted}/')]
    return next(iter(exact or loose), None)


_SAME = {'arm': 'arm/v7', 'arm64/v8': 'arm64', 'amd64/v1': 'amd64'}


def is_platform(own: str, wanted: str) -> bool:
    """Whether an image for one platform is what is wanted; see of_platform()."""
    return _normal(own) == _normal(wanted) or own.startswith(f'{wanted}/')


def _normal(platform: str) -> str:
    system, slash, architecture = platform.partition('/')
    return f'{system}{slash}{_SAME.get(architecture, architecture)}'
