"""The logins that `docker login` has stored, for those who ask to have them sent."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from registry_host.engine.clientlogins import (
    helper_in,
    key_of,
    login_in,
    login_of_helper,
)
from registry_host.errors import ConfigError, Problem, quoted
from registry_host.host.invoker import find_invoker
from registry_host.jsonfile.config import read_json
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact
from registry_host.settings.checking import take_apart

if TYPE_CHECKING:
    from registry_host.engine.clientlogins import StoredLogin
    from registry_host.host.host import Host
    from registry_host.host.records import Completed, User

HELPER_TIMEOUT_S = 30.0
_SAID_LIMIT = 200
# What every helper says (docker/docker-credential-helpers credentials/error.go 0.9).
_NOT_FOUND = 'credentials not found in native keychain'
# A name of another kind is no file, or might be a secret in the wrong place.
_NAME = re.compile(r'[A-Za-z0-9][\w.+-]{0,63}', re.ASCII)


class _Looked(NamedTuple):
    """Where a login was looked for, in words, and what was there."""

    place: str
    login: StoredLogin | None = None


def find_login(host: Host, endpoint: str) -> StoredLogin | None:
    """Find what `docker login` has stored for a registry, HOST[:PORT].

    "docker.io" is Docker Hub. It is the login of the user behind sudo, by the helper
    that this user's config.json names, if any, run as this user. ConfigError for a
    config.json that is none, and for a helper that does not answer.
    """
    return _look(host, endpoint).login


def stored_login(host: Host, url: str) -> StoredLogin:
    """Find the login for the registry at a URL; ConfigError if there is none."""
    parts = take_apart(url)
    name = f'[{parts.host}]' if ':' in parts.host else parts.host
    endpoint = f'{name}:{parts.port}' if parts.port else name
    looked = _look(host, endpoint)
    if looked.login is None:
        raise ConfigError(
            Problem(
                code='registry-login',
                where='--login',
                message=f'{looked.place} has no login for {endpoint}',
                hint=f'docker login {quoted(endpoint)}',
            )
        )
    return looked.login


def _look(host: Host, endpoint: str) -> _Looked:
    """Look where docker does; a helper that fails leaves what the file itself has.

    One that has no login hides that. Source: docker/cli cli/config/credentials/
    native_store.go Get, cli/command/registry.go ResolveAuthConfig (20.10 to 28.5).
    """
    user = find_invoker(host)
    if user is None:
        return _Looked('config.json')
    path = f'{_folder(host, user)}/config.json'
    state = host.read(path, user=user)
    if not state.content:
        return _Looked(path)
    document = read_json(state)
    key = key_of(endpoint)
    own = login_in(document, key)
    name = helper_in(document, key)
    if not name:
        return _Looked(path, own)
    place = f'docker-credential-{name}, the helper named in {path},'
    try:
        return _Looked(place, _ask_helper(host, user, name, key, path))
    except ConfigError:
        if own is None:
            raise
        return _Looked(path, own)


def _folder(host: Host, user: User) -> str:
    """Say where docker clients of a user keep their config.json (cli/config Dir)."""
    named = host.environ.get('DOCKER_CONFIG') if host.is_live else ''
    return os.path.abspath(named) if named else f'{user.home}/.docker'


def _ask_helper(
    host: Host, user: User, name: str, key: str, path: str
) -> StoredLogin | None:
    if not _NAME.fullmatch(name):
        raise _failed(path, 'the name of its credential helper is not a file name')
    program = f'docker-credential-{name}'
    if not host.is_live:
        raise _failed(path, f'with --root {program} is not asked for logins')
    argv = (program, 'get')
    done = host.ask(argv, key.encode(), user=user, timeout_s=HELPER_TIMEOUT_S)
    if done.code is None:
        raise _failed(path, f'{program} does not run as {user.name}: {done.err}')
    if done.code and done.out.strip() == _NOT_FOUND:
        return None
    if done.code:
        said = _said(done)
        how = f'exit {done.code}' if done.code > 0 else f'signal {-done.code}'
        raise _failed(path, f'{program} fails as {user.name} ({how}){said}')
    try:
        return login_of_helper(done.out)
    except ValueError:
        raise _failed(path, f'{program} answers with no login{_said(done)}') from None


def _said(done: Completed) -> str:
    """The last line of its messages, unless that may show what it wrote as its answer.

    A program that traces itself shows its secrets.
    """
    lines = [line.strip() for line in done.err.splitlines() if line.strip()]
    answered = re.findall(r'[^\s"\'{},:\\]{4,}', done.out)
    is_telling = any(each in done.err for each in ('"Secret"', *answered))
    if is_telling or not lines:
        return ''
    return f': {redact(lines[-1])[:_SAID_LIMIT]}'


def _failed(path: str, message: str) -> ConfigError:
    return ConfigError(Problem('registry-login-helper', message, path))
