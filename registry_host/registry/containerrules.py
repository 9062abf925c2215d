"""Rules for a registry in a container, as its compose file has it.

Not run: an image of the registry could not be had; judged by what was run without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.registry.registryplace import Instance


def container_rules(instance: Instance) -> Iterator[Finding]:
    if not instance.runner.is_container:
        return
    config = instance.config
    if instance.runner.replicas > 1 and not config.has_secret and not config.upstream:
        yield instance.tell_at(
            instance.runner.file,
            'no-http-secret',
            'error',
            f'{instance.runner.name} has {instance.runner.replicas} replicas without a '
            'common http.secret: an upload that begins at one and goes on at another '
            'fails with 404',
            'write below environment: REGISTRY_HTTP_SECRET: "${REGISTRY_HTTP_SECRET}"',
        )
    yield from _storage(instance)


def _storage(instance: Instance) -> Iterator[Finding]:
    root = instance.config.root
    mounts = instance.runner.mounts
    is_mounted = any(
        root == inside or root.startswith(f'{inside.rstrip("/")}/') for inside in mounts
    )
    if root.startswith('/') and not is_mounted:
        yield instance.tell_at(
            instance.runner.file,
            'storage-no-volume',
            'warning',
            f'{instance.runner.name} keeps its images in {root}, which no volume '
            'holds: they are gone with the container',
            f'write below volumes: - registry-data:{root}',
        )
