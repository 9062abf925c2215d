"""What an engine answers, believed no more than its types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from registry_host.engine.directives import Version, parse_version
from registry_host.engine.live import LiveLists
from registry_host.errors import EngineError, Problem
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar('T')
# Of the states of a node (moby api/types/swarm); a locked one is in a swarm, too.
_NO_SWARM = ('', 'inactive')


class Info(NamedTuple):
    """The part of GET /info that concerns registries.

    Source: moby daemon/info.go; proxies come with their credentials masked.
    """

    version: Version | None
    lists: LiveLists
    http_proxy: str
    https_proxy: str
    no_proxy: str
    is_containerd_store: bool
    is_live_restore: bool
    is_in_swarm: bool
    running_containers: int

    @property
    def proxies(self) -> Mapping[str, str]:
        """The proxies that it uses, by area; '' for none."""
        return {
            'http-proxy': self.http_proxy,
            'https-proxy': self.https_proxy,
            'no-proxy': self.no_proxy,
        }


class Container(NamedTuple):
    name: str
    image: str

    @property
    def is_registry(self) -> bool:
        """Whether it is made from an image whose last word is registry."""
        return 'registry' in self.image.rpartition('/')[2]


class Held(NamedTuple):
    """An image that an engine has, and the REPOSITORY@DIGEST that stand for it."""

    id: str = ''
    digests: frozenset[str] = frozenset()


def no_answer(target: str) -> Problem:
    return Problem(
        code='engine-api',
        where='engine',
        message=f'did not answer GET {target.partition("?")[0]} as an engine does',
        hint='sudo journalctl -u docker.service -n 20',
    )


def message_of(body: bytes) -> str:
    """Take the text of an error; '' where there is none."""
    try:
        return _text(json.loads(body)['message'])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ''


def error_of(body: bytes) -> str:
    """Take the text of the error out of the steps of a pull; '' where there is none."""
    for line in reversed(body.splitlines()):
        try:
            step = json.loads(line)
            if 'error' in step:
                return _text(step['error']) or 'no reason given'
        except (ValueError, TypeError, RecursionError):
            continue
    return ''


def parsed(target: str, body: bytes, parse: Callable[[Any], T]) -> T:
    """Make of an answer what it says; EngineError for one that no engine gives.

    Whatever listens at the socket is believed no more than its types: deep nesting,
    infinite numbers and halves of a pair (UTF-16) are not what an engine sends.
    """
    try:
        return parse(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise EngineError(no_answer(target)) from None


def parse_info(body: Any) -> Info:
    registries = _object(body.get('RegistryConfig'))
    indexes = _object(registries.get('IndexConfigs'))
    insecure = (name for name, index in indexes.items() if not _flag(index['Secure']))
    hosts = {('host', _text(name)) for name in insecure}
    cidrs = {('cidr', cidr) for cidr in _texts(registries.get('InsecureRegistryCIDRs'))}
    pairs = map(_texts, _list(body.get('DriverStatus')))
    status = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    running = body.get('ContainersRunning') or 0
    if type(running) is not int or running < 0:
        raise TypeError('no count')
    return Info(
        version=parse_version(_text(body.get('ServerVersion'))),
        lists=LiveLists(
            mirrors=_texts(registries.get('Mirrors')),
            insecure=frozenset(hosts | cidrs),
        ),
        http_proxy=_text(body.get('HttpProxy')),
        https_proxy=_text(body.get('HttpsProxy')),
        no_proxy=_text(body.get('NoProxy')),
        is_containerd_store=status.get('driver-type') == 'io.containerd.snapshotter.v1',
        is_live_restore=_flag(body.get('LiveRestoreEnabled')),
        is_in_swarm=_text(_object(body.get('Swarm')).get('LocalNodeState'))
        not in _NO_SWARM,
        running_containers=running,
    )


def parse_containers(body: Any) -> tuple[Container, ...]:
    found = (
        Container(_text(entry['Names'][0]).lstrip('/'), _text(entry['Image']))
        for entry in _list(body)
    )
    return tuple(sorted(found))


def parse_tags(body: Any) -> tuple[str, ...]:
    found: list[str] = []
    for image in _list(body):
        digests = _texts(image.get('RepoDigests'))
        pulled = {digest.partition('@')[0] for digest in digests}
        tags = _texts(image.get('RepoTags'))
        found += (tag for tag in tags if tag.rpartition(':')[0] in pulled)
    return tuple(sorted(found))


def parse_held(body: Any) -> Held:
    return Held(_text(body['Id']), frozenset(_texts(body.get('RepoDigests'))))


def parse_platform(body: Any) -> str:
    return f'{_text(body["Os"])}/{_text(body["Arch"])}'


def parse_digest(body: Any) -> str:
    return _text(_object(body['Descriptor'])['digest'])


# What an answer may hold; null, as Go sends it, is the empty value of each.


def _text(value: Any) -> str:
    text = '' if value is None else value
    if not isinstance(text, str) or b'\0' in text.encode():
        raise TypeError('no text')
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise TypeError('no flag')
    return bool(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise TypeError('no object')
    return value or {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise TypeError('no list')
    return value or []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))
