"""The examples for config management, run by the real thing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bounds
import images
import pytest
import yaml
from places import DAEMON_JSON
from program import TREE

HOOKS = TREE / 'scripts/hooks'
SETTINGS = {
    'registry-mirrors': ['http://registry.lab:5000'],
    'insecure-registries': ['registry.lab:5002'],
    'proxies': {
        'http-proxy': 'http://u:hunter2@proxy.lab:3128',
        'for': ['client'],
    },
}


@pytest.fixture
def playbook(host, lab, tmp_path):
    """A playbook for one host over SSH, as an ordinary user with sudo."""
    key = tmp_path / 'key'
    subprocess.run(
        ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(key)], check=True
    )
    host.write(
        '/home/alice/.ssh/authorized_keys',
        key.with_suffix('.pub').read_text(),
        mode='600',
        owner='alice:alice',
    )
    host.run('chown alice:alice /home/alice/.ssh && chmod 700 /home/alice/.ssh')
    # While a host boots, only root may log in: that ends with systemd-user-sessions.
    host.run('ssh-keygen -A && systemctl start systemd-user-sessions ssh')
    login = {
        'ansible_user': 'alice',
        'ansible_ssh_private_key_file': str(key),
        'ansible_ssh_common_args': '-o StrictHostKeyChecking=no '
        '-o UserKnownHostsFile=/dev/null',
        'ansible_python_interpreter': '/usr/bin/python3',
    }
    inventory = tmp_path / 'inventory.json'
    hosts = {host.address: login}
    inventory.write_text(json.dumps({'all': {'hosts': hosts}}))
    play = {
        'hosts': 'all',
        'become': True,
        'gather_facts': False,
        'vars': {'registry_host_settings': SETTINGS},
        'tasks': [{'ansible.builtin.import_tasks': str(HOOKS / 'ansible.yml')}],
    }
    book = tmp_path / 'play.yml'
    book.write_text(json.dumps([play]))

    # Of its processes, one stays for a minute in case that there is more to do.
    group = lab.make_group(f'ansible-{host.name}')
    inside = [*bounds.INSIDE, str(group), *lab.namespace]
    environment = {
        'ANSIBLE_NOCOLOR': '1',
        # The path of a socket may have 108 bytes; a folder of pytest's is too long.
        'ANSIBLE_SSH_CONTROL_PATH_DIR': str(lab.folder / 'ssh'),
        'HOME': str(tmp_path),
    }

    def run(*flags: str, code: int = 0, **variables: object) -> str:
        if variables:
            flags += ('--extra-vars', json.dumps(variables))
        program = Path(sys.executable).with_name('ansible-playbook')
        done = subprocess.run(
            [*inside, str(program), '-i', str(inventory), str(book), *flags],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert 'hunter2' not in done.stdout + done.stderr
        return done.stdout

    yield run
    bounds.end(group)


def test_ansible(host, playbook):
    forecast = playbook('--check', '--diff')
    assert 'changed=1' in forecast
    assert '+        \\"http://registry.lab:5000\\"' in forecast
    assert host.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1

    applied = playbook()
    assert 'changed=1' in applied
    assert host.mirrors() == ['http://registry.lab:5000/']
    owner = host.run('stat -c %U:%a /home/alice/.docker/config.json').stdout
    assert owner == 'alice:600\n'

    assert 'changed=0' in playbook()


# What the tasks make of a report is the same with each engine and each Python.
only_newest = pytest.mark.parametrize('host', ('forky',), indirect=True)


@only_newest
def test_ansible_and_a_restart_that_is_put_off(host, playbook):
    """It is pending, and not changed, in each run until somebody does it."""
    host.start_container('bystander')
    wanted = {**SETTINGS, 'dns': {'engine': ['192.0.2.53']}}
    pending = 'docker: restart pending: a restart would stop 1 running container: '
    runs = (
        ((), 'changed=1'),
        ((), 'changed=0'),
        (('--check',), 'changed=0'),
    )
    for flags, changed in runs:
        shown = playbook(*flags, registry_host_settings=wanted)
        assert changed in shown
        assert f'{pending}bystander' in shown
    assert host.run('docker ps -q').stdout
    host.run('docker kill bystander')
    forecast = playbook('--check', registry_host_settings=wanted)
    assert 'changed=1' in forecast
    assert 'pending:' not in forecast
    assert 'changed=1' in playbook(registry_host_settings=wanted)
    last = playbook(registry_host_settings=wanted)
    assert 'changed=0' in last
    assert 'pending:' not in last


@only_newest
def test_ansible_tells_what_is_wrong(host, playbook):
    dead = {'registry-mirrors': ['http://registry.lab:5999']}
    failed = playbook(code=2, registry_host_settings=dead)
    assert 'registry.lab:5999: ' in failed
    assert '(host: unchanged)' in failed

    assert 'changed=1' in playbook()
    assert 'changed=0' in playbook('--check')
    host.write(DAEMON_JSON, '{"debug": true,}')
    failed = playbook(code=2)
    assert f'{DAEMON_JSON}:1:15: not JSON: a comma before' in failed
    assert 'nothing was written (host: unchanged)' in failed
    host.run('umount /usr/bin/registry-host && rm /usr/bin/registry-host')
    gone = playbook(code=2)
    assert 'registry-host did not run: is it installed? (host: unchanged)' in gone


def test_cloud_init(newest):
    document = yaml.safe_load((HOOKS / 'cloud-init.yml').read_text())
    for file in document['write_files']:
        newest.write(file['path'], file['content'], mode=file['permissions'])
    for command in document['runcmd']:
        newest.run(command)
    assert newest.mirrors() == ['http://registry.lab:5000/']
    assert 'registry.lab:5002' in newest.insecure()


def test_image_build(lab, tmp_path):
    """On an unpacked Debian root, by the builder's own registry-host."""
    root, upper, work = (tmp_path / name for name in ('root', 'upper', 'work'))
    for folder in (root, upper, work):
        folder.mkdir()
    image = images.ensure('trixie')
    settings = tmp_path / 'settings.toml'
    settings.write_text('registry-mirrors = ["http://registry.lab:5000"]\n')
    program = Path(sys.executable).parent
    script = (
        'mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" "$1/root" && '
        'mount -t overlay overlay '
        '-o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root" && '
        '"$3" "$1/root" "$4" && cat "$1/root/etc/docker/daemon.json" && '
        'find "$1/upper" -type f -newer "$4" -printf "%P %m\\n"'
    )
    unshare = ['unshare', '--mount', '--propagation=private', 'sh', '-ec', script, 'sh']
    hook = str(HOOKS / 'image-build')
    done = subprocess.run(
        [*unshare, str(work), str(image), hook, str(settings)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'PATH': f'{program}:{os.environ["PATH"]}'},
    )
    assert '"registry-mirrors": [\n        "http://registry.lab:5000"\n' in done.stdout
    files = set(done.stdout.splitlines())
    assert {
        'etc/docker/daemon.json 644',
        'var/lib/registry-host/ledger.json 600',
    } <= files
