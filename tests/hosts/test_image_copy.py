"""Images of a hub with a login, copied to a push instance, pulled by three engines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from envelope import envelope
from lab import GATEWAY, PASSWORD
from multiplatform import PLATFORMS, Layout
from services import registry_config, wait_for

ENGINES = ('bookworm', 'trixie', 'forky')
COPY = ('registry-host', 'image', 'copy')
HUB, PUSH, READ_ONLY, SMALL, CLOSED = (5021, 5022, 5023, 5024, 5025)
FRONTS = {'limited': 5031, 'exhausted': 5032, 'token': 5033, 'cut': 5034}
MANY = 50
DIGEST = """
import sys, urllib.error, urllib.request
kind = 'application/vnd.oci.image.%s.v1+json'
kinds = f"{kind % 'index'},{kind % 'manifest'}"
request = urllib.request.Request(sys.argv[1], headers={'Accept': kinds}, method='HEAD')
try:
    with urllib.request.urlopen(request) as answer:
        print(answer.headers['Docker-Content-Digest'])
except urllib.error.HTTPError as err:
    print('' if err.code == 404 else err)
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
        self._make('kibana/kibana', size=500_000)
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

    def digest_at(self, service, name, tag='8.15.0'):
        """What a registry says that a tag stands for; '' if it has none."""
        url = f'http://{service.endpoint}/v2/{name}/manifests/{tag}'
        shown = self.lab.run([sys.executable, '-c', DIGEST, url])
        return shown.stdout.decode().strip()

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
        small = folder / 'small'
        small.mkdir()
        mount = f'mount -t tmpfs -o size=600k tmpfs {small} && exec "$@"'
        around = ['unshare', '--mount', '--propagation=private', 'sh', '-c', mount]
        small_config = registry_config(small, f'{GATEWAY}:{SMALL}')
        self.start('small', SMALL, small_config, *around, 'sh')
        for mode, port in FRONTS.items():
            program = str(Path(__file__).with_name('front.py'))
            words = [GATEWAY, str(port), str(PUSH), mode]
            log = folder / f'front-{mode}.log'
            self.lab.spawn([sys.executable, program, *words], log=log)
            wait_for(mode, lambda port=port: self.lab.is_listening(port))


@pytest.fixture(scope='module')
def shelf(lab, tmp_path_factory):
    return Shelf(lab, tmp_path_factory.mktemp('shelf'))


def client_of(lab, suite):
    """A host whose engine takes plain HTTP of all registries of the lab."""
    host = lab.host(suite)
    config = {'insecure-registries': ['10.99.0.0/24']}
    host.write('/etc/docker/daemon.json', json.dumps(config))
    host.restart_engine()
    return host


@pytest.fixture(scope='module', params=ENGINES)
def client(lab, request):
    host = client_of(lab, request.param)
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
    assert log_in(client, shelf.hub.endpoint).returncode == 0
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


def test_what_is_there_is_left_alone(client, shelf):
    """The second run asks by HEAD alone, at both ends; each engine's host sees it."""
    list_file = '/tmp/list'
    lines = [f'{shelf.named(f"team/app{n}")}  # {n}' for n in range(MANY)]
    client.write(list_file, '# of the team\n\n' + '\n'.join(lines) + '\n')
    to = f'--to={shelf.push.endpoint}/{client.suite}'
    report = copies(client, f'--from-file={list_file}', to)
    assert set(actions(report)) == {'copied'}
    before = len(shelf.hub.requests()), len(shelf.push.requests())
    report = copies(client, f'--from-file={list_file}', to)
    assert (set(actions(report)), report['changed']) == ({'none'}, False)
    for service, seen in zip((shelf.hub, shelf.push), before, strict=True):
        new = service.requests()[seen:]
        assert {r.method for r in new if r.path != '/v2/'} == {'HEAD'}
        assert {r.path.rpartition('/')[0][-10:] for r in new if r.path != '/v2/'} == {
            '/manifests'
        }
    done = client.run([*COPY, '-q', f'--from-file={list_file}', to])
    assert done.stdout + done.stderr == ''
    done = client.run([*COPY, f'--from-file={list_file}', to])
    assert done.stdout + done.stderr == f'{MANY} images: {MANY} already there\n'
