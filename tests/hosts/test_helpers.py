"""Logins that a credential helper keeps, on a host: it runs as the user, never as root.

`docker login` stores them, by the client of the host.
"""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from envelope import envelope
from places import CONFIG_JSON
from webservers import HTPASSWD, LOGIN

PORT = 5261
ENDPOINT = f'registry.lab:{PORT}'
URL = f'http://{ENDPOINT}'
USER, PASSWORD = LOGIN[:2]
SECRETS = (PASSWORD, b64encode(f'{USER}:{PASSWORD}'.encode()).decode())
HELPER = '/home/alice/.local/bin/docker-credential-lab'
# It keeps one login in a file of the user's, and tells as whom it was asked for it.
PROGRAM = """#!/bin/sh
kept=$HOME/kept
case $1 in
store) umask 077; cat >$kept ;;
get)
    { id -u; id -G; echo "$HOME $USER $#"; tr '\\\\0' '\\\\n' </proc/$PPID/status
      env; } >$HOME/asked
    if test "$(cat)" = 'ENDPOINT' && test -e $kept; then cat $kept
    else echo 'credentials not found in native keychain'; exit 1; fi ;;
erase) rm -f $kept ;;
esac
""".replace('ENDPOINT', ENDPOINT).replace('\\\\', '\\')
CHECK = ('registry-host', 'registry', 'check', '--login', URL, '--format=json')


@pytest.fixture
def host(lab, newest):
    lab.start_registry('helpers', PORT, has_login=True)
    # It looks at the file's time at each login.
    (lab.folder / 'helpers.htpasswd').write_text(HTPASSWD)
    newest.run(f'registry-host configure --insecure-registry {ENDPOINT} --no-probe')
    newest.write(HELPER, PROGRAM, mode='755', owner='alice')
    config = json.dumps({'credsStore': 'lab'})
    newest.write(CONFIG_JSON, config, mode='600', owner='alice')
    newest.run('chown -R alice: /home/alice/.docker /home/alice/.local')
    return newest


def checked(host, *words, code=0):
    """Check as alice, by sudo or not; no secret is shown, nor stands in an argv."""
    trace = 'strace -f -qq -s 4096 -e trace=execve -o /tmp/trace'
    host.run('rm -f /tmp/trace /home/alice/asked')
    # What root starts is traced by root: sudo is setuid.
    line = f'{trace} sudo -u alice {" ".join((*words, *CHECK))}'
    done = host.run(line, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    shown = (done.stdout, done.stderr, host.read('/tmp/trace'))
    assert 'docker-credential-lab' in shown[2]
    assert not [text for text in shown if any(each in text for each in SECRETS)]
    return envelope(done.stdout)


def test_a_helper_runs_as_the_user_behind_sudo(host):
    path = '/home/alice/.local/bin:/usr/bin:/bin'
    login = f'docker login --username {USER} --password-stdin {ENDPOINT}'
    host.run(login, user='alice', stdin=PASSWORD, env={'PATH': path})
    assert json.loads(host.read(CONFIG_JSON)) == {
        'auths': {ENDPOINT: {}},
        'credsStore': 'lab',
    }

    for words in (('env', f'PATH={path}:/usr/local/bin'), ('sudo',)):
        report = checked(host, *words)
        assert [each['check'] for each in report['findings']] == ['server-login']
        lines = host.read('/home/alice/asked').splitlines()
        groups = host.run(['id', '-G', 'alice']).stdout.strip()
        assert lines[:3] == ['1000', groups, '/home/alice alice 1']
        assert not [line for line in lines if 'SUDO_' in line] or words[0] != 'sudo'
        assert host.run('stat -c %U /home/alice/asked').stdout == 'alice\n'
    assert not host.run('ls /root/asked /root/kept', check=False).stdout

    # The login is wrong, or there is none, or the helper is away.
    kept = json.dumps({'ServerURL': ENDPOINT, 'Username': USER, 'Secret': 'hunter2-x'})
    host.write('/home/alice/kept', kept, mode='600', owner='alice')
    report = checked(host, 'sudo', code=1)
    assert report['findings'][0]['message'] == f'{URL}: does not take this login (401)'
    assert 'hunter2' not in json.dumps(report)

    host.run('rm /home/alice/kept')
    report = checked(host, 'sudo', code=2)
    assert report['errors'][0]['message'] == (
        f'--login: docker-credential-lab, the helper named in {CONFIG_JSON}, has no '
        f'login for {ENDPOINT}'
    )

    host.run(f'rm {HELPER}')
    report = checked(host, 'sudo', code=2)
    (error,) = report['errors']
    assert (error['code'], error['message']) == (
        'registry-login-helper',
        f'{CONFIG_JSON}: docker-credential-lab does not run as alice: No such file or '
        'directory',
    )
