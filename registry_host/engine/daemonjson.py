"""daemon.json as a value: parsed once, and handed on to all who ask what it says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from registry_host.engine.rules import BUILT_IN_INSECURE
from registry_host.jsonfile import editing, jsontext
from registry_host.jsonfile.config import all_are, read_json
from registry_host.redact import redact
from registry_host.settings.areas import (
    ENGINE_DNS,
    INSECURE,
    MIRRORS,
    PROXY_KEYS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.engine.find import Flags
    from registry_host.engine.live import LiveLists
    from registry_host.host.records import FileState

PROXIES = 'proxies'
# The key of each list.
LIST_KEYS: Mapping[str, str] = {
    MIRRORS: MIRRORS,
    INSECURE: INSECURE,
    ENGINE_DNS: 'dns',
}
# The flag that stands for it.
FLAGS: Mapping[str, str] = {MIRRORS: 'registry-mirror', INSECURE: 'insecure-registry'}
# Keys of which one at least stands in a file that only a start refuses: see nextstart.
START_KEYS = frozenset(
    (
        'bridge cgroup-parent exec-opts icc ip6tables iptables ipv6 live-restore '
        'log-driver log-opts seccomp-profile storage-driver storage-opts tls tlsverify '
        'userland-proxy-path'
    ).split()
)


class DaemonJson:
    """One daemon.json: its document, and what of it concerns registries."""

    def __init__(self, document: jsontext.Document) -> None:
        self.document = document

    @classmethod
    def read(cls, state: FileState) -> DaemonJson:
        """Parse a file, or none; ConfigError names the place and the cause."""
        return cls(read_json(state))

    def list_of(self, area: str) -> tuple[str, ...] | None:
        """Return the list of an area; None where it is absent. null counts as empty."""
        key = LIST_KEYS[area]
        if not self.document.has(key):
            return None
        value = self.document.get(key)
        entries = value if isinstance(value, list) else ()
        return tuple(str(entry) for entry in entries)

    @cached_property
    def mirrors(self) -> tuple[str, ...] | None:
        return self.list_of(MIRRORS)

    @cached_property
    def insecure(self) -> tuple[str, ...] | None:
        return self.list_of(INSECURE)

    @cached_property
    def dns(self) -> tuple[str, ...] | None:
        """Nameservers of containers: read at the start of the engine, never shown.

        Source: moby daemon/info.go has no "dns"; daemon/reload.go takes none (20.10 to
        29).
        """
        return self.list_of(ENGINE_DNS)

    @cached_property
    def proxies(self) -> Mapping[str, str]:
        """The engine's own proxies, by area; an empty one is none."""
        members = self.document.get(PROXIES)
        texts = members if isinstance(members, dict) else {}
        return {
            area: text
            for area in PROXY_KEYS
            if isinstance(text := texts.get(area), str) and text
        }

    @property
    def is_shaped(self) -> bool:
        """Whether lists and proxies can be edited, whatever else is wrong with it."""
        lists = (self.document.get(key) for key in LIST_KEYS.values())
        members = self.document.get(PROXIES)
        texts = members.values() if isinstance(members, dict) else ()
        is_object = all_are(dict, [members])
        return is_object and all_are(list, lists) and all_are(str, texts)

    @property
    def concerns_start(self) -> bool:
        """Whether it may hold what a reload takes, and the next start refuses."""
        return not START_KEYS.isdisjoint(self.document.root)

    @property
    def has_password(self) -> bool:
        return any(redact(text) != text for text in self.proxies.values())

    def asked(self, area: str, flags: Flags) -> tuple[str, ...]:
        """Return a list by the file, or else by a flag; absent is empty.

        An engine does not start with both (moby daemon/config/config.go,
        findConfigurationConflicts).
        """
        named = self.list_of(area)
        return flags.get(FLAGS[area], ()) if named is None else named

    def naming(self, lists: LiveLists) -> jsontext.Document:
        """Add the lists that the file leaves out, with what an engine has of them."""
        names = sorted(name for _, name in lists.insecure or ())
        insecure = [name for name in names if name not in BUILT_IN_INSECURE]
        values = {
            MIRRORS: None if lists.mirrors is None else list(lists.mirrors),
            INSECURE: None if lists.insecure is None else insecure,
        }
        edits = [
            editing.Put((area,), [*value])
            for area, value in values.items()
            if value is not None and not self.document.has(area)
        ]
        return editing.edit(self.document, *edits)
