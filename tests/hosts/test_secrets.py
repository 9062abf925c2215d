"""A proxy's password and a login: in the files that are to hold them, nowhere else."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from places import CONFIG_JSON, DAEMON_JSON

SECRET = 'hunter2'
LOGIN = b64encode(f'alice:{SECRET}'.encode()).decode()
SETTINGS = {
    'registry-mirrors': ['http://registry.lab:5000'],
    'proxies': {
        'http-proxy': f'http://user:{SECRET}@proxy.lab:3128',
        'no-proxy': 'registry.lab',
        'for': ['engine', 'client'],
    },
    'client': {'users': ['alice']},
}
TRACED = 'strace -f -qq -s 4096 -e trace=execve -o /root/trace registry-host'


@pytest.fixture
def prepared(newest):
    newest.run('install -d -o alice -g alice -m 700 /home/alice/.docker')
    login = {'auths': {'r.lab': {'auth': LOGIN}}}
    newest.write(CONFIG_JSON, json.dumps(login), mode='600', owner='alice')
    return newest


def test_no_secret_leaves_its_file(prepared):
    host = prepared
    shown = []
    for words in (
        'configure -f - --check --diff',
        'configure -f - --check --diff --format=json',
        'configure -f - --diff --confirm-within 100',
        'confirm',
        'history',
        'history --format=json',
        'doctor',
        'doctor --format=json',
        'undo --check --diff',
        'undo --diff --format=json',
        'undo 2 --diff',
        'unconfigure --diff',
    ):
        done = host.run(f'{TRACED} {words}', stdin=json.dumps(SETTINGS), check=False)
        assert done.returncode in (0, 1, 3), done.stderr
        shown += [done.stdout, done.stderr, host.read('/root/trace')]
    shown.append(host.run('journalctl -q -b').stdout)
    assert 'execve' in shown[2]
    assert not [text for text in shown if SECRET in text or LOGIN in text]
    # The engine's own "overriding existing proxy" masks too; ours is asserted above.


def test_no_secret_is_readable_by_others(prepared):
    host = prepared
    host.run('registry-host configure -f -', stdin=json.dumps(SETTINGS))
    holders = host.run(
        f'grep -rlF {SECRET} /etc /home /root /run /tmp /var -s', check=False
    ).stdout.split()
    assert {DAEMON_JSON, CONFIG_JSON} < set(holders)
    for path in holders:
        mode = host.run(['stat', '-c', '%a', path]).stdout.strip()
        assert mode == '600', path
    found = host.run(
        ['grep', '-rlF', SECRET, '/var/lib', '/etc'], user='alice', check=False
    )
    assert found.stdout == ''


def test_a_password_in_a_file_for_all_is_told_with_a_remedy(prepared):
    host = prepared
    host.write(DAEMON_JSON, '{}')
    done = host.run('registry-host configure -f -', stdin=json.dumps(SETTINGS))
    assert (
        f"warning: {DAEMON_JSON} holds a proxy's password, and others may read it "
        f'(mode 0644)\nhint:  chmod 600 {DAEMON_JSON}\n'
    ) in done.stdout
    seen = host.run('registry-host doctor --only proxy-password', check=False)
    assert 'warning: proxy-password: ' in seen.stdout
    host.run(f'chmod 600 {DAEMON_JSON}')
    assert host.run('registry-host doctor --only proxy-password').returncode == 0
    again = host.run('registry-host configure -f -', stdin=json.dumps(SETTINGS))
    assert again.stdout.startswith('nothing to do')


def test_a_password_on_the_command_line_is_told(prepared):
    done = prepared.run(
        [
            'registry-host',
            'configure',
            '--user=alice',
            '--proxy-for=client',
            '--http-proxy',
            f'http://u:{SECRET}@p',
        ]
    )
    assert (
        'any user of this host can read the password in the process list' in done.stdout
    )
    assert SECRET not in done.stdout
