"""One run is taken back, or what is managed, in a root folder."""

from __future__ import annotations

import json
import os

import pytest
from earlier import MIRROR, configured
from places import CONFIG_JSON, DAEMON_JSON

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
        f'error: {CONFIG_JSON}: "http-proxy" was changed outside registry-host since; '
        'revert those lines by hand, then run the same command again; nothing was '
        'written\n'
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
    assert f'hint:  {root.as_root} undo 3\n' in ended.err
    assert root.run('undo', '2').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://b']}
    again = root.run('undo', '2')
    assert 'was already undone by run 4' in again.err
    assert f'hint:  {root.as_root} undo 4\n' in again.err
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
    assert f'hint:  {root.as_root} undo 4\n' in ended.err
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


# Found by a review


@pytest.mark.parametrize('words', (('undo',), ('unconfigure',)))
@pytest.mark.parametrize(
    ('flags', 'emptied'),
    (
        (('--mirror', MIRROR), {'registry-mirrors': []}),
        (('--proxy-for=engine', '--http-proxy=http://p:1'), {'proxies': {}}),
    ),
)
def test_what_was_created_goes_though_it_was_emptied_by_hand(
    root, words, flags, emptied
):
    root.write(DAEMON_JSON, '{"debug": true}')
    configured(root, *flags)
    root.write(DAEMON_JSON, json.dumps({'debug': True, **emptied}))
    assert root.run(*words).code == 0
    assert root.read(DAEMON_JSON) == '{"debug": true}'


def test_a_foreign_empty_list_stays(root):
    root.write(DAEMON_JSON, '{"debug": true, "registry-mirrors": []}')
    configured(root, '--mirror', MIRROR)
    root.write(DAEMON_JSON, '{"debug": false, "registry-mirrors": []}')
    root.run('undo')
    assert root.read(DAEMON_JSON) == '{"debug": false, "registry-mirrors": []}'


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
    told = f'is the same file as {CONFIG_JSON}; name one of its users only'
    assert f'{told}; nothing was written' in ended.err
