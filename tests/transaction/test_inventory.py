"""What is seen of managed entries, by a service of which the package knows nothing."""

from __future__ import annotations

import json

import outsiders
import pytest
from envelope import service, texts

NOTES = outsiders.NOTES
MEMORY = f'/{outsiders.MEMORY}'
INSTANCE = f'/{outsiders.INSTANCE}'
MIRRORS = ('--mirror', 'http://m', '--mirror', 'http://n')
DNS = ('--engine-dns', '9.9.9.9')


@pytest.fixture
def notary(root):
    """A host with the notary, which runs, and two mirrors and a nameserver by us."""
    with outsiders.alone():
        root.write(NOTES, 'owner bob\n')
        start(root, [], [])
        assert root.run('configure', *MIRRORS).code == 0
        assert root.run('configure', *DNS).code == 0
        yield root


def start(root, mirrors, dns, instance='1'):
    memory = {'registry-mirrors': mirrors, 'engine-dns': dns}
    root.write(MEMORY, json.dumps(memory))
    root.write(INSTANCE, instance)


def seen(root):
    found = root.run('status', '--format=json').json
    (file,) = found['status']['files']
    return found, [
        (each['value'], each['run'], each['state'], each['needed'])
        for each in file['entries']
    ]


def told(found):
    return [(each['check'], texts(each)) for each in found['findings']]


def test_what_it_shows_is_live_and_what_it_never_shows_is_not(notary):
    found, entries = seen(notary)
    assert entries == [
        ('http://m', '1', 'live', 'none'),
        ('http://n', '1', 'live', 'none'),
        ('9.9.9.9', '2', 'not-shown', 'none'),
    ]
    assert (found['services'], found['findings']) == ([], [])
    (engine,) = found['status']['engines']
    assert engine['title'] == 'the notary 1.0'


def test_what_is_not_loaded_is_told_entry_by_entry(notary):
    start(notary, ['http://n', 'http://theirs'], ['9.9.9.9'])
    found, entries = seen(notary)
    assert [entry[2:] for entry in entries] == [
        ('pending', 'reload'),
        ('live', 'none'),
        ('not-shown', 'none'),
    ]
    assert service(found, 'notary') == ('reload', 'none', 'reload')
    why = 'the notary does not use registry-mirrors until it has read its files again'
    assert found['services'][0]['why'] == why
    remedy = f'{notary.as_root} reload'
    assert told(found) == [('reload-pending', [remedy])]


def test_what_was_put_off_is_due_until_there_is_another_instance(notary):
    dns = ('configure', '--engine-dns', '1.1.1.1', '--restart=never')
    assert notary.run(*dns).code == 0
    found, entries = seen(notary)
    assert [entry[:1] + entry[2:] for entry in entries[2:]] == [
        ('9.9.9.9', 'pending', 'restart'),
        ('1.1.1.1', 'pending', 'restart'),
    ]
    assert service(found, 'notary') == ('restart', 'none', 'restart')
    assert told(found)[-1] == ('restart-pending', ['systemctl restart notary'])
    notary.write(INSTANCE, 'another')
    found, entries = seen(notary)
    assert {entry[2] for entry in entries[2:]} == {'not-shown'}
    assert found['services'] == []


def test_what_was_undone_is_due_though_nothing_is_managed(notary):
    for _ in '12':
        assert notary.run('undo', '--restart=never').code == 0
    found = notary.run('status', '--format=json').json
    assert found['status']['files'] == []
    assert service(found, 'notary') == ('restart', 'none', 'restart')


def test_what_others_took_out_is_gone_even_if_it_is_still_used(notary):
    lines = notary.read(NOTES).splitlines(keepends=True)
    notary.write(NOTES, ''.join(line for line in lines if 'http://m' not in line))
    found, entries = seen(notary)
    assert [entry[2] for entry in entries] == ['gone', 'live', 'not-shown']
    (gone,) = [e for e in found['status']['files'][0]['entries'] if e['why']][:1]
    assert gone['why'].endswith('outside registry-host, and the notary still uses it')
    start(notary, ['http://n'], ['9.9.9.9'])
    found, _ = seen(notary)
    assert found['status']['files'][0]['entries'][0]['why'].endswith(
        'outside registry-host'
    )


def test_one_that_does_not_run_reads_it_when_it_starts(notary):
    (notary.path / outsiders.MEMORY).unlink()
    found, entries = seen(notary)
    assert {entry[2] for entry in entries} == {'not-running'}
    assert 'the notary 1.0 is not running; it reads' in notary.run('status').out
    assert found['services'] == []
