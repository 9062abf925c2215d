"""A registry as a copy asks it: manifests by HEAD and GET, with tokens and patience."""

from __future__ import annotations

import math
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem, quoted
from registry_host.host.dialing import basic
from registry_host.host.wire import ConnectionFailed
from registry_host.registry.challenges import challenge_by
from registry_host.registry.manifests import Manifest, digest_of, is_of
from registry_host.registry.patience import (
    LASTING,
    LIMITED,
    LONGEST_WAIT_S,
    PASSING,
    TRIES,
    retry_after,
    shown_time,
)
from registry_host.registry.probe import MANIFESTS
from registry_host.registry.serverfaults import by_way_of
from registry_host.settings.references import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_host.host.wire import Answer
    from registry_host.registry.challenges import Challenge
    from registry_host.registry.entrance import Server

# Source: distribution registry/handlers/manifests.go (2.8): larger ones are refused.
MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
# A token is asked for anew well before one of this age may have expired: Docker's
# clients take 60 s where a token server names no time (distribution 2.8, session.go).
_TOKEN_AGE_S = 45.0


class RequestFailed(Exception):
    """There is no manifest to be had; `problem` says why.

    `is_absent`: the registry answers, and does not have it.
    """

    def __init__(
        self, problem: Problem, *, is_absent: bool = False, status: int = 0
    ) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.is_absent = is_absent
        self.status = status


class _NoTokenYet(Exception):
    """A token server may give one later; `failure` is raised where it does not."""

    def __init__(self, failure: RequestFailed, wait_s: float | None) -> None:
        super().__init__()
        self.failure = failure
        self.wait_s = wait_s


class Registry:
    """One registry, its tokens, and how long it wants to be left alone.

    May be used by several threads. `told` is called with a line about each wait;
    `is_stopped` ends a wait.
    """

    def __init__(
        self,
        server: Server,
        *,
        name: str,
        told: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self.server = server
        self.name = name
        self._told = told
        self._stop = stop
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[float, str]] = {}
        self._challenge: Challenge | None = server.challenge
        self._resting_until = 0.0
        self._is_closed: Problem | None = None
        self._silence_told = -math.inf

    def head(self, path: str, reference: str) -> Manifest:
        """Ask which manifest a tag or a digest stands for; nothing is downloaded.

        Docker Hub counts no HEAD as a pull (its documentation, usage and limits).
        """
        try:
            answer = self._answer('HEAD', path, f'manifests/{reference}')
        except RequestFailed as failure:
            if failure.status != 405:
                raise
            return self.get(path, reference)
        digest = answer.headers.get('docker-content-digest', '')
        # What was asked for by its digest is that, whatever the header says.
        if not is_digest(digest) or (':' in reference and digest != reference):
            return self.get(path, reference)
        return Manifest(digest, answer.headers.get('content-type', ''))

    def get(self, path: str, reference: str) -> Manifest:
        """Download a manifest; by its own digest it is what the digest says."""
        answer = self._answer('GET', path, f'manifests/{reference}')
        kind = answer.headers.get('content-type', '')
        is_tag = ':' not in reference
        if not is_tag and not is_of(reference, answer.body):
            message = f'{path}@{reference}: the manifest that comes has another digest'
            raise RequestFailed(Problem('copy-digest', message, self.name))
        digest = digest_of(answer.body) if is_tag else reference
        manifest = Manifest(digest, kind, answer.body)
        if not manifest.parsed:
            # As a page that a proxy or a login puts in its place.
            message = 'answers with something that is not a manifest'
            problem = Problem('copy-no-manifest', message, self.name)
            raise RequestFailed(problem, is_absent=True)
        return manifest

    def config(self, path: str, digest: str) -> dict[str, Any]:
        """Download the config of an image, {} where it is none."""
        try:
            body = self._answer('GET', path, f'blobs/{digest}').body
        except RequestFailed as failure:
            if not failure.is_absent:
                raise
            return {}
        return Manifest(digest, '', body).parsed if is_of(digest, body) else {}

    def close(self) -> None:
        """End the connections that were kept for further requests."""
        if self.server.way.keep_alive is not None:
            self.server.way.keep_alive.close()

    # Requests

    def _answer(self, method: str, path: str, what: str) -> Answer:
        """Ask until it is there; as often as TRIES where it may be there later."""
        attempt = 1
        while True:
            try:
                answer = self._asked(method, path, what)
            except _NoTokenYet as later:
                failure, wait_s = later.failure, later.wait_s
                status = failure.status
            else:
                if answer.status == 200:
                    return answer
                failure, status = self._refusal(answer), answer.status
                if status not in PASSING:
                    raise failure
                wait_s = retry_after(answer)
            if status == LIMITED:
                self._rest(wait_s, attempt)
            elif attempt == TRIES:
                raise failure
            else:
                self._stop.wait(attempt)
            attempt += 1

    def _asked(self, method: str, path: str, what: str) -> Answer:
        """Ask once, and once more with a fresh token where the one in hand is void."""
        for is_fresh in (False, True):
            if self._is_closed is not None:
                raise RequestFailed(self._is_closed)
            self._stop.wait(max(0.0, self._resting_until - time.monotonic()))
            authorization = self._authorization(path, is_fresh=is_fresh)
            answer = self._sent(method, path, what, authorization)
            if answer.status != 401:
                return answer
            # One that is open at /v2/ may ask first here.
            found = challenge_by(self.server.place.url, answer)
            self._challenge = found or self._challenge
            if self._challenge is None:
                return answer
        return answer

    def _sent(self, method: str, path: str, what: str, authorization: str) -> Answer:
        server = self.server
        request = server.way.request(
            f'{server.place}/v2/{path}/{what}',
            method=method,
            accept=', '.join(MANIFESTS),
            authorization=authorization,
            limit_bytes=MANIFEST_LIMIT_BYTES,
        )
        failure = None
        for attempt in range(1, TRIES):
            try:
                answer = server.host.http_get(request)
                if not _is_cut(method, answer):
                    return answer
                failure = ConnectionFailed('closed', 'the answer is incomplete')
            except ConnectionFailed as found:
                failure = found
                if found.reason in LASTING:
                    break
            if failure.reason == 'timeout' and attempt < TRIES - 1:
                self._tell_once(f'{self.name}: {failure.detail}; asking again')
            if self._stop.wait(attempt * 0.5):
                break
        by = by_way_of(request.proxy)
        detail = failure.detail if failure else ''
        message = f'could not be reached ({detail}{by})'
        raise RequestFailed(Problem('copy-unreachable', message, self.name))

    def _tell_once(self, line: str) -> None:
        """Tell of a registry's silence, however many images wait for it."""
        with self._lock:
            since, self._silence_told = self._silence_told, time.monotonic()
        if time.monotonic() - since >= self.server.way.timeout_s:
            self._told(line)

    def _authorization(self, path: str, *, is_fresh: bool) -> str:
        challenge = self._challenge
        if challenge is None:
            return ''
        login = self.server.login
        if challenge.auth == 'basic':
            if login is None or login.is_identity_token:
                return ''
            return basic(login.username, login.secret)
        with self._lock:
            made, text = self._tokens.get(path, (0.0, ''))
            if text and not is_fresh and time.monotonic() - made < _TOKEN_AGE_S:
                return text
        token = self.server.token(challenge, f'repository:{path}:pull')
        if token.problem is not None:
            failure = self._without_token(token.problem, token.status)
            raise _NoTokenYet(failure, token.wait_s) if token.is_passing else failure
        authorization = f'Bearer {token.text}'
        with self._lock:
            self._tokens[path] = (time.monotonic(), authorization)
        return authorization

    # Refusals

    def _rest(self, wanted_s: float | None, attempt: int) -> None:
        """Leave the registry alone for so long, or for good where it is too long."""
        # Some say 0, and limit the next request all the same.
        wait_s = wanted_s or 2.0**attempt
        is_long = wait_s > LONGEST_WAIT_S
        if is_long or attempt == TRIES:
            message = 'limits the rate of requests (429 Too Many Requests)'
            if is_long and wanted_s is not None:
                message += f'; it asks to wait for {shown_time(wanted_s)}'
            elif self.server.login is None:
                message += '; it may allow more to those who log in'
            problem = Problem('copy-limited', message, self.name)
            self._is_closed = problem
            raise RequestFailed(problem)
        with self._lock:
            now = time.monotonic()
            is_news = now >= self._resting_until
            self._resting_until = max(now + wait_s, self._resting_until)
        if is_news:
            self._told(f'{self.name} limits requests (429): waiting {wait_s:.0f} s')
        self._stop.wait(wait_s)

    def _refusal(self, answer: Answer) -> RequestFailed:
        """Say what an answer means; the caller names the image."""
        status = answer.status
        if status == 404:
            problem = Problem('copy-absent', 'has no such image', self.name)
            return RequestFailed(problem, is_absent=True)
        if status in (401, 403):
            message = f'does not allow this login to have it ({status})'
            if self.server.login is None:
                message = f'has no such image, or requires a login ({status})'
            problem = Problem('copy-login', message, self.name)
            return RequestFailed(self._with_login(problem))
        message = f'answers {status} for a manifest'
        problem = Problem('copy-refused', message, self.name)
        return RequestFailed(problem, status=status)

    def _without_token(self, problem: Problem, status: int | None) -> RequestFailed:
        # One that fails would give no token to another login, either.
        is_login = problem.code == 'server-login'
        shown = self._with_login(problem) if is_login else problem.at(self.name)
        return RequestFailed(shown, status=status or 0)

    def _with_login(self, problem: Problem) -> Problem:
        hint = f'docker login {quoted(self.name)}'
        return problem._replace(where=self.name, hint=hint)


def _is_cut(method: str, answer: Answer) -> bool:
    """Whether a manifest came in part alone: it would have another digest."""
    length = answer.headers.get('content-length', '').partition(',')[0]
    size = len(answer.body)
    is_whole = not re.fullmatch('[0-9]{1,9}', length) or int(length) <= size
    return method == 'GET' and not is_whole and size < MANIFEST_LIMIT_BYTES
