"""What a running engine lives with, and refuses when it starts next. Pure.

A reload takes all of it without a word. Each rule was tried by a restart of dockerd
20.10.24, 26.1.5 and 28.5.2 (tests/hosts/test_next_start.py); what is said of versions
between them is from moby's release notes and sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from registry_host.engine.logopts import log_problems
from registry_host.engine.start import Refusal, Start, Surroundings
from registry_host.engine.startfiles import file_refusals, files_of
from registry_host.engine.startstorage import storage_refusals

if TYPE_CHECKING:
    from registry_host.engine.flags import Flags
    from registry_host.engine.keys import Version
    from registry_host.jsonfile.jsontext import Document
    from registry_host.jsonfile.jsonvalue import Json

NOTHING_OBSERVED = Surroundings()
Rule = Callable[[Start], Iterator[Refusal]]


def refusals(
    document: Document,
    version: Version | None,
    flags: Flags,
    around: Surroundings = NOTHING_OBSERVED,
) -> tuple[Refusal, ...]:
    """Find what keeps an engine of this version from starting again.

    Without a version only that is told which every engine from 20.10 on refuses.
    """
    start = Start(document, version, flags, around)
    return tuple(found for rule in _RULES for found in rule(start))


def files_read(document: Document, version: Version | None) -> tuple[str, ...]:
    """Name the files that an engine reads when it starts, for they stand in its own."""
    start = Start(document, version, {}, NOTHING_OBSERVED)
    return tuple(path for _, path in files_of(start))


def _logs(start: Start) -> Iterator[Refusal]:
    options = start.document.get('log-opts')
    driver = start.text('log-driver') or 'json-file'
    if isinstance(options, dict):
        for name, message, advice in log_problems(driver, options):
            yield start.refusal(('log-opts', name), message, advice)
    elif start.document.has('log-driver'):
        words = (text.partition('=') for text in start.flags.get('log-opt', ()))
        given: dict[str, Json] = {name: value for name, _, value in words}
        for _, message, _ in log_problems(driver, given):
            advice = 'take --log-opt out of the command line, or change "log-driver"'
            yield start.refusal(('log-driver',), message, advice)


def _live_restore(start: Start) -> Iterator[Refusal]:
    if start.document.get('live-restore') is True and start.around.is_in_swarm:
        yield start.refusal(
            ('live-restore',),
            '"live-restore" is incompatible with a swarm, and this host is in one',
            'write "live-restore": false, then reload',
        )


def _cgroups(start: Start) -> Iterator[Refusal]:
    is_systemd = False
    for index, entry in start.entries('exec-opts'):
        name, _, value = entry.partition('=')
        if name.strip().lower() != 'native.cgroupdriver':
            continue
        is_systemd = value == 'systemd'
        if value not in ('systemd', 'cgroupfs'):
            yield start.refusal(
                ('exec-opts', index),
                '"native.cgroupdriver" must be systemd or cgroupfs',
                'write "native.cgroupdriver=systemd", or remove it',
            )
    parent = start.document.get('cgroup-parent')
    is_slice = isinstance(parent, str) and (not parent or _is_slice(parent))
    if is_systemd and isinstance(parent, str) and not is_slice:
        yield start.refusal(
            ('cgroup-parent',),
            '"cgroup-parent" must be a slice where systemd is the cgroup driver',
            'for instance: "containers.slice"',
        )


def _is_slice(text: str) -> bool:
    return len(text) > len('.slice') and text.endswith('.slice')


def _network(start: Start) -> Iterator[Refusal]:
    is_icc = start.is_set('icc', default=True)
    if not is_icc and not start.is_set('iptables', default=True):
        key = 'icc' if start.document.has('icc') else 'iptables'
        yield start.refusal(
            (key,),
            '"icc": false takes iptables, and "iptables" is false',
            'remove one of the two',
        )
    if start.document.get('bridge') and start.text('bip'):
        yield start.refusal(
            ('bridge',),
            '"bridge" and "bip" must not both be given',
            'remove "bip": a bridge of your own has its address already',
        )
    if not start.is_before((27, 0, 0)):
        return
    if start.document.get('ipv6') is True and not start.text('fixed-cidr-v6'):
        yield start.refusal(
            ('ipv6',),
            '"ipv6" needs "fixed-cidr-v6" before Docker 27.0',
            'add a network: "fixed-cidr-v6": "fd00:d0c::/64"',
        )
    is_experimental = start.is_set('experimental', default=False)
    if start.document.get('ip6tables') is True and not is_experimental:
        yield start.refusal(
            ('ip6tables',),
            '"ip6tables" needs "experimental": true before Docker 27.0',
            'add "experimental": true, or remove "ip6tables"',
        )


_RULES: tuple[Rule, ...] = (
    _live_restore,
    storage_refusals,
    _logs,
    file_refusals,
    _cgroups,
    _network,
)
