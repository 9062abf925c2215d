"""What carries the images: skopeo where it is, else the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from registry_host.engine.api import Client
from registry_host.engine.transfers import Transfer, transfer
from registry_host.errors import EngineError, Finding, Problem
from registry_host.redact import redact
from registry_host.registry import skopeo
from registry_host.registry.skopeofaults import is_passing, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_host.host.host import Host
    from registry_host.registry.copyends import Ends
    from registry_host.registry.copying import Decision


class Means(Protocol):
    """Copies one image; `platform` is the one that it copies, '' for all of them."""

    platform: str

    def copy(
        self,
        decision: Decision,
        *,
        seen: Callable[[str, int], None] | None,
        is_stopped: Callable[[], bool],
    ) -> Problem | None:
        """Copy one image; else say why that could not be done.

        `seen` is None where no progress is shown.
        """

    def findings(self) -> tuple[Finding, ...]:
        """Say what is lost by this way of copying, if anything is."""


# Before each further try.
_WAITS_S = (1.0, 3.0)
_INSTALL = 'sudo apt-get install skopeo'


def find_means(
    host: Host, ends: Ends, platform: str, *, side_by_side: int = 1
) -> Means | Problem:
    """Pick what copies on this host; `platform` is what is asked for, '' for all."""
    program = skopeo.find_skopeo(host)
    if program is not None and program.is_usable:
        return BySkopeo(host, program, ends, side_by_side)
    lack = 'skopeo is not installed'
    if program is not None and not program.version:
        lack = f'{program.path} does not run, or does not print its version'
    elif program is not None:
        version = '.'.join(map(str, program.version))
        lack = f'skopeo {version} is older than 1.9, and cannot keep digests'
    if ends.engine.state != 'running':
        message = f'{lack}, and no engine runs that could copy instead'
        return Problem('copy-means', message, 'image copy', _INSTALL)
    try:
        own = Client(host, ends.engine.socket_path).platform()
    except (OSError, EngineError) as err:
        why = (err.strerror if isinstance(err, OSError) else '') or err
        message = f'{lack}, and the engine cannot be asked ({why})'
        return Problem('copy-means', message, 'image copy', _INSTALL)
    return ByEngine(host, ends, platform or own, lack)


class BySkopeo:
    """Keeps all platforms and the digest."""

    platform = ''

    def __init__(
        self, host: Host, program: skopeo.Skopeo, ends: Ends, side_by_side: int
    ) -> None:
        self._host = host
        self._program = program
        self._ends = ends
        self._side_by_side = side_by_side

    def copy(
        self,
        decision: Decision,
        *,
        seen: Callable[[str, int], None] | None,
        is_stopped: Callable[[], bool],
    ) -> Problem | None:
        source, target = decision.landing
        job = skopeo.Job(
            source,
            decision.digest,
            target,
            self._ends.origin(source.domain).server,
            self._ends.destination.server,
            decision.has_all,
        )
        for wait_s in (*_WAITS_S, None):
            done = skopeo.copy(
                self._host,
                self._program,
                job,
                side_by_side=self._side_by_side,
                seen=seen,
                is_stopped=is_stopped,
            )
            if done.is_ok:
                return None
            if wait_s is None or not is_passing(done) or is_stopped():
                break
            time.sleep(wait_s)
        return problem_of(done, job)

    def findings(self) -> tuple[Finding, ...]:
        return ()


class ByEngine:
    """Pulls, tags and pushes one platform, as a person would by hand."""

    def __init__(self, host: Host, ends: Ends, platform: str, lack: str) -> None:
        self.platform = platform
        self._host = host
        self._ends = ends
        self._lack = lack

    def copy(
        self,
        decision: Decision,
        *,
        seen: Callable[[str, int], None] | None,
        is_stopped: Callable[[], bool],
    ) -> Problem | None:
        source, target = decision.landing
        if not target.tag:
            message = 'without a tag, the engine cannot push it; skopeo can'
            return Problem('copy-untagged', message, str(source), _INSTALL)
        if seen is not None:
            seen('', 0)
        wanted = Transfer(
            source=f'{source.domain}/{source.path}',
            digest=decision.digest,
            target=f'{target.domain}/{target.path}',
            tag=target.tag,
            platform=self.platform,
            source_login=self._ends.origin(source.domain).server.login,
            target_login=self._ends.destination.server.login,
        )
        socket = self._ends.engine.socket_path
        words = transfer(self._host, socket, wanted, is_stopped=is_stopped)
        if not words:
            return None
        message = f'the engine could not copy it ({redact(words)})'
        return Problem('copy-failed', message, str(source))

    def findings(self) -> tuple[Finding, ...]:
        message = f'{self._lack}: images are copied by the engine, for {self.platform} '
        message += 'alone, and most get another digest'
        return (Finding('copy-by-engine', 'warning', message, remedy=(_INSTALL,)),)
