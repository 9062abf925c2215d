"""What an image consists of, by the manifests that a registry gives."""

from __future__ import annotations

import json
import shutil

import pytest
from multiplatform import Layout
from shelves import DOCKER, Shelf, client_of, upload
from webservers import registry, web_server

from registry_host.registry.client import RequestFailed
from registry_host.registry.contents import (
    Child,
    Contents,
    children_of,
    config_of,
    contents_of,
    missing_children,
    of_platform,
)
from registry_host.registry.manifests import Manifest


def manifest(value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Manifest('sha256:x', '', body)


def contents(shelf, tag='1'):
    """What an image is, and the paths that were asked for."""
    with web_server(shelf) as server:
        client = client_of(server.endpoint)
        found = contents_of(client, 'a/b', client.get('a/b', tag))
    return found, [path.rpartition('/')[2] for _, path, _ in server.asked]


def test_an_index_has_the_platforms_and_the_blobs_of_all():
    shelf = Shelf()
    amd = shelf.image(config='c1', base=100, own=20)
    arm = shelf.image(config='c2', base=100, other=3)
    shelf.index('1', linux_amd64=amd, linux_arm_v7=arm)
    found, asked = contents(shelf)
    # The layer that both have is there once.
    assert found == Contents(('linux/amd64', 'linux/arm/v7'), 100 + 20 + 3 + 2 * 10)
    assert asked == ['1', amd, arm]


def test_an_attestation_is_no_platform():
    shelf = Shelf()
    amd = shelf.image(config='c1', own=20)
    attested = shelf.image(config='c2', provenance=7)
    shelf.index('1', linux_amd64=amd, unknown_unknown=attested)
    assert contents(shelf)[0] == Contents(('linux/amd64',), 20 + 7 + 2 * 10)


def test_a_manifest_list_of_docker_is_an_index():
    shelf = Shelf()
    amd = shelf.image(config='c1', own=20)
    shelf.index('1', kind=f'{DOCKER}.list.v2+json', linux_amd64=amd)
    assert contents(shelf)[0] == Contents(('linux/amd64',), 30)


def test_the_image_of_one_platform_does_not_say_which():
    shelf = Shelf()
    shelf.image('1', base=100)
    assert contents(shelf) == (Contents((), 110), ['1'])


def test_an_index_in_an_index():
    shelf = Shelf()
    amd = shelf.image(config='c1', own=20)
    arm = shelf.image(config='c2', own=20)
    inner = shelf.index(linux_arm64=arm)
    shelf.add(
        '1',
        kind='application/vnd.oci.image.index.v1+json',
        manifests=[
            {'digest': inner},
            {
                'digest': amd,
                'platform': {'os': 'linux', 'architecture': 'amd64'},
            },
        ],
    )
    assert contents(shelf)[0] == Contents(('linux/arm64', 'linux/amd64'), 20 + 20)


def test_indexes_are_not_followed_for_ever():
    shelf = Shelf()
    digest = shelf.image(own=1)
    for _ in range(6):
        digest = shelf.index(linux_amd64=digest)
    shelf.manifests['1'] = shelf.manifests[digest]
    assert len(contents(shelf)[1]) == 4


def test_what_is_listed_many_times_is_asked_for_once():
    """Three indexes that list one another a thousand times are 10^9 manifests."""
    shelf = Shelf()
    digest = shelf.image(own=1)
    index = 'application/vnd.oci.image.index.v1+json'
    amd = {'os': 'linux', 'architecture': 'amd64'}
    for _ in range(3):
        listed = [{'digest': digest, 'platform': amd}] * 20
        digest = shelf.add('1', kind=index, manifests=listed)
    found, asked = contents(shelf)
    assert (len(found.platforms), found.size, len(asked)) == (3 * 20, 1 + 10, 4)
    with web_server(shelf) as server:
        assert missing_children(client_of(server.endpoint), 'a/b', digest) == ()
    assert len(server.asked) == 6


def test_a_manifest_that_is_missing():
    shelf = Shelf()
    shelf.index('1', linux_amd64=f'sha256:{"0" * 64}')
    with web_server(shelf) as server:
        client = client_of(server.endpoint)
        with pytest.raises(RequestFailed) as failed:
            contents_of(client, 'a/b', client.get('a/b', '1'))
    assert failed.value.is_absent


ODD = (
    b'',
    b'[]',
    b'{"manifests": {}, "layers": {}, "config": []}',
    b'{"manifests": "x", "layers": "x", "config": "x"}',
    b'{"manifests": [null, 1, "x", [], {}, {"digest": 1}], "layers": [null, 1, {}]}',
    b'{"manifests": [{"digest": "../../x"}], "config": {"digest": "sha256:../x"}}',
    b'{"layers": [{"digest": 1, "size": 1}, {"digest": "x", "size": "1"}]}',
    b'{"layers": [{"digest": "x", "size": -5}, {"digest": "y", "size": true}]}',
    b'{"layers": [{"digest": "x", "size": 1e999}, {"digest": "y", "size": 1.5}]}',
    b'{"layers": [{"digest": "x", "size": 1' + b'0' * 400 + b'}]}',
)


@pytest.mark.parametrize('body', ODD)
def test_odd_manifests_have_nothing_in_them(body):
    """A size that is none would be added up, and shown."""
    found = manifest(body)
    assert children_of(found) == ()
    assert config_of(found) == ''
    assert contents_of(None, 'a/b', found) == Contents((), 0)


@pytest.mark.parametrize(
    ('platform', 'text'),
    (
        ({'os': 'linux', 'architecture': 'arm', 'variant': 'v7'}, 'linux/arm/v7'),
        ({'os': 'linux', 'architecture': 'arm64', 'variant': ''}, 'linux/arm64'),
        (
            {'os': 'windows', 'architecture': 'amd64', 'os.version': '10'},
            'windows/amd64',
        ),
        ({'os': 'unknown', 'architecture': 'unknown'}, ''),
        ({'os': 1, 'architecture': None}, ''),
        (None, ''),
        ('linux/amd64', ''),
    ),
)
def test_platforms_are_written_as_docker_does(platform, text):
    digest = f'sha256:{"0" * 64}'
    found = manifest({'manifests': [{'digest': digest, 'platform': platform}]})
    assert children_of(found) == (Child(digest, text),)


@pytest.mark.parametrize(
    ('has', 'wanted', 'found'),
    (
        (('linux/amd64', 'linux/arm64'), 'linux/arm64', 'linux/arm64'),
        (('linux/amd64',), 'linux/arm64', None),
        (('linux/amd64',), 'linux/amd', None),
        (('linux/arm64',), 'linux/arm', None),
        (('linux/arm/v6', 'linux/arm/v7'), 'linux/arm/v7', 'linux/arm/v7'),
        (('linux/arm/v6',), 'linux/arm/v7', None),
        (('linux/arm/v6',), 'linux/arm', 'linux/arm/v6'),
        (('linux/amd64/v3', 'linux/amd64'), 'linux/amd64', 'linux/amd64'),
        # containerd/platforms, database.go normalizeArch.
        (('linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'), 'linux/arm', 'linux/arm/v7'),
        (('linux/arm64/v8',), 'linux/arm64', 'linux/arm64/v8'),
        (('linux/arm64',), 'linux/arm64/v8', 'linux/arm64'),
        (('linux/amd64',), 'linux/amd64/v1', 'linux/amd64'),
        (('', 'linux/amd64'), 'linux/amd64', 'linux/amd64'),
        ((), 'linux/amd64', None),
    ),
)
def test_the_manifest_of_one_platform(has, wanted, found):
    listed = []
    for number, platform in enumerate(has):
        names = ('os', 'architecture', 'variant')
        value = dict(zip(names, platform.split('/'), strict=False)) if platform else {}
        listed.append({'digest': f'sha256:{number:064}', 'platform': value})
    child = of_platform(manifest({'manifests': listed}), wanted)
    assert (child.platform if child else None) == found


def test_an_index_that_has_lost_a_manifest_in_a_real_registry(tmp_path):
    """As a garbage collection with -m leaves it (distribution#3178)."""
    layout = Layout(tmp_path / 'layout')
    digest = layout.add('app', is_attested=True)
    storage = tmp_path / 'storage'
    with registry(storage) as endpoint:
        upload(layout, 'app', f'{endpoint}/team/app:1')
        client = client_of(endpoint)
        assert missing_children(client, 'team/app', digest) == ()
        children = children_of(client.get('team/app', '1'))
        assert [child.platform for child in children] == [
            'linux/amd64',
            'linux/arm64',
            '',
        ]
        lost = children[1].digest
        revisions = storage / (
            'docker/registry/v2/repositories/team/app/_manifests/revisions/sha256'
        )
        shutil.rmtree(revisions / lost.removeprefix('sha256:'))
        assert missing_children(client, 'team/app', digest) == (lost,)
        assert client.head('team/app', '1').digest == digest
