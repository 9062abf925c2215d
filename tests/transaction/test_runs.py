"""history, undo, unconfigure and what becomes of checkpoints, in a root folder."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry_host.host.host import Host
from registry_host.transaction import checkpoints

DAEMON_JSON = '/etc/docker/daemon.json'
CONFIG_JSON = '/home/alice/.docker/config.json'
CHECKPOINTS = '/var/lib/registry-host/checkpoints'
MIRROR = 'http://registry.lab:5000'


def configured(root, *words):
    ended = root.run('configure', *words)
    assert ended.code == 0, ended.err
    return ended


def numbers(root):
    names = os.listdir(root.path / CHECKPOINTS.lstrip('/'))
    return sorted(int(name.partition('.')[0]) for name in names)


# history


def test_history_as_text(root, monkeypatch):
    monkeypatch.setenv('SUDO_USER', 'alice')
    assert root.run('history').out == 'no run has changed this host yet\n'
    configured(root, '--mirror', MIRROR)
    configured(
        root,
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy',
        'http://u:hunter2@p:1',
    )
    root.run('undo')
    text = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'TIME', root.run('history').out)
    line = root.program
    assert text == (
        '  1  TIME  alice  applied\n'
        f'     {line} configure --mirror {MIRROR}\n'
        f'     create {DAEMON_JSON}\n'
        '  2  TIME  alice  applied, undone by 3\n'
        f'     {line} configure --user=alice --proxy-for=client --http-proxy http://xxxxx:xxxxx@p:1\n'
        f'     create {CONFIG_JSON}\n'
        '  3  TIME  alice  applied, undoes 2\n'
        f'     {line} undo\n'
        f'     delete {CONFIG_JSON}\n'
    )


def test_history_as_json(root):
    configured(root, '--mirror', MIRROR)
    ended = root.run('history', '--format=json')
    assert ended.json['checkpoints'] == [
        {
            'id': '1',
            'started': ended.json['checkpoints'][0]['started'],
            'by': 'root',
            'command': 'configure',
            'line': f'registry-host --root {root.path} configure --mirror {MIRROR}',
            'files': [{'path': DAEMON_JSON, 'action': 'create'}],
            'activation': {'needed': 'reload', 'done': 'none'},
            'outcome': 'applied',
            'undoes': None,
            'undone-by': None,
        }
    ]


def test_checkpoints_are_roots_alone_and_twenty(root):
    for number in range(24):
        configured(root, '--mirror', f'http://m{number}')
    assert numbers(root) == list(range(5, 25))
    folder = root.path / CHECKPOINTS.lstrip('/')
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_checkpoint_hides_no_other(root):
    root.write(DAEMON_JSON, '{}')
    configured(root, '--mirror', 'http://a')
    configured(root, '--mirror', 'http://b')
    root.write(f'{CHECKPOINTS}/1.json', '{"version": 1, "id"', 0o600)
    ended = root.run('history')
    assert ended.code == 0
    assert f'{CHECKPOINTS}/1.json: is damaged, ' in ended.out
    configured(root, '--mirror', 'http://c')
    assert root.run('undo', '1', '--format=json').codes == ['checkpoint-damaged']
    root.run('undo')
    root.run('undo')
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://a']}


def test_a_checkpoint_of_a_newer_version_is_left_alone(root):
    configured(root, '--mirror', 'http://a')
    path = f'{CHECKPOINTS}/1.json'
    newer = json.loads(root.read(path)) | {'version': 3}
    root.write(path, json.dumps(newer), 0o600)
    ended = root.run('undo', '1')
    assert (ended.code, ended.err) == (
        2,
        f'error: {root.path}{path}: was written by a newer registry-host; nothing was '
        'written\n'
        'hint:  use the version that wrote it, or a newer one\n',
    )


# undo


@pytest.mark.parametrize(
    'content',
    (
        pytest.param(None, id='absent'),
        pytest.param('{}', id='empty'),
        pytest.param('{\r\n\t"labels" : ["a=b"], "icc":true}', id='odd-layout'),
        pytest.param('{"registry-mirrors": ["https://t"]}\n\n', id='foreign-list'),
        pytest.param('{"registry-mirrors": null}', id='null'),
    ),
)
def test_undo_brings_the_bytes_back(root, content):
    if content is not None:
        root.write(DAEMON_JSON, content, 0o640)
    before = root.snapshot()
    configured(root, '--mirror', MIRROR, '--insecure-registry', 'r:1')
    configured(
        root,
        '--mirror',
        'http://other',
        '--user=alice',
        '--proxy-for=client',
        '--no-proxy=.lab',
    )
    root.run('undo')
    root.run('undo')
    after = root.snapshot()

    def bytes_and_modes(seen):
        return {p: s[1:] for p, s in seen.items() if '/var/lib/' not in p}

    assert bytes_and_modes(after) == bytes_and_modes(before)
    assert not (root.path / 'home/alice/.docker').exists()
    assert root.run('undo').out.startswith('nothing to undo')


def test_undo_forecasts(root):
    configured(root, '--mirror', MIRROR)
    before = root.snapshot()
    ended = root.run('undo', '--check', '--diff')
    assert ended.code == 3
    assert f'would delete {DAEMON_JSON}\n' in ended.out
    assert f'-        "{MIRROR}"\n' in ended.out
    assert root.snapshot() == before


def test_undo_keeps_what_others_added(root):
    root.write(CONFIG_JSON, '{"auths": {}}', 0o600)
    words = (
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
        '--no-proxy=.lab',
    )
    configured(root, *words)
    content = root.read(CONFIG_JSON)
    root.write(CONFIG_JSON, content.replace('.lab', '.lab,.theirs'), 0o600)
    assert root.run('undo').code == 0
    assert json.loads(root.read(CONFIG_JSON)) == {
        'auths': {},
        'proxies': {'default': {'noProxy': '.theirs'}},
    }


def test_undo_refuses_to_overwrite_what_others_changed(root):
    words = ('configure', '--user=alice', '--proxy-for=client', '--http-proxy')
    root.run(*words, 'http://u:one@p:1')
    root.run(*words, 'http://u:two@p:1')
    content = root.read(CONFIG_JSON).replace('http://u:two@p:1', 'http://u:x@theirs:1')
    root.write(CONFIG_JSON, content, 0o600)
    before = root.snapshot()
    ended = root.run('undo')
    assert root.snapshot() == before
    assert ended.code == 1
    assert ended.err.startswith(
        f'error: {CONFIG_JSON}: somebody else has changed "http-proxy" since; '
        'nothing was written\n'
    )
    assert '+            "httpProxy": "http://xxxxx:xxxxx@theirs:1"\n' in ended.err
    assert 'two' not in ended.err


def test_undo_of_a_run_under_another_names_the_one_that_goes_first(root):
    configured(root, '--mirror', 'http://a')
    configured(root, '--insecure-registry', 'r:1')
    configured(root, '--replace', '--mirror', 'http://b')
    ended = root.run('undo', '1')
    assert ended.code == 1
    assert (
        'has changed "registry-mirrors" in /etc/docker/daemon.json since' in ended.err
    )
    assert f'hint:  take that back first: sudo {root.program} undo 3\n' in ended.err
    assert root.run('undo', '2').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://b']}
    again = root.run('undo', '2')
    assert 'is undone already, by run 4' in again.err
    assert f'hint:  to bring it back: sudo {root.program} undo 4\n' in again.err
    assert root.run('undo', '4').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {
        'registry-mirrors': ['http://b'],
        'insecure-registries': ['r:1'],
    }


def test_a_run_comes_back_only_onto_what_it_was_made_from(root):
    configured(root, '--mirror', 'http://a')
    configured(root, '--replace', '--mirror', 'http://b')
    root.run('undo')
    root.run('undo')
    ended = root.run('undo', '3')
    assert ended.code == 1
    assert f'hint:  take that back first: sudo {root.program} undo 4\n' in ended.err
    assert root.run('undo', '4').code == 0
    assert root.run('undo', '3').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://b']}


def test_undo_of_what_is_gone_goes_on_to_the_one_before(root):
    root.write(DAEMON_JSON, '{}')
    configured(root, '--mirror', 'http://a')
    configured(root, '--insecure-registry', 'r:1')
    root.write(DAEMON_JSON, '{"registry-mirrors": ["http://a"], "debug": true}')
    assert root.run('undo').out.startswith('nothing to do: nothing of that run is left')
    root.run('undo')
    assert json.loads(root.read(DAEMON_JSON)) == {'debug': True}
    assert root.run('undo').out.startswith('nothing to undo')


def test_undo_leaves_the_file_of_a_user_who_is_gone(root):
    configured(
        root,
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
        '--mirror',
        MIRROR,
    )
    root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
    before = root.read(CONFIG_JSON)
    ended = root.run('undo')
    assert ended.code == 0
    assert 'there is no user alice now as there was then' in ended.out
    assert root.read(CONFIG_JSON) == before
    assert not (root.path / DAEMON_JSON.lstrip('/')).exists()


def test_a_user_who_is_not_known_at_the_moment_is_not_undone_for_good(root):
    """A directory service may be down: nothing is lost, and nothing is called done."""
    words = ('--user=alice', '--proxy-for=client', '--http-proxy=http://p:1')
    configured(root, *words)
    passwd = root.read('/etc/passwd')
    root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
    message = f'{CONFIG_JSON} is left as it is: there is no user alice now as there was'
    for _ in range(2):
        ended = root.run('undo')
        assert (ended.code, ended.out) == (1, '')
        assert f'error: {message} then; nothing was written\n' in ended.err
        assert 'hint:  getent passwd alice\n' in ended.err
    gone = root.run('unconfigure')
    assert gone.out == (
        f'warning: {CONFIG_JSON} keeps its managed entries: there is no user alice '
        'now\nhint:  getent passwd alice\nnothing was changed\n'
    )
    # A name that was given to somebody else is not that user.
    root.write('/etc/passwd', passwd.replace(':1000:1000:', ':1001:1001:'))
    assert root.run('undo').code == 1
    root.write('/etc/passwd', passwd)
    assert root.run('undo').code == 0
    assert not (root.path / CONFIG_JSON.lstrip('/')).exists()


def test_unknown_checkpoint(root):
    ended = root.run('undo', '7')
    assert (ended.code, ended.err) == (
        2,
        'error: 7: there is no such checkpoint; nothing was written\n'
        f'hint:  {root.program} history\n',
    )


# unconfigure


def test_unconfigure_withdraws_all_of_ours_and_nothing_else(root):
    original = '{"registry-mirrors": ["https://t"],\n "proxies": {"no-proxy": ".t"}}'
    root.write(DAEMON_JSON, original)
    configured(root, '--mirror', MIRROR, '--insecure-registry', 'r:1')
    configured(
        root, '--proxy-for=both', '--user=alice', '--no-proxy=.lab,.t',
        '--http-proxy=http://p:1',
    )  # fmt: skip
    assert root.run('unconfigure', '--check').code == 3
    assert root.run('unconfigure').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == json.loads(original)
    assert not (root.path / 'home/alice/.docker').exists()
    assert root.run('unconfigure').out == (
        'nothing to do: no such managed entry on this host\n'
    )
    # And back again, as any run.
    assert root.run('undo').code == 0
    assert MIRROR in root.read(DAEMON_JSON)
    assert '.lab' in root.read(CONFIG_JSON)


# Recovery, as far as no engine is needed


def cut_short(root):
    """Leave the journal of a run behind, with its files written: as a cut would."""
    configured(
        root,
        '--mirror',
        MIRROR,
        '--user=alice',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
    )
    host = Host(str(root.path))
    run = checkpoints.load_run(host, 1)
    checkpoints.save_journal(host, run)
    host.remove_state(f'{CHECKPOINTS}/1.json')


def test_forecast_and_doctor_tell_of_a_run_that_was_cut_short(root):
    root.write(DAEMON_JSON, '{"debug": true}')
    cut_short(root)
    before = root.snapshot()
    ended = root.run('configure', '--insecure-registry', 'r:1', '--check')
    assert ended.code == 3
    assert 'error: run 1 (configure, ' in ended.out
    ended = root.run('doctor', '--only', 'unfinished-run')
    assert ended.code == 1
    assert 'the next run takes it back first' in ended.out
    assert f'hint:  sudo {root.program} undo\n' in ended.out
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
        run['outcome']
        for run in root.run('history', '--format=json').json['checkpoints']
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
    assert 'was changed by somebody else since, and is left so' in ended.out
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


# On approval


def test_a_root_folder_has_no_timer(root):
    ended = root.run('configure', '--mirror', MIRROR, '--confirm-within', '5')
    assert (ended.code, ended.err) == (
        2,
        'error: --confirm-within: a root folder has no timer that could take a change '
        'back; nothing was written\n',
    )
    assert not (root.path / DAEMON_JSON.lstrip('/')).exists()


# Found by a review


def test_undo_of_a_run_that_put_back_what_others_had_taken_out(root):
    """Our ledger is the same before and after it; the file is not."""
    root.write(DAEMON_JSON, '{"debug": true}')
    configured(root, '--mirror', MIRROR)
    root.write(DAEMON_JSON, '{"icc": true}')
    configured(root, '--mirror', MIRROR)
    root.run('undo')
    assert root.read(DAEMON_JSON) == '{"icc": true}'
    configured(root, '--mirror', MIRROR)
    content = json.loads(root.read(DAEMON_JSON)) | {'mtu': 1400}
    root.write(DAEMON_JSON, json.dumps(content))
    root.run('undo')
    assert json.loads(root.read(DAEMON_JSON)) == {'icc': True, 'mtu': 1400}


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
    assert 'would take back run 1 (configure, ' in ended.out
    assert 'which was cut short' in ended.out


def leave_behind(root):
    """A run of which alice's file could not be put back, and is ours still."""
    cut_short(root)
    host = Host(str(root.path))
    run = checkpoints.load_journal(host)
    steps = tuple(step for step in run.steps if step.change.path == CONFIG_JSON)
    checkpoints.leave_behind(host, run._replace(steps=steps))
    host.remove_state('/var/lib/registry-host/journal.json')
    host.remove_state('/var/lib/registry-host/ledger.json')
    root.path.joinpath(DAEMON_JSON.lstrip('/')).unlink()


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


@pytest.mark.skipif(os.geteuid() != 0, reason='owners are part of it')
def test_a_new_folder_is_its_users(root):
    configured(root, '--user=alice', '--proxy-for=client', '--http-proxy=http://p:1')
    folder = (root.path / CONFIG_JSON.lstrip('/')).parent
    for path in (folder, folder / 'config.json'):
        assert (path.stat().st_uid, path.stat().st_gid) == (1000, 1000)


def test_two_users_with_one_file(root):
    root.write('/home/alice/.docker/config.json', '{}', 0o600)
    (root.path / 'root/.docker').mkdir()
    (root.path / 'root/.docker/config.json').symlink_to(CONFIG_JSON)
    words = (
        '--user=alice',
        '--user=root',
        '--proxy-for=client',
        '--http-proxy=http://p:1',
    )
    ended = root.run('configure', *words)
    assert ended.code == 2
    assert f'is the same file as {CONFIG_JSON}; nothing was written' in ended.err


def test_failed_runs_leave_no_more_behind_than_others(root):
    class Full(Host):
        def rename(self, source, destination, flags):
            raise OSError(28, 'No space left on device', destination)

    from registry_host.commands.configure import configure
    from registry_host.errors import ApplyError
    from registry_host.transaction.carryout import Manner

    for number in range(24):
        flags = {'registry-mirrors': [f'http://m{number}'], 'users': ['alice']}
        with pytest.raises(ApplyError):
            configure(
                Full(str(root.path)),
                Manner(('configure',)),
                settings_file=None,
                flags=flags,
                is_probing=False,
            )
    assert numbers(root) == list(range(5, 25))


@pytest.mark.parametrize(
    ('redirect', 'code'),
    (
        pytest.param('>/dev/full', 1, id='full'),
        pytest.param('| head -c 0; exit ${PIPESTATUS[0]}', 0, id='nobody-reads'),
    ),
)
def test_output_that_cannot_be_written_is_no_bug(root, redirect, code):
    program = f'{sys.executable} -m registry_host --root {root.path}'
    script = f'{program} configure --mirror {MIRROR} {redirect}'
    done = subprocess.run(['bash', '-c', script], check=False, capture_output=True)
    assert done.returncode == code
    assert b'bug' not in done.stderr
    assert MIRROR in root.read(DAEMON_JSON)


@pytest.mark.parametrize('closed', ('>&-', '2>&-', '<&-', '<&- >&- 2>&-'))
def test_a_closed_stream_takes_nothing_from_the_run(root, closed):
    """The number of the stream must not go to a file, which would be written into."""
    program = f'{sys.executable} -m registry_host --root {root.path}'
    script = f'{program} configure --mirror {MIRROR} {closed}'
    done = subprocess.run(['bash', '-c', script], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b'')
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': [MIRROR]}
    refused = f'{program} configure --mirror {MIRROR}/v2 {closed}'
    done = subprocess.run(['bash', '-c', refused], check=False, capture_output=True)
    assert done.returncode == 2
    for file in (root.path / 'var/lib/registry-host').rglob('*'):
        assert b'error: ' not in (file.read_bytes() if file.is_file() else b'')


@pytest.mark.parametrize(
    ('ignores', 'code'),
    (
        pytest.param(False, 130, id='terminal-lost'),
        pytest.param(True, 0, id='nohup'),
    ),
)
def test_a_hangup_ends_a_run_unless_it_is_ignored(root, ignores, code):
    words = '--root', str(root.path), 'configure', '--settings', '-'
    run = subprocess.Popen(
        [sys.executable, '-m', 'registry_host', *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(
            signal.SIGHUP, signal.SIG_IGN if ignores else signal.SIG_DFL
        ),
    )
    with run:
        while not is_reading_stdin(run.pid):
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(signal.SIGHUP)
        run.communicate(json.dumps({'registry-mirrors': [MIRROR]}).encode(), 10)
    assert run.returncode == code
    assert (root.path / DAEMON_JSON[1:]).exists() == ignores


def is_reading_stdin(pid):
    """Whether a process waits in read(0, ...)."""
    number, descriptor, *_ = [*Path(f'/proc/{pid}/syscall').read_text().split(), '', '']
    return (number, descriptor) == ('0', '0x0')


def put_on_approval(root, number):
    """As a run with --confirm-within leaves it, of a boot that is over."""
    marker = {'version': 1, 'checkpoint': number, 'token': 'x', 'boot': 'x'}
    path = '/var/lib/registry-host/pending.json'
    root.write(path, json.dumps(marker | {'deadline': 0.0}), 0o600)


def test_an_approval_that_is_over_holds_up_nobody(root):
    """Somebody else has changed the same, so it cannot go back, and nobody decides."""
    words = ('--proxy-for=engine', '--http-proxy')
    configured(root, *words, 'http://p:1')
    configured(root, *words, 'http://p:2')
    put_on_approval(root, 2)
    root.write(DAEMON_JSON, '{"proxies": {"http-proxy": "http://theirs:1"}}')
    ended = root.run('configure', '--mirror', MIRROR)
    assert ended.code == 0
    assert 'run 2 (configure, ' in ended.out
    assert 'was not confirmed in time' in ended.out
    assert 'has changed "http-proxy" since; it is left as it is' in ended.out
    assert json.loads(root.read(DAEMON_JSON)) == {
        'proxies': {'http-proxy': 'http://theirs:1'},
        'registry-mirrors': [MIRROR],
    }
    assert root.run('doctor', '--only', 'unfinished-run').code == 0


def test_an_approval_of_what_is_undone_is_over(root):
    configured(root, '--mirror', 'http://a')
    root.run('undo')
    put_on_approval(root, 1)
    assert root.run('configure', '--mirror', 'http://b').code == 0
    assert not (root.path / 'var/lib/registry-host/pending.json').exists()


def test_an_approval_of_a_damaged_checkpoint_is_not_forgotten(root):
    configured(root, '--mirror', 'http://a')
    root.write(f'{CHECKPOINTS}/1.json', '{', 0o600)
    put_on_approval(root, 1)
    ended = root.run('configure', '--mirror', 'http://b')
    assert ended.code == 2
    assert f'{CHECKPOINTS}/1.json: is damaged, ' in ended.err
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://a']}
    assert (root.path / 'var/lib/registry-host/pending.json').exists()
