"""Where an engine is asked."""

from __future__ import annotations

import json

import pytest

from registry_host.engine.directives import parse_flags
from registry_host.engine.sockets import Listening, listening_of
from registry_host.host.host import Host
from registry_host.host.records import Completed, User

ALICE = User(name='alice', uid=1000, gid=1000, home='/home/alice')
CONFIG = '/etc/docker/daemon.json'
DEFAULT = '/var/run/docker.sock'


@pytest.mark.parametrize(
    ('words', 'content', 'address'),
    (
        ((), None, DEFAULT),
        ((), '{', DEFAULT),
        ((), '{"hosts": "unix:///a.sock"}', DEFAULT),
        ((), '{"hosts": []}', DEFAULT),
        ((), '{"hosts": ["unix:///a.sock"]}', '/a.sock'),
        ((), '{"hosts": ["tcp://10.0.0.1:99", "unix:///a.sock"]}', '/a.sock'),
        ((), '{"hosts": ["tcp://10.0.0.1:99"]}', 'tcp://10.0.0.1:99'),
        (('-H', 'unix:///b.sock'), '{"hosts": ["unix:///a.sock"]}', '/b.sock'),
        (('-H', 'unix://'), None, DEFAULT),
        (('-H', 'fd://', '-H', 'unix:///b.sock'), None, DEFAULT),
        (('-H', 'tcp://0.0.0.0:2375'), None, 'tcp://127.0.0.1:2375'),
        (('-H', 'tcp://[::]:2375'), None, 'tcp://[::1]:2375'),
        (('-H', 'tcp://'), None, 'tcp://127.0.0.1:2375'),
        (('-H', ':99'), None, 'tcp://127.0.0.1:99'),
        (('-H', 'npipe://x'), None, DEFAULT),
    ),
)
def test_address(root, words, content, address):
    if content is not None:
        root.write(CONFIG, content)
    flags = parse_flags(('dockerd', *words))
    assert listening_of(Host(str(root.path)), flags, CONFIG).address == address


@pytest.mark.parametrize(
    ('words', 'content', 'is_askable'),
    (
        (('--tls', '-H', 'tcp://10.0.0.1'), {}, False),
        (('--tls=false', '-H', 'tcp://10.0.0.1'), {}, True),
        ((), {'tlsverify': True, 'hosts': ['tcp://10.0.0.1']}, False),
        ((), {'tlsverify': True, 'hosts': ['tcp://10.0.0.1', 'unix://']}, True),
    ),
)
def test_over_tls_it_is_not_asked(root, words, content, is_askable):
    root.write(CONFIG, json.dumps(content))
    flags = parse_flags(('dockerd', *words))
    assert listening_of(Host(str(root.path)), flags, CONFIG).is_askable is is_askable


def test_a_rootless_engine_has_a_folder_of_its_own():
    found = listening_of(
        Host('/nonexistent'), {}, CONFIG, user=ALICE, runtime_folder='/run/user/1000'
    )
    assert found == Listening('/run/user/1000/docker.sock')


class Activated(Host):
    """A host whose systemd has made a socket."""

    def run(self, argv, **_):
        assert argv == ['systemctl', 'show', '--property=Listen', 'my.socket']
        return Completed(0, 'Listen=/run/my.sock (Stream)\n', '')


@pytest.mark.parametrize(
    ('unit', 'address'), (('my.service', '/run/my.sock'), (None, DEFAULT))
)
def test_the_socket_of_a_unit(tmp_path, unit, address):
    flags = {'host': ('fd://',)}
    found = listening_of(Activated(str(tmp_path)), flags, CONFIG, unit=unit)
    assert found.address == address
    (tmp_path / 'var/run').mkdir(parents=True)
    (tmp_path / DEFAULT[1:]).touch()
    found = listening_of(Activated(str(tmp_path)), flags, CONFIG, unit=unit)
    assert found.address == DEFAULT
