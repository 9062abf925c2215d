"""What is asked of a registry, and what is refused before anything is written."""

from __future__ import annotations

import pytest

from registry_host.errors import SettingsError
from registry_host.registry.instances import Instance, require_sound

CACHE = Instance(
    kind='cache',
    name='cache',
    storage='/srv/registry/cache',
    listen='127.0.0.1:5000',
    upstream='https://registry-1.docker.io',
)
WORD = 'Tr4in#9'
PUSH = Instance(
    kind='push',
    name='push',
    storage='/srv/registry/push',
    listen='127.0.0.1:5002',
)


def refused(instance):
    with pytest.raises(SettingsError) as caught:
        require_sound(instance)
    return [(problem.where, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    'instance',
    (
        CACHE,
        CACHE._replace(listen=':5000'),
        CACHE._replace(listen='[fd00::1]:5000'),
        CACHE._replace(listen='registry.lab:443'),
        CACHE._replace(username='u', password=WORD),
        CACHE._replace(major=3, ttl='48h'),
        CACHE._replace(major=3, ttl='0', is_shared=True),
        CACHE._replace(upstream='http://10.0.0.1:5001/'),
        PUSH,
        PUSH._replace(listen='10.0.0.1:5002'),
        PUSH._replace(listen=':5002', htpasswd='/etc/registry/htpasswd'),
        PUSH._replace(listen='0.0.0.0:5002', certificate='/c.pem', key='/k.pem'),
    ),
)
def test_what_is_sound(instance):
    require_sound(instance)


NOT_A_NAME = 'is not a valid name: lower-case letters, digits and dashes, at most 32'
OPEN = (
    'all addresses, without TLS and without htpasswd, let everybody push and '
    'overwrite images'
)


@pytest.mark.parametrize(
    ('instance', 'where', 'message'),
    (
        (CACHE._replace(name='Cache'), '--name', f"'Cache' {NOT_A_NAME}"),
        (CACHE._replace(name='a/b'), '--name', f"'a/b' {NOT_A_NAME}"),
        (CACHE._replace(name='a' * 33), '--name', f"'{'a' * 33}' {NOT_A_NAME}"),
        (
            CACHE._replace(name='x-restart'),
            '--name',
            "'restart' at the end names another unit",
        ),
        (CACHE._replace(listen='5000'), '--listen', "'5000' is not ADDR:PORT"),
        (CACHE._replace(listen='h:0'), '--listen', "'0' is not a port from 1 to 65535"),
        (
            CACHE._replace(listen='h:050'),
            '--listen',
            "'050' is not a port from 1 to 65535",
        ),
        (
            CACHE._replace(listen='http://h:5000'),
            '--listen',
            "'http://h' is neither an IP address nor a host name",
        ),
        (
            CACHE._replace(listen='10.0.0.300:5000'),
            '--listen',
            "'10.0.0.300' is neither an IP address nor a host name",
        ),
        (
            CACHE._replace(listen='fd00::1:5000'),
            '--listen',
            "'fd00::1' is neither an IP address nor a host name",
        ),
        (
            CACHE._replace(storage='srv/cache'),
            '--storage',
            "'srv/cache' is not an absolute path",
        ),
        (
            CACHE._replace(storage='/srv/../etc'),
            '--storage',
            "'/srv/../etc' is not an absolute path",
        ),
        (
            CACHE._replace(storage='/srv'),
            '--storage',
            '/srv is too near to the root folder',
        ),
        (
            CACHE._replace(storage='/home/r'),
            '--storage',
            '/home/r is hidden from the unit, or emptied at boot',
        ),
        (
            CACHE._replace(storage='/srv/a b'),
            '--storage',
            'holds characters that systemd gives a meaning',
        ),
        (
            CACHE._replace(certificate='/c.pem'),
            '--tls-key',
            'a certificate and its key go together',
        ),
        (
            CACHE._replace(htpasswd='users'),
            '--htpasswd',
            "'users' is not an absolute path",
        ),
        (
            CACHE._replace(password=WORD),
            '--username',
            'a password needs the user that it belongs to',
        ),
        (
            CACHE._replace(username='u'),
            '--username',
            'a user needs a password: --password-file FILE, or this variable',
        ),
        (
            CACHE._replace(ttl='48h'),
            '--ttl',
            'distribution 2.8 ignores it, and keeps images for 168 hours; it takes '
            '--distribution 3',
        ),
        (
            CACHE._replace(major=3, ttl='7d'),
            '--ttl',
            "'7d' is not a time such as 168h",
        ),
        (
            CACHE._replace(major=3, ttl='48h', is_shared=True),
            '--ttl',
            'what expires would take layers of pushed images from the shared storage',
        ),
        (PUSH._replace(listen=':5002'), '--listen', OPEN),
        (PUSH._replace(listen='0.0.0.0:5002'), '--listen', OPEN),
        (PUSH._replace(listen='[::]:5002'), '--listen', OPEN),
        (
            PUSH._replace(upstream='https://registry-1.docker.io'),
            '--upstream',
            'is for a cache: a push instance has no upstream',
        ),
    ),
)
def test_what_is_refused(instance, where, message):
    assert refused(instance) == [(where, message)]


def test_all_that_is_wrong_is_told_at_once():
    found = refused(PUSH._replace(listen='x', storage='', htpasswd='users'))
    assert [where for where, _ in found] == ['--listen', '--storage', '--htpasswd']


def test_a_password_is_in_no_repr():
    assert WORD not in repr(CACHE._replace(password=WORD))
