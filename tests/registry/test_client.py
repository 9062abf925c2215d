"""A registry is asked for manifests: logins, tokens, patience, and odd answers."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest
from webservers import API, LOGIN, free_port, registry, tokens, web_server

from registry_host.engine.clientlogins import StoredLogin
from registry_host.errors import Problem
from registry_host.host.dialing import basic
from registry_host.host.host import Host
from registry_host.registry.challenges import Challenge
from registry_host.registry.client import (
    MANIFEST_LIMIT_BYTES,
    Registry,
    RequestFailed,
)
from registry_host.registry.entrance import Server
from registry_host.registry.patience import LONGEST_WAIT_S
from registry_host.registry.ways import Way, place_of_url

NAME = 'hub.lab:5001'
KINDS = {
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.oci.image.index.v1+json',
}
OCI = 'application/vnd.oci.image.manifest.v1+json'
BODY = b'{"schemaVersion": 2, "config": {}, "layers": []}'
IDENTITY = StoredLogin('<token>', 'hunter2-refresh', is_identity_token=True)


def digest_of(body, algorithm='sha256'):
    return f'{algorithm}:{hashlib.new(algorithm, body).hexdigest()}'


def manifest(body=BODY, **headers):
    found = {'Content-Type': OCI, 'Docker-Content-Digest': digest_of(body), **headers}
    return 200, [(name, value) for name, value in found.items() if value], body


class Client(Registry):
    """A registry, and what was told of the waits for it."""

    def __init__(self, endpoint, *, login=None, challenge=None, timeout_s=5.0):
        way = Way(timeout_s=timeout_s)
        place = place_of_url(f'http://{endpoint}')
        server = Server(Host(), way, place, challenge, login)
        self.lines = []
        self.stop = threading.Event()
        super().__init__(server, name=NAME, told=self.lines.append, stop=self.stop)

    def refusal(self, path='a/b', reference='1'):
        with pytest.raises(RequestFailed) as failed:
            self.head(path, reference)
        problem = failed.value.problem
        assert not any(s in repr(problem) for s in (LOGIN.secret, 'hunter2'))
        assert failed.value.is_absent == (problem.code == 'copy-absent')
        return problem


def one_after_another(*replies):
    """Give each reply once, and the last one from then on."""
    left = list(replies)

    def answer(method, path, headers):
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def asked(server):
    return [(method, path) for method, path, _ in server.asked]


HEAD, GET = (('HEAD', '/v2/a/b/manifests/1'), ('GET', '/v2/a/b/manifests/1'))


# What is asked, and what it stands for


def test_a_digest_takes_one_request_that_names_all_kinds():
    """As many registries read no more than one header Accept."""
    with web_server(lambda *_: manifest()) as server:
        found = Client(server.endpoint).head('a/b', '1')
    assert found == (digest_of(BODY), OCI, b'')
    assert asked(server) == [HEAD]
    ((_, _, headers),) = server.asked
    assert set(headers['accept'].split(', ')) == KINDS
    assert 'authorization' not in headers


@pytest.mark.parametrize(
    'digest',
    (
        '',
        'sha256:abc',
        'latest',
        'sha256:../../x',
        f'md5:{"0" * 32}',
        'SHA256:' + '0' * 64,
    ),
)
def test_a_registry_that_names_no_digest_is_asked_for_the_manifest(digest):
    reply = manifest(**{'Docker-Content-Digest': digest})
    with web_server(lambda *_: reply) as server:
        found = Client(server.endpoint).head('a/b', '1')
    assert found == (digest_of(BODY), OCI, BODY)
    assert asked(server) == [HEAD, GET]


def test_a_digest_is_asked_for_and_another_one_is_named():
    """It would be copied in place of the one that the name of the image has."""
    other = b'{"schemaVersion": 2, "config": {}, "layers": [], "evil": 1}'
    wanted = digest_of(BODY)
    lie = {'Docker-Content-Digest': digest_of(other)}
    with web_server(lambda *_: manifest(**lie)) as server:
        assert Client(server.endpoint).head('a/b', wanted).digest == wanted
    with web_server(lambda *_: manifest(other)) as server:
        problem = Client(server.endpoint).refusal(reference=wanted)
    message = f'a/b@{wanted}: the manifest that comes has another digest'
    assert problem == Problem('copy-digest', message, NAME)


def test_a_manifest_is_read():
    with web_server(lambda *_: manifest()) as server:
        found = Client(server.endpoint).get('a/b', digest_of(BODY))
    assert found.parsed == json.loads(BODY)


@pytest.mark.parametrize(
    'body',
    (b'', b'\xff\xfe', b'[]', b'"x"', b'null', b'[' * 100_000, b'{"a":', b'1' * 5000),
)
def test_what_is_no_manifest_is_told(body):
    """A page of a proxy has a digest as well, which skopeo would be asked to copy."""
    with web_server(lambda *_: manifest(body)) as server:
        client = Client(server.endpoint)
        for reference in ('1', digest_of(body)):
            with pytest.raises(RequestFailed) as failed:
                client.get('a/b', reference)
            assert failed.value.problem == Problem(
                'copy-no-manifest',
                'answers with something that is not a manifest',
                NAME,
            )


def test_a_manifest_that_another_digest_was_asked_for():
    with web_server(lambda *_: manifest()) as server:
        with pytest.raises(RequestFailed) as failed:
            Client(server.endpoint).get('a/b', f'sha256:{"0" * 64}')
    assert failed.value.problem == Problem(
        'copy-digest',
        f'a/b@sha256:{"0" * 64}: the manifest that comes has another digest',
        NAME,
    )


@pytest.mark.parametrize('size', (64 * 1024 + 1, MANIFEST_LIMIT_BYTES))
def test_manifests_of_any_size_that_registries_take(size):
    body = BODY + b' ' * (size - len(BODY))
    with web_server(lambda *_: manifest(body)) as server:
        found = Client(server.endpoint).get('a/b', '1')
    assert (found.digest, found.parsed) == (digest_of(body), json.loads(BODY))


def test_a_manifest_that_is_cut_off_is_asked_for_again():
    """It would have another digest, and no layers."""
    short = (200, [('Content-Length', '900'), ('Content-Type', OCI)], BODY[:9])
    with web_server(one_after_another(short, manifest())) as server:
        found = Client(server.endpoint).get('a/b', '1')
    assert (found.digest, asked(server)) == (digest_of(BODY), [GET, GET])


# Logins


def test_a_login_goes_in_each_request_where_basic_is_asked_for():
    with web_server(lambda *_: manifest()) as server:
        client = Client(server.endpoint, login=LOGIN, challenge=Challenge('basic'))
        client.head('a/b', '1')
    ((_, _, headers),) = server.asked
    assert headers['authorization'] == basic(*LOGIN[:2])


def test_an_identity_token_is_not_sent_as_a_password():
    """Where basic is asked for: token servers alone take it."""
    with web_server(lambda *_: (401, [API], b'')) as server:
        client = Client(server.endpoint, login=IDENTITY, challenge=Challenge('basic'))
        problem = client.refusal()
    assert problem == Problem(
        'copy-login',
        'does not allow this login to have it (401)',
        NAME,
        f'docker login {NAME}',
    )
    assert all('authorization' not in headers for _, _, headers in server.asked)


def test_no_login_is_sent_to_one_that_asks_for_none():
    with web_server(lambda *_: manifest()) as server:
        Client(server.endpoint, login=LOGIN).head('a/b', '1')
    assert 'authorization' not in server.asked[0][2]


class Bearer:
    """A registry with tokens for one repository each, which lapse when told to."""

    def __init__(self, *, login=LOGIN, grants=lambda path: path):
        self.known = basic(*login[:2]) if login else None
        self.grants = grants
        self.valid = {}
        self.given = []
        self.endpoint = ''

    def __call__(self, method, path, headers):
        url = urlsplit(path)
        if url.path == '/token':
            (scope,) = parse_qs(url.query)['scope']
            if headers.get('authorization') != self.known:
                return 401, [], b''
            kind, repository, actions = scope.split(':')
            assert (kind, actions) == ('repository', 'pull')
            token = f'secret-token-{len(self.given)}'
            self.given.append(repository)
            self.valid[f'Bearer {token}'] = self.grants(repository)
            return 200, [], json.dumps({'token': token}).encode()
        repository = self.valid.get(headers.get('authorization'))
        if repository is None or not path.startswith(f'/v2/{repository}/'):
            return 401, [API, ('WWW-Authenticate', self.header)], b''
        return manifest()

    @property
    def header(self):
        return f'Bearer realm="http://{self.endpoint}/token",service="images"'

    @property
    def challenge(self):
        return Challenge('bearer', f'http://{self.endpoint}/token', 'images')


def bearer(hub, *, has_challenge=True, login=LOGIN):
    """A server with tokens, and a client of it."""
    context = web_server(hub)
    server = context.__enter__()
    hub.endpoint = server.endpoint
    challenge = hub.challenge if has_challenge else None
    return context, server, Client(server.endpoint, login=login, challenge=challenge)


@pytest.fixture
def bearer_of():
    opened = []

    def make(hub, **options):
        context, server, client = bearer(hub, **options)
        opened.append(context)
        return server, client

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def test_one_token_for_each_repository(bearer_of):
    hub = Bearer()
    server, client = bearer_of(hub)
    for path in ('a/b', 'a/b', 'c/d', 'a/b'):
        assert client.head(path, '1').digest == digest_of(BODY)
    assert hub.given == ['a/b', 'c/d']
    statuses = [path for _, path in asked(server)]
    assert len(statuses) == 4 + 2
    # A password is for the token server alone.
    for _, path, headers in server.asked:
        kind = 'Basic' if path.startswith('/token') else 'Bearer'
        assert headers['authorization'].startswith(f'{kind} ')


def test_a_token_without_a_login(bearer_of):
    hub = Bearer(login=None)
    server, client = bearer_of(hub, login=None)
    assert client.head('a/b', '1').digest == digest_of(BODY)
    token, head = server.asked
    assert 'authorization' not in token[2]
    assert head[2]['authorization'] == 'Bearer secret-token-0'


def test_a_token_that_has_expired_is_renewed_once(bearer_of):
    hub = Bearer()
    server, client = bearer_of(hub)
    client.head('a/b', '1')
    hub.valid.clear()
    client.head('a/b', '1')
    assert hub.given == ['a/b'] * 2
    methods = [method for method, _ in asked(server)]
    assert methods == ['GET', 'HEAD', 'HEAD', 'GET', 'HEAD']


def test_a_token_for_something_else_is_not_asked_for_for_ever(bearer_of):
    hub = Bearer(grants=lambda path: 'other')
    _, client = bearer_of(hub)
    assert client.refusal() == Problem(
        'copy-login',
        'does not allow this login to have it (401)',
        NAME,
        f'docker login {NAME}',
    )
    assert hub.given == ['a/b'] * 2


def test_one_that_is_open_at_its_root_may_ask_first_for_a_manifest(bearer_of):
    hub = Bearer()
    server, client = bearer_of(hub, has_challenge=False)
    assert client.head('a/b', '1').digest == digest_of(BODY)
    assert [method for method, _ in asked(server)] == ['HEAD', 'GET', 'HEAD']


def test_a_login_that_the_token_server_does_not_take(bearer_of):
    _, client = bearer_of(Bearer(), login=StoredLogin('lab', 'hunter2-hunter2'))
    problem = client.refusal()
    assert (problem.code, problem.where) == ('server-login', NAME)
    assert 'does not take this login (401)' in problem.message
    assert problem.hint == f'docker login {NAME}'


def test_a_token_server_that_goes_on_failing_is_no_matter_of_a_login():
    with web_server(lambda *_: (500, [], b'')) as server:
        challenge = Challenge('bearer', f'http://{server.endpoint}/token', 'images')
        client = Client(server.endpoint, login=LOGIN, challenge=challenge)
        client.stop.set()
        problem = client.refusal()
    assert [path.partition('?')[0] for _, path, _ in server.asked] == ['/token'] * 4
    assert problem == Problem(
        'server-realm',
        f'its token server http://{server.endpoint} answers 500, and with no token',
        NAME,
    )


class Odd(Bearer):
    """Its token server begins with other answers."""

    def __init__(self, *replies):
        super().__init__()
        self.replies = list(replies)

    def __call__(self, method, path, headers):
        if path.startswith('/token') and self.replies:
            reply = self.replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply
        return super().__call__(method, path, headers)


@pytest.mark.parametrize(
    'reply',
    ((500, [], b''), (503, [], b'x'), (502, [], b''), ConnectionResetError()),
    ids=('500', '503', '502', 'cut'),
)
def test_a_token_server_that_fails_once_is_asked_again(bearer_of, reply):
    server, client = bearer_of(Odd(reply))
    assert client.head('a/b', '1').digest == digest_of(BODY)
    assert [method for method, _ in asked(server)] == ['GET', 'GET', 'HEAD']


def test_a_token_server_is_left_alone_for_as_long_as_it_asks(bearer_of):
    _, client = bearer_of(Odd((429, [('Retry-After', '1')], b'')))
    begun = time.monotonic()
    assert client.head('a/b', '1').digest == digest_of(BODY)
    assert 0.9 <= time.monotonic() - begun < 4
    assert client.lines == [f'{NAME} limits requests (429): waiting 1 s']


def test_a_token_server_that_asks_for_too_long_a_wait_ends_it_for_all(bearer_of):
    server, client = bearer_of(Odd(*[(429, [('Retry-After', '9000')], b'')] * 9))
    expected = Problem(
        'copy-limited',
        'limits the rate of requests (429 Too Many Requests); it asks to wait for 2 h',
        NAME,
    )
    assert [client.refusal() for _ in range(3)] == [expected] * 3
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ('login', 'status', 'message'),
    (
        (None, 401, 'has no such image, or requires a login (401)'),
        (None, 403, 'has no such image, or requires a login (403)'),
        (LOGIN, 403, 'does not allow this login to have it (403)'),
    ),
)
def test_who_may_not_have_it(login, status, message):
    with web_server(lambda *_: (status, [], b'')) as server:
        problem = Client(server.endpoint, login=login).refusal()
    assert problem == Problem('copy-login', message, NAME, f'docker login {NAME}')


# Real registries


def test_a_real_registry_with_basic(tmp_path):
    with registry(tmp_path / 'hub', has_login=True) as endpoint:
        client = Client(endpoint, login=LOGIN, challenge=Challenge('basic'))
        assert client.refusal() == Problem('copy-absent', 'has no such image', NAME)
        wrong = StoredLogin('lab', 'hunter2-hunter2')
        client = Client(endpoint, login=wrong, challenge=Challenge('basic'))
        assert client.refusal().message == 'does not allow this login to have it (401)'


def test_a_real_registry_with_tokens(tmp_path):
    with tokens(tmp_path) as environment:
        with registry(tmp_path / 'hub', environment=environment) as endpoint:
            client = Client(endpoint, login=LOGIN)
            assert client.refusal().code == 'copy-absent'
            assert Client(endpoint).refusal().message == (
                f'its token server http://{realm_of(environment)} demands a login (401)'
            )


def realm_of(environment):
    return urlsplit(environment['REGISTRY_AUTH_TOKEN_REALM']).netloc


# Limits


def limited(seconds=None):
    headers = [('Retry-After', seconds)] if seconds is not None else []
    return 429, headers, b'{}'


@pytest.mark.parametrize('is_date', (False, True), ids=('seconds', 'date'))
def test_a_registry_is_left_alone_for_as_long_as_it_asks(is_date):
    wait = formatdate(time.time() + 2, usegmt=True) if is_date else '1'
    with web_server(one_after_another(limited(wait), manifest())) as server:
        client = Client(server.endpoint)
        begun = time.monotonic()
        assert client.head('a/b', '1').digest == digest_of(BODY)
    assert 0.9 <= time.monotonic() - begun < 4
    assert asked(server) == [HEAD, HEAD]
    (line,) = client.lines
    assert line in {
        f'{NAME} limits requests (429): waiting {n} s'
        for n in ((1, 2) if is_date else (1,))
    }


@pytest.mark.parametrize('text', (None, '0'))
def test_without_a_time_it_waits_for_some_seconds(text):
    with web_server(one_after_another(limited(text), manifest())) as server:
        client = Client(server.endpoint)
        begun = time.monotonic()
        client.head('a/b', '1')
    assert 1.9 <= time.monotonic() - begun < 4
    assert client.lines == [f'{NAME} limits requests (429): waiting 2 s']


def test_a_wait_that_is_too_long_ends_it_for_all_images():
    seconds = f'{LONGEST_WAIT_S + 18000:.0f}'
    with web_server(lambda *_: limited(seconds)) as server:
        client = Client(server.endpoint)
        begun = time.monotonic()
        problem = client.refusal()
        assert problem == Problem(
            'copy-limited',
            'limits the rate of requests (429 Too Many Requests); it asks to wait '
            'for 5 h',
            NAME,
        )
        assert client.refusal('c/d') == problem
    assert time.monotonic() - begun < 1
    assert asked(server) == [HEAD]
    assert client.lines == []


def test_a_registry_that_limits_again_and_again():
    with web_server(lambda *_: limited('0')) as server:
        client = Client(server.endpoint)
        client.stop.set()  # So that no wait is kept.
        assert client.refusal().message == (
            'limits the rate of requests (429 Too Many Requests); it may allow more to '
            'those who log in'
        )
        client.refusal('c/d')
    assert asked(server) == [HEAD] * 4


def test_who_has_no_login_is_told_that_one_may_help():
    with web_server(lambda *_: limited()) as server:
        client = Client(server.endpoint)
        client.stop.set()  # So that no wait is kept.
        problem = client.refusal()
        other = Client(server.endpoint, login=LOGIN, challenge=Challenge('basic'))
        other.stop.set()
        told = other.refusal()
    message = 'limits the rate of requests (429 Too Many Requests)'
    assert problem.message == f'{message}; it may allow more to those who log in'
    assert told.message == message


def test_many_at_once_wait_together_and_it_is_told_once():
    count = 8
    replies = [limited('2')] * count + [manifest()]
    barrier = threading.Barrier(count)
    lock = threading.Lock()
    give = one_after_another(*replies)

    def answer(*request):
        with lock:
            return give(*request)

    with web_server(answer) as server:
        client = Client(server.endpoint)

        def ask():
            barrier.wait()
            client.head('a/b', '1')

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(server.asked) == 2 * count
    assert client.lines == [f'{NAME} limits requests (429): waiting 2 s']


def test_a_stop_ends_a_wait():
    with web_server(lambda *_: limited('60')) as server:
        client = Client(server.endpoint)
        threading.Timer(0.3, client.stop.set).start()
        begun = time.monotonic()
        client.refusal()
    assert time.monotonic() - begun < 5


# Failures


@pytest.mark.parametrize('status', (500, 502, 503, 504))
def test_a_registry_that_fails_once_is_asked_again(status):
    with web_server(one_after_another((status, [], b'x'), manifest())) as server:
        assert Client(server.endpoint).head('a/b', '1').digest == digest_of(BODY)
    assert asked(server) == [HEAD, HEAD]


def test_a_registry_that_goes_on_failing():
    with web_server(lambda *_: (503, [], b'\x1b[2J')) as server:
        client = Client(server.endpoint)
        client.stop.set()
        problem = client.refusal()
    assert problem == Problem('copy-refused', 'answers 503 for a manifest', NAME)
    assert asked(server) == [HEAD] * 4


@pytest.mark.parametrize('status', (400, 418, 501))
def test_an_answer_that_means_nothing_here(status):
    with web_server(lambda *_: (status, [], b'')) as server:
        problem = Client(server.endpoint).refusal()
    assert problem == Problem('copy-refused', f'answers {status} for a manifest', NAME)
    assert len(server.asked) == 1


def test_a_registry_without_head_is_asked_by_get():
    def answer(method, *_):
        return (405, [], b'') if method == 'HEAD' else manifest()

    with web_server(answer) as server:
        found = Client(server.endpoint).head('a/b', '1')
    assert found == (digest_of(BODY), OCI, BODY)
    assert asked(server) == [HEAD, GET]


@pytest.mark.parametrize('algorithm', ('sha256', 'sha384', 'sha512'))
def test_digests_of_other_algorithms(algorithm):
    digest = digest_of(BODY, algorithm)
    with web_server(lambda *_: manifest()) as server:
        client = Client(server.endpoint)
        assert client.get('a/b', digest).digest == digest
        with pytest.raises(RequestFailed, match='has another digest'):
            client.get('a/b', digest[:-2] + '00')


def test_a_connection_that_is_cut_is_made_again():
    cuts = [ConnectionResetError()] * 2

    def answer(*request):
        if cuts:
            raise cuts.pop()
        return manifest()

    with web_server(answer) as server:
        assert Client(server.endpoint).head('a/b', '1').digest == digest_of(BODY)
    assert asked(server) == [HEAD] * 3


def test_silence_is_told_once_and_asked_into_again():
    hold = threading.Event()

    def answer(*request):
        if len(server.asked) <= 4:
            hold.wait(20)
        return manifest()

    with web_server(answer) as server:
        client = Client(server.endpoint, timeout_s=1.0)
        threads = [
            threading.Thread(target=client.head, args=('a/b', '1')) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        hold.set()
    assert len(server.asked) == 8
    assert client.lines == [f'{NAME}: no answer within 1 s; asking again']


def test_nothing_listens():
    client = Client(f'127.0.0.1:{free_port()}')
    client.stop.set()
    assert client.refusal() == Problem(
        'copy-unreachable', 'could not be reached (Connection refused)', NAME
    )


@pytest.mark.parametrize('method', ('head', 'get'))
def test_a_login_is_not_sent_where_a_redirect_leads(method):
    with web_server(lambda *_: manifest()) as other:
        location = ('Location', f'http://{other.endpoint}/elsewhere')
        with web_server(lambda *_: (307, [location], b'')) as server:
            client = Client(server.endpoint, login=LOGIN, challenge=Challenge('basic'))
            assert getattr(client, method)('a/b', '1').digest == digest_of(BODY)
    assert 'authorization' in server.asked[0][2]
    ((verb, path, headers),) = other.asked
    assert (verb, path) == (method.upper(), '/elsewhere')
    assert 'authorization' not in headers


@pytest.mark.parametrize('challenge', (None, Challenge('basic')))
def test_no_login_goes_to_a_token_server_that_is_named_where_a_redirect_leads(
    challenge,
):
    with web_server(lambda *_: (200, [], b'{"token": "x"}')) as thief:
        realm = f'Bearer realm="http://{thief.endpoint}/token"'
        asks = (401, [('WWW-Authenticate', realm)], b'')
        with web_server(lambda *_: asks) as other:
            location = ('Location', f'http://{other.endpoint}/elsewhere')
            with web_server(lambda *_: (307, [location], b'')) as server:
                client = Client(server.endpoint, login=LOGIN, challenge=challenge)
                assert client.refusal().code == 'copy-login'
    assert thief.asked == []


def test_a_redirect_within_the_registry_keeps_the_login():
    def answer(method, path, headers):
        if path.endswith('/1'):
            return 301, [('Location', '/v2/a/b/manifests/2')], b''
        return manifest()

    with web_server(answer) as server:
        client = Client(server.endpoint, login=LOGIN, challenge=Challenge('basic'))
        client.head('a/b', '1')
    assert [headers['authorization'] for _, _, headers in server.asked] == [
        basic(*LOGIN[:2])
    ] * 2
