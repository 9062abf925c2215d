"""What earlier runs have recorded is data: nothing in it leads root astray."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from earlier import put_on_approval
from places import CONFIG_JSON, DAEMON_JSON, JOURNAL, STATE

from registry_host.host import filedoor
from registry_host.host.host import Host
from registry_host.transaction.checkpoints import load_journal, load_run

DATA = Path(__file__).parents[1] / 'data/state-version-1'
PAYLOAD = b'#!/bin/sh\n'
HEX = '0123456789abcdef'
UP = '/../../../../../../../..'
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason='only root could be led astray')


def state_of(path, content, **other):
    return {
        'path': path,
        'realpath': path,
        'content': None if content is None else base64.b64encode(content).decode(),
        'mode': 0o644,
        'uid': 0,
        'gid': 0,
        'user': None,
        'folder_mode': 0o755,
        'link': None,
        'xattrs': None,
        'missing_folders': [],
        **other,
    }


def step_of(path=DAEMON_JSON, before=b'{}', after=b'{"debug": true}', **other):
    name = os.path.basename(path)
    both = other.pop('both', {})
    return {
        'target': 'docker-daemon',
        'activation': 1,
        'before': {**state_of(path, before), **both, **other.pop('was', {})},
        'after': {**state_of(path, after), **both, **other.pop('made', {})},
        'interim': None,
        'owner': '',
        'temporary': f'{os.path.dirname(path)}/.{name}.{HEX}.registry-host',
        'passing': [],
        'merged': [],
        **other,
    }


def run_of(*steps, **other):
    return {
        'version': 1,
        'id': 1,
        'command': 'configure',
        'line': 'registry-host configure',
        'undoes': None,
        'started': '2026-11-26T00:00:00Z',
        'by': 'root',
        'needed': 1,
        'done': 0,
        'outcome': 'applied',
        'live': None,
        'steps': list(steps),
        'files': [[DAEMON_JSON, 'update']],
        'ledgers': [None, None],
        **other,
    }


class Folder:
    """A root folder, and everything beside it, which no run on it may touch."""

    def __init__(self, root, outside):
        self.root = root
        self.outside = outside
        outside.mkdir(mode=0o755)
        (outside / 'secret').write_bytes(b'root only\n')
        (outside / 'secret').chmod(0o600)
        (outside / 'daemon.json').write_bytes(b'{"debug": true}')
        (outside / f'.daemon.json.{HEX}.registry-host').write_bytes(b'{"debug": true}')
        (outside / 'folder').mkdir()

    def plant(self, path, document):
        text = document if isinstance(document, str) else json.dumps(document)
        for folder in (STATE, f'{STATE}/checkpoints', f'{STATE}/left-behind'):
            made = self.root.path / folder.lstrip('/')
            made.mkdir(parents=True, exist_ok=True)
            made.chmod(0o700)
        self.root.write(path, text, 0o600)

    def seen(self):
        return {
            str(file): (
                tuple(file.lstat())[:6],
                file.lstat().st_mtime_ns,
                file.read_bytes() if file.is_file() else None,
            )
            for file in (self.outside, *sorted(self.outside.rglob('*')))
        }


@pytest.fixture
def folder(root, tmp_path):
    root.write(DAEMON_JSON, '{"debug": true}')
    root.write(CONFIG_JSON, '{}')
    return Folder(root, tmp_path / 'outside')


def planted(outside):
    """Steps that would lead out of the root, or grant rights inside it."""
    away = f'{UP}{outside}'
    alice = ['alice', 1000, 1000, '/home/alice']
    return {
        'realpath-up': step_of(both={'realpath': f'{away}/daemon.json'}),
        'realpath-of-this-machine': step_of(both={'realpath': f'{outside}/new'}),
        'path-up': step_of(path=f'{away}/daemon.json'),
        'path-up-to-a-new-file': step_of(
            path=f'{away}/setuid', after=None, before=PAYLOAD, was={'mode': 0o4755}
        ),
        'temporary-up': step_of(temporary=f'{away}/.daemon.json.{HEX}.registry-host'),
        'temporary-is-a-secret': step_of(temporary=f'{away}/secret'),
        'temporary-is-an-odd-name': step_of(temporary=f'{away}/x.registry-host'),
        'folders-up': step_of(
            before=None,
            both={'missing_folders': [f'{away}/folder', f'{away}/folder/x']},
        ),
        'config-of-a-user-elsewhere': step_of(
            path=CONFIG_JSON,
            target='docker-config',
            both={'user': ['root', 0, 0, away], 'realpath': f'{away}/daemon.json'},
        ),
        'realpath-through-a-link': step_of(both={'realpath': '/folder/daemon.json'}),
        'more-folders-than-there-are': step_of(
            before=None, both={'missing_folders': ['/etc'] * 30}
        ),
        'an-owner-of-its-own': step_of(was={'uid': 4242, 'gid': 4242}, before=PAYLOAD),
        'a-group-that-may-write': step_of(
            was={'gid': 4242, 'mode': 0o664}, before=PAYLOAD
        ),
        'setuid': step_of(was={'mode': 0o6755}, before=PAYLOAD),
        'capability': step_of(
            was={'xattrs': [['security.capability', 'AQAAAgAgAAAAAAAAAAAAAAAAAAA=']]}
        ),
        'somebody-elses': step_of(
            path=CONFIG_JSON,
            target='docker-config',
            both={'user': alice, 'uid': 4242, 'gid': 4242},
            after=b'{}',
            before=b'{"a": 1}',
        ),
    }


KINDS = tuple(planted(Path('/outside')))
COMMANDS = (
    ('configure', '--mirror', 'http://m'),
    ('undo',),
    ('undo', '1'),
    ('unconfigure',),
    ('history',),
    ('confirm',),
    ('doctor',),
)


@as_root
@pytest.mark.parametrize('command', COMMANDS, ids=' '.join)
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    'path', (JOURNAL, f'{STATE}/checkpoints/1.json', f'{STATE}/left-behind/1.json')
)
def test_a_planted_record_leads_nowhere(folder, path, kind, command):
    folder.plant(path, run_of(planted(folder.outside)[kind]))
    for name in ('folder', 'empty'):  # Links of the folder itself stay inside it.
        (folder.root.path / name).symlink_to(folder.outside)
    before = folder.seen()
    ended = folder.root.run(*command)
    assert ended.code in (0, 1, 2), ended
    assert 'bug' not in ended.err
    assert folder.seen() == before
    for file in folder.root.path.rglob('*'):
        found = file.lstat()
        assert not found.st_mode & (stat.S_ISUID | stat.S_ISGID), file
        assert {found.st_uid, found.st_gid} <= {0, 1000}
        if stat.S_ISREG(found.st_mode):
            assert 'security.capability' not in os.listxattr(file)
            assert file.read_bytes() != b'root only\n'


@as_root
@pytest.mark.parametrize('path', (JOURNAL, f'{STATE}/left-behind/1.json'))
def test_a_mode_that_grants_rights_is_not_put_back_and_that_is_said(folder, path):
    folder.plant(path, run_of(step_of(was={'mode': 0o6755}, before=PAYLOAD)))
    ended = folder.root.run('configure', '--insecure-registry', 'r:1')
    assert ended.code == 2  # What was put back is no JSON.
    file = folder.root.path / DAEMON_JSON.lstrip('/')
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert ended.out.startswith(
        f'warning: {DAEMON_JSON}: the record of run 1 (configure, '
        '2026-11-26T00:00:00Z) names a special mode, an owner or an attribute that '
        f'grants rights, which is not put back\nhint:  ls -l {DAEMON_JSON}\n'
    )


def test_more_folders_than_a_path_has_are_damage(folder):
    many = {'missing_folders': ['/etc'] * 30}
    folder.plant(JOURNAL, run_of(step_of(before=None, both=many)))
    ended = folder.root.run('undo', '--format=json')
    assert (ended.code, ended.codes) == (2, ['checkpoint-damaged'])


@as_root
def test_a_circle_of_links_is_no_way_out(folder):
    """More links than are followed inside the root may be fewer outside of it."""
    alice = folder.root.path / 'home/alice'
    shutil.rmtree(alice / '.docker')
    away = folder.outside / 'folder'
    (alice / '.docker').symlink_to(away)
    inside = folder.root.path / str(away).lstrip('/')
    inside.parent.mkdir(parents=True)
    inside.symlink_to(away)
    user = {'user': ['alice', 1000, 1000, '/home/alice'], 'uid': 1000, 'gid': 1000}
    (away / 'config.json').write_bytes(b'{"debug": true}')
    (away / f'.config.json.{HEX}.registry-host').write_bytes(b'{"debug": true}')
    step = step_of(path=CONFIG_JSON, target='docker-config', both=user)
    folder.plant(JOURNAL, run_of(step))
    before = folder.seen()
    assert folder.root.run('configure', '--mirror', 'http://m').code == 0
    assert folder.seen() == before


JUNK = (
    '', '{', 'null', '[]', '1', '"x"', '{}', '{"version": 1}', '{"version": "1"}',
    '{"version": true}', '[' * 100_000, '{"version": 1e999}', '\ufeff{}',
    '{"version": NaN}', '{"version": ' + '9' * 5000 + '}',
)  # fmt: skip


@pytest.mark.parametrize('text', JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize(
    ('path', 'code'),
    (
        (JOURNAL, 'checkpoint-damaged'),
        (f'{STATE}/ledger.json', 'ledger-damaged'),
        (f'{STATE}/pending.json', 'pending-damaged'),
    ),
)
def test_junk_is_damaged_and_the_hint_mends(folder, path, code, text):
    folder.plant(path, text)
    before = folder.root.snapshot()
    ended = folder.root.run('configure', '--mirror', 'http://m', '--format=json')
    assert (ended.code, ended.codes) == (2, [code])
    assert folder.root.snapshot() == before
    (error,) = ended.json['errors']
    command = error['hint']
    command = command.removeprefix('sudo ')
    assert command.startswith(f'mv {folder.root.path}{path} ')
    os.system(command)  # noqa: S605 - a hint is code
    assert folder.root.run('configure', '--mirror', 'http://m').code == 0


VALUES = (None, True, -1, 10**30, 1.5, 'x', '\0', [], {}, [[]], 'a/../b', '\ud800')


def fields(document, path=()):
    """Every place of a document, objects and lists followed."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from fields(value, (*path, key))


@pytest.mark.parametrize('name', ('journal', 'ledger', 'pending'))
def test_a_value_of_another_kind_is_no_bug(folder, name):
    user = {
        'user': ['alice', 1000, 1000, '/home/alice'],
        'xattrs': [['user.a', 'YQ==']],
    }
    live = {
        'mirrors': ['a'],
        'insecure': [['host', 'a']],
        'proxies': [['no-proxy', '']],
    }
    whole = {
        'journal': run_of(
            step_of(),
            step_of(path=CONFIG_JSON, target='docker-config', both=user),
            live=live,
            undoes=1,
        ),
        'ledger': json.loads((DATA / f'done{STATE}/ledger.json').read_text()),
        'pending': {'version': 1, 'checkpoint': 1, 'token': 'a', 'boot': 'b'}
        | {'deadline': 1.0},
    }[name]
    count = 0
    for path in fields(whole):
        for value in VALUES:
            document = json.loads(json.dumps(whole))
            inner = document
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            folder.plant(f'{STATE}/{name}.json', document)
            for command in (('undo',), ('unconfigure',), ('doctor',)):
                ended = folder.root.run(*command)
                assert ended.code in (0, 1, 2, 75), (path, value, ended)
            count += 1
            shutil.rmtree(folder.root.path / STATE.lstrip('/'))
            folder.root.write(DAEMON_JSON, '{"debug": true}')
    print(f'\n  {count} damaged records of a {name}', end=' ')


# Whose the state folder is


@as_root
@pytest.mark.parametrize(
    ('spoil', 'why'),
    (
        (lambda state: os.chmod(state, 0o777), 'has mode 0777'),
        (lambda state: os.chmod(state, 0o720), 'has mode 0720'),
        (lambda state: os.chown(state, 1000, 0), 'belongs to uid 1000'),
        (lambda state: os.chmod(state / 'ledger.json', 0o622), 'has mode 0622'),
        (lambda state: os.chown(state / 'ledger.json', 1000, 0), 'belongs to uid 1000'),
        (
            lambda state: (
                (state / 'ledger.json').rename(state / 'real'),
                (state / 'ledger.json').symlink_to('real'),
            ),
            'is a link',
        ),
        (
            lambda state: (
                state.rename(state.with_name('other')),
                state.symlink_to('other'),
            ),
            'is a link',
        ),
    ),
)
@pytest.mark.parametrize('command', COMMANDS[:4], ids=' '.join)
def test_state_that_others_could_have_written_is_refused(root, spoil, why, command):
    assert root.run('configure', '--mirror', 'http://a').code == 0
    state = root.path / STATE.lstrip('/')
    spoil(state)
    before = root.snapshot()
    ended = root.run(*command)
    assert ended.code == 2
    first, hint, *_ = ended.err.splitlines()
    assert first.startswith(f'error: {state}')
    assert first.endswith(
        f': {why}, so others than root may have written what it says; without it, '
        'the history of earlier runs is gone; nothing was written'
    )
    assert root.snapshot() == before
    os.system(hint.removeprefix('hint:  ').removeprefix('sudo '))  # noqa: S605
    assert root.run('configure', '--mirror', 'http://b').code == 0


@as_root
def test_a_link_among_the_state_is_not_followed(root):
    """What an earlier run left in passing is removed: the link, not what it names."""
    assert root.run('configure', '--mirror', 'http://a').code == 0
    link = root.path / STATE.lstrip('/') / f'{HEX}.registry-host'
    link.symlink_to('/etc/passwd')
    assert root.run('configure', '--mirror', 'http://b').code == 0
    assert not link.is_symlink()
    assert root.read('/etc/passwd')
    journal = root.path / JOURNAL.lstrip('/')
    journal.symlink_to('/etc/passwd')
    before = root.read('/etc/passwd')
    ended = root.run('configure', '--mirror', 'http://c', '--format=json')
    assert (ended.code, ended.codes) == (2, ['state-untrusted'])
    assert root.read('/etc/passwd') == before


@pytest.mark.parametrize('words', (('--root', ''), ('--root=',), ('--root', 'none/x')))
def test_a_root_that_is_no_folder_is_bad_input(tmp_path, capsys, words, monkeypatch):
    from roots import run_command

    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').write_text('')
    for more in ((), ('--root', str(tmp_path / 'file'))):
        ended = run_command(
            capsys, *words, *more, 'configure', '--mirror', 'http://m', '--format=json'
        )
        assert (ended.code, ended.codes) == (2, ['root-missing'])
    assert os.listdir(tmp_path) == ['file']


# State of version 1


@pytest.fixture
def old(root, request):
    shutil.copytree(DATA / request.param, root.path, dirs_exist_ok=True)
    state = root.path / STATE.lstrip('/')
    for file in (state, *state.rglob('*')):
        file.chmod(0o700 if file.is_dir() else 0o600)
    if IS_ROOT:
        for name in ('home/alice', 'home/alice/.docker', CONFIG_JSON.lstrip('/')):
            os.chown(root.path / name, 1000, 1000)
    return root


def configs(root):
    return (
        json.loads(root.read(DAEMON_JSON)),
        json.loads(root.read(CONFIG_JSON)),
        root.read('/etc/resolv.conf'),
    )


FIRST = (
    {'labels': ['a=b'], 'registry-mirrors': ['https://foreign']},
    {'auths': {}},
    'nameserver 192.0.2.1\n',
)


@pytest.mark.parametrize('old', ('done', 'cut'), indirect=True)
def test_state_of_version_1_is_undone(old):
    is_cut = (old.path / JOURNAL.lstrip('/')).exists()
    if is_cut:
        ended = old.run('undo')
        assert 'run 3 (configure, ' in ended.out
        assert 'the old file is back' in ended.out
    daemon = configs(old)[0]
    assert daemon['registry-mirrors'][:2] == ['http://b:5000', 'http://a:5000']
    for _ in range(2):
        assert old.run('undo').code == 0
    assert configs(old) == FIRST
    if IS_ROOT:
        found = (old.path / CONFIG_JSON.lstrip('/')).stat()
        assert (found.st_uid, found.st_gid) == (1000, 1000)


@pytest.mark.parametrize('old', ('done', 'cut'), indirect=True)
@pytest.mark.parametrize(
    'selections',
    (((),), (('mirrors',), ('insecure-registries',), ('proxies',), ('dns',))),
)
def test_state_of_version_1_is_unconfigured(old, selections):
    for words in selections:
        ended = old.run('unconfigure', *words)
        assert ended.code == 0, ended.err
        assert '(added by run 1)' in ended.out
    assert configs(old) == FIRST


@pytest.mark.parametrize('old', ('done',), indirect=True)
def test_state_of_version_1_is_added_to(old):
    assert old.run('configure', '--nameserver', '9.9.9.10').code == 0
    assert configs(old)[2] == (
        'nameserver 9.9.9.9\nnameserver 9.9.9.10\nnameserver 192.0.2.1\n'
    )


# What is too large


@pytest.fixture
def small(monkeypatch):
    """Limits that a test can reach; their proportions are as they are."""
    monkeypatch.setattr(filedoor, 'FILE_LIMIT_BYTES', 16_000)
    monkeypatch.setattr('registry_host.transaction.checkpoints.NEW_LIMIT_BYTES', 48_000)


def test_seven_megabytes_of_a_users_own_file_are_undone(root):
    large = json.dumps({'auths': {}, 'x': ['y' * 99] * 75_000})
    assert len(large) > 7 * 2**20
    root.write(CONFIG_JSON, large)
    words = ('configure', '--proxy-for=client', '--user=alice', '--http-proxy')
    assert root.run(*words, 'http://p:1').code == 0
    assert json.loads(root.read(CONFIG_JSON))['proxies']
    assert root.run('undo').code == 0
    assert root.read(CONFIG_JSON) == large
    # And one that was to be confirmed goes back once its time is up.
    assert root.run(*words, 'http://p:1').code == 0
    put_on_approval(root, 3)
    ended = root.run('configure', '--mirror', 'http://m')
    assert 'was not confirmed in time, and was undone' in ended.out
    assert root.read(CONFIG_JSON) == large


def test_a_file_that_is_too_large_is_never_read_as_if_it_were_whole(root, tmp_path):
    large = ' ' * (16 * 2**20) + '{}'
    places = {
        'daemon.json': (DAEMON_JSON, ('configure', '--mirror', 'http://m')),
        'config.json': (
            CONFIG_JSON,
            ('configure', '--proxy-for=client', '--no-proxy=.a', '--user=alice'),
        ),
        'settings': ('/etc/registry-host/settings.json', ('configure',)),
        'passwd': ('/etc/passwd', ('configure', '--proxy-for=client', '--no-proxy=a')),
    }
    for path, words in places.values():
        file = root.write(path, large)
        before = root.snapshot()
        ended = root.run(*words)
        assert (ended.code, ended.err) == (
            2,
            f'error: {path}: is larger than 16 MiB, the most that is read; nothing was '
            f'written\nhint:  ls -l {root.path}{path}\n',
        )
        assert root.snapshot() == before
        file.unlink()
    named = tmp_path / 'settings.toml'
    named.write_text('registry-mirrors = ["http://m"]\n' + '#' * 16 * 2**20)
    ended = root.run('configure', '-f', str(named), '--format=json')
    assert (ended.code, ended.codes) == (2, ['config-too-large'])


def test_a_run_of_which_the_journal_could_not_be_read_is_bad_input(root, small):
    padding = ['y' * 9] * 800
    root.write(CONFIG_JSON, json.dumps({'auths': {}, 'x': padding}))
    root.write('/root/.docker/config.json', json.dumps({'auths': {}, 'x': padding}))
    words = ('configure', '--proxy-for=client', '--no-proxy=.a')
    before = root.snapshot()
    both = (*words, '--user=alice', '--user=root')
    for how in ((), ('--check',)):
        ended = root.run(*both, *how, '--format=json')
        assert (ended.code, ended.codes) == (2, ['config-too-large'])
    assert root.snapshot() == before
    for user in ('alice', 'root'):
        assert root.run(*words, '--user', user).code == 0
    for _ in range(2):
        assert root.run('undo').code == 0
    assert {k: v[2] for k, v in before.items()} == {
        k: v[2] for k, v in root.snapshot().items() if STATE not in k
    }


@pytest.mark.parametrize('part', ('checkpoint', 'ledger'))
def test_a_damaged_checkpoint_is_not_nothing_to_undo(root, part):
    root.run('configure', '--mirror', 'http://a')
    root.run('configure', '--insecure-registry', 'r:1')
    path = f'{STATE}/checkpoints/2.json'
    record = json.loads(root.read(path))
    record['ledgers'][0] = base64.b64encode(b'{"version": 1}').decode()
    root.write(path, '{' if part == 'checkpoint' else json.dumps(record), 0o600)
    before = root.snapshot()
    name = f'{root.path}{path}'
    sudo = root.as_root.removesuffix(root.program)
    for words in (('undo',), ('undo', '--check'), ('undo', '2')):
        ended = root.run(*words)
        assert (ended.code, ended.err) == (
            2,
            f'error: {name}: is damaged, so what it holds cannot be put back; nothing '
            f'was written\nhint:  {sudo}mv {name} {name}.damaged\n',
        )
    assert root.snapshot() == before
    found = root.run('doctor', '--only', 'unfinished-run')
    assert found.code == 1
    assert found.out.startswith(f'error: unfinished-run: {name}: is damaged, ')
    os.rename(name, f'{name}.damaged')
    assert 'undid run 1' in root.run('undo').out
    assert root.run('doctor', '--only', 'unfinished-run').code == 0


def test_doctor_reports_a_ledger_that_is_damaged(root):
    root.run('configure', '--mirror', 'http://a')
    root.write(f'{STATE}/ledger.json', '{', 0o600)
    found = root.run('doctor', '--only', 'mirror-rules')
    name = f'{root.path}{STATE}/ledger.json'
    assert found.code == 1
    assert found.out.splitlines()[:2] == [
        f'error: ledger: {name}: is damaged, so which entries are managed is not '
        'known; without it, everything in the files counts as foreign',
        f'hint:  {root.as_root.removesuffix(root.program)}mv {name} {name}.damaged',
    ]
    assert root.run('doctor', '--only', 'ledger').out.count('is damaged') == 1
    assert root.run('doctor', '--only', 'mirror-rules', '--skip', 'ledger').code == 0


def test_what_is_written_is_read_back(root):
    """The journal of a run, and its checkpoint, are the same run."""
    seen = []

    class Stopped(Host):
        def move_state(self, source, destination):
            seen.append(load_journal(self))
            super().move_state(source, destination)

    from registry_host.commands.configure import configure
    from registry_host.transaction.carryout import Manner

    flags = {'registry-mirrors': ['http://m'], 'nameservers': ['9.9.9.9']}
    host = Stopped(str(root.path))
    manner = Manner(arguments=('configure',))
    configure(host, manner, settings_file=None, flags=flags, is_probing=False)
    checkpoint = load_run(host, 1)
    assert seen == [checkpoint._replace(record=seen[0].record)]
    assert seen[0].masked == ()
