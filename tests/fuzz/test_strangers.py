"""Whatever a stranger sends becomes the result of that one question.

The replies are the same each time; REGISTRY_HOST_FUZZ=20000 asks for so many others.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import socket
import sys
import time
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rrset
import pytest
from test_codec import fields

sys.path.insert(0, os.path.dirname(__file__))
from strangers import dripping, flooding, mutated, stranger

from registry_host.commands.doctor import doctor
from registry_host.engine import api as engine
from registry_host.engine.answers import Info
from registry_host.engine.api import Client
from registry_host.engine.route import Route
from registry_host.errors import EngineError
from registry_host.host.host import Host
from registry_host.host.lookups import look_up
from registry_host.host.records import Process
from registry_host.host.wire import ConnectionFailed, Request, get
from registry_host.registry import probe
from registry_host.reporting.output import Paint
from registry_host.reporting.text import text_lines
from registry_host.settings.mirrors import check_mirror

COUNT = int(os.environ.get('REGISTRY_HOST_FUZZ', '0'))
SEED = random.randrange(2**32) if COUNT else 1
SLACK_S = 1.5


def is_plain(text):
    """Nothing that commands a terminal, or turns text around."""
    return all(c.isprintable() or c == '\n' for c in text)


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# HTTP

OK = b'HTTP/1.1 200 OK\r\n'
CHUNKED = OK + b'Transfer-Encoding: chunked\r\n\r\n'
REGISTRY = OK + b'Docker-Distribution-Api-Version: registry/2.0\r\n'
LONG = b'a' * 70


def to(location):
    return b'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n' % location


HTTP = [
    b'', b'\n', b'\r\n\r\n', b'\x00' * 999, b'HTTP/0.9', b'HTTP/9.9 200 OK\r\n\r\n',
    b'HTTP/1.1 OK\r\n\r\n', b'HTTP/1.1 999999 x\r\n\r\n', b'HTTP/1.1 -1 x\r\n\r\n',
    b'ICY 200 OK\r\n\r\n{}', b'SSH-2.0-OpenSSH_9.2\r\n',
    b'\x15\x03\x01\x00\x02\x02\x46',
    to(b'http://127.0.0.1:99999/'), to(b'http://127.0.0.1:abc/'), to(b'http://[::1/'),
    to(b'http://[zz]/'), to(b'http://' + LONG + b'.example/'),
    to(b'http://\xe9.example/'),
    to(b'/\xe9\xff'), to(b'http://h\xc3\xa9/\xc3\xa9'), to(b'//'), to(b'http://'),
    to(b'http:///x'), to(b'https://127.0.0.1:1/'), to(b'file:///etc/passwd'),
    to(b'http://u:p@127.0.0.1:1/'), to(b'\x1b[2J'), to(b'http://127.0.0.1:0/'),
    to(b'http://' + b'a.' * 300 + b'/'), to(b'http://xn--\xff/'), to(b'javascript:1'),
    to(b'http://127.0.0.1:-1/'), to(b'http://a b/'), to(b'http://%00/'),
    to(b'?' * 70000),
    to(b'http://[fe80::1%25eth0]/'), to(b'http://1.1.1.1.1.1/'), to(b'http://..../'),
    CHUNKED + b'-1\r\n{}\r\n0\r\n\r\n',
    CHUNKED + b'ffffffffffffffffffff\r\n{}',
    CHUNKED + b'zz\r\n{}', CHUNKED,
    CHUNKED + b'1;x=\x1b[m\r\n{\r\n1\r\n}\r\n0\r\nX: \x1b\r\n\r\n',
    OK + b'Content-Length: -1\r\n\r\n{}',
    OK + b'Content-Length: 99999999999999999999\r\n\r\n{}',
    OK + b'Content-Length: x\r\n\r\n{}',
    OK + b'Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}',
    OK + b'Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}',
    OK + b': x\r\n\r\n{}',
    OK + b'X\r\n\r\n{}', OK + b' X: y\r\n\r\n{}',
    OK + b'X: ' + b'y' * 70000 + b'\r\n\r\n{}',
    OK + b'X: y\r\n' * 5000 + b'\r\n{}', OK + b'\xff\xfe: \x00\r\n\r\n{}',
    b'HTTP/1.1 100 Continue\r\n\r\n' * 5000 + OK + b'\r\n{}',
    b'HTTP/1.1 101 Switching\r\n\r\n', b'HTTP/1.1 204 No Content\r\n\r\n',
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: \x1b[31m\r\n\r\n',
    REGISTRY + b'\r\n' + b'{' * 70000, b'HTTP/1.1 407 Proxy\r\n\r\n', b'\x80' * 70000,
]  # fmt: skip
VALID = [
    REGISTRY + b'Content-Length: 2\r\n\r\n{}',
    OK + b'Transfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
]


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    """A redirect may name any host: none is looked up on this machine."""
    resolve = socket.getaddrinfo

    def numeric(host, port, family=0, type=0, proto=0, flags=0):
        return resolve(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, 'getaddrinfo', numeric)


def http_replies(count):
    random_ = random.Random(SEED)
    yield from HTTP
    for _ in range(count - len(HTTP)):
        yield mutated(random_, random_.choice(VALID))


class Plain(Host):
    """The host of the tests, without its folders of certificates."""

    def names(self, folder):
        return ()


def test_http(monkeypatch):
    monkeypatch.setattr(probe, 'TIMEOUT_S', 0.3)
    count = COUNT or 400
    outcomes: dict[str, int] = {}
    before = peak_mb()
    with stranger() as server:
        mirror = check_mirror(f'http://127.0.0.1:{server.port}').value
        for reply in http_replies(count):
            server.reply = reply
            began = time.monotonic()
            result = probe.probe_one(Plain(), mirror, Route())
            # Asked once more by TLS, and led on by a redirect.
            assert time.monotonic() - began < 4 * 0.3 + SLACK_S, reply[:200]
            code = result.problem.code if result.problem else 'ok'
            shown = f'{result.problem}{result.problem.hint}' if result.problem else ''
            assert is_plain(shown), reply[:200]
            assert 'bug' not in shown
            outcomes[code] = outcomes.get(code, 0) + 1
    assert peak_mb() - before < 60
    print(f'\n  {count} HTTP answers: {outcomes}', end=' ')


@pytest.mark.parametrize(
    'reply',
    (
        dripping(OK + b'\r\n'),
        dripping(OK, b'X: y\r\n'),
        dripping(b'', b'H'),
        dripping(b'HTTP/1.1 100 Continue\r\n\r\n', b'HTTP/1.1 100 Continue\r\n\r\n'),
        dripping(CHUNKED, b'1\r\nx\r\n'),
        flooding(OK + b'\r\n'),
        flooding(OK, b'X: y\r\n' * 9000),
        flooding(b'', b'\x00' * 65536),
    ),
)
def test_http_that_does_not_end(reply):
    with stranger() as server:
        server.reply = reply
        before, began = peak_mb(), time.monotonic()
        request = Request(url=f'http://127.0.0.1:{server.port}/v2/', timeout_s=0.5)
        size, reason = 0, ''
        try:
            size = len(get(request).body)
        except ConnectionFailed as failure:
            reason = failure.reason
        assert size <= 64 * 1024
        assert reason in ('', 'timeout', 'not-http', 'closed')
        assert time.monotonic() - began < 0.5 + SLACK_S
        assert peak_mb() - before < 30


# DNS


def dns_valid():
    query = dns.message.make_query('registry.lab', 'A')
    wires = []
    for kind, value in (
        ('A', '192.0.2.1'), ('AAAA', '2001:db8::1'), ('CNAME', 'other.lab.'),
        ('TXT', '"\\027[31m"'), ('MX', '1 a.'), ('SOA', 'a. b. 1 2 3 4 5'),
        ('CH A', ''),
    ):  # fmt: skip
        reply = dns.message.make_response(query)
        if value:
            reply.answer.append(
                dns.rrset.from_text('registry.lab.', 60, 'IN', kind, value)
            )
        wires.append(reply.to_wire())
    return wires


def record(kind, class_, data, length=None):
    """One answer record of any type and class, for the name of the question."""
    size = len(data) if length is None else length
    head = kind.to_bytes(2, 'big') + class_.to_bytes(2, 'big') + b'\0\0\0\x3c'
    return b'\xc0\x0c' + head + size.to_bytes(2, 'big') + data


def dns_replies(count):
    """Functions from a query to a reply, which takes over its number and question."""
    random_ = random.Random(SEED)
    valid = dns_valid()

    def replied(make):
        return lambda query: query[:2] + make(query[2:])[:65000]

    def of_record(kind, class_, data, length=None):
        def make(rest):
            question = rest[10 : 10 + 18]
            counts = b'\x81\x80\0\1\0\1\0\0\0\0'
            return counts + question + record(kind, class_, data, length)

        return replied(make)

    for kind in (
        1,
        2,
        5,
        6,
        12,
        15,
        16,
        28,
        33,
        41,
        46,
        47,
        64,
        65,
        99,
        249,
        250,
        255,
        65535,
    ):
        for class_ in (0, 1, 2, 3, 4, 254, 255, 65535):
            for data in (b'', b'\x7f\0\0\1', b'\0' * 16, b'\xff' * 40, b'\xc0\x0c'):
                yield of_record(kind, class_, data)
            yield of_record(kind, class_, b'\1\2\3', 65535)
    for _ in range(count - 19 * 8 * 6):
        wire = random_.choice(valid)
        noise = mutated(random_, wire[2:]) if random_.randrange(10) else wire[2:]
        is_bare = random_.randrange(20) == 0
        yield (
            (lambda query, noise=noise: noise)
            if is_bare
            else replied(lambda rest, noise=noise: noise)
        )


def test_dns():
    count = COUNT or 3000
    outcomes: dict[str, int] = {}
    before = peak_mb()
    with stranger(kind=socket.SOCK_DGRAM) as server:
        for reply in dns_replies(count):
            server.reply = reply
            began = time.monotonic()
            found = look_up(
                'registry.lab', '127.0.0.1', timeout_s=0.05, port=server.port
            )
            # UDP, then TCP; A, then AAAA.
            assert time.monotonic() - began < 4 * 0.05 + SLACK_S
            assert is_plain(found.failure), found
            assert all(map(ip_address, found.addresses)) or not found.addresses
            word = found.failure.partition(' (')[0] or 'addresses'
            outcomes[word] = outcomes.get(word, 0) + 1
    assert peak_mb() - before < 60
    assert outcomes['addresses'] > 20
    print(f'\n  {count} DNS answers: {outcomes}', end=' ')


# The engine

INFO = {
    'ServerVersion': '28.5.2',
    'RegistryConfig': {
        'Mirrors': ['http://registry.lab:5000/'],
        'InsecureRegistryCIDRs': ['::1/128', '127.0.0.0/8'],
        'IndexConfigs': {
            'docker.io': {'Name': 'docker.io', 'Secure': True},
            'r:1': {'Name': 'r:1', 'Secure': False},
        },
    },
    'DriverStatus': [['driver-type', 'io.containerd.snapshotter.v1'], ['a', 'b']],
    'HttpProxy': 'http://xxxxx:xxxxx@p:1',
    'HttpsProxy': '',
    'NoProxy': 'localhost',
    'LiveRestoreEnabled': False,
    'Swarm': {'LocalNodeState': 'inactive'},
    'ContainersRunning': 2,
}
CONTAINERS = [
    {'Names': ['/web'], 'Image': 'registry:2'},
    {'Names': ['/a'], 'Image': 'b'},
]
WRONG = (
    None, True, 0, -1, 1.5, 10**400, 'x', '', '\x1b[31m', '\ud800', '\0', [], {}, [[]],
    [None], [1], {'': None}, {'a': {}}, [['a']], [['a', 'b', 'c']], [{'Names': []}],
)  # fmt: skip
RAW = (
    b'', b'{', b'[' * 100_000, b'{"a":' * 100_000, b'null', b'1e999', b'NaN', b'"x"',
    b'[]',
    b'\xff\xfe{\0}\0', b'\xef\xbb\xbf{}', b'{"ContainersRunning": 1e999}', b'9' * 5000,
    b'{"ServerVersion": "' + b'9' * 5000 + b'"}', b'{"ServerVersion": "-1.2.3"}',
    b'{"ServerVersion": "\\ud800"}', b'{"HttpProxy": "\\u0000"}', b' ' * 3_000_000,
    b'{"RegistryConfig": {"Mirrors": ' + b'["a",' * 900 + b'1' + b']' * 900 + b'}}',
)  # fmt: skip


def engine_replies(count, whole):
    random_ = random.Random(SEED)
    heads = (b'HTTP/1.0 200 OK\r\n\r\n', b'HTTP/1.1 200 OK\r\nX: y\r\n\r\n')
    yield b''
    yield b'HTTP/1.1 500 x\r\n\r\n{"message": "\x1b[31m"}'
    yield b'HTTP/1.1 200 OK'
    for raw in RAW:
        yield heads[0] + raw
    number = len(RAW) + 3
    for path in fields(whole):
        for value in WRONG:
            document = json.loads(json.dumps(whole))
            inner = document
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            number += 1
            yield heads[0] + json.dumps(document).encode()
    for _ in range(count - number):
        yield mutated(random_, random_.choice(heads) + json.dumps(whole).encode())


def test_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, 'API_TIMEOUT_S', 0.5)
    count = COUNT or 700
    outcomes = {'read': 0, 'refused': 0}
    before = peak_mb()
    path = str(tmp_path / 'docker.sock')
    with stranger(family=socket.AF_UNIX, address=path) as server:
        client = Client(Host(), path)
        for whole, ask in ((INFO, client.info), (CONTAINERS, client.running)):
            for reply in engine_replies(count, whole):
                server.reply = reply
                began = time.monotonic()
                found = refused = None
                try:
                    found = ask()
                except (EngineError, OSError) as err:
                    refused = str(err)
                outcomes['read' if refused is None else 'refused'] += 1
                if refused is None:
                    assert_writable(found)
                assert is_plain(refused or '')
                assert time.monotonic() - began < 0.5 + SLACK_S
                assert client.is_answering() in (True, False)
                client.not_found('registry.lab:5000')
    assert peak_mb() - before < 60
    assert min(outcomes.values()) > count // 20
    print(f'\n  2 x {count} engine answers: {outcomes}', end=' ')


def assert_writable(found):
    """What is read goes into a journal, and is read back from it."""
    if isinstance(found, Info):
        texts = [*found.lists.mirrors, *(name for _, name in found.lists.insecure)]
        texts += [*found.proxies.values()]
        assert isinstance(found.running_containers, int)
    else:
        texts = [text for container in found for text in container]
    for text in texts:
        assert b'\0' not in text.encode()


@pytest.mark.parametrize(
    'reply',
    (
        dripping(b'HTTP/1.0 200 OK\r\n\r\n'),
        dripping(b'', b'H'),
        flooding(b'HTTP/1.0 200 OK\r\n\r\n'),
        flooding(b''),
    ),
)
def test_an_engine_that_does_not_end(tmp_path, monkeypatch, reply):
    monkeypatch.setattr(engine, 'API_TIMEOUT_S', 0.5)
    path = str(tmp_path / 'docker.sock')
    with stranger(family=socket.AF_UNIX, address=path) as server:
        server.reply = reply
        client = Client(Host(), path)
        before = peak_mb()
        for ask in (client.info, client.running):
            began = time.monotonic()
            with pytest.raises((EngineError, OSError)):
                ask()
            assert time.monotonic() - began < 0.5 + SLACK_S
        # What follows a whole head are events, for as long as they come.
        with contextlib.suppress(EngineError, OSError), client.reload_events():
            pass
        assert peak_mb() - before < 60


# All of it at once, as the doctor meets it


class Live(Host):
    """A root folder that counts as a host that runs, among strangers."""

    is_live = True
    dns_port = 0

    def connect_unix(self, path, *, timeout_s):
        return super().connect_unix(f'{self.root}{path}', timeout_s=timeout_s)

    def look_up(self, name, nameserver, *, timeout_s):
        return look_up(name, '127.0.0.1', timeout_s=0.2, port=self.dns_port)

    def process(self, pid):
        return Process(pid=pid, argv=('/usr/bin/dockerd', '\x1b[31m'), uid=os.getuid())

    def processes(self, *names):
        return (self.process(os.getpid()),) if 'dockerd' in names else ()

    def executable_of(self, pid):
        return '/usr/bin/dockerd'

    def run(self, argv, *, timeout_s=30.0, uid=None, env=None):
        from registry_host.host.records import Completed

        return Completed(1, '', '\x1b[31m')

    def addresses(self, name):
        return ()


def test_doctor_among_strangers(root, monkeypatch):
    monkeypatch.setattr(engine, 'API_TIMEOUT_S', 0.5)
    monkeypatch.setattr(probe, 'TIMEOUT_S', 0.3)
    count = COUNT // 10 or 60
    random_ = random.Random(SEED)
    (root.path / 'var/run').mkdir(parents=True)
    socket_path = str(root.path / 'var/run/docker.sock')
    dns_all, http_all = list(dns_replies(1200)), list(http_replies(400))
    engine_all = list(engine_replies(700, INFO))
    with (
        stranger() as web,
        stranger(kind=socket.SOCK_DGRAM) as names,
        stranger(family=socket.AF_UNIX, address=socket_path) as dockerd,
    ):
        mirrors = [f'http://127.0.0.1:{web.port}', 'http://registry.lab:5000']
        root.write('/etc/docker/daemon.json', json.dumps({'registry-mirrors': mirrors}))
        root.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
        for _ in range(count):
            web.reply = random_.choice(http_all)
            names.reply = random_.choice(dns_all)
            dockerd.reply = random_.choice(engine_all)
            host = Live(str(root.path))
            host.dns_port = names.port
            began = time.monotonic()
            report = doctor(host)
            assert time.monotonic() - began < 5 + SLACK_S
            assert report.exit_code in (0, 1)
            assert len(report.findings) >= 20
            assert not any('bug' in f.message for f in report.findings), report
            lines = list(text_lines(report, Paint(is_coloured=False)))
            assert len(lines) > 20
    print(f'\n  {count} doctors among strangers', end=' ')


def test_what_crashes_is_a_finding_and_the_others_are_there(root, monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError('http://u:hunter2@p')

    monkeypatch.setattr('registry_host.doctor.observations.decide', broken)
    ended = root.run('doctor')
    assert ended.code == 1
    assert ended.out.startswith(
        'error: observation: looking at the DNS manager failed, by a bug in '
        'registry-host: KeyError at '
    )
    assert 'hunter2' not in ended.out
    assert 'ok: daemon-json: ' in ended.out


def test_one_job_that_crashes_ends_no_other(monkeypatch):
    class Broken(Plain):
        def http_get(self, request):
            if ':1/' in request.url:
                raise KeyError('x')
            raise ConnectionFailed('refused', 'Connection refused')

    mirrors = [check_mirror(f'http://127.0.0.1:{port}').value for port in (1, 2)]
    first, second = probe.probe_mirrors(Broken(), mirrors, Route())
    assert first.problem.code == 'probe-crashed'
    assert first.problem.message.startswith('could not be asked, by a bug in ')
    assert second.problem.code == 'mirror-unreachable'
