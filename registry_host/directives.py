"""What each engine takes in daemon.json, and what sets the same as a flag. Pure.

Sources: moby daemon/config/config.go, config_linux.go and daemon/command/options.go of
20.10 to 29.2; every key tried on real dockerd 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from registry_host.enginerules import engine_accepts_insecure, engine_accepts_mirror
from registry_host.errors import Problem
from registry_host.redact import redact

if TYPE_CHECKING:
    from registry_host.jsontext import Document, Json

Version = tuple[int, int, int]
Flags = Mapping[str, tuple[str, ...]]

# key | type | flag ('=': the key itself, '-': none) | since | removed | R: reloadable
_TABLE = """
allow-direct-routing bool = 28.2 - -
allow-nondistributable-artifacts list = - - -
api-cors-header string = - 28.0 -
authorization-plugins list authorization-plugin - - R
bip string = - - -
bip6 string = 28.0 - -
bridge string = - - -
bridge-accept-fwmark string = 29.0 - -
builder object - - - -
cdi-spec-dirs list cdi-spec-dir 25.0 - -
cgroup-parent string = - - -
cluster-advertise string = - 24.0 -
cluster-store string = - 24.0 -
cluster-store-opts object cluster-store-opt - 24.0 -
containerd string = - - -
containerd-namespace string = - - -
cpu-rt-period int = - - -
cpu-rt-runtime int = - - -
cri-containerd bool = - - -
data-root string = - - -
debug bool = - - R
default-address-pools list default-address-pool - - -
default-cgroupns-mode string = - - R
default-gateway string = - - -
default-gateway-v6 string = - - -
default-ipc-mode string = - - R
default-network-opts object default-network-opt 24.0 - -
default-runtime string = - - R
default-shm-size size = - - R
default-stop-timeout int = 29.7 - R
default-ulimits object default-ulimit - - -
deprecated-key-path string = - - -
dns list = - - -
dns-opts list dns-opt - - -
dns-search list = - - -
exec-opts list exec-opt - - -
exec-root string = - - -
experimental bool = - - -
features object feature - - R
firewall-backend string = 29.0 - -
fixed-cidr string = - - -
fixed-cidr-v6 string = - - -
graph string = - 23.0 -
group string = - - -
host-gateway-ip string = - - -
host-gateway-ips list host-gateway-ip 28.0 - -
hosts list host - - -
icc bool = - - -
init bool = - - -
init-path string = - - -
insecure-registries list insecure-registry - - R
ip string = - - -
ip-forward bool = - - -
ip-forward-no-drop bool = 28.0 - -
ip-masq bool = - - -
ip6tables bool = - - -
iptables bool = - - -
ipv6 bool = - - -
labels list label - - R
live-restore bool = - - R
log-driver string = - - -
log-format string = 25.0 - -
log-level string = - - -
log-opts object log-opt - - -
max-concurrent-downloads int = - - R
max-concurrent-uploads int = - - R
max-download-attempts int = - - R
metrics-addr string = - - -
min-api-version string - 29.0 - -
mtu int = - - -
network-control-plane-mtu int = - - -
network-diagnostic-port int = - - R
no-new-privileges bool = - - -
node-generic-resources list node-generic-resource - - -
nri-opts object nri-opts 29.2 - R
oom-score-adjust int = - 26.0 -
pidfile string = - - -
proxies object - - - -
raw-logs bool = - - -
registry-mirrors list registry-mirror - - R
rootless bool = - - -
runtimes object add-runtime - - R
seccomp-profile string = - - -
selinux-enabled bool = - - -
shutdown-timeout int = - - R
storage-driver string = - - -
storage-opts list storage-opt - - -
swarm-default-advertise-addr string = - - -
tls bool = - - -
tlscacert string = - - -
tlscert string = - - -
tlskey string = - - -
tlsverify bool = - - -
userland-proxy bool = - - -
userland-proxy-path string = - - -
userns-remap string = - - -
"""
# Members of "proxies"; each has a flag of the same name. Since 23.0.
PROXIES = ('http-proxy', 'https-proxy', 'no-proxy')
PROXIES_SINCE: Version = (23, 0, 0)
_SHORTHANDS = {
    'b': 'bridge',
    'D': 'debug',
    'g': 'graph',
    'G': 'group',
    'H': 'host',
    'l': 'log-level',
    'p': 'pidfile',
    's': 'storage-driver',
    'v': 'version',
}
_OTHER_BOOL_FLAGS = frozenset({'help', 'validate', 'version'})
# Given as keys these equal the name of a flag: accepted, and silently ignored.
_IGNORED_AS_KEYS = frozenset(
    {
        'add-runtime',
        'config-file',
        'help',
        'version',
        'containerd-plugins-namespace',
        'restart',
        'validate',
    }
)
_NO_PROXIES_HINT = 'set them in the unit: systemctl edit docker.service'


class Directive(NamedTuple):
    """One key of daemon.json. `since` and `removed` None: in 20.10; still there."""

    key: str
    type: str
    flag: str | None
    since: Version | None
    removed: Version | None
    is_reloadable: bool


def parse_version(text: str) -> Version | None:
    """Find the version in what an engine says of itself; None where there is none.

    '28.5.2+dfsg4', '29.0.0-rc.1', 'Docker version 20.10.24+dfsg1, build 297e128'.
    """
    found = re.search(r'(?<![\w.])(\d+)\.(\d+)(?:\.(\d+))?', text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _version(text: str) -> Version | None:
    return None if text == '-' else parse_version(text)


@lru_cache(maxsize=1)
def directives() -> Mapping[str, Directive]:
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return {
        key: Directive(
            key=key,
            type=kind,
            flag=None if flag == '-' else key if flag == '=' else flag,
            since=_version(since),
            removed=_version(removed),
            is_reloadable=mark == 'R',
        )
        for key, kind, flag, since, removed, mark in rows
    }


@lru_cache(maxsize=1)
def _keys_by_flag() -> Mapping[str, str]:
    found = {d.flag: d.key for d in directives().values() if d.flag}
    # A flag that stands for two keys belongs to the newer one of the same name.
    return {**found, 'host-gateway-ip': 'host-gateway-ip'}


# Flags


def parse_flags(argv: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read a dockerd command line into {long name: values}, by the rules of pflag.

    The program's own name is skipped; a flag that is not known is taken to have a value
    where one follows.
    """
    flags: dict[str, list[str]] = {}
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word == '--':
            break
        for name, value in _read_flag(word, words):
            flags.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in flags.items()}


def _read_flag(word: str, rest: list[str]) -> Iterator[tuple[str, str]]:
    if word.startswith('--'):
        name, equals, value = word[2:].partition('=')
        yield name, value if equals else _value_of(name, rest)
    elif word.startswith('-') and len(word) > 1:
        yield from _read_shorthands(word[1:], rest)


def _read_shorthands(letters: str, rest: list[str]) -> Iterator[tuple[str, str]]:
    """Read -D, -Dl debug, -Hfd://, -H=fd:// and -H fd://."""
    while letters:
        name, letters = _SHORTHANDS.get(letters[0], letters[0]), letters[1:]
        if letters.startswith('='):
            yield name, letters[1:]
            return
        if _is_bool(name):
            yield name, 'true'
        elif letters:
            yield name, letters
            return
        else:
            yield name, _value_of(name, rest)


def _is_bool(name: str) -> bool:
    directive = directives().get(_keys_by_flag().get(name, ''))
    return name in _OTHER_BOOL_FLAGS or (
        directive is not None and directive.type == 'bool'
    )


def _value_of(name: str, rest: list[str]) -> str:
    if _is_bool(name):
        return 'true'
    is_known = name in _keys_by_flag() or name in PROXIES or name == 'config-file'
    if rest and (is_known or not rest[0].startswith('-')):
        return rest.pop(0)
    return ''


def conflicts(document: Document, flags: Flags) -> tuple[Problem, ...]:
    """Find what is given both as a flag and in the file: fatal, even where equal.

    Only `runtimes` merges. Source: moby daemon/config/config.go
    findConfigurationConflicts (b985e23); observed on all three engines.
    """
    found: list[Problem] = []
    for key, value in document.root.items():
        directive = directives().get(key)
        if key == 'proxies' and isinstance(value, dict):
            members = (name for name in value if name in PROXIES)
            found += (
                _conflict(document, (key, m), m, flags) for m in members if m in flags
            )
        elif directive and directive.flag in flags and key != 'runtimes':
            found.append(_conflict(document, (key,), directive.flag or '', flags))
    return tuple(found)


def _conflict(
    document: Document, path: tuple[str, ...], flag: str, flags: Flags
) -> Problem:
    shown = redact(', '.join(flags[flag]))
    return Problem(
        code='flag-conflict',
        where=document.where(*path),
        message=f'"{".".join(path)}" is also given as the flag --{flag}={shown}, and '
        'the engine starts with neither',
        hint=f'keep one: take --{flag} out of the unit (systemctl cat docker.service), '
        'or the key out of the file',
    )


# Keys and types


def lint(document: Document, version: Version | None) -> tuple[Problem, ...]:
    """Find what this engine would refuse at start or reload, or silently ignore.

    Without a version, only what every engine from 20.10 on refuses is told.
    """
    found: list[Problem] = []
    for key, value in document.root.items():
        found += _lint_key(document, key, value, version)
    return tuple(found)


def _lint_key(
    document: Document, key: str, value: Json, version: Version | None
) -> Iterable[Problem]:
    directive = directives().get(key)
    if directive is None:
        yield _unknown(document, key)
    elif directive.removed and version and version >= directive.removed:
        yield _problem(
            document,
            key,
            'directive-removed',
            f'"{key}" was removed in Docker {_shown(directive.removed)}',
            'remove it',
        )
    elif directive.since and version and version < directive.since and value != {}:
        yield _problem(
            document,
            key,
            'directive-too-new',
            f'"{key}" is not known before Docker {_shown(directive.since)}, '
            f'and this is {_shown(version)}',
            'remove it, or upgrade Docker',
        )
    elif key == 'proxies':
        yield from _lint_proxies(document, value, version)
    elif not _is_of_type(value, directive.type):
        yield _wrong_type(document, (key,), directive.type)
    else:
        yield from _lint_value(document, key, value, version)


def _shown(version: Version) -> str:
    major, minor, patch = version
    return f'{major}.{minor}.{patch}' if patch else f'{major}.{minor}'


def _problem(
    document: Document, key: str, code: str, message: str, hint: str
) -> Problem:
    return Problem(code=code, where=document.where(key), message=message, hint=hint)


def _unknown(document: Document, key: str) -> Problem:
    if key in PROXIES:
        return _problem(
            document,
            key,
            'directive-misplaced',
            f'"{key}" does nothing at the top level',
            f'move it into "proxies": {{"{key}": "..."}} (Docker 23.0 and newer)',
        )
    of_flag = _keys_by_flag().get(key)
    if of_flag is not None or key in _IGNORED_AS_KEYS:
        hint = f'rename it to "{of_flag}"' if of_flag else 'remove it'
        message = f'"{key}" is the name of a flag, and is silently ignored here'
        return _problem(document, key, 'directive-ignored', message, hint)
    close = _closest(key)
    shown = f'"{key}"' if re.fullmatch(r'[\w.:/-]{1,64}', key) else 'this key'
    return _problem(
        document,
        key,
        'directive-unknown',
        f'{shown} is not a key that dockerd knows, and it refuses the whole file',
        f'did you mean "{close}"?' if close else 'remove it',
    )


def _closest(key: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(
        key.lower().replace('_', '-'), directives(), n=1, cutoff=0.8
    )
    return found[0] if found else ''


def _is_of_type(value: Json, kind: str) -> bool:
    """Hold a value against what Go decodes into this type; null fits all of them."""
    from registry_host.jsontext import Number

    if value is None:
        return True
    if kind == 'int':
        return isinstance(value, Number) and value.is_integer
    if kind == 'size':
        is_number = isinstance(value, Number) and value.is_integer
        return is_number or isinstance(value, str)
    types = {'bool': bool, 'string': str, 'list': list, 'object': dict}
    return isinstance(value, types[kind])


_TYPE_NAMES = {
    'bool': 'true or false, without quotes',
    'int': 'a whole number, without quotes',
    'list': 'a list: ["...", "..."]',
    'object': 'an object: {"...": "..."}',
    'size': 'a size: "64M"',
    'string': 'a string in double quotes',
}


def _wrong_type(document: Document, path: tuple[str | int, ...], kind: str) -> Problem:
    name = next(part for part in reversed(path) if isinstance(part, str))
    return Problem(
        code='directive-type',
        where=document.where(*path),
        message=f'"{name}" must be {_TYPE_NAMES[kind]}',
        hint='the engine refuses the whole file otherwise',
    )


_LISTS_OF_OBJECTS = frozenset({'default-address-pools', 'node-generic-resources'})


def _lint_value(
    document: Document, key: str, value: Json, version: Version | None
) -> Iterable[Problem]:
    if isinstance(value, list) and key not in _LISTS_OF_OBJECTS:
        for index, entry in enumerate(value):
            if not isinstance(entry, str):
                yield _wrong_type(document, (key, index), 'string')
            else:
                yield from _lint_entry(document, key, index, entry, version)
    elif isinstance(value, dict) and key in ('log-opts', 'cluster-store-opts'):
        for name, entry in value.items():
            if not isinstance(entry, str):
                yield _wrong_type(document, (key, name), 'string')
    elif key == 'userland-proxy' and value is True:
        yield from _lint_userland_proxy(document, version)


def _lint_entry(
    document: Document, key: str, index: int, entry: str, version: Version | None
) -> Iterable[Problem]:
    """Find the entries of a list that keep an engine from starting."""
    # Unknown: the eras that took most, so that only what none takes is told.
    eras = (version,) if version else ((28, 0, 0), (29, 7, 0))
    rules = {
        'registry-mirrors': engine_accepts_mirror,
        'insecure-registries': engine_accepts_insecure,
    }
    rule = rules.get(key)
    if rule is None or any(rule(entry, era) for era in eras):
        return
    from registry_host.urls import check_insecure_registry, check_mirror

    where = document.where(key, index)
    is_mirror = key == 'registry-mirrors'
    checked = (check_mirror if is_mirror else check_insecure_registry)(entry)
    for problem in checked.errors:
        yield problem.at(where)
    if not checked.errors:
        yield Problem(
            code=f'{checked.kind}-spelling',
            where=where,
            message=f'dockerd does not start with the spelling {checked.input!r}',
            hint=f'write {checked.value}',
        )


def _lint_userland_proxy(
    document: Document, version: Version | None
) -> Iterable[Problem]:
    is_affected = version is None or version >= (25, 0, 0)
    if is_affected and not document.has('userland-proxy-path'):
        yield _problem(
            document,
            'userland-proxy',
            'reload-impossible',
            '"userland-proxy": true without "userland-proxy-path" makes the engine '
            'refuse every reload since Docker 25.0, although it starts with it',
            'remove it (true is the default), or add "userland-proxy-path"',
        )


def _lint_proxies(
    document: Document, value: Json, version: Version | None
) -> Iterable[Problem]:
    if not isinstance(value, dict):
        yield _wrong_type(document, ('proxies',), 'object')
        return
    for name, member in value.items():
        where = document.where('proxies', name)
        if name not in PROXIES:
            yield _unknown_proxy(name, where)
        elif version and version < PROXIES_SINCE:
            yield Problem(
                code='directive-too-new',
                where=where,
                message=f'"proxies" are not known before Docker 23.0, and this is '
                f'{_shown(version)}',
                hint=_NO_PROXIES_HINT,
            )
        elif not isinstance(member, str) and member is not None:
            yield _wrong_type(document, ('proxies', name), 'string')


_CLIENT_NAMES = {
    'httpProxy': 'http-proxy',
    'httpsProxy': 'https-proxy',
    'noProxy': 'no-proxy',
}


def _unknown_proxy(name: str, where: str) -> Problem:
    meant = _CLIENT_NAMES.get(name)
    if meant:
        hint = f'rename it to "{meant}": {name} is for ~/.docker/config.json'
    elif name == 'default':
        hint = 'put http-proxy, https-proxy and no-proxy right below "proxies"'
    else:
        hint = f'known here: {", ".join(PROXIES)}'
    return Problem(
        code='directive-unknown',
        where=where,
        message='not a key that dockerd knows in "proxies", and it refuses the whole '
        'file',
        hint=hint,
    )


# Hazards


def warnings(
    document: Document, version: Version | None, flags: Flags
) -> tuple[Problem, ...]:
    """Find what is accepted, and makes a reload do more, or less, than it says."""
    return tuple(_warnings(document, version, flags))


def _warnings(
    document: Document, version: Version | None, flags: Flags
) -> Iterator[Problem]:
    for flag in (
        'max-concurrent-downloads',
        'max-concurrent-uploads',
        'max-download-attempts',
    ):
        if flag in flags and not document.has(flag):
            yield _reset_by_reload(flag, 'falls back to its default')
    if 'feature' in flags and not document.has('features'):
        yield _reset_by_reload('feature', 'is dropped')
    if 'authorization-plugin' in flags and not document.has('authorization-plugins'):
        yield _reset_by_reload(
            'authorization-plugin', 'is dropped: the engine then authorises everyone'
        )
    if version is None:
        return
    if (29, 0, 0) <= version < (29, 3, 0) and (document.has('dns') or 'dns' in flags):
        yield Problem(
            code='reload-corrupts-dns',
            message=f'Docker {_shown(version)} corrupts "dns" at every reload',
            hint='upgrade to 29.3, or restart the engine afterwards: '
            'systemctl restart docker',
        )
    has_lists = document.has('registry-mirrors') and document.has('insecure-registries')
    if has_lists and ((23, 0, 0) <= version < (23, 0, 7) or version == (24, 0, 0)):
        yield Problem(
            code='reload-loses-insecure',
            message=f'Docker {_shown(version)} loses the insecure registries at a '
            'reload',
            hint='upgrade to 23.0.7 or 24.0.1, or restart the engine',
        )
    is_flag_lost = document.has('registry-mirrors') and 'insecure-registry' in flags
    if version < (25, 0, 0) and is_flag_lost:
        yield _reset_by_reload('insecure-registry', 'is dropped')


def _reset_by_reload(flag: str, effect: str) -> Problem:
    key = _keys_by_flag().get(flag, flag)
    return Problem(
        code='reload-resets-flag',
        message=f'--{flag} is given as a flag alone: at a reload it {effect}',
        hint=f'move it from the unit into daemon.json, as "{key}"',
    )
