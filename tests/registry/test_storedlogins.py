"""Which login a registry is sent, where a user asks for that."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
from base64 import b64encode
from pathlib import Path
from tempfile import mkdtemp

import pytest

from registry_host.engine.clientlogins import StoredLogin
from registry_host.errors import ConfigError
from registry_host.host.host import Host
from registry_host.host.records import User
from registry_host.registry import storedlogins
from registry_host.registry.storedlogins import find_login, stored_login

LAB = 'registry.lab:5002'
SECRET = 'Tr4in:9-hunter2'
LOGIN = b64encode(f'lab:{SECRET}'.encode()).decode()
FOUND = StoredLogin('lab', SECRET)
NOT_FOUND = 'credentials not found in native keychain'
ANSWER = json.dumps({'ServerURL': LAB, 'Username': 'lab', 'Secret': SECRET})


class Alices(Host):
    """A host whose invoker has this home, and programs in its bin."""

    def __init__(self, home, *, name='alice', uid=None):
        is_other = uid is not None
        found = {'PATH': f'{"" if is_other else f"{home}/bin:"}/usr/bin:/bin'}
        super().__init__(environ={**found, 'SUDO_UID': str(uid)} if is_other else found)
        gid = pwd.getpwuid(uid).pw_gid if is_other else os.getegid()
        self.user = User(name, os.geteuid() if uid is None else uid, gid, str(home))
        self.asked = []

    def find_user(self, *, name=None, uid=None):
        return self.user if uid == self.user.uid else None

    def ask(self, argv, question, *, user, timeout_s):
        self.asked.append((*argv, question.decode()))
        return super().ask(argv, question, user=user, timeout_s=timeout_s)


class Home:
    """The home of a user: a config.json, and helpers in its bin."""

    def __init__(self, path):
        self.path = Path(path)
        self.bin = self.path / 'bin'
        self.bin.mkdir()
        (self.path / '.docker').mkdir()
        self.config = self.path / '.docker' / 'config.json'

    def write(self, **members):
        self.config.write_text(json.dumps(members))

    def helper(self, text, name='lab'):
        file = self.bin / f'docker-credential-{name}'
        file.write_text(f'#!/bin/sh\n{text}\n')
        file.chmod(0o755)


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / 'home'
    folder.mkdir()
    return Home(folder)


def failure(home, url=f'http://{LAB}'):
    """The one problem there is, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        stored_login(Alices(home.path), url)
    (problem,) = caught.value.problems
    assert 'hunter2' not in repr(caught.value) + repr(problem)
    assert LOGIN not in repr(problem)
    where = problem.where.replace(str(home.path), '~')
    message = problem.message.replace(str(home.path), '~')
    return problem.code, where, message, problem.hint


# In the file


@pytest.mark.parametrize(
    ('key', 'url'),
    (
        (LAB, f'http://{LAB}'),
        ('https://registry.lab/v1/', 'https://registry.lab/'),
        ('https://index.docker.io/v1/', 'https://docker.io'),
        ('[fd00::1]:5002', 'http://[fd00::1]:5002'),
    ),
)
def test_the_login_of_its_host_and_port(home, key, url):
    home.write(auths={key: {'auth': LOGIN}})
    assert stored_login(Alices(home.path), url) == FOUND


@pytest.mark.parametrize(
    'members',
    (
        None,
        {},
        {'auths': {'registry.lab': {'auth': LOGIN}}},
        {'auths': {LAB: {'auth': '*'}}},
    ),
)
def test_no_login_of_another(home, members):
    if members is not None:
        home.write(**members)
    assert find_login(Alices(home.path), LAB) is None
    assert failure(home) == (
        'registry-login',
        '--login',
        f'~/.docker/config.json has no login for {LAB}',
        f'docker login {LAB}',
    )


def test_docker_config_names_its_folder(home, tmp_path, monkeypatch):
    """docker/cli cli/config/config.go Dir: relative to where it runs, too."""
    home.write(auths={LAB: {'auth': b64encode(b'old:old').decode()}})
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    config = elsewhere / 'config.json'
    config.write_text(json.dumps({'auths': {LAB: {'auth': LOGIN}}}))
    host = Alices(home.path)
    host.environ['DOCKER_CONFIG'] = str(elsewhere)
    assert find_login(host, LAB) == FOUND
    monkeypatch.chdir(tmp_path)
    host.environ['DOCKER_CONFIG'] = 'elsewhere'
    assert find_login(host, LAB) == FOUND
    with pytest.raises(ConfigError, match=f'^{config} has no|: {config} has no login'):
        stored_login(host, 'http://other.lab')
    host.environ['DOCKER_CONFIG'] = ''
    assert find_login(host, LAB).username == 'old'


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
def test_no_hint_gives_away_a_folder_elsewhere(tmp_path):
    """The folder of root that $DOCKER_CONFIG names is not to become the user's."""
    daemon = pwd.getpwnam('daemon')
    folder = tmp_path / 'roots'
    folder.mkdir(mode=0o700)
    host = Alices('/home/daemon', name='daemon', uid=daemon.pw_uid)
    host.environ['DOCKER_CONFIG'] = str(folder)
    with pytest.raises(ConfigError) as caught:
        find_login(host, LAB)
    (problem,) = caught.value.problems
    assert 'cannot be read as daemon (Permission denied)' in problem.message
    assert problem.hint == f'sudo namei -l {folder}/config.json'


def test_nobody_has_no_login():
    class Nobodys(Host):
        def find_user(self, *, name=None, uid=None):
            return None

    assert find_login(Nobodys(), LAB) is None


# By a helper


@pytest.mark.parametrize('name', ('credsStore', 'credHelpers'))
def test_a_helper_is_asked_in_place_of_the_file(home, name):
    home.helper(f"test $1 = get && test $(cat) = {LAB} && echo '{ANSWER}'")
    home.write(
        auths={LAB: {'auth': b64encode(b'lab:old').decode()}},
        **{name: {LAB: 'lab'} if name == 'credHelpers' else 'lab'},
    )
    host = Alices(home.path)
    assert find_login(host, LAB) == FOUND
    # Nothing but the registry, and that not among the arguments of a program.
    assert host.asked == [('docker-credential-lab', 'get', LAB)]


def test_the_helper_of_one_registry_stands_against_that_of_all(home):
    home.helper('echo no; exit 1', 'all')
    home.helper(f"echo '{ANSWER}'", 'lab.2')
    home.write(credsStore='all', credHelpers={LAB: 'lab.2', 'other': ''})
    assert find_login(Alices(home.path), LAB) == FOUND
    assert find_login(Alices(home.path), 'other') is None


def test_docker_hub_has_the_name_that_helpers_know(home):
    home.helper(f"echo '{ANSWER}'")
    home.write(credsStore='lab')
    host = Alices(home.path)
    assert find_login(host, 'docker.io') == FOUND
    key = 'https://index.docker.io/v1/'
    assert host.asked == [('docker-credential-lab', 'get', key)]


def test_an_identity_token_is_known_as_one(home):
    answer = json.dumps({'Username': '<token>', 'Secret': SECRET})
    home.helper(f"echo '{answer}'")
    home.write(credsStore='lab')
    found = find_login(Alices(home.path), LAB)
    assert found == StoredLogin('<token>', SECRET, is_identity_token=True)


def test_a_helper_without_the_login_hides_that_of_the_file(home):
    """docker/cli cli/config/credentials/native_store.go Get: it sends none."""
    home.helper(f'echo "{NOT_FOUND}"; exit 1')
    home.write(auths={LAB: {'auth': LOGIN}}, credsStore='lab')
    assert find_login(Alices(home.path), LAB) is None
    assert failure(home) == (
        'registry-login',
        '--login',
        'docker-credential-lab, the helper named in ~/.docker/config.json, has no '
        f'login for {LAB}',
        f'docker login {LAB}',
    )


TOLD = 'docker-credential-lab'
FAILURES = {
    'fails': (
        'echo trying >&2; echo "gpg: No secret key" >&2; exit 2',
        f'{TOLD} fails as alice (exit 2): gpg: No secret key',
    ),
    'fails-without-a-word': ('exit 1', f'{TOLD} fails as alice (exit 1)'),
    'is-killed': ('kill -9 $$', f'{TOLD} fails as alice (signal 9)'),
    'fails-with-its-answer': (
        f"echo '{ANSWER}'; exit 1",
        f'{TOLD} fails as alice (exit 1)',
    ),
    'shows-its-answer': (
        f"echo '{ANSWER}' | tee /dev/stderr; exit 1",
        f'{TOLD} fails as alice (exit 1)',
    ),
    'traces-itself': (
        f'set -x; : {shlex.quote(ANSWER)}; exit 1',
        f'{TOLD} fails as alice (exit 1)',
    ),
    'a-url': (
        'echo "cannot reach https://me:hunter2@vault.lab/" >&2; exit 1',
        f'{TOLD} fails as alice (exit 1): cannot reach https://xxxxx:xxxxx@vault.lab/',
    ),
    'garbage': ('echo hunter2', f'{TOLD} answers with no login'),
    'garbage-in-both': (
        'echo x hunter2 | tee /dev/stderr',
        f'{TOLD} answers with no login',
    ),
    'binary': ('head -c 100 /dev/urandom', f'{TOLD} answers with no login'),
    'half': (
        """echo '{"Username": "lab", "Secret": "hunter2'; echo Oh >&2""",
        f'{TOLD} answers with no login: Oh',
    ),
    'not-found-and-well': (f'echo "{NOT_FOUND}"', f'{TOLD} answers with no login'),
    'too-much': (
        'yes hunter2',
        f'{TOLD} does not run as alice: more than 65536 bytes of output',
    ),
}


@pytest.mark.parametrize(('text', 'message'), FAILURES.values(), ids=FAILURES.keys())
def test_a_helper_that_fails(home, text, message):
    home.helper(text)
    home.write(credsStore='lab')
    code = 'registry-login-helper'
    assert failure(home) == (code, '~/.docker/config.json', message, '')


def test_a_helper_that_is_not_there(home):
    home.write(credsStore='lab')
    message = f'{TOLD} does not run as alice: {os.strerror(2)}'
    assert failure(home)[2] == message


def test_a_helper_that_hangs(home, monkeypatch):
    monkeypatch.setattr(storedlogins, 'HELPER_TIMEOUT_S', 0.3)
    home.helper('echo hunter2 >&2; sleep 1000')
    home.write(credsStore='lab')
    assert failure(home)[2] == f'{TOLD} does not run as alice: no end within 0.3 s'


def test_a_helper_that_fails_leaves_the_login_of_the_file(home):
    """docker/cli cli/command/registry.go ResolveAuthConfig: the error is dropped."""
    home.helper('exit 1')
    home.write(auths={LAB: {'auth': LOGIN}}, credsStore='lab')
    assert find_login(Alices(home.path), LAB) == FOUND


@pytest.mark.parametrize(
    'name', ('../../bin/x', '/x', 'a/b', '..', 'hunter2 x', 'x\0', 'x' * 65, '-x', 'é')
)
def test_a_helper_that_is_no_file_name(home, name):
    home.write(credsStore=name)
    host = Alices(home.path)
    with pytest.raises(ConfigError):
        find_login(host, LAB)
    assert host.asked == []
    message = 'the name of its credential helper is not a file name'
    assert failure(home)[2] == message


def test_a_root_folder_runs_no_helper(root):
    config = json.dumps({'credsStore': 'lab'})
    root.write('/root/.docker/config.json', config)
    with pytest.raises(ConfigError, match='with --root docker-credential-lab is not'):
        find_login(Host(str(root.path)), LAB)


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
def test_under_sudo_it_runs_as_the_user():
    folder = mkdtemp(prefix='registry-host-test-')
    try:
        os.chmod(folder, 0o755)
        home = Home(folder)
        answer = f'{{"Username": "%s %s", "Secret": "{SECRET}"}}'
        home.helper(f"printf '{answer}' $(id -u) $HOME")
        home.write(credsStore='lab')
        daemon = pwd.getpwnam('daemon')
        host = Alices(folder, name='daemon', uid=daemon.pw_uid)
        found = StoredLogin(f'{daemon.pw_uid} {folder}', SECRET)
        assert find_login(host, LAB) == found
    finally:
        shutil.rmtree(folder)
