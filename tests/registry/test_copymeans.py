"""What carries the images: skopeo where it is, else the engine, else nothing."""

from __future__ import annotations

import json
import socket

import pytest
from shelves import client_of
from webservers import web_server

from registry_host.engine.find import EngineFacts
from registry_host.errors import Finding, Problem
from registry_host.host.host import Host
from registry_host.host.records import Completed
from registry_host.registry.copyends import Ends
from registry_host.registry.copying import Decision
from registry_host.registry.copymeans import ByEngine, BySkopeo, find_means
from registry_host.registry.landing import Landing
from registry_host.settings.references import Reference

DIGEST = f'sha256:{"a" * 64}'
HUB, HERE = 'hub.lab:5001', 'r.lab:5002'
INSTALL = 'sudo apt-get install skopeo'
ABSENT = 'skopeo is not installed'


class Means(Host):
    """A host with a skopeo, or none, and with an engine at an endpoint, or none."""

    def __init__(self, skopeo=None, engine=None):
        super().__init__()
        self.skopeo, self.engine = skopeo, engine
        self.done = Completed(code=0, out='', err='')

    def find_program(self, name):
        return f'/usr/bin/{name}' if self.skopeo else None

    def run(self, argv, **how):
        return Completed(code=0, out=f'skopeo version {self.skopeo}', err='')

    def follow(self, argv_of, **how):
        how['seen']('', 5)
        return self.done

    def connect_engine(self, path, *, timeout_s):
        if self.engine is None:
            raise ConnectionRefusedError(111, 'Connection refused')
        host, _, port = self.engine.partition(':')
        return socket.create_connection((host, int(port)), timeout_s)


def ends(state='running'):
    return Ends(
        EngineFacts(state=state),
        client_of('127.0.0.1:1', HERE),
        {HUB: client_of('127.0.0.1:1', HUB)},
    )


def decision(tag='1'):
    source = Reference(HUB, 'team/app', tag, '' if tag else DIGEST)
    target = Reference(HERE, 'team/app', tag, '' if tag else DIGEST)
    return Decision(Landing(source, target), 'copied', DIGEST)


def copied(means, **how):
    return means.copy(
        decision(**how), seen=lambda line, sent: None, is_stopped=lambda: False
    )


def engine(method, path, headers):
    """An engine of amd64 that pulls nothing."""
    if path == '/version':
        return 200, [], json.dumps({'Os': 'linux', 'Arch': 'amd64'}).encode()
    if path.startswith('/images/create'):
        said = 'Get "https://me:hunter2@hub.lab:5001/v2/": EOF'
        return 500, [], json.dumps({'message': said}).encode()
    return 404, [], b'{"message": "no such image"}'


@pytest.mark.parametrize('state', ('running', 'stopped', 'absent'))
def test_skopeo_needs_no_engine(state):
    means = find_means(Means('1.9.3'), ends(state), 'linux/arm64')
    assert isinstance(means, BySkopeo)
    assert (means.platform, means.findings()) == ('', ())


@pytest.mark.parametrize(
    ('skopeo', 'lack'),
    (
        (None, ABSENT),
        ('1.2.2', 'skopeo 1.2.2 is older than 1.9, and cannot keep digests'),
        ('rubbish', '/usr/bin/skopeo does not run, or does not print its version'),
    ),
)
def test_nothing_that_copies(skopeo, lack):
    message = f'{lack}, and no engine runs that could copy instead'
    expected = Problem('copy-means', message, 'image copy', INSTALL)
    assert find_means(Means(skopeo), ends('stopped'), '') == expected
    problem = find_means(Means(skopeo), ends(), '')
    message = f'{lack}, and the engine cannot be asked (Connection refused)'
    assert problem == Problem('copy-means', message, 'image copy', INSTALL)


@pytest.mark.parametrize(
    ('asked', 'platform'), (('', 'linux/amd64'), ('linux/arm64', 'linux/arm64'))
)
def test_the_engine_copies_one_platform(asked, platform):
    with web_server(engine) as server:
        means = find_means(Means(engine=server.endpoint), ends(), asked)
    assert isinstance(means, ByEngine)
    assert means.platform == platform
    message = f'{ABSENT}: images are copied by the engine, for {platform} alone, and '
    message += 'most get another digest'
    assert means.findings() == (
        Finding('copy-by-engine', 'warning', message, remedy=(INSTALL,)),
    )


def test_what_skopeo_says_becomes_a_problem():
    host = Means('1.9.3')
    means = find_means(host, ends(), '')
    assert copied(means) is None
    host.done = Completed(code=1, out='', err='level=fatal msg="unauthorized: x"')
    problem = copied(means)
    assert (problem.code, problem.where) == ('copy-login', HUB)
    host.done = Completed(code=None, out='', err='it was stopped')
    message = 'skopeo did not finish (it was stopped)'
    assert copied(means) == Problem('copy-failed', message, f'{HUB}/team/app:1')


def test_what_the_engine_says_is_shown_without_secrets():
    with web_server(engine) as server:
        means = find_means(Means(engine=server.endpoint), ends(), '')
        problem = copied(means)
    assert problem == Problem(
        'copy-failed',
        'the engine could not copy it (Get '
        '"https://xxxxx:xxxxx@hub.lab:5001/v2/": EOF)',
        f'{HUB}/team/app:1',
    )


def test_an_engine_pushes_nothing_without_a_tag():
    with web_server(engine) as server:
        means = find_means(Means(engine=server.endpoint), ends(), '')
        problem = copied(means, tag='')
    message = 'without a tag, the engine cannot push it; skopeo can'
    assert problem == Problem(
        'copy-untagged', message, f'{HUB}/team/app@{DIGEST}', INSTALL
    )
    assert [path for _, path, _ in server.asked] == ['/version']
