"""image copy as a whole: two real registries on loopback, and skopeo."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path

import pytest
from envelope import envelope
from multiplatform import PLATFORMS, Layout
from roots import run_command
from shelves import client_of, upload
from webservers import API, LOGIN, READ_ONLY, free_port, registry, tokens, web_server

from registry_host.commands.copy_names import Wish
from registry_host.commands.image_copy import copy_images
from registry_host.errors import CopyError
from registry_host.host.host import Host
from registry_host.registry.client import RequestFailed
from registry_host.registry.contents import children_of
from registry_host.registry.probe import MANIFESTS
from registry_host.registry.ways import Way
from registry_host.reporting.copyview import Silent
from registry_host.reporting.jsonreport import to_json

COPY = ('image', 'copy')
HINT = 'registry-host image copy'
NAMESPACE = (
    'warning: a client that pulls by the short name, and does not find it on a mirror, '
    'goes on to the namespace team of Docker Hub, which others may control\n'
)


class Hub:
    """A real registry with some images, and one to copy them to."""

    def __init__(self, folder, hub, here, capsys=None):
        self.layout = Layout(folder / 'layout')
        self.hub, self.here = hub, here
        self.capsys = capsys
        self.digests = {}

    def add(self, name, tag='1', **how):
        key = f'{name}-{tag}'.replace('/', '-')
        self.digests[name] = self.layout.add(key, **how)
        upload(self.layout, key, f'{self.hub}/{name}:{tag}')
        return f'{self.hub}/{name}:{tag}'

    def copy(self, *words, to=None):
        destination = f'--to={self.here if to is None else to}'
        return run_command(self.capsys, *COPY, *words, destination)

    def digest(self, name, tag='1'):
        return client_of(self.here).head(name, tag).digest


@pytest.fixture(scope='module')
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp('both')
    with registry(folder / 'hub') as hub, registry(folder / 'here') as here:
        made = Hub(folder, hub, here)
        made.app = made.add('team/app', is_attested=True)
        made.web = made.add('team/web')
        yield made


@pytest.fixture
def hub(both, capsys, request):
    """A prefix of its own for each test, at the same two registries."""
    both.capsys = capsys
    both.prefix = f'{both.here}/t{abs(hash(request.node.name))}'
    return both


def lines(text):
    return text.splitlines()


# What comes of it


def test_images_are_copied_and_then_left_alone(hub):
    done = hub.copy(hub.app, hub.web, to=hub.prefix)
    assert (done.code, done.err) == (0, '')
    *copied, summary = lines(done.out)
    assert sorted(copied) == [
        f'copied {hub.prefix}/team/app:1: 2 platforms, 52 kB',
        f'copied {hub.prefix}/team/web:1: 2 platforms, 31.2 kB',
    ]
    assert summary == '2 images: 2 copied'
    path = hub.prefix.partition('/')[2]
    assert hub.digest(f'{path}/team/app') == hub.digests['team/app']
    done = hub.copy(hub.app, hub.web, to=hub.prefix)
    assert (done.code, done.out) == (0, '2 images: 2 already there\n')
    done = hub.copy('-q', hub.app, hub.web, to=hub.prefix)
    assert (done.code, done.out, done.err) == (0, '', '')


def test_the_forecast_copies_nothing(hub):
    done = hub.copy(hub.app, '--check', to=hub.prefix)
    assert (done.code, done.err) == (3, '')
    assert done.out == (
        f'would copy {hub.prefix}/team/app:1\n1 image: 1 would be copied\n'
    )
    assert hub.copy(hub.app, '-q', '--check', to=hub.prefix).code == 3
    hub.copy(hub.app, to=hub.prefix)
    done = hub.copy(hub.app, '--check', to=hub.prefix)
    assert (done.code, done.out) == (0, '1 image: 1 already there\n')


def test_json_has_all_of_it(hub):
    done = hub.copy(hub.app, f'{hub.hub}/team/typo:1', '--format=json', to=hub.prefix)
    assert (done.code, done.err) == (1, '')
    report = done.json
    assert (report['command'], report['ok'], report['changed']) == (
        'image copy',
        False,
        True,
    )
    (copied, failed) = report['results']
    size = copied.pop('bytes')
    assert 51_000 < size < 53_000
    assert copied == {
        'source': hub.app,
        'destination': f'{hub.prefix}/team/app:1',
        'action': 'copied',
        'digest': hub.digests['team/app'],
        'platforms': list(PLATFORMS),
        'code': None,
    }
    assert failed == {
        'source': f'{hub.hub}/team/typo:1',
        'destination': f'{hub.prefix}/team/typo:1',
        'action': 'failed',
        'digest': None,
        'platforms': [],
        'bytes': None,
        'code': 'copy-absent',
    }
    assert report['errors'] == [
        {
            'code': 'copy-absent',
            'message': f'{hub.hub}: has no such image; not copied: '
            f'{hub.hub}/team/typo:1',
            'hint': '',
        }
    ]
    done = hub.copy(hub.app, '--check', '--format=json', to=f'{hub.prefix}/other')
    assert (done.code, done.json['changed']) == (3, True)
    assert done.json['results'][0]['action'] == 'copied'


def test_one_that_fails_does_not_keep_the_others_from_it(hub):
    nobody = f'127.0.0.1:{free_port()}'
    sources = (f'{hub.hub}/team/typo:1', f'{nobody}/team/a:1', hub.app, f'{nobody}/b:1')
    done = hub.copy(*sources, to=hub.prefix)
    assert done.code == 1
    assert lines(done.out)[-1] == '4 images: 1 copied, 3 failed'
    assert lines(done.err) == [
        f'error: {hub.hub}: has no such image; not copied: {sources[0]}',
        f'error: {nobody}: nothing listens there (Connection refused); not copied: '
        f'{sources[1]}, {sources[3]}',
    ]


def test_a_quiet_run_says_nothing_of_a_wait_either(hub):
    """For cron: a hub that limits requests, and images that are there already."""
    hub.copy(hub.app, to=hub.prefix)
    is_limited = True

    def answer(method, path, headers):
        nonlocal is_limited
        if path == '/v2/':
            return 200, [API], b'{}'
        is_limited, was_limited = False, is_limited
        if was_limited:
            return 429, [('Retry-After', '1')], b''
        return 200, [('Docker-Content-Digest', hub.digests['team/app'])], b''

    with web_server(answer) as server:
        done = hub.copy('-q', f'{server.endpoint}/team/app:1', to=hub.prefix)
    assert not is_limited
    assert (done.code, done.out, done.err) == (0, '', '')


def test_each_image_that_is_not_there_is_named(hub):
    """And of a registry that is not there, that it is so, and some images of it."""
    typos = [f'{hub.hub}/team/typo{n}:1' for n in range(9)]
    nobody = f'127.0.0.1:{free_port()}'
    others = [f'{nobody}/a{n}:1' for n in range(9)]
    done = hub.copy(*typos, *others, to=hub.prefix)
    assert lines(done.err) == [
        f'error: {hub.hub}: has no such image; not copied: {", ".join(typos)}',
        f'error: {nobody}: nothing listens there (Connection refused); not copied: '
        f'{", ".join(others[:3])} and 6 more',
    ]


def test_names_that_lead_astray_are_told(hub):
    done = hub.copy(hub.app, '--check')
    again = f'{HINT} {hub.app} --check --to={hub.here} --keep-host'
    assert (done.code, done.err) == (3, '')
    assert done.out.replace('sudo ', '') == (
        f'would copy {hub.here}/team/app:1\n{NAMESPACE}hint:  {again}\n'
        '1 image: 1 would be copied\n'
    )
    kept = hub.copy(hub.app, '--check', '--keep-host')
    name = hub.hub.replace(':', '-')
    assert kept.out == (
        f'would copy {hub.here}/{name}/team/app:1\n1 image: 1 would be copied\n'
    )


def test_one_platform(hub):
    done = hub.copy(hub.app, '--platform=linux/arm64', to=hub.prefix)
    assert (done.code, done.err) == (0, '')
    path = f'{hub.prefix.partition("/")[2]}/team/app'
    children = children_of(client_of(hub.hub).get('team/app', '1'))
    assert hub.digest(path) == children[1].digest
    done = hub.copy(hub.app, '--platform=linux/arm64', to=hub.prefix)
    assert done.out == '1 image: 1 already there\n'
    done = hub.copy(hub.app, '--platform=linux/s390x', to=hub.prefix)
    assert (done.code, done.err) == (
        1,
        f'error: {hub.app}: is not there for linux/s390x, but for linux/amd64, '
        'linux/arm64; not copied\n',
    )


def test_a_manifest_that_has_gone_is_copied_again(hub, both):
    hub.copy(hub.app, to=hub.prefix)
    path = f'{hub.prefix.partition("/")[2]}/team/app'
    lost = children_of(client_of(hub.here).get(path, '1'))[0].digest
    storage = Path(both.layout.folder).parent / 'here'
    revision = storage / (
        f'docker/registry/v2/repositories/{path}/_manifests/revisions/sha256/'
        f'{lost.removeprefix("sha256:")}/link'
    )
    revision.unlink()
    assert hub.copy(hub.app, to=hub.prefix).out == '1 image: 1 already there\n'
    done = hub.copy(hub.app, '--verify', to=hub.prefix)
    assert lines(done.out)[-1] == '1 image: 1 copied'
    assert done.out.startswith(f'updated {hub.prefix}/team/app:1: 2 platforms')
    assert client_of(hub.here).head(path, lost).digest == lost


# Lists


def test_a_list(hub, tmp_path):
    file = tmp_path / 'list'
    file.write_bytes(
        f'\ufeff# images\r\n\r\n  {hub.app}  # the app\r\n{hub.web}\t#\r\n'
        f'{hub.app}\r\n#{hub.hub}/team/typo:1'.encode()
    )
    done = hub.copy(f'--from-file={file}', to=hub.prefix)
    assert (done.code, done.err) == (0, '')
    assert lines(done.out)[-1] == '2 images: 2 copied'
    both = hub.copy(hub.web, f'--from-file={file}', to=hub.prefix)
    assert both.out == '2 images: 2 already there\n'


def test_all_lines_that_are_wrong_are_told_at_once(hub, tmp_path):
    file = tmp_path / 'list'
    file.write_text(f'two words\n{hub.app}\n\nNGINX\na@sha256:x\n', encoding='utf-8')
    done = hub.copy('team/App', f'--from-file={file}', '--platform=x', to='registry')
    assert (done.code, done.out) == (2, '')
    errors = [line for line in lines(done.err) if line.startswith('error: ')]
    assert [line.split(':')[1].strip() for line in errors[:3]] == [
        '--to',
        '--platform',
        'SRC',
    ]
    assert [line.split(' ')[1] for line in errors[3:]] == [
        f'{file}:{n}:' for n in (1, 4, 5)
    ]
    assert all(line.endswith('; nothing was copied') for line in errors)


@pytest.mark.parametrize(
    ('content', 'message'),
    (
        (b'\xff\xfen\0g\0', '{file}: is not text in UTF-8; nothing was copied'),
        (
            b'',
            '{file}: names no image; nothing was copied',
        ),
        (None, '{file}: there is no such file; nothing was copied'),
    ),
    ids=('utf-16', 'empty', 'absent'),
)
def test_what_is_no_list(hub, tmp_path, content, message):
    file = tmp_path / 'list'
    if content is not None:
        file.write_bytes(content)
    done = hub.copy(f'--from-file={file}')
    assert (done.code, done.out) == (2, '')
    assert done.err == f'error: {message.format(file=file)}\n'


def test_a_list_by_a_pipe_as_shells_write_the_output_of_a_command(hub):
    end, own = os.pipe()
    with os.fdopen(own, 'w') as file:
        file.write(f'{hub.app}\n')
    try:
        done = hub.copy(f'--from-file=/dev/fd/{end}', '--check')
    finally:
        os.close(end)
    assert (done.code, done.out.splitlines()[-1]) == (3, '1 image: 1 would be copied')


def test_what_is_named_as_a_list_is_not_to_be_moved_away(hub, tmp_path):
    done = hub.copy(f'--from-file={tmp_path}')
    message = 'is a folder, not a file; nothing was copied'
    hint = f'hint:  ls -ld {tmp_path}'
    assert (done.code, done.err) == (2, f'error: {tmp_path}: {message}\n{hint}\n')


@pytest.mark.parametrize('flag', ('--platform', '--from-file'))
def test_an_unset_variable_of_a_shell_is_no_choice(hub, flag):
    done = hub.copy(hub.app, flag, '')
    message = f"Invalid value for '{flag}': it is empty (an unset variable?)"
    assert (done.code, done.out) == (2, '')
    assert done.err.startswith(f'error: {message}\n')


def test_a_stream_without_an_end_is_no_list(hub):
    done = hub.copy('--from-file=/dev/zero')
    message = '/dev/zero: is larger than 16 MiB, the most that is read; nothing was '
    assert (done.code, done.err) == (2, f'error: {message}copied\n')


def test_nul_bytes_and_controls_in_a_list(hub, tmp_path):
    file = tmp_path / 'list'
    file.write_bytes(b'ng\x00inx\n\x1b[2J\x1b]0;x\x07\nme:hunter2-hunter2@r.lab/a\n')
    done = hub.copy(f'--from-file={file}')
    assert done.code == 2
    assert done.err.count('error: ') == 3
    assert not {'\x00', '\x1b', '\x07'} & set(done.err)
    assert 'hunter2' not in done.err


def test_ten_thousand_lines_are_read_at_once(hub, tmp_path):
    """One name, ten thousand times, is asked for once."""
    file = tmp_path / 'list'
    file.write_text(f'{hub.app}  # again\n' * 10_000)
    begun = time.monotonic()
    done = hub.copy(f'--from-file={file}', '--check', to=hub.prefix)
    assert done.out == (
        f'would copy {hub.prefix}/team/app:1\n1 image: 1 would be copied\n'
    )
    file.write_text(
        ''.join(f'team/app{n}:1\nquay.io/team/app{n}:1\n' for n in range(5000))
    )
    done = hub.copy(f'--from-file={file}', '--format=json')
    assert done.code == 2
    assert len(done.json['errors']) == 5000
    assert time.monotonic() - begun < 20


# What is refused


def test_two_images_of_one_name(hub):
    done = hub.copy('quay.io/team/app:1', hub.app)
    again = f'{HINT} quay.io/team/app:1 {hub.app} --to={hub.here} --keep-host'
    assert (done.code, done.out) == (2, '')
    assert done.err.replace('sudo ', '') == (
        f'error: quay.io/team/app:1, {hub.app}: both would land as '
        f'{hub.here}/team/app:1; nothing was copied\nhint:  {again}\n'
    )


def test_a_password_in_a_name_is_not_shown(hub):
    secret = 'hunter2-hunter2'
    for output in ('text', 'json'):
        done = run_command(
            hub.capsys,
            *COPY,
            f'me:{secret}@r.lab/app:1',
            f'https://me:{secret}@r.lab/app',
            f'--to=http://me:{secret}@r.lab:5000',
            f'--format={output}',
        )
        assert done.code == 2
        assert secret not in done.out + done.err


def test_a_root_folder_has_no_network(root):
    done = root.run(*COPY, 'nginx', '--to=r.lab')
    assert done.code == 2
    assert done.err == (
        'error: image copy: with --root no registry is asked over the network\n'
    )


@pytest.mark.parametrize('port', ('0', '65536', '99999'))
def test_a_port_that_is_none(hub, port):
    done = hub.copy(hub.app, to=f'127.0.0.1:{port}')
    assert (done.code, done.err) == (
        2,
        f"error: --to: '127.0.0.1:{port}' is not HOST[:PORT] or "
        'HOST[:PORT]/PREFIX: its port is not one from 1 to 65535; nothing was copied\n',
    )
    done = hub.copy(f'127.0.0.1:{port}/a:1', to=hub.prefix)
    assert (done.code, done.err) == (
        1,
        f'error: 127.0.0.1:{port}: its port is not one from 1 to 65535; not copied: '
        f'127.0.0.1:{port}/a:1\n',
    )


# Destinations that take nothing


def test_a_destination_that_takes_no_pushes(hub, tmp_path):
    with registry(tmp_path / 'ro', environment=READ_ONLY) as read_only:
        done = hub.copy(hub.app, hub.web, to=read_only)
        assert (done.code, done.out, done.err) == (
            1,
            '',
            f'error: {read_only}: is read-only, and takes no pushes '
            '(storage.maintenance.readonly); nothing was copied\n',
        )
    with registry(tmp_path / 'cache', upstream=f'http://{hub.hub}') as cache:
        done = hub.copy(hub.app, to=f'{cache}/x')
        assert done.err == (
            f'error: {cache}: is a pull-through cache, and takes no pushes; nothing '
            'was copied\n'
        )


def test_a_destination_that_takes_no_pushes_in_its_own_way(hub):
    """As the proxies of other products: 405, and no word why."""

    def answer(method, path, headers):
        if path == '/v2/':
            return 200, [API], b'{}'
        return (404 if method in ('GET', 'HEAD') else 405), [], b''

    with web_server(answer) as server:
        done = hub.copy(hub.app, hub.web, to=server.endpoint)
    assert (done.code, done.out, done.err) == (
        1,
        '',
        f'error: {server.endpoint}: takes no pushes (it answers 405 Method Not '
        'Allowed); nothing was copied\n',
    )
    assert [method for method, _, _ in server.asked].count('PUT') == 1
    assert not any(method in ('POST', 'PATCH') for method, _, _ in server.asked)


def test_names_of_images_that_failed_lead_nobody_astray(hub):
    def answer(method, path, headers):
        if path == '/v2/':
            return 200, [API], b'{}'
        if method == 'PUT':
            return 400, [API], b'{"errors": [{"code": "MANIFEST_INVALID"}]}'
        return (404 if method in ('GET', 'HEAD') else 507), [], b''

    with web_server(answer) as server:
        done = hub.copy(hub.app, to=server.endpoint)
    assert (done.code, lines(done.out)[-1]) == (1, '1 image: 1 failed')
    assert 'Docker Hub' not in done.out
    assert done.err.startswith(f'error: {server.endpoint}: fails at uploads (507 ')


def test_a_destination_that_wants_a_login(hub, tmp_path):
    with registry(tmp_path / 'closed', has_login=True) as closed:
        done = hub.copy(hub.app, to=closed)
    assert done.code == 1
    assert done.err.startswith(f'error: {closed}: asks for a login, and ')
    assert done.err.endswith(f'hint:  docker login {closed}\n')


@pytest.mark.parametrize(
    'reply',
    (
        (200, [('Content-Type', 'text/html')], b'<html>\x1b[2J\x1b]0;x\x07</html>'),
        (302, [('Location', 'http://r.lab\x1b[2J.invalid/')], b''),
        (302, [('Location', '/v2/')], b''),
        (302, [('Location', 'file:///etc/shadow')], b''),
        (500, [], b''),
        (401, [('WWW-Authenticate', 'Bearer realm="x\x1b[2J"')], b''),
    ),
    ids=('html', 'nonsense', 'circle', 'file', '500', 'realm'),
)
def test_a_destination_that_answers_nonsense(hub, reply):
    with web_server(lambda *_: reply) as server:
        done = hub.copy(hub.app, to=server.endpoint)
    assert (done.code, done.out) == (1, '')
    error, *hints = lines(done.err)
    assert error.startswith(f'error: {server.endpoint}: ')
    assert error.endswith('; nothing was copied')
    assert all(hint.startswith('hint:  ') for hint in hints)
    assert not {'\x1b', '\x07'} & set(done.err)
    assert 'bug' not in error
    assert {method for method, *_ in server.asked} == {'GET'}


def test_a_registry_whose_message_has_controls(hub):
    """skopeo shows what a registry says; it is text when we show it."""
    said = (
        '\x1b[2J\x1b]0;owned\x07\r\nerror: all is well https://me:hunter2@r.lab/\u202e'
    )
    body = json.dumps({'errors': [{'code': 'DENIED', 'message': said}]}).encode()

    def answer(method, path, headers):
        if path == '/v2/':
            return 200, [('Docker-Distribution-Api-Version', 'registry/2.0')], b'{}'
        if method == 'HEAD':
            digest = f'sha256:{"a" * 64}'
            return 200, [('Docker-Content-Digest', digest)], b''
        return 403, [('Content-Type', 'application/json')], body

    with web_server(answer) as server:
        source = f'{server.endpoint}/team/app:1'
        for output in ('text', 'json'):
            done = hub.copy(source, f'--format={output}', to=hub.prefix)
            said = done.out + done.err
            assert done.code == 1
            assert not {'\x1b', '\x07', '\r', '\u202e'} & set(said)
            assert 'hunter2' not in said
            assert 'does not let anyone without a login do that' in said
    envelope(done.out)


# Processes: standard input, signals, closed streams


def command(*words):
    return [sys.executable, '-m', 'registry_host', *COPY, *words]


def test_a_list_on_standard_input(hub):
    done = subprocess.run(
        command('--from-file=-', f'--to={hub.prefix}', '--check'),
        input=f'{hub.app} # x\nA B\n{hub.web}\n'.encode(),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "error: standard input:2: 'A B' is not an image name: it holds a space; "
        'nothing was copied\n'
    )


def front(hub, hold):
    """Pass on what the hub has: what is named slow or late once `hold` is set.

    Of a slow repository, that is its blobs; of a late one, all of it.
    """

    def answer(method, path, headers):
        if ('slow' in path and '/blobs/' in path) or 'late' in path:
            hold.wait(60)
        # skopeo sends many headers Accept, of which a test's server has the last.
        request = Way(timeout_s=10.0).request(
            f'http://{hub}{path}',
            method=method,
            accept=', '.join(MANIFESTS),
            limit_bytes=1 << 24,
        )
        found = Host().http_get(request)
        known = ('content-type', 'docker-content-digest')
        pairs = [(name, found.headers[name]) for name in known if name in found.headers]
        return found.status, pairs, found.body

    return web_server(answer)


def interrupted(words, is_due, number=signal.SIGINT):
    """Run the command until it is due to be interrupted: its exit code and output."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command(*words), stdout=pipe, stderr=pipe)
    deadline = time.monotonic() + 30
    while not is_due():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = (text.decode() for text in process.communicate(timeout=20))
    return process.returncode, out, err


def skopeos(endpoint):
    """Processes of skopeo that are about a registry."""
    found = []
    for place in Path('/proc').iterdir():
        with contextlib.suppress(OSError):
            words = (place / 'cmdline').read_bytes()
            if b'skopeo' in words and endpoint.encode() in words:
                found.append(place.name)
    return found


@pytest.mark.parametrize('number', (signal.SIGINT, signal.SIGTERM))
@pytest.mark.parametrize('output', ('text', 'json'))
def test_an_interrupted_copy_is_completed_by_the_next(hub, number, output):
    hub.add('team/slow')
    hub.add('team/fast')
    hold = threading.Event()
    with front(hub.hub, hold) as server:
        words = [
            f'{server.endpoint}/team/fast:1',
            f'{server.endpoint}/team/slow:1',
            f'--to={hub.prefix}',
            f'--format={output}',
        ]
        path = f'{hub.prefix.partition("/")[2]}/team/fast'

        def is_half_way():
            if not is_there(hub.here, path):
                return False
            time.sleep(0.5)  # For it to be proved, too.
            return skopeos(server.endpoint)

        code, out, err = interrupted(words, is_half_way, number)
        assert code == 130
        assert skopeos(server.endpoint) == []
        message = 'interrupted; 1 image was copied'
        if output == 'text':
            assert out.startswith(f'copied {hub.prefix}/team/fast:1: ')
            error, hint = lines(err)
            assert error == f'error: {message}'
            again = ' '.join([HINT, *words])
            assert hint.replace('sudo ', '') == f'hint:  {again}'
        else:
            (error,) = envelope(out)['errors']
            assert (error['code'], error['message']) == ('interrupted', message)
        hold.set()
        done = hub.copy(*words[:2], to=hub.prefix)
        assert (done.code, lines(done.out)[-1]) == (
            0,
            '2 images: 1 copied, 1 already there',
        )


def test_an_image_does_not_wait_until_all_are_looked_at(hub):
    hub.add('team/early')
    hub.add('team/late')
    path = f'{hub.prefix.partition("/")[2]}/team/early'
    hold = threading.Event()

    def release():
        deadline = time.monotonic() + 20
        while not is_there(hub.here, path) and time.monotonic() < deadline:
            time.sleep(0.05)
        found.append(is_there(hub.here, path))
        hold.set()

    found = []
    watch = threading.Thread(target=release)
    with front(hub.hub, hold) as server:
        watch.start()
        names = (f'{server.endpoint}/team/{name}:1' for name in ('early', 'late'))
        done = hub.copy(*names, to=hub.prefix)
        watch.join()
    assert found == [True]
    assert (done.code, lines(done.out)[-1]) == (0, '2 images: 2 copied')


def is_there(endpoint, path):
    try:
        return bool(client_of(endpoint).head(path, '1'))
    except RequestFailed:
        return False


def test_an_interrupt_while_the_first_image_is_copied(hub):
    hub.add('team/slow')
    hold = threading.Event()
    with front(hub.hub, hold) as server:
        name = f'{server.endpoint}/team/slow:1'
        words = [name, f'--to={hub.prefix}']
        code, out, err = interrupted(words, lambda: skopeos(server.endpoint))
        hold.set()
    assert (code, out) == (130, '')
    assert lines(err)[0] == 'error: interrupted; no image was copied'


def test_an_interrupt_before_the_first_byte(hub):
    """While a destination is silent."""
    hold = threading.Event()

    def answer(*request):
        hold.wait(30)
        return 200, [], b''

    with web_server(answer) as server:
        words = [hub.app, f'--to={server.endpoint}']
        code, out, err = interrupted(words, lambda: server.asked)
        hold.set()
    assert (code, out) == (130, '')
    assert err.strip().startswith('error: interrupted; ')


def test_nobody_reads_on(hub):
    """As with `| head -1`: what is copied stands, and no traceback is shown."""
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        command(hub.app, hub.web, f'--to={hub.prefix}'),
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert b'bug' not in err
    assert b'Traceback' not in err
    assert process.returncode == 0
    path = hub.prefix.partition('/')[2]
    assert hub.digest(f'{path}/team/app') == hub.digests['team/app']
    assert hub.digest(f'{path}/team/web') == hub.digests['team/web']


def test_no_thread_and_no_descriptor_is_left(hub):
    hub.copy(hub.app, '--check', to=hub.prefix)
    before, count = set(threading.enumerate()), len(os.listdir('/proc/self/fd'))
    for _ in range(3):
        hub.copy(hub.app, hub.web, f'{hub.hub}/team/typo:1', to=hub.prefix)
    assert set(threading.enumerate()) == before
    assert len(os.listdir('/proc/self/fd')) == count


# Logins


class WithLogins(Host):
    """This machine, but for the config.json of its user."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def read(self, path, *, user=None):
        if path.endswith('/.docker/config.json'):
            return super().read(str(self.file))
        return super().read(path, user=user)


class Told(Silent):
    """A view that keeps all that it is told."""

    def __init__(self):
        self.all = []

    def told(self, line):
        self.all.append(line)

    def moved(self, landing, line, sent):
        self.all.append(line)


def test_logins_are_those_of_docker_login(tmp_path):
    """For both ends, tokens included; no output, and no line of skopeo, has them."""
    file = tmp_path / 'config.json'
    layout = Layout(tmp_path / 'layout')
    digest = layout.add('app')
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(tokens(tmp_path))
        hub = stack.enter_context(registry(tmp_path / 'hub', environment=environment))
        here = stack.enter_context(registry(tmp_path / 'here', has_login=True))
        upload(layout, 'app', f'{hub}/team/app:1')
        packed = b64encode(':'.join(LOGIN[:2]).encode()).decode()
        auths = {end: {'auth': packed} for end in (hub, here)}
        file.write_text(json.dumps({'auths': auths}))
        view = Told()
        wish = Wish((f'{hub}/team/app:1', f'{hub}/team/app:2'), here)
        report = copy_images(WithLogins(file), wish, view)
        shown = to_json(report) + repr(report) + repr(view.all)
        assert [each.action for each in report.images] == ['copied', 'failed']
        assert report.images[0].digest == digest
        for secret in (LOGIN.secret, packed):
            assert secret not in shown
        # A wrong one is told once for all of its images, and before anything is copied.
        wrong = b64encode(b'lab:hunter2-hunter2').decode()
        auths[hub] = {'auth': wrong}
        file.write_text(json.dumps({'auths': auths}))
        report = copy_images(WithLogins(file), wish, view)
        (problem,) = report.errors
        assert (problem.code, problem.hint) == ('server-login', f'docker login {hub}')
        auths[here] = {'auth': wrong}
        file.write_text(json.dumps({'auths': auths}))
        with pytest.raises(CopyError) as failed:
            copy_images(WithLogins(file), wish, view)
    (problem,) = failed.value.problems
    assert (problem.code, problem.hint) == ('server-login', f'docker login {here}')
    assert 'hunter2' not in repr(problem)


def test_a_helper_that_does_not_run_keeps_no_open_registry_away(hub, tmp_path):
    """docker goes on without a login; a registry that wants one is told with why."""
    file = tmp_path / 'config.json'
    file.write_text('{"credsStore": "not-there"}')
    prefix = hub.prefix
    with registry(tmp_path / 'closed', has_login=True) as closed:
        wish = Wish((hub.app, f'{closed}/team/web:1'), prefix)
        report = copy_images(WithLogins(file), wish, Silent())
        assert [each.action for each in report.images] == ['copied', 'failed']
        told = [f for f in report.findings if f.check == 'registry-login-helper']
        assert [(f.severity, f.message.partition(': ')[2]) for f in told] == [
            (
                'warning',
                'docker-credential-not-there does not run as root: No such file or '
                f'directory; asked without a login: {closed}',
            )
        ]
        again = copy_images(WithLogins(file), Wish((hub.app,), prefix), Silent())
        assert (again.images[0].action, again.findings) == ('none', ())
        with pytest.raises(CopyError, match='docker-credential-not-there does not run'):
            copy_images(WithLogins(file), Wish((hub.app,), closed), Silent())
