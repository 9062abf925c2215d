"""What is rendered of an instance, but for what a real one makes of it."""

from __future__ import annotations

import pytest

from registry_host.registry.instances import Instance
from registry_host.registry.rendering import (
    compose,
    environment_text,
    settings_of,
    units,
)

CACHE = Instance(
    kind='cache',
    name='hub',
    storage='/srv/registry/hub',
    listen='10.0.0.5:5000',
    upstream='https://registry-1.docker.io',
)
PUSH = CACHE._replace(kind='push', upstream='')


def text_of(instance, name, environment=''):
    texts = units(instance, '/etc/r/hub.yml', '/usr/bin/registry-host', environment)
    return next(each.text for each in texts if each.name == name)


@pytest.mark.parametrize(
    ('change', 'path', 'value'),
    (
        ({}, 'storage.delete.enabled', True),
        ({'is_shared': True}, 'storage.delete.enabled', False),
        ({'is_shared': True, 'major': 3}, 'proxy.ttl', '0s'),
        ({'major': 3, 'ttl': '48h'}, 'proxy.ttl', '48h'),
        ({}, 'http.debug.addr', '127.0.0.1:15000'),
        ({'listen': ':60000'}, 'http.debug.addr', '127.0.0.1:50000'),
        ({'certificate': '/c', 'key': '/k'}, 'http.tls.key', '/k'),
        ({'htpasswd': '/h'}, 'auth.htpasswd.path', '/h'),
    ),
)
def test_what_a_config_holds(change, path, value):
    assert settings_of(CACHE._replace(**change))[tuple(path.split('.'))] == value


def test_no_descriptor_is_kept_in_memory():
    """A registry that does takes what was collected for present (2.8.2, seen)."""
    for instance in (CACHE, PUSH):
        assert not any(
            path[:2] == ('storage', 'cache') for path in settings_of(instance)
        )


def test_a_privileged_port_needs_a_capability():
    service = 'registry-host-hub.service'
    assert 'CapabilityBoundingSet=\n' in text_of(CACHE, service)
    assert 'PrivateUsers=yes' in text_of(CACHE, service)
    privileged = text_of(CACHE._replace(listen=':443'), service)
    assert 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n' in privileged
    assert 'PrivateUsers' not in privileged


def test_files_of_its_own_are_handed_over_and_watched():
    instance = CACHE._replace(certificate='/etc/c.pem', key='/etc/k.pem')
    service = text_of(instance, 'registry-host-hub.service')
    assert 'LoadCredential=key.pem:/etc/k.pem\n' in service
    watched = text_of(instance, 'registry-host-hub-restart.path')
    assert 'PathChanged=/etc/k.pem\n' in watched
    assert 'PathChanged=/usr/bin/docker-registry\n' in watched


def test_a_push_instance_has_a_timer_that_is_off_and_never_uses_m():
    collector = text_of(PUSH, 'registry-host-hub-collect.service')
    (line,) = (x for x in collector.splitlines() if x.startswith('ExecStart='))
    assert line.split()[1:] == [
        'garbage-collect',
        '${CREDENTIALS_DIRECTORY}/config.yml',
    ]
    assert 'OnCalendar=' in text_of(PUSH, 'registry-host-hub-gc.timer')
    names = [each.name for each in units(CACHE, '/c', 'registry-host')]
    assert not any('gc' in name for name in names)


@pytest.mark.parametrize(
    ('major', 'image', 'place'),
    (
        (2, 'registry:2.8.3', '/etc/docker/registry/config.yml'),
        (3, 'registry:3', '/etc/distribution/config.yml'),
    ),
)
def test_a_compose_file_mounts_the_config_where_it_is_read(major, image, place):
    text = compose(CACHE._replace(major=major), '/srv/hub.yml').text
    assert f'image: {image}\n' in text
    assert f'- "/srv/hub.yml:{place}:ro"\n' in text
    assert '- "10.0.0.5:5000:5000"\n' in text


def test_variables_are_quoted_as_systemd_reads_them():
    text = environment_text({'A': 'x$y"z\\`', 'B': ''})
    assert text == 'A="x\\$y\\"z\\\\\\`"\nB=""\n'
