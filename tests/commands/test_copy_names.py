"""What is asked of image copy: all that is wrong with it is told at once."""

from __future__ import annotations

import pytest

from registry_host.commands.copy_names import Wish, not_begun, read_wish
from registry_host.errors import Problem, SourcesError
from registry_host.host.host import Host

HERE = 'r.lab:5002'


class Fed(Host):
    """A host with something on standard input."""

    def __init__(self, content=b''):
        super().__init__()
        self.content = content

    def read_input(self):
        return self.content


def problems(*sources, to=HERE, host=None, **more):
    with pytest.raises(SourcesError) as failed:
        read_wish(host or Fed(), Wish(sources, to, **more))
    assert (failed.value.exit_code, failed.value.is_told) == (2, True)
    assert all(
        p.message.endswith('; nothing was copied') for p in failed.value.problems
    )
    return [(problem.code, problem.where) for problem in failed.value.problems]


def test_images_of_the_command_line_come_before_those_of_a_list():
    host = Fed(b'# x\nredis\r\nnginx:latest\n')
    landings, destination, findings = read_wish(
        host, Wish(('nginx', 'alpine'), f'{HERE}/m', list_file='-')
    )
    assert [str(each.target) for each in landings] == [
        f'{HERE}/m/library/{name}:latest' for name in ('nginx', 'alpine', 'redis')
    ]
    assert (str(destination), findings) == (f'{HERE}/m', ())


def test_all_that_is_wrong_is_told_at_once():
    assert problems(
        'NGINX', 'a b', to='registry', platform='arm', list_file='-', host=Fed(b'\n:x')
    ) == [
        ('copy-destination', '--to'),
        ('copy-platform', '--platform'),
        ('image-name', 'SRC'),
        ('image-name', 'SRC'),
        ('image-name', 'standard input:2'),
    ]


def test_collisions_are_looked_for_once_all_names_are_names():
    assert problems('quay.io/a/b', 'a/b', 'NGINX') == [('image-name', 'SRC')]
    where = 'quay.io/a/b:latest, docker.io/a/b:latest'
    assert problems('quay.io/a/b', 'a/b') == [('copy-collision', where)]


def test_nothing_is_named():
    assert problems() == [('copy-nothing', 'image copy')]
    assert problems(list_file='-', host=Fed(b'# nothing\n')) == [
        ('copy-nothing', 'standard input')
    ]


def test_a_list_that_is_no_text():
    assert problems('nginx', list_file='-', host=Fed(b'\xff\xfe')) == [
        ('copy-list', '-')
    ]


@pytest.mark.parametrize(
    'platform', ('linux/amd64', 'linux/arm/v7', 'windows/amd64', 'linux/386')
)
def test_platforms(platform):
    assert read_wish(Fed(), Wish(('nginx',), HERE, platform=platform))


@pytest.mark.parametrize(
    'platform',
    (
        'amd64',
        'linux/',
        '/amd64',
        'linux/arm/v7/x',
        'Linux/amd64',
        'linux/amd64\n',
        'linux/amd64&x=1',
        'linux/amd64,linux/arm64',
        ' linux/amd64',
        'all',
    ),
)
def test_what_is_no_platform(platform):
    assert problems('nginx', platform=platform) == [('copy-platform', '--platform')]


def test_what_an_engine_refuses_is_a_warning():
    _, _, findings = read_wish(Fed(), Wish(('[::1]:5000/app',), HERE))
    (finding,) = findings
    assert (finding.check, finding.severity) == ('image-engine', 'warning')
    assert finding.message.startswith('SRC: ')


def test_what_was_not_begun_says_so():
    problem = Problem('x', 'is wrong', 'here', 'ls')
    assert not_begun(problem) == problem._replace(
        message='is wrong; nothing was copied'
    )
