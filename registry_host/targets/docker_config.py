"""Each user's ~/.docker/config.json: the proxies of the docker client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from registry_host import jsontext
from registry_host.checkpoints import Applied, OurKey
from registry_host.errors import ConfigError, Problem
from registry_host.merge import merge_list, merge_value
from registry_host.plan import Activation, Change, FileState, Finding
from registry_host.settings import HTTP_PROXY, HTTPS_PROXY, NO_PROXY
from registry_host.targets.target import FileRef, TargetPlan, read_json
from registry_host.urls import check_proxy

if TYPE_CHECKING:
    from collections.abc import Hashable

    from registry_host.checkpoints import Ledger
    from registry_host.facts import Facts
    from registry_host.plan import User
    from registry_host.settings import Settings

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
    if not _named(settings):
        return ()
    refs: list[FileRef] = []
    if settings.has_client_proxies or not settings.is_declaration:
        refs = [_ref_of(user) for user in facts.users]
    if settings.is_declaration:
        asked = {ref.path for ref in refs}
        refs += [
            _ref_of(user)._replace(path=entry.path, is_withdrawn=True)
            for entry in ledger.of_target(NAME)
            if entry.path not in asked and (user := facts.former_users.get(entry.path))
        ]
    return tuple(refs)


def _named(settings: Settings) -> tuple[str, ...]:
    return tuple(area for area in _MEMBERS if area in settings.named)


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
    document = read_json(state)
    asked = _withdrawn(settings) if ref.is_withdrawn else settings
    section = _section(state, document)
    keys = dict(applied.keys)
    edits: list[jsontext.Put | jsontext.Drop] = []
    for area in _named(settings):
        member = _spelled(state, document, (*section, _MEMBERS[area]))
        current = _text(state, document, member)
        value, key = _merged(asked, area, current, applied)
        if key is None:
            keys.pop(area, None)
        else:
            keys[area] = key
        if value != current:
            edits.append(
                jsontext.Drop(member) if value is None else jsontext.Put(member, value)
            )
    edited = jsontext.edit(document, *edits)
    is_new = state.content is None
    content = state.content if edited is document else edited.encode()
    after = state._replace(content=content, mode=0o600 if is_new else state.mode)
    is_created = applied.is_created or (is_new and not applied.keys)
    return TargetPlan(
        change=Change(
            target=NAME, before=state, after=after, activation=Activation.NONE
        ),
        applied=applied._replace(
            keys=keys,
            is_created=is_created,
            user=ref.user.name if ref.user else None,
        ),
        findings=tuple(
            Finding.of(problem, 'warning', state.path)
            for problem in shadowed_proxies(document, state.path)
        ),
    )


def _withdrawn(settings: Settings) -> Settings:
    return settings._replace(http_proxy=None, https_proxy=None, no_proxy=None)


def _merged(
    settings: Settings, area: str, current: str | None, applied: Applied
) -> tuple[str | None, OurKey | None]:
    """Merge one area: what stands there then, and what of it is ours."""
    if area == NO_PROXY:
        return _merged_no_proxy(settings, current, applied)
    proxy = settings.http_proxy if area == HTTP_PROXY else settings.https_proxy
    ours = applied.ours(area)
    merged = merge_value(
        current,
        ours[0] if ours else None,
        applied.before(area),
        proxy.reveal() if proxy else None,
        key=_proxy_key,
    )
    if merged.ours is None:
        return merged.value, None
    return merged.value, OurKey(ours=(merged.ours,), before=merged.before)


def _proxy_key(text: str) -> Hashable:
    checked = check_proxy(text, HTTP_PROXY)
    return text if checked.value is None else checked.value.key


def _merged_no_proxy(
    settings: Settings, current: str | None, applied: Applied
) -> tuple[str | None, OurKey | None]:
    """NO_PROXY is a list in one string: foreign entries stay in it as anywhere."""
    entries = _entries(current or '')
    merge = merge_list(
        entries,
        applied.ours(NO_PROXY),
        _entries(str(settings.no_proxy or '')),
        key=str.lower,
        is_ordered=False,
    )
    ours = OurKey(ours=merge.ours) if merge.ours else None
    if merge.is_empty:
        return current, ours
    # As they are written, blanks and all: they are not ours.
    written = [part for part in (current or '').split(',') if part.strip()]
    left = [part for index, part in enumerate(written) if index not in merge.drop]
    return ','.join([*merge.insert, *left]) or None, ours


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(',') if entry.strip()]


# Names in the file


def _section(state: FileState, document: jsontext.Document) -> tuple[str, str]:
    (top,) = _spelled(state, document, ('proxies',))
    _require_object(state, document, (top,))
    _require_object(state, document, (top, 'default'))
    return top, 'default'


def _require_object(
    state: FileState, document: jsontext.Document, path: tuple[str, ...]
) -> None:
    if document.has(*path) and not isinstance(document.get(*path), dict):
        raise ConfigError(_wrong_type(state, document, path, 'an object'))


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


def _text(
    state: FileState, document: jsontext.Document, path: tuple[str, ...]
) -> str | None:
    value = document.get(*path) if document.has(*path) else None
    if value is not None and not isinstance(value, str):
        raise ConfigError(_wrong_type(state, document, path, 'a string'))
    return value


def _wrong_type(
    state: FileState, document: jsontext.Document, path: tuple[str, ...], due: str
) -> Problem:
    return Problem(
        code='config-type',
        where=f'{state.path}:{document.where(*path)}',
        message=f'"{path[-1]}" must be {due}',
        hint='docker ignores the whole file as it is, and overwrites it at the next '
        'docker login: mend it first',
    )


def shadowed_proxies(document: jsontext.Document, path: str) -> Iterable[Problem]:
    """Tell of proxies for the local engine, which replace "default" as a whole."""
    proxies = document.get('proxies') if document.has('proxies') else None
    if isinstance(proxies, dict) and _LIVE_HOST in proxies:
        yield Problem(
            code='proxies-shadowed',
            where=f'{path}:{document.where("proxies", _LIVE_HOST)}',
            message=f'the proxies of "{_LIVE_HOST}" replace those of "default" '
            'for the local engine',
            hint='merge that entry into "default", and remove it',
        )
