"""What a DNS manager must be seen to use."""

from __future__ import annotations

from registry_host.namedtuples import NamedTuple


class Use(NamedTuple):
    """What an owner of nameservers must be seen to use, in front of all others.

    `gone` are those that it had been told before, and is to use no more. Where it
    `is_exclusive`, there should be no others.
    """

    owner: str
    nameservers: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_exclusive: bool = False
