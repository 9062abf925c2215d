"""What there is to tell of a daemon.json that is about to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine import directives
from registry_host.engine.hubtrust import unverified_hub
from registry_host.errors import Finding, quoted, repeat_with
from registry_host.jsonfile.config import placed
from registry_host.redact import redact
from registry_host.settings.areas import NO_PROXY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.engine.daemonjson import DaemonJson
    from registry_host.engine.find import EngineFacts
    from registry_host.host.records import FileState
    from registry_host.settings.model import Settings


def findings_of(
    state: FileState, made: DaemonJson, engine: EngineFacts
) -> Iterable[Finding]:
    yield from readable_password(state, made, 'proxy-password')
    problems = directives.warnings(
        made.document, engine.version, engine.flags, engine.places
    )
    for problem in problems:
        yield Finding.of(placed(problem, state.path), 'warning', state.path)
    for problem in unverified_hub(made, engine):
        yield Finding.of(problem, 'warning', state.path)


def dns_findings(
    settings: Settings, state: FileState, was: DaemonJson, made: DaemonJson
) -> Iterable[Finding]:
    """Tell what nameservers in daemon.json do not do, and which are never asked.

    Containers ask three: the engine for those with a network of their own, the C
    libraries for the others.
    """
    if not settings.engine_dns:
        return
    from registry_host.settings.nameservers import NAMESERVERS_LIMIT

    if (was.dns or ()) != (made.dns or ()) and not settings.nameservers:
        flags = ' '.join(f'--nameserver {quoted(t)}' for t in settings.engine_dns)
        yield Finding(
            check='engine-dns-pulls',
            severity='info',
            message='"dns" in daemon.json is for containers, from their next start on: '
            'pulls ask the nameservers of the host',
            path=state.path,
            remedy=(f'sudo registry-host configure {flags}',),
        )
    for text in (made.dns or ())[NAMESERVERS_LIMIT:]:
        yield Finding(
            check='engine-dns-unseen',
            severity='warning',
            message=f'the nameserver {text!r} in "dns" is asked by no container: only '
            f'the first {NAMESERVERS_LIMIT} are',
            path=state.path,
        )


def shadowed(
    environment: Mapping[str, str], state: FileState, was: DaemonJson, made: DaemonJson
) -> Iterable[Finding]:
    """Tell what of the unit's own proxies is used no longer once the file names any.

    Each of the three is taken from the file as a whole, or else from the environment
    (moby daemon/command, configureProxyEnv; observed, 26.1.5 and 28.5.2).
    """
    for area, text in environment.items():
        if area not in made.proxies or area in was.proxies:
            continue
        old, new = (
            [entry.strip() for entry in each.split(',') if entry.strip()]
            for each in (text, made.proxies[area])
        )
        lost = [redact(entry) for entry in old if entry not in new]
        if lost:
            option = f'--{area}' if area == NO_PROXY else ''
            values = ','.join(lost)
            yield Finding(
                check='proxy-shadowed',
                severity='warning' if option else 'info',
                message=f'{area} in daemon.json takes the place of that of the '
                f"engine's unit as a whole: {', '.join(lost)} is used no longer",
                path=state.path,
                remedy=(repeat_with(f'{option} {quoted(values)}'),) if option else (),
            )


def readable_password(
    state: FileState, daemon: DaemonJson, check: str
) -> Iterable[Finding]:
    """Tell of a proxy's password in a file that every user may read."""
    if daemon.has_password and state.mode & 0o044:
        yield Finding(
            check=check,
            severity='warning',
            message=f"{state.path} holds a proxy's password, and others may read it "
            f'(mode {state.mode:04o})',
            path=state.path,
            remedy=(f'sudo chmod 600 {quoted(state.path)}',),
        )
