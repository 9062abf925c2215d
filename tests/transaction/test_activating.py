"""Services in a run: activated, proved, held up, and taken back, whatever they are."""

from __future__ import annotations

import json

import outsiders
import pytest
from envelope import is_live, service
from places import LEDGER

from registry_host.host.host import Host

NOTES = outsiders.NOTES
MEMORY = f'/{outsiders.MEMORY}'
INSTANCE = f'/{outsiders.INSTANCE}'
MIRROR = ('--mirror', 'http://m')
DNS = ('--engine-dns', '9.9.9.9')


@pytest.fixture
def notary(root):
    """A host with a program of which the package knows nothing, and nothing else."""
    with outsiders.alone():
        root.write(NOTES, 'owner bob\n')
        start(root, [], [])
        yield root


def start(root, mirrors, dns, instance='1'):
    memory = {'registry-mirrors': mirrors, 'engine-dns': dns}
    root.write(MEMORY, json.dumps(memory))
    root.write(INSTANCE, instance)


def memory(root):
    found = json.loads(root.read(MEMORY))
    return found['registry-mirrors'], found['engine-dns'], root.read(INSTANCE)


def run(root, *words, code=0):
    ended = root.run(*words, '--format=json')
    assert ended.code == code, ended.json
    return ended.json


def activation(root, *words, code=0):
    """What a run needed of the engine, what it did, and what is left to do."""
    found = run(root, *words, code=code)
    return (*service(found, 'notary'), is_live(found, 'notary'))


def noted(root):
    return json.loads(root.read(LEDGER)).get('started', [])


def test_a_reload_is_all_that_it_takes(notary):
    assert activation(notary, 'configure', *MIRROR) == (
        'reload',
        'reload',
        'none',
        True,
    )
    assert memory(notary) == (['http://m'], [], '1')
    assert activation(notary, 'configure', *MIRROR) == ('none', 'none', 'none', True)


def test_a_restart_where_only_a_start_reads_it(notary):
    done = activation(notary, 'configure', *DNS, *MIRROR)
    assert done == ('restart', 'restart', 'none', True)
    assert memory(notary) == (['http://m'], ['9.9.9.9'], '1+')
    # It never shows its nameservers, and nothing is noted of what was not put off.
    assert activation(notary, 'configure', *DNS) == ('none', 'none', 'none', False)
    assert noted(notary) == []


def test_a_list_that_is_withdrawn_is_forgotten_live(notary):
    notary.run('configure', *MIRROR)
    assert activation(notary, 'unconfigure', 'mirrors')[1:] == ('reload', 'none', True)
    assert memory(notary) == ([], [], '1')
    assert notary.read(NOTES) == 'owner bob\n'


def test_what_is_live_and_in_no_file_is_put_in_order_if_it_is_asked_for(notary):
    notary.run('configure', *MIRROR)
    start(notary, ['http://other'], [])
    assert activation(notary, 'configure', *DNS, '--restart=never')[1] == 'reload'
    # It is not held up by the restart that is put off.
    start(notary, ['http://other'], [])
    again = ('configure', *MIRROR, '--restart=never')
    assert activation(notary, *again) == ('restart', 'reload', 'restart', False)
    assert memory(notary) == (['http://m'], [], '1')
    assert activation(notary, *again) == ('restart', 'none', 'restart', False)


# A restart that is put off


def put_off(root):
    words = ('configure', *DNS, '--restart=never')
    assert activation(root, *words) == ('restart', 'reload', 'restart', False)
    assert memory(root)[1:] == ([], '1')


def test_a_restart_that_is_put_off_is_known_to_later_runs(notary):
    put_off(notary)
    assert noted(notary) == [
        {'service': 'notary', 'instance': '1', 'at-start': {'engine-dns': []}}
    ]
    for words in (DNS, MIRROR, MIRROR):
        later = activation(notary, 'configure', *words, '--restart=never')
        assert (later[0], later[2], later[3]) == ('restart', 'restart', False)
    again = run(notary, 'configure', *MIRROR, '--restart=never')
    assert again['changed'] is False
    assert [finding['check'] for finding in again['findings']] == ['notary-pending']
    forecast = run(notary, 'configure', *MIRROR, '--restart=never', '--check', code=3)
    assert service(forecast, 'notary') == ('restart', 'none', 'restart')
    assert (forecast['changed'], forecast['host']) == (False, 'unchanged')
    forecast = run(notary, 'configure', *MIRROR, '--check', code=3)
    assert service(forecast, 'notary') == ('restart', 'restart', 'none')
    done = activation(notary, 'configure', *MIRROR)
    assert done == ('restart', 'restart', 'none', True)
    assert memory(notary) == (['http://m'], ['9.9.9.9'], '1+')
    assert activation(notary, 'configure', *MIRROR)[0] == 'none'


def test_undo_before_the_restart_needs_none(notary):
    put_off(notary)
    assert activation(notary, 'undo') == ('none', 'none', 'none', True)
    assert noted(notary) == []
    assert memory(notary) == ([], [], '1')


def test_a_restart_by_anybody_ends_it(notary):
    put_off(notary)
    start(notary, [], ['9.9.9.9'], instance='2')
    assert activation(notary, 'configure', *DNS)[0] == 'none'
    assert activation(notary, 'configure', *MIRROR)[0] == 'reload'
    assert noted(notary) == []


def test_a_second_run_that_is_put_off_keeps_what_the_instance_started_with(notary):
    put_off(notary)
    more = ('configure', '--engine-dns', '9.9.9.10', '--restart=never')
    assert activation(notary, *more)[2] == 'restart'
    (started,) = noted(notary)
    assert started['at-start'] == {'engine-dns': []}
    assert activation(notary, 'unconfigure', 'dns')[0] == 'none'
    assert noted(notary) == []


def test_what_others_left_undone_costs_no_restart(notary):
    notary.write(NOTES, 'dns 192.0.2.1\n')
    assert activation(notary, 'configure', *MIRROR) == (
        'reload',
        'reload',
        'none',
        True,
    )


def test_one_that_does_not_run_reads_its_file_when_it_starts(notary):
    (notary.path / outsiders.MEMORY).unlink()
    assert activation(notary, 'configure', *DNS) == ('restart', 'none', 'none', False)
    assert noted(notary) == []


# Failures


def test_its_own_verdict_comes_before_the_first_byte(notary):
    before = notary.snapshot()
    found = run(notary, 'configure', '--mirror=http://refused', code=2)
    assert found['errors'][0]['code'] == 'notary-refuses'
    assert notary.snapshot().keys() - before.keys() <= {
        key for key in notary.snapshot() if 'lock' in key
    }
    assert notary.read(NOTES) == 'owner bob\n'


def test_one_that_does_not_take_it_has_its_old_file_back(notary):
    notary.run('configure', *MIRROR)
    before, then = notary.read(NOTES), memory(notary)
    found = run(notary, 'configure', '--mirror=http://unruly', code=1)
    assert found['errors'][0]['code'] == 'notary-unruly'
    message = found['errors'][0]['message']
    assert 'the old file is back; the notary is as it was' in message
    assert (notary.read(NOTES), memory(notary)) == (before, then)


def test_one_that_shows_something_else_has_its_old_file_back(notary, monkeypatch):
    notary.run('configure', *MIRROR)
    before = notary.read(NOTES)
    reload = outsiders.Notary.reload

    def deaf(self, host):
        if 'http://n' not in outsiders.text_of(host.read(NOTES)):
            reload(self, host)

    monkeypatch.setattr(outsiders.Notary, 'reload', deaf)
    found = run(notary, 'configure', '--mirror=http://n', code=1)
    message = 'the notary reloaded, but does not show what the file says'
    assert message in found['errors'][0]['message']
    assert (notary.read(NOTES), memory(notary)[0]) == (before, ['http://m'])


def test_a_restart_of_a_run_that_fails_is_made_again(notary, monkeypatch):
    """It has read at its start what the run wrote, and never shows it."""
    start_anew = outsiders.Notary.start

    def late(self, host):
        start_anew(self, host)
        if '9.9.9.9' in outsiders.text_of(host.read(NOTES)):
            notary.write(NOTES, 'owner eve\n')

    monkeypatch.setattr(outsiders.Notary, 'start', late)
    found = run(notary, 'configure', *DNS, code=75)
    assert 'the notary is as it was' in found['errors'][0]['message']
    assert memory(notary) == ([], [], '1++')


def test_files_of_a_run_are_known_to_its_target_alone(notary):
    """A record that names another file of this target is damaged."""
    notary.run('configure', *MIRROR)
    path = '/var/lib/registry-host/checkpoints/1.json'
    text = notary.read(path)
    notary.write(path, text.replace(NOTES, '/etc/passwd'), 0o600)
    assert run(notary, 'undo', '1', code=2)['errors'][0]['code'] == 'checkpoint-damaged'
    assert Host(str(notary.path)).read(NOTES).content == notary.read(NOTES).encode()


def test_a_condition_that_a_run_has_changed_is_told_with_its_cure(notary, monkeypatch):
    """What it shows is as it was, and its manager holds it for dead."""
    condition = notary.path / outsiders.CONDITION
    condition.write_text('active (running)')
    activate = outsiders.Notary.activate

    def failing(self, host, *arguments):
        condition.write_text('failed (failed)')
        return activate(self, host, *arguments)

    monkeypatch.setattr(outsiders.Notary, 'activate', failing)
    found = run(notary, 'configure', '--mirror=http://unruly', code=1)
    (error,) = found['errors']
    assert error['message'] == (
        'it does not take it; the old file is back; notary.unit is failed (failed), '
        'and was active (running); the notary uses what it did before'
    )
    assert error['hint'] == 'systemctl reset-failed notary'
