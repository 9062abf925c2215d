"""config.json held against the members and types that docker clients decode. Pure.

One member of a wrong type spoils the whole file: the client warns, goes on with what
it could decode, and empties the other logins at the next `docker login` (run on
20.10.24, 26.1.5 and 28.5.2). Which client reads the file is not known, so a type that
any known version refuses is refused here.
"""

from __future__ import annotations

import binascii
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union

from registry_host.engine.keys import Version, parse_version
from registry_host.errors import Problem
from registry_host.jsonfile.jsonvalue import Json, Number
from registry_host.jsonfile.resources import resource_text
from registry_host.namedtuples import NamedTuple
from registry_host.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry_host.jsonfile.jsontext import Document

# See schema/client.json.
Shape = Union[str, 'list[Shape]', 'dict[str, Shape]']
_Path = tuple[str | int, ...]

_ANY = '*'
_EXPERIMENTAL = {True: '"enabled"', False: '"disabled"'}
# Shown in messages; a name of another kind might be a secret in the wrong place.
_PLAIN_NAME = re.compile(r'[\w.:/-]{1,64}', re.ASCII)
_NO_PROXY_ENTRY = re.compile(r'[A-Za-z0-9.*:/\[\]_-]{1,64}')
_BASE64 = re.compile(
    r'(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?', re.ASCII
)


class _Found(NamedTuple):
    """A value that the client does not take, and the type that is due."""

    path: _Path
    value: Json
    shape: Shape


def lint(document: Document, version: Version | None = None) -> Iterator[Problem]:
    """Tell of each member that a client cannot decode; `where` is LINE:COLUMN.

    Without a version: that any known client cannot decode.
    """
    shape = _known(_table()['members'], '', version)
    found = tuple(_mismatches(document.root, shape, ()))
    flat = [each for each in found if _is_flat_proxy(each)]
    for each in found:
        if each not in flat:
            yield _problem(document, each)
    if flat:
        yield _flat_proxies(document, flat)


def fold(name: str) -> str:
    """Fold a name as Go's encoding/json does to match it with a member's."""
    return name.replace('\u017f', 's').lower()


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(resource_text('engine/schema/client.json'))
    return table


def _known(shape: Shape, path: str, version: Version | None) -> Shape:
    """Leave out of a table what a client of this version does not know."""
    if version is None or not isinstance(shape, dict):
        return shape
    known: dict[str, Shape] = {}
    for name, inner in shape.items():
        place = f'{path}.{name}'.lstrip('.')
        since, until = (
            parse_version(_table()[end].get(place, '')) for end in ('since', 'until')
        )
        if (since is None or version >= since) and (until is None or version < until):
            known[name] = _known(inner, place, version)
    return known


# What does not match


def _mismatches(value: Json, shape: Shape, path: _Path) -> Iterator[_Found]:
    if value is None:
        return
    if isinstance(shape, str):
        if not isinstance(value, str) or (shape == 'login' and not _is_login(value)):
            yield _Found(path, value, shape)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield _Found(path, value, shape)
            return
        for index, item in enumerate(value):
            yield from _mismatches(item, shape[0], (*path, index))
    elif not isinstance(value, dict):
        yield _Found(path, value, shape)
    else:
        by_name = {fold(name): inner for name, inner in shape.items()}
        for name, item in value.items():
            inner = shape[_ANY] if _ANY in shape else by_name.get(fold(name))
            if inner is not None:
                yield from _mismatches(item, inner, (*path, name))


def _is_login(value: Json) -> bool:
    """Say whether every client decodes an "auth"; 20.10 takes an empty user too.

    Source: docker/cli cli/config/configfile/file.go decodeAuth. Go's decoder skips
    line ends, and minds no bits left over.
    """
    text = re.sub(r'[\r\n]', '', value) if isinstance(value, str) else ''
    if not text:
        return value == ''
    if not _BASE64.fullmatch(text):
        return False
    return binascii.a2b_base64(text).find(b':') > 0


# What is said of it


def _problem(document: Document, found: _Found) -> Problem:
    return Problem(
        code='config-type',
        where=document.where(*found.path),
        message=f'{_shown(found.path)} must be {_due(found)}, {_not(found.value)}; '
        'docker cannot load the file as it is, and empties the logins in it at the '
        f'next docker login; {_advice(found)}',
    )


def _shown(path: _Path) -> str:
    """Show where a member stands; a name that is no plain word is not repeated."""
    names = [part for part in path if isinstance(part, str)]
    plain = [_name(name) for name in names]
    shown = f'"{".".join(plain)}"'
    is_entry = len(names) < len(path)
    return f'each entry of {shown}' if is_entry else shown


def _name(name: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(name) and redact(name) == name
    return name if is_plain else '<name>'


def _due(found: _Found) -> str:
    if found.shape == 'login':
        return 'the base64 form of USER:PASSWORD'
    if isinstance(found.shape, str):
        return 'a string'
    return 'a list of strings' if isinstance(found.shape, list) else 'an object'


def _not(value: Json) -> str:
    if isinstance(value, bool):
        return 'not a boolean'
    if isinstance(value, Number):
        return 'not a number'
    if isinstance(value, str):
        return 'not this string'
    return 'not a list' if isinstance(value, list) else 'not an object'


def _advice(found: _Found) -> str:
    """Give the edit that mends it, without any value that might be a secret."""
    path, value, shape = found
    names = [part for part in path if isinstance(part, str)]
    key = _name(names[-1])
    if shape == 'login':
        return f'remove the entry of {_name(names[-2])}, then log in to it again'
    if isinstance(shape, list):
        is_text = isinstance(value, str)
        edit = 'put it in brackets' if is_text else 'write a list of strings'
        return f'{edit}: "{key}": ["..."]'
    if isinstance(shape, dict):
        return _advice_on_object(key, shape)
    if isinstance(value, bool):
        is_experimental = len(path) == 1 and fold(key) == 'experimental'
        words = _EXPERIMENTAL if is_experimental else {True: '"true"', False: '"false"'}
        text = words[value]
        return f'write {text}' if len(names) < len(path) else f'write "{key}": {text}'
    if isinstance(value, Number):
        return 'put the number in double quotes'
    if isinstance(value, list):
        return (
            f'write one string, its entries joined by commas: "{key}": "'
            + (_joined(key, value) or 'FIRST,SECOND')
            + '"'
        )
    return f'write "{key}": "...", or remove it'


def _joined(key: str, entries: list[Json]) -> str:
    """Join the entries of a noProxy that are plain hosts, and so no secret."""
    texts = [entry for entry in entries if isinstance(entry, str)]
    is_plain = all(_NO_PROXY_ENTRY.fullmatch(text) for text in texts)
    is_shown = fold(key) == 'noproxy' and is_plain and len(texts) == len(entries)
    joined = ','.join(texts) if is_shown else ''
    return joined if len(joined) <= 256 else ''


def _advice_on_object(key: str, shape: Mapping[str, Shape]) -> str:
    inner = shape.get(_ANY)
    if inner == 'string':
        return f'write "{key}": {{"NAME": "VALUE"}}, or remove it'
    return f'write "{key}": {{...}}, or remove it'


# Proxies without "default"


def _is_flat_proxy(found: _Found) -> bool:
    path = found.path
    return (
        len(path) == 2
        and fold(str(path[0])) == 'proxies'
        and (fold(str(path[1])) in map(fold, _table()['members']['proxies'][_ANY]))
    )


def _flat_proxies(document: Document, found: Iterable[_Found]) -> Problem:
    places = [each.path for each in found]
    names = [str(path[1]) for path in places]
    quoted = [f'"{name}"' for name in names]
    listed = ' and '.join(filter(None, (', '.join(quoted[:-1]), quoted[-1])))
    members = ', '.join(f'{name}: "..."' for name in quoted)
    return Problem(
        code='config-type',
        where=document.where(*places[0]),
        message=f'{listed} must stand in "default", not in "{places[0][0]}" itself; '
        'docker cannot load the file as it is, and empties the logins in it at the '
        f'next docker login; move {listed} into "default": '
        f'"{places[0][0]}": {{"default": {{{members}}}}}',
    )


def has_hub_login(document: Document) -> bool:
    """Whether a config.json has a login for Docker Hub, or a helper keeps it one.

    Source: docker/cli cli/config/credentials/file_store.go, which compares the host of
    each key (20.10 to 28.5); a helper leaves an empty object behind.
    """
    auths = document.get('auths')
    keys = auths if isinstance(auths, dict) else ()
    hosts = (re.sub('^https?://', '', key).partition('/')[0] for key in keys)
    return 'index.docker.io' in hosts
