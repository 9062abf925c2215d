"""What holds for the files of every target, seen through the commands."""

from __future__ import annotations

import json

import pytest
from places import CONFIG_JSON, DAEMON_JSON, RESOLV_CONF

from registry_host.targets import TARGETS

# For each target: its file, flags that change it, what to unconfigure, a foreign file.
CONTRACT = {
    'docker-daemon': (
        DAEMON_JSON,
        ('--mirror=http://m:5000', '--insecure-registry=r:1', '--engine-dns=9.9.9.9'),
        (('mirrors',), ('insecure-registries',), ('dns',)),
        '{\n\t"registry-mirrors" : ["https://x"],\r\n'
        ' "insecure-registries":[ "10.0.0.0/9" ],\n  "mtu" :  1500,'
        '"dns":["192.0.2.1" ]\n}',
    ),
    'docker-config': (
        CONFIG_JSON,
        (
            '--proxy-for=client',
            '--http-proxy',
            'http://p:1',
            '--no-proxy',
            '.lab',
            '--user',
            'alice',
        ),
        (('proxies',),),
        '{"auths":{"r:1" : {"auth":"eDp5"}},\n\n "proxies": {"default": '
        '{"httpProxy": "http://old:1", "noProxy":"a, b" }}, "n": 12345678901234567890}',
    ),
    'resolver': (
        RESOLV_CONF,
        ('--nameserver', '9.9.9.9', '--dns-search', 'corp.example'),
        (('dns', 'search'), ('dns', 'nameservers')),
        '; of ours\r\nnameserver 192.0.2.1\n\noptions  ndots:2 # x\nsearch\ta.example',
    ),
}

# No settings ask for the files of a registry.
INSTALLATIONS = {'registry'}

every_target = pytest.mark.parametrize('name', CONTRACT)

every_json_target = pytest.mark.parametrize('name', ('docker-daemon', 'docker-config'))


def test_every_target_has_a_contract():
    assert {*CONTRACT, *INSTALLATIONS} == set(TARGETS)


@every_target
def test_a_second_run_changes_nothing(root, name):
    path, flags, _, foreign = CONTRACT[name]
    root.write(path, foreign)
    assert root.run('configure', *flags).code == 0
    before = root.snapshot()
    again = root.run('configure', *flags, '--format=json')
    assert again.json['changed'] is False
    assert root.snapshot() == before


@every_target
def test_withdrawal_brings_back_every_byte(root, name):
    path, flags, withdrawal, foreign = CONTRACT[name]
    root.write(path, foreign, 0o640)
    root.run('configure', *flags)
    assert root.read(path) != foreign
    for words in withdrawal:
        assert root.run('unconfigure', *words).code == 0
    assert root.read(path) == foreign
    assert (root.path / path.lstrip('/')).stat().st_mode & 0o777 == 0o640


@every_target
def test_undo_brings_back_every_byte(root, name):
    path, flags, _, foreign = CONTRACT[name]
    root.write(path, foreign, 0o640)
    root.run('configure', *flags)
    assert root.run('undo').code == 0
    assert root.read(path) == foreign
    (root.path / path.lstrip('/')).unlink()
    root.run('configure', *flags)
    assert root.run('unconfigure').code == 0
    assert not (root.path / path.lstrip('/')).exists()


@every_json_target
def test_foreign_members_survive(root, name):
    path, flags, _, foreign = CONTRACT[name]
    root.write(path, foreign)
    root.run('configure', *flags)
    before, after = json.loads(foreign), json.loads(root.read(path))
    assert list(after)[: len(before)] == list(before)
    for key, value in before.items():
        if key not in ('registry-mirrors', 'insecure-registries', 'proxies', 'dns'):
            assert after[key] == value


@every_json_target
@pytest.mark.parametrize(
    'content', ('{', '[]', '{"a": 1,}', '\ufeff{}', '{"proxies": 1}', '{"a":1,"a":2}')
)
def test_malformed_file_is_never_rewritten(root, name, content):
    path, flags, _, _ = CONTRACT[name]
    root.write(path, content)
    before = root.snapshot()
    ended = root.run('configure', *flags, '--format=json')
    assert ended.code == 2
    assert all(path in error['message'] for error in ended.json['errors'])
    assert root.snapshot() == before


@every_json_target
def test_empty_file_counts_as_an_empty_object(root, name):
    path, flags, _, _ = CONTRACT[name]
    root.write(path, '')
    assert root.run('configure', *flags).code == 0
    assert json.loads(root.read(path))


def test_new_files_are_as_open_as_they_may_be(root):
    flags = [*CONTRACT['docker-daemon'][1], *CONTRACT['docker-config'][1]]
    root.run('configure', *flags)
    modes = {
        path: oct((root.path / path).stat().st_mode & 0o777)
        for path in (
            'etc/docker',
            'etc/docker/daemon.json',
            'home/alice/.docker',
            'home/alice/.docker/config.json',
            'var/lib/registry-host',
            'var/lib/registry-host/ledger.json',
        )
    }
    assert modes == {
        'etc/docker': '0o755',
        'etc/docker/daemon.json': '0o644',
        'home/alice/.docker': '0o700',
        'home/alice/.docker/config.json': '0o600',
        'var/lib/registry-host': '0o700',
        'var/lib/registry-host/ledger.json': '0o600',
    }


def test_one_bad_file_leaves_the_others_too(root):
    root.write(CONFIG_JSON, '{')
    flags = [*CONTRACT['docker-daemon'][1], *CONTRACT['docker-config'][1]]
    before = root.snapshot()
    assert root.run('configure', *flags).code == 2
    assert root.snapshot() == before


def test_error_shows_the_place(root):
    root.write(DAEMON_JSON, '{\n  "debug": true,\n}')
    ended = root.run('configure', '--mirror', 'http://m')
    assert ended.err == (
        f"error: {DAEMON_JSON}:2:16: not JSON: a comma before '}}'; "
        'delete the comma on line 2; nothing was written\n'
        '      "debug": true,\n'
        '                   ^\n'
    )


# docker-config


def config(root, content, *flags):
    root.write(CONFIG_JSON, json.dumps(content))
    ended = root.run('configure', '--user=alice', *flags)
    assert ended.code == 0, ended.err
    return json.loads(root.read(CONFIG_JSON)), ended.out
