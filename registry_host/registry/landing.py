"""Where images land that are copied: their names at a destination. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Finding, Problem, listed, repeat_with
from registry_host.namedtuples import NamedTuple
from registry_host.settings.misnamed import cut, shown, why_not
from registry_host.settings.references import (
    Reference,
    check_reference,
    read_reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TO = '--to'
KEEP_HOST = '--keep-host'


class Destination(NamedTuple):
    """A registry, HOST[:PORT], and the path that goes in front of each name, or ''."""

    domain: str
    prefix: str = ''

    def __str__(self) -> str:
        return f'{self.domain}/{self.prefix}' if self.prefix else self.domain


class Landing(NamedTuple):
    """An image, and the name that it gets."""

    source: Reference
    target: Reference


def check_destination(text: str) -> Destination | Problem:
    """Read REGISTRY[/PREFIX]; a prefix is one or more components of an image's path."""
    bare = re.sub('^(https?|docker)://', '', text, flags=re.IGNORECASE).rstrip('/')
    # A name that any image has, put behind, shows what Docker makes of what is before;
    # in front of one that has a single word, it would add library/.
    found = check_reference(f'{bare}/x/x').value if bare else None
    is_named = found is not None and found.domain and has_port(found.domain)
    if found is None or not is_named or '@' in bare:
        return Problem('copy-destination', _why_none(text, bare), _TO)
    path = found.path.removesuffix('x/x').rstrip('/')
    if found.is_of_hub and not re.match(r'(index\.)?docker\.io(/|$)', bare):
        first, slash, rest = bare.partition('/')
        message = f'{text!r} does not name a registry: Docker reads {first!r} as a '
        message += 'namespace of Docker Hub, for it has neither a dot nor a port'
        return Problem('copy-destination', message, _TO, f'{first}:5000{slash}{rest}')
    if bare != text.rstrip('/'):
        message = f'{text!r}: a destination is written without a scheme, as the names '
        return Problem('copy-destination', f'{message}of images are', _TO, bare)
    return Destination(found.domain, path)


def _why_none(text: str, bare: str) -> str:
    """Say that a text is no destination, and why, without its secrets."""
    message = f'{cut(shown(text))!r} is not HOST[:PORT] or HOST[:PORT]/PREFIX'
    reason = _reason(bare)
    return f'{message}: {reason}' if reason else message


def _reason(bare: str) -> str:
    if not bare or '@' in bare:
        return ''
    if '://' in bare:
        return 'it has a scheme'
    host, slash, rest = bare.partition('/')
    if slash and ':' in rest and read_reference(bare):
        return 'it has a tag'
    named = f'{bare}/x/x'
    found = read_reference(named)
    if found is None:
        why = why_not(named)
        return 'it is too long' if re.search('[0-9] characters', why) else why
    if has_port(host):
        return 'the host of the registry has an underscore'
    return 'its port is not one from 1 to 65535'


def has_port(domain: str) -> bool:
    """Whether the port of HOST[:PORT] is one, if any: Docker reads all digits."""
    port = re.search(r':([0-9]+)$', domain)
    return port is None or (len(port[1]) <= 5 and 0 < int(port[1]) < 1 << 16)


def land(
    sources: Iterable[Reference], destination: Destination, *, keeps_host: bool
) -> tuple[Landing, ...]:
    """Name each image at a destination, in the order given, and each once.

    The name is the path and the tag of the source; with `keeps_host` its host stands in
    front. An image by its digest alone has no tag there either.
    """
    landings = (
        Landing(source, _target(source, destination, keeps_host=keeps_host))
        for source in dict.fromkeys(sources)
    )
    by_name = {(str(each.source), str(each.target)): each for each in landings}
    return tuple(by_name.values())


def _target(
    source: Reference, destination: Destination, *, keeps_host: bool
) -> Reference:
    host = host_component(source.domain) if keeps_host else ''
    path = '/'.join(filter(None, (destination.prefix, host, source.path)))
    is_by_digest = bool(source.digest and not source.tag)
    return Reference(
        destination.domain,
        path,
        '' if is_by_digest else source.tag or 'latest',
        source.digest if is_by_digest else '',
    )


def host_component(domain: str) -> str:
    """Write a host as a component of a path: `hub.example:5001` as `hub.example-5001`.

    A path has lower-case letters, and neither colons nor brackets.
    """
    return re.sub('[^a-z0-9.]', '-', domain.lower()).strip('-.')


def collisions(landings: Sequence[Landing], *, keeps_host: bool) -> Iterator[Problem]:
    """Tell of images that would get the same name, each of which would hide another."""
    by_name: dict[str, list[Landing]] = {}
    for each in landings:
        by_name.setdefault(str(each.target), []).append(each)
    for name, those in by_name.items():
        if len(those) == 1:
            continue
        sources = [str(each.source) for each in those]
        which = 'both' if len(those) == 2 else f'all {len(those)}'
        message = f'{which} would land as {name}'
        hosts = {host_component(each.source.domain) for each in those}
        is_way_out = len(hosts) == len(those) and not keeps_host
        hint = repeat_with(KEEP_HOST) if is_way_out else ''
        yield Problem('copy-collision', message, ', '.join(sources), hint)


def invalid_names(landings: Iterable[Landing]) -> Iterator[Problem]:
    """Tell of names that are too long at the destination, or not names at all."""
    for each in landings:
        checked = check_reference(str(each.target))
        if checked.value is None:
            message = f'would land as {each.target}, which is not an image name'
            yield Problem('copy-name', message, str(each.source))


def name_findings(
    landings: Sequence[Landing], destination: Destination, *, keeps_host: bool
) -> Iterator[Finding]:
    """Tell where a name leads clients astray that pull by it through a mirror."""
    foreign = [each for each in landings if not each.source.is_of_hub]
    if foreign and not keeps_host and not destination.prefix:
        yield from _namespace_findings(foreign)
    untagged = [each for each in landings if not each.target.tag]
    if untagged:
        names = _listed(str(each.target) for each in untagged)
        message = f'{names}: without a tag, an image is not in the list of tags of the '
        message += 'registry, and is pulled by its digest alone'
        yield Finding('copy-untagged', 'info', message)


def _namespace_findings(foreign: Sequence[Landing]) -> Iterator[Finding]:
    spaces = {
        each.target.path.partition('/')[0]
        for each in foreign
        if '/' in each.target.path
    }
    if spaces:
        which = 'namespace' if len(spaces) == 1 else 'namespaces'
        message = 'a client that pulls by the short name, and does not find it on a '
        message += f'mirror, goes on to the {which} {_listed(sorted(spaces))} of '
        message += 'Docker Hub, which others may control'
        remedy = (repeat_with(KEEP_HOST),)
        yield Finding('copy-namespace', 'warning', message, remedy=remedy)
    single = [each.target for each in foreign if '/' not in each.target.path]
    if single:
        names = _listed(map(str, single))
        message = f'{names}: a client that pulls {single[0].path} by the short name '
        message += f'asks its mirrors for library/{single[0].path}, not for this one'
        yield Finding('copy-short-name', 'warning', message)


def _listed(names: Iterable[str]) -> str:
    return listed(dict.fromkeys(names))
