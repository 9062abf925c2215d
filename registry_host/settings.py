"""What the operator asks: flags and a settings file, checked, as one Settings."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.errors import Problem, SettingsError, quoted
from registry_host.merge import Operation
from registry_host.redact import learn_text, redact_input
from registry_host.resources import resource_text
from registry_host.urls import (
    Checked,
    Mirror,
    Proxy,
    Registry,
    check_characters,
    check_insecure_registry,
    check_mirror,
    check_no_proxy,
    check_proxy,
    check_user,
)

if TYPE_CHECKING:
    from registry_host.host import Host
    from registry_host.noproxy import NoProxy
    from registry_host.plan import FileState

DEFAULT_FILES = ('/etc/registry-host/settings.toml', '/etc/registry-host/settings.json')
STANDARD_INPUT = '-'
SCHEMA = 'settings.schema.json'

MIRRORS = 'registry-mirrors'
INSECURE = 'insecure-registries'
HTTP_PROXY = 'http-proxy'
HTTPS_PROXY = 'https-proxy'
NO_PROXY = 'no-proxy'
NAMESERVERS = 'nameservers'
NAMESERVER = 'nameserver'
SEARCH = 'search'
EXCLUSIVE = 'exclusive'
# The `engine` of [dns]; by that name alone, an area would be mistaken for a reader.
ENGINE_DNS = 'engine-dns'
ENGINE = 'engine'
CLIENT = 'client'
DNS_AREAS = frozenset({NAMESERVERS, SEARCH})
PROXY_AREAS = frozenset({HTTP_PROXY, HTTPS_PROXY, NO_PROXY})
AREAS = DNS_AREAS | PROXY_AREAS | {MIRRORS, INSECURE, ENGINE_DNS}

Document = dict[str, Any]


class Settings(NamedTuple):
    """What a run asks for, by area. `named` holds the areas that it may touch.

    `operation` says how: REPLACE makes the values the whole of what is managed in a
    named area (none withdraws what is managed there), ADD adds them, and REMOVE takes
    them out, or everything in the areas of `cleared`. `proxy_for` says who uses the
    proxies: 'engine', 'client'. `is_dns_exclusive`: the host asks no nameservers but
    these; None leaves that as it is. `engine_dns` are those of containers. REMOVE takes
    out the proxies that `unwanted` selects. `users` None
    means the invoker. `digest` identifies settings that passed the schema. `exposed`
    tells of passwords that others can see where they were given.
    """

    named: frozenset[str]
    is_declaration: bool
    operation: Operation = Operation.REPLACE
    cleared: frozenset[str] = frozenset()
    mirrors: tuple[Mirror, ...] = ()
    insecure: tuple[Registry, ...] = ()
    http_proxy: Proxy | None = None
    https_proxy: Proxy | None = None
    no_proxy: NoProxy | None = None
    unwanted: tuple[Proxy, ...] = ()
    proxy_for: frozenset[str] = frozenset()
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    is_dns_exclusive: bool | None = False
    engine_dns: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None
    digest: str = ''
    results: tuple[Checked[Any], ...] = ()
    exposed: tuple[Problem, ...] = ()

    def has_proxies_for(self, reader: str) -> bool:
        is_any = bool(self.http_proxy or self.https_proxy or self.no_proxy)
        return is_any and reader in self.proxy_for

    def operation_on(self, area: str) -> Operation:
        """Say what the run does to the managed entries of one area."""
        return Operation.REPLACE if area in self.cleared else self.operation

    @property
    def has_dns(self) -> bool:
        """Whether anything is asked of the host's own resolv.conf."""
        return bool(self.nameservers or self.search)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        warnings = (p for result in self.results for p in result.warnings)
        return (*warnings, *self.exposed)


NOTHING_ASKED = Settings(named=frozenset(), is_declaration=False)
WITHDRAW_ALL = Settings(named=AREAS, is_declaration=True)


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
    if file is None and given:
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
        hint='registry-host configure --replace --mirror http://registry.example:5000',
    )


def _empty_file_name() -> Problem:
    return Problem(
        code='value-empty',
        where='--settings',
        message='the file name is empty (an unset variable?)',
        hint=f'--settings {DEFAULT_FILES[0]}',
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
            message=f'{found[1]} exists too',
            hint=f'remove one of them, or name one: --settings {found[0]}',
        )
        if found
        else Problem(
            code='settings-missing',
            where='settings',
            message=f'no flag was given and there is no {DEFAULT_FILES[0]}',
            hint='registry-host configure --registry-mirror http://registry.example:5000',
        )
    )


def _no_position(path: Sequence[str | int]) -> str:
    return ''


# Where each flag stands in the document; None is its top level.
_TABLES: Mapping[str | None, tuple[str, ...]] = {
    None: (MIRRORS, INSECURE),
    'proxies': (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, 'for'),
    'dns': (NAMESERVERS, SEARCH, EXCLUSIVE, ENGINE),
    'client': ('users',),
}


def _with_flags(
    document: Document, given: Mapping[str, Any], *, is_replacing: bool
) -> Document:
    joined = dict(document)
    for table, names in _TABLES.items():
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


# Reading the file


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
        hint=f'name another one: --settings {DEFAULT_FILES[0]}',
    )


def _read_json(
    content: bytes, name: str
) -> tuple[Document, Callable[[Sequence[str | int]], str]]:
    from registry_host import jsontext

    try:
        document = jsontext.read(content)
    except jsontext.JsonTextError as err:
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
        message=f'not TOML: {_words_of_toml(what)}',
        hint='TOML puts strings in quotes and lists in brackets: '
        'registry-mirrors = ["http://registry.example:5000"]',
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


# Checking the shape


def digest_of(document: Document) -> str:
    """Identify a document and the schema it was held against."""
    from hashlib import sha256

    canonical = json.dumps(document, sort_keys=True, default=str) + resource_text(
        SCHEMA
    )
    return sha256(canonical.encode()).hexdigest()


def check_shape(asked: Asked) -> tuple[Problem, ...]:
    """Hold the document against the schema; every violation, in order of place."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(resource_text(SCHEMA)))
    errors = sorted(
        validator.iter_errors(asked.document), key=lambda err: str(err.path)
    )
    return tuple(problem for err in errors for problem in _shape_problems(asked, err))


def _shape_problems(asked: Asked, err: Any) -> Iterable[Problem]:
    path = tuple(err.absolute_path)
    if err.validator == 'additionalProperties':
        known = tuple(err.schema['properties'])
        for name in err.instance:
            if name not in known:
                yield _unknown_key(asked, (*path, name), known)
        return
    is_scalar = err.validator in ('enum',)
    # A value of the wrong type may hold a password: only its type is told.
    is_shown = is_scalar and isinstance(err.instance, str)
    got = repr(redact_input(err.instance)) if is_shown else type(err.instance).__name__
    due = _due(err.validator, err.validator_value)
    yield Problem(
        code=f'settings-{"value" if is_scalar else "type"}',
        where=_place(asked, path),
        message=due if err.validator == 'minLength' else f'{due}, not {got}',
    )


def _due(rule: str, value: Any) -> str:
    if rule == 'type':
        return f'must be of type {value}'
    if rule == 'enum':
        return f'must be one of {", ".join(map(str, value))}'
    return 'must not be empty'


def _unknown_key(asked: Asked, path: tuple[Any, ...], known: Sequence[str]) -> Problem:
    from difflib import get_close_matches

    close = get_close_matches(str(path[-1]).lower().replace('_', '-'), known, n=1)
    hint = f'did you mean {close[0]}?' if close else f'known here: {", ".join(known)}'
    return Problem(
        code='settings-unknown-key',
        where=_place(asked, path),
        message='unknown key',
        hint=hint,
    )


def _place(asked: Asked, path: tuple[Any, ...]) -> str:
    names = [part for part in path if part in asked.from_flags]
    if names:
        return f'--{_FLAGS.get(names[-1], names[-1])}'
    return asked.where(path) or 'settings'


_FLAGS = {
    MIRRORS: 'registry-mirror',
    INSECURE: 'insecure-registry',
    'for': 'proxy-for',
    'users': 'user',
    NAMESERVERS: 'nameserver',
    SEARCH: 'dns-search',
    EXCLUSIVE: 'dns-exclusive',
    ENGINE: ENGINE_DNS,
}


# Checking the rules


def load(asked: Asked, *, is_known: Callable[[str], bool]) -> Settings:
    """Check everything that was asked; SettingsError holds every problem found."""
    digest = digest_of(asked.document)
    problems = () if is_known(digest) else check_shape(asked)
    if problems:
        raise SettingsError(*problems)
    checked = _check_rules(asked)
    problems = tuple(problem for result in checked for problem in result.errors)
    if problems:
        raise SettingsError(*problems)
    return _settings(asked, checked, digest)


def check(asked: Asked) -> tuple[tuple[Checked[Any], ...], tuple[Problem, ...]]:
    """Check everything for a report: each input's result, and what the shape breaks."""
    problems = check_shape(asked)
    return (() if problems else _check_rules(asked)), problems


def _check_rules(asked: Asked) -> tuple[Checked[Any], ...]:
    document = asked.document
    return (
        *_check_each(asked, (MIRRORS,), 'registry-mirror', check_mirror),
        *_check_each(asked, (INSECURE,), 'insecure-registry', check_insecure_registry),
        *(_check_proxies(asked) if 'proxies' in document else ()),
        *(_check_dns(asked) if 'dns' in document else ()),
        *(_check_users(asked) if 'client' in document else ()),
    )


def _check_each(
    asked: Asked,
    path: tuple[str, ...],
    kind: str,
    check: Callable[[str], Checked[Any]],
) -> Iterable[Checked[Any]]:
    """Check each entry of the list at `path`."""
    *tables, name = path
    there = asked.document
    for table in tables:
        there = there[table]
    for index, text in enumerate(there.get(name, ())):
        yield _checked(asked, kind, name, text, check).at(_place(asked, (*path, index)))


def _checked(
    asked: Asked, kind: str, name: str, text: str, check: Callable[[str], Checked[Any]]
) -> Checked[Any]:
    """Check one value: that there is one, its characters, and then the rules for it."""
    if not text.strip():
        return _empty(asked, kind, name)
    # White space around a value has rules, and hints, of its own.
    return check_characters(kind, text.strip()) or check(text)


def _check_proxies(asked: Asked) -> Iterable[Checked[Any]]:
    proxies = asked.document['proxies']
    for name in (HTTP_PROXY, HTTPS_PROXY, NO_PROXY):
        if name not in proxies:
            continue
        text: str = proxies[name]
        result = _checked(asked, name, name, text, _PROXY_CHECKS[name])
        yield result.at(_place(asked, ('proxies', name)))
    given = next((name for name in _TABLES['proxies'] if name in proxies), None)
    if given is not None and not proxies.get('for'):
        where = _place(asked, ('proxies', given))
        problem = _reader_missing(asked).at(where)
        yield Checked(input='', kind='proxy-for', value=None, errors=(problem,))
    elif given == 'for' and asked.file is None:
        problem = _no_proxy_given().at(_place(asked, ('proxies', 'for')))
        yield Checked(input='', kind='proxy-for', value=None, errors=(problem,))


_PROXY_CHECKS: Mapping[str, Callable[[str], Checked[Any]]] = {
    HTTP_PROXY: lambda text: check_proxy(text, HTTP_PROXY),
    HTTPS_PROXY: lambda text: check_proxy(text, HTTPS_PROXY),
    NO_PROXY: check_no_proxy,
}


def _reader_missing(asked: Asked) -> Problem:
    """A proxy for pulls and one for containers are two things: neither is a default."""
    name, option, also = '--proxy-for', '--proxy-for engine', '--proxy-for client'
    if asked.file is not None:
        name, option, also = '`for`', 'for = ["engine"]', 'for = ["client"]'
    return Problem(
        code='proxy-for-missing',
        message=f"needs {name}, to tell Docker's own proxy from that of its containers",
        hint=f'{option}  (pulls; takes a restart of Docker), or {also}  (every '
        'container and build of the user gets it, password included), or both',
    )


def _no_proxy_given() -> Problem:
    return Problem(
        code='proxy-for-alone',
        message='no proxy is given',
        hint='add one of --http-proxy, --https-proxy, --no-proxy',
    )


def _check_dns(asked: Asked) -> Iterable[Checked[Any]]:
    from functools import partial

    from registry_host.names.rules import (
        check_exclusive,
        check_nameserver,
        check_search_domain,
        require_few,
    )

    dns = asked.document['dns']
    for kind, name in ((NAMESERVER, NAMESERVERS), (ENGINE_DNS, ENGINE)):
        path = ('dns', name)
        check = partial(check_nameserver, kind=kind)
        yield from _check_each(asked, path, kind, check)
        for index, beyond in require_few(dns.get(name, ()), kind):
            yield beyond.at(_place(asked, (*path, index)))
    # Flags may add it to nameservers that are managed already.
    is_known = asked.operation is Operation.REPLACE
    if dns.get(EXCLUSIVE) and is_known and not dns.get(NAMESERVERS):
        yield check_exclusive().at(_place(asked, ('dns', EXCLUSIVE)))
    yield from _check_each(asked, ('dns', SEARCH), 'dns-search', check_search_domain)


def _check_users(asked: Asked) -> Iterable[Checked[Any]]:
    """Names are words of commands, too, and parts of no path."""
    for index, name in enumerate(asked.document['client'].get('users', ())):
        result = check_characters('user', name) or check_user(name)
        if result.errors:
            yield result.at(_place(asked, ('client', 'users', index)))


def _empty(asked: Asked, kind: str, name: str) -> Checked[Any]:
    """An unset variable of a shell or a template must not withdraw anything."""
    hint = f'to withdraw what is managed: sudo registry-host {_UNCONFIGURE[name]}'
    if name not in asked.from_flags:
        hint = 'leave it out to withdraw what is managed'
    problem = Problem('value-empty', 'the value is empty (an unset variable?)')
    return Checked(
        input='', kind=kind, value=None, errors=(problem._replace(hint=hint),)
    )


_UNCONFIGURE = {
    MIRRORS: 'unconfigure mirrors',
    INSECURE: 'unconfigure insecure-registries',
    HTTP_PROXY: f'unconfigure proxies {HTTP_PROXY}',
    HTTPS_PROXY: f'unconfigure proxies {HTTPS_PROXY}',
    NO_PROXY: f'unconfigure proxies {NO_PROXY}',
    NAMESERVERS: f'unconfigure dns {NAMESERVERS}',
    SEARCH: f'unconfigure dns {SEARCH}',
    ENGINE: f'unconfigure dns {ENGINE_DNS}',
}


def _settings(asked: Asked, results: tuple[Checked[Any], ...], digest: str) -> Settings:
    def values(kind: str) -> tuple[Any, ...]:
        found = (result.value for result in results if result.kind == kind)
        return tuple({value.key: value for value in found if value}.values())

    def value(kind: str) -> Any:
        return next((r.value for r in results if r.kind == kind), None)

    def texts(kind: str) -> tuple[str, ...]:
        found = (result.value for result in results if result.kind == kind)
        return tuple(dict.fromkeys(text for text in found if text))

    document = asked.document
    is_declaration = asked.file is not None
    dns = document.get('dns', {})
    users = document.get('client', {}).get('users')
    present = {*document, *document.get('proxies', {}), *dns}
    present |= {ENGINE_DNS} if ENGINE in dns else set()
    present |= {NAMESERVERS} if EXCLUSIVE in dns else set()
    return Settings(
        named=AREAS if is_declaration else AREAS & present,
        is_declaration=is_declaration,
        operation=asked.operation,
        mirrors=values('registry-mirror'),
        insecure=values('insecure-registry'),
        http_proxy=value(HTTP_PROXY),
        https_proxy=value(HTTPS_PROXY),
        no_proxy=value(NO_PROXY),
        proxy_for=frozenset(document.get('proxies', {}).get('for', ())),
        nameservers=texts('nameserver'),
        search=texts('dns-search'),
        is_dns_exclusive=dns.get(
            EXCLUSIVE, None if asked.operation is Operation.ADD else False
        ),
        engine_dns=texts(ENGINE_DNS),
        users=None if users is None else tuple(dict.fromkeys(users)),
        digest=digest,
        results=results,
        exposed=tuple(_exposed(asked)),
    )


def exactly(
    wish: Mapping[str, Sequence[str]], *, readers: Iterable[str], is_exclusive: bool
) -> Settings:
    """Ask for these values, and no others, in these areas; they passed the rules once.

    For undo: an area without values is withdrawn.
    """
    flags: dict[str, Any] = {'for': list(readers)}
    for area, values in wish.items():
        if not values:
            continue
        if area == NO_PROXY:
            flags[area] = ','.join(values)
        elif area in PROXY_AREAS:
            (flags[area],) = values
        else:
            flags[ENGINE if area == ENGINE_DNS else area] = list(values)
    if not PROXY_AREAS & flags.keys():
        del flags['for']
    asked = asked_by_flags(flags, is_replacing=True)
    return load(asked, is_known=lambda digest: True)._replace(
        named=frozenset(wish),
        proxy_for=frozenset(readers),
        # Not as a flag, which may not stand alone: all of it may have been foreign.
        is_dns_exclusive=is_exclusive,
    )


def _exposed(asked: Asked) -> Iterable[Problem]:
    proxies = asked.document.get('proxies', {})
    for name in (HTTP_PROXY, HTTPS_PROXY):
        text = proxies.get(name, '')
        if redact_input(text) == text:
            continue
        if name in asked.from_flags:
            yield Problem(
                code='password-on-command-line',
                where=f'--{name}',
                message='any user of this host can read the password in the process '
                'list while this runs',
                hint='put it into a settings file of mode 0600, or give the settings '
                'on standard input: --settings -',
            )
        elif asked.file and asked.mode & 0o044:
            yield Problem(
                code='password-readable',
                where=_place(asked, ('proxies', name)),
                message='holds a password, and others may read it '
                f'(mode {asked.mode:04o})',
                hint=f'chmod 600 {quoted(asked.file)}',
            )
