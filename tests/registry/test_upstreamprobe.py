"""An upstream is asked as its cache would: which step fails, and who refused."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import replace

import pytest
from services import make_certificates
from webservers import (
    API,
    LOGIN,
    free_port,
    name_server,
    registry,
    tokens,
    web_server,
)

from registry_host.engine.clientlogins import StoredLogin
from registry_host.host.host import Host
from registry_host.host.lookups import look_up
from registry_host.registry.upstreamprobe import ask_upstream

WRONG = StoredLogin('lab', 'hunter2-hunter2')
OPEN = (200, [API], b'{}')
SECRETS = ('hunter2', 'correct-horse', 'secret-token')


class Server(Host):
    """A host that has names in its /etc/hosts, and nameservers on ports of their own.

    `ports` are those of its nameservers, by address.
    """

    def __init__(self, root, hosts=None, ports=None):
        super().__init__(str(root.path))
        self.hosts = hosts or {}
        self.ports = ports or {}
        self.nothing = free_port()

    def addresses(self, name):
        if name in self.hosts:
            return self.hosts[name]
        for server in self.ports:
            found = self.look_up(name, server, timeout_s=1)
            if found.addresses:
                return found.addresses
        return ()

    def look_up(self, name, nameserver, *, timeout_s):
        port = self.ports.get(nameserver, self.nothing)
        found = look_up(name, '127.0.0.1', timeout_s=timeout_s, port=port)
        return found._replace(nameserver=nameserver)

    def http_get(self, request):
        if request.proxy is not None:
            return super().http_get(request)
        for name in self.hosts:
            url = request.url.replace(f'//{name}', '//127.0.0.1', 1)
            request = replace(request, url=url)
        return super().http_get(request)


@pytest.fixture
def server(root):
    return Server(root)


def ask(host, url, environment=None, **options):
    options.setdefault('timeout_s', 2.0)
    findings = ask_upstream(host, url, environment=environment or {}, **options)
    assert not any(secret in repr(findings) for secret in SECRETS)
    return findings


def only(findings, code, severity='error'):
    (finding,) = findings
    assert (finding.check, finding.severity) == (code, severity), finding
    return finding.message


def is_reached(findings):
    return [finding.check for finding in findings] == ['upstream-reached']


# What is there


@pytest.fixture(scope='module')
def hub(tmp_path_factory):
    with registry(tmp_path_factory.mktemp('hub') / 'storage') as endpoint:
        yield endpoint


def test_an_open_registry_is_reached(server, hub):
    url = f'http://{hub}'
    assert only(ask(server, f'{url}/'), 'upstream-reached', 'ok') == (
        f'{url}: answers directly, at {hub}'
    )


def test_our_own_proxy_variables_have_no_say(server, hub, monkeypatch):
    for name in ('HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY'):
        monkeypatch.setenv(name, 'http://127.0.0.1:9')
    server.environ['HTTP_PROXY'] = 'http://127.0.0.1:9'
    assert is_reached(ask(server, f'http://{hub}'))


@pytest.mark.parametrize(
    ('url', 'code'),
    (
        ('https://registry-1.docker.co', 'upstream-misspelt'),
        ('https://hub.docker.com', 'upstream-hub'),
        ('http://me:hunter2@hub.lab', 'upstream-userinfo'),
    ),
)
def test_a_wrong_value_is_told_and_not_asked(server, url, code):
    only(ask(server, url), code)


@pytest.mark.parametrize(
    ('options', 'code'),
    (
        pytest.param({}, 'upstream-login', id='no-login'),
        pytest.param({'credentials': LOGIN}, 'upstream-basic-2.8', id='right-by-2'),
        pytest.param({'credentials': WRONG}, 'upstream-basic-2.8', id='wrong-by-2'),
        pytest.param(
            {'credentials': WRONG, 'major': 3}, 'upstream-login', id='wrong-by-3'
        ),
        pytest.param(
            {'credentials': LOGIN, 'major': 3}, 'upstream-reached', id='right-by-3'
        ),
    ),
)
def test_a_basic_login(server, tmp_path, options, code):
    with registry(tmp_path / 'hub', has_login=True) as endpoint:
        (finding,) = ask(server, f'http://{endpoint}', **options)
    assert finding.check == code


@pytest.mark.parametrize(
    ('credentials', 'code'),
    (
        (LOGIN, 'upstream-reached'),
        (WRONG, 'upstream-login'),
        (None, 'upstream-login'),
    ),
)
def test_a_real_registry_with_a_token_server(server, tmp_path, credentials, code):
    with tokens(tmp_path) as environment:
        with registry(tmp_path / 'hub', environment=environment) as endpoint:
            url = f'http://{endpoint}'
            (finding,) = ask(server, url, credentials=credentials)
    assert finding.check == code


def token_server(body=None, *, is_open=False):
    """A registry and its token server in one, which knows one login."""

    def answer(method, path, headers):
        if path.startswith('/token'):
            is_known = headers.get('authorization', '').startswith('Basic bGFiOmNvcnJl')
            token = json.dumps({'token': 'secret-token'}).encode()
            if not is_known and not is_open:
                return 401, [], b''
            return 200, [], token if body is None else body
        realm = f'http://{headers["host"]}/token'
        challenge = f'Bearer realm="{realm}",service="hub"'
        return 401, [API, ('WWW-Authenticate', challenge)], b'{}'

    return web_server(answer)


def test_a_token_server_takes_the_login(server):
    with token_server() as hub:
        findings = ask(server, f'http://{hub.endpoint}', credentials=LOGIN)
    assert only(findings, 'upstream-reached', 'ok').endswith(', and takes the login')


def test_a_token_server_for_everybody_needs_no_login(server):
    """As that of Docker Hub."""
    with token_server(is_open=True) as hub:
        assert is_reached(ask(server, f'http://{hub.endpoint}'))


def test_a_token_server_does_not_take_the_login(server):
    """Nothing says so but this: the cache starts, and its clients get a 404."""
    with token_server() as hub:
        url = f'http://{hub.endpoint}'
        (finding,) = ask(server, url, credentials=WRONG)
    assert (finding.check, finding.message) == (
        'upstream-login',
        f'{url}: its token server {url} does not take the login (401): clients get 404 '
        '(manifest unknown) for what it does not show to all; that is proxy.username '
        'and proxy.password in its config',
    )


def test_an_upstream_for_some_alone_wants_a_login(server):
    with token_server() as hub:
        message = only(ask(server, f'http://{hub.endpoint}'), 'upstream-login')
    assert 'demands a login, and the registry has none' in message


@pytest.mark.parametrize('body', (b'', b'[1]', b'{"token": 5}', b'{"token": "a\\nb"}'))
def test_a_token_server_that_has_no_token(server, body):
    with token_server(body) as hub:
        findings = ask(server, f'http://{hub.endpoint}', credentials=LOGIN)
    assert only(findings, 'upstream-realm').endswith('answers 200, and with no token')


def test_what_is_no_registry(server):
    page = (200, [('Content-Type', 'text/html')], b'<html></html>')
    with web_server(lambda *_: page) as hub:
        message = only(ask(server, f'http://{hub.endpoint}'), 'upstream-not-registry')
    assert message.endswith('it answers 200 at /v2/, and is a web page')


def test_a_redirect_is_told_with_the_right_value(server, hub):
    moved = (301, [('Location', f'http://{hub}/v2/')], b'')
    with web_server(lambda *_: moved) as other:
        first, second = ask(server, f'http://{other.endpoint}')
    assert (first.check, first.remedy) == (
        'upstream-redirects',
        (f'http://{hub}',),
    )
    assert second.check == 'upstream-reached'


def test_no_login_goes_to_a_token_server_that_is_named_where_a_redirect_leads(server):
    with web_server(lambda *_: (200, [], b'{"token": "x"}')) as thief:
        realm = f'Bearer realm="http://{thief.endpoint}/token"'
        asks = (401, [API, ('WWW-Authenticate', realm)], b'')
        with web_server(lambda *_: asks) as other:
            moved = (301, [('Location', f'http://{other.endpoint}/v2/')], b'')
            with web_server(lambda *_: moved) as hub:
                first, _ = ask(server, f'http://{hub.endpoint}', credentials=LOGIN)
    assert first.check == 'upstream-redirects'
    assert not any('authorization' in headers for *_, headers in thief.asked)


def test_a_limit_of_pulls(server):
    with web_server(lambda *_: (429, [], b'')) as hub:
        first, _ = ask(server, f'http://{hub.endpoint}')
    assert (first.check, first.severity) == ('upstream-limit', 'warning')


# Who refuses


def test_refused_by_the_upstream(root):
    port = free_port()
    with name_server({'hub.lab': '192.0.2.9'}) as names:
        root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\n')

        class Elsewhere(Server):
            def http_get(self, request):
                url = request.url.replace('//hub.lab', '//127.0.0.1')
                return super().http_get(replace(request, url=url))

        host = Elsewhere(root, ports={'10.0.0.1': names})
        findings = ask(host, f'http://hub.lab:{port}')
    assert only(findings, 'upstream-refused') == (
        f'http://hub.lab:{port}: Connection refused by 192.0.2.9:{port} (given by '
        'nameserver 10.0.0.1): names resolve, and that machine or a firewall before it '
        'refuses'
    )


def test_refused_by_this_machine_itself(root):
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\n')
    port = free_port()
    host = Server(root, hosts={'hub.lab': ('127.0.0.1',)}, ports={})
    (finding,) = ask(host, f'http://hub.lab:{port}')
    assert finding.message == (
        f'http://hub.lab:{port}: Connection refused by 127.0.0.1:{port} (given by this '
        'host: /etc/hosts or NSS): that is this machine itself'
    )
    assert finding.remedy == ()


def test_refused_by_the_nameserver(root):
    """The "Connection refused!" of the guide: no upstream was ever asked."""
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\n')
    host = Server(root, ports={'10.0.0.1': free_port()})
    (finding,) = ask(host, 'https://registry-1.docker.io')
    assert finding.check == 'upstream-unresolved'
    assert finding.message == (
        'https://registry-1.docker.io: registry-1.docker.io does not resolve on this '
        'host: nameserver 10.0.0.1 refuses: no DNS server listens there on port 53; '
        'to have it ask one that knows it (NAMESERVER): sudo registry-host configure '
        '--nameserver NAMESERVER; a network with a '
        'proxy wants HTTPS_PROXY in the environment of the registry'
    )
    assert finding.remedy == ('getent ahosts registry-1.docker.io',)


def test_a_name_that_no_nameserver_knows(root):
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\nnameserver 10.0.0.2\n')
    with name_server({}) as first, name_server({}) as second:
        host = Server(root, ports={'10.0.0.1': first, '10.0.0.2': second})
        message = only(ask(host, 'https://hub.lab'), 'upstream-unresolved')
    assert 'nameserver 10.0.0.1: NXDOMAIN; nameserver 10.0.0.2: NXDOMAIN; to' in message


def test_a_nameserver_that_fails_is_told_beside_one_that_works(root, hub):
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\nnameserver 10.0.0.2\n')
    port = hub.rpartition(':')[2]
    with name_server({'localhost': '127.0.0.1'}) as names:
        host = Server(root, ports={'10.0.0.1': free_port(), '10.0.0.2': names})
        slow, reached = ask(host, f'http://localhost:{port}')
    assert (slow.check, slow.severity) == ('upstream-nameserver', 'warning')
    assert 'nameserver 10.0.0.1 refuses' in slow.message
    assert reached.message == (
        f'http://localhost:{port}: answers directly, at 127.0.0.1:{port}, by '
        'nameserver 10.0.0.2'
    )


def test_silence(server):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        endpoint = f'127.0.0.1:{silent.getsockname()[1]}'
        findings = ask(server, f'http://{endpoint}', timeout_s=0.3)
    assert only(findings, 'upstream-silent') == (
        f'http://{endpoint}: no answer within 0.3 s, from {endpoint}, asked directly: '
        'a firewall may drop it; a network with a proxy wants HTTPS_PROXY in the '
        'environment of the registry'
    )


def test_a_proxy_for_plain_http_alone_is_told(server):
    endpoint = f'127.0.0.1:{free_port()}'
    environment = {'HTTP_PROXY': 'http://proxy.lab:3128'}
    findings = ask(server, f'https://{endpoint}', environment)
    assert only(findings, 'upstream-refused').endswith(
        'HTTP_PROXY is set, but an https upstream goes by HTTPS_PROXY, which is not'
    )


# By a proxy


@contextlib.contextmanager
def proxied(answer):
    """Run a proxy; yield it, and an environment that names it by the name given."""
    with web_server(answer) as proxy:
        yield proxy, f'http://me:hunter2@{proxy.endpoint}'


@pytest.mark.parametrize('name', ('HTTP_PROXY', 'http_proxy'))
def test_the_proxy_of_the_unit_is_gone_by(server, name):
    with proxied(lambda *_: OPEN) as (proxy, url):
        findings = ask(server, 'http://hub.lab:5000', {name: url})
    assert only(findings, 'upstream-reached', 'ok') == (
        'http://hub.lab:5000: answers by way of the proxy '
        f'http://xxxxx:xxxxx@{proxy.endpoint}'
    )
    assert [path for _, path, _ in proxy.asked] == ['http://hub.lab:5000/v2/']


def test_a_proxy_without_a_scheme_is_one(server):
    with proxied(lambda *_: OPEN) as (proxy, _):
        environment = {'HTTP_PROXY': proxy.endpoint}
        assert is_reached(ask(server, 'http://hub.lab:5000', environment))


def test_no_proxy_is_gone_by(root, hub):
    port = hub.rpartition(':')[2]
    host = Server(root, hosts={'hub.lab': ('127.0.0.1',)})
    environment = {'HTTP_PROXY': 'http://127.0.0.1:9', 'NO_PROXY': 'x,.lab'}
    assert is_reached(ask(host, f'http://hub.lab:{port}', environment))


@pytest.mark.parametrize('scheme', ('http', 'https'))
def test_refused_by_the_proxy(server, scheme):
    port = free_port()
    environment = {f'{scheme}_proxy': f'http://me:hunter2@127.0.0.1:{port}'}
    (finding,) = ask(server, f'{scheme}://hub.lab', environment)
    proxy = f'http://xxxxx:xxxxx@127.0.0.1:{port}'
    assert (finding.check, finding.message) == (
        'upstream-proxy',
        f'{scheme}://hub.lab: the proxy {proxy}, which the registry asks for it, '
        f'refuses connections: nothing listens at 127.0.0.1:{port} (Connection '
        'refused)',
    )
    assert finding.remedy == ()


@pytest.mark.parametrize('scheme', ('http', 'https'))
@pytest.mark.parametrize(
    ('status', 'shown'),
    (
        (407, 'demands a login, or rejects this one (407)'),
        (503, 'does not let it through (it answers 503'),
    ),
)
def test_a_proxy_that_refuses(server, scheme, status, shown):
    with proxied(lambda *_: (status, [], b'')) as (_, url):
        findings = ask(server, f'{scheme}://hub.lab', {f'{scheme}_proxy': url})
    assert shown in only(findings, 'upstream-proxy')


def test_a_proxy_whose_name_does_not_resolve(root):
    root.write('/etc/resolv.conf', 'nameserver 10.0.0.1\n')
    with name_server({}) as names:
        host = Server(root, ports={'10.0.0.1': names})
        environment = {'HTTPS_PROXY': 'http://proxy.lab:3128'}
        message = only(ask(host, 'https://hub.lab', environment), 'upstream-unresolved')
    assert message.startswith(
        'https://hub.lab: proxy.lab does not resolve on this host: nameserver 10.0.0.1'
    )


def test_a_proxy_that_go_cannot_read_is_not_gone_by(server, hub):
    environment = {'HTTP_PROXY': 'http://me:hunter2%zz@127.0.0.1:9'}
    odd, reached = ask(server, f'http://{hub}', environment)
    assert (odd.check, odd.severity) == ('upstream-proxy', 'warning')
    assert odd.message.endswith(
        'Go silently ignores such a proxy, and connects directly'
    )
    assert reached.check == 'upstream-reached'


def test_a_socks_proxy_is_not_tried(server):
    environment = {'HTTPS_PROXY': 'socks5://127.0.0.1:9'}
    only(ask(server, 'https://hub.lab', environment), 'upstream-proxy', 'skipped')


# TLS


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp('tls')
    return make_certificates(folder, 'localhost', '127.0.0.1')


def test_a_private_ca(server, root, tmp_path, certificates):
    authority, *pair = certificates
    with registry(tmp_path / 'hub', tls=tuple(pair)) as endpoint:
        url = f'https://{endpoint}'
        (finding,) = ask(server, url)
        assert finding.check == 'upstream-untrusted'
        assert "its CA is 'Lab-CA'; a CA counts in" in finding.message
        assert finding.remedy == ('sudo update-ca-certificates',)
        # A registry does not look there: that is the engine's.
        own = f'/etc/docker/certs.d/{endpoint}/ca.crt'
        root.write(own, authority.read_bytes())
        assert not is_reached(ask(server, url))
        root.write('/own.pem', authority.read_bytes())
        assert is_reached(ask(server, url, {'SSL_CERT_FILE': '/own.pem'}))
        root.write('/etc/ssl/certs/ca-certificates.crt', authority.read_bytes())
        assert is_reached(ask(server, url))


def test_the_other_scheme(server, hub, tmp_path, certificates):
    _, *pair = certificates
    (plain,) = ask(server, f'https://{hub}')
    assert (plain.check, plain.remedy) == ('upstream-scheme', (f'http://{hub}',))
    with registry(tmp_path / 'hub', tls=tuple(pair)) as endpoint:
        (tls,) = ask(server, f'http://{endpoint}')
    assert (tls.check, tls.remedy) == ('upstream-scheme', (f'https://{endpoint}',))
