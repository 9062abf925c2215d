"""Whether an image is at its destination already, and what came of a copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.registry.client import RequestFailed
from registry_host.registry.contents import (
    children_of,
    config_of,
    contents_of,
    is_platform,
    missing_children,
    of_platform,
    platform_of,
)
from registry_host.registry.manifests import is_of

if TYPE_CHECKING:
    from typing import Literal

    from registry_host.registry.client import Registry
    from registry_host.registry.landing import Landing
    from registry_host.registry.manifests import Manifest

    Action = Literal['copied', 'updated', 'none', 'failed']


# What brings an image to its destination, or would.
ARRIVING = frozenset({'copied', 'updated'})


class Decision(NamedTuple):
    """What is to be done for an image.

    `digest` is the manifest that is copied. `has_all` False: it is that of one
    platform. `problem` says why nothing can be done. `config` is the digest of the
    config by which a copy of another digest is known, '' where it is not known.
    """

    landing: Landing
    action: Action
    digest: str = ''
    has_all: bool = True
    problem: Problem | None = None
    config: str = ''

    @property
    def is_pending(self) -> bool:
        return self.action in ARRIVING


class Copied(NamedTuple):
    """What came of one image; `size` is in bytes, None where it is not known.

    With a forecast, `action` is what would come of it.
    """

    landing: Landing
    action: Action
    digest: str = ''
    platforms: tuple[str, ...] = ()
    size: int | None = None
    problem: Problem | None = None


def decide(
    landing: Landing,
    origin: Registry,
    destination: Registry,
    *,
    platform: str = '',
    is_verifying: bool = False,
    by_engine: str = '',
) -> Decision:
    """Compare both digests; nothing of the image is downloaded.

    With `is_verifying`, an index that lacks manifests it lists is not there. With
    `by_engine`, the platform of an engine that copies: what it has copied has another
    digest, and is known by its config.
    """
    target = landing.target
    try:
        found = _wanted(landing, origin, platform)
        if isinstance(found, Problem):
            return Decision(landing, 'failed', problem=found)
        digest, has_all = found
        there = _at_destination(landing, destination)
        if there is None:
            return Decision(landing, 'copied', digest, has_all)
        is_there, config = there.digest == digest, ''
        if not is_there and by_engine:
            config = _config_wanted(landing, origin, digest, by_engine)
            there_now = destination.get(target.path, target.tag)
            is_there = bool(config) and config == config_of(there_now)
        if is_there and is_verifying:
            is_there = not missing_children(destination, target.path, there.digest)
        action: Action = 'none' if is_there else 'updated'
        return Decision(landing, action, digest, has_all, config=config)
    except RequestFailed as failure:
        return Decision(landing, 'failed', problem=failure.problem)


def _wanted(
    landing: Landing, origin: Registry, platform: str
) -> tuple[str, bool] | Problem:
    source = landing.source
    reference = source.digest or source.tag or 'latest'
    if not platform:
        return origin.head(source.path, reference).digest, True
    manifest = origin.get(source.path, reference)
    child = of_platform(manifest, platform)
    # Of an index, skopeo would take the platform of this machine.
    while child is not None and child.is_index:
        manifest = origin.get(source.path, child.digest)
        child = of_platform(manifest, platform)
    has = [child.platform for child in children_of(manifest) if child.platform]
    if not children_of(manifest):
        own = platform_of(origin.config(source.path, config_of(manifest)))
        # An image whose config does not say it is taken to be what is asked for.
        if not own or is_platform(own, platform):
            return manifest.digest, False
        has = [own]
    if child is None:
        named = ', '.join(has) or 'no platform'
        message = f'is not there for {platform}, but for {named}'
        return Problem('copy-platform', message, str(source))
    return child.digest, False


def _at_destination(landing: Landing, destination: Registry) -> Manifest | None:
    target = landing.target
    try:
        return destination.head(target.path, target.digest or target.tag)
    except RequestFailed as failure:
        if not failure.is_absent:
            raise
        return None


def _config_wanted(
    landing: Landing, origin: Registry, digest: str, platform: str
) -> str:
    """Name the config of what an engine copies; '' where the image has none for it.

    An engine converts manifests, and pushes the config as it came: its digest is the id
    of the image (20.10.24 and 26.1.5; 28.5.2 keeps the platform's manifest).
    """
    path = landing.source.path
    wanted = origin.get(path, digest)
    if not children_of(wanted):
        return config_of(wanted)
    child = of_platform(wanted, platform)
    return config_of(origin.get(path, child.digest)) if child else ''


def proved(decision: Decision, destination: Registry, *, is_exact: bool) -> Copied:
    """Look at the destination for what was copied: each manifest has to be there.

    With `is_exact`, under the same digest; else with the config that it has, where
    another image was there before, which an engine that is ended leaves there.
    """
    target = decision.landing.target
    try:
        there = destination.get(target.path, target.digest or target.tag)
        contents = contents_of(destination, target.path, there)
    except RequestFailed as failure:
        problem = failure.problem._replace(
            message=f'{failure.problem.message}, after it was copied there'
        )
        return failed(decision, problem)
    if is_exact and not is_of(decision.digest, there.body):
        message = f'has the digest {there.digest} after the copy, not {decision.digest}'
        return failed(decision, Problem('copy-digest', message, str(target)))
    if decision.config and decision.config != config_of(there):
        message = f'is another image after the copy ({there.digest})'
        return failed(decision, Problem('copy-digest', message, str(target)))
    return Copied(
        landing=decision.landing,
        action=decision.action,
        digest=decision.digest if is_exact else there.digest,
        platforms=contents.platforms,
        size=contents.size,
    )


def failed(decision: Decision, problem: Problem | None) -> Copied:
    return Copied(decision.landing, 'failed', decision.digest, problem=problem)
