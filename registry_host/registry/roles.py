"""Cache, push instance or read-only: one question that leaves nothing behind."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.registry.probe import is_registry

if TYPE_CHECKING:
    from typing import Any, Literal

    from registry_host.host.host import Host
    from registry_host.host.wire import Answer
    from registry_host.registry.ways import Way
    from registry_host.settings.mirrors import Mirror

    Role = Literal['cache', 'push', 'read-only']

_OCI = 'application/vnd.oci.image'
# A registry refuses it for its config, a blob that cannot be there: nothing is stored
# (docker-registry 2.8.2 and distribution 3.1.1, observed; no upload is begun either).
_MANIFEST = {
    'schemaVersion': 2,
    'mediaType': f'{_OCI}.manifest.v1+json',
    'config': {
        'mediaType': f'{_OCI}.config.v1+json',
        'digest': f'sha256:{"0" * 64}',
        'size': 2,
    },
    'layers': [],
}


class Judged(NamedTuple):
    """The role of a registry, or why it is not known, and the status of its answer."""

    role: Role | None = None
    findings: tuple[Finding, ...] = ()
    status: int | None = None


def unused_name() -> str:
    """Make up a repository that no registry has."""
    return f'registry-host-role/{os.urandom(8).hex()}'


def put(
    host: Host, way: Way, place: Mirror, name: str, authorization: str
) -> Answer | ConnectionFailed:
    """Put a manifest that any registry refuses, each kind in its own way.

    Never sent unless a person asked for it.
    """
    request = way.request(
        f'{place}/v2/{name}/manifests/role',
        method='PUT',
        body=json.dumps(_MANIFEST).encode(),
        content_type=f'{_OCI}.manifest.v1+json',
        authorization=authorization,
    )
    try:
        return host.http_put(request)
    except ConnectionFailed as failure:
        return failure


def judged(place: Mirror, answer: Answer, *, has_login: bool) -> Judged:
    """Read the answer; that of a proxy or a web server in front tells nothing."""
    role = _role_in(answer)
    if role is not None:
        return Judged(role)
    status = answer.status
    if status in (401, 403):
        why = 'it does not let this login push' if has_login else NEEDS_LOGIN
        return unknown(place, f'{why} ({status})')
    return unknown(place, f'it answers {status} to a push')._replace(status=status)


NEEDS_LOGIN = 'it asks for a login'


def unknown(place: Mirror, why: str) -> Judged:
    message = f'{place}: whether it is a cache or takes pushes is not known: {why}'
    return Judged(findings=(Finding('server-role', 'skipped', message),))


def _role_in(answer: Answer) -> Role | None:
    codes = _codes(answer.body)
    if answer.status == 405 and 'UNSUPPORTED' in codes:
        return 'cache'
    if answer.status == 400 and 'MANIFEST_BLOB_UNKNOWN' in codes:
        return 'push'
    is_text = answer.body.strip() == b'Method not allowed'
    if answer.status == 405 and is_text and is_registry(answer):
        return 'read-only'
    return None


def _codes(body: bytes) -> set[str]:
    try:
        said: Any = json.loads(body)
        return {str(each['code']) for each in said['errors']}
    except (ValueError, TypeError, KeyError, RecursionError):
        return set()
