"""What the settings file of a host says of values that a run adds or withdraws.

A run without options makes the host what the settings file says. What flags add is gone
after the next one, and what `unconfigure` withdraws comes back, unless the file is
edited too: that is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING

from registry_host.errors import Finding, RegistryHostError
from registry_host.settings.areas import (
    ENGINE_DNS,
    HTTP_PROXY,
    HTTPS_PROXY,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    NO_PROXY,
    SEARCH,
)
from registry_host.settings.asked import default_files, read_asked
from registry_host.settings.load import load

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.settings.model import Settings

Value = tuple[str, str, Hashable]


def outlived_by_file(host: Host, settings: Settings) -> Iterator[Finding]:
    """Report what flags ask for and the settings file of this host does not name."""
    if not settings.is_declaration and settings.named:
        yield from _reported(host, settings, _withdrawn_by)


def restored_by_file(host: Host, settings: Settings) -> Iterator[Finding]:
    """Report what `unconfigure` withdraws and the settings file names all the same."""
    yield from _reported(host, settings, _brought_back_by)


def probe_image_of_file(host: Host) -> str | None:
    """Return what the settings file has the engine asked for; None if it says nothing.

    A run by flags proves itself with the image of the host's settings, too.
    """
    if not default_files(host):
        return None
    try:
        return load(read_asked(host, file=None, flags={})).probe_image
    except RegistryHostError:  # A run that depends on the file refuses it.
        return None


def _reported(
    host: Host,
    settings: Settings,
    report: Callable[[str, Settings, Settings], Iterator[Finding]],
) -> Iterator[Finding]:
    """Hold a run's settings against those of the file, if there is one."""
    paths = default_files(host)
    if not paths:
        return
    try:
        asked = read_asked(host, file=None, flags={})
        declared = load(asked)
    except RegistryHostError:
        yield Finding(
            check='settings-file-unread',
            severity='warning',
            message=f'{paths[0]} cannot be read as settings, so whether it agrees with '
            'this run is not known',
            path=paths[0],
            remedy=('registry-host validate',),
        )
        return
    yield from report(paths[0], declared, settings)


def _withdrawn_by(
    path: str, declared: Settings, settings: Settings
) -> Iterator[Finding]:
    known = {(area, key) for area, _, key in _values(declared)}
    missing = [
        f'{area} {text}'
        for area, text, key in _values(settings)
        if (area, key) not in known
    ]
    if missing:
        yield Finding(
            check='not-in-settings-file',
            severity='warning',
            message=f'{path} does not name {", ".join(missing)}: the next run from '
            'that file withdraws it unless it is added there',
            path=path,
        )


def _brought_back_by(
    path: str, declared: Settings, settings: Settings
) -> Iterator[Finding]:
    selected = {(area, key) for area, _, key in _values(settings)}
    named = [
        f'{area} {text}'
        for area, text, key in _values(declared)
        if settings.is_declaration
        or area in settings.cleared
        or (area in settings.named and (area, key) in selected)
        or (area in settings.named and _is_unwanted(settings, declared, area))
    ]
    if named:
        yield Finding(
            check='still-in-settings-file',
            severity='warning',
            message=f'{path} names {", ".join(named)}: the next run from that file '
            'brings it back unless it is removed there',
            path=path,
        )


def _values(settings: Settings) -> Iterator[Value]:
    """Every value with its setting: the text to show, and what tells it from others."""
    for mirror in settings.mirrors:
        yield MIRRORS, str(mirror), mirror.key
    for registry in settings.insecure:
        yield INSECURE, str(registry), registry.key
    for area, proxy in (
        (HTTP_PROXY, settings.http_proxy),
        (HTTPS_PROXY, settings.https_proxy),
    ):
        if proxy is not None:
            yield area, str(proxy), (proxy.key, settings.proxy_for)
    if settings.no_proxy is not None:
        for entry in settings.no_proxy.entries:
            yield NO_PROXY, entry, entry.lower()
    for area, texts in (
        (NAMESERVERS, settings.nameservers),
        (SEARCH, settings.search),
        (ENGINE_DNS, settings.engine_dns),
    ):
        for text in texts:
            yield area, text, text


def _is_unwanted(settings: Settings, declared: Settings, area: str) -> bool:
    proxies = {HTTP_PROXY: declared.http_proxy, HTTPS_PROXY: declared.https_proxy}
    proxy = proxies.get(area)
    return proxy is not None and any(p.selects(proxy) for p in settings.unwanted)
