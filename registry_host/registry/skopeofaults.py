"""Why a copy by skopeo failed, in words: its own where nothing better is known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.errors import Problem, quoted
from registry_host.redact import redact
from registry_host.registry.skopeo import complaint_of

if TYPE_CHECKING:
    from registry_host.host.records import Completed
    from registry_host.registry.skopeo import Job

# What it was at when it failed, if that was at the destination (1.9.3 to 1.22).
_AT_DESTINATION = re.compile(
    'writing (blob|manifest)|uploading|initiating layer upload|blob upload invalid|'
    'trying to reuse blob|pushing'
)
_AT_MANIFEST = re.compile('(writing|uploading) manifest')
_SERVER_ERROR = re.compile(
    r'\b(5\d\d \(?[A-Z][\w ]*\w\)?|blob upload invalid|no space left|'
    'write: (?:broken pipe|connection reset by peer))'
)
# With an error in the body, with a status alone, and at the destination (1.9.3).
_LIMITED = re.compile('toomanyrequests|too many requests|statuscode: 429')
_REFUSED = re.compile(r'unauthorized|denied|\b403 \(forbidden\)')


# Of skopeo's own words; what decides is looked for in all of them.
_SHOWN_LENGTH = 500

# What may go well the next time: blobs that have arrived are not sent again.
_PASSING = re.compile(
    'EOF|connection (reset|refused)|broken pipe|i/o timeout|TLS handshake timeout|'
    '(500|502|503|504) |cannot modify it: '
)
# A registry that takes no manifest of this type; or has one of its files read while it
# is written, where two copy one image at once (docker-registry 2.8.2: DIGEST_INVALID).
_REJECTED = re.compile('cannot modify it: ')


def is_passing(done: Completed) -> bool:
    """Whether a copy failed by the network, or by a server that may come back."""
    return done.code is not None and bool(_PASSING.search(complaint_of(done.err)))


def problem_of(done: Completed, job: Job) -> Problem:
    """Tell which end failed, as far as what skopeo said shows that."""
    if done.code is None:
        message = f'skopeo did not finish ({done.err})'
        return Problem('copy-failed', message, str(job.source))
    if not done.err.strip():
        # As where the kernel ends it, for memory is out.
        how = f'signal {-done.code}' if done.code < 0 else f'exit {done.code}'
        message = f'skopeo ended without a message ({how})'
        return Problem('copy-failed', message, str(job.source))
    said = shortened(complaint_of(done.err))
    words = said[:_SHOWN_LENGTH]
    lowered = said.lower()
    is_at_destination = bool(_AT_DESTINATION.search(lowered))
    end = job.target.domain if is_at_destination else job.source.domain
    if _LIMITED.search(lowered):
        message = f'limits the rate of requests ({words})'
        return Problem('copy-limited', message, end)
    if _REFUSED.search(lowered):
        server = job.destination if is_at_destination else job.origin
        whom = 'this login' if server.login else 'anyone without a login'
        message = f'does not let {whom} do that ({words})'
        return Problem('copy-login', message, end, f'docker login {quoted(end)}')
    failed = _SERVER_ERROR.search(said)
    if failed and is_at_destination:
        at = 'uploads'
        cause = 'its storage may be full'
        if _AT_MANIFEST.search(lowered):
            # An unknown error to docker-registry 2.8.2, which allows no such URLs
            # unless validation.manifests.urls does.
            at = 'the manifest'
            cause += ', or it may refuse layers with URLs (Windows images)'
        message = f'fails at {at} ({failed[1]}): {cause}, and its log says why'
        return Problem('copy-destination-fails', message, end)
    if _REJECTED.search(said):
        message = f'does not take the manifest as it is ({words})'
        return Problem('copy-refused', message, job.target.domain)
    message = f'skopeo could not copy it ({words})'
    return Problem('copy-failed', message, str(job.source))


def shortened(words: str) -> str:
    """Leave out of what skopeo says the addresses that the reader has named.

    A state of an upload that is in them is no word for people, either.
    """
    words = re.sub(r'(determining|initializing) \S+[^:]*docker://\S+: ', '', words)
    words = re.sub(r'\?_state=\S+?(?=:? |$)', '', words)
    parts = re.split(r'((?:docker|https?)://[^\s@]+@sha(?:256|512):[0-9a-f]+)', words)
    return ''.join(part if n % 2 else redact(part) for n, part in enumerate(parts))
