"""A mirror is asked whether it is a registry, and for an image, in one short time."""

from __future__ import annotations

import time

import pytest

from registry_host.engine.route import Route
from registry_host.host.host import Host
from registry_host.host.wire import Answer, ConnectionFailed
from registry_host.registry.faults import content_findings
from registry_host.registry.probe import DEADLINE_S, TIMEOUT_S, probe_mirrors, probe_one
from registry_host.settings.images import HELLO
from registry_host.settings.mirrors import check_mirror

MIRROR = check_mirror('http://m.lab:5000').value
HEADER = {'docker-distribution-api-version': 'registry/2.0'}


class Cache(Host):
    """A cache that answers for itself, and for an image as its upstream does."""

    def __init__(self, status, took_s=0.0):
        super().__init__()
        self.status = status
        self.took_s = took_s
        self.timeouts = []

    def http_get(self, request):
        self.timeouts.append(request.timeout_s)
        if request.method == 'GET':
            time.sleep(self.took_s)
            return Answer(status=200, headers=HEADER, body=b'{}', url=request.url)
        if self.status is None:
            time.sleep(request.timeout_s)
            raise ConnectionFailed('timeout', 'no answer')
        return Answer(status=self.status, headers={}, body=b'', url=request.url)


@pytest.mark.parametrize(
    ('status', 'has_image'), ((200, True), (404, False), (500, None), (429, None))
)
def test_what_a_mirror_says_of_an_image(status, has_image):
    probe = probe_one(Cache(status), MIRROR, Route(), HELLO)
    assert (probe.problem, probe.has_image) == (None, has_image)


def test_a_cache_that_waits_for_its_upstream_is_a_registry_all_the_same():
    """Both questions together take no longer than one may."""
    started = time.monotonic()
    (probe,) = probe_mirrors(Cache(None, took_s=0.5), (MIRROR,), Route(), HELLO)
    assert time.monotonic() - started < DEADLINE_S
    assert (probe.problem, probe.has_image) == (None, None)
    (finding,) = content_findings((probe,), HELLO)
    assert (finding.severity, finding.message) == (
        'skipped',
        'http://m.lab:5000 does not say in time whether it has '
        'library/hello-world:latest: a cache waits for its upstream',
    )


def test_the_second_question_has_what_is_left_of_the_time():
    cache = Cache(200, took_s=0.3)
    probe_one(cache, MIRROR, Route(), HELLO)
    first, second = cache.timeouts
    assert first == TIMEOUT_S
    assert second < TIMEOUT_S - 0.3
