"""Services of a compose file that run the image of the registry.

What its image holds: the files of distribution-library-image; the path of the config
moved with 3.0 (Dockerfile of distribution 2.8.3 and 3.1.1). Not run: judged by those.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple
from registry_host.registry.distenv import CONFIGURATION_PATH
from registry_host.registry.registryplace import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from registry_host.yamlfile.yamltext import Document

CONFIG_PATHS = {2: '/etc/docker/registry/config.yml', 3: '/etc/distribution/config.yml'}
BUILT_IN = b"""\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
_IMAGE = re.compile(
    r'(?:[\w.:-]+/)?(?:library/|distribution/)?(?:registry|distribution)'
    r'(?::(?P<tag>[\w.-]+))?(?:@[\w:]+)?'
)
_VARIABLE = re.compile(r'\$\$|\$(?:(\w+)|\{(\w+)(?::?([-+?])([^}]*))?\})')


class Service(NamedTuple):
    """A service that runs a registry.

    `config` is the file of the host that it serves, '' for the one in its image, and
    None for one that this file does not tell. `strayed` is a mount at the path of the
    other major version.
    """

    runner: Runner
    config: str | None
    strayed: str = ''
    unknown: frozenset[str] = frozenset()


def is_compose(document: Document) -> bool:
    services = document.find('services')
    return services is not None and services.kind == 'map'


def services_of(
    document: Document, path: str, read: Callable[[str], str], major: int | None
) -> Iterator[Service]:
    """Yield the services that run a registry; `read` gives the text of a file."""
    services = document.get('services')
    folder = posixpath.dirname(path)
    dotenv = dict(_pairs(read(f'{folder}/.env').splitlines()))
    for name, body in services.items() if isinstance(services, dict) else ():
        body = body if isinstance(body, dict) else {}
        found = _IMAGE.fullmatch(str(body.get('image', '')))
        if found:
            whole = document.get()
            own = whole if isinstance(whole, dict) else {}
            reader = _Service(str(name), body, path, dotenv, read, own)
            yield reader.read(major or _major_of(found['tag'] or ''))


def _major_of(tag: str) -> int:
    """The major version of a tag; one that names none is what Debian has, 2."""
    found = re.match(r'v?([23])(?:\D|$)', tag)
    return int(found[1]) if found else 2


class _Service:
    def __init__(
        self,
        name: str,
        body: dict[str, Any],
        path: str,
        dotenv: Mapping[str, str],
        read: Callable[[str], str],
        whole: dict[str, Any],
    ) -> None:
        self.name = name
        self.body = body
        self.path = path
        self.folder = posixpath.dirname(path)
        self.dotenv = dotenv
        self.read_file = read
        self.whole = whole
        self.unknown: set[str] = set()

    def read(self, major: int) -> Service:
        mounts = self._mounts()
        environment = self._environment()
        inside = self._served(environment) or CONFIG_PATHS[major]
        config = _mounted(inside, mounts)
        if config is None and inside == CONFIG_PATHS[major]:
            config = ''
        other = CONFIG_PATHS[5 - major]
        is_strayed = inside != other and _mounted(other, mounts) is not None
        is_host = self.body.get('network_mode') == 'host'
        runner = Runner(
            name=self.name,
            file=self.path,
            environment=environment,
            is_container=True,
            has_own_network=not is_host,
            major=major,
            replicas=self._replicas(),
            mounts=mounts,
            ports=tuple(_ports(self.body.get('ports'))),
            config_path=inside,
        )
        return Service(
            runner, config, other if is_strayed else '', frozenset(self.unknown)
        )

    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        files = self.body.get('env_file') or []
        for each in files if isinstance(files, list) else [files]:
            name = each.get('path', '') if isinstance(each, dict) else str(each)
            found.update(_pairs(self.read_file(self._path(name)).splitlines()))
        given = self.body.get('environment') or {}
        if isinstance(given, dict):
            pairs = [(str(k), _text(v)) for k, v in given.items()]
        else:
            pairs = [_pair(str(each)) for each in given]
        for name, text in pairs:
            found[name] = self._filled(name, text)
        return found

    def _filled(self, name: str, text: str | None) -> str:
        """Put in the variables that compose does, as far as their values are known."""
        if text is None:
            text = f'${{{name}}}'

        def fill(match: re.Match[str]) -> str:
            if match[0] == '$$':
                return '$'
            known = self.dotenv.get(match[1] or match[2])
            if known is None and match[3] == '-':
                known = match[4]
            if known is None:
                self.unknown.add(name)
            return known or ''

        filled = _VARIABLE.sub(fill, text)
        # Of a value that is not known, only that there is one.
        return json.dumps('https://unknown.invalid') if name in self.unknown else filled

    def _mounts(self) -> dict[str, str]:
        mounts = {}
        for each in self.body.get('volumes') or ():
            if isinstance(each, dict):
                source, target = str(each.get('source', '')), each.get('target')
            else:
                source, _, rest = str(each).partition(':')
                target = rest.partition(':')[0]
            if target:
                mounts[str(target).rstrip('/') or '/'] = self._path(source)
        for kind in ('configs', 'secrets'):
            for each in self.body.get(kind) or ():
                long = each if isinstance(each, dict) else {'source': each}
                source = str(long.get('source', ''))
                target = str(long.get('target') or _default_target(kind, source))
                top = self.whole.get(kind)
                entry = top.get(source) if isinstance(top, dict) else None
                file = entry.get('file') if isinstance(entry, dict) else None
                mounts[target] = self._path(str(file)) if file else source
        return mounts

    def _path(self, source: str) -> str:
        """A path of the host in full; the name of a volume as it is."""
        if source.startswith(('./', '../', '.')):
            return posixpath.normpath(f'{self.folder}/{source}')
        return source

    def _served(self, environment: Mapping[str, str]) -> str:
        command = self.body.get('command')
        words = (
            [str(each) for each in command]
            if isinstance(command, list)
            else shlex.split(str(command or ''))
        )
        paths = [
            word for word in words if word.startswith('/') and word != '/bin/registry'
        ]
        return paths[-1] if paths else environment.get(CONFIGURATION_PATH, '')

    def _replicas(self) -> int:
        deploy = self.body.get('deploy')
        asked = deploy.get('replicas') if isinstance(deploy, dict) else None
        count = asked if asked is not None else self.body.get('scale')
        return count if isinstance(count, int) else 1


def _default_target(kind: str, source: str) -> str:
    return f'/run/secrets/{source}' if kind == 'secrets' else f'/{source}'


def _mounted(inside: str, mounts: Mapping[str, str]) -> str | None:
    """The file of the host at a path of the container; None if none is mounted."""
    for target, source in sorted(mounts.items(), reverse=True):
        if inside == target or inside.startswith(f'{target}/'):
            path = source + inside[len(target) :]
            return path if path.startswith('/') else None
    return None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition('=')
    return name, value if equals else None


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, value = line.strip().partition('=')
        if equals and not name.startswith('#'):
            bare = value.strip()
            is_quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in '"\''
            yield (
                name.strip().removeprefix('export '),
                bare[1:-1] if is_quoted else bare,
            )


def _ports(ports: Any) -> Iterator[str]:
    """Yield what is published as ADDRESS:PORT of the host."""
    for each in ports if isinstance(ports, list) else ():
        if isinstance(each, dict):
            if each.get('published'):
                yield f'{each.get("host_ip", "")}:{each["published"]}'
            continue
        outside, colon, _ = str(each).partition('/')[0].rpartition(':')
        if colon:
            yield outside if ':' in outside else f':{outside}'
