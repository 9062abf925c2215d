"""Images of a hub with a login, copied to a push instance, pulled by three engines."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from envelope import envelope
from lab import GATEWAY, PASSWORD
from multiplatform import PLATFORMS, Layout
from services import make_certificates, registry_config, wait_for

from registry_host.registry.probe import MANIFESTS

ENGINES = ('bookworm', 'trixie', 'forky')
COPY = ('registry-host', 'image', 'copy')
HUB, PUSH, OPEN, READ_ONLY, SMALL, CLOSED, TLS = range(5051, 5058)
FRONTS = {'limited': 5061, 'exhausted': 5062, 'token': 5063, 'cut': 5064, 'slow': 5065}
MANY = 50
DIGESTS = """
import json, sys, urllib.error, urllib.request
def digest_at(url):
    kinds = ','.join(sys.argv[1:])
    request = urllib.request.Request(url, headers={'Accept': kinds}, method='HEAD')
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.headers['Docker-Content-Digest']
    except urllib.error.HTTPError as err:
        return '' if err.code == 404 else str(err)
print(json.dumps([digest_at(url) for url in json.load(sys.stdin)]))
"""
UPLOAD = (
    'xargs -n2 -P4 skopeo --insecure-policy copy --quiet --all --preserve-digests '
    f'--dest-creds=lab:{PASSWORD} --dest-tls-verify=false'
)


class Shelf:
    """A hub with a login and its images, and registries of all kinds to copy to."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.layout = Layout(folder / 'layout')
        self.hub = lab.start_registry('other-hub', HUB, has_login=True)
        self.push = lab.start_registry('copies', PUSH)
        self.digests = {}
        for n in range(MANY):
            self._make(f'team/app{n}', size=1000)
        self._make('elasticsearch/elasticsearch', size=500_000, is_attested=True)
        # A blob that the destination has in any repository is not sent again.
        for name in ('kibana/kibana', 'big/cut', 'big/slow'):
            self._make(name, size=500_000)
        pairs = (
            f'oci:{self.layout.folder}:{name.replace("/", "-")} '
            f'docker://{self.named(name)}'
            for name in self.digests
        )
        file = folder / 'pairs'
        file.write_text('\n'.join(pairs))
        lab.run(['sh', '-c', f'{UPLOAD} <{file}'])

    def _make(self, name, **how):
        self.digests[name] = self.layout.add(name.replace('/', '-'), **how)

    def named(self, name):
        return f'{self.hub.endpoint}/{name}:8.15.0'

    def digests_at(self, endpoint, names):
        """What a registry says that the tag of each stands for; '' if it has none."""
        urls = [f'http://{endpoint}/v2/{name}/manifests/8.15.0' for name in names]
        argv = [*self.lab.namespace, sys.executable, '-c', DIGESTS, *MANIFESTS]
        shown = subprocess.run(
            argv, input=json.dumps(urls).encode(), capture_output=True, check=True
        )
        return json.loads(shown.stdout)

    def digest_at(self, service, name):
        return self.digests_at(service.endpoint, [name])[0]

    def start(self, name, port, config, *around):
        file = self.lab.folder / f'{name}.yml'
        file.write_text(config)
        serve = ['docker-registry', 'serve', str(file)]
        self.lab.spawn([*around, *serve], log=self.lab.folder / f'{name}.log')
        wait_for(name, lambda: self.lab.is_listening(port))

    def start_odd_ones(self):
        """One that is read-only, one whose disk is full soon, and fronts of the hub."""
        folder = self.lab.folder
        config = json.loads(registry_config(folder / 'ro', f'{GATEWAY}:{READ_ONLY}'))
        config['storage']['maintenance'] = {'readonly': {'enabled': True}}
        self.start('ro', READ_ONLY, json.dumps(config))
        self.lab.start_registry('open', OPEN, root=folder / 'other-hub')
        small = folder / 'small'
        small.mkdir()
        mount = f'mount -t tmpfs -o size=600k tmpfs {small} && exec "$@"'
        around = ['unshare', '--mount', '--propagation=private', 'sh', '-c', mount]
        small_config = registry_config(small, f'{GATEWAY}:{SMALL}')
        self.start('small', SMALL, small_config, *around, 'sh')
        for mode, port in FRONTS.items():
            program = str(Path(__file__).with_name('front.py'))
            words = [GATEWAY, str(port), str(OPEN), mode]
            log = folder / f'front-{mode}.log'
            self.lab.spawn([sys.executable, program, *words], log=log)
            wait_for(mode, lambda port=port: self.lab.is_listening(port))


@pytest.fixture(scope='module')
def shelf(lab, tmp_path_factory):
    return Shelf(lab, tmp_path_factory.mktemp('shelf'))


@pytest.fixture(scope='module')
def odd(shelf):
    shelf.start_odd_ones()
    return shelf


def client_of(lab, suite):
    """A host whose engine takes plain HTTP of all registries of the lab."""
    host = lab.host(suite)
    config = {'insecure-registries': ['10.99.0.0/24']}
    host.write('/etc/docker/daemon.json', json.dumps(config))
    host.restart_engine()
    return host


@pytest.fixture(scope='module', params=ENGINES)
def client(lab, shelf, request):
    host = client_of(lab, request.param)
    assert log_in(host, shelf.hub.endpoint).returncode == 0
    yield host
    host.close()


def log_in(host, endpoint, password=PASSWORD, **how):
    words = ['docker', 'login', '--username=lab', '--password-stdin', endpoint]
    return host.run(words, stdin=password, check=False, **how)


def copies(host, *words, code=0, **how):
    done = host.run([*COPY, *words, '--format=json'], check=False, **how)
    assert done.returncode == code, done.stdout + done.stderr
    return envelope(done.stdout)


def actions(report):
    return [each['action'] for each in report['results']]


def test_all_platforms_arrive_and_are_pulled_by_the_short_name(client, shelf):
    """Copied from a hub with a login; pulled through the mirror, under one digest."""
    name, suite = 'elasticsearch/elasticsearch', client.suite
    source, to = shelf.named(name), f'--to={shelf.push.endpoint}'
    # Each engine has a copy of its own to make: the tag of the one before goes.
    shelf.lab.run(['rm', '-rf', str(shelf.lab.folder / 'copies/docker')])
    assert actions(copies(client, source, to, '--check', code=3)) == ['copied']
    assert shelf.digest_at(shelf.push, name) == ''
    report = copies(client, source, to)
    (result,) = report['results']
    assert (result['destination'], result['digest']) == (
        f'{shelf.push.endpoint}/{name}:8.15.0',
        shelf.digests[name],
    )
    assert result['platforms'] == list(PLATFORMS)
    assert result['bytes'] > 2 * 500_000
    (finding,) = report['findings']
    assert finding['check'] == 'copy-namespace'
    assert shelf.digest_at(shelf.push, name) == shelf.digests[name]
    assert PASSWORD not in json.dumps(report)
    mirror = f'--mirror=http://{shelf.push.endpoint}'
    client.run(['registry-host', 'configure', '--no-probe', mirror])
    client.run(['docker', 'pull', f'{name}:8.15.0'])
    words = ['docker', 'image', 'inspect', '-f', '{{json .RepoDigests}}']
    shown = json.loads(client.run([*words, f'{name}:8.15.0']).stdout)
    assert shown == [f'{name}@{shelf.digests[name]}']
    assert suite in ENGINES


def written_list(host, count):
    lines = [f'{GATEWAY}:{HUB}/team/app{n}:8.15.0  # {n}' for n in range(count)]
    host.write('/tmp/list', '# of the team\n\n' + '\n'.join(lines) + '\n')
    return '--from-file=/tmp/list'


def test_what_is_there_is_left_alone(client, shelf):
    """The second run asks by HEAD alone, at both ends."""
    listed = written_list(client, 12)
    to = f'--to={shelf.push.endpoint}/{client.suite}'
    report = copies(client, listed, to)
    assert set(actions(report)) == {'copied'}
    before = len(shelf.hub.requests()), len(shelf.push.requests())
    report = copies(client, listed, to)
    assert (set(actions(report)), report['changed']) == ({'none'}, False)
    for service, seen in zip((shelf.hub, shelf.push), before, strict=True):
        new = [r for r in service.requests()[seen:] if r.path != '/v2/']
        assert {r.method for r in new} == {'HEAD'}
        assert all('/manifests/' in r.path for r in new)
    done = client.run([*COPY, '-q', listed, to])
    assert done.stdout + done.stderr == ''
    done = client.run([*COPY, listed, to])
    assert done.stdout + done.stderr == '12 images: 12 already there\n'


def test_a_layer_that_images_share_is_sent_once(client, odd):
    """By root and by others: skopeo remembers what the destination has."""
    for user in ('root', 'alice'):
        names = (f'{GATEWAY}:{OPEN}/team/app{n}:8.15.0' for n in (40, 41))
        to = f'--to={odd.push.endpoint}/shared-{client.suite}-{user}'
        before = len(odd.push.requests())
        copies(client, *names, to, '--jobs=1', user=user)
        new = odd.push.requests()[before:]
        mounted = [r for r in new if r.method == 'POST' and 'mount=' in r.path]
        assert [r.status for r in mounted].count(201) >= 1
        # Two configs and two layers of an image's own; and the shared layer at most.
        assert len([r for r in new if r.method == 'PATCH']) <= 2 * 4 + 1


def test_without_skopeo_the_engine_copies_and_says_what_is_lost(client, shelf):
    """One platform, under another digest; a second run knows it all the same."""
    images = client.run(['docker', 'image', 'ls', '-q', '--no-trunc']).stdout
    client.run('mv /usr/bin/skopeo /usr/bin/skopeo.away')
    sources = [shelf.named(name) for name in ('kibana/kibana', 'team/app0')]
    to = f'--to={shelf.push.endpoint}/by-engine/{client.suite}'
    try:
        report = copies(client, *sources, to)
        again = copies(client, *sources, to)
        other = copies(client, sources[0], '--platform=linux/arm64', f'{to}/arm')
    finally:
        client.run('mv /usr/bin/skopeo.away /usr/bin/skopeo')
    assert (actions(report), actions(again)) == (['copied'] * 2, ['none'] * 2)
    (finding,) = report['findings']
    assert finding['message'].startswith(
        'skopeo is not installed: images are copied by the engine, for linux/amd64 '
    )
    assert finding['remedy'][0]['argv'] == ['apt-get', 'install', 'skopeo']
    (first, _) = report['results']
    assert first['digest'] != shelf.digests['kibana/kibana']
    path = f'by-engine/{client.suite}/kibana/kibana'
    assert first['digest'] == shelf.digest_at(shelf.push, path)
    assert actions(other) == ['copied']
    # The engine has the images that it had.
    assert client.run(['docker', 'image', 'ls', '-q', '--no-trunc']).stdout == images
    assert PASSWORD not in json.dumps(report)


# What goes wrong, by the skopeo of one host


@pytest.fixture(scope='module')
def copier(lab, odd):
    host = client_of(lab, 'bookworm')
    log_in(host, odd.hub.endpoint)
    yield host
    host.close()


def test_one_that_is_killed_goes_on_where_it_was(copier, shelf):
    listed, to = written_list(copier, MANY), f'--to={shelf.push.endpoint}/killed'
    words = ' '.join((*COPY, listed, to))
    copier.run(
        f'{words} >/tmp/said & pid=$!; '
        'until [ "$(wc -l </tmp/said)" -gt 4 ]; do sleep 0.02; done; kill -9 $pid'
    )
    done = len(copier.read('/tmp/said').splitlines())
    assert 4 < done < MANY
    report = copies(copier, listed, to)
    assert actions(report).count('none') >= done
    assert set(actions(report)) == {'none', 'copied'}
    names = [f'team/app{n}' for n in range(MANY)]
    there = shelf.digests_at(shelf.push.endpoint, [f'killed/{n}' for n in names])
    assert there == [shelf.digests[name] for name in names]


def from_front(mode, name):
    return f'{GATEWAY}:{FRONTS[mode]}/{name}:8.15.0'


def test_limits_of_a_hub_are_kept_and_told(copier, odd):
    to = f'--to={odd.push.endpoint}/limits'
    done = copier.run([*COPY, from_front('limited', 'team/app1'), to])
    told = f'{GATEWAY}:5061 limits requests (429): waiting 1 s\n'
    assert done.stderr in (told, told * 2)
    sources = [from_front('exhausted', f'team/app{n}') for n in (1, 2)]
    report = copies(copier, *sources, odd.named('team/app3'), to, code=1)
    assert actions(report) == ['failed', 'failed', 'copied']
    (error,) = report['errors']
    assert error['message'] == (
        f'{GATEWAY}:5062: limits the rate of requests (429 Too Many Requests); it asks '
        f'to wait for 5 h; not copied: {", ".join(sources)}'
    )


def test_tokens_expire_and_are_asked_for_again(copier, odd):
    """They are for one repository each, and end after two seconds."""
    to = f'--to={odd.push.endpoint}/tokens'
    names = [from_front('token', f'team/app{n}') for n in range(3)]
    error = copies(copier, *names, to, code=1)['errors'][0]
    assert error['message'].startswith(
        f'{GATEWAY}:5063: has no such image, or requires a login (401); '
    )
    assert error['hint'] == f'docker login {GATEWAY}:5063'
    config = '/root/.docker/config.json'
    before = copier.read(config)
    moved = before.replace(f'{GATEWAY}:{HUB}', f'{GATEWAY}:5063')
    try:
        copier.write(config, moved, mode='600')
        report = copies(copier, *names, to, '--jobs=1')
        assert actions(report) == ['copied'] * 3
    finally:
        copier.write(config, before, mode='600')


def test_a_connection_that_breaks_is_taken_up_again(copier, odd):
    to = f'--to={odd.push.endpoint}/cut'
    report = copies(copier, from_front('cut', 'big/cut'), to)
    assert report['results'][0]['digest'] == odd.digests['big/cut']


def test_a_network_that_is_cut_costs_the_images_that_are_left(copier, odd):
    """And nothing is half there: the name comes last."""
    sources = [from_front('slow', 'big/slow'), odd.named('team/app5')]
    to = f'--to={odd.push.endpoint}/net'
    words = ' '.join((*COPY, *sources, to, '--format=json'))
    reject = 'OUTPUT -p tcp --dport 5065 -j REJECT --reject-with tcp-reset'
    copier.run(
        f'{words} >/tmp/said & pid=$!; sleep 1.2; iptables -A {reject}; '
        'wait $pid; echo $? >/tmp/code'
    )
    assert copier.read('/tmp/code') == '1\n'
    report = envelope(copier.read('/tmp/said'))
    assert actions(report) == ['failed', 'copied']
    assert odd.digest_at(odd.push, 'net/big/slow') == ''
    copier.run(f'iptables -D {reject}')
    assert actions(copies(copier, *sources, to)) == ['copied', 'none']


def test_a_destination_that_fails_is_told(copier, odd):
    """Its disk is full in the middle of an image; the name of that is not there."""
    source = odd.named('elasticsearch/elasticsearch')
    to = f'{GATEWAY}:{SMALL}'
    report = copies(copier, source, odd.named('team/app6'), f'--to={to}', code=1)
    assert actions(report)[0] == 'failed'
    message = report['errors'][0]['message']
    assert message.startswith(f'{to}: fails at uploads (')
    assert '): its storage may be full, and its log says why; not copied: ' in message
    assert odd.digests_at(to, ['elasticsearch/elasticsearch']) == ['']


def test_what_cannot_be_a_destination_is_known_before_the_first_byte(copier, odd):
    source = odd.named('team/app7')
    before = len(odd.hub.requests())
    for to, message in (
        (f'{GATEWAY}:5000', 'is a pull-through cache, and takes no pushes'),
        (
            f'{GATEWAY}:{READ_ONLY}',
            'is read-only, and takes no pushes (storage.maintenance.readonly)',
        ),
        (f'{GATEWAY}:{CLOSED}', 'nothing listens there (Connection refused)'),
        (
            f'{GATEWAY}:{FRONTS["token"]}',
            'asks for a login, and docker login has stored none',
        ),
    ):
        report = copies(copier, source, f'--to={to}', code=1)
        (error,) = report['errors']
        assert error['message'].startswith(f'{to}: {message}')
        assert error['message'].endswith('; nothing was copied')
    new = odd.hub.requests()[before:]
    assert {r.method for r in new if r.path != '/v2/'} <= {'HEAD'}


def test_a_wrong_password_is_told(copier, odd):
    config = '/root/.docker/config.json'
    before = copier.read(config)
    auth = b64encode(b'lab:wrong').decode()
    login = {'auths': {odd.hub.endpoint: {'auth': auth}}}
    try:
        copier.write(config, json.dumps(login), mode='600')
        report = copies(
            copier, odd.named('team/app8'), f'--to={odd.push.endpoint}', code=1
        )
        away = copies(copier, 'localhost:1/x', f'--to={odd.hub.endpoint}', code=1)
    finally:
        copier.write(config, before, mode='600')
    (error,) = report['errors']
    assert error['message'].startswith(f'{odd.hub.endpoint}: does not take this login')
    assert error['hint'] == f'docker login {odd.hub.endpoint}'
    assert away['errors'][0]['message'] == (
        f'{odd.hub.endpoint}: does not take this login (401); nothing was copied'
    )


def test_what_a_collection_has_taken_is_copied_again(copier, odd):
    """With --verify, which asks for each manifest that an index lists."""
    to = f'--to={odd.push.endpoint}/verified'
    source = odd.named('kibana/kibana')
    copies(copier, source, to)
    folder = odd.lab.folder / 'copies/docker/registry/v2/repositories/verified'
    revisions = folder / 'kibana/kibana/_manifests/revisions/sha256'
    index = odd.digests['kibana/kibana'].removeprefix('sha256:')
    child = next(path for path in revisions.iterdir() if path.name != index)
    odd.lab.run(['rm', '-r', str(child)])
    assert actions(copies(copier, source, to)) == ['none']
    assert actions(copies(copier, source, to, '--verify', '--check', code=3)) == [
        'updated'
    ]
    assert actions(copies(copier, source, to, '--verify')) == ['updated']
    assert child.is_dir()
    assert actions(copies(copier, source, to, '--verify')) == ['none']


def test_certificates_are_those_of_the_engine(copier, odd):
    """A CA and a client's certificate in certs.d, for a registry of no list."""
    folder = odd.lab.folder
    pairs = []
    for name in ('server', 'client'):
        (folder / f'copy-{name}').mkdir()
        made = make_certificates(folder / f'copy-{name}', 'registry.lab', GATEWAY)
        pairs.append([str(path) for path in made])
    (authority, certificate, key), client = pairs
    config = json.loads(registry_config(folder / 'other-hub', f'{GATEWAY}:{TLS}'))
    tls = {'certificate': certificate, 'key': key, 'clientcas': [client[0]]}
    config['http']['tls'] = tls
    odd.start('tls', TLS, json.dumps(config))
    before = copier.read('/etc/docker/daemon.json')
    listed = {'insecure-registries': [odd.push.endpoint]}
    copier.write('/etc/docker/daemon.json', json.dumps(listed))
    copier.run(['systemctl', 'reload', 'docker'])
    wait_for('list', lambda: '10.99.0.0/24' not in copier.insecure())
    source = f'registry.lab:{TLS}/team/app9:8.15.0'
    to = f'--to={odd.push.endpoint}/tls'
    trusted = f'/etc/docker/certs.d/registry.lab:{TLS}'
    (error,) = copies(copier, source, to, code=1)['errors']
    assert f'registry.lab:{TLS}: ' in error['message']
    copier.write(f'{trusted}/ca.crt', Path(authority).read_text())
    (error,) = copies(copier, source, to, code=1)['errors']
    assert 'ends the TLS handshake' in error['message']
    copier.write(f'{trusted}/me.cert', Path(client[1]).read_text())
    copier.write(f'{trusted}/me.key', Path(client[2]).read_text(), mode='600')
    assert actions(copies(copier, source, to)) == ['copied']
    copier.write('/etc/docker/daemon.json', before)
    copier.run(['systemctl', 'reload', 'docker'])


def test_an_engine_that_does_not_run_is_not_needed(copier, odd):
    """Its daemon.json counts all the same."""
    source, to = odd.named('team/app9'), f'--to={odd.push.endpoint}/stopped'
    copier.run(['systemctl', 'stop', 'docker.service', 'docker.socket'])
    try:
        assert actions(copies(copier, source, to)) == ['copied']
        before = copier.read('/etc/docker/daemon.json')
        copier.write('/etc/docker/daemon.json', '{"insecure-registries": [')
        (error,) = copies(copier, source, to, code=1)['errors']
        assert error['message'] == (
            f'{odd.push.endpoint}: speaks plain HTTP, and is not an insecure registry '
            'of this host; nothing was copied'
        )
        hint = f'registry-host configure --insecure-registry {odd.push.endpoint}'
        assert error['hint'] == hint
        copier.write('/etc/docker/daemon.json', before)
    finally:
        copier.run(['systemctl', 'start', 'docker.service'])
