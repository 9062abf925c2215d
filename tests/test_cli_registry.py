"""registry render on a folder: what is shown, written, edited, refused and undone."""

from __future__ import annotations

import pytest

from registry_host.yamlfile.yamltext import read

CONFIG = '/etc/docker/registry/config.yml'
RENDER = ('registry', 'render')
PASSWORD = 'REGISTRY_HOST_UPSTREAM_PASSWORD'
# Each breaks YAML, systemd or compose where it is not quoted.
WORDS = (
    '*Tr4in-9',
    'a #b',
    'a: b',
    "it's",
    '"quoted"',
    '${HOME}',
    '%h',
    '$$',
    '~',
    '0123',
    '1e3',
    'yes',
    '2020-01-01',
    'ends with\\',
    'ü€𝄞',
    '-----',
    '{{ x }}',
    ' spaces ',
)
FOREIGN = (
    '\ufeff# an old hub\r\n'
    'version:   0.1   # as ever\r\n'
    'log: {fields: {service:  registry}, level: warn}\r\n'
    'storage:\r\n'
    '    cache: {blobdescriptor: redis}\r\n'
    '    filesystem:\r\n'
    '        rootdirectory: /srv/hub\r\n'
    'http:\r\n'
    '    addr: 127.0.0.1:5000\r\n'
    '    secret: "hunter2"\r\n'
    'x-own:   [ 1,2,   3 ]\r\n'
    '# the end'
)


@pytest.mark.parametrize('kind', ('cache', 'push'))
@pytest.mark.parametrize('form', ('config', 'units', 'compose'))
def test_what_is_shown_is_what_is_written(root, kind, form):
    shown = root.run(*RENDER, kind, f'--as={form}', '--format=json')
    texts = {each['path']: each['text'] for each in shown.json['results']}
    folder = '/etc/registry-host/registries'
    assert root.run(*RENDER, kind, f'--as={form}', f'--write={folder}').code == 0
    assert {path: root.read(path) for path in texts} == texts
    again = root.run(*RENDER, kind, f'--as={form}', f'--write={folder}', '--check')
    assert again.code == 0
    assert root.run('undo').code == 0
    assert not (root.path / folder[1:]).exists()


@pytest.mark.parametrize('word', WORDS)
def test_a_password_is_written_as_it_is_and_shown_nowhere(root, word, monkeypatch):
    monkeypatch.setenv(PASSWORD, word)
    words = ('cache', '--username=lab', '--write=/srv/hub', '--diff')
    for flags in ((*words, '--check'), (*words, '--format=json'), words[:2]):
        done = root.run(*RENDER, *flags)
        assert done.code in (0, 3)
        if len(word) > 3:
            assert word not in done.out + done.err
    config = read((root.path / 'srv/hub/config.yml').read_bytes())
    assert config.get('proxy', 'password') == word
    assert (root.path / 'srv/hub/config.yml').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('kind', ('cache', 'push'))
@pytest.mark.parametrize('version', ('2', '3'))
def test_nothing_is_wrong_with_what_is_rendered(root, kind, version):
    root.run(*RENDER, kind, f'--distribution={version}', '--write=/srv/hub')
    done = root.run(
        *('registry', 'check', str(root.path / 'srv/hub/config.yml')),
        *(f'--distribution={version}', '--format=json'),
    )
    assert (done.code, done.json['findings']) == (0, [])
    assert done.json['results'][0]['role'] == kind


def test_a_password_comes_from_a_file(root, tmp_path):
    file = tmp_path / 'password'
    file.write_text('Tr4in #9\n')
    words = ('--username=lab', f'--password-file={file}', '--write=/srv/hub')
    assert root.run(*RENDER, 'cache', *words).code == 0
    config = read((root.path / 'srv/hub/config.yml').read_bytes())
    assert config.get('proxy', 'password') == 'Tr4in #9'


def test_a_config_that_is_there_keeps_its_bytes(root):
    root.write(CONFIG, FOREIGN)
    words = ('cache', '--storage=/srv/hub', '--write=/etc/docker/registry')
    diff = root.run(*RENDER, *words, '--check', '--diff')
    assert diff.code == 3
    assert 'hunter2' not in diff.out
    assert root.run(*RENDER, *words).code == 0
    content = (root.path / CONFIG[1:]).read_bytes().decode()
    # What was there is there, in its order, with what was asked between its lines.
    place = 0
    for line in FOREIGN.split('\r\n'):
        place = content.index(line, place) + len(line)
    assert '\n' not in content.replace('\r\n', '')
    config = read(content.encode())
    assert config.get('proxy', 'remoteurl') == 'https://registry-1.docker.io'
    assert config.get('http', 'secret') == 'hunter2'
    assert root.run('undo').code == 0
    assert (root.path / CONFIG[1:]).read_bytes().decode() == FOREIGN


def test_a_config_that_others_edit_is_taken_back_all_the_same(root):
    root.write(CONFIG, FOREIGN)
    root.run(*RENDER, 'cache', '--storage=/srv/hub', '--write=/etc/docker/registry')
    file = root.path / CONFIG[1:]
    edited = file.read_bytes().replace(b'level: warn', b'level: debug')
    file.write_bytes(edited)
    assert root.run('undo').code == 0
    assert file.read_bytes().decode() == FOREIGN.replace('level: warn', 'level: debug')


@pytest.mark.parametrize(
    ('words', 'message'),
    (
        (('cache', '--upstream='), '--upstream: is empty'),
        (('cache', '--name=a b'), "--name: 'a b' is not a valid name"),
        (('cache', '--listen=5000'), "--listen: '5000' is not ADDR:PORT"),
        (('cache', '--storage=x'), "--storage: 'x' is not an absolute path"),
        (('cache', '--ttl=48h'), '--ttl: distribution 2.8 ignores it'),
        (('cache', '--username=u'), '--username: a user needs a password'),
        (('cache', '--password-file=/none'), '--password-file: there is no file /none'),
        (('cache', '--distribution=4'), '--distribution'),
        (('cache', '--tls-key=/k'), '--tls-certificate: a certificate and its key'),
        (('cache', '--htpasswd=h'), "--htpasswd: 'h' is not an absolute path"),
        (('cache', '--as=helm'), '--as'),
        (('cache', '--write='), '--write: is empty'),
        (('hub',), "'hub' is not one of"),
        (
            ('cache', '--upstream=https://registry-1.docker.co'),
            'registry-1.docker.co is not Docker Hub',
        ),
        (('cache', '--upstream=docker.io'), '--upstream'),
        (('cache', '--upstream=https://registry-1.docker.io/v2/'), '--upstream'),
        (('push', '--listen=:5002'), '--listen: all addresses'),
        (('push', '--upstream=https://registry-1.docker.io'), '--upstream: is for a'),
    ),
)
def test_bad_input_is_one_line_and_writes_nothing(root, words, message):
    before = root.snapshot()
    done = root.run(*RENDER, *words, '--write=/srv/hub', *words[1:])
    assert done.code == 2
    errors = [line for line in done.err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert message in errors[0]
    assert root.snapshot() == before


def test_a_push_instance_is_not_made_of_a_cache(root):
    root.write(CONFIG, 'version: 0.1\nproxy:\n  remoteurl: https://hub.example\n')
    before = root.snapshot()
    done = root.run(*RENDER, 'push', '--write=/etc/docker/registry')
    assert done.code == 2
    assert (
        'is the config of a cache (proxy.remoteurl), which takes no pushes' in done.err
    )
    assert root.snapshot() == before


def test_what_is_no_config_is_refused_without_a_quote(root):
    root.write(CONFIG, 'version: 0.1\nproxy:\n  password: *Tr4in-9\n')
    before = root.snapshot()
    done = root.run(*RENDER, 'cache', '--write=/etc/docker/registry')
    assert done.code == 2
    assert f'{CONFIG}:3:13: found undefined alias' in done.err
    assert 'Tr4in' not in done.out + done.err
    assert root.snapshot() == before


# What installing says to do on clients


def last_line_of_install(root, kind, *words):
    root.write('/usr/bin/docker-registry', '', 0o755)
    ended = root.run('registry', 'install', kind, *words)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()[-1].replace(f'--root {root.path} ', '')


def test_clients_are_given_all_registries_of_the_host_in_one_line(root):
    """The push instance first, whichever is installed last."""
    both = (
        'on each client: sudo registry-host configure --mirror http://10.0.0.5:5002 '
        '--mirror http://10.0.0.5:5000'
    )
    cache = ('cache', '--listen=10.0.0.5:5000')
    push = ('push', '--listen=10.0.0.5:5002')
    assert last_line_of_install(root, *cache) == (
        'on each client: sudo registry-host configure --mirror http://10.0.0.5:5000'
    )
    assert last_line_of_install(root, *push) == both
    assert last_line_of_install(root, *cache) == both


def test_clients_are_given_those_registries_that_they_can_use(root):
    """Neither one that only the server reaches, nor a cache of another hub."""
    last_line_of_install(root, 'push')
    elsewhere = '--upstream=https://quay.io'
    last_line_of_install(root, 'cache', '--name=q', '--listen=10.0.0.5:1', elsewhere)
    assert last_line_of_install(root, 'cache', '--listen=:5000') == (
        'on each client, by a NAME of this host: sudo registry-host configure '
        '--mirror http://NAME:5000'
    )
    tls = ('--tls-certificate=/etc/c.pem', '--tls-key=/etc/k.pem')
    root.write('/etc/c.pem', '')
    root.write('/etc/k.pem', '')
    listen = '--listen=10.0.0.5:5003'
    last_line_of_install(root, 'push', '--name=p', listen, *tls)
    assert last_line_of_install(root, 'cache', '--listen=10.0.0.5:5000') == (
        'on each client: sudo registry-host configure --mirror https://10.0.0.5:5003 '
        '--mirror http://10.0.0.5:5000'
    )
