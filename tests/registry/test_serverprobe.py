"""A URL is looked at: real registries, and what is none."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest
from services import make_certificates
from strangers import stranger
from webservers import (
    API,
    LOGIN,
    READ_ONLY,
    free_port,
    registry,
    tokens,
    web_server,
)

from registry_host.engine.clientlogins import StoredLogin
from registry_host.engine.route import Route
from registry_host.engine.trust import Trust
from registry_host.host.host import Host
from registry_host.host.records import Lookup
from registry_host.host.wire import ConnectionFailed
from registry_host.registry.serverprobe import inspect

TIMEOUT_S = 2.0
NOT_KNOWN = 'whether it is a cache or takes pushes is not known: '

WRONG = StoredLogin('lab', 'hunter2-hunter2')


def look(url, root=None, **options):
    host = Host(str(root.path)) if root else Host()
    options.setdefault('timeout_s', TIMEOUT_S)
    return inspect(host, url, **options)


def codes(seen):
    return [finding.check for finding in seen.findings]


def only(seen, code):
    """Return the message of the one finding there is."""
    assert codes(seen) == [code], seen.findings
    return seen.findings[0].message


def files(folder):
    return sorted(str(path) for path in folder.rglob('*'))


# Real registries, and their roles


@pytest.fixture(scope='module')
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp('hub') / 'storage'
    with registry(folder) as endpoint:
        yield endpoint, folder


def test_a_healthy_registry_gives_no_finding(hub):
    seen = look(f'http://{hub[0]}')
    assert (seen.is_registry, seen.auth, seen.expires, seen.role) == (
        True,
        'none',
        None,
        None,
    )
    assert seen.findings == ()


@pytest.mark.parametrize('form', ('{}', 'http://{}/', 'http://{}/v2/', ' http://{} '))
def test_spellings_of_the_same_url(hub, form):
    """Without a scheme it is asked as an engine does: by TLS, and then without."""
    seen = look(form.format(hub[0]))
    assert (seen.url, seen.is_registry, seen.findings) == (
        f'http://{hub[0]}',
        True,
        (),
    )


def test_a_push_instance_is_told_and_nothing_stays_behind(hub):
    endpoint, folder = hub
    before = files(folder)
    seen = look(f'http://{endpoint}', has_roles=True)
    assert (seen.role, seen.findings) == ('push', ())
    assert files(folder) == before


def test_a_cache_is_told_and_nothing_stays_behind(hub, tmp_path):
    folder = tmp_path / 'cache'
    with registry(folder, upstream=f'http://{hub[0]}') as endpoint:
        before = files(folder), files(hub[1])
        seen = look(f'http://{endpoint}', has_roles=True)
        assert (seen.role, seen.findings) == ('cache', ())
        assert (files(folder), files(hub[1])) == before


def test_a_cache_without_its_upstream_is_told(tmp_path):
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(contextlib.ExitStack())
        hub = upstream.enter_context(registry(tmp_path / 'hub'))
        cache = registry(tmp_path / 'cache', upstream=f'http://{hub}')
        endpoint = stack.enter_context(cache)
        upstream.close()
        assert look(f'http://{endpoint}', has_roles=True).role == 'cache'


def test_a_read_only_instance_is_told(tmp_path):
    folder = tmp_path / 'push'
    with registry(folder, environment=READ_ONLY) as endpoint:
        seen = look(f'http://{endpoint}', has_roles=True)
        assert (seen.role, seen.findings) == ('read-only', ())
        assert files(folder) == []


def test_without_a_login_the_role_is_not_known(tmp_path):
    with registry(tmp_path / 'push', has_login=True) as endpoint:
        seen = look(f'http://{endpoint}', has_roles=True)
    assert (seen.is_registry, seen.auth, seen.role) == (True, 'basic', None)
    login, role = seen.findings
    assert (login.check, login.severity) == ('server-login', 'info')
    assert (role.check, role.severity) == ('server-role', 'skipped')
    assert role.message == f'http://{endpoint}: {NOT_KNOWN}it asks for a login'


def test_with_a_login_the_role_is_known(tmp_path):
    folder = tmp_path / 'push'
    with registry(folder, has_login=True) as endpoint:
        seen = look(f'http://{endpoint}', has_roles=True, credentials=LOGIN)
        assert (seen.role, codes(seen)) == ('push', ['server-login'])
        assert files(folder) == []


def test_a_login_that_is_not_taken_is_told_and_not_shown(tmp_path):
    with registry(tmp_path / 'push', has_login=True) as endpoint:
        seen = look(f'http://{endpoint}', has_roles=True, credentials=WRONG)
    assert seen.role is None
    assert [f.severity for f in seen.findings] == ['info', 'error', 'skipped']
    assert seen.findings[1].message == (
        f'http://{endpoint}: does not take this login (401)'
    )
    assert 'hunter2' not in repr(seen)


def test_an_identity_token_goes_to_token_servers_alone(tmp_path):
    """As docker has it: at a registry that asks for a password it sends nothing."""
    token = StoredLogin('lab', 'hunter2-hunter2', is_identity_token=True)
    challenge = ('WWW-Authenticate', 'Basic realm="x"')
    with web_server(page(401, [API, challenge], b'{}')) as server:
        url = f'http://{server.endpoint}'
        seen = look(url, has_roles=True, credentials=token)
    assert [finding.message for finding in seen.findings[1:]] == [
        f'{url}: takes passwords alone (basic), and the login for it is an identity '
        'token',
        f'{url}: {NOT_KNOWN}it takes no identity token',
    ]
    assert seen.findings[1].remedy == (f'docker login {server.endpoint}',)
    assert not any('authorization' in headers for *_, headers in server.asked)
    assert not any(server.bodies)


def test_debians_broken_htpasswd_is_told(tmp_path):
    """auth.htpasswd.path is a folder there (docker-registry 2.8.2+ds1-1)."""
    with registry(tmp_path / 'push', htpasswd=tmp_path) as endpoint:
        seen = look(f'http://{endpoint}', credentials=LOGIN)
    assert seen.findings[1].message == (
        f'http://{endpoint}: fails at any login (400): its auth.htpasswd.path may be '
        'a folder'
    )


def test_the_debug_port_is_no_place_for_images(tmp_path):
    debug = f'127.0.0.1:{free_port()}'
    with registry(tmp_path / 'push', environment={'REGISTRY_HTTP_DEBUG_ADDR': debug}):
        message = only(look(f'http://{debug}'), 'server-not-registry')
    assert message == (
        f'http://{debug}: is the debug port of a registry, and not where it serves '
        'images: that is http.addr in its config'
    )


def test_a_registry_below_a_path(tmp_path):
    prefix = {'REGISTRY_HTTP_PREFIX': '/images/'}
    with registry(tmp_path / 'push', environment=prefix) as endpoint:
        seen = look(f'http://{endpoint}/images/')
        assert only(seen, 'server-path') == (
            f'http://{endpoint}: is a registry below /images alone, and no image can '
            'be named by a path: it needs a port or a name of its own'
        )
        assert codes(look(f'http://{endpoint}')) == ['server-not-registry']
    assert seen.is_registry is False


# TLS


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    """Make CA, certificate and key, by what is odd about them."""
    made = {}
    for name, options in {
        'good': {},
        'expired': {'days': -1},
        'no-names': {'has_names': False},
        'other-name': {'name': 'elsewhere.lab', 'address': '192.0.2.1'},
    }.items():
        folder = tmp_path_factory.mktemp(name)
        values = {'name': 'localhost', 'address': '127.0.0.1', **options}
        made[name] = make_certificates(folder, **values)
    return made


@contextlib.contextmanager
def tls_registry(tmp_path, certificates, kind):
    authority, *pair = certificates[kind]
    with registry(tmp_path / 'tls', tls=tuple(pair)) as endpoint:
        yield endpoint, authority


def trusted(root, endpoint, authority):
    root.write(f'/etc/docker/certs.d/{endpoint}/ca.crt', authority.read_bytes())


def test_a_ca_in_certs_d_is_trusted(tmp_path, certificates, root):
    with tls_registry(tmp_path, certificates, 'good') as (endpoint, authority):
        trusted(root, endpoint, authority)
        seen = look(f'https://{endpoint}', root, has_roles=True)
    assert (seen.is_registry, seen.role, seen.findings) == (True, 'push', ())
    left = seen.expires - datetime.now(timezone.utc)
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_a_ca_of_the_engines_environment_is_trusted(tmp_path, certificates, root):
    with tls_registry(tmp_path, certificates, 'good') as (endpoint, authority):
        root.write('/own.pem', authority.read_bytes())
        file = str(root.path / 'own.pem')
        root.path.joinpath(file.lstrip('/')).parent.mkdir(parents=True, exist_ok=True)
        route = Route(trust=Trust(files=(file,), folders=()))
        seen = look(f'https://{endpoint}', route=route)
    assert (seen.is_registry, seen.findings) == (True, ())


def test_a_ca_that_is_not_trusted_is_named(tmp_path, certificates, root):
    with tls_registry(tmp_path, certificates, 'good') as (endpoint, _):
        seen = look(
            f'https://{endpoint}',
            root,
            has_roles=True,
            credentials=WRONG,
        )
    assert (seen.is_registry, seen.role) == (True, None)
    first, role = seen.findings
    assert (first.check, first.severity) == ('server-untrusted', 'error')
    assert first.message.startswith(
        f'https://{endpoint}: its certificate is not trusted here ('
    )
    folder = f'/etc/docker/certs.d/{endpoint}'
    assert first.message.endswith(
        f"): its CA is 'Lab-CA'; a CA counts at {folder}/ca.crt"
    )
    assert first.remedy == (f'sudo mkdir -p {folder}',)
    assert role.message.endswith('its certificate is not trusted')


def test_a_certificate_that_has_expired(tmp_path, certificates, root):
    with tls_registry(tmp_path, certificates, 'expired') as (endpoint, authority):
        trusted(root, endpoint, authority)
        seen = look(f'https://{endpoint}', root)
    message = only(seen, 'server-expired')
    assert message.startswith(f'https://{endpoint}: its certificate expired at ')
    assert f'{seen.expires:%Y-%m-%d}' in message


@pytest.mark.parametrize(
    ('kind', 'shown'),
    (
        pytest.param(
            'other-name',
            'its certificate is for elsewhere.lab, 192.0.2.1, and not for 127.0.0.1',
            id='of-another-host',
        ),
        pytest.param(
            'no-names',
            "its certificate names 'localhost' as its subject alone: Go programs want "
            'it as a subjectAltName',
            id='subject-alone',
        ),
    ),
)
def test_a_certificate_of_another_name(tmp_path, certificates, root, kind, shown):
    with tls_registry(tmp_path, certificates, kind) as (endpoint, authority):
        trusted(root, endpoint, authority)
        seen = look(f'https://{endpoint}', root)
    assert only(seen, 'server-name-mismatch') == (
        f'https://{endpoint}: {shown}; it needs subjectAltName=IP:127.0.0.1'
    )


def test_the_other_scheme_is_told(hub, tmp_path, certificates, root):
    seen = look(f'https://{hub[0]}')
    assert only(seen, 'server-not-tls').endswith(
        'speaks plain HTTP where TLS was asked'
    )
    assert seen.findings[0].remedy == (f'http://{hub[0]}',)
    assert (seen.url, seen.is_registry) == (f'http://{hub[0]}', True)
    with tls_registry(tmp_path, certificates, 'good') as (endpoint, authority):
        trusted(root, endpoint, authority)
        seen = look(f'http://{endpoint}', root)
        assert only(seen, 'server-needs-tls').endswith(
            'speaks TLS where plain HTTP was asked'
        )
        assert (seen.url, seen.is_registry) == (f'https://{endpoint}', True)
        assert look(endpoint, root).findings == ()


# What is no registry


def page(status=200, headers=(), body=b'', kind='text/html'):
    return lambda *_: (status, [('Content-Type', kind), *headers], body)


FORM = b'<html><form><input type="password"></form></html>'


@pytest.mark.parametrize(
    ('answer', 'code', 'message'),
    (
        pytest.param(
            page(body=b'<html>hello</html>'),
            'server-not-registry',
            'is not a registry: it answers 200 at /v2/, and is a web page',
            id='page',
        ),
        pytest.param(
            page(body=FORM),
            'server-not-registry',
            'is not a registry: it answers 200 at /v2/, and is a login page',
            id='login-page',
        ),
        pytest.param(
            page(404, [('Server', 'Nexus/3.61')]),
            'server-not-registry',
            'is not a registry: it answers 404 at /v2/, and is a Nexus, which needs a '
            'port or a sub-domain of its own for each repository of images',
            id='nexus-needs-a-port',
        ),
        pytest.param(
            page(
                404, [('Api-Version', '1.45')], b'{"message":"x"}', 'application/json'
            ),
            'server-not-registry',
            'is not a registry: it answers 404 at /v2/, and is the API of a Docker '
            'engine',
            id='engine',
        ),
        pytest.param(
            page(404, kind='text/plain'),
            'server-not-registry',
            'is not a registry: it answers 404 at /v2/',
            id='not-found',
        ),
        pytest.param(
            page(502),
            'server-error',
            'answers 502: what is in front of the registry is there, and the registry '
            'behind it is not',
            id='bad-gateway',
        ),
        pytest.param(
            page(500),
            'server-error',
            'answers 500: it fails, and its log says why',
            id='it-fails',
        ),
        pytest.param(
            page(401, [('WWW-Authenticate', 'Basic realm="x"')]),
            'server-login',
            'asks for a login (basic) before it tells whether it is a registry',
            id='login-in-front',
        ),
    ),
)
def test_what_it_is_instead(answer, code, message):
    with web_server(answer) as server:
        seen = look(f'http://{server.endpoint}', has_roles=True)
    assert only(seen, code) == f'http://{server.endpoint}: {message}'
    assert (seen.is_registry, seen.role) == (False, None)
    assert {method for method, *_ in server.asked} == {'GET'}


def test_a_redirect_to_a_login_page():
    def answer(method, path, headers):
        if path == '/v2/':
            return 302, [('Location', '/sign-in?next=/v2/')], b''
        return 200, [('Content-Type', 'text/html')], b'<html>who?</html>'

    with web_server(answer) as server:
        message = only(look(f'http://{server.endpoint}'), 'server-not-registry')
    assert message.endswith('it answers 200 at /v2/, and is a login page')


def test_a_redirect_to_a_registry_is_told_with_the_right_url(hub):
    place = f'http://{hub[0]}'
    answer = page(301, [('Location', f'{place}/v2/')])
    with web_server(answer) as server:
        seen = look(f'http://{server.endpoint}', has_roles=True)
    assert (seen.is_registry, seen.role) == (True, None)
    redirect, role = seen.findings
    assert redirect.message == (
        f'http://{server.endpoint}: redirects to {place}, and a push ends there'
    )
    assert redirect.remedy == (place,)
    assert role.message.endswith('it answers 301 to a push')


@pytest.mark.parametrize(
    ('status', 'body'),
    (
        pytest.param(405, b'<html>405 Not Allowed</html>', id='of-a-web-server'),
        pytest.param(405, b'{"errors":[{"code":"DENIED"}]}', id='another-code'),
        pytest.param(201, b'', id='takes-anything'),
        pytest.param(403, b'', id='forbidden'),
        pytest.param(405, b'[[1]]', id='odd-json'),
    ),
)
def test_what_a_push_does_not_tell(status, body):
    def answer(method, path, headers):
        return (status if method == 'PUT' else 200), [API], body or b'{}'

    with web_server(answer) as server:
        seen = look(f'http://{server.endpoint}', has_roles=True)
    assert seen.role is None
    assert str(status) in only(seen, 'server-role')
    assert [method for method, *_ in server.asked] == ['GET', 'PUT']


def test_the_words_of_a_read_only_registry_are_not_enough():
    """Any program with Go's router says them; the registry names its API too."""

    def answer(method, path, headers):
        if method == 'PUT':
            return 405, [], b'Method not allowed\n'
        return 200, [API], b'{}'

    with web_server(answer) as server:
        seen = look(f'http://{server.endpoint}', has_roles=True)
    assert only(seen, 'server-role').endswith('it answers 405 to a push')


@pytest.mark.parametrize(
    'location',
    (
        'http://[::1',
        'http://x:99999/',
        'http://a\x1b[2J/',
        'javascript://x',
        '://',
        '/v2',
    ),
)
def test_an_odd_redirect_is_told_without_its_words(location):
    with web_server(page(302, [('Location', location)])) as server:
        seen = look(f'http://{server.endpoint}', timeout_s=0.5)
    assert seen.is_registry is False
    assert seen.findings
    assert not any('\x1b' in finding.message for finding in seen.findings)


def test_nothing_listens():
    endpoint = f'127.0.0.1:{free_port()}'
    message = only(look(f'http://{endpoint}'), 'server-refused')
    assert message == (f'http://{endpoint}: nothing listens there (Connection refused)')


def test_silence():
    with socket.create_server(('127.0.0.1', 0)) as server:
        endpoint = f'127.0.0.1:{server.getsockname()[1]}'
        seen = look(f'http://{endpoint}', timeout_s=0.3)
    assert only(seen, 'server-silent') == (
        f'http://{endpoint}: is silent (no answer within 0.3 s): a firewall drops it, '
        'or it hangs'
    )


@pytest.mark.parametrize('form', ('http://{}', 'https://{}', '{}'))
def test_the_port_of_another_service(form):
    with stranger() as other:
        other.reply = b'SSH-2.0-OpenSSH_9.2p1 \x1b[31m\r\n'
        endpoint = f'127.0.0.1:{other.port}'
        message = only(look(form.format(endpoint)), 'server-not-http')
    assert message.endswith('is the port of another service (it speaks SSH)')


class Nameless(Host):
    """A host that does not find a name."""

    def http_get(self, request):
        raise ConnectionFailed('resolve', 'Name or service not known')


class Refusing(Host):
    """A host that finds a name, at an address where nothing listens."""

    def addresses(self, name):
        return ('192.0.2.7',)

    def look_up(self, name, nameserver, *, timeout_s):
        return Lookup(name=name, nameserver=nameserver, addresses=('192.0.2.7',))

    def http_get(self, request):
        raise ConnectionFailed('refused', 'Connection refused')


def test_a_refusal_says_where_the_name_leads_to(root):
    """Then no look-up by hand tells more."""
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\n')
    (finding,) = inspect(Refusing(str(root.path)), 'http://r.lab:5000').findings
    assert (finding.message, finding.remedy) == (
        'http://r.lab:5000: nothing listens at 192.0.2.7:5000, given by nameserver '
        '10.0.0.1 (Connection refused)',
        (),
    )


def test_a_name_that_is_not_found():
    seen = inspect(Nameless(), 'https://nowhere.lab:5000')
    message = only(seen, 'server-unresolved')
    assert message == (
        'https://nowhere.lab:5000: nowhere.lab does not resolve (Name or service not '
        'known)'
    )
    assert seen.findings[0].remedy == ('getent ahosts nowhere.lab',)


@pytest.mark.parametrize(
    ('url', 'code'),
    (
        ('ftp://r.lab', 'server-scheme'),
        ('https://me:hunter2@r.lab', 'server-userinfo'),
        ('https://r.lab:99999', 'server-port'),
        ('https://', 'server-host'),
        ('https://r.lab\x1b[2J', 'server-character'),
        ('https://r lab', 'server-character'),
        ('', 'server-host'),
    ),
)
def test_what_is_no_url_is_not_asked(url, code):
    seen = look(url)
    assert codes(seen) == [code]
    assert 'hunter2' not in repr(seen)


# Tokens


def bearer(realm, service='images'):
    challenge = f'Bearer realm="{realm}",service="{service}"'
    return 401, [API, ('WWW-Authenticate', challenge)], b'{}'


@contextlib.contextmanager
def token_registry(realm=None, *, push=400, is_open=False):
    """A registry with a token server that knows one login and one token."""

    def answer(method, path, headers):
        own = realm or f'http://{server.endpoint}/token?x=1'
        if path.startswith('/token'):
            is_known = headers.get('authorization', '').startswith('Basic bGFiOmNvcnJl')
            body = json.dumps({'token': 'secret-token'}).encode()
            return (200, [], body) if is_known or is_open else (401, [], b'')
        if headers.get('authorization') != 'Bearer secret-token':
            return bearer(own)
        unknown = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'
        return (push, [API], unknown) if method == 'PUT' else (200, [API], b'{}')

    with web_server(answer) as server:
        yield server


def test_a_real_registry_with_a_token_server(tmp_path):
    folder = tmp_path / 'push'
    with tokens(tmp_path) as environment:
        with registry(folder, environment=environment) as endpoint:
            url = f'http://{endpoint}'
            seen = look(url, has_roles=True, credentials=LOGIN)
            assert (seen.auth, seen.role, codes(seen)) == (
                'bearer',
                'push',
                ['server-login'],
            )
            assert files(folder) == []
            stranger_seen = look(url, has_roles=True)
            assert (stranger_seen.is_registry, stranger_seen.role) == (True, None)
            refused = look(url, has_roles=True, credentials=WRONG)
            assert [f.severity for f in refused.findings] == [
                'info',
                'error',
                'skipped',
            ]
    assert 'hunter2' not in repr(refused)


def test_tokens_are_asked_for_a_push():
    with token_registry() as server:
        seen = look(f'http://{server.endpoint}', has_roles=True, credentials=LOGIN)
    assert (seen.auth, seen.role, codes(seen)) == ('bearer', 'push', ['server-login'])
    assert f'tokens come from http://{server.endpoint}' in seen.findings[0].message
    scopes = [path for _, path, _ in server.asked if path.startswith('/token')]
    asked = r'/token\?x=1&service=images&scope=repository%3A[\w%-]+%3Apull%2Cpush'
    assert re.fullmatch(asked, scopes[0])
    assert 'secret' not in repr(seen)


def test_an_identity_token_is_good_for_a_push():
    token = StoredLogin('<token>', 'hunter2-hunter2', is_identity_token=True)

    def answer(method, path, headers):
        if path == '/token':
            body = b'{"access_token": "secret-token"}'
            return (200, [], body) if method == 'POST' else (401, [], b'')
        if headers.get('authorization') != 'Bearer secret-token':
            return bearer(f'http://{server.endpoint}/token')
        unknown = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'
        return (400, [API], unknown) if method == 'PUT' else (200, [API], b'{}')

    with web_server(answer) as server:
        seen = look(f'http://{server.endpoint}', has_roles=True, credentials=token)
    assert (seen.auth, seen.role, codes(seen)) == ('bearer', 'push', ['server-login'])
    asked = [
        (method, path, parse_qs(body.decode()))
        for (method, path, _), body in zip(server.asked, server.bodies, strict=True)
        if b'hunter2' in body
    ]
    assert [(method, path) for method, path, _ in asked] == [('POST', '/token')] * 2
    assert [form['refresh_token'] for *_, form in asked] == [['hunter2-hunter2']] * 2
    (scope,) = asked[0][2]['scope']
    assert re.fullmatch(r'repository:[\w/-]+:pull,push', scope)
    assert 'scope' not in asked[1][2]
    assert 'hunter2' not in repr(server.asked) + repr(seen)


def test_without_a_login_no_token_is_asked_for_a_push():
    with token_registry() as server:
        seen = look(f'http://{server.endpoint}', has_roles=True)
    assert (seen.role, codes(seen)) == (None, ['server-login', 'server-role'])
    assert not any('push' in path for _, path, _ in server.asked)
    assert {method for method, *_ in server.asked} == {'GET'}
    assert not any('authorization' in headers for *_, headers in server.asked)


def test_a_token_server_for_everybody_is_well():
    with token_registry(is_open=True) as server:
        seen = look(f'http://{server.endpoint}')
    assert [(f.check, f.severity) for f in seen.findings] == [('server-login', 'info')]


def test_a_token_server_that_does_not_take_the_login():
    with token_registry() as server:
        seen = look(f'http://{server.endpoint}', credentials=WRONG)
    assert codes(seen) == ['server-login', 'server-login']
    assert seen.findings[1].message == (
        f'http://{server.endpoint}: its token server http://{server.endpoint} does not '
        'take this login (401)'
    )
    assert 'hunter2' not in repr(seen)


@pytest.mark.parametrize(
    ('realm', 'message'),
    (
        pytest.param(
            'http://127.0.0.1:1/token',
            'its token server http://127.0.0.1:1 cannot be reached (Connection '
            'refused)',
            id='refused',
        ),
        pytest.param(
            'null://nexus/v2/token',
            "names 'null://nexus/v2/token' as its token server, which is not a URL "
            '(auth.token.realm in its config)',
            id='nexus-without-base-url',
        ),
    ),
)
def test_a_realm_that_nobody_reaches(realm, message):
    with token_registry(realm) as server:
        seen = look(f'http://{server.endpoint}', credentials=LOGIN)
    assert seen.findings[1].message == f'http://{server.endpoint}: {message}'
    assert seen.findings[1].check == 'server-realm'


def test_a_realm_by_plain_http_gets_no_password(certificates, root):
    authority, *pair = certificates['good']
    with token_registry() as there:
        realm = f'http://{there.endpoint}/token'
        with web_server(lambda *_: bearer(realm), tls=tuple(pair)) as server:
            trusted(root, server.endpoint, authority)
            seen = look(f'https://{server.endpoint}', root, credentials=LOGIN)
    assert seen.findings[1].message == (
        f'https://{server.endpoint}: names a token server by plain HTTP '
        f'(http://{there.endpoint}): passwords go there (auth.token.realm in its '
        'config)'
    )
    assert there.asked == []


def test_a_push_that_alone_asks_for_a_login():
    """As nginx does it with limit_except: pulls are open."""

    def answer(method, path, headers):
        if method == 'GET':
            return 200, [API], b'{}'
        if 'authorization' not in headers:
            return 401, [('WWW-Authenticate', 'Basic realm="x"')], b''
        return 400, [API], b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'

    with web_server(answer) as server:
        url = f'http://{server.endpoint}'
        assert only(look(url, has_roles=True), 'server-role').endswith(
            'it asks for a login (401)'
        )
        assert look(url, has_roles=True, credentials=LOGIN).role == 'push'


def test_a_login_is_not_sent_where_a_redirect_leads():
    with web_server(page(200, [API], b'{}')) as other:
        away = f'http://{other.endpoint}/v2/'

        def answer(method, path, headers):
            if 'authorization' in headers:
                return 302, [('Location', away)], b''
            return 401, [API, ('WWW-Authenticate', 'Basic realm="x"')], b'{}'

        with web_server(answer) as server:
            look(f'http://{server.endpoint}', credentials=LOGIN)
    assert [headers.get('authorization') for *_, headers in other.asked] == [None]


def test_no_login_goes_to_a_token_server_that_is_named_where_a_redirect_leads():
    with web_server(page(200, [], b'{"token": "x"}')) as thief:
        realm = ('WWW-Authenticate', f'Bearer realm="http://{thief.endpoint}/token"')
        with web_server(page(401, [API, realm], b'{}')) as other:
            away = ('Location', f'http://{other.endpoint}/v2/')
            with web_server(page(302, [away], b'')) as server:
                url = f'http://{server.endpoint}'
                seen = look(url, has_roles=True, credentials=LOGIN)
    assert seen.auth == 'bearer'
    assert not any('authorization' in headers for *_, headers in thief.asked)
