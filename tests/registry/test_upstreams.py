"""Each wrong upstream is told with the value that is right; healthy ones pass."""

from __future__ import annotations

import pytest

from registry_host.registry.upstreams import judge_upstream

HUB = 'https://registry-1.docker.io'


@pytest.mark.parametrize(
    ('url', 'normalized'),
    (
        (HUB, HUB),
        pytest.param(f'{HUB}/', HUB, id='one-slash-is-no-path'),
        ('HTTPS://Registry-1.Docker.IO', HUB),
        (f' {HUB}\n', HUB),
        (f'{HUB}:443', f'{HUB}:443'),
        ('https://docker.elastic.co', 'https://docker.elastic.co'),
        ('https://quay.io', 'https://quay.io'),
        ('https://mirror.gcr.io/', 'https://mirror.gcr.io'),
        pytest.param('http://hub.lab:5000', 'http://hub.lab:5000', id='private-http'),
        ('http://10.0.0.7:5000/', 'http://10.0.0.7:5000'),
        ('https://[FD00::1]:5000', 'https://[fd00::1]:5000'),
        ('https://docker.example.com', 'https://docker.example.com'),
    ),
)
def test_what_a_registry_can_use(url, normalized):
    assert judge_upstream(url) == normalized


@pytest.mark.parametrize(
    ('url', 'code', 'hint'),
    (
        pytest.param(
            'https://registry-1.docker.co',
            'upstream-misspelt',
            HUB,
            id='the-guide-has-it',
        ),
        ('registry-1.docker.co', 'upstream-scheme', HUB),
        ('https://regstry-1.docker.io/', 'upstream-misspelt', HUB),
        ('https://docker.io', 'upstream-hub', HUB),
        ('docker.io', 'upstream-scheme', HUB),
        ('https://hub.docker.com', 'upstream-hub', HUB),
        ('https://hub.docker.com/r/library', 'upstream-hub', HUB),
        ('https://index.docker.io/v1/', 'upstream-hub', HUB),
        ('https://registry.hub.docker.com', 'upstream-hub', HUB),
        ('https://www.docker.com', 'upstream-hub', HUB),
        ('http://registry-1.docker.io', 'upstream-scheme', HUB),
        (f'{HUB}/v2/', 'upstream-path', HUB),
        (f'{HUB}//', 'upstream-path', HUB),
        ('https://me:hunter2@docker.io/v2/', 'upstream-userinfo', HUB),
        (
            'http://me:hunter2@hub.lab:5000',
            'upstream-userinfo',
            'http://hub.lab:5000',
        ),
        (
            'hub.lab:5000',
            'upstream-scheme',
            'https://hub.lab:5000',
        ),
        ('http:/hub.lab:5000', 'upstream-scheme', 'http://hub.lab:5000'),
        ('https://https://hub.lab', 'upstream-scheme', 'https://hub.lab'),
        (
            'ftp://hub.lab',
            'upstream-scheme',
            'https://hub.lab',
        ),
        (
            'https://hub.lab/repository/x/',
            'upstream-path',
            'https://hub.lab',
        ),
        ('https://hub.lab/v2', 'upstream-path', 'https://hub.lab'),
        ('https://hub.lab?ns=docker.io', 'upstream-query', 'https://hub.lab'),
        ('https://hub.lab/#a', 'upstream-fragment', 'https://hub.lab'),
        (f'"{HUB}"', 'upstream-character', ''),
        ('https://hub.lab:70000', 'upstream-port', ''),
        ('https://', 'upstream-host', ''),
        ('https://hub_1.lab', 'upstream-host', 'hub-1.lab'),
        ('https://fd00::1', 'upstream-host', '[fd00::1]'),
        ('https://hub.lab\x1b[2J', 'upstream-character', ''),
        ('', 'upstream-empty', HUB),
        (' ', 'upstream-empty', HUB),
    ),
)
def test_what_a_registry_cannot_use(url, code, hint):
    problem = judge_upstream(url)
    assert (problem.code, problem.hint) == (code, hint)
    assert 'hunter2' not in repr(problem)


def test_what_is_wrong_is_said_of_the_value():
    assert str(judge_upstream('https://registry-1.docker.co')) == (
        "'https://registry-1.docker.co': registry-1.docker.co is not Docker Hub"
    )


@pytest.mark.parametrize('url', ('docker.io', 'http://u:p@hub.lab/v2/', 'ftp://h'))
def test_the_hint_is_a_value_that_is_right(url):
    right = judge_upstream(url).hint
    assert judge_upstream(right) == right
