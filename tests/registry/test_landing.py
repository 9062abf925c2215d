"""Where images land: the cases of the field, and others of the same kinds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_host.errors import Problem, repeat_with
from registry_host.registry.copylist import read_names
from registry_host.registry.landing import (
    Destination,
    check_destination,
    collisions,
    host_component,
    invalid_names,
    land,
    name_findings,
)

FOLDER = Path(__file__).parents[1] / 'data/field/copy'
CASES = sorted(FOLDER.glob('*.json'))
HERE = 'registry.example.internal:5002'
A, B = (f'sha256:{letter * 64}' for letter in 'ab')


def read(names):
    """Read names, all of which are images."""
    images, errors, _ = read_names((name, name) for name in names)
    assert errors == []
    return images


def landed(*names, to=HERE, keeps_host=False):
    return land(read(names), check_destination(to), keeps_host=keeps_host)


def targets(landings):
    return [str(each.target) for each in landings]


# The cases of the field


def outcome_of(case):
    """What comes of a case: its landings, and its errors."""
    assert set(case) <= {'name', 'kind', 'input', 'expect', 'why', 'source', 'ran'}
    given = case['input']
    assert set(given) == {'sources', 'options', 'to'}
    to, keeps_host = given['to'], False
    for option in given['options']:
        name, _, value = option.partition('=')
        assert name in ('--to', '--keep-host')
        to = value or to
        keeps_host |= name == '--keep-host'
    images, errors, _ = read_names((name, name) for name in given['sources'])
    landings = land(images, check_destination(to), keeps_host=keeps_host)
    errors += collisions(landings, keeps_host=keeps_host)
    errors += invalid_names(landings)
    return landings, errors


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_field(path):
    case = json.loads(path.read_text(encoding='utf-8'))
    expect = case['expect']
    known = 'destinations destinations_one_of must_not error hint_contains digest'
    assert set(expect) <= set(known.split())
    landings, errors = outcome_of(case)
    if 'error' in expect:
        (problem,) = errors
        assert expect['error'] in problem.message
        assert expect.get('hint_contains', '') in problem.hint
        return
    assert errors == []
    if 'destinations' in expect:
        assert targets(landings) == expect['destinations']
    else:
        assert targets(landings) in expect['destinations_one_of']
    assert not set(targets(landings)) & set(expect.get('must_not', ()))
    if 'digest' in expect:
        assert [each.source.digest for each in landings] == [expect['digest']]


def test_the_cases_of_the_field_are_all_there():
    assert len(CASES) == 11


# Destinations


@pytest.mark.parametrize(
    ('text', 'domain', 'prefix'),
    (
        ('r.lab:5002', 'r.lab:5002', ''),
        ('r.lab:5002/', 'r.lab:5002', ''),
        ('r.lab', 'r.lab', ''),
        ('r.lab/mirror', 'r.lab', 'mirror'),
        ('r.lab:5002/a/b__c/d-e', 'r.lab:5002', 'a/b__c/d-e'),
        ('r.lab:5002/a/b/', 'r.lab:5002', 'a/b'),
        ('r.lab/x', 'r.lab', 'x'),
        ('r.lab/x/x', 'r.lab', 'x/x'),
        ('r.lab/box', 'r.lab', 'box'),
        ('localhost', 'localhost', ''),
        ('localhost/a', 'localhost', 'a'),
        ('registry:5000/a', 'registry:5000', 'a'),
        ('10.0.0.1:5000', '10.0.0.1:5000', ''),
        ('[2001:db8::1]:5000', '[2001:db8::1]:5000', ''),
        ('[2001:db8::1]/a', '[2001:db8::1]', 'a'),
        ('R.lab:5000', 'R.lab:5000', ''),
        ('docker.io', 'docker.io', ''),
        ('docker.io/', 'docker.io', ''),
        ('docker.io/me', 'docker.io', 'me'),
        ('index.docker.io/me', 'docker.io', 'me'),
    ),
)
def test_a_destination(text, domain, prefix):
    found = check_destination(text)
    assert found == Destination(domain, prefix)
    assert str(found) == (f'{domain}/{prefix}' if prefix else domain)


@pytest.mark.parametrize(
    ('text', 'reason'),
    (
        ('', ''),
        ('/', ''),
        ('//', ''),
        ('http://', ''),
        (' ', 'it holds a space'),
        ('r.lab//a', 'a part of the path is empty'),
        ('r.lab:5000/A', 'the path has capital letters'),
        ('r.lab:5000/a:tag', 'it has a tag'),
        ('team/registry:5000', 'it has a tag'),
        (f'r.lab/a@{A}', ''),
        ('r.lab:5000/a b', 'it holds a space'),
        ('r.lab:5000 ', 'it holds a space'),
        ('r.lab:', 'the port of the registry is missing'),
        ('r.lab:x', 'the port of the registry is not a number'),
        ('r.lab:0', 'its port is not one from 1 to 65535'),
        ('r.lab:65536/a', 'its port is not one from 1 to 65535'),
        ('r.lab?x', 'the host of the registry is not a valid host name'),
        ('r_lab:5000', 'the host of the registry has an underscore'),
        ('r_lab.example', 'the host of the registry has an underscore'),
        ('oci:///srv/images', 'it has a scheme'),
        ('r.lab/\x1b[2J', 'it holds the character U+001B'),
        ('r.lab/a\n', 'it holds the character U+000A'),
        (f'r.lab/{"a" * 300}', 'it is too long'),
    ),
)
def test_what_is_no_destination(text, reason):
    problem = check_destination(text)
    shown = text if len(text) <= 200 else f'{text[:200]}…'
    more = f': {reason}' if reason else ''
    message = f'{shown!r} is not HOST[:PORT] or HOST[:PORT]/PREFIX{more}'
    assert problem == Problem('copy-destination', message, '--to', '')


@pytest.mark.parametrize('text', ('me:hunter2@r.lab', 'http://me:hunter2@r.lab:5000'))
def test_a_destination_with_a_password_is_refused_without_it(text):
    problem = check_destination(text)
    assert problem.code == 'copy-destination'
    assert 'hunter2' not in repr(problem)
    assert 'is not HOST[:PORT] or ' in problem.message


@pytest.mark.parametrize(
    ('text', 'hint'),
    (
        ('http://r.lab:5000', 'r.lab:5000'),
        ('https://r.lab/mirror/', 'r.lab/mirror'),
        ('HTTPS://r.lab', 'r.lab'),
        ('docker://r.lab:5000', 'r.lab:5000'),
        ('http://[2001:db8::1]:5000', '[2001:db8::1]:5000'),
    ),
)
def test_a_destination_with_a_scheme(text, hint):
    problem = check_destination(text)
    assert problem == Problem(
        'copy-destination',
        f'{text!r}: a destination is written without a scheme, as the names of images '
        'are',
        '--to',
        hint,
    )
    assert str(check_destination(hint)) == hint


@pytest.mark.parametrize(
    ('text', 'first', 'hint'),
    (
        ('registry', 'registry', 'registry:5000'),
        ('registry/', 'registry', 'registry:5000'),
        ('registry/mirror/hub', 'registry', 'registry:5000/mirror/hub'),
        ('http://registry', 'registry', 'registry:5000'),
    ),
)
def test_a_destination_that_docker_reads_as_a_namespace(text, first, hint):
    problem = check_destination(text)
    assert problem == Problem(
        'copy-destination',
        f'{text!r} does not name a registry: Docker reads {first!r} as a namespace of '
        'Docker Hub, for it has neither a dot nor a port',
        '--to',
        hint,
    )
    assert str(check_destination(hint)) == hint


# Names


def test_a_prefix_of_several_components_stands_in_front():
    names = ('nginx', 'quay.io/team/app:1', 'hub.lab:5001/app')
    assert targets(landed(*names, to='r.lab/a/b')) == [
        'r.lab/a/b/library/nginx:latest',
        'r.lab/a/b/team/app:1',
        'r.lab/a/b/app:latest',
    ]
    assert targets(landed(*names, to='r.lab/a/b', keeps_host=True)) == [
        'r.lab/a/b/docker.io/library/nginx:latest',
        'r.lab/a/b/quay.io/team/app:1',
        'r.lab/a/b/hub.lab-5001/app:latest',
    ]


@pytest.mark.parametrize(
    ('domain', 'component'),
    (
        ('docker.io', 'docker.io'),
        ('hub.lab:5001', 'hub.lab-5001'),
        ('HUB.Lab:5001', 'hub.lab-5001'),
        ('localhost:5000', 'localhost-5000'),
        ('10.0.0.1:5000', '10.0.0.1-5000'),
        ('[2001:db8::1]', '2001-db8--1'),
        ('[2001:DB8::1]:5000', '2001-db8--1--5000'),
        ('[::1]:5000', '1--5000'),
    ),
)
def test_a_host_as_a_component_of_a_path(domain, component):
    assert host_component(domain) == component
    landings = landed(f'{domain}/team/app:1', keeps_host=True)
    assert targets(landings) == [f'{HERE}/{component}/team/app:1']
    assert list(invalid_names(landings)) == []


def test_a_tag_keeps_its_case_and_a_digest_is_for_the_source_alone():
    (landing,) = landed(f'quay.io/team/app:V1.2_RC@{A}')
    assert str(landing.target) == f'{HERE}/team/app:V1.2_RC'
    assert (landing.source.digest, landing.target.digest) == (A, '')


@pytest.mark.parametrize(
    'names',
    (
        ('nginx', 'docker.io/library/nginx:latest'),
        ('nginx', 'library/nginx', 'index.docker.io/nginx:latest', 'nginx'),
        (f'quay.io/a/b@{A}', f'quay.io/a/b@{A}'),
        (f'quay.io/a/b:1@{A}', f'quay.io/a/b:1@{A}'),
    ),
)
def test_one_image_by_several_names_is_copied_once(names):
    landings = landed(*names)
    assert len(landings) == 1
    assert list(collisions(landings, keeps_host=False)) == []


def test_the_order_is_that_of_the_sources():
    names = ('redis', 'nginx', 'alpine', 'nginx:latest')
    assert [each.source.path for each in landed(*names)] == [
        'library/redis',
        'library/nginx',
        'library/alpine',
    ]


# Collisions


def collided(*names, keeps_host=False):
    landings = landed(*names, keeps_host=keeps_host)
    return list(collisions(landings, keeps_host=keeps_host))


def test_two_hosts_one_name():
    assert collided('quay.io/team/app:1', 'ghcr.io/team/app:1') == [
        Problem(
            'copy-collision',
            f'both would land as {HERE}/team/app:1',
            'quay.io/team/app:1, ghcr.io/team/app:1',
            repeat_with('--keep-host'),
        )
    ]
    assert collided('quay.io/team/app:1', 'ghcr.io/team/app:1', keeps_host=True) == []


def test_three_of_one_name_are_told_once():
    names = ('quay.io/a/b', 'nginx', 'ghcr.io/a/b:latest', 'a/b')
    (problem,) = collided(*names)
    assert problem.message == f'all 3 would land as {HERE}/a/b:latest'
    assert (
        problem.where == 'quay.io/a/b:latest, ghcr.io/a/b:latest, docker.io/a/b:latest'
    )
    assert problem.hint == repeat_with('--keep-host')


def test_a_tag_against_the_tag_with_a_digest():
    """The same while the tag does not move; --keep-host changes nothing."""
    names = ('quay.io/a/b:1', f'quay.io/a/b:1@{A}', f'quay.io/a/b:1@{B}')
    (problem,) = collided(*names)
    assert problem.message == f'all 3 would land as {HERE}/a/b:1'
    assert problem.hint == ''
    assert collided(f'quay.io/a/b@{A}', 'quay.io/a/b:1', f'quay.io/a/b@{B}') == []


def test_the_hub_against_another_host():
    (problem,) = collided('nginx', 'quay.io/library/nginx')
    assert problem.message == f'both would land as {HERE}/library/nginx:latest'
    assert problem.hint == repeat_with('--keep-host')


def test_hosts_that_keep_host_does_not_tell_apart():
    """A port behind a dash, and a host of that name; letter case."""
    names = ('hub.lab:5001/app', 'hub.lab-5001/app')
    (problem,) = collided(*names, keeps_host=True)
    assert problem.message == f'both would land as {HERE}/hub.lab-5001/app:latest'
    assert problem.hint == ''


@pytest.mark.parametrize(
    'names',
    (
        ('hub.lab/app', 'HUB.lab/app'),
        ('hub.lab:5001/app', 'hub.lab-5001/app'),
    ),
)
def test_keep_host_is_no_way_out_where_it_collides_too(names):
    (problem,) = collided(*names)
    assert problem.message == f'both would land as {HERE}/app:latest'
    assert problem.hint == ''


def test_names_too_long_for_a_registry():
    long = '/'.join(['a' * 50] * 4)
    landings = landed(f'quay.io/{long}:1', 'quay.io/b:1', to=f'r.lab/{"p" * 60}')
    (problem,) = invalid_names(landings)
    assert problem.code == 'copy-name'
    assert problem.where == f'quay.io/{long}:1'
    assert problem.message == (
        f'would land as r.lab/{"p" * 60}/{long}:1, which is not an image name'
    )


# What is told of names


def told(*names, to=HERE, keeps_host=False):
    landings = landed(*names, to=to, keeps_host=keeps_host)
    destination = check_destination(to)
    return [
        (finding.check, finding.severity, finding.message, finding.remedy)
        for finding in name_findings(landings, destination, keeps_host=keeps_host)
    ]


NAMESPACE = 'a client that pulls by the short name, and does not find it on a mirror, '
AGAIN = (repeat_with('--keep-host'),)


def test_namespaces_of_the_hub_that_others_may_control():
    assert told('quay.io/team/app', 'quay.io/team/web', 'nginx') == [
        (
            'copy-namespace',
            'warning',
            f'{NAMESPACE}goes on to the namespace team of Docker Hub, which others may '
            'control',
            AGAIN,
        )
    ]
    names = (f'quay.io/{space}/app' for space in ('d', 'c', 'b', 'a', 'e'))
    ((_, _, message, _),) = told(*names)
    assert message == (
        f'{NAMESPACE}goes on to the namespaces a, b, c and 2 more of Docker Hub, which '
        'others may control'
    )


def test_short_names_that_mirrors_are_not_asked_for():
    assert told('hub.lab:5001/app:1', 'hub.lab:5001/web:1') == [
        (
            'copy-short-name',
            'warning',
            f'{HERE}/app:1, {HERE}/web:1: a client that pulls app by the short name '
            'asks its mirrors for library/app, not for this one',
            (),
        )
    ]


@pytest.mark.parametrize(
    ('names', 'options'),
    (
        (('nginx', 'team/app'), {}),
        (('quay.io/team/app', 'hub.lab/app'), {'keeps_host': True}),
        (('quay.io/team/app', 'hub.lab/app'), {'to': 'r.lab/mirror'}),
    ),
    ids=('of-the-hub', 'keep-host', 'prefix'),
)
def test_names_that_lead_nobody_astray(names, options):
    assert told(*names, **options) == []


def test_images_without_a_tag_are_told():
    names = [f'team/app{n}@{A}' for n in range(5)]
    ((check, severity, message, remedy),) = told(*names)
    assert (check, severity, remedy) == ('copy-untagged', 'info', ())
    listed = ', '.join(f'{HERE}/team/app{n}@{A}' for n in range(3))
    assert message == (
        f'{listed} and 2 more: without a tag, an image is not in the list of tags of '
        'the registry, and is pulled by its digest alone'
    )
