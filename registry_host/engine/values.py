"""Which values an engine takes under a key of daemon.json. Pure.

Sources: moby daemon/config/config.go Validate and config_linux.go, opts/opts.go,
opts/hosts.go and bridge_linux.go, at v20.10.24, v23.0.0, v25.0.0, v27.0.1, v28.5.2 and
docker-v29.7.2; go-units size.go; swarmkit genericresource. Every rule tried on dockerd
20.10.24, 26.1.5 and 28.5.2, but for those of 29.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.jsonfile.jsonvalue import Number
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from registry_host.engine.keys import Directive, Shape, ValueRule, Version
    from registry_host.jsonfile.jsonvalue import Json

Path = tuple['str | int', ...]
INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 19
_SIZE = '([0-9]+([.][0-9]*)?|[.][0-9]+) ?[kKmMgGtTpP]?[iI]?[bB]?'

SHAPE_NAMES = {
    'bool': 'true or false, without quotes',
    'int': 'a whole number, without quotes',
    'list': 'a list: ["...", "..."]',
    'object': 'an object: {"...": ...}',
    'size': 'a size in quotes: "64M"',
    'string': 'a string in double quotes',
}


class Misfit(NamedTuple):
    """Where below a key a value is not what it must be; the value is not told."""

    path: Path
    must: str
    advice: str = ''


def shape_misfits(value: Json, shape: Shape, path: Path = ()) -> Iterator[Misfit]:
    """Find what Go does not decode into this shape.

    null fits all but a size. Members that the shape does not name are skipped, and
    letter case does not count in names, as in Go.
    """
    if isinstance(shape, str):
        if not _is_scalar(value, shape):
            yield _shape_misfit(path, shape)
    elif isinstance(shape, list):
        if isinstance(value, list):
            for index, entry in enumerate(value):
                yield from shape_misfits(entry, shape[0], (*path, index))
        elif value is not None:
            yield _shape_misfit(path, 'list')
    elif isinstance(value, dict):
        for name, member in value.items():
            inner = shape.get('*') or shape.get(name.lower())
            if inner is not None:
                yield from shape_misfits(member, inner, (*path, name))
    elif value is not None:
        yield _shape_misfit(path, 'object')


def _shape_misfit(path: Path, kind: str) -> Misfit:
    advice = 'the engine refuses the whole file otherwise'
    return Misfit(path=path, must=f'must be {SHAPE_NAMES[kind]}', advice=advice)


def _is_scalar(value: Json, kind: str) -> bool:
    if kind == 'size':
        return isinstance(value, str) and re.fullmatch(_SIZE, value) is not None
    if value is None:
        return True
    if kind == 'int':
        return isinstance(value, Number) and _is_int64(value)
    return isinstance(value, bool if kind == 'bool' else str)


def _is_int64(number: Number) -> bool:
    is_short = len(number.text.removeprefix('-')) <= _INT64_DIGITS
    return number.is_integer and is_short and int(number.text) in INT64


def value_misfits(
    directive: Directive, value: Json, version: Version
) -> Iterator[Misfit]:
    """Find what the engine refuses though it fits the shape of the directive."""
    is_list = isinstance(value, list)
    entries = value if isinstance(value, list) else [value]
    is_clean = True
    for rule in directive.rules:
        if value is None or not rule.is_asked(version):
            continue
        for index, entry in enumerate(entries):
            if not _is_accepted(entry, rule, version):
                is_clean = False
                path: Path = (index,) if is_list else ()
                yield Misfit(path=path, must=rule.must, advice=rule.advice)
    list_rule = _LIST_RULES.get(directive.key)
    if list_rule and is_clean and is_list:
        texts = [entry if isinstance(entry, str) else '' for entry in entries]
        if not list_rule.accepts(texts):
            yield Misfit(path=(), must=list_rule.must, advice=list_rule.advice)


def _is_accepted(entry: Json, rule: ValueRule, version: Version) -> bool:
    if isinstance(entry, Number):
        number = int(entry.text)
        is_small = rule.least is not None and number < rule.least
        return not is_small and (rule.most is None or number <= rule.most)
    # null in a list is an empty string to Go.
    text = entry if isinstance(entry, str) else ''
    if rule.choices:
        return text in ('', *rule.choices)
    return not rule.form or _FORMS[rule.form](text, version)


# Forms


def _is_ip(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_plain_ip(text: str, version: Version) -> bool:
    """Read as Go's net.IP: no zone; an empty text is no address at all."""
    return not text or ('%' not in text and _is_ip(text))


def _is_zoned_ip(text: str, version: Version) -> bool:
    """Read as Go's netip.Addr."""
    return not text or _is_ip(text)


def _is_nameserver(text: str, version: Version) -> bool:
    if version >= (29, 0, 0):
        return _is_zoned_ip(text, version)
    if version >= (25, 0, 0):
        return _is_plain_ip(text, version)
    return bool(text.strip()) and _is_plain_ip(text.strip(), version)


# The colon is moby's slip: "(:?" where "(?:" was meant.
_SEARCH_LABEL = r':?[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
_SEARCH = rf'({_SEARCH_LABEL}(?:\.{_SEARCH_LABEL})*)\.?[ \t\n\f\r]*'


def _is_search_domain(text: str, version: Version) -> bool:
    text = text.strip(' ')
    found = re.fullmatch(_SEARCH, text)
    has_letter = re.search('[a-zA-Z]', text) is not None
    return text == '.' or (found is not None and has_letter and len(found[1]) < 255)


_RESERVED = ('com.docker.', 'io.docker.', 'org.dockerproject.')


def _is_label(text: str, version: Version) -> bool:
    return '=' in text and not text.lower().startswith(_RESERVED)


def _is_log_level(text: str, version: Version) -> bool:
    levels = ['panic', 'fatal', 'error', 'warn', 'info', 'debug', 'trace', '']
    return text.lower() in levels or (version < (25, 0, 0) and text == 'warning')


def _is_ipv6_subnet(text: str, version: Version) -> bool:
    from ipaddress import IPv6Interface, IPv6Network

    if not text:
        return True
    try:
        given = IPv6Interface(text)
    except ValueError:
        return False
    if not re.fullmatch(r'[0-9a-fA-F:.]+/[0-9]{1,3}', text) or given.ip.ipv4_mapped:
        return False
    network, link_local = given.network, IPv6Network('fe80::/64')
    if network == link_local:
        return True
    if version < (27, 0, 0):
        return network.network_address not in link_local
    return not network.is_multicast and not network.overlaps(link_local)


def _is_exec_opt(text: str, version: Version) -> bool:
    name, _, value = text.partition('=')
    return name.strip().lower() == 'native.cgroupdriver' and bool(value.strip())


def _is_listen_address(text: str, version: Version) -> bool:
    text = text.strip()
    scheme, separator, address = text.partition('://')
    if not separator:
        scheme, address = 'tcp', text
    if scheme == 'tcp':
        return _is_tcp_address(address)
    return scheme == 'fd' or (scheme in ('unix', 'npipe') and '://' not in address)


def _is_tcp_address(address: str) -> bool:
    authority = re.split('[?#]', address, maxsplit=1)[0]
    if re.search(r'[/\s]', authority):
        return False
    _, colon, port = authority.rpartition(':')
    if not colon or authority.endswith(']') or not port:
        return True
    return re.fullmatch('[0-9]+', port) is not None and port.strip('0') != ''


def _is_firewall_mark(text: str, version: Version) -> bool:
    mark = '(0[xX][0-9a-fA-F]{1,8}|0[oO]?[0-7]{1,11}|[0-9]{1,10})'
    return re.fullmatch(f'({mark}(/{mark})?)?', text) is not None


_FORMS: Mapping[str, Callable[[str, Version], bool]] = {
    'exec-opt': _is_exec_opt,
    'firewall-mark': _is_firewall_mark,
    'generic-resource': lambda text, version: text.count('=') == 1,
    'ip': _is_plain_ip,
    'ipv6-subnet': _is_ipv6_subnet,
    'label': _is_label,
    'listen-address': _is_listen_address,
    'log-level': _is_log_level,
    'nameserver': _is_nameserver,
    'search-domain': _is_search_domain,
    'zoned-ip': _is_zoned_ip,
}


# Lists as a whole


class _ListRule(NamedTuple):
    accepts: Callable[[Sequence[str]], bool]
    must: str
    advice: str


def _is_unambiguous(labels: Sequence[str]) -> bool:
    pairs = {tuple(label.split('=', 1)) for label in labels}
    return len(pairs) == len({pair[0] for pair in pairs})


def _is_unmixed(resources: Sequence[str]) -> bool:
    found: dict[str, list[str]] = {}
    for resource in resources:
        name, _, value = resource.partition('=')
        found.setdefault(name.strip(), []).append(value.strip())
    return all(map(_is_one_count_or_names, found.values()))


def _is_one_count_or_names(values: Sequence[str]) -> bool:
    counts = [value for value in values if re.fullmatch('[+-]?[0-9]{1,19}', value)]
    return not counts or (len(values) == 1 and not counts[0].startswith('-'))


def _is_one_a_family(addresses: Sequence[str]) -> bool:
    return len({':' in address for address in addresses}) == len(addresses)


_LIST_RULES: Mapping[str, _ListRule] = {
    'host-gateway-ips': _ListRule(
        accepts=_is_one_a_family,
        must='must hold at most one IPv4 and one IPv6 address',
        advice='remove the others',
    ),
    'labels': _ListRule(
        accepts=_is_unambiguous,
        must='must not give one name two values',
        advice='remove one of the two',
    ),
    'node-generic-resources': _ListRule(
        accepts=_is_unmixed,
        must='must give a name one count, or names alone',
        advice='for instance: ["gpu=2"], or ["gpu=id1", "gpu=id2"]',
    ),
}
