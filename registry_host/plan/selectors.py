"""What `unconfigure` is to withdraw: an area, or single values of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.errors import Finding, Problem, SettingsError, quoted
from registry_host.namedtuples import NamedTuple
from registry_host.settings.areas import (
    CLIENT,
    DNS_AREAS,
    ENGINE,
    ENGINE_DNS,
    EXCLUSIVE,
    HTTP_PROXY,
    HTTPS_PROXY,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    NO_PROXY,
    PROXY_AREAS,
    SEARCH,
    Operation,
)
from registry_host.settings.insecure import check_insecure_registry, registry_key
from registry_host.settings.mirrors import check_mirror, mirror_key
from registry_host.settings.model import WITHDRAW_ALL, Settings
from registry_host.settings.proxies import check_no_proxy, check_proxy

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Hashable,
        Iterable,
        Iterator,
        Sequence,
    )

    from registry_host.plan.ledger import Ledger
    from registry_host.settings.checking import Checked

MIRRORS_WORD, INSECURE_WORD = 'mirrors', 'insecure-registries'
PROXIES_WORD, DNS_WORD, USERS_WORD = 'proxies', 'dns', 'users'
READERS = frozenset({ENGINE, CLIENT})


class Selection(NamedTuple):
    """The words of an `unconfigure`; `area` None selects every managed entry.

    `readers` narrows proxies to those of the engine, or of users; None is both.
    """

    area: str | None = None
    values: tuple[str, ...] = ()
    readers: Sequence[str] | None = None


def removal(selection: Selection) -> Settings:
    """Make settings that withdraw the selection; SettingsError for what is no value."""
    if selection.readers is not None and selection.area != PROXIES_WORD:
        raise SettingsError(_not_about_proxies())
    if selection.area is None:
        return WITHDRAW_ALL
    settings = Settings(
        named=frozenset(), is_declaration=False, operation=Operation.REMOVE
    )
    _require_values(selection)
    return _REMOVALS[selection.area](settings, selection)


def not_managed(selection: Selection, ledger: Ledger) -> Iterator[Finding]:
    """Report the selected values that no earlier run has put on this host."""
    if selection.area is None:
        return
    managed = _managed_keys(selection.area, ledger)
    for value in selection.values:
        if not managed & _keys_of(selection.area, value):
            yield Finding(
                check='not-managed',
                severity='info',
                message=f'{value} is not managed by registry-host on this host, so '
                'there is nothing to withdraw',
            )


def unknown_users(
    users: Collection[str], settings: Settings, ledger: Ledger
) -> Iterator[Finding]:
    """Report whose entries cannot be withdrawn, for the host does not know the user.

    `users` are the paths of files whose user is known.

    They stay managed: a directory service may only be down.
    """
    if CLIENT not in settings.proxy_for and not settings.is_declaration:
        return
    for entry in ledger.entries:
        is_unknown = entry.user and entry.path not in users
        is_selected = settings.users is None or entry.user in settings.users
        if is_unknown and is_selected and settings.named & entry.keys.keys():
            yield Finding(
                check='user-gone',
                severity='warning',
                message=f'{entry.path} keeps its managed entries: there is no user '
                f'{entry.user} now',
                path=entry.path,
                remedy=(f'getent passwd {quoted(str(entry.user))}',),
            )


def _mirrors(settings: Settings, selection: Selection) -> Settings:
    values = tuple(_checked(selection, check_mirror))
    return _of(settings, (MIRRORS,), bool(values))._replace(mirrors=values)


def _insecure(settings: Settings, selection: Selection) -> Settings:
    values = tuple(_checked(selection, check_insecure_registry))
    return _of(settings, (INSECURE,), bool(values))._replace(insecure=values)


def _proxies(settings: Settings, selection: Selection) -> Settings:
    readers = READERS if selection.readers is None else frozenset(selection.readers)
    settings = settings._replace(proxy_for=readers)
    if not selection.values:
        return _of(settings, PROXY_AREAS, False)
    names = PROXY_AREAS.intersection(selection.values)
    urls = [value for value in selection.values if '://' in value]
    entries = [v for v in selection.values if v not in names and v not in urls]
    settings = _of(settings, names, False)
    if urls:
        settings = _of(settings, (HTTP_PROXY, HTTPS_PROXY), True)._replace(
            unwanted=tuple(
                _checked(
                    selection._replace(values=tuple(urls)),
                    lambda text: check_proxy(text, HTTP_PROXY),
                )
            )
        )
    if entries:
        text = ','.join(entries)
        (no_proxy,) = _checked(selection._replace(values=(text,)), check_no_proxy)
        settings = _of(settings, (NO_PROXY,), True)._replace(no_proxy=no_proxy)
    return settings


def _dns(settings: Settings, selection: Selection) -> Settings:
    from registry_host.settings.nameservers import check_nameserver, check_search_domain

    if not selection.values:
        settings = _of(settings, (*DNS_AREAS, ENGINE_DNS), False)
        return settings._replace(is_dns_exclusive=False)
    names = {NAMESERVERS, SEARCH, EXCLUSIVE, ENGINE_DNS}.intersection(selection.values)
    if EXCLUSIVE in names:
        settings = _of(settings, (NAMESERVERS,), True)
    settings = _of(settings, names - {EXCLUSIVE}, False)
    if NAMESERVERS in names or EXCLUSIVE in names:
        settings = settings._replace(is_dns_exclusive=False)
    else:
        settings = settings._replace(is_dns_exclusive=None)
    values = tuple(value for value in selection.values if value not in names)
    addresses = tuple(filter(_is_address, values))
    domains = tuple(value for value in values if value not in addresses)
    if addresses:
        found = tuple(_checked(selection._replace(values=addresses), check_nameserver))
        settings = _of(settings, (NAMESERVERS, ENGINE_DNS), True)
        settings = settings._replace(nameservers=found, engine_dns=found)
    if domains:
        found = tuple(_checked(selection._replace(values=domains), check_search_domain))
        settings = _of(settings, (SEARCH,), True)._replace(search=found)
    return settings


def _users(settings: Settings, selection: Selection) -> Settings:
    return _of(settings, PROXY_AREAS, False)._replace(
        proxy_for=frozenset({CLIENT}),
        users=selection.values or None,
    )


_REMOVALS: dict[str, Callable[[Settings, Selection], Settings]] = {
    MIRRORS_WORD: _mirrors,
    INSECURE_WORD: _insecure,
    PROXIES_WORD: _proxies,
    DNS_WORD: _dns,
    USERS_WORD: _users,
}


def _of(settings: Settings, areas: Iterable[str], has_values: bool) -> Settings:
    """Name areas: to take values out, or else everything."""
    named = frozenset(areas)
    cleared = settings.cleared if has_values else settings.cleared | named
    return settings._replace(named=settings.named | named, cleared=cleared)


def _checked(
    selection: Selection, check: Callable[[str], Checked[Any]]
) -> Iterator[Any]:
    """Yield what each value stands for; SettingsError holds all that is wrong."""
    results = [check(value) for value in selection.values]
    problems = [p for result in results for p in result.errors]
    if problems:
        raise SettingsError(
            *(problem.at(f'unconfigure {selection.area}') for problem in problems)
        )
    yield from (result.value for result in results)


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _require_values(selection: Selection) -> None:
    """An unset variable of a shell must not stand for everything in an area."""
    if all(value.strip() for value in selection.values):
        return
    raise SettingsError(
        Problem(
            code='value-empty',
            where=f'unconfigure {selection.area}',
            message='a value is empty (an unset variable?); without any, all are '
            'withdrawn',
            hint=f'sudo registry-host unconfigure {selection.area}',
        )
    )


def _not_about_proxies() -> Problem:
    return Problem(
        code='proxy-for-alone',
        where='--proxy-for',
        message='applies to proxies, which are not what is to be withdrawn',
        hint='sudo registry-host unconfigure proxies --proxy-for engine',
    )


# What is managed


def _managed_keys(area: str, ledger: Ledger) -> frozenset[Hashable]:
    """Every key that a value of `unconfigure AREA` may have on this host."""
    found: set[Hashable] = set()
    for entry in ledger.entries:
        if area == USERS_WORD and entry.user:
            found.add(entry.user)
        for name, key in entry.keys.items():
            if key.managed:
                found.add(name)
            found |= {
                each for text in key.managed for each in _keys_of(area, text, name)
            }
    return frozenset(found)


def _keys_of(area: str, value: str, name: str | None = None) -> frozenset[Hashable]:
    """What a value may be managed as; `name` is the area of the ledger, if known."""
    if area == MIRRORS_WORD:
        mirror = check_mirror(value).value if name is None else None
        key = mirror_key(str(mirror or value))
        return frozenset({key}) if name in (None, MIRRORS) else NONE
    if area == INSECURE_WORD:
        registry = check_insecure_registry(value).value if name is None else None
        key = registry_key(str(registry or value))
        return frozenset({key}) if name in (None, INSECURE) else NONE
    if area == PROXIES_WORD and '://' in value:
        proxy = check_proxy(value, HTTP_PROXY).value
        if proxy is None:
            return frozenset({value})
        # One without a password selects one with.
        keys = {proxy.key, proxy.without_user_info}
        return frozenset({proxy.key} if name is None else keys)
    if area == PROXIES_WORD:
        return frozenset(v.strip().lower() for v in value.split(','))
    if area == DNS_WORD and _is_address(value):
        from registry_host.settings.nameservers import address_key

        return frozenset({address_key(value)})
    if area == DNS_WORD:
        return frozenset({value.removesuffix('.').lower()})
    return frozenset({value})


NONE: frozenset[Hashable] = frozenset()
