"""The main job, on real hosts with each of the three engines."""

from __future__ import annotations

import json
import re

from envelope import envelope, is_live, service
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
ODD = """{
\t"log-driver" : "json-file",
  "log-opts": {"max-size": "10m",   "max-file": "3"},
    "labels":["zone=a",
\t\t"rack=7"],

  "shutdown-timeout": 15,
  "max-concurrent-downloads":  5 , "max-concurrent-uploads": 5,
  "default-shm-size": "67108864", "features" : { "buildkit" : true },
  "registry-mirrors": [ "https://mirror.other.example" ],
  "insecure-registries" : ["10.20.0.0/16"],
  "debug": false, "icc" : true
}"""
ODD_AFTER = ODD.replace('[ "https://mirror', f'[ "{MIRROR}", "https://mirror').replace(
    '["10.20', f'["{PUSH}", "10.20'
)


def configure(host, *flags, check=True, user='root'):
    command = ['registry-host', 'configure', *flags]
    if user != 'root':
        command = ['sudo', *command]
    return host.run(command, check=check, user=user)


def as_json(done):
    return envelope(done.stdout)


def reloads(host):
    return host.journal().count('Reloaded configuration')


def identity(host, path):
    return host.run(['stat', '-c', '%i %Y %a %U', path]).stdout


def test_main_job(host, lab):
    host.write(DAEMON_JSON, ODD)
    host.restart_engine()
    container = host.start_container('bystander')
    started = host.run('docker inspect -f "{{.State.StartedAt}}" bystander').stdout
    pulls = len(lab.cache.requests(pull_of='library/hello'))

    flags = ('--mirror', MIRROR, '--insecure-registry', PUSH)
    first = as_json(configure(host, *flags, '--format', 'json'))

    assert host.read(DAEMON_JSON) == ODD_AFTER
    assert first['changed'] is True
    assert service(first) == ('reload', 'reload', 'none')
    assert is_live(first)
    assert first['host'] == 'changed'
    assert [(p['level'], p['what'], p['outcome']) for p in first['proofs']] == [
        ('reachable', MIRROR, 'ok'),
        ('live', 'docker', 'ok'),
        ('pulls', 'library/hello-world:latest', 'ok'),
        ('written', DAEMON_JSON, 'ok'),
    ]
    assert host.mirrors() == [f'{MIRROR}/', 'https://mirror.other.example/']
    assert {PUSH, '10.20.0.0/16'} <= host.insecure()
    assert host.run('docker ps -q --no-trunc').stdout.strip() == container
    assert (
        host.run('docker inspect -f "{{.State.StartedAt}}" bystander').stdout == started
    )
    host.run(['docker', 'pull', 'hello'])
    assert len(lab.cache.requests(pull_of='library/hello')) > pulls

    before = identity(host, DAEMON_JSON), reloads(host)
    state = host.run('find /var/lib/registry-host -type f -exec stat -c %i:%Y {} +')
    second = as_json(configure(host, *flags, '--format', 'json'))
    assert second['changed'] is False
    assert [change['action'] for change in second['changes']] == ['none']
    assert service(second) == ('none', 'none', 'none')
    assert is_live(second)
    assert (identity(host, DAEMON_JSON), reloads(host)) == before
    assert (
        host.run('find /var/lib/registry-host -type f -exec stat -c %i:%Y {} +').stdout
        == state.stdout
    )


CONFIG_JSON = """{
\t"auths": {
\t\t"registry.lab:5002": {
\t\t\t"auth": "YWxpY2U6aHVudGVyMg=="
\t\t}
\t},
\t"credsStore": "secretservice",
\t"psFormat": "table {{.ID}}\\t{{.Names}}"
}"""


def test_client_proxies_by_sudo(host):
    path = '/home/alice/.docker/config.json'
    host.write(path, CONFIG_JSON, mode='600', owner='alice:alice')
    host.run('chown alice:alice /home/alice/.docker && chmod 700 /home/alice/.docker')
    flags = (
        '--proxy-for=client',
        '--http-proxy',
        'http://proxy:hunter2@proxy.lab:3128',
    )
    flags += ('--no-proxy', '.lab,10.0.0.0/8', '--diff')

    done = configure(host, *flags, user='alice')

    assert 'hunter2' not in done.stdout + done.stderr
    assert 'YWxpY2U6aHVudGVyMg' not in done.stdout + done.stderr
    assert host.read(path) == CONFIG_JSON[:-2] + (
        ',\n\t"proxies": {\n\t\t"default": {\n'
        '\t\t\t"httpProxy": "http://proxy:hunter2@proxy.lab:3128",\n'
        '\t\t\t"noProxy": ".lab,10.0.0.0/8"\n\t\t}\n\t}\n}'
    )
    assert host.run(['stat', '-c', '%a %U:%G', path]).stdout == '600 alice:alice\n'
    assert not host.run('test -e /root/.docker', check=False).returncode == 0
    shown = host.in_container('env', user='alice')
    assert 'HTTP_PROXY=http://proxy:hunter2@proxy.lab:3128\n' in shown
    assert 'no_proxy=.lab,10.0.0.0/8\n' in shown
    again = as_json(configure(host, *flags, '--format=json', user='alice'))
    assert again['changed'] is False


def test_flags_add_and_replace_takes_away(host):
    configure(host, '--no-probe', '--mirror', 'http://a.lab:1', '--mirror', MIRROR)
    configure(host, '--insecure-registry', PUSH)
    configure(host, '--no-probe', '--mirror', 'http://b.lab:1')
    both = ['http://a.lab:1/', f'{MIRROR}/', 'http://b.lab:1/']
    assert (host.mirrors(), PUSH in host.insecure()) == (both, True)
    done = configure(host, '--replace', '--mirror', MIRROR)
    assert (
        'updated /etc/docker/daemon.json\n'
        '  - registry-mirrors  http://a.lab:1  (added by run 1)\n'
        '  - registry-mirrors  http://b.lab:1  (added by run 3)\n'
    ) in done.stdout
    assert (host.mirrors(), PUSH in host.insecure()) == ([f'{MIRROR}/'], True)
    refused = configure(host, '--mirror', '', check=False)
    assert refused.returncode == 2
    assert host.mirrors() == [f'{MIRROR}/']


def test_clearing_a_live_list(host):
    configure(host, '--mirror', MIRROR, '--insecure-registry', PUSH)
    assert host.mirrors() == [f'{MIRROR}/']
    done = host.run('registry-host unconfigure mirrors --no-probe')
    assert 'live registry-mirrors: none\n' in done.stdout
    assert (host.mirrors(), PUSH in host.insecure()) == ([], True)
    host.run(f'registry-host unconfigure insecure-registries {PUSH}')
    assert (host.mirrors(), PUSH in host.insecure()) == ([], False)
    assert host.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1


def test_declaration_withdraws_what_it_no_longer_names(host):
    settings = '/etc/registry-host/settings.toml'
    host.write(DAEMON_JSON, '{"registry-mirrors": ["https://foreign.example"]}\n')
    host.restart_engine()
    host.write(
        settings,
        f'registry-mirrors = ["{MIRROR}"]\ninsecure-registries = ["{PUSH}"]\n',
    )
    configure(host)
    assert host.mirrors() == [f'{MIRROR}/', 'https://foreign.example/']
    host.write(settings, f'insecure-registries = ["{PUSH}"]\n')
    # The only way to the image goes with the mirror.
    configure(host, '--no-probe')
    assert host.mirrors() == ['https://foreign.example/']
    assert PUSH in host.insecure()


def test_the_live_engine_is_brought_in_line_with_a_right_file(host):
    host.write(DAEMON_JSON, json.dumps({'registry-mirrors': [MIRROR]}))
    assert host.mirrors() == []
    before = identity(host, DAEMON_JSON)
    found = as_json(configure(host, '--mirror', MIRROR, '--format=json'))
    assert (found['changed'], service(found)[1]) == (True, 'reload')
    assert host.mirrors() == [f'{MIRROR}/']
    assert identity(host, DAEMON_JSON) == before


def test_check_forecasts_and_writes_nothing(host):
    flags = ('--mirror', MIRROR, '--format=json')
    forecast = configure(host, *flags, '--check', check=False)
    assert forecast.returncode == 3
    assert as_json(forecast)['changed'] is True
    assert host.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1
    assert host.run('test -e /var/lib/registry-host', check=False).returncode == 1
    assert host.mirrors() == []
    real = as_json(configure(host, *flags))
    assert real['changes'] == as_json(forecast)['changes']
    assert configure(host, *flags, '--check').returncode == 0


def reload_meets(host, edit):
    """Have the first reload meet another file than ours, put back right after it."""
    script = (
        'test -e /run/met && exec kill -s HUP $MAINPID; touch /run/met; '
        f'sed -i.ours {edit} {DAEMON_JSON}; '
        f'kill -s HUP $MAINPID; sleep 0.5; mv {DAEMON_JSON}.ours {DAEMON_JSON}'
    )
    host.write('/usr/local/bin/meet', f'#!/bin/sh\n{script}\n', mode='755')
    host.drop_in('ExecReload=', 'ExecReload=/usr/local/bin/meet')
    host.restart_engine()


def test_rejected_candidate_is_rolled_back(host):
    """An invalid key stands there while the engine reads."""
    original = (
        '{\n  "labels": ["a=b"],\n  "registry-mirrors": ["https://old.example"]\n}'
    )
    host.write(DAEMON_JSON, original)
    reload_meets(host, '\'1s/{/{"bogus":1,/\'')
    before = host.mirrors(), host.insecure()

    done = configure(host, '--mirror', MIRROR, '--insecure-registry', PUSH, check=False)

    assert done.returncode == 1
    assert host.run(['test', '-e', '/run/met'], check=False).returncode == 0
    assert host.read(DAEMON_JSON) == original
    assert (host.mirrors(), host.insecure()) == before
    assert 'bogus' in done.stderr
    assert 'the old file is back; the engine is as it was' in done.stderr
    ledger = host.run('cat /var/lib/registry-host/ledger.json', check=False)
    assert MIRROR not in ledger.stdout


def test_live_lists_that_the_old_file_does_not_name_come_back(host):
    """The engine takes another file than ours, and the old one has no lists."""
    original = '{"debug": false}'
    host.write(DAEMON_JSON, original)
    reload_meets(host, 's/registry.lab/other.lab/')
    before = host.mirrors(), host.insecure()
    done = configure(host, '--mirror', MIRROR, '--insecure-registry', PUSH, check=False)
    assert done.returncode == 1
    assert 'reloaded, but does not show what the file says' in done.stderr
    assert 'the old file is back; the engine is as it was' in done.stderr
    assert host.read(DAEMON_JSON) == original
    assert (host.mirrors(), host.insecure()) == before


def test_directive_given_as_a_flag_too(host):
    host.drop_in(
        'ExecStart=',
        'ExecStart=/usr/sbin/dockerd -H fd:// '
        '--containerd=/run/containerd/containerd.sock '
        '--registry-mirror=https://by-flag.example',
    )
    # Socket activation: dockerd takes its socket from systemd with -H fd://.
    host.run('systemctl restart docker.socket docker.service', check=False)
    if host.suite == 'bookworm':
        host.restart_engine()
    done = configure(host, '--mirror', MIRROR, check=False)
    assert done.returncode == 2
    assert '--registry-mirror=https://by-flag.example' in done.stderr
    assert host.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1


def test_stopped_engine_reads_it_when_it_starts(host):
    host.run('systemctl stop docker.socket docker.service', check=False)
    done = configure(host, '--mirror', MIRROR)
    assert 'no reload was done: the engine reads the file when it starts' in done.stdout
    host.restart_engine()
    assert host.mirrors() == [f'{MIRROR}/']


def test_engine_that_runs_and_does_not_answer(newest):
    newest.run('kill -STOP $(pidof dockerd)')
    done = configure(newest, '--mirror', MIRROR, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        'error: /var/run/docker.sock: dockerd runs, but does not answer here; '
        'nothing was written\n'
        'hint:  journalctl -u docker.service -n 20\n'
    )
    assert newest.run(['test', '-e', DAEMON_JSON], check=False).returncode == 1
    newest.run('kill -CONT $(pidof dockerd)')
    configure(newest, '--mirror', MIRROR)


def test_ended_while_the_engine_is_waited_for(host):
    """A reload that never comes: the wait is cut short, and all is as before."""
    host.write(DAEMON_JSON, '{"labels": ["a=b"]}')
    host.restart_engine()
    host.drop_in('ExecReload=', 'ExecReload=/bin/sh -c "touch /run/asked"')
    script = (
        f'registry-host configure --mirror {MIRROR} & pid=$!; '
        'while ! test -e /run/asked; do sleep 0.05; done; sleep 0.3; '
        'kill -TERM $pid; wait $pid'
    )
    done = host.run(script, check=False)
    assert done.returncode == 130
    assert done.stderr.startswith(
        'error: interrupted; the old file is back; the engine is as it was\n'
    )
    assert host.read(DAEMON_JSON) == '{"labels": ["a=b"]}'
    assert host.mirrors() == []


def test_live_run_with_nothing_to_do_starts_no_program(host):
    configure(host, '--mirror', MIRROR)
    script = (
        "import sys; sys.path[0] = '/opt/registry-host'; "
        'from registry_host.cli import main; import atexit; '
        'atexit.register(lambda: print(*sys.modules)); '
        f"main(['configure', '--mirror', '{MIRROR}'])"
    )
    out = host.run(['python3', '-c', script]).stdout
    assert out.startswith('nothing to do')
    heavy = {'jsonschema', 'dns', 'psutil', 'ssl', 'subprocess', 'idna'}
    assert set(out.split()) & heavy == set()


def test_bytes_are_on_disk_before_the_name_points_to_them(newest):
    newest.write(DAEMON_JSON, '{"debug": false}')
    newest.run(
        'strace -f -o /tmp/trace -e trace=openat,fsync,renameat2 '
        f'registry-host configure --mirror {MIRROR}'
    )
    steps, names = [], {}
    for line in newest.read('/tmp/trace').splitlines():
        if found := re.search(r'openat\(AT_FDCWD, "([^"]+)".* = (\d+)$', line):
            names[found[2]] = found[1]
        elif found := re.search(r'fsync\((\d+)\)', line):
            steps.append(('fsync', names[found[1]]))
        elif found := re.search(r'renameat2\(\w+, "([^"]+)", \w+, "([^"]+)"', line):
            steps.append(('rename', found[1]))
            steps.append(('to', found[2]))
    start = steps.index(('to', DAEMON_JSON)) - 2
    (_, synced), (_, renamed), _, (after, folder) = steps[start : start + 4]
    assert synced == renamed
    assert renamed.startswith('/etc/docker/.daemon.json.')
    assert (after, folder) == ('fsync', '/etc/docker')


def test_no_engine_at_all(newest):
    newest.run('systemctl stop docker.socket docker.service', check=False)
    newest.run('rm /usr/sbin/dockerd /etc/docker -r')
    configure(newest, '--mirror', MIRROR)
    assert json.loads(newest.read(DAEMON_JSON)) == {'registry-mirrors': [MIRROR]}
    assert newest.run('stat -c %a /etc/docker').stdout == '755\n'
    assert newest.run(['stat', '-c', '%a', DAEMON_JSON]).stdout == '644\n'


REFUSED = (
    ('{"registry-mirror": []}', 'directive-ignored'),
    ('{"http-proxy": "x"}', 'directive-misplaced'),
    ('{"unknown": 1}', 'directive-unknown'),
    ('{"debug": "true"}', 'directive-type'),
    ('{"debug": true,}', 'json-trailing-comma'),
    ('{"labels": [], "labels": []}', 'json-duplicate-key'),
)


def test_file_that_the_engine_would_refuse(newest):
    for content, code in REFUSED:
        newest.write(DAEMON_JSON, content)
        done = configure(newest, '--mirror', MIRROR, '--format=json', check=False)
        assert done.returncode == 2, content
        found = as_json(done)
        assert [error['code'] for error in found['errors']] == [code]
        assert found['errors'][0]['message'].startswith(f'{DAEMON_JSON}:1:'), content
        assert found['changed'] is False, content
        assert newest.read(DAEMON_JSON) == content


def test_full_disk_leaves_the_old_file_whole(newest):
    newest.run('mount -t tmpfs -o size=64k tmpfs /etc/docker')
    newest.write(DAEMON_JSON, '{"debug": false}')
    newest.run('cat /dev/zero >/etc/docker/filler', check=False)
    done = configure(newest, '--mirror', MIRROR, check=False)
    assert done.returncode == 1
    assert 'No space left on device' in done.stderr
    assert 'the old file is as it was' in done.stderr
    assert newest.read(DAEMON_JSON) == '{"debug": false}'
    assert newest.run('ls -A /etc/docker').stdout == 'daemon.json\nfiller\n'
    assert newest.mirrors() == []


def test_file_mounted_on_its_own_is_written_in_place(newest):
    newest.write('/srv/daemon.json', '{"debug": false, "labels": ["a=b"]}')
    newest.run(f'touch {DAEMON_JSON} && mount --bind /srv/daemon.json {DAEMON_JSON}')
    done = configure(newest, '--mirror', MIRROR)
    assert 'overwritten in place' in done.stdout
    assert newest.mirrors() == [f'{MIRROR}/']
    assert newest.run('ls -A /etc/docker').stdout == 'daemon.json\n'


def test_without_root(newest):
    done = newest.run(
        ['registry-host', 'configure', '--mirror', MIRROR], user='alice', check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        'error: registry-host: only root may do this; nothing was written\n'
        f'hint:  sudo registry-host configure --mirror {MIRROR}\n'
    )


def test_unreadable_file(newest):
    newest.write(DAEMON_JSON, '{}', mode='600')
    command = ['registry-host', 'configure', '--mirror', MIRROR, '--check']
    done = newest.run(command, user='alice', check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f'error: {DAEMON_JSON}: cannot be read (Permission denied); '
        'nothing was written\n'
        f'hint:  sudo registry-host configure --mirror {MIRROR} --check\n'
        f'hint:  sudo namei -l {DAEMON_JSON}\n'
    )


def test_config_json_that_belongs_to_root(newest):
    path = '/home/alice/.docker/config.json'
    newest.write(path, '{"auths": {}}', mode='600')
    newest.run('chown alice /home/alice/.docker')
    done = configure(
        newest,
        '--proxy-for=client',
        '--http-proxy',
        'http://p:1',
        user='alice',
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f'error: {path}: cannot be read as alice (Permission denied); '
        "is it root's by mistake?; nothing was written\n"
        f'hint:  sudo namei -l {path}\n'
        'hint:  sudo chown -hRP alice: /home/alice/.docker\n'
    )
