"""What the operator asks: flags and a settings file, checked, as one Settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from registry_host.errors import Problem, SettingsError
from registry_host.redact import redact_input
from registry_host.resources import resource_text
from registry_host.urls import (
    Checked,
    Mirror,
    Proxy,
    Registry,
    check_insecure_registry,
    check_mirror,
    check_no_proxy,
    check_proxy,
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
SEARCH = 'search'
EXCLUSIVE = 'exclusive'
# The `engine` of [dns]; by that name alone, an area would be mistaken for a reader.
ENGINE_DNS = 'engine-dns'
ENGINE = 'engine'
CLIENT = 'client'
DNS_AREAS = frozenset({NAMESERVERS, SEARCH})
AREAS = DNS_AREAS | {MIRRORS, INSECURE, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, ENGINE_DNS}

Document = dict[str, Any]


class Settings(NamedTuple):
    """What is asked, by area. `named` holds the areas that this run may touch.

    In a named area an empty tuple or None withdraws what we applied there. `proxy_for`
    says whose proxies are meant: 'engine', 'client'. `is_dns_exclusive`: the host asks
    no nameservers but these. `engine_dns` are those of containers. `users` None means
    the one who runs us. `digest` identifies settings that passed the schema. `exposed`
    tells of passwords that others can see where they were given.
    """

    named: frozenset[str]
    is_declaration: bool
    mirrors: tuple[Mirror, ...] = ()
    insecure: tuple[Registry, ...] = ()
    http_proxy: Proxy | None = None
    https_proxy: Proxy | None = None
    no_proxy: NoProxy | None = None
    proxy_for: frozenset[str] = frozenset({CLIENT})
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    is_dns_exclusive: bool = False
    engine_dns: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None
    digest: str = ''
    results: tuple[Checked[Any], ...] = ()
    exposed: tuple[Problem, ...] = ()

    def has_proxies_for(self, reader: str) -> bool:
        is_any = bool(self.http_proxy or self.https_proxy or self.no_proxy)
        return is_any and reader in self.proxy_for

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

    `mode` is that of the file.
    """

    document: Document
    file: str | None
    mode: int
    from_flags: frozenset[str]
    where: Callable[[Sequence[str | int]], str]


def read_asked(host: Host, *, file: str | None, flags: Mapping[str, Any]) -> Asked:
    """Join the settings file and the flags, which win.

    `flags` maps keys of the document to values; None means not given. Without flags,
    the default file is read; with flags, only a file that is named.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if file is None and given:
        return asked_by_flags(given)
    state = host.read_argument(file) if file and file != STANDARD_INPUT else None
    if file is None:
        file = _default_file(host)
        state = host.read(file)
    document, where = _read_file(host, file, state)
    return Asked(
        document=_with_flags(document, given),
        file=file,
        mode=state.mode if state else 0,
        from_flags=frozenset(given),
        where=where,
    )


def asked_by_flags(given: Mapping[str, Any]) -> Asked:
    return Asked(
        document=_with_flags({}, given),
        file=None,
        mode=0,
        from_flags=frozenset(given),
        where=_no_position,
    )


def _default_file(host: Host) -> str:
    found = [path for path in DEFAULT_FILES if host.exists(path)]
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


def _with_flags(document: Document, given: Mapping[str, Any]) -> Document:
    joined = dict(document)
    for name in (MIRRORS, INSECURE):
        if name in given:
            joined[name] = list(given[name])
    proxies = {
        name: given[name]
        for name in (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, 'for')
        if name in given
    }
    if proxies:
        joined['proxies'] = {**_table(joined, 'proxies'), **proxies}
    dns = {
        name: given[name]
        for name in (NAMESERVERS, SEARCH, EXCLUSIVE, ENGINE)
        if name in given
    }
    if dns:
        joined['dns'] = {**_table(joined, 'dns'), **dns}
    if 'users' in given:
        joined['client'] = {**_table(joined, 'client'), 'users': list(given['users'])}
    return joined


def _table(document: Document, name: str) -> Document:
    """A table of the document; a wrong type is left for the schema to tell."""
    value = document.get(name, {})
    return value if isinstance(value, dict) else {}


# Reading the file


def _read_file(
    host: Host, file: str, state: FileState | None
) -> tuple[Document, Callable[[Sequence[str | int]], str]]:
    if state is None:
        return _read_json(host.read_input(), 'standard input')
    content = state.content
    if content is None:
        raise SettingsError(_missing(file))
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
    import re

    what, _, position = text.partition(' (at ')
    found = re.fullmatch(r'line (\d+), column (\d+)\)', position)
    # "at end of document" otherwise.
    last_line = content.count(b'\n') + 1
    place = f'{file}:{found[1]}:{found[2]}' if found else f'{file}:{last_line}:1'
    # Only TOML's own words: a value that it quotes could be a password.
    return Problem(
        code='settings-syntax',
        where=place,
        message=f'not TOML: {what.partition(": ")[0].lower()}',
        hint='TOML puts strings in quotes and lists in brackets: '
        'registry-mirrors = ["http://registry.example:5000"]',
    )


def _dotted(name: str, path: Sequence[str | int]) -> str:
    dotted = ''.join(f'[{p}]' if isinstance(p, int) else f'.{p}' for p in path)
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
    got = repr(err.instance) if is_scalar else type(err.instance).__name__
    yield Problem(
        code=f'settings-{"value" if is_scalar else "type"}',
        where=_place(asked, path),
        message=f'{_due(err.validator, err.validator_value)}, not {got}',
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
    proxies = document.get('proxies', {})
    results: list[Checked[Any]] = []
    for index, text in enumerate(_entries(document, MIRRORS)):
        results.append(check_mirror(text).at(_place(asked, (MIRRORS, index))))
    for index, text in enumerate(_entries(document, INSECURE)):
        place = _place(asked, (INSECURE, index))
        results.append(check_insecure_registry(text).at(place))
    for name in (HTTP_PROXY, HTTPS_PROXY):
        if proxies.get(name):
            result = check_proxy(proxies[name], name)
            results.append(result.at(_place(asked, ('proxies', name))))
    if proxies.get(NO_PROXY):
        no_proxy = check_no_proxy(proxies[NO_PROXY])
        results.append(no_proxy.at(_place(asked, ('proxies', NO_PROXY))))
    results += _check_dns(asked)
    return tuple(results)


def _check_dns(asked: Asked) -> Iterable[Checked[Any]]:
    dns = asked.document.get('dns')
    if not dns:
        return
    from registry_host.names.rules import (
        check_exclusive,
        check_nameservers,
        check_search_domain,
    )

    nameservers = _entries(dns, NAMESERVERS)
    for index, result in enumerate(check_nameservers(nameservers)):
        yield result.at(_place(asked, ('dns', NAMESERVERS, index)))
    checked = check_nameservers(_entries(dns, ENGINE), ENGINE_DNS)
    for index, result in enumerate(checked):
        yield result.at(_place(asked, ('dns', ENGINE, index)))
    if dns.get(EXCLUSIVE):
        for alone in check_exclusive(nameservers):
            yield alone.at(_place(asked, ('dns', EXCLUSIVE)))
    for index, text in enumerate(_entries(dns, SEARCH)):
        yield check_search_domain(text).at(_place(asked, ('dns', SEARCH, index)))


def _entries(document: Document, name: str) -> list[str]:
    """The entries of a list; one empty text, as `--registry-mirror ''`, withdraws."""
    entries: list[str] = document.get(name, [])
    return [] if entries == [''] else entries


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
    return Settings(
        named=AREAS if is_declaration else AREAS & present,
        is_declaration=is_declaration,
        mirrors=values('registry-mirror'),
        insecure=values('insecure-registry'),
        http_proxy=value(HTTP_PROXY),
        https_proxy=value(HTTPS_PROXY),
        no_proxy=value(NO_PROXY),
        proxy_for=frozenset(document.get('proxies', {}).get('for', [CLIENT])),
        nameservers=texts('nameserver'),
        search=texts('dns-search'),
        is_dns_exclusive=dns.get(EXCLUSIVE, False),
        engine_dns=texts(ENGINE_DNS),
        users=None if users is None else tuple(dict.fromkeys(users)),
        digest=digest,
        results=results,
        exposed=tuple(_exposed(asked)),
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
                hint=f'chmod 600 {asked.file}',
            )
