"""An image copied by an engine, which has the images of before at the end."""

from __future__ import annotations

import json
import socket
from base64 import urlsafe_b64decode
from urllib.parse import unquote

import pytest
from webservers import LOGIN, web_server

from registry_host.engine.clientlogins import StoredLogin
from registry_host.engine.transfers import Transfer, transfer
from registry_host.host.host import Host

DIGEST = f'sha256:{"a" * 64}'
SOURCE = f'hub.lab:5001/team/app@{DIGEST}'
TARGET = 'r.lab:5002/team/app:1'
OTHER = f'sha256:{"b" * 64}'
TOKEN = StoredLogin('<token>', 'hunter2-refresh', is_identity_token=True)


class Engine:
    """What an engine answers: images by name, and steps that may fail."""

    def __init__(self, *, has=(), pull='{"status":"Pulling"}', push='{"status":"x"}'):
        self.images = dict(has)
        self.pull, self.push = pull, push

    def __call__(self, method, path, headers):
        path = unquote(path)
        name = path.removeprefix('/images/')
        if path.startswith('/images/create?'):
            if 'error' not in self.pull:
                self.images[SOURCE] = DIGEST
            return 200, [], self.pull.encode()
        if '/push?tag=' in path:
            return 200, [], self.push.encode()
        if '/tag?' in path:
            self.images[TARGET] = name.partition('/tag?')[0]
            return 201, [], b''
        if method == 'DELETE':
            found = self.images.pop(name, None)
            return (200, [], b'[]') if found else (404, [], b'{"message": "no such"}')
        found = self.images.get(name.removesuffix('/json'))
        if found is None:
            return 404, [], b'{"message": "no such image"}'
        return 200, [], json.dumps({'Id': found, 'RepoTags': []}).encode()


class OnHost(Host):
    """A host whose engine is a web server of the test."""

    def __init__(self, endpoint):
        super().__init__()
        self.endpoint = endpoint

    def connect_engine(self, path, *, timeout_s):
        host, _, port = self.endpoint.partition(':')
        return socket.create_connection((host, int(port)), timeout_s)


def run(engine, *, is_stopped=False, **more):
    """What comes of a transfer, and what the engine was asked after the looks."""
    wanted = Transfer(
        'hub.lab:5001/team/app', DIGEST, 'r.lab:5002/team/app', '1', **more
    )
    assert 'hunter2' not in repr(wanted)
    with web_server(engine) as server:
        host = OnHost(server.endpoint)
        words = transfer(host, '/x.sock', wanted, is_stopped=lambda: is_stopped)
    asked = [(m, unquote(p), h) for m, p, h in server.asked]
    return words, [each for each in asked if each[0] != 'GET']


def verbs(asked):
    return [(method, path) for method, path, _ in asked]


PULL = ('POST', f'/images/create?fromImage=hub.lab:5001/team/app&tag={DIGEST}')
TAG = ('POST', f'/images/{SOURCE}/tag?repo=r.lab:5002/team/app&tag=1')
PUSH = ('POST', '/images/r.lab:5002/team/app/push?tag=1')


def test_it_is_pulled_tagged_pushed_and_removed():
    engine = Engine()
    words, asked = run(engine)
    assert words == ''
    assert verbs(asked) == [
        PULL,
        TAG,
        PUSH,
        ('DELETE', f'/images/{TARGET}'),
        ('DELETE', f'/images/{SOURCE}'),
    ]
    assert engine.images == {}


@pytest.mark.parametrize(
    'has',
    ({SOURCE: DIGEST}, {TARGET: OTHER}, {SOURCE: DIGEST, TARGET: OTHER}),
    ids=('source', 'target', 'both'),
)
def test_names_that_were_there_stay(has):
    engine = Engine(has=has)
    assert run(engine)[0] == ''
    assert engine.images == has


def test_a_pull_that_fails_changes_nothing():
    engine = Engine(pull='{"status":"x"}\r\n{"error":"manifest unknown"}\r\n')
    words, asked = run(engine)
    assert (words, verbs(asked)) == ('manifest unknown', [PULL])


def test_a_push_that_fails_leaves_nothing_behind():
    engine = Engine(push='{"errorDetail":{"message":"denied"},"error":"denied"}')
    words, _ = run(engine)
    assert (words, engine.images) == ('denied', {})


def test_a_stop_after_the_pull_leaves_nothing_behind():
    engine = Engine()
    words, asked = run(engine, is_stopped=True)
    assert (words, engine.images) == ('', {})
    assert verbs(asked) == [PULL, ('DELETE', f'/images/{SOURCE}')]
    engine = Engine(has={SOURCE: DIGEST})
    run(engine, is_stopped=True)
    assert engine.images == {SOURCE: DIGEST}


def test_another_platform():
    _, asked = run(Engine(), platform='linux/arm64')
    assert asked[0][1] == f'{PULL[1]}&platform=linux/arm64'


def test_each_login_goes_to_its_end_alone():
    _, asked = run(Engine(), source_login=LOGIN, target_login=TOKEN)
    pull, tag, push, *removed = (headers for _, _, headers in asked)

    def login_in(headers):
        return json.loads(urlsafe_b64decode(headers['x-registry-auth']))

    assert login_in(pull) == {
        'username': 'lab',
        'password': LOGIN.secret,
        'serveraddress': 'hub.lab:5001',
    }
    assert login_in(push) == {
        'username': '<token>',
        'identitytoken': TOKEN.secret,
        'serveraddress': 'r.lab:5002',
    }
    assert all('x-registry-auth' not in headers for headers in (tag, *removed))


def test_without_a_login_the_header_is_there_and_empty():
    """A push without it is refused (20.10)."""
    _, asked = run(Engine())
    assert urlsafe_b64decode(asked[2][2]['x-registry-auth']) == b'{}'


def test_an_engine_that_is_not_there():
    class Nobody(Host):
        def connect_engine(self, path, *, timeout_s):
            raise FileNotFoundError(2, 'No such file or directory')

    wanted = Transfer('hub.lab/a', DIGEST, 'r.lab/a', '1')
    words = transfer(Nobody(), '/x.sock', wanted, is_stopped=lambda: False)
    assert words == 'No such file or directory'
