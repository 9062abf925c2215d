from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest
from places import CONFIG_JSON, DAEMON_JSON
from roots import run_command
from webservers import API, web_server

from registry_host import __version__

BELOW_ROOT = 'below a root folder nothing is contacted'
MIRROR = ('--registry-mirror', 'http://registry.lab:5000')


def test_version(capsys):
    ended = run_command(capsys, '--version')
    assert (ended.code, ended.out) == (0, f'registry-host {__version__}\n')


# configure


def test_text_of_a_change_and_of_none(root):
    root.write(DAEMON_JSON, '{"debug": false}\n')
    first = root.run('configure', *MIRROR, '--diff')
    assert (first.code, first.err) == (0, '')
    assert first.out == (
        '--- /etc/docker/daemon.json\n'
        '+++ /etc/docker/daemon.json\n'
        '@@ -1 +1 @@\n'
        '-{"debug": false}\n'
        '+{"debug": false, "registry-mirrors": ["http://registry.lab:5000"]}\n'
        'updated /etc/docker/daemon.json\n'
        '  + registry-mirrors  http://registry.lab:5000\n'
        'no reload was done: the engine reads the file when it starts\n'
        f'to undo it: {root.as_root} undo 1\n'
    )
    before = root.snapshot()
    second = root.run('configure', *MIRROR, '--diff')
    assert (second.code, second.err) == (0, '')
    assert second.out == 'nothing to do: /etc/docker/daemon.json is as asked\n'
    assert root.snapshot() == before


def test_json_is_one_object_with_the_agreed_keys(root):
    found = root.run('configure', *MIRROR, '--format', 'json').json
    assert found == {
        'version': 2,
        'command': 'configure',
        'ok': True,
        'changed': True,
        'host': 'changed',
        'changes': [
            {
                'target': 'docker-daemon',
                'path': DAEMON_JSON,
                'action': 'create',
                'diff': '--- /dev/null\n+++ /etc/docker/daemon.json\n@@ -0,0 +1,5 @@\n'
                '+{\n+    "registry-mirrors": [\n+        "http://registry.lab:5000"\n'
                '+    ]\n+}\n',
                'added': [
                    {
                        'setting': 'registry-mirrors',
                        'value': 'http://registry.lab:5000',
                    }
                ],
                'removed': [],
            }
        ],
        'services': [
            {
                'name': 'docker',
                'needed': 'reload',
                'done': 'none',
                'pending': 'none',
                'why': 'a root folder has none that runs',
            }
        ],
        'proofs': [
            {
                'level': level,
                'what': what,
                'outcome': outcome,
                'detail': detail,
            }
            for level, what, outcome, detail in (
                ('reachable', '', 'skipped', BELOW_ROOT),
                ('pulls', '', 'skipped', BELOW_ROOT),
                ('live', 'docker', 'skipped', 'a root folder has none that runs'),
                ('written', DAEMON_JSON, 'ok', ''),
            )
        ],
        'findings': [],
        'errors': [],
        'run': '1',
        'results': [],
        'status': None,
    }


@pytest.mark.parametrize(
    ('words', 'code', 'errors'),
    (
        pytest.param(['configure', '--bogus'], 2, ['usage'], id='unknown-flag'),
        pytest.param(
            ['configure', '--proxy-for=nobody'], 2, ['usage'], id='bad-choice'
        ),
        pytest.param(['bogus'], 2, ['usage'], id='unknown-command'),
        pytest.param(
            ['configure', '--lock-timeout=nan'], 2, ['usage'], id='no-number-of-seconds'
        ),
        pytest.param(
            ['configure', '--confirm-within=inf'],
            2,
            ['usage'],
            id='seconds-without-end',
        ),
        pytest.param(['configure'], 2, ['settings-missing'], id='nothing-asked'),
        pytest.param(
            ['configure', '-f', '/nonexistent.toml'],
            2,
            ['settings-missing'],
            id='no-file',
        ),
        pytest.param(
            [
                'configure',
                '--mirror',
                'x',
                '--insecure-registry',
                '*',
                '--proxy-for=client',
                '--http-proxy',
                'p',
            ],
            2,
            ['mirror-scheme', 'insecure-host', 'proxy-scheme'],
            id='all-errors-at-once',
        ),
        pytest.param(
            [
                'configure',
                '--proxy-for=client',
                '--http-proxy',
                'http://p:1',
                '--user',
                'bob',
                '--user',
                'eve',
            ],
            2,
            ['user-unknown', 'user-unknown'],
            id='users',
        ),
        pytest.param(['doctor', '--only', 'drifft'], 2, ['check-unknown'], id='check'),
        pytest.param(['reload'], 1, ['engine-unknown'], id='no-engine-in-a-root'),
    ),
)
def test_errors_are_json_too(root, words, code, errors):
    before = root.snapshot()
    ended = root.run(*words, '--format=json')
    assert (ended.code, ended.codes, ended.err) == (code, errors, '')
    assert ended.json['ok'] is False
    assert ended.json['changed'] is False
    assert root.snapshot() == before


def test_forty_bad_urls_are_forty_errors(root):
    flags = [word for i in range(40) for word in ('--mirror', f'http://m{i}/v2')]
    ended = root.run('configure', *flags, '--format=json')
    assert ended.code == 2
    assert ended.codes == ['mirror-path'] * 40
    assert ended.json['errors'][7]['hint'] == 'http://m7'
    assert sorted(root.snapshot()) == [str(root.path / 'etc/passwd')]


def test_error_text(root):
    ended = root.run('configure', '--mirror', 'http://172.16.17.38/v2')
    assert (ended.code, ended.out) == (2, '')
    assert ended.err == (
        "error: --registry-mirror: 'http://172.16.17.38/v2': a mirror is a root "
        'address, '
        'without a path; nothing was written\n'
        'hint:  http://172.16.17.38\n'
    )


def test_check_forecasts_what_the_run_does(root):
    words = (
        'configure',
        *MIRROR,
        '--proxy-for=client',
        '--http-proxy',
        'http://u:hunter2@p:1',
        '--user',
        'alice',
    )
    before = root.snapshot()
    forecast = root.run(*words, '--check', '--format=json')
    assert forecast.code == 3
    assert root.snapshot() == before
    real = root.run(*words, '--format=json')
    assert real.json['changes'] == forecast.json['changes']
    assert forecast.json['changed'] is real.json['changed'] is True
    converged = root.run(*words, '--check', '--format=json')
    assert (converged.code, converged.json['changed']) == (0, False)


def test_a_hint_is_about_the_files_of_the_root(root, tmp_path):
    """Pasted as it is, it must change nothing on the host that runs."""
    root.write(DAEMON_JSON, '{"proxies": {"http-proxy": "http://u:hunter2@p:1"}}')
    shown = root.run('doctor', '--only', 'proxy-password').out
    assert f'hint:  chmod 600 {root.path}{DAEMON_JSON}\n' in shown
    # Of a home with a blank, too; a shell joins the two words.
    passwd = 'kim:x:0:0::/home/a b/kim:/bin/sh\n'
    root.write('/etc/passwd', passwd)
    file = root.write(
        '/home/a b/kim/.docker/config.json', '{"auths": {"r": {"auth": "YTpi"}}}'
    )
    words = ('--proxy-for=client', '--no-proxy=a', '--user=kim')
    assert root.run('configure', *words).code == 0
    file.chmod(0o644)
    shown = root.run('doctor', '--only', 'client-config-mode').out
    hint = re.search(r"^hint:  .*?(chmod 600 \S*'/home/a b/.*')$", shown, re.MULTILINE)
    subprocess.run(['sh', '-c', hint[1]], check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    # A settings file that is named is of this machine.
    settings = tmp_path / 'settings.toml'
    settings.write_text(
        '[proxies]\nhttp-proxy = "http://u:hunter2@p:1"\nfor = ["engine"]\n'
    )
    settings.chmod(0o644)
    shown = root.run('configure', '-f', str(settings)).out
    assert f'hint:  chmod 600 {settings}\n' in shown


def test_settings_on_standard_input(root, monkeypatch):
    settings = json.dumps({'registry-mirrors': ['http://m:5000']})
    stream = io.TextIOWrapper(io.BytesIO(settings.encode()))
    monkeypatch.setattr(sys, 'stdin', stream)
    assert root.run('configure', '-f', '-').code == 0
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://m:5000']}


def test_default_settings_file_and_its_absence_from_flag_runs(root):
    root.write('/etc/registry-host/settings.toml', 'registry-mirrors = ["http://a"]\n')
    root.run('configure', '--insecure-registry', 'r:1')
    assert json.loads(root.read(DAEMON_JSON)) == {'insecure-registries': ['r:1']}
    root.run('configure')
    assert json.loads(root.read(DAEMON_JSON)) == {
        'registry-mirrors': ['http://a'],
    }
    root.write('/etc/registry-host/settings.json', '{}')
    assert root.run('configure', '--format=json').codes == ['settings-ambiguous']


def test_secrets_reach_no_output_and_no_readable_file(root):
    root.write(
        CONFIG_JSON,
        '{"auths": {"r:1": {"auth": "QWxhZGRpbjpvcGVu"}},\n'
        ' "HttpHeaders": {"X": "T0k3n"}}',
        0o600,
    )
    words = (
        'configure',
        '--proxy-for=client',
        '--http-proxy',
        'http://u:hunter2@p:1',
        '--user',
        'alice',
    )
    ended = root.run(*words, '--diff')
    shown = ended.out + ended.err + root.run(*words, '--diff', '--format=json').out
    for secret in ('hunter2', 'QWxhZGRpbjpv', 'T0k3n'):
        assert secret not in shown
    assert 'http://xxxxx:xxxxx@p:1' in shown
    for path, (_, mode, content) in root.snapshot().items():
        if b'hunter2' in content:
            assert mode & 0o077 == 0, path


def test_only_a_secret_changes(root):
    words = (
        'configure',
        '--user',
        'alice',
        '--diff',
        '--proxy-for=client',
        '--http-proxy',
    )
    root.run(*words, 'http://u:one@p:1')
    ended = root.run(*words, 'http://u:two@p:1')
    assert (
        f'--- {CONFIG_JSON}\n+++ {CONFIG_JSON}\n (only a secret changes)\n' in ended.out
    )


def test_a_bug_shows_no_values_and_exits_70(root, monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError('http://u:hunter2@p')

    monkeypatch.setattr('registry_host.targets.planning.gather', broken)
    ended = root.run('configure', *MIRROR)
    assert ended.code == 70
    assert 'hunter2' not in ended.err
    assert ended.err.startswith(f'error: a bug in registry-host {__version__}')


def test_interrupted(root, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr('registry_host.targets.planning.gather', interrupt)
    ended = root.run('configure', *MIRROR)
    assert ended.code == 130
    assert ended.err.lstrip() == 'error: interrupted; nothing was written\n'


# validate


def test_validate_gives_a_result_for_each_input(root):
    before = root.snapshot()
    ended = root.run(
        'validate',
        '--mirror=http://M:5000/',
        '--mirror=http://h/v2',
        '--insecure-registry=http://r:1/',
        '--format=json',
    )
    assert ended.code == 2
    assert ended.json['results'] == [
        {
            'input': 'http://M:5000/',
            'kind': 'registry-mirror',
            'ok': True,
            'normalized': 'http://m:5000',
            'code': None,
        },
        {
            'input': 'http://h/v2',
            'kind': 'registry-mirror',
            'ok': False,
            'normalized': None,
            'code': 'mirror-path',
        },
        {
            'input': 'http://r:1/',
            'kind': 'insecure-registry',
            'ok': True,
            'normalized': 'r:1',
            'code': None,
        },
    ]
    assert root.snapshot() == before


def test_validate_daemon_json(root, tmp_path):
    file = tmp_path / 'daemon.json'
    file.write_text('{\n  "registry-mirror": [],\n  "debug": "yes"\n}')
    ended = root.run('validate', '--daemon-json', str(file))
    assert ended.code == 2
    assert ended.err == (
        f'error: {file}:2:3: "registry-mirror" is the name of a flag, and is silently '
        'ignored here; rename it to "registry-mirrors"\n'
        f'error: {file}:3:3: "debug" must be true or false, without quotes; the '
        'engine refuses the whole file otherwise\n'
    )
    file.write_text('{"debug": true}')
    assert root.run('validate', '--daemon-json', str(file)).code == 0
    assert root.run('validate', '--daemon-json', str(tmp_path / 'no')).code == 2


# What a run imports

HEAVY = {'jsonschema', 'dns', 'psutil', 'ssl', 'jinja2', 'idna'}


def imported(words):
    """Run a command in a process of its own: its exit code, output, and modules."""
    script = (
        'import sys\nfrom registry_host.cli import main\n'
        f'try:\n    main({words!r})\nexcept SystemExit as end:\n'
        '    print("\\n", end.code, *sys.modules, file=sys.stderr)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    return code, done.stdout, set(modules)


def test_a_run_with_nothing_to_do_imports_nothing_heavy(root):
    settings = root.write(
        '/etc/registry-host/settings.toml',
        'registry-mirrors = ["http://m:5000"]\n[proxies]\nno-proxy = "10.0.0.0/8"\n'
        'for = ["client"]\n',
    )
    words = ['--root', str(root.path), 'configure', '-f', str(settings)]
    code, out, modules = imported(words)
    assert (code, 'jsonschema' in modules) == ('0', False)
    code, out, modules = imported(words)
    assert (code, out[:13]) == ('0', 'nothing to do')
    assert modules & HEAVY == set()


def test_a_copy_imports_no_library_for_what_it_does_not_do():
    """It resolves as programs do; nameservers are asked one by one where that fails."""

    def answer(method, path, headers):
        return (200 if path == '/v2/' else 404), [API], b'{}'

    with web_server(answer) as server:
        name = f'{server.endpoint}/team/app:1'
        code, _, modules = imported(['image', 'copy', name, f'--to={server.endpoint}'])
    assert code == '1'
    assert 'registry_host.registry.copying' in modules
    # Connections take ssl, and the engine is found among processes.
    assert modules & (HEAVY - {'ssl', 'psutil'}) == set()
