"""Garbage collection that destroys images is found where it is started from."""

from __future__ import annotations

import pytest

CONFIG = '/etc/docker/registry/config.yml'
TEXT = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/push\n'
    'http:\n  addr: 127.0.0.1:5002\n'
)
IN_MEMORY = TEXT.replace('http:', '  cache:\n    blobdescriptor: inmemory\nhttp:')
COLLECT = f'docker-registry garbage-collect {CONFIG}'


def found(root):
    findings = root.run('registry', 'check', '--format=json').json['findings']
    return [(each['check'], each['path']) for each in findings]


@pytest.mark.parametrize(
    ('path', 'line', 'number'),
    (
        ('/etc/cron.d/registry', f'# weekly\n0 3 * * 0 root {COLLECT} -m\n', 2),
        ('/etc/crontab', f'0 3 * * 0 root {COLLECT} --delete-untagged=true', 1),
        ('/etc/cron.weekly/gc', f'#!/bin/sh\n{COLLECT} --delete-untagged\n', 2),
        (
            '/etc/systemd/system/registry-gc.service',
            f'[Service]\nExecStart=/usr/bin/{COLLECT} -m',
            2,
        ),
        (
            '/var/spool/cron/crontabs/root',
            f'@weekly docker exec reg registry garbage-collect -m {CONFIG}\n',
            1,
        ),
    ),
)
def test_untagged_manifests_of_platforms_are_deleted(root, path, line, number):
    root.write(CONFIG, TEXT)
    root.write(path, line)
    assert found(root) == [('gc-delete-untagged', f'{path}:{number}')]


def test_a_script_that_cron_starts_is_read(root):
    root.write(CONFIG, TEXT)
    root.write('/usr/local/sbin/gc', f'#!/bin/sh\nset -e\n{COLLECT} -m\n', 0o755)
    root.write('/etc/cron.d/gc', '0 3 * * 0 root /usr/local/sbin/gc\n')
    assert found(root) == [('gc-delete-untagged', '/usr/local/sbin/gc:3')]


@pytest.mark.parametrize(
    'line',
    (
        f'0 3 * * 0 root {COLLECT}\n',
        f'0 3 * * 0 root {COLLECT} -m --dry-run\n',
        f'#0 3 * * 0 root {COLLECT} -m\n',
    ),
)
def test_what_deletes_no_platform_is_not_told(root, line):
    root.write(CONFIG, TEXT)
    root.write('/etc/cron.d/registry', line)
    assert found(root) == []


def test_an_instance_that_goes_on_with_what_it_remembers(root):
    root.write(CONFIG, IN_MEMORY)
    path = '/etc/cron.daily/registry'
    root.write(path, f'#!/bin/sh\n{COLLECT}\n')
    assert found(root) == [('gc-without-restart', f'{path}:2')]
    root.write(path, f'#!/bin/sh\n{COLLECT}\nsystemctl restart docker-registry\n')
    assert found(root) == []


def test_the_remedy_takes_the_flag_out(root):
    import subprocess

    root.write(CONFIG, TEXT)
    path = root.write('/etc/cron.d/registry', f'0 3 * * 0 root {COLLECT} -m\n')
    report = root.run('registry', 'check', '--format=json').json
    ((step,),) = (each['remedy'] for each in report['findings'])
    words = [word for word in step['argv'] if word != 'sudo']
    subprocess.run(words, check=True)
    assert path.read_text() == f'0 3 * * 0 root {COLLECT}\n'


def test_distribution_3_keeps_them(root):
    root.write(CONFIG, TEXT)
    root.write('/etc/cron.d/registry', f'0 3 * * 0 root {COLLECT} -m\n')
    words = ('registry', 'check', '--distribution', '3', '--format=json')
    assert root.run(*words).json['findings'] == []
