"""Settings as given: the settings file and the flags, joined; no rule yet."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem, SettingsError, quoted, repeat_with
from registry_host.jsonfile.jsonvalue import JsonTextError
from registry_host.namedtuples import NamedTuple
from registry_host.redact import learn_text, redact_input
from registry_host.settings.areas import (
    ENGINE,
    EXCLUSIVE,
    HTTP_PROXY,
    HTTPS_PROXY,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    NO_PROXY,
    PROBE_IMAGE,
    SEARCH,
    Operation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from registry_host.host.host import Host
    from registry_host.host.records import FileState


DEFAULT_FILES = ('/etc/registry-host/settings.toml', '/etc/registry-host/settings.json')
STANDARD_INPUT = '-'
Document = dict[str, Any]


class Asked(NamedTuple):
    """Settings as given, before any rule: a document, and where each part stands.

    `mode` is that of the file. `is_replacing`: lists given by flags become the whole of
    what is managed.
    """

    document: Document
    file: str | None
    mode: int
    from_flags: frozenset[str]
    where: Callable[[Sequence[str | int]], str]
    is_replacing: bool = False

    @property
    def operation(self) -> Operation:
        is_adding = self.file is None and not self.is_replacing
        return Operation.ADD if is_adding else Operation.REPLACE


def read_asked(
    host: Host,
    *,
    file: str | None,
    flags: Mapping[str, Any],
    is_replacing: bool = False,
) -> Asked:
    """Join the settings file and the flags: lists are joined, other values replaced.

    `flags` maps keys of the document to values; None means not given. Without flags,
    the default file is read; with flags, only a file that is named. `is_replacing`:
    lists of the flags take the place of those of the file.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    # What a proof is made with asks for nothing by itself.
    if file is None and given.keys() - {PROBE_IMAGE}:
        return asked_by_flags(given, is_replacing=is_replacing)
    if is_replacing and not given:
        raise SettingsError(_nothing_to_replace())
    if file == '':
        raise SettingsError(_empty_file_name())
    state = host.read_argument(file) if file and file != STANDARD_INPUT else None
    if file is None:
        file = _default_file(host)
        state = host.read(file)
    document, where = _read_file(host, file, state)
    return Asked(
        document=_with_flags(document, given, is_replacing=is_replacing),
        file=file,
        mode=state.mode if state else 0,
        from_flags=frozenset(given),
        where=where,
        is_replacing=is_replacing,
    )


def asked_by_flags(given: Mapping[str, Any], *, is_replacing: bool = False) -> Asked:
    return Asked(
        document=_with_flags({}, given, is_replacing=is_replacing),
        file=None,
        mode=0,
        from_flags=frozenset(given),
        where=_no_position,
        is_replacing=is_replacing,
    )


def _nothing_to_replace() -> Problem:
    return Problem(
        code='replace-nothing',
        where='--replace',
        message='no list is given that could take the place of the managed entries',
        hint='sudo registry-host configure --replace --mirror http://registry.example:5000',
    )


def _empty_file_name() -> Problem:
    return Problem(
        code='value-empty',
        where='--settings',
        message='the file name is empty (an unset variable?)',
        hint=DEFAULT_FILES[0],
    )


def default_files(host: Host) -> tuple[str, ...]:
    """Name the settings files of this host, of which there should be one at most."""
    return tuple(path for path in DEFAULT_FILES if host.exists(path))


def _default_file(host: Host) -> str:
    found = default_files(host)
    if len(found) == 1:
        return found[0]
    raise SettingsError(
        Problem(
            code='settings-ambiguous',
            where=found[0],
            message=f'{found[1]} exists too; remove one of them, or name one',
            hint=repeat_with(f'--settings {found[0]}'),
        )
        if found
        else Problem(
            code='settings-missing',
            where='settings',
            message=f'no flag was given and there is no {DEFAULT_FILES[0]}',
            hint='sudo registry-host configure --mirror http://registry.example:5000',
        )
    )


def _no_position(path: Sequence[str | int]) -> str:
    return ''


# Where each flag stands in the document; None is its top level.
TABLES: Mapping[str | None, tuple[str, ...]] = {
    None: (MIRRORS, INSECURE, PROBE_IMAGE),
    'proxies': (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, 'for'),
    'dns': (NAMESERVERS, SEARCH, EXCLUSIVE, ENGINE),
    'client': ('users',),
}


def _with_flags(
    document: Document, given: Mapping[str, Any], *, is_replacing: bool
) -> Document:
    joined = dict(document)
    for table, names in TABLES.items():
        values = {name: given[name] for name in names if name in given}
        if not values:
            continue
        there = joined if table is None else _table(joined, table)
        if not is_replacing:
            values = {
                name: _added(name, there, value) for name, value in values.items()
            }
        if table is None:
            joined.update(values)
        else:
            joined[table] = {**there, **values}
    return joined


def _added(name: str, there: Document, value: Any) -> Any:
    """Add the value of a flag to that of the file; all but lists is replaced."""
    old = there.get(name)
    if name == NO_PROXY and old and isinstance(old, str):
        return f'{old},{value}'
    if name == 'for' or not (isinstance(old, list) and isinstance(value, list)):
        return value
    return [*old, *(entry for entry in value if entry not in old)]


def _table(document: Document, name: str) -> Document:
    """A table of the document; a wrong type is left for the schema to report."""
    value = document.get(name, {})
    return value if isinstance(value, dict) else {}


def _read_file(
    host: Host, file: str, state: FileState | None
) -> tuple[Document, Callable[[Sequence[str | int]], str]]:
    if state is None:
        given = host.read_input()
        learn_text(given.decode('utf-8', 'replace'))
        return _read_json(given, 'standard input')
    content = state.content
    if content is None:
        raise SettingsError(_missing(file))
    learn_text(content.decode('utf-8', 'replace'))
    if file.endswith('.json'):
        return _read_json(content, file)
    return _read_toml(content, file), lambda path: _dotted(file, path)


def _missing(file: str) -> Problem:
    return Problem(
        code='settings-missing',
        where=file,
        message='no such file',
        hint=f'ls -l {quoted(os.path.dirname(file) or ".")}',
    )


def _read_json(
    content: bytes, name: str
) -> tuple[Document, Callable[[Sequence[str | int]], str]]:
    from registry_host.jsonfile import jsontext

    try:
        document = jsontext.read(content)
    except JsonTextError as err:
        raise SettingsError(err.problem.at(f'{name}:{err.problem.where}')) from None

    def where(path: Sequence[str | int]) -> str:
        return _dotted(f'{name}:{document.where(*path)}' if path else name, path)

    return document.root, where


def _read_toml(content: bytes, file: str) -> Document:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: Document = tomllib.loads(content.decode('utf-8'))
        return document
    except UnicodeDecodeError:
        message = 'not UTF-8'
        raise SettingsError(
            Problem(code='settings-syntax', where=file, message=message)
        ) from None
    except tomllib.TOMLDecodeError as err:
        raise SettingsError(_toml_problem(file, str(err), content)) from None


def _toml_problem(file: str, text: str, content: bytes) -> Problem:
    what, _, position = text.partition(' (at ')
    found = re.fullmatch(r'line (\d+), column (\d+)\)', position)
    # "at end of document" otherwise.
    last_line = content.count(b'\n') + 1
    place = f'{file}:{found[1]}:{found[2]}' if found else f'{file}:{last_line}:1'
    # Only TOML's own words: a value that it quotes could be a password.
    return Problem(
        code='settings-syntax',
        where=place,
        message=f'not TOML, which puts strings in quotes and lists in brackets: '
        f'{_words_of_toml(what)}',
        hint='registry-mirrors = ["http://registry.example:5000"]',
    )


def _words_of_toml(text: str) -> str:
    """Take the words of the parser up to what it quotes, which could be a password."""
    found = re.match(r'[A-Za-z -]*', text)
    return found[0].strip().lower() if found else ''


def _dotted(name: str, path: Sequence[str | int]) -> str:
    # A key may be anything, a URL with a password among others.
    dotted = ''.join(
        f'[{p}]' if isinstance(p, int) else f'.{redact_input(p)}' for p in path
    )
    return f'{name}: {dotted.lstrip(".")}' if dotted else name
