"""The logins of a config.json, found as docker clients find them. Pure.

Source: docker/cli cli/config/configfile/file.go and cli/config/credentials/
(file_store.go, native_store.go), 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from registry_host.engine.clientconfig import fold
from registry_host.namedtuples import NamedTuple
from registry_host.redact import learn_secret

if TYPE_CHECKING:
    from registry_host.jsonfile.jsontext import Document
    from registry_host.jsonfile.jsonvalue import Json

_HUB = ('docker.io', 'index.docker.io')
_HUB_KEY = 'https://index.docker.io/v1/'
_IDENTITY_TOKEN = '<token>'  # noqa: S105 - a name, and no password


class StoredLogin(NamedTuple):
    """A login for one registry. `secret` is a password, or an identity token.

    An identity token is an OAuth2 refresh token: token servers alone take it.
    """

    username: str
    secret: str
    is_identity_token: bool = False

    def __repr__(self) -> str:
        return f'StoredLogin({self.username!r})'


def key_of(endpoint: str) -> str:
    """Name a registry, HOST[:PORT], as a config.json and helpers name it."""
    return _HUB_KEY if endpoint in _HUB else endpoint


def helper_in(document: Document, key: str) -> str:
    """Name the helper that keeps the login for a registry; '' where the file does.

    It is the NAME of docker-credential-NAME, as it stands in the file. An empty NAME
    in "credHelpers" stands against "credsStore".
    """
    helpers = _member(document.root, 'credHelpers')
    if isinstance(helpers, dict) and key in helpers:
        name = helpers[key]
    else:
        name = _member(document.root, 'credsStore')
    return name if isinstance(name, str) else ''


def login_in(document: Document, key: str) -> StoredLogin | None:
    """Read the login that the file itself has for a registry, if any."""
    auths = _member(document.root, 'auths')
    if not isinstance(auths, dict):
        return None
    by_host = (value for name, value in auths.items() if _host_of(name) == key)
    entry = auths[key] if key in auths else next(by_host, None)
    if not isinstance(entry, dict):
        return None
    names = ('username', 'password', 'auth', 'identitytoken')
    username, password, auth, token = (_text(_member(entry, name)) for name in names)
    try:
        if auth:
            username, password = _decoded(auth)
        return _login(username, token or password, is_identity_token=bool(token))
    except ValueError:
        return None


def login_of_helper(answer: str) -> StoredLogin | None:
    """Read what `docker-credential-NAME get` wrote; ValueError if that is no login.

    None if it has an empty user or secret: the engine sends no login then. Source:
    docker/docker-credential-helpers client/client.go.
    """
    try:
        found, _ = json.JSONDecoder().raw_decode(answer.lstrip())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError('no JSON object')
    username, secret = (_member(found, name) for name in ('Username', 'Secret'))
    if not isinstance(username, str) or not isinstance(secret, str):
        raise ValueError('no user and secret')
    is_token = username == _IDENTITY_TOKEN
    return _login(username, secret, is_identity_token=is_token)


def _member(found: dict[str, Json], name: str) -> Json:
    """Find a member as Go's encoding/json does: whatever its case, and the last."""
    values = [value for key, value in found.items() if fold(key) == fold(name)]
    return values[-1] if values else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ''


def _host_of(name: str) -> str:
    """Read a key as clients of old wrote it, a URL (ConvertToHostname)."""
    return re.sub('^https?://', '', name).partition('/')[0]


def _decoded(auth: str) -> tuple[str, str]:
    """Read the base64 form of USER:PASSWORD; Go's decoder skips line ends."""
    packed = re.sub(r'[\r\n]', '', auth)
    text = b64decode(packed, validate=True).decode()
    username, colon, password = text.partition(':')
    if not colon:
        raise ValueError('no colon')
    return username, password.strip('\0')


def _login(
    username: str, secret: str, *, is_identity_token: bool
) -> StoredLogin | None:
    if not secret or not (username or is_identity_token):
        return None
    try:
        packed = b64encode(f'{username}:{secret}'.encode()).decode()
    except UnicodeEncodeError:
        # It shows the text that it is about.
        raise ValueError('half a surrogate pair') from None
    learn_secret(secret)
    learn_secret(packed)
    return StoredLogin(username, secret, is_identity_token)
