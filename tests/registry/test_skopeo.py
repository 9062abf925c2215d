"""skopeo as it is run: found, its words and environment, a real copy, what it says."""

from __future__ import annotations

import json
import os
import threading
import time
from base64 import b64decode
from pathlib import Path

import pytest
from multiplatform import PLATFORMS, Layout
from shelves import client_of, upload
from webservers import LOGIN, registry

from registry_host.engine.clientlogins import StoredLogin
from registry_host.engine.route import Route
from registry_host.engine.trust import FILES, FOLDERS, Trust
from registry_host.host.host import Host
from registry_host.host.records import Completed
from registry_host.registry import skopeo
from registry_host.registry.challenges import Challenge
from registry_host.registry.contents import contents_of
from registry_host.registry.entrance import Server
from registry_host.registry.skopeo import (
    IDLE_S,
    Job,
    Skopeo,
    Step,
    complaint_of,
    find_skopeo,
    step_of,
)
from registry_host.registry.ways import Way, place_of_url
from registry_host.settings.noproxy import NoProxy
from registry_host.settings.proxies import check_no_proxy
from registry_host.settings.references import Reference

DIGEST = f'sha256:{"a" * 64}'
POLICY = '/etc/containers/policy.json'
TOKEN = StoredLogin('<token>', 'hunter2-refresh', is_identity_token=True)


class Recording(Host):
    """A host that runs nothing, and keeps what would be run."""

    def __init__(self, *, files=(), environ=None, version='skopeo version 1.9.3\n'):
        super().__init__(environ=environ or {})
        self.files = files
        self.version = version

    def exists(self, path):
        return path in self.files

    def find_program(self, name):
        return f'/usr/bin/{name}' if self.version is not None else None

    def run(self, argv, **how):
        code = 0 if self.version else 1
        assert argv == ['/usr/bin/skopeo', '--version']
        return Completed(code=code, out=self.version, err='')

    def follow(self, argv_of, **how):
        self.argv = argv_of('/proc/self/fd/9')
        self.how = how
        return Completed(code=0, out='', err='')


# Versions


@pytest.mark.parametrize(
    ('said', 'version', 'is_usable'),
    (
        ('skopeo version 1.9.3\n', (1, 9, 3), True),
        ('skopeo version 1.9\n', (1, 9, 0), True),
        ('skopeo version 1.18.0 commit: abc\n', (1, 18, 0), True),
        ('skopeo version 1.23.0-dev\n', (1, 23, 0), True),
        ('skopeo version 2.0.0\n', (2, 0, 0), True),
        ('skopeo version 1.2.2\n', (1, 2, 2), False),
        ('skopeo version 0.1.41\n', (0, 1, 41), False),
    ),
)
def test_versions(said, version, is_usable):
    found = find_skopeo(Recording(version=said))
    assert found == Skopeo('/usr/bin/skopeo', version)
    assert found.is_usable is is_usable


def test_no_skopeo():
    assert find_skopeo(Recording(version=None)) is None


@pytest.mark.parametrize('said', ('', 'skopeo\n', 'version x.y'))
def test_one_that_does_not_tell_its_version(said):
    found = find_skopeo(Recording(version=said))
    assert found == Skopeo('/usr/bin/skopeo', ())
    assert found.is_usable is False


def test_the_skopeo_of_this_machine():
    found = find_skopeo(Host())
    assert found.is_usable


# What it is run with


def job(
    *, source=None, target=None, logins=(None, None), verified=(True, True), **more
):
    source = source or Reference('hub.lab:5001', 'team/app', '1')
    target = target or Reference('r.lab:5002', 'mirror/team/app', '1')
    route = more.pop('route', Route())
    ends = (
        Server(
            Host(),
            Way(route, is_verified=is_verified),
            place_of_url(f'https://{end.domain}'),
            None,
            login,
        )
        for end, login, is_verified in zip(
            (source, target), logins, verified, strict=True
        )
    )
    return Job(source, DIGEST, target, *ends, more.pop('has_all', True))


def run(host, wanted, *, seen=print, **how):
    skopeo.copy(
        host,
        Skopeo('/usr/bin/skopeo', (1, 9, 3)),
        wanted,
        seen=seen,
        is_stopped=lambda: False,
        **how,
    )
    return host


def logins_in(host):
    return json.loads(host.how['secret'])['auths']


def test_the_words_of_a_copy():
    host = run(Recording(files=(POLICY,)), job())
    assert host.argv == [
        '/usr/bin/skopeo',
        'copy',
        '--all',
        '--preserve-digests',
        '--authfile=/proc/self/fd/9',
        '--src-tls-verify=true',
        '--dest-tls-verify=true',
        f'docker://hub.lab:5001/team/app@{DIGEST}',
        'docker://r.lab:5002/mirror/team/app:1',
    ]
    assert host.how['idle_s'] == IDLE_S
    assert logins_in(host) == {}


def test_a_host_without_a_policy():
    """Debian's package has one; without it, skopeo copies nothing."""
    host = run(Recording(), job())
    assert host.argv[:3] == ['/usr/bin/skopeo', '--insecure-policy', 'copy']


def test_where_nobody_looks_on_skopeo_says_nothing():
    host = run(Recording(), job(), seen=None)
    assert host.argv[2:4] == ['copy', '--quiet']


@pytest.mark.parametrize(
    ('processors', 'side_by_side', 'each'),
    ((2, 1, 2), (2, 2, 1), (2, 6, 1), (16, 6, 3), (16, 1, 16), (1, 1, 1), (1, 64, 1)),
)
def test_copies_share_the_processors(monkeypatch, processors, side_by_side, each):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(processors)))
    host = run(Recording(), job(), side_by_side=side_by_side)
    assert host.how['env']['GOMAXPROCS'] == str(each)


def test_one_platform():
    host = run(Recording(), job(has_all=False))
    assert '--all' not in host.argv
    assert '--preserve-digests' in host.argv


def test_an_image_by_its_digest():
    target = Reference('r.lab:5002', 'team/app', '', DIGEST)
    host = run(Recording(), job(target=target))
    assert host.argv[-1] == f'docker://r.lab:5002/team/app@{DIGEST}'


@pytest.mark.parametrize(
    ('verified', 'source', 'target'),
    (
        ((False, True), 'false', 'true'),
        ((True, False), 'true', 'false'),
        ((False, False), 'false', 'false'),
    ),
)
def test_each_end_may_be_insecure(verified, source, target):
    host = run(Recording(), job(verified=verified))
    assert f'--src-tls-verify={source}' in host.argv
    assert f'--dest-tls-verify={target}' in host.argv


def test_logins_go_by_the_file_alone():
    host = run(Recording(), job(logins=(LOGIN, TOKEN)))
    shown = repr(host.argv) + repr(host.how['env'])
    assert LOGIN.secret not in shown
    assert 'hunter2' not in shown
    found = logins_in(host)
    assert set(found) == {'hub.lab:5001', 'r.lab:5002'}
    plain = b64decode(found['hub.lab:5001']['auth']).decode()
    assert (plain, len(found['hub.lab:5001'])) == (f'lab:{LOGIN.secret}', 1)
    assert found['r.lab:5002'] == {
        'auth': 'PHRva2VuPjo=',
        'identitytoken': 'hunter2-refresh',
    }


def test_a_login_for_the_hub_has_the_name_that_skopeo_looks_for():
    source = Reference('docker.io', 'library/nginx', 'latest')
    host = run(Recording(), job(source=source, logins=(LOGIN, None)))
    assert set(logins_in(host)) == {'docker.io'}
    assert host.argv[-2] == f'docker://docker.io/library/nginx@{DIGEST}'


def test_a_copy_within_one_registry():
    source = Reference('r.lab:5002', 'team/app', '1')
    host = run(Recording(), job(source=source, logins=(LOGIN, LOGIN)))
    assert set(logins_in(host)) == {'r.lab:5002'}


PROCESSORS = {'GOMAXPROCS': str(len(os.sched_getaffinity(0)))}
NO_FILES = {'HOME': '/nonexistent', 'CONTAINERS_REGISTRIES_CONF': '/dev/null'}


def test_the_environment_is_not_that_of_this_process():
    """Variables of the shell would send it another way than the engine goes."""
    shell = {
        'PATH': '/opt/bin:/bin',
        'HOME': '/root',
        'HTTPS_PROXY': 'http://me:hunter2@p.lab',
        'SSL_CERT_FILE': '/x',
        'REGISTRY_AUTH_FILE': '/root/auth.json',
        'XDG_RUNTIME_DIR': '/run/user/0',
        'CONTAINERS_STORAGE_CONF': '/x',
    }
    host = run(Recording(environ=shell), job())
    assert host.how['env'] == {
        'PATH': '/opt/bin:/bin',
        'XDG_DATA_HOME': '/root/.local/share',
        **NO_FILES,
        **PROCESSORS,
    }
    host = run(Recording(), job())
    assert host.how['env']['PATH'] == '/usr/bin:/bin'


@pytest.mark.parametrize(
    ('shell', 'folder'),
    (
        ({'HOME': '/home/lab'}, '/home/lab/.local/share'),
        ({'HOME': '/home/lab', 'XDG_DATA_HOME': '/data'}, '/data'),
        ({'XDG_DATA_HOME': '/data'}, '/data'),
        ({'HOME': '/home/lab', 'XDG_DATA_HOME': ''}, '/home/lab/.local/share'),
        ({'HOME': '/home/lab', 'XDG_DATA_HOME': 'data'}, None),
        ({'HOME': ''}, None),
        ({}, None),
    ),
)
def test_what_is_known_of_blobs_is_kept_where_skopeo_keeps_it(shell, folder):
    host = run(Recording(environ=shell), job())
    assert host.how['env'].get('XDG_DATA_HOME') == folder


def test_proxies_are_those_of_the_engine():
    no_proxy = check_no_proxy('.lab,10.0.0.0/8').value
    assert isinstance(no_proxy, NoProxy)
    route = Route(
        http_proxy='http://p.lab:3128',
        https_proxy='http://me:hunter2@p.lab:3128',
        no_proxy=no_proxy,
    )
    host = run(Recording(), job(route=route))
    assert host.how['env'] == {
        'PATH': '/usr/bin:/bin',
        **NO_FILES,
        **PROCESSORS,
        'HTTP_PROXY': 'http://p.lab:3128',
        'HTTPS_PROXY': 'http://me:hunter2@p.lab:3128',
        'NO_PROXY': '.lab,10.0.0.0/8',
    }
    assert 'hunter2' not in repr(host.argv)


@pytest.mark.parametrize(
    ('trust', 'variables'),
    (
        (Trust(FILES, FOLDERS), {}),
        (Trust(('/ca.pem',), FOLDERS), {'SSL_CERT_FILE': '/ca.pem'}),
        (Trust(FILES, ('/a', '/b')), {'SSL_CERT_DIR': '/a:/b'}),
    ),
)
def test_trust_is_that_of_the_engine(trust, variables):
    host = run(Recording(), job(route=Route(trust=trust)))
    assert host.how['env'] == {
        'PATH': '/usr/bin:/bin',
        **NO_FILES,
        **PROCESSORS,
        **variables,
    }


# What it says


@pytest.mark.parametrize(
    ('line', 'step'),
    (
        (f'Copying image {DIGEST} (1/2)', Step(1, 2)),
        (f'Copying image {DIGEST} (12/13)', Step(12, 13)),
        (f'Copying blob {DIGEST}', Step(has_blob=True)),
        (f'Copying config {DIGEST}', None),
        ('Getting image list signatures', None),
        ('Copying 2 of 2 images in list', None),
        ('Writing manifest to image destination', None),
        ('Copying image x (1/2', None),
        ('', None),
        ('\x1b[2J', None),
    ),
)
def test_steps(line, step):
    assert step_of(line) == step


@pytest.mark.parametrize(
    ('said', 'complaint'),
    (
        ('time="x" level=fatal msg="a: \\"b\\" \\\\ c"\n', 'a: "b" \\ c'),
        ('level=warning msg="a"\nlevel=error msg="b"\nlevel=fatal msg="c"\n', 'c'),
        ('level=warning msg="a"\n', 'level=warning msg="a"'),
        ('level=fatal msg="a\\n\\tb\\r\\n"', 'a b'),
        ('level=fatal msg="C:\\\\new"', 'C:\\new'),
        ('panic: x\n\n', 'panic: x'),
        ('a\nb  c\n', 'b c'),
        ('', 'it says nothing'),
        (' \n\n', 'it says nothing'),
        (f'level=fatal msg="{"x" * 9000}"', 'x' * 9000),
    ),
)
def test_complaints(said, complaint):
    assert complaint_of(said) == complaint


# A real copy


class Watch(threading.Thread):
    """Reads the words and the environment of each skopeo of this process."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = {}
        self.is_over = False

    def run(self):
        while not self.is_over:
            for task in Path('/proc/self/task').iterdir():
                for pid in (task / 'children').read_text().split():
                    self.look(pid)
            time.sleep(0.005)

    def look(self, pid):
        try:
            words = Path(f'/proc/{pid}/cmdline').read_bytes()
            environment = Path(f'/proc/{pid}/environ').read_bytes()
        except OSError:
            return
        if b'skopeo' in words:
            self.seen[pid] = words + environment


def test_a_real_copy_between_two_registries_with_logins(tmp_path):
    """All platforms, one digest, and the logins where nobody else sees them."""
    layout = Layout(tmp_path / 'layout')
    digest = layout.add('app', size=3_000_000, is_attested=True)
    basic = Challenge('basic')
    with (
        registry(tmp_path / 'hub', has_login=True) as hub,
        registry(tmp_path / 'here', has_login=True) as here,
    ):
        upload(layout, 'app', f'{hub}/team/app:1')
        ends = [
            client_of(end).server._replace(
                challenge=basic,
                login=LOGIN,
                way=Way(timeout_s=5.0, is_verified=False),
            )
            for end in (hub, here)
        ]
        source, target = Reference(hub, 'team/app', '1'), Reference(here, 'm/app', '1')
        lines, sent, watch = [], [0], Watch()
        watch.start()

        def seen(line, moved):
            lines.append(line)
            sent.append(moved)

        done = skopeo.copy(
            Host(),
            find_skopeo(Host()),
            Job(source, digest, target, *ends, True),
            seen=seen,
            is_stopped=lambda: False,
        )
        watch.is_over = True
        watch.join()
        assert done.is_ok, done.err
        client = client_of(here)
        client.server = ends[1]
        client._challenge = basic
        there = client.get('m/app', '1')
        assert there.digest == digest
        assert contents_of(client, 'm/app', there).platforms == PLATFORMS
    steps = list(filter(None, map(step_of, lines)))
    assert [s[:2] for s in steps if s.platforms] == [(1, 3), (2, 3), (3, 3)]
    assert sum(step.has_blob for step in steps) >= 5
    assert max(sent) > 2 * 3_000_000
    assert watch.seen
    for words in watch.seen.values():
        assert LOGIN.secret.encode() not in words
        assert b'bGFiOmNvcnJlY3QtaG9yc2U' not in words
    assert not any(LOGIN.secret in text for text in (*lines, done.out, done.err))


def test_a_stop_ends_skopeo(tmp_path):
    layout = Layout(tmp_path / 'layout')
    digest = layout.add('app', size=3_000_000)
    with registry(tmp_path / 'hub') as hub, registry(tmp_path / 'here') as here:
        upload(layout, 'app', f'{hub}/team/app:1')
        ends = [
            client_of(end).server._replace(way=Way(is_verified=False))
            for end in (hub, here)
        ]
        source, target = Reference(hub, 'team/app', '1'), Reference(here, 'm/app', '1')
        done = skopeo.copy(
            Host(),
            find_skopeo(Host()),
            Job(source, digest, target, *ends, True),
            seen=lambda line, sent: None,
            is_stopped=lambda: True,
        )
    assert (done.code, done.err) == (None, 'it was stopped')
