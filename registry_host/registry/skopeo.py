"""skopeo: which copies an image with all its platforms, and keeps its digest.

Run on 1.9.3 (Debian 12), 1.18 (Debian 13) and newer; older ones lack
--preserve-digests for lists, and are not used.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from registry_host.engine.trust import SYSTEM
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.host.records import Completed
    from registry_host.registry.entrance import Server
    from registry_host.settings.references import Reference

PROGRAM = 'skopeo'
OLDEST = (1, 9)
# Neither end has sent or taken a byte for so long: skopeo itself waits for a minute at
# a time where a registry limits the rate of requests (1.9.3, containers/image).
IDLE_S = 180.0


class Skopeo(NamedTuple):
    """The program, and its version: (1, 9, 3), or () where it does not tell it."""

    path: str
    version: tuple[int, ...]

    @property
    def is_usable(self) -> bool:
        return self.version >= OLDEST


def find_skopeo(host: Host) -> Skopeo | None:
    """Find skopeo on this host; None where it is not installed."""
    path = host.find_program(PROGRAM)
    if path is None:
        return None
    done = host.run([path, '--version'], timeout_s=10)
    found = re.search(r'version (\d+)\.(\d+)(?:\.(\d+))?', done.out)
    if not done.is_ok or found is None:
        return Skopeo(path, ())
    return Skopeo(path, tuple(int(part) for part in found.groups('0')))


class Job(NamedTuple):
    """One copy: of a digest, so that a tag that moves meanwhile changes nothing."""

    source: Reference
    digest: str
    target: Reference
    origin: Server
    destination: Server
    has_all: bool


def copy(
    host: Host,
    skopeo: Skopeo,
    job: Job,
    *,
    side_by_side: int = 1,
    seen: Callable[[str, int], None] | None = None,
    is_stopped: Callable[[], bool],
) -> Completed:
    """Copy an image; `seen` as in Host.follow(), and as many as `side_by_side` at once.

    Neither registries.conf nor logins of containers/image have a part in it. Drop-ins
    of registries.conf.d do, as no option of skopeo turns them off (1.9.3 to 1.22): one
    may block a registry or name mirrors of it, which must have the digest all the same.
    """

    def argv_of(logins: str) -> list[str]:
        has_policy = host.exists('/etc/containers/policy.json')
        return [
            skopeo.path,
            *([] if has_policy else ['--insecure-policy']),
            'copy',
            # Its lines are work for it, too: a twentieth of a small image (1.9.3).
            *([] if seen else ['--quiet']),
            *(['--all'] if job.has_all else []),
            '--preserve-digests',
            f'--authfile={logins}',
            f'--src-tls-verify={_shown(job.origin.way.is_verified)}',
            f'--dest-tls-verify={_shown(job.destination.way.is_verified)}',
            f'docker://{job.source.domain}/{job.source.path}@{job.digest}',
            f'docker://{_name_of(job.target)}',
        ]

    return host.follow(
        argv_of,
        secret=_logins(
            (job.source.domain, job.origin), (job.target.domain, job.destination)
        ),
        env={
            **dict(_environment(host, job)),
            'GOMAXPROCS': str(_share(side_by_side)),
        },
        idle_s=IDLE_S,
        seen=seen,
        is_stopped=is_stopped,
    )


def _share(count: int) -> int:
    """Say how many processors there are for each of so many copies at once.

    Go runs a thread on each there is, and six copies on two processors get into each
    other's way: with one thread each they take a tenth less time (skopeo 1.9.3).
    """
    return -(-len(os.sched_getaffinity(0)) // count)


def _shown(is_true: bool) -> str:
    return 'true' if is_true else 'false'


def _name_of(target: Reference) -> str:
    mark = f'@{target.digest}' if target.digest else f':{target.tag}'
    return f'{target.domain}/{target.path}{mark}'


def _logins(*servers: tuple[str, Server]) -> bytes:
    """Write the logins as a file of containers-auth.json(5)."""
    from base64 import b64encode

    auths = {}
    for domain, server in servers:
        login = server.login
        if login is None:
            continue
        secret = '' if login.is_identity_token else login.secret
        text = f'{login.username}:{secret}'.encode()
        auths[domain] = {'auth': b64encode(text).decode()}
        if login.is_identity_token:
            auths[domain]['identitytoken'] = login.secret
    return json.dumps({'auths': auths}).encode()


def _environment(host: Host, job: Job) -> Iterator[tuple[str, str]]:
    """Give skopeo the proxies and the trust of the engine, and a home with no files."""
    yield 'PATH', host.environ.get('PATH', '/usr/bin:/bin')
    yield 'HOME', '/nonexistent'
    yield 'CONTAINERS_REGISTRIES_CONF', '/dev/null'
    if data := _data_home(host.environ):
        yield 'XDG_DATA_HOME', data
    route = job.origin.way.route
    for name, value in (
        ('HTTP_PROXY', route.http_proxy),
        ('HTTPS_PROXY', route.https_proxy),
        ('NO_PROXY', str(route.no_proxy or '')),
    ):
        if value:
            yield name, value
    trust = route.trust
    if trust.files != SYSTEM.files:
        yield 'SSL_CERT_FILE', trust.files[0]
    if trust.folders != SYSTEM.folders:
        yield 'SSL_CERT_DIR', ':'.join(trust.folders)


def _data_home(environ: Mapping[str, str]) -> str:
    """Say where skopeo remembers which repository has which blob.

    A layer that images share is then sent once, and mounted for the others. Of root it
    is /var/lib/containers/cache, whatever the variable says. Source: containers/image
    pkg/blobinfocache/default.go (5.22).
    """
    home = environ.get('HOME')
    default = f'{home}/.local/share' if home else ''
    folder = environ.get('XDG_DATA_HOME') or default
    return folder if folder.startswith('/') else ''


# What it says


class Step(NamedTuple):
    """What skopeo has begun: a platform of several, or one more blob."""

    platform: int = 0
    platforms: int = 0
    has_blob: bool = False


def step_of(line: str) -> Step | None:
    """Read a line that it prints where its output is not a terminal (1.9.3)."""
    found = re.match(r'Copying image \S+ \((\d+)/(\d+)\)', line)
    if found:
        return Step(int(found[1]), int(found[2]))
    return Step(has_blob=True) if line.startswith('Copying blob ') else None


_MESSAGE = re.compile(r'level=(?:fatal|error) msg="((?:\\.|[^"\\])*)"')


def complaint_of(said: str) -> str:
    """Give the last error that skopeo tells, in its own words and without its log."""
    found = _MESSAGE.findall(said)
    if found:
        # Line ends of a registry's own message are no words.
        text = re.sub(r'(?<!\\)(\\[nrt])+', ' ', found[-1])
        text = re.sub(r'\\(["\\])', r'\1', text)
    else:
        lines = [line for line in said.splitlines() if line.strip()]
        text = lines[-1] if lines else 'it says nothing'
    # It puts a comma in front of words of a registry that are none: "404, ".
    return re.sub(r'\s+', ' ', text).strip(' ,')
