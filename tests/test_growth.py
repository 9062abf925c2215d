"""The work of each command grows with the number of entries, and no faster.

Counted are calls of functions, those written in C included, so that no clock decides.
"""

from __future__ import annotations

import json
import sys

import pytest
from places import DAEMON_JSON

SIZES = (100, 300, 900)
# A call more for each entry, in each doubling, is not what this is about.
SLACK = 1.15
SETTINGS = {
    'toml': '/etc/registry-host/settings.toml',
    'json': '/etc/registry-host/settings.json',
}


def document(number, mirror='http://m{}.example:5000'):
    return {
        'registry-mirrors': [mirror.format(n) for n in range(number)],
        'insecure-registries': [f'r{n}.example:5000' for n in range(number)],
        'proxies': {
            'http-proxy': 'http://proxy.example:3128',
            'no-proxy': ','.join(f'n{n}.example' for n in range(number)),
            'for': ['engine', 'client'],
        },
    }


def text_of(settings, kind):
    if kind == 'json':
        return json.dumps(settings, indent=2)
    lines = [f'{name} = {json.dumps(settings[name])}' for name in list(settings)[:2]]
    lines += ['[proxies]']
    lines += [f'{name} = {json.dumps(v)}' for name, v in settings['proxies'].items()]
    return '\n'.join(lines) + '\n'


def calls(root, *words):
    """Count the calls that one command takes."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event in ('call', 'c_call')

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        root.run(*words)
    finally:
        sys.setprofile(before)
    return count


def prepare(root, name, number, kind):
    """Bring a root to where the command of a case starts; return its words."""
    managed = document(number)
    root.write(SETTINGS[kind], text_of(managed, kind))
    if name == 'validate':
        return 'validate', '--settings', f'{root.path}{SETTINGS[kind]}'
    if name == 'wrong':
        wrong = document(number, 'http://user:Secret{}x@m.example/v2')
        root.write(SETTINGS[kind], text_of(wrong, kind))
        return ('configure',)
    if name == 'foreign':
        foreign = document(number, 'http://10.0.0.{}:5000')
        root.write(DAEMON_JSON, json.dumps({**foreign, 'proxies': {}}))
        return ('doctor',)
    if name == 'daemon-json':
        root.write(DAEMON_JSON, json.dumps({**managed, 'proxies': {}}, indent=1))
        return 'validate', '--daemon-json', f'{root.path}{DAEMON_JSON}'
    if name != 'first':
        assert root.run('configure').code == 0
    if name == 'later':
        assert root.run('configure', '--mirror', 'http://later').code == 0
        return 'configure', '--insecure-registry', 'later:5000'
    return {
        'first': ('configure',),
        'converged': ('configure',),
        'check': ('configure', '--check', '--diff'),
        'doctor': ('doctor',),
        'undo': ('undo',),
        'unconfigure': ('unconfigure',),
    }[name]


CASES = (
    *(('toml', name) for name in ('validate', 'first', 'converged', 'wrong')),
    *(
        ('json', name)
        for name in (
            'validate',
            'first',
            'converged',
            'wrong',
            'check',
            'doctor',
            'foreign',
            'daemon-json',
            'later',
            'undo',
            'unconfigure',
        )
    ),
)


@pytest.mark.parametrize(('kind', 'name'), CASES, ids=map('-'.join, CASES))
def test_twice_the_entries_are_twice_the_work(make_root, kind, name):
    # The first one loads what it needs.
    _, few, more, many = (
        calls(root, *prepare(root, name, number, kind))
        for number, root in ((number, make_root()) for number in (10, *SIZES))
    )
    first = (more - few) / (SIZES[1] - SIZES[0])
    then = (many - more) / (SIZES[2] - SIZES[1])
    assert then <= first * SLACK
