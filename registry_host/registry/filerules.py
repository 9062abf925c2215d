"""Rules for the files and folders that the config of a registry names."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, quoted
from registry_host.registry.authrules import (
    htpasswd_folder,
    htpasswd_path,
    htpasswd_rules,
)
from registry_host.registry.storagerules import not_writable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.host.records import Look
    from registry_host.registry.registryplace import Instance


def file_rules(host: Host, instance: Instance) -> Iterator[Finding]:
    yield from _htpasswd(host, instance)
    yield from _certificates(host, instance)
    yield from _root(host, instance)


def _htpasswd(host: Host, instance: Instance) -> Iterator[Finding]:
    path = htpasswd_path(instance)
    if path is None:
        return
    look = host.look(path)
    if look is not None and look.is_folder:
        yield htpasswd_folder(instance, path)
        return
    try:
        content = host.read(path).content
    except ConfigError:  # Whether the registry may read it is another question.
        return
    yield from htpasswd_rules(instance, path, content)
    if look is not None and not _may(host, instance, look, 4):
        yield instance.tell(
            'htpasswd-unreadable',
            'error',
            ('auth', 'htpasswd', 'path'),
            f'{path} may not be read by {instance.runner.user}, who the registry runs '
            'as, so it does not start',
            f'sudo chown :{quoted(instance.runner.user)} {quoted(path)}',
            f'sudo chmod 640 {quoted(path)}',
            *instance.restart(),
        )


def _certificates(host: Host, instance: Instance) -> Iterator[Finding]:
    tls = instance.config.reading.get('http', 'tls') or {}
    if not tls.get('certificate') or not tls.get('key'):
        return
    named = [(key, tls[key]) for key in ('certificate', 'key')]
    named += [('clientcas', path) for path in tls.get('clientcas') or ()]
    for key, path in named:
        place = instance.on_host(path) if path else None
        if place is None or not place.startswith('/') or host.exists(place):
            continue
        yield instance.tell(
            'tls-file-missing',
            'error',
            ('http', 'tls', key),
            f'{place} does not exist, so the registry does not start',
            f'ls -l {quoted(place)}',
            *instance.restart(),
        )


def _root(host: Host, instance: Instance) -> Iterator[Finding]:
    root = instance.config.root
    if instance.runner.is_container or not root.startswith('/'):
        return
    if host.look(root) is None and _is_made_at_start(instance):
        return
    folder = root
    while host.look(folder) is None and folder != '/':
        folder = posixpath.dirname(folder)
    look = host.look(folder)
    if look is None or _may(host, instance, look, 2):
        return
    owner = host.find_user(uid=look.uid)
    yield not_writable(instance, root, owner.name if owner else f'uid {look.uid}')


def _is_made_at_start(instance: Instance) -> bool:
    """Whether the unit makes the storage root itself, with the owner that it needs."""
    settings, root = instance.runner.settings, instance.config.root
    states = settings.get('StateDirectory', '').split()
    is_state = any(root == f'/var/lib/{name}' for name in states)
    return is_state or root in settings.get('ExecStartPre', '').split()


def _may(host: Host, instance: Instance, look: Look, bit: int) -> bool:
    """Whether the mode lets the user of the unit read (4) or write (2).

    True where that is not known: who that is, or what an ACL adds.
    """
    user = host.find_user(name=instance.runner.user) if instance.runner.user else None
    if user is None or user.uid == 0 or look.has_acl:
        return True
    if look.uid == user.uid:
        return bool(look.mode >> 6 & bit)
    groups = {user.gid, *host.group_ids(user.name)}
    return bool(look.mode >> (3 if look.gid in groups else 0) & bit)
