"""An image copied by an engine: pulled, tagged, pushed, and removed again.

What it pushes is one platform. A graphdriver converts the manifest, and so its digest
is another one (20.10.24, 26.1.5, observed); the containerd store of 28.5.2 pushes that
of the platform as it came. The config, whose digest is the id of an image, stays.
"""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from registry_host.engine.api import Client
from registry_host.errors import EngineError
from registry_host.namedtuples import NamedTuple
from registry_host.settings.images import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_host.engine.clientlogins import StoredLogin
    from registry_host.host.host import Host

# Between two lines of an engine that tells its steps: it takes a blob of gigabytes
# apart without a word.
IDLE_S = 180.0


class Transfer(NamedTuple):
    """`source` and `target` are repositories with their host, as HOST/PATH.

    With `platform`, another one than the engine's own.
    """

    source: str
    digest: str
    target: str
    tag: str
    platform: str = ''
    source_login: StoredLogin | None = None
    target_login: StoredLogin | None = None

    def __repr__(self) -> str:
        return f'Transfer({self.source}@{self.digest}, {self.target}:{self.tag})'


def transfer(
    host: Host, socket_path: str, wanted: Transfer, *, is_stopped: Callable[[], bool]
) -> str:
    """Copy an image, and leave the engine with the images that it had.

    Returns the engine's own words where it fails, and '' else. A name that it cannot
    take away again, as an image that is in use by then, stays with the engine: what was
    pushed is there all the same.
    """
    client = Client(host, socket_path)
    source = f'{wanted.source}@{wanted.digest}'
    target = Image(wanted.target, wanted.tag)
    try:
        had, had_target = client.inspect(source), client.inspect(target)
        words = _pull(client, wanted)
        if words:
            return words
        if is_stopped():
            if not had.id:
                client.remove(source)
            return ''
        try:
            client.tag(source, target)
            return _push(client, wanted)
        finally:
            with contextlib.suppress(OSError, EngineError):
                _tidy(client, source, target, had.id, had_target.id)
    except TimeoutError:
        return f'nothing more of it within {IDLE_S:g} s'
    except OSError as err:
        return err.strerror or str(err)
    except EngineError as err:
        return str(err)


def _pull(client: Client, wanted: Transfer) -> str:
    # Neither a name nor a platform has a character that a query would need to escape.
    query = f'fromImage={wanted.source}&tag={wanted.digest}'
    if wanted.platform:
        query += f'&platform={wanted.platform}'
    headers = _headers(wanted.source, wanted.source_login)
    return client.stream(f'/images/create?{query}', timeout_s=IDLE_S, headers=headers)


def _push(client: Client, wanted: Transfer) -> str:
    headers = _headers(wanted.target, wanted.target_login)
    target = f'/images/{wanted.target}/push?tag={wanted.tag}'
    return client.stream(target, timeout_s=IDLE_S, headers=headers)


def _tidy(
    client: Client, source: str, target: Image, had: str, had_target: str
) -> None:
    """Take away the names that were not there, and what no other name stands for."""
    if had_target:
        client.tag(had_target, target)
    else:
        client.remove(str(target))
    if not had:
        client.remove(source)


def _headers(repository: str, login: StoredLogin | None) -> dict[str, str]:
    """Write a login as the API takes it; a push needs the header in any case.

    Source: moby api/types/registry/authconfig.go (20.10 to 28.5).
    """
    found = {}
    if login is not None:
        name = 'identitytoken' if login.is_identity_token else 'password'
        found = {
            'username': login.username,
            name: login.secret,
            'serveraddress': repository.partition('/')[0],
        }
    text = urlsafe_b64encode(json.dumps(found).encode()).decode()
    return {'X-Registry-Auth': text}
