"""Each user's ~/.docker/config.json: the proxies of the docker client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding, Problem, quoted, repeat_with
from registry_host.host.filedoor import give_back
from registry_host.jsonfile.config import all_are, read_json, settle_created
from registry_host.jsonfile.jsonvalue import JsonTextError
from registry_host.plan.wish import Values, Wish
from registry_host.settings.areas import (
    CLIENT,
    HTTP_PROXY,
    HTTPS_PROXY,
    NO_PROXY,
    Operation,
)
from registry_host.targets import proxy_members
from registry_host.targets.target import (
    FileRef,
    Merged,
    merged,
    with_creation,
    withdrawn,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import FileState, User
    from registry_host.jsonfile import jsontext
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.services.facts import Facts
    from registry_host.settings.model import Settings

NAME = 'docker-config'
# The docker client writes the whole file at a login, as it had read it before.
IS_REWRITTEN = True
CONFIG_JSON = '/.docker/config.json'
# Members that a diff may show: all else is a secret, or may be one in a later version.
SHOWN = frozenset(
    {
        'allProxy',
        'credsStore',
        'currentContext',
        'detachKeys',
        'ftpProxy',
        'httpProxy',
        'httpsProxy',
        'noProxy',
    }
)
# Source: docker/cli cli/config/configfile/file.go ProxyConfig, 28f7560 (2026-08).
_MEMBERS = {
    HTTP_PROXY: 'httpProxy',
    HTTPS_PROXY: 'httpsProxy',
    NO_PROXY: 'noProxy',
}
_LIVE_HOST = 'unix:///var/run/docker.sock'


def files(settings: Settings, facts: Facts, ledger: Ledger) -> tuple[FileRef, ...]:
    """The files of the users who are asked for, and of those no longer asked for."""
    if not proxy_members.named(settings, CLIENT):
        return ()
    if settings.operation is Operation.REMOVE:
        return tuple(_managed(settings, facts, ledger))
    refs: list[FileRef] = []
    if settings.has_proxies_for(CLIENT) or not settings.is_declaration:
        refs = [_ref_of(user) for user in facts.users]
    if settings.is_declaration:
        asked = {ref.path for ref in refs}
        refs += [
            _ref_of(user)._replace(path=entry.path, is_withdrawn=True)
            for entry in ledger.of_target(NAME)
            if entry.path not in asked and (user := facts.former_users.get(entry.path))
        ]
    return tuple(refs)


def _managed(settings: Settings, facts: Facts, ledger: Ledger) -> Iterable[FileRef]:
    """The files with managed entries, of the users who are named or of all."""
    for entry in ledger.of_target(NAME):
        user = facts.former_users.get(entry.path)
        is_named = settings.users is None or entry.user in settings.users
        if user and is_named and settings.named & entry.keys.keys():
            yield _ref_of(user)._replace(path=entry.path)


def _ref_of(user: User) -> FileRef:
    return FileRef(
        path=f'{user.home}{CONFIG_JSON}',
        user=user,
        folder_mode=0o700,
    )


def whole(settings: Settings, ledger: Ledger) -> Settings:
    return settings


def is_file(path: str, user: User | None) -> bool:
    return path.endswith(CONFIG_JSON) and user is not None


def asked(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> Wish:
    found = _found(state, _accepted(ref, state, facts))
    if ref.is_withdrawn:
        return Wish(dict.fromkeys(proxy_members.named(settings, CLIENT), ()))
    return Wish(dict(proxy_members.asked(settings, CLIENT, found, applied)))


def stands(state: FileState, applied: Applied, facts: Facts) -> Mapping[str, Values]:
    return dict(proxy_members.stands(_found(state, read(state)), applied))


def merge(
    ref: FileRef, state: FileState, applied: Applied, wish: Wish, facts: Facts
) -> Merged:
    """Edit one config.json: members of "proxies"."default" alone."""
    document = _accepted(ref, state, facts, is_recovery=wish.is_recovery)
    found = _found(state, document)
    proxies = proxy_members.merge(wish, found, applied)
    over = withdrawn(wish, proxy_members.paths(found))
    edited, created = settle_created(document, proxies.edits, applied.created, over)
    after = written(state, document, edited, applied, new_mode=0o600)
    return merged(
        after,
        applied,
        with_creation(applied, state)
        .joined(proxies.keys)
        ._replace(created=created, user=ref.user.name if ref.user else None),
    )


def _accepted(
    ref: FileRef, state: FileState, facts: Facts, *, is_recovery: bool = False
) -> jsontext.Document:
    """Read a file that may be changed: its user's own, and one that docker loads.

    A recovery changes one that docker does not load for another reason, too.
    """
    if facts.is_live:
        _require_owned(ref, state)
    document = read(state)
    problems = problems_of(document, state.path)
    if problems and not (is_recovery and _is_shaped(state, document)):
        raise ConfigError(*problems)
    return document


def _is_shaped(state: FileState, document: jsontext.Document) -> bool:
    """Whether the proxies can be edited, whatever else is wrong with the file."""
    section = _section(state, document)
    objects = (document.get(*section[:1]), document.get(*section))
    found = (document.get(*path) for path, _ in _found(state, document).values())
    return all_are(dict, objects) and all_are(str, found)


def settle(host: Host, state: FileState) -> Iterable[Finding]:
    """The docker client writes the file when the registry has let its user in."""
    from registry_host.targets.logins import wait_for_logins

    user = state.user
    if user is not None and not wait_for_logins(host, user):
        yield Finding(
            check='login-under-way',
            severity='warning',
            message=f'a docker login of {user.name} is under way: when it ends, it '
            f'writes {state.path} as it was before this run',
            path=state.path,
            remedy=(repeat_with(''),),
        )


def told(
    settings: Settings, facts: Facts, state: FileState, merged: Merged
) -> Iterable[Finding]:
    for problem in shadowed_proxies(read(state), state.path):
        yield Finding.of(problem, 'warning', state.path)


def redact(text: str) -> str:
    from registry_host.jsonfile.masking import mask, mask_all

    rest = _rest(text)
    return mask(text[: len(text) - len(rest)], known=SHOWN) + mask_all(rest)


def _rest(text: str) -> str:
    """Find what follows the first value of a config.json: docker does not read it."""
    from registry_host.jsonfile import jsontext

    try:
        return jsontext.read(text.encode(), is_first_value=True).rest
    except JsonTextError:
        return ''


def read(state: FileState) -> jsontext.Document:
    """Read a config.json as the docker client does; ConfigError as of read_json."""
    return read_json(state, is_first_value=True)


def problems_of(document: jsontext.Document, path: str) -> tuple[Problem, ...]:
    """Tell of all that keeps docker from loading a config.json, with its place."""
    if not document.root:
        return ()

    from registry_host.engine import clientconfig

    return tuple(
        problem.at(f'{path}:{problem.where}') for problem in clientconfig.lint(document)
    )


def _found(state: FileState, document: jsontext.Document) -> proxy_members.Found:
    section = _section(state, document)
    found: proxy_members.Found = {}
    for area in _MEMBERS:
        member = _spelled(state, document, (*section, _MEMBERS[area]))
        text = document.get(*member)  # All types have been held against the table.
        found[area] = member, text if isinstance(text, str) else None
    return found


def _require_owned(ref: FileRef, state: FileState) -> None:
    """Refuse a file whose owner and group its user could not give to a new one."""
    user = ref.user
    is_root = user is None or user.uid == 0
    if is_root or user is None or state.content is None:
        return
    if (state.uid, state.gid) == (user.uid, user.gid):
        return
    other = f'uid {state.uid}' if state.uid != user.uid else f'group {state.gid}'
    raise ConfigError(
        Problem(
            code='config-owner',
            where=state.path,
            message=f'belongs to {other}, not to {user.name}',
            hint=f'sudo namei -l {quoted(state.path)}'
            if state.realpath != state.path
            else give_back(state.path, user),
        )
    )


# Names in the file


def _section(state: FileState, document: jsontext.Document) -> tuple[str, str]:
    (top,) = _spelled(state, document, ('proxies',))
    return top, 'default'


def _spelled(
    state: FileState, document: jsontext.Document, path: tuple[str, ...]
) -> tuple[str, ...]:
    """Find a member under any letter case, as the docker client does.

    Source: Go encoding/json, which docker/cli reads the file with: names match whatever
    their case, and a second one that matches wins over the first.
    """
    *parents, wanted = path
    parent = document.get(*parents) if parents else document.root
    members = parent if isinstance(parent, dict) else {}
    names = [name for name in members if name.lower() == wanted.lower()]
    if len(names) > 1:
        where = f'{state.path}:{document.where(*parents, names[1])}'
        raise ConfigError(
            Problem(
                code='config-ambiguous',
                where=where,
                message=f'{names[0]!r} and {names[1]!r} are one setting to docker; '
                'keep one of them',
            )
        )
    return (*parents, names[0] if names else wanted)


def shadowed_proxies(document: jsontext.Document, path: str) -> Iterable[Problem]:
    """Tell of proxies for the local engine, which replace "default" as a whole."""
    proxies = document.get('proxies')
    if isinstance(proxies, dict) and _LIVE_HOST in proxies:
        yield Problem(
            code='proxies-shadowed',
            where=f'{path}:{document.where("proxies", _LIVE_HOST)}',
            message=f'the proxies of "{_LIVE_HOST}" replace those of "default" '
            'for the local engine; merge that entry into "default", and remove it',
        )
