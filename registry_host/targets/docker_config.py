"""Each user's ~/.docker/config.json: the proxies of the docker client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Finding, Problem, quoted
from registry_host.host.filedoor import give_back
from registry_host.jsonfile.config import read_json, settle_created
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.settings.areas import (
    CLIENT,
    HTTP_PROXY,
    HTTPS_PROXY,
    NO_PROXY,
    Operation,
)
from registry_host.targets import proxy_members
from registry_host.targets.target import FileRef, TargetPlan, with_creation, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_host.host.records import FileState, User
    from registry_host.jsonfile import jsontext
    from registry_host.plan.facts import Facts
    from registry_host.plan.ledger import Applied, Ledger
    from registry_host.settings.model import Settings

NAME = 'docker-config'
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
        path=f'{user.home}/.docker/config.json',
        user=user,
        folder_mode=0o700,
    )


def plan_file(
    settings: Settings,
    facts: Facts,
    ref: FileRef,
    state: FileState,
    applied: Applied,
) -> TargetPlan:
    """Plan the edit of one config.json: members of "proxies"."default" alone."""
    if facts.is_live:
        _require_owned(ref, state)
    document = read(state)
    problems = problems_of(document, state.path)
    if problems:
        raise ConfigError(*problems)
    asked = proxy_members.asked_for(settings, CLIENT)
    merged = proxy_members.merge(
        proxy_members.withdrawn(asked) if ref.is_withdrawn else asked,
        _found(settings, state, document),
        applied,
    )
    edited, created = settle_created(document, merged.edits, applied.created)
    after = written(state, document, edited, applied, new_mode=0o600)
    return TargetPlan(
        change=Change(
            target=NAME, before=state, after=after, activation=Activation.NONE
        ),
        applied=with_creation(applied, state)
        .joined(merged.keys)
        ._replace(
            created=created,
            user=ref.user.name if ref.user else None,
        ),
        findings=tuple(
            Finding.of(problem, 'warning', state.path)
            for problem in shadowed_proxies(document, state.path)
        ),
    )


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


def _found(
    settings: Settings, state: FileState, document: jsontext.Document
) -> dict[str, tuple[tuple[str, ...], str | None]]:
    section = _section(state, document)
    found = {}
    for area in proxy_members.named(settings, CLIENT):
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
            hint=f'look at: sudo namei -l {quoted(state.path)}'
            if state.realpath != state.path
            else f'give it back to its user: {give_back(state.path, user)}',
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
                message=f'{names[0]!r} and {names[1]!r} are one setting to docker',
                hint='keep one of them',
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
            'for the local engine',
            hint='merge that entry into "default", and remove it',
        )
