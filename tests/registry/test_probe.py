"""A mirror is asked whether it is a registry, and for an image, in one short time."""

from __future__ import annotations

import time

import pytest

from registry_host.engine.route import Route
from registry_host.host.host import Host
from registry_host.host.wire import Answer, ConnectionFailed
from registry_host.registry.faults import content_findings
from registry_host.registry.probe import DEADLINE_S, probe_mirrors, probe_one
from registry_host.registry.requests import TIMEOUT_S, request_of
from registry_host.settings.images import HELLO
from registry_host.settings.insecure import InsecureList
from registry_host.settings.mirrors import check_mirror, spelled

MIRROR = check_mirror('http://m.lab:5000').value
HEADER = {'docker-distribution-api-version': 'registry/2.0'}


class Cache(Host):
    """A cache that answers for itself, and for an image as its upstream does."""

    def __init__(self, status, took_s=0.0, *, of_blobs=404, header=HEADER):
        super().__init__()
        self.status = status
        self.of_blobs = of_blobs
        self.header = header
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
        is_blob = f'library/hello-world/blobs/sha256:{"0" * 64}' in request.url
        status = self.of_blobs if is_blob else self.status
        return Answer(status=status, headers=self.header, body=b'', url=request.url)


class Resolving(Host):
    """A host that finds the address of m.lab, and notes what it looks up."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def addresses(self, name):
        self.asked.append(name)
        return ('10.1.2.3',)


STORE_26 = {'is_containerd_store': True, 'version': (26, 1, 5)}
STORE_28 = {'is_containerd_store': True, 'version': (28, 5, 2)}


@pytest.mark.parametrize(
    ('mirror', 'listed', 'store', 'asked', 'lookups'),
    (
        ('https://m.lab', ('10.0.0.0/8',), {}, ('https', False), 1),
        ('https://m.lab', ('10.2.0.0/16',), {}, ('https', True), 1),
        ('https://m.lab', ('m.lab', '10.0.0.0/8'), {}, ('https', False), 0),
        ('https://m.lab', ('M.LAB', 'm.lab:443'), {}, ('https', True), 0),
        ('https://10.1.2.3', ('10.0.0.0/8',), {}, ('https', False), 0),
        ('http://m.lab', ('10.0.0.0/8',), {}, ('http', True), 0),
        ('https://m.lab', ('10.0.0.0/8',), STORE_28, ('https', False), 1),
        ('https://m.lab', ('10.0.0.0/8',), STORE_26, ('https', True), 1),
        ('https://m.lab', ('m.lab',), STORE_26, ('https', False), 0),
        ('http://m.lab', ('10.0.0.0/8',), STORE_26, ('http', True), 1),
        ('http://m.lab', ('10.2.0.0/16',), STORE_26, ('https', True), 1),
    ),
)
def test_a_mirror_in_an_insecure_network_is_found_by_its_address(
    mirror, listed, store, asked, lookups
):
    """As pulls of 20.10.24, 26.1.5 and 28.5.2 do, observed with both stores."""
    host = Resolving()
    route = Route(insecure=InsecureList(listed), **store)
    request = request_of(host, check_mirror(mirror).value, route)
    assert (request.url.partition(':')[0], request.is_verified) == asked
    assert len(host.asked) == lookups


def test_a_mirror_is_asked_in_the_letters_that_it_is_listed_in():
    """Its certificates are those of certs.d/M.lab:5443 (observed as above)."""
    host = Resolving()
    host.names = lambda folder: (folder.rpartition('/')[2] + '.crt',)
    request = request_of(host, spelled('https://M.lab:5443'), Route())
    assert request.url == 'https://M.lab:5443/v2/'
    own = '/etc/docker/certs.d/M.lab:5443/M.lab:5443.crt'
    assert own in request.authorities


PLAIN = Route(http_proxy='http://p.lab:1')
TUNNEL = Route(https_proxy='http://p.lab:1')


@pytest.mark.parametrize(
    ('mirror', 'route', 'code'),
    (
        ('http://m.lab:5000', PLAIN, 'proxy-unreachable'),
        ('https://m.lab:5000', TUNNEL, 'mirror-not-registry'),
    ),
)
def test_what_answers_in_a_tunnel_is_not_the_proxy(mirror, route, code):
    class Broken(Host):
        def http_get(self, request):
            return Answer(status=503, headers={}, body=b'', url=request.url)

    probe = probe_one(Broken(), check_mirror(mirror).value, route)
    assert probe.problem.code == code


@pytest.mark.parametrize(
    ('status', 'has_image'), ((200, True), (404, False), (500, None), (429, None))
)
def test_what_a_mirror_says_of_an_image(status, has_image):
    probe = probe_one(Cache(status), MIRROR, Route(), HELLO)
    assert (probe.problem, probe.has_image) == (None, has_image)


@pytest.mark.parametrize(
    ('status', 'of_blobs', 'header', 'is_cut_off'),
    (
        (200, 404, HEADER, False),
        (404, 404, HEADER, False),
        (200, 500, HEADER, True),
        (404, 500, HEADER, True),
        (200, 500, {}, None),
        (200, 401, HEADER, None),
        (429, 500, HEADER, None),
    ),
)
def test_a_cache_without_its_upstream_is_told_by_a_blob_that_none_has(
    status, of_blobs, header, is_cut_off
):
    host = Cache(status, of_blobs=of_blobs, header=header)
    assert probe_one(host, MIRROR, Route(), HELLO).is_cut_off is is_cut_off


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
    first, second, third = cache.timeouts
    assert first == TIMEOUT_S
    assert third <= second < TIMEOUT_S - 0.3
