"""Which registries `registry check` is about, and how it ends."""

from __future__ import annotations

import pytest
from registrycases import CASES, lay_out, load
from roots import run_command
from webservers import free_port, registry

from registry_host.commands.registry_check import asked_upstreams
from registry_host.errors import pasted_by
from registry_host.host.host import Host
from registry_host.registry.distconfig import read_config
from registry_host.registry.registryplace import Instance, Runner

CONFIG = '/etc/docker/registry/config.yml'
GOOD = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/push\n'
    'http:\n  addr: 127.0.0.1:5002\n'
)
WELL = '1 registry checked: nothing is wrong\n'
BAD = GOOD.replace('127.0.0.1:5002', '5002')
# Passwords of the cases.
SECRETS = (
    'Tr4in-9',
    'outdated',
    'p@ss',
    'k3Zb0n1QmR7vXc2Lw9Ty',
    'lab:secret',
    '$apr1$',
)


@pytest.mark.parametrize(
    ('text', 'code', 'out'),
    (
        (GOOD, 0, '{path}: push, 127.0.0.1:5002, /srv/push\n' + WELL),
        (
            BAD,
            1,
            "error: {path}:6:3: '5002' is not ADDRESS:PORT, so the registry does not "
            'start; write `addr: :5002`\nhint:  {editor} +6 {path}\n'
            '{path}: push, 5002, /srv/push\n'
            '1 registry checked: 1 error\n',
        ),
        (
            GOOD.replace('  filesystem', '\tfilesystem'),
            1,
            'error: {path}:3:1: found character that cannot start any token, so the '
            'registry does not start\nhint:  {editor} +3 {path}\n'
            '1 registry checked: 1 error\n',
        ),
    ),
)
def test_what_is_printed(root, text, code, out):
    path = root.write(CONFIG, text)
    ended = root.run('registry', 'check', str(path))
    editor = pasted_by(Host().invoker_name(), 'sudo "${EDITOR:-vi}"')
    out = out.format(path=path, editor=editor)
    assert (ended.code, ended.out, ended.err) == (code, out, '')


def test_the_worst_comes_first(root):
    more = '  debug: {addr: ":5001"}\n  tls: {key: /k}\n'
    path = root.write(CONFIG, GOOD + more)
    findings = root.run('registry', 'check', str(path), '--format=json').json[
        'findings'
    ]
    assert [each['severity'] for each in findings] == ['error', 'warning']
    assert [each['path'] for each in findings] == [f'{path}:8:9', f'{path}:7:11']


@pytest.mark.parametrize(
    ('place', 'code'),
    (
        ('/nonexistent/config.yml', 'config-missing'),
        ('/etc', 'config-not-a-file'),
        ('http://127.0.0.1:5000', 'registry-url'),
    ),
)
def test_a_place_that_cannot_be_read(root, place, code):
    path = str(root.write(CONFIG, BAD))
    ended = root.run('registry', 'check', place, path, '--format=json')
    assert (ended.code, ended.codes) == (2, [code])
    assert [each['check'] for each in ended.json['findings']] == ['listen-address']


def test_without_a_place_the_config_of_the_package_is_checked(root):
    root.write(CONFIG, BAD)
    ended = root.run('registry', 'check', '--format=json')
    assert ended.code == 1
    assert [each['path'] for each in ended.json['results']] == [CONFIG]


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_no_password_is_shown(root, path):
    places = lay_out(root, load(path)['input'])
    for words in ((), ('--format=json',)):
        ended = root.run('registry', 'check', *places, *words)
        for secret in SECRETS:
            assert secret not in ended.out + ended.err


def test_the_remedy_for_a_value_of_the_environment_is_one_of_its_variable(root):
    root.write(CONFIG, GOOD)
    root.write(
        '/etc/systemd/system/registry.service',
        f'[Service]\nExecStart=/usr/bin/docker-registry serve {CONFIG}\n'
        'Environment=REGISTRY_HTTP_ADDR=5000\n',
    )
    (finding,) = root.run('registry', 'check', '--format=json').json['findings']
    assert finding['path'] == (
        '/etc/systemd/system/registry.service: REGISTRY_HTTP_ADDR'
    )
    assert finding['message'].endswith('; write `REGISTRY_HTTP_ADDR=:5000`')
    file = root.path / 'etc/systemd/system/registry.service'
    texts = [step['text'].removeprefix('sudo ') for step in finding['remedy']]
    assert texts == [f'"${{EDITOR:-vi}}" {file}', 'systemctl restart registry']


def test_the_upstream_of_a_cache_that_is_none_is_given_at_its_place(root):
    more = '  proxy: {remoteurl: "https://docker.elastic.co"}\n'
    path = root.write(CONFIG, GOOD + more)
    findings = root.run('registry', 'check', str(path), '--format=json').json[
        'findings'
    ]
    (found,) = (each for each in findings if each['check'] == 'not-a-cache')
    right = '`proxy: {remoteurl: "https://docker.elastic.co"}`'
    assert found['message'].endswith(f'; write at the left margin {right}')


def test_a_url_is_asked(tmp_path, capsys):
    with registry(tmp_path / 'push') as endpoint:
        url = f'http://{endpoint}'
        words = ('registry', 'check', url, '--roles', '--format=json')
        ended = run_command(capsys, *words)
    (result,) = ended.json['results']
    assert (ended.code, result['path'], result['role']) == (0, url, 'push')


def test_the_upstream_of_a_cache_of_this_host_is_asked(tmp_path):
    """Here one that nobody serves; a file that nothing serves says nothing of it."""
    upstream = f'http://127.0.0.1:{free_port()}'
    text = f'{GOOD}proxy: {{remoteurl: "{upstream}"}}\n'
    instance = Instance('/c.yml', read_config(text.encode()), Runner(name='cache'))
    assert [each.severity for each in asked_upstreams(Host(), [instance])] == ['error']
    alone = instance._replace(runner=Runner())
    assert list(asked_upstreams(Host(), [alone])) == []
