"""Whether an engine can pull: asked of itself, judged with what its mirrors answer.

An engine tells the last endpoint's error alone, and 20.10 stops at the first endpoint
that answers: where a mirror says 404 it does too, although a pull goes on to Docker Hub
(20.10.24, observed). So 404 never means that there is no such image.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.engine.api import Client
from registry_host.errors import EngineError
from registry_host.namedtuples import NamedTuple
from registry_host.settings.images import HELLO, Image, first_of_hub

if TYPE_CHECKING:
    from typing import Literal

    from registry_host.engine.answers import Held
    from registry_host.engine.find import EngineFacts
    from registry_host.engine.keys import Version
    from registry_host.host.host import Host

    Kind = Literal['ok', 'absent', 'limited', 'late', 'failed']
    Verdict = Literal['ok', 'failed', 'warning', 'skipped']

BASELINE_TIMEOUT_S = 5.0
PROOF_TIMEOUT_S = 30.0
# From here on an engine asks each of its endpoints in turn, as a pull does.
ASKS_ALL_SINCE: Version = (23, 0, 0)


class Pull(NamedTuple):
    """What an engine answered when it was asked to resolve an image.

    `detail` is the digest where it did, and its own words otherwise.
    """

    kind: Kind
    detail: str = ''


def resolve(host: Host, engine: EngineFacts, image: Image, *, timeout_s: float) -> Pull:
    """Have an engine resolve an image, as for a pull; nothing is downloaded."""
    client = Client(host, engine.socket_path)
    try:
        status, words = client.resolve(str(image), timeout_s=timeout_s)
    except TimeoutError:
        return Pull('late', f'no answer within {timeout_s:g} s')
    except (OSError, EngineError) as err:
        return Pull('failed', str(err))
    if status == 200:
        return Pull('ok', words)
    if 'toomanyrequests' in words or status == 429:
        return Pull('limited', words)
    is_absent = status in (401, 403, 404)
    return Pull('absent' if is_absent else 'failed', words or f'status {status}')


def pull(host: Host, engine: EngineFacts, image: Image, *, timeout_s: float) -> Pull:
    """Have an engine pull an image, and leave it with the images that it had.

    With the containerd store it is the only proof of a way that daemon.json does not
    name (hosts.toml): resolve() walks the mirrors of daemon.json all the same (28.5.2,
    observed). `timeout_s` is for each wait for more.
    """
    client = Client(host, engine.socket_path)
    try:
        had = client.inspect(image)
        words = client.pull(image, timeout_s=timeout_s)
        if words:
            return Pull(_kind_of(words), words)
        has = client.inspect(image)
        return Pull('ok', f'{has.id}{_tidied(client, image, had, has)}')
    except TimeoutError:
        return Pull('late', f'nothing more of it within {timeout_s:g} s')
    except (OSError, EngineError) as err:
        return Pull('failed', str(err))


def _tidied(client: Client, image: Image, had: Held, has: Held) -> str:
    """Remove what a pull has brought, and say so, or why that could not be done."""
    if had == has:
        return ''
    try:
        if not had.id:
            client.remove(str(image))
            return '; removed again'
        if had.id != has.id:  # The name stood for an older image of the same tag.
            client.tag(had.id, image)
        for name in sorted(has.digests - had.digests):
            client.remove(name)
    except (OSError, EngineError) as err:
        return f'; it could not be removed again: {err}'
    return '; removed again'


def _kind_of(words: str) -> Kind:
    """Tell by its words why an engine could not pull (20.10.24 to 28.5.2, observed)."""
    if 'toomanyrequests' in words or '429 Too Many' in words:
        return 'limited'
    is_absent = re.search('manifest unknown|not found$|access denied|denied:', words)
    return 'absent' if is_absent else 'failed'


def probe_image(host: Host, engine: EngineFacts) -> Image:
    """Pick what to ask for: an image of Docker Hub that this host has, or a small one.

    The host has pulled the one before, so that it is known to be there. An engine that
    does not run is not asked: systemd would start it (docker.socket).
    """
    if not engine.is_running:
        return HELLO
    try:
        return first_of_hub(Client(host, engine.socket_path).tags()) or HELLO
    except (OSError, EngineError):
        return HELLO


def verdict(
    before: Pull | None, after: Pull, *, is_served: bool, is_any_answering: bool
) -> Verdict:
    """Judge a pull after a change by the one before it, None if that was not asked.

    `is_served`: a mirror has the image, by the route that the engine takes.
    `is_any_answering` is for an engine that does not ask all endpoints: one of them
    does answer, so that its own answer says little.
    """
    if after.kind == 'ok':
        return 'ok'
    could_before = before is not None and before.kind == 'ok'
    if after.kind == 'limited' or is_any_answering:
        return 'skipped'
    if could_before or (is_served and after.kind == 'failed'):
        return 'failed'
    if after.kind == 'failed':
        return 'warning'
    return 'skipped'
