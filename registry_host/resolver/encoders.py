"""Text that is written into another program's language, one encoder each. Pure.

What is written are addresses, domains and options of resolv.conf(5), from settings,
leases and the files of others. Settings have met their rules before; this is the last
door, whatever the source. Each encoder takes words and returns text that stands for
just these words in its language; ConfigError for a word that cannot stand there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

# Neither white space, nor quotes, nor anything that one of the languages below takes
# for its own: $ ` \ ; # * [ of a shell, commas of a list.
_PLAIN = re.compile(r'[A-Za-z0-9_.:%-]+')
# Servers are written [9.9.9.9]:53%eth0#dns.example in resolved.conf(5), and ~. is all
# domains; # is special at the start of a line alone.
_RESOLVED = re.compile(r'[A-Za-z0-9_.:%\[\]~-][A-Za-z0-9_.:%\[\]#~-]*')


def shell(words: Iterable[str]) -> str:
    """For the inside of double quotes in sh: resolvconf.conf, netconfig, a hook."""
    return ' '.join(_checked(words, 'a shell script'))


def keyfile(words: Iterable[str]) -> str:
    """For a list of NetworkManager's keyfiles, which are GLib's, with commas."""
    return ','.join(_checked(words, 'NetworkManager.conf'))


def systemd(words: Iterable[str]) -> str:
    """For a list in a file of systemd's, which takes % as it is in resolved.conf.

    Units and their drop-ins would expand specifiers (systemd.unit(5)); resolved.conf
    does not (systemd 252 and 257, src/resolve/resolved-gperf.gperf).
    """
    return ' '.join(_checked(words, 'resolved.conf', _RESOLVED))


def is_plain(word: str) -> bool:
    """Whether every language takes a word."""
    return bool(_PLAIN.fullmatch(word))


def is_for_systemd(word: str) -> bool:
    return bool(_RESOLVED.fullmatch(word))


def dhcpcd(words: Iterable[str]) -> str:
    """For a `static` line of dhcpcd.conf(5)."""
    return ' '.join(_checked(words, 'dhcpcd.conf'))


def resolv_conf(word: str) -> bytes:
    """For one word of a line of resolv.conf(5)."""
    (checked,) = _checked((word,), 'resolv.conf')
    return checked.encode('ascii')


def dhclient_conf(words: Iterable[str]) -> str:
    """For a list of addresses in a statement of dhclient.conf(5)."""
    return ', '.join(_checked(words, 'dhclient.conf'))


def _checked(
    words: Iterable[str], language: str, pattern: re.Pattern[str] = _PLAIN
) -> tuple[str, ...]:
    found = tuple(words)
    for word in found:
        if not pattern.fullmatch(word):
            raise ConfigError(
                Problem(
                    code='text-unsafe',
                    where=language,
                    message=f'{word!r} cannot be written there as one word',
                    hint='registry-host doctor --only resolv-conf',
                )
            )
    return found
