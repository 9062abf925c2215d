"""Which images of Docker Hub a proof may ask for."""

from __future__ import annotations

import pytest

from registry_host.settings.images import Image, check_image, first_of_hub, image_of


@pytest.mark.parametrize(
    ('text', 'image'),
    (
        ('hello-world', 'library/hello-world:latest'),
        ('library/hello-world:latest', 'library/hello-world:latest'),
        ('docker.io/library/alpine:3.20', 'library/alpine:3.20'),
        ('index.docker.io/grafana/grafana:11.1.0', 'grafana/grafana:11.1.0'),
        ('a/b/c__d:V_1.x-y', 'a/b/c__d:V_1.x-y'),
        ('registry.lab:5002/app', None),
        ('quay.io/app:1', None),
        ('localhost/app', None),
        ('Hello', None),
        ('hello:', None),
        ('hello@sha256:00', None),
        ('hello world', None),
        ('../hello', None),
        ('hello:' + 'x' * 129, None),
        ('', None),
    ),
)
def test_image(text, image):
    found = image_of(text)
    assert (None if found is None else str(found)) == image


def test_what_is_no_image_of_the_hub_is_bad_input():
    checked = check_image('quay.io/app')
    (problem,) = checked.errors
    assert (problem.code, problem.hint) == ('probe-image', 'library/hello-world:latest')
    assert problem.message == "'quay.io/app' is not an image of Docker Hub"
    assert check_image('app').value == Image('library/app', 'latest')


def test_one_of_other_registries_is_passed_over():
    tags = ('registry.lab:5002/app:1', 'quay.io/x:1', 'grafana/grafana:11', 'alpine:3')
    assert first_of_hub(tags) == Image('grafana/grafana', '11')
    assert first_of_hub(tags[:2]) is None
