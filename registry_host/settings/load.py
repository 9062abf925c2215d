"""What the operator asks: flags and a settings file, checked, as one Settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem, SettingsError, quoted, repeat_with
from registry_host.redact import redact_input
from registry_host.settings.areas import (
    AREAS,
    ENGINE,
    ENGINE_DNS,
    EXCLUSIVE,
    HTTP_PROXY,
    HTTPS_PROXY,
    INSECURE,
    MIRRORS,
    NAMESERVER,
    NAMESERVERS,
    NO_PROXY,
    PROBE_IMAGE,
    SEARCH,
    Operation,
)
from registry_host.settings.asked import TABLES, Asked
from registry_host.settings.checking import Checked, check_characters, check_user
from registry_host.settings.insecure import check_insecure_registry
from registry_host.settings.mirrors import check_mirror
from registry_host.settings.model import Settings
from registry_host.settings.proxies import check_no_proxy, check_proxy
from registry_host.settings.shape import check_shape, digest_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping


def load(asked: Asked, *, checked: Collection[str] = ()) -> Settings:
    """Check everything that was asked; SettingsError holds every problem found.

    `checked` are digests of settings of which the shape has been found right before.
    """
    digest = digest_of(asked.document)
    problems = () if digest in checked else check_shape(asked)
    if problems:
        raise SettingsError(*problems)
    results = _check_rules(asked)
    problems = tuple(problem for result in results for problem in result.errors)
    if problems:
        raise SettingsError(*problems)
    return _settings(asked, results, digest)


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
        *(_check_probe_image(asked) if document.get(PROBE_IMAGE) else ()),
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
        result = _checked(asked, kind, name, text, check)
        is_told = result.errors or result.warnings
        yield result.at(place(asked, (*path, index))) if is_told else result


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
        yield result.at(place(asked, ('proxies', name)))
    given = next((name for name in TABLES['proxies'] if name in proxies), None)
    if given is not None and not proxies.get('for'):
        where = place(asked, ('proxies', given))
        problem = _reader_missing(asked).at(where)
        yield Checked(input='', kind='proxy-for', value=None, errors=(problem,))
    elif given == 'for' and asked.file is None:
        problem = _no_proxy_given().at(place(asked, ('proxies', 'for')))
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
        message=f"needs {name}, to tell Docker's own proxy from that of containers: "
        f'{option} is for pulls, and needs a restart of Docker; with {also} every '
        'container and build of the user gets it, password included',
        hint=repeat_with(option) if asked.file is None else option,
    )


def _no_proxy_given() -> Problem:
    return Problem(
        code='proxy-for-alone',
        message='no proxy is given; add --http-proxy, --https-proxy or --no-proxy',
    )


def _check_dns(asked: Asked) -> Iterable[Checked[Any]]:
    from functools import partial

    from registry_host.settings.nameservers import (
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
            yield beyond.at(place(asked, (*path, index)))
    # Flags may add it to nameservers that are managed already.
    is_whole = asked.operation is Operation.REPLACE
    if dns.get(EXCLUSIVE) and is_whole and not dns.get(NAMESERVERS):
        yield check_exclusive().at(place(asked, ('dns', EXCLUSIVE)))
    yield from _check_each(asked, ('dns', SEARCH), 'dns-search', check_search_domain)


def _check_users(asked: Asked) -> Iterable[Checked[Any]]:
    """Names are words of commands, too, and parts of no path."""
    for index, name in enumerate(asked.document['client'].get('users', ())):
        result = check_characters('user', name) or check_user(name)
        if result.errors:
            yield result.at(place(asked, ('client', 'users', index)))


def _check_probe_image(asked: Asked) -> Iterable[Checked[Any]]:
    from registry_host.settings.images import check_image

    text: str = asked.document[PROBE_IMAGE]
    checked = check_characters(PROBE_IMAGE, text) or check_image(text)
    yield checked.at(place(asked, (PROBE_IMAGE,)))


def _empty(asked: Asked, kind: str, name: str) -> Checked[Any]:
    """An unset variable of a shell or a template must not withdraw anything."""
    message = 'the value is empty (an unset variable?); '
    hint, advice = '', 'leave it out to withdraw what is managed'
    if name in asked.from_flags:
        advice = 'unconfigure withdraws what is managed'
        hint = f'sudo registry-host {_UNCONFIGURE[name]}'
    problem = Problem('value-empty', message + advice, hint=hint)
    return Checked(input='', kind=kind, value=None, errors=(problem,))


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
        probe_image=document.get(PROBE_IMAGE),
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
                'list while this runs; put it into a settings file of mode 0600, or '
                'give the settings on standard input (--settings -)',
            )
        elif asked.file and asked.mode & 0o044:
            yield Problem(
                code='password-readable',
                where=place(asked, ('proxies', name)),
                message='holds a password, and others may read it '
                f'(mode {asked.mode:04o})',
                hint=f'sudo chmod 600 {quoted(asked.file)}',
            )
