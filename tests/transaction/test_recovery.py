"""A run that was cut short, as far as no engine is needed."""

from __future__ import annotations

import base64
import json
import os

import pytest
from earlier import MIRROR, configured, cut_short, leave_behind, reopen
from places import CHECKPOINTS, CONFIG_JSON, DAEMON_JSON, JOURNAL, RESOLV_CONF

# Recovery, as far as no engine is needed


def test_forecast_and_doctor_tell_of_a_run_that_was_cut_short(root):
    root.write(DAEMON_JSON, '{"debug": true}')
    cut_short(root)
    before = root.snapshot()
    ended = root.run('configure', '--insecure-registry', 'r:1', '--check')
    assert ended.code == 3
    assert 'error: run 1 (configure, ' in ended.out
    ended = root.run('doctor', '--only', 'unfinished-run')
    assert ended.code == 1
    assert 'the next run rolls it back first' in ended.out
    assert f'hint:  {root.as_root} undo\n' in ended.out
    assert root.snapshot() == before
    ended = root.run('configure', '--insecure-registry', 'r:1')
    assert ended.code == 0
    assert 'warning: run 1 (configure, ' in ended.out
    assert 'had not ended: the old file is back\n' in ended.out
    assert json.loads(root.read(DAEMON_JSON)) == {
        'debug': True,
        'insecure-registries': ['r:1'],
    }
    assert not (root.path / 'home/alice/.docker').exists()
    outcomes = [
        run['outcome'] for run in root.run('history', '--format=json').json['results']
    ]
    assert outcomes == ['recovered', 'applied']


@pytest.mark.parametrize('kind', ('folder', 'fifo', 'loop', 'folder-is-a-file'))
def test_a_user_cannot_hold_up_the_host_by_their_own_file(root, kind):
    root.write(DAEMON_JSON, '{"debug": true}')
    cut_short(root)
    file = root.path / CONFIG_JSON.lstrip('/')
    file.unlink()
    if kind == 'folder':
        file.mkdir()
    elif kind == 'fifo':
        os.mkfifo(file)
    elif kind == 'loop':
        file.symlink_to(file.name)
    else:
        file.parent.rmdir()
        file.parent.write_text('')
    ended = root.run('undo')
    assert ended.code == 0
    assert f'the old file is back, but {CONFIG_JSON} (' in ended.out
    assert 'was changed outside registry-host since, and is left as it is' in ended.out
    assert root.read(DAEMON_JSON) == '{"debug": true}'
    assert root.run('doctor', '--only', 'unfinished-run').code == 0


def test_a_damaged_journal_is_told_and_nothing_is_written(root):
    root.write(DAEMON_JSON, '{}')
    root.write('/var/lib/registry-host/journal.json', '{"version": 1}', 0o600)
    before = root.snapshot()
    ended = root.run('configure', '--mirror', MIRROR)
    assert ended.code == 2
    assert 'is damaged, so what it holds cannot be put back' in ended.err
    assert root.snapshot() == before


@pytest.mark.parametrize('key', ('nameservers', 'search'))
@pytest.mark.parametrize('is_cut', (True, False), ids=('cut', 'ended'))
def test_a_value_of_a_ledger_that_is_no_use_is_told_as_damage(root, key, is_cut):
    """In the journal it makes resolv.conf the administrator's, and holds up no run."""
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')
    configured(root, '--nameserver=9.9.9.9', '--dns-search=a.example')
    configured(root, '--nameserver=9.9.9.10', '--dns-search=b.example')
    path = f'{CHECKPOINTS}/2.json'
    record = json.loads(root.read(path))
    ledger = json.loads(base64.b64decode(record['ledgers'][0]))
    (entry,) = (each for each in ledger['applied'] if each['path'] == RESOLV_CONF)
    entry['keys'][key]['ours'] = ['no use']
    encoded = base64.b64encode(json.dumps(ledger).encode()).decode()
    record['ledgers'][0] = encoded
    root.write(path, json.dumps(record), 0o600)
    root.write(RESOLV_CONF, f'# edited\n{root.read(RESOLV_CONF)}')
    edited = root.read(RESOLV_CONF)
    if is_cut:
        root.write(JOURNAL, root.read(path), 0o600)
        (root.path / path.lstrip('/')).unlink()
        ended = root.run('undo')
        assert ended.code == 0, ended.err
        assert f'but {RESOLV_CONF} (is damaged, ' in ended.out
    else:
        ended = root.run('undo', '2', '--format=json')
        assert (ended.code, ended.codes) == (1, ['ledger-damaged'])
    assert root.read(RESOLV_CONF) == edited


@pytest.mark.parametrize('is_forward', (True, False), ids=('forward', 'back'))
@pytest.mark.parametrize('words', (('undo',), ('unconfigure',), ('configure',)))
def test_a_file_torn_in_place_is_put_back_by_the_next_run(root, words, is_forward):
    labels = [f'l{n}=x' for n in range(900)]
    original = json.dumps({'registry-mirrors': ['https://t'], 'labels': labels})
    root.write(DAEMON_JSON, original)
    cut_short(root)
    before, after = original.encode(), root.read(DAEMON_JSON).encode()
    old, new = (before, after) if is_forward else (after, before)
    torn = new[:5000] + old[5000 : len(new)]
    torn += b'\0' * (len(new) - len(torn))
    root.write(DAEMON_JSON, torn)
    words = (*words, '--insecure-registry', 'r:1') if 'configure' in words else words
    ended = root.run(*words, '--format=json')
    assert ended.code == 0, ended.out
    assert ended.json['changed'] is True
    assert ended.json['findings'][0]['check'] == 'recovered'
    content = json.loads(root.read(DAEMON_JSON))
    content.pop('insecure-registries', None)
    assert content == json.loads(original)


def test_a_recovery_is_told_even_if_what_was_asked_fails(root):
    root.write(DAEMON_JSON, '{"debug": true}')
    cut_short(root)
    root.write('/root/.docker/config.json', '{')
    ended = root.run(
        'configure', '--user=root', '--proxy-for=client', '--http-proxy=http://p:1'
    )
    assert ended.code == 2
    assert 'had not ended: the old file is back' in ended.out
    assert 'nothing else was written' in ended.err
    assert root.read(DAEMON_JSON) == '{"debug": true}'


def test_undo_forecasts_a_recovery(root):
    cut_short(root)
    ended = root.run('undo', '--check')
    assert ended.code == 3
    assert 'would roll back run 1 (configure, ' in ended.out
    assert 'which was cut short' in ended.out


def test_what_was_left_behind_is_seen_and_put_back(root):
    leave_behind(root)
    ended = root.run('unconfigure', '--check')
    assert ended.code == 3
    assert 'could not be put back yet' in ended.out
    ended = root.run('unconfigure')
    assert 'of run 1 (configure, ' in ended.out
    assert not (root.path / 'home/alice/.docker').exists()
    assert root.run('unconfigure', '--check').code == 0


def test_what_was_left_behind_does_not_stand_in_for_undo(root):
    leave_behind(root)
    left = root.path / 'var/lib/registry-host/left-behind/1.json'
    content = left.read_text()
    configured(root, '--mirror', 'http://b')
    left.parent.mkdir(exist_ok=True, mode=0o700)
    left.write_text(content.replace('"version": 2', '"version": 3'))
    ended = root.run('undo')
    assert 'was written by a newer registry-host' in ended.out
    assert not (root.path / DAEMON_JSON.lstrip('/')).exists()
    assert left.exists()
    assert root.run('doctor', '--only', 'unfinished-run').code == 1


def test_a_foreign_value_that_came_since_is_kept(root):
    """The way back would put the value of an earlier run over it, for good."""
    for proxy in ('http://p1:1', 'http://p2:1'):
        configured(root, '--proxy-for=engine', '--http-proxy', proxy)
    reopen(root, 2)
    foreign = '{"proxies": {"http-proxy": "http://admin:1"}}'
    root.write(DAEMON_JSON, foreign)
    assert '"http-proxy" was changed too' in root.run('undo').out
    assert root.read(DAEMON_JSON) == foreign


def test_a_file_that_was_removed_since_stays_away(root):
    for mirror in ('http://a', 'http://b'):
        configured(root, '--mirror', mirror)
    reopen(root, 2)
    (root.path / DAEMON_JSON[1:]).unlink()
    assert root.run('undo').code == 0
    assert not (root.path / DAEMON_JSON[1:]).exists()


def test_an_equal_foreign_entry_in_a_file_that_was_not_reached_stays(root):
    foreign = ''.join(f'nameserver 192.0.2.{n}\n' for n in (1, 2, 3, 9))
    root.write(RESOLV_CONF, foreign)
    configured(root, '--nameserver=192.0.2.9')
    assert root.read(RESOLV_CONF) == f'nameserver 192.0.2.9\n{foreign}'
    reopen(root, 1)
    edited = f'{foreign}options rotate\n'
    root.write(RESOLV_CONF, edited)
    assert root.run('undo').code == 0
    assert root.read(RESOLV_CONF) == edited


@pytest.mark.parametrize('is_cut', (True, False), ids=('cut', 'ended'))
def test_an_order_goes_back_though_others_have_edited_the_file(root, is_cut):
    configured(root, '--mirror', 'http://a', '--mirror', 'http://b')
    configured(root, '--replace', '--mirror', 'http://b', '--mirror', 'http://a')
    edited = {'debug': True, **json.loads(root.read(DAEMON_JSON))}
    assert edited['registry-mirrors'] == ['http://b', 'http://a']
    root.write(DAEMON_JSON, json.dumps(edited))
    if is_cut:
        reopen(root, 2)
    assert root.run('undo').code == 0
    edited['registry-mirrors'] = ['http://a', 'http://b']
    assert root.read(DAEMON_JSON) == json.dumps(edited)


@pytest.mark.parametrize(
    ('words', 'path', 'mistake'),
    (
        (('--mirror', MIRROR), DAEMON_JSON, {'no-such-key': True}),
        (('--mirror', MIRROR), DAEMON_JSON, {'max-concurrent-uploads': 'many'}),
        (
            ('--user=alice', '--proxy-for=client', '--http-proxy=http://p:1'),
            CONFIG_JSON,
            {'credHelpers': 7},
        ),
    ),
)
def test_a_mistake_elsewhere_in_a_file_does_not_hold_up_the_way_back(
    root, words, path, mistake
):
    configured(root, *words)
    reopen(root, 1)
    root.write(path, json.dumps({**mistake, **json.loads(root.read(path))}))
    assert 'the old file is back\n' in root.run('undo').out
    assert json.loads(root.read(path)) == mistake


@pytest.mark.parametrize(
    'edit',
    (
        lambda text: text.replace('{', '{,', 1),
        lambda text: text.replace('"registry-mirrors": [', '"proxies": 1, "dns": ['),
    ),
    ids=('syntax', 'kind'),
)
def test_what_a_recovery_cannot_take_out_stays_managed(root, edit):
    configured(root, '--mirror', MIRROR)
    reopen(root, 1)
    written = root.read(DAEMON_JSON)
    root.write(DAEMON_JSON, edit(written))
    ended = root.run('undo')
    assert f'but {DAEMON_JSON} (' in ended.out
    assert root.read(DAEMON_JSON) == edit(written)
    root.write(DAEMON_JSON, written)
    assert root.run('unconfigure').code == 0
    assert not (root.path / DAEMON_JSON[1:]).exists()
