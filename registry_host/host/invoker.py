"""Whose host it is meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_host.host.host import Host
    from registry_host.host.records import User


def find_invoker(host: Host) -> User | None:
    """Find whose config.json is meant: that of $SUDO_UID, else of this process.

    In a root folder the ids of this machine mean nothing: there it is root's.
    """
    if not host.is_live:
        return host.find_user(uid=0)
    sudo_uid = host.environ.get('SUDO_UID', '')
    is_by_sudo = host.is_root and sudo_uid.isdigit()
    return host.find_user(uid=int(sudo_uid) if is_by_sudo else host.uid)
