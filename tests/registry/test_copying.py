"""Whether an image is at its destination: digests compared, in real registries."""

from __future__ import annotations

import shutil

import pytest
from multiplatform import Layout
from shelves import Shelf, client_of, upload
from webservers import registry, web_server

from registry_host.errors import Problem
from registry_host.registry.contents import children_of
from registry_host.registry.copying import Copied, Decision, decide, failed, proved
from registry_host.registry.landing import Landing
from registry_host.settings.references import Reference

ARM = 'linux/arm/v7'
ZEROS = f'sha256:{"0" * 64}'


class Ends:
    """Two real registries, and images in the first."""

    def __init__(self, folder, origin, destination):
        self.layout = Layout(folder / 'layout')
        self.destination_folder = folder / 'destination'
        self.names = origin, destination
        self.origin, self.destination = client_of(origin), client_of(destination)
        self.app = self.layout.add('app', platforms=('linux/amd64', ARM))
        self.newer = self.layout.add('newer', platforms=('linux/amd64', ARM), size=1001)
        self.upload(0, 'app', 'team/app:1')
        upload(self.layout, 'app', f'{origin}/team/single:1', '--override-arch=amd64')

    def upload(self, end, tag, name):
        upload(self.layout, tag, f'{self.names[end]}/{name}')

    def landing(self, path='team/app', tag='1', digest='', target=None):
        origin, destination = self.names
        source = Reference(origin, path, tag, digest)
        return Landing(
            source,
            Reference(
                destination, target or path, tag or '', digest if not tag else ''
            ),
        )

    def decide(self, landing, **how):
        return decide(landing, self.origin, self.destination, **how)

    def child(self, client, path, platform):
        children = children_of(client.get(path, '1'))
        return next(child.digest for child in children if child.platform == platform)


@pytest.fixture(scope='module')
def ends(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ends')
    with registry(folder / 'origin') as origin:
        with registry(folder / 'destination') as destination:
            yield Ends(folder, origin, destination)


def told(decision):
    return decision.action, decision.digest, decision.has_all, decision.problem


def test_what_is_not_there_is_copied_with_all_platforms(ends):
    landing = ends.landing(target='new/app')
    found = ends.decide(landing)
    assert told(found) == ('copied', ends.app, True, None)
    assert (found.landing, found.is_pending) == (landing, True)


def test_what_is_there_is_left_alone(ends):
    ends.upload(1, 'app', 'there/app:1')
    found = ends.decide(ends.landing(target='there/app'))
    assert told(found) == ('none', ends.app, True, None)
    assert not found.is_pending


def test_what_has_another_digest_is_updated(ends):
    ends.upload(1, 'newer', 'older/app:1')
    found = ends.decide(ends.landing(target='older/app'))
    assert told(found) == ('updated', ends.app, True, None)


def test_an_image_by_its_digest(ends):
    ends.upload(1, 'app', 'digest/app:1')
    landing = ends.landing(tag='', digest=ends.app, target='digest/app')
    assert told(ends.decide(landing)) == ('none', ends.app, True, None)
    landing = ends.landing(tag='', digest=ends.app, target='digest/new')
    assert told(ends.decide(landing)) == ('copied', ends.app, True, None)


def test_a_tag_with_a_digest_is_that_digest(ends):
    """Whatever the tag stands for by now."""
    ends.upload(0, 'newer', 'moved/app:1')
    ends.upload(0, 'app', 'moved/app:0')
    landing = ends.landing('moved/app', digest=ends.app)
    assert str(landing.target).endswith('/moved/app:1')
    assert told(ends.decide(landing)) == ('copied', ends.app, True, None)


def test_an_image_that_the_source_does_not_have(ends):
    found = ends.decide(ends.landing('team/typo'))
    problem = Problem('copy-absent', 'has no such image', ends.names[0])
    assert told(found) == ('failed', '', True, problem)


@pytest.mark.parametrize('wanted', (ARM, 'linux/arm'))
def test_one_platform_alone(ends, wanted):
    digest = ends.child(ends.origin, 'team/app', ARM)
    found = ends.decide(ends.landing(target='one/app'), platform=wanted)
    assert told(found) == ('copied', digest, False, None)


def test_a_platform_that_it_is_not_there_for(ends):
    found = ends.decide(ends.landing(), platform='linux/s390x')
    message = f'is not there for linux/s390x, but for linux/amd64, {ARM}'
    problem = Problem('copy-platform', message, f'{ends.names[0]}/team/app:1')
    assert told(found) == ('failed', '', True, problem)


def test_an_image_of_one_platform_with_platform(ends):
    digest = ends.origin.head('team/single', '1').digest
    found = ends.decide(ends.landing('team/single'), platform='linux/amd64')
    assert told(found) == ('copied', digest, False, None)
    other = ends.decide(ends.landing('team/single'), platform='linux/arm64')
    message = 'is not there for linux/arm64, but for linux/amd64'
    assert other.problem.message == message


# --verify


def test_a_manifest_that_has_gone_is_found_by_verify_alone(ends):
    ends.upload(1, 'app', 'verify/app:1')
    landing = ends.landing(target='verify/app')
    assert ends.decide(landing, is_verifying=True).action == 'none'
    lost = ends.child(ends.destination, 'verify/app', ARM)
    revisions = ends.destination_folder / (
        'docker/registry/v2/repositories/verify/app/_manifests/revisions/sha256'
    )
    shutil.rmtree(revisions / lost.removeprefix('sha256:'))
    assert ends.decide(landing).action == 'none'
    found = ends.decide(landing, is_verifying=True)
    assert told(found) == ('updated', ends.app, True, None)
    broken = proved(found, ends.destination, is_exact=True)
    problem = Problem(
        'copy-absent',
        'has no such image, after it was copied there',
        ends.names[1],
    )
    assert broken == Copied(landing, 'failed', ends.app, problem=problem)
    ends.upload(1, 'app', 'verify/app:1')
    assert ends.decide(landing, is_verifying=True).action == 'none'


# By an engine


def test_what_an_engine_has_copied_is_known_by_its_config(ends):
    """It has another manifest, of one platform."""
    shelf = Shelf()
    amd = ends.origin.get(
        'team/app', ends.child(ends.origin, 'team/app', 'linux/amd64')
    )
    config = amd.parsed['config']
    shelf.add('1', kind='application/x', config=config, layers=[{'digest': 'sha256:x'}])
    shelf.image('2', config='other')
    landing = ends.landing(target='a/b')
    with web_server(shelf) as server:
        client = client_of(server.endpoint)

        def action(tag, platform):
            target = landing.target._replace(tag=tag)
            asked = landing._replace(target=target)
            return decide(asked, ends.origin, client, by_engine=platform).action

        assert action('1', 'linux/amd64') == 'none'
        assert action('1', ARM) == 'updated'
        assert action('1', 'linux/s390x') == 'updated'
        assert action('2', 'linux/amd64') == 'updated'
        assert action('1', '') == 'updated'
        assert action('3', 'linux/amd64') == 'copied'


def test_two_images_without_a_config_are_not_the_same():
    shelf = Shelf()
    shelf.add('1', kind='application/x', layers=[])
    shelf.add('2', kind='application/x', layers=[1])
    with web_server(shelf) as server:
        client = client_of(server.endpoint)
        source, target = (Reference(server.endpoint, 'a/b', tag) for tag in '12')
        landing = Landing(source, target)
        found = decide(landing, client, client, by_engine='linux/amd64')
    assert found.action == 'updated'


# What came of it


def test_what_was_copied_is_proved(ends):
    ends.upload(1, 'app', 'proved/app:1')
    landing = ends.landing(target='proved/app')
    found = proved(
        Decision(landing, 'copied', ends.app), ends.destination, is_exact=True
    )
    assert found.size > 4000
    assert found._replace(size=None) == Copied(
        landing, 'copied', ends.app, ('linux/amd64', ARM)
    )


def test_another_digest_after_a_copy(ends):
    ends.upload(1, 'app', 'other/app:1')
    landing = ends.landing(target='other/app')
    decision = Decision(landing, 'updated', ends.newer)
    found = proved(decision, ends.destination, is_exact=True)
    message = f'has the digest {ends.app} after the copy, not {ends.newer}'
    problem = Problem('copy-digest', message, str(landing.target))
    assert found == Copied(landing, 'failed', ends.newer, problem=problem)
    found = proved(decision, ends.destination, is_exact=False)
    assert (found.action, found.digest) == ('updated', ends.app)


def test_one_platform_of_an_index_in_an_index(ends):
    """skopeo would copy that of this machine, and have the tag stand for it."""
    shelf = Shelf()
    amd, arm = shelf.image(config='c1'), shelf.image(config='c2')
    inner = shelf.index(linux_amd64=amd, linux_arm64=arm)
    kind = 'application/vnd.oci.image.index.v1+json'
    platform = {'os': 'linux', 'architecture': 'arm64'}
    entry = {'digest': inner, 'mediaType': kind, 'platform': platform}
    shelf.add('1', kind=kind, manifests=[entry])
    with web_server(shelf) as server:
        client = client_of(server.endpoint)
        found = decide(ends.landing(), client, ends.destination, platform='linux/arm64')
    assert told(found)[1:] == (arm, False, None)


def test_an_engine_that_leaves_there_what_was_there_before(ends):
    """As where it is ended while it pushes: nothing fails, and nothing is pushed."""
    shelf = Shelf()
    older = shelf.image('1', config='other')
    with web_server(shelf) as server:
        client = client_of(server.endpoint)
        landing = ends.landing(target='a/b')
        found = decide(landing, ends.origin, client, by_engine='linux/amd64')
        assert found.action == 'updated'
        came = proved(found, client, is_exact=False)
        message = f'is another image after the copy ({older})'
        problem = Problem('copy-digest', message, str(landing.target))
        assert came == Copied(landing, 'failed', ends.app, problem=problem)
        amd = ends.child(ends.origin, 'team/app', 'linux/amd64')
        config = ends.origin.get('team/app', amd).parsed['config']
        shelf.add('1', kind='application/x', config=config, layers=[])
        assert proved(found, client, is_exact=False).action == 'updated'


def test_nothing_there_after_a_copy(ends):
    landing = ends.landing(target='nothing/app')
    found = proved(
        Decision(landing, 'copied', ends.app), ends.destination, is_exact=True
    )
    assert found.problem.message == 'has no such image, after it was copied there'


# Destinations that answer nonsense


@pytest.mark.parametrize(
    ('header', 'body', 'action', 'code'),
    (
        ('text', b'<html>\x1b[2J', 'copied', 'copy-no-manifest'),
        ('x' * 9000, b'', 'copied', 'copy-no-manifest'),
        (ZEROS, b'[[[[', 'updated', 'copy-no-manifest'),
        (ZEROS, b'{"a": 1}', 'updated', 'copy-digest'),
    ),
)
def test_a_destination_that_has_everything_is_copied_to(
    ends, header, body, action, code
):
    reply = 200, [('Docker-Content-Digest', header)], body
    with web_server(lambda *_: reply) as server:
        client = client_of(server.endpoint)
        found = decide(ends.landing(), ends.origin, client)
        assert told(found) == (action, ends.app, True, None)
        came = proved(found, client, is_exact=True)
    assert (came.action, came.problem.code) == ('failed', code)


def test_a_failure_of_either_end_is_one_of_this_image(ends):
    with web_server(lambda *_: (418, [], b'')) as server:
        client = client_of(server.endpoint, 'r.lab')
        problem = Problem('copy-refused', 'answers 418 for a manifest', 'r.lab')
        found = decide(ends.landing(), ends.origin, client)
        assert told(found) == ('failed', '', True, problem)
        found = decide(ends.landing(), client, ends.destination)
        assert told(found) == ('failed', '', True, problem)
    assert failed(found, problem) == Copied(ends.landing(), 'failed', problem=problem)
