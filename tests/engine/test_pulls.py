"""What an engine's answer says of pulls, with what is known besides."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from registry_host.engine.find import EngineFacts
from registry_host.engine.pulls import Pull, probe_image, pull, verdict
from registry_host.host.host import Host
from registry_host.settings.images import HELLO

OK, ABSENT, LIMITED = Pull('ok'), Pull('absent'), Pull('limited')
LATE, FAILED = Pull('late'), Pull('failed')


@pytest.mark.parametrize(
    ('before', 'after', 'is_served', 'expected'),
    (
        pytest.param(None, OK, False, 'ok', id='it-can'),
        pytest.param(FAILED, OK, False, 'ok', id='it-can-now'),
        pytest.param(OK, FAILED, False, 'failed', id='it-could'),
        pytest.param(OK, ABSENT, False, 'failed', id='it-could-and-finds-none'),
        pytest.param(OK, LATE, False, 'failed', id='it-could-and-waits-for-ever'),
        pytest.param(OK, LIMITED, False, 'skipped', id='rate-limit'),
        pytest.param(None, LIMITED, True, 'skipped', id='rate-limit-with-a-mirror'),
        pytest.param(None, FAILED, True, 'failed', id='a-mirror-has-it'),
        pytest.param(FAILED, FAILED, True, 'failed', id='a-mirror-has-it-all-the-same'),
        pytest.param(FAILED, FAILED, False, 'warning', id='it-never-could'),
        pytest.param(None, FAILED, False, 'warning', id='not-asked-before'),
        pytest.param(None, ABSENT, False, 'skipped', id='no-such-image'),
        pytest.param(ABSENT, ABSENT, True, 'skipped', id='404-says-little'),
        pytest.param(LATE, LATE, False, 'skipped', id='too-slow-to-tell'),
    ),
)
def test_verdict(before, after, is_served, expected):
    found = verdict(before, after, is_served=is_served, is_any_answering=False)
    assert found == expected


@pytest.mark.parametrize('after', (ABSENT, FAILED, LATE))
def test_an_engine_that_does_not_ask_all_endpoints_proves_nothing(after):
    assert verdict(OK, after, is_served=False, is_any_answering=True) == 'skipped'


class Sockets(Host):
    """Systemd would start the engine for whoever asks at its socket."""

    asked = 0

    def connect_unix(self, path, *, timeout_s):
        self.asked += 1
        raise ConnectionRefusedError


@pytest.mark.parametrize(('state', 'asked'), (('stopped', 0), ('running', 1)))
def test_an_engine_that_does_not_run_is_not_asked_for_its_images(state, asked):
    host = Sockets()
    assert str(probe_image(host, EngineFacts(state))) == 'library/hello-world:latest'
    assert host.asked == asked


class Socket(Host):
    """An engine that has one answer for each request, and keeps what it was asked."""

    def __init__(self, **answers):
        super().__init__()
        self.answers = answers
        self.asked = []

    def connect_unix(self, path, *, timeout_s):
        here, there = socket.socketpair()
        threading.Thread(target=self.answer, args=(there,), daemon=True).start()
        return here

    def answer(self, connection):
        with connection:
            method, target, _ = connection.recv(65536).decode().split(' ', 2)
            self.asked.append(f'{method} {target}')
            kind = (
                method
                if method != 'POST'
                else target.partition('?')[0].rpartition('/')[2]
            )
            found = self.answers[kind]
            status, body = found.pop(0) if len(found) > 1 else found[0]
            text = body if isinstance(body, str) else json.dumps(body)
            connection.sendall(f'HTTP/1.0 {status} x\r\n\r\n{text}'.encode())


NONE = (404, {'message': 'No such image'})
OLD = (200, {'Id': 'sha256:old', 'RepoDigests': ['hello-world@sha256:a']})
NEW = (200, {'Id': 'sha256:new', 'RepoDigests': ['hello-world@sha256:b']})
DONE = (200, '{"status":"Pull complete"}\n{"status":"Status: Downloaded"}\n')
GONE = (200, [{'Untagged': 'x'}])
IN_USE = (409, {'message': 'conflict: it is used by a container'})
REMOVED = 'DELETE /images/library/hello-world:latest'


@pytest.mark.parametrize(
    ('before', 'after', 'removal', 'detail', 'changes'),
    (
        pytest.param(
            NONE, NEW, GONE, 'sha256:new; removed again', [REMOVED], id='it-had-none'
        ),
        pytest.param(OLD, OLD, GONE, 'sha256:old', [], id='it-has-it'),
        pytest.param(
            OLD,
            NEW,
            GONE,
            'sha256:new; removed again',
            [
                'POST /images/sha256:old/tag?repo=library/hello-world&tag=latest',
                'DELETE /images/hello-world@sha256:b',
            ],
            id='an-older-one',
        ),
        pytest.param(
            NONE,
            NEW,
            IN_USE,
            'sha256:new; it could not be removed again: engine: conflict: it is used '
            'by a container',
            [REMOVED],
            id='in-use-by-now',
        ),
    ),
)
def test_a_pull_leaves_the_images_that_were_there(
    before, after, removal, detail, changes
):
    host = Socket(GET=[before, after], create=[DONE], tag=[(201, '')], DELETE=[removal])
    assert pull(host, EngineFacts('running'), HELLO, timeout_s=5.0) == Pull(
        'ok', detail
    )
    assert [asked for asked in host.asked if 'GET' not in asked][1:] == changes


@pytest.mark.parametrize(
    ('answer', 'kind', 'words'),
    (
        pytest.param(
            (404, {'message': 'manifest for x:1 not found: manifest unknown'}),
            'absent',
            'manifest for x:1 not found: manifest unknown',
            id='graphdriver',
        ),
        pytest.param(
            (404, {'message': 'failed to resolve reference "x": x: not found'}),
            'absent',
            'failed to resolve reference "x": x: not found',
            id='containerd-store',
        ),
        pytest.param(
            (500, {'message': 'dial tcp: lookup x: server misbehaving'}),
            'failed',
            'dial tcp: lookup x: server misbehaving',
            id='no-name',
        ),
        pytest.param(
            (200, '{"status":"Pulling"}\n{"error":"unexpected EOF"}\n'),
            'failed',
            'unexpected EOF',
            id='on-the-way',
        ),
        pytest.param(
            (500, {'message': 'toomanyrequests: You have reached your limit'}),
            'limited',
            'toomanyrequests: You have reached your limit',
            id='rate-limit',
        ),
        pytest.param((500, ''), 'failed', 'no reason given', id='silent'),
    ),
)
def test_why_an_engine_could_not_pull(answer, kind, words):
    host = Socket(GET=[NONE], create=[answer])
    engine = EngineFacts('running')
    assert pull(host, engine, HELLO, timeout_s=5.0) == Pull(kind, words)
    assert len(host.asked) == 2
