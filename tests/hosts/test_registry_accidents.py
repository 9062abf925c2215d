"""Two accidents of registries set up by hand, and why the rendered ones are spared.

Both were reported by operators: distribution#4191 and #1356 (layers that expire), #3178
and #4461 (garbage collection of untagged manifests).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import services

NAIVE_CACHE = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {root}
  delete:
    enabled: true
http:
  addr: {listen}
proxy:
  remoteurl: {upstream}
"""
CACHE, PUSH = 5011, 5012
MANIFESTS = (
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
)


class Registries:
    """Real registries of this machine in the lab's network, by their configs."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = folder
        self.storage = folder / 'storage'
        self._running = {}

    def render(self, kind, name, port, *words):
        """Have registry-host write the config of a registry on the one storage."""
        program = [sys.executable, '-m', 'registry_host', f'--root={self.folder}']
        listen = f'--listen={self.lab.hub.address}:{port}'
        storage = f'--storage={self.storage}'
        subprocess.run(
            [
                *(*program, 'registry', 'render', kind, listen, storage, *words),
                f'--write=/{name}',
            ],
            capture_output=True,
            check=True,
        )
        return self.folder / name / 'config.yml'

    def start(self, config, port):
        log = self.folder / f'{port}.log'
        process = self.lab.spawn(['docker-registry', 'serve', str(config)], log=log)
        self._running[port] = (process, config)
        services.wait_for(f'{port}', lambda: self.lab.is_listening(port))

    def stop(self, port):
        process, _ = self._running.pop(port)
        process.terminate()
        process.wait(20)

    def restart(self, port):
        _, config = self._running[port]
        self.stop(port)
        self.start(config, port)

    def close(self):
        for port in tuple(self._running):
            self.stop(port)

    def get(self, port, path):
        """Ask for a path, inside of the lab's network; the status and the body."""
        accept = ', '.join(MANIFESTS)
        script = (
            'import sys, urllib.request as u, urllib.error as e\n'
            'r = u.Request(sys.argv[1], headers={"Accept": sys.argv[2]})\n'
            'try: f = u.urlopen(r); print(f.status); print(f.read().hex())\n'
            'except e.HTTPError as err: print(err.code); print()\n'
        )
        url = f'http://{self.lab.hub.address}:{port}/v2/{path}'
        done = self.lab.run([sys.executable, '-c', script, url, accept])
        status, body = done.stdout.decode().split('\n')[:2]
        return int(status), bytes.fromhex(body)

    def blobs(self, port, name):
        """Pull an image; the digests of its blobs."""
        status, body = self.get(port, f'{name}/manifests/latest')
        assert status == 200
        manifest = json.loads(body)
        found = [each['digest'] for each in (manifest['config'], *manifest['layers'])]
        for digest in found:
            assert self.get(port, f'{name}/blobs/{digest}')[0] == 200
        return found


@pytest.fixture
def registries(lab, tmp_path):
    found = Registries(lab, tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize('is_naive', (True, False), ids=('by-hand', 'rendered'))
def test_what_expires_in_a_cache_and_images_that_were_pushed(lab, registries, is_naive):
    """A cache and a push instance on one storage; what was fetched has expired."""
    upstream = f'http://{lab.hub.endpoint}'
    if is_naive:
        cache = registries.folder / 'cache.yml'
        listen = f'{lab.hub.address}:{CACHE}'
        cache.write_text(
            NAIVE_CACHE.format(
                root=registries.storage, listen=listen, upstream=upstream
            )
        )
    else:
        flags = (f'--upstream={upstream}', '--shared-storage')
        cache = registries.render('cache', 'cache', CACHE, *flags)
    push = registries.render('push', 'push', PUSH)
    registries.start(cache, CACHE)
    registries.start(push, PUSH)
    fetched = registries.blobs(CACHE, 'library/hello')
    mine = f'{lab.hub.address}:{PUSH}/library/mine'
    lab.copy_image(f'{lab.hub.endpoint}/library/hello', mine)
    pushed = registries.blobs(PUSH, 'library/mine')
    schedule = registries.storage / 'scheduler-state.json'
    # Written every few seconds, and whole once each blob has its entry.
    services.wait_for('schedule', lambda: is_scheduled(schedule, fetched), timeout_s=30)
    registries.stop(CACHE)
    entries = json.loads(schedule.read_text())
    for entry in entries.values():
        entry['ExpiryData'] = '2020-01-01T00:00:00Z'
    schedule.write_text(json.dumps(entries))
    registries.start(cache, CACHE)
    log = registries.folder / f'{CACHE}.log'
    blobs = registries.storage / 'docker/registry/v2/blobs'
    if is_naive:
        services.wait_for('expiry', lambda: len([*blobs.rglob('data')]) < 2)
    else:  # It says of each that it would have removed it.
        said = 'operation unsupported'
        services.wait_for('expiry', lambda: log.read_text().count(said) >= 2)
    registries.restart(PUSH)
    found = {registries.get(PUSH, f'library/mine/blobs/{each}')[0] for each in pushed}
    assert (404 in found) == is_naive


def is_scheduled(schedule, digests):
    text = schedule.read_text() if schedule.exists() else ''
    return text.endswith('}') and all(digest in text for digest in digests)


@pytest.mark.parametrize('is_naive', (True, False), ids=('by-hand', 'rendered'))
def test_garbage_collection_and_the_platforms_of_an_image(
    lab, registries, tmp_path, is_naive
):
    """`-m` takes the manifests of an index for untagged ones, and removes them."""
    config = registries.render('push', 'push', PUSH)
    registries.start(config, PUSH)
    layout = tmp_path / 'two-platforms'
    services.write_hello_image(layout, Path('/bin/busybox'))
    children = with_second_platform(layout)
    destination = f'docker://{lab.hub.address}:{PUSH}/library/two:latest'
    lab.run(
        [
            *('skopeo', '--insecure-policy', 'copy', '--all', '--quiet'),
            '--preserve-digests',
            *('--dest-tls-verify=false', f'oci:{layout}:latest', destination),
        ]
    )
    path = 'library/two/manifests'
    assert [registries.get(PUSH, f'{path}/{each}')[0] for each in children] == [
        200,
        200,
    ]
    command = ['docker-registry', 'garbage-collect']
    lab.run([*command, *(['-m'] if is_naive else []), str(config)])
    registries.restart(PUSH)
    assert registries.get(PUSH, f'{path}/latest')[0] == 200
    found = [registries.get(PUSH, f'{path}/{each}')[0] for each in children]
    assert found == [404 if is_naive else 200] * 2
    assert '-m' not in rendered_collector().split()


def with_second_platform(layout):
    """Put an index of two platforms over the one of a layout; their digests."""
    blobs = layout / 'blobs/sha256'
    listed = json.loads((layout / 'index.json').read_text())
    (first,) = listed['manifests']
    del first['annotations']
    manifest = json.loads((blobs / first['digest'][7:]).read_text())
    config = json.loads((blobs / manifest['config']['digest'][7:]).read_text())
    manifest['config'].update(blob(blobs, {**config, 'architecture': 'arm64'}))
    second = {**first, **blob(blobs, manifest)}
    platforms = ('amd64', 'arm64')
    for each, architecture in zip((first, second), platforms, strict=True):
        each['platform'] = {'os': 'linux', 'architecture': architecture}
    index = {
        'schemaVersion': 2,
        'mediaType': MANIFESTS[0],
        'manifests': [first, second],
    }
    entry = {'mediaType': MANIFESTS[0], **blob(blobs, index)}
    entry['annotations'] = {'org.opencontainers.image.ref.name': 'latest'}
    (layout / 'index.json').write_text(
        json.dumps({'schemaVersion': 2, 'manifests': [entry]})
    )
    return first['digest'], second['digest']


def blob(folder, value):
    content = json.dumps(value).encode()
    digest = hashlib.sha256(content).hexdigest()
    (folder / digest).write_bytes(content)
    return {'digest': f'sha256:{digest}', 'size': len(content)}


def rendered_collector():
    """The command that the unit of a garbage collection starts."""
    words = ['registry', 'render', 'push', '--as=units']
    program = [sys.executable, '-m', 'registry_host']
    done = subprocess.run(
        [*program, *words], capture_output=True, text=True, check=True
    )
    lines = (line for line in done.stdout.splitlines() if 'garbage-collect $' in line)
    return next(lines)
