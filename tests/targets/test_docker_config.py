"""Client proxies in a user's config.json."""

from __future__ import annotations

import json

import pytest
from places import CONFIG_JSON, DAEMON_JSON

from registry_host.host.host import Host
from registry_host.services.facts import Facts
from registry_host.settings.asked import asked_by_flags
from registry_host.settings.load import load
from registry_host.settings.model import WITHDRAW_ALL
from registry_host.targets import docker_daemon

# docker-config


def config(root, content, *flags):
    root.write(CONFIG_JSON, json.dumps(content))
    ended = root.run('configure', '--user=alice', *flags)
    assert ended.code == 0, ended.err
    return json.loads(root.read(CONFIG_JSON)), ended.out


@pytest.mark.parametrize(
    ('content', 'flags', 'expected'),
    (
        pytest.param(
            {'Proxies': {'default': {'HTTPProxy': 'x'}}},
            (
                '--proxy-for=client',
                '--http-proxy=http://p:1',
            ),
            {'Proxies': {'default': {'HTTPProxy': 'http://p:1'}}},
            id='any-letter-case-as-docker-reads',
        ),
        pytest.param(
            {'proxies': {'tcp://h:1': {'httpProxy': 'x'}}},
            (
                '--proxy-for=client',
                '--http-proxy=http://p:1',
            ),
            {
                'proxies': {
                    'tcp://h:1': {'httpProxy': 'x'},
                    'default': {'httpProxy': 'http://p:1'},
                }
            },
            id='other-hosts-stay',
        ),
        pytest.param(
            {'proxies': {'default': {'noProxy': 'A,b'}}},
            (
                '--proxy-for=client',
                '--no-proxy=a,c',
            ),
            {'proxies': {'default': {'noProxy': 'c,A,b'}}},
            id='no-proxy-is-merged',
        ),
        pytest.param(
            {'proxies': {'default': {'httpProxy': 'HTTP://P:1/'}}},
            (
                '--proxy-for=client',
                '--http-proxy=http://p:1',
            ),
            {'proxies': {'default': {'httpProxy': 'HTTP://P:1/'}}},
            id='equal-proxy-keeps-its-spelling',
        ),
        pytest.param(
            {'proxies': {'default': {'httpsProxy': 'x'}}},
            (
                '--proxy-for=client',
                '--http-proxy=http://p:1',
            ),
            {'proxies': {'default': {'httpsProxy': 'x', 'httpProxy': 'http://p:1'}}},
            id='only-what-is-named',
        ),
    ),
)
def test_client_proxies(root, content, flags, expected):
    assert config(root, content, *flags)[0] == expected


def test_two_spellings_of_one_member_are_refused(root):
    root.write(CONFIG_JSON, '{"proxies": {}, "Proxies": {}}')
    ended = root.run(
        'configure',
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
        '--format=json',
    )
    assert ended.codes == ['config-ambiguous']


def test_proxies_for_the_local_engine_shadow_ours(root):
    content = {'proxies': {'unix:///var/run/docker.sock': {}}}
    _, out = config(root, content, '--proxy-for=client', '--http-proxy=http://p:1')
    assert 'warning: ' in out
    assert 'replace those of "default" for the local engine' in out


def test_nobody_to_set_proxies_for(root):
    root.write('/etc/passwd', '')
    ended = root.run(
        'configure', '--proxy-for=client', '--http-proxy=http://p:1', '--format=json'
    )
    assert (ended.code, ended.codes) == (2, ['user-unknown'])


def test_declaration_withdraws_from_users_it_no_longer_names(root):
    settings = (
        '[proxies]\nhttp-proxy = "http://p:1"\nfor = ["client"]\n'
        '[client]\nusers = ["{}"]\n'
    )
    root.write('/etc/registry-host/settings.toml', settings.format('alice'))
    root.run('configure')
    assert 'httpProxy' in root.read(CONFIG_JSON)
    root.write('/etc/registry-host/settings.toml', settings.format('root'))
    root.run('configure')
    assert not (root.path / 'home/alice/.docker').exists()
    assert 'httpProxy' in root.read('/root/.docker/config.json')


# docker-daemon: nameservers of containers


def facts_of(engine):
    return Facts(True, True, engine, users=(), former_users={})


def settings_of(flags):
    if flags is None:
        return WITHDRAW_ALL
    return load(asked_by_flags(flags))


def merged(root, flags, engine, ref, applied):
    """What the target makes of daemon.json on a host with such an engine."""
    state, facts = Host(str(root.path)).read(DAEMON_JSON), facts_of(engine)
    wish = docker_daemon.asked(settings_of(flags), facts, ref, state, applied)
    return docker_daemon.merge(ref, state, applied, wish, facts)
