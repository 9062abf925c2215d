"""Taking back what was done, on real hosts with each of the three engines."""

from __future__ import annotations

import json

from envelope import envelope, is_live, service
from places import CONFIG_JSON, DAEMON_JSON
from services import wait_for

MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
FLAGS = ('--mirror', MIRROR, '--insecure-registry', PUSH)
FOREIGN = '{ "labels":["a=b"],\n"registry-mirrors" : ["https://foreign.example"] }'


def tool(host, *words, check=True, user='root'):
    command = ['registry-host', *words]
    if user != 'root':
        command = ['sudo', *command]
    return host.run(command, check=check, user=user)


def as_json(done):
    return envelope(done.stdout)


def started(host, name):
    return host.run(
        ['docker', 'inspect', '-f', '{{.State.Running}} {{.State.StartedAt}}', name]
    ).stdout


def exists(host, path):
    return host.run(['test', '-e', path], check=False).returncode == 0


def test_undo_brings_back_bytes_and_live_lists(host):
    host.write(DAEMON_JSON, FOREIGN, mode='640')
    host.restart_engine()
    host.start_container('bystander')
    before = host.mirrors(), host.insecure(), started(host, 'bystander')
    words = (
        *FLAGS,
        '--proxy-for=client',
        '--http-proxy',
        'http://u:hunter2@proxy.lab:1',
    )
    done = tool(host, 'configure', *words, user='alice')
    assert 'sudo registry-host undo 1\n' in done.stdout
    assert host.mirrors() == [f'{MIRROR}/', 'https://foreign.example/']
    assert exists(host, CONFIG_JSON)

    undone = as_json(tool(host, 'undo', '--no-probe', '--format=json'))

    assert service(undone) == ('reload', 'reload', 'none')
    assert is_live(undone)
    assert undone['run'] == '2'
    assert host.read(DAEMON_JSON) == FOREIGN
    assert host.run(['stat', '-c', '%a', DAEMON_JSON]).stdout == '640\n'
    assert not exists(host, '/home/alice/.docker')
    assert (host.mirrors(), host.insecure(), started(host, 'bystander')) == before
    first, second = as_json(tool(host, 'history', '--format=json'))['results']
    assert (first['by'], first['undone-by'], second['undoes']) == ('alice', '2', '1')
    everything = host.run('cat /var/lib/registry-host/*.json').stdout
    assert 'hunter2' not in tool(host, 'history').stdout + everything
    assert tool(host, 'undo').stdout.startswith('nothing to undo')

    again = tool(host, 'undo', '2')
    assert f'live registry-mirrors: {MIRROR}/' in again.stdout
    assert host.mirrors() == [f'{MIRROR}/', 'https://foreign.example/']
    assert 'hunter2' in host.read(CONFIG_JSON)


def test_undo_keeps_what_others_wrote_since(host):
    tool(host, 'configure', *FLAGS)
    content = json.loads(host.read(DAEMON_JSON))
    content['registry-mirrors'].append('https://foreign.example')
    content['labels'] = ['a=b']
    host.write(DAEMON_JSON, json.dumps(content))
    host.run('systemctl reload docker')
    # Which ends before the engine has read it.
    wait_for('reload', lambda: host.docker_info()['Labels'] == ['a=b'])
    tool(host, 'undo', '--no-probe')
    assert json.loads(host.read(DAEMON_JSON)) == {
        'registry-mirrors': ['https://foreign.example'],
        'labels': ['a=b'],
    }
    assert host.mirrors() == ['https://foreign.example/']
    assert PUSH not in host.insecure()


def test_unconfigure_leaves_nothing_of_ours(host):
    host.write('/root/.docker/config.json', '{"auths": {}}', mode='600')
    tool(host, 'configure', *FLAGS)
    tool(
        host,
        'configure',
        '--proxy-for=client',
        '--http-proxy',
        'http://proxy.lab:1',
        user='alice',
    )
    tool(
        host, 'configure', '--proxy-for=client', '--no-proxy', '.lab', '--user', 'root'
    )
    assert host.mirrors() == [f'{MIRROR}/']

    forecast = tool(host, 'unconfigure', '--check', '--diff', check=False)
    assert forecast.returncode == 3
    assert f'would delete {DAEMON_JSON}\n' in forecast.stdout
    done = tool(host, 'unconfigure', '--no-probe')

    assert 'live registry-mirrors: none\n' in done.stdout
    assert (host.mirrors(), PUSH in host.insecure()) == ([], False)
    assert not exists(host, DAEMON_JSON)
    assert not exists(host, '/home/alice/.docker')
    assert host.read('/root/.docker/config.json') == '{"auths": {}}'
    assert tool(host, 'unconfigure').stdout.startswith('nothing to do')
    host.restart_engine()
    assert host.mirrors() == []


# On approval


def wait_until_reverted(host):
    script = 'for i in $(seq 400); do test -e $0 || exit 0; sleep 0.1; done; exit 1'
    host.run(['sh', '-c', script, '/var/lib/registry-host/pending.json'])


def has_timer(host):
    return 'registry-host-confirm' in host.run('systemctl list-units --all').stdout


def test_what_is_not_confirmed_goes_back(host):
    """The run's own shell is killed, as when the SSH connection is lost."""
    words = ' '.join(FLAGS)
    script = f'registry-host configure {words} --confirm-within 8; kill -KILL 0'
    done = host.run(['setsid', '--wait', 'sh', '-c', script], check=False)
    assert done.returncode != 0
    assert 'waiting for confirmation: undone in 8 s if not confirmed\n' in done.stdout
    assert host.mirrors() == [f'{MIRROR}/']
    second = tool(host, 'unconfigure', 'mirrors', check=False)
    assert second.returncode == 75
    assert 'is waiting for confirmation for another' in second.stderr
    assert 'hint:  registry-host confirm' in second.stderr
    seen = tool(host, 'doctor', '--only', 'unfinished-run')
    assert 'run 1 is waiting for confirmation' in seen.stdout
    wait_until_reverted(host)
    assert host.mirrors() == []
    assert PUSH not in host.insecure()
    assert not exists(host, DAEMON_JSON)
    # The marker is gone while the service that took the run back has yet to end.
    wait_for('the end of its units', lambda: not has_timer(host))
    told = '     not confirmed in time: run 1 was undone\n'
    assert told in tool(host, 'history').stdout
    tool(host, 'configure', *FLAGS)


def test_the_seconds_count_from_the_end_of_the_run(newest):
    """The run takes longer than them: there is time to look all the same."""
    newest.drop_in('ExecReload=', 'ExecReload=/bin/sh -c "sleep 7; kill -HUP $MAINPID"')
    tool(newest, 'configure', *FLAGS, '--confirm-within', '6')
    newest.run('sleep 0.7')
    assert newest.mirrors() == [f'{MIRROR}/']
    assert 'is waiting for confirmation' in tool(newest, 'doctor').stdout
    wait_until_reverted(newest)
    assert newest.mirrors() == []


def test_an_engine_that_does_not_answer_is_no_reason_to_stay(newest):
    """It hangs, perhaps by what was changed: the files go back, and it is restarted."""
    tool(newest, 'configure', *FLAGS, '--confirm-within', '1')
    newest.run('kill -STOP $(cat /run/docker.pid)')
    wait_until_reverted(newest)
    assert newest.mirrors() == []
    assert not exists(newest, DAEMON_JSON)


def test_what_is_confirmed_stays(host):
    # Long enough for it to be confirmed in time on a busy machine, too.
    tool(host, 'configure', *FLAGS, '--confirm-within', '6')
    assert 'stays' in tool(host, 'confirm').stdout
    assert not has_timer(host)
    host.run('sleep 7')
    assert host.mirrors() == [f'{MIRROR}/']
    late = tool(host, 'confirm', check=False)
    assert (late.returncode, late.stderr) == (
        1,
        'error: no change is waiting for confirmation; nothing was written\n'
        'hint:  registry-host history\n',
    )


def test_what_is_undone_needs_no_confirmation(newest):
    tool(newest, 'configure', *FLAGS, '--confirm-within', '60')
    tool(newest, 'undo')
    assert newest.mirrors() == []
    tool(newest, 'configure', *FLAGS)


def test_without_systemd_a_process_of_its_own_takes_it_back(newest):
    """Seen from a mount namespace in which systemd does not show."""
    words = ' '.join(FLAGS)
    script = (
        'mount -t tmpfs tmpfs /run/systemd && '
        f'registry-host configure {words} --confirm-within 5; kill -KILL 0'
    )
    newest.run(
        ['unshare', '--mount', 'setsid', '--wait', 'sh', '-c', script], check=False
    )
    assert newest.mirrors() == [f'{MIRROR}/']
    assert not has_timer(newest)
    wait_until_reverted(newest)
    assert newest.mirrors() == []


def test_a_marker_of_another_boot_is_honoured_by_the_next_run(newest):
    tool(newest, 'configure', *FLAGS, '--confirm-within', '60')
    marker = '/var/lib/registry-host/pending.json'
    pending = json.loads(newest.read(marker))
    newest.write(marker, json.dumps({**pending, 'boot': 'another'}), mode='600')
    done = tool(newest, 'configure', '--insecure-registry', 'other.lab:1')
    assert 'was not confirmed in time, and was undone' in done.stdout
    assert json.loads(newest.read(DAEMON_JSON)) == {
        'insecure-registries': ['other.lab:1']
    }
