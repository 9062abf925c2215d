"""What `status` shows of the folder of a host: one screen, and JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from places import CHECKPOINTS, CONFIG_JSON, DAEMON_JSON, JOURNAL, LEDGER, STATE

from registry_host.registry.installed import Installed
from registry_host.registry.instances import CONFIGS as FOLDER
from registry_host.reporting.overview import SHOWN_LIMIT, Overview, overview_lines

SETTINGS = '/etc/registry-host/settings.toml'
PROXY = 'http://u:hunter2@p:1'
WORDS = ('configure', '--mirror', 'http://m:5000', '--engine-dns', '192.0.2.53')
CLIENT = ('configure', '--proxy-for=client', '--http-proxy', PROXY, '--user=alice')
HEAVY = {'jsonschema', 'dns', 'psutil', 'ssl', 'jinja2', 'yaml', 'idna'}


def shown(root, code=0):
    """The text of it; the times of runs are not the same twice."""
    before = root.snapshot()
    ended = root.run('status')
    assert ended.code == code
    assert root.snapshot() == before
    return re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'TIME', ended.out)


def status_of(root, code=0):
    ended = root.run('status', '--format=json')
    assert ended.code == code
    return ended.json['status']


def states(root):
    files = status_of(root)['files']
    return [each['state'] for file in files for each in file['entries']]


def test_one_line_where_nothing_was_ever_done(root):
    assert shown(root) == 'nothing is managed on this host\n'
    assert status_of(root)['files'] == []


def test_a_screen(root):
    root.run(*WORDS)
    root.run(*CLIENT)
    root.write(f'{FOLDER}/main.yml', 'http: {addr: "127.0.0.1:5000"}\n')
    assert shown(root) == (
        'Docker is not asked: below a root folder nothing is contacted\n'
        'nameservers: static\n'
        f'{DAEMON_JSON}\n'
        '  registry-mirrors  http://m:5000  run 1  written\n'
        '  dns.engine        192.0.2.53     run 1  written\n'
        f'{CONFIG_JSON} (alice)\n'
        '  proxies.http-proxy  http://xxxxx:xxxxx@p:1  run 2  written\n'
        'registries on this host\n'
        '  main  push  127.0.0.1:5000  registry-host-main.service\n'
        'last: run 2 (configure, TIME) by root: applied\n'
    )
    assert 'hunter2' not in json.dumps(status_of(root))


def test_registries_stand_in_columns():
    """Where no state is known there is no column of it."""
    found = (
        Installed('cache', '', 'registry-host-cache.service', 'cache', '10.0.0.5:5000'),
        Installed('p', '', 'registry-host-p.service', 'push', ':5002'),
        Installed('other', '', 'registry-host-other.service'),
    )
    states = ('active', 'activating', 'failed')
    live = [each._replace(state=s) for each, s in zip(found, states, strict=True)]
    shown = [
        list(overview_lines(Overview(registries=tuple(each)), lambda text, _: text))[2:]
        for each in (found, live)
    ]
    assert shown == [
        [
            '  cache  cache         10.0.0.5:5000    registry-host-cache.service',
            '  p      push          :5002            registry-host-p.service',
            '  other  kind unknown  address unknown  registry-host-other.service',
        ],
        [
            '  cache  cache         10.0.0.5:5000    active      '
            'registry-host-cache.service',
            '  p      push          :5002            activating  '
            'registry-host-p.service',
            '  other  kind unknown  address unknown  failed      '
            'registry-host-other.service',
        ],
    ]


def test_what_was_taken_back_is_managed_no_more(root):
    root.run(*WORDS)
    root.run('undo')
    assert shown(root).splitlines()[2:] == [
        'nothing is managed on this host',
        'last: run 2 (undo, TIME) by root: applied, undoes 1',
    ]


def test_what_others_took_out_of_a_file(root):
    root.run(*WORDS)
    root.write(DAEMON_JSON, '{"registry-mirrors": ["http://m:5000"]}')
    assert states(root) == ['written', 'gone']
    gone = 'run 1  gone: it was removed from the file outside registry-host\n'
    assert gone in shown(root)
    root.write(DAEMON_JSON, '{')
    assert states(root) == ['unknown', 'unknown']
    assert f'unknown: {DAEMON_JSON}:1:2: ' in shown(root)


def test_a_user_who_is_gone(root):
    root.run(*CLIENT)
    root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
    assert 'unknown: there is no user alice any more\n' in shown(root)


def test_whether_the_settings_file_is_in_force(root):
    root.write(SETTINGS, 'registry-mirrors = ["http://m:5000"]\n')
    assert f'{SETTINGS} is not in force: {DAEMON_JSON} would change\n' in shown(root)
    assert root.run('configure').code == 0
    assert f'{SETTINGS} is in force\n' in shown(root)
    root.write(SETTINGS, 'registry-mirrors = ["m"]\n')
    found = status_of(root)['settings-file']
    assert (found['path'], found['in-force']) == (SETTINGS, None)
    assert f'cannot be held against this host: {found["why"]}\n' in shown(root)


def test_what_an_earlier_run_has_left_open(root):
    root.run(*WORDS)
    record = {'run': 1, 'reason': 'no mirror answered', 'mirrors': 'asked'}
    root.write(f'{STATE}/unproved.json', json.dumps(record), 0o600)
    text = 'warning: run 1 has not proved that pulls work: no mirror answered\n'
    assert shown(root).startswith(f'{text}hint:  {root.as_root} reload\n')
    reason = {'run': '1', 'reason': 'no mirror answered'}
    assert status_of(root)['unproved'] == reason
    pending = {'checkpoint': 1, 'token': 'a', 'boot': 'b', 'deadline': 1}
    root.write(f'{STATE}/pending.json', json.dumps(pending), 0o600)
    assert 'warning: run 1 was not confirmed in time; the next' in shown(root)
    waiting = status_of(root)['waiting']
    assert (waiting['run'], waiting['seconds']) == ('1', 0)


def test_a_run_that_was_cut_short(root):
    root.run(*WORDS)
    (root.path / f'{CHECKPOINTS}/1.json'[1:]).rename(root.path / JOURNAL[1:])
    assert re.match(r'error: run 1 \(configure, TIME\) was cut short', shown(root))


def test_state_that_cannot_be_read_is_told_with_the_rest(root):
    root.run(*WORDS)
    root.write(LEDGER, '{', 0o600)
    ended = root.run('status')
    assert ended.code == 1
    assert (
        'is damaged, so which entries are managed is not known; without it, '
        'everything in the files counts as foreign\n'
    ) in ended.err
    ledger = f'{root.path}{LEDGER}'
    assert f'{root.as_root.partition("registry-host")[0]}mv {ledger} ' in ended.err
    assert 'last: run 1 (configure, ' in ended.out
    assert root.run('status', '--format=json').codes == ['ledger-damaged']
    root.write(LEDGER, '{"version": 1, "applied": [], "checked-settings": []}', 0o600)
    root.write(JOURNAL, '{', 0o600)
    assert root.run('status', '--format=json').codes == ['checkpoint-damaged']


def test_more_than_a_screen_holds_begins_with_what_is_not_as_it_should(root):
    mirrors = [f'http://m{number}' for number in range(40)]
    root.run('configure', *(word for each in mirrors for word in ('--mirror', each)))
    root.write(DAEMON_JSON, json.dumps({'registry-mirrors': mirrors[:-1]}))
    lines = shown(root).splitlines()
    listed = [line.split()[1] for line in lines if line.startswith('  registry-')]
    assert listed == [*mirrors[: SHOWN_LIMIT - 1], mirrors[-1]]
    assert f'  and {40 - SHOWN_LIMIT} more; --format json lists all' in lines
    assert states(root) == [*['written'] * 39, 'gone']


def test_a_process_of_its_own_masks_secrets_and_imports_nothing_heavy(root):
    """One that has not seen the password on its command line, as this one has."""
    root.run(*WORDS)
    root.run(*CLIENT)
    script = (
        'import sys\nfrom registry_host.cli import main\n'
        f"try:\n    main(['--root', {str(root.path)!r}, 'status'])\n"
        'except SystemExit as end:\n'
        '    print(end.code, *sys.modules, file=sys.stderr)\n'
    )
    environ = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    argv = [sys.executable, '-c', script]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ)
    code, *modules = done.stderr.split()
    assert code == '0'
    assert set(modules) & HEAVY == set()
    assert '  http://xxxxx:xxxxx@p:1  ' in done.stdout
    assert 'hunter2' not in done.stdout
