"""A hostile user against root's runs, on a real host."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from envelope import envelope, texts
from places import CONFIG_JSON, DAEMON_JSON, STATE

SUITES = ('forky',)  # What is attacked here is the same with every engine.
ATTACKS = Path(__file__).with_name('attacks')
BOBS = '/home/bob/.docker/config.json'
MIRROR = 'http://registry.lab:5000'
ALICE = ('--user', 'alice', '--proxy-for=client', '--http-proxy', 'http://proxy.lab:1')
SECRETS = {
    'a hash of root': '$6$lab$ROOTSHASHROOTSHASH',
    "root's login": 'Uk9PVDpTRUNSRVQ=',
    "bob's login": 'Qk9COlNFQ1JFVA==',
    "alice's own login": 'QUxJQ0U6U0VDUkVU',
}
LOGIN = '{\n\t"auths": {\n\t\t"r.lab": {\n\t\t\t"auth": "%s"\n\t\t}\n\t}\n}\n'
ROUNDS_ALONE, ROUNDS_WITH_BOB = 650, 400
TRICKS = 300


@pytest.fixture(scope='module', params=SUITES)
def shared(lab, request):
    """A host with a second user, and with secrets that are none of hers."""
    host = lab.host(request.param)
    host.run('useradd --create-home --uid 1001 --shell /bin/bash bob')
    host.run(['usermod', '--password', SECRETS['a hash of root'], 'root'])
    log_in(host)
    # What the name of the program alone says is that she logs in.
    host.run('cp /usr/bin/python3 /srv/docker')
    for script in ATTACKS.glob('*.py'):
        host.write(f'/srv/{script.name}', script.read_text())
    yield host
    host.close()


def log_in(host):
    """Write what root and bob have of their own."""
    host.write('/root/.docker/config.json', LOGIN % SECRETS["root's login"], mode='600')
    host.write(BOBS, LOGIN % SECRETS["bob's login"], mode='600', owner='bob:bob')
    host.run('chown bob: /home/bob/.docker; chmod 700 /home/bob/.docker /root')


@pytest.fixture
def host(shared):
    """The same host, with nothing of ours on it, and nothing of alice's."""
    yield shared
    shared.run(
        'ps -U alice -o pid= | xargs -r kill -KILL; '
        'umount -lq /home/alice/.docker; '
        f'find /home/alice -mindepth 1 -delete; rm -rf {STATE} {DAEMON_JSON}; '
        # As they were, if an attack succeeded.
        'rm -rf /etc/nologin /root/.docker /home/bob/.docker /srv/tree; '
        'chown root: /etc/passwd; chmod 644 /etc/passwd; '
        'systemctl is-active -q docker && systemctl reload docker || '
        'systemctl start docker'
    )
    log_in(shared)


def tool(host, *words, check=False):
    return host.run(['registry-host', *words], check=check)


def alice(host, script):
    return host.run(f'cd && {{ {script}; }}', user='alice')


def start(host, *words, user='alice'):
    """Start what goes on by itself, and return its number."""
    script = 'setsid "$@" >/tmp/$$.log 2>&1 </dev/null & echo $!'
    return host.run(['sh', '-c', script, 'sh', *words], user=user).stdout.strip()


def stop(host, pid, *, signal='KILL'):
    host.run(f'kill -{signal} {pid}; while kill -0 {pid} 2>&-; do sleep 0.1; done')


def wait_until(host, condition):
    host.run(f'for i in $(seq 300); do {condition} && exit; sleep 0.1; done; exit 1')


def outside(host, *, but=('/var/lib/docker', STATE)):
    """Describe all that is none of alice's business: names, owners, modes, bytes."""
    pruned = ' -o '.join(f'-path {path}' for path in but)
    shown = "-printf '%p %y %m %U:%G %i %s %l\\n'"
    listing = host.run(
        f'find /etc /root /home/bob /var /srv /opt /usr/local \\( {pruned} \\) -prune '
        f'-o -type d -printf "%p %m %U:%G %i\\n" -o {shown}; '
        'find /etc /root /home/bob -type f -exec sha256sum {} +; '
        'find / -xdev -path /home/alice -prune -o -name "*.registry-host*" -print'
    )
    lines = listing.stdout.splitlines()
    # What every host writes for itself, whoever attacks it.
    return sorted(line for line in lines if '/var/log/journal' not in line)


def assert_no_secret_in(text):
    assert {name for name, secret in SECRETS.items() if secret in text} == set()


def unfinished(host, *words):
    """Kill a run in its midst: it has written, and waits for a login of hers."""
    login = start(host, '/srv/docker', '-c', 'import time; time.sleep(60)', 'login')
    run = start(host, 'registry-host', *words, user='root')
    wait_until(host, f'test -e {STATE}/journal.json')
    host.run('sleep 0.7')
    stop(host, run)
    stop(host, login)
    host.run(f'test -e {STATE}/journal.json')


# One thing at a time


PLACES = (
    ('link to shadow', 'ln -s /etc/shadow F', 2, 'read as alice (Permission denied)'),
    ('link to passwd', 'ln -s /etc/passwd F', 2, 'uid 0, not to alice'),
    ("link to root's", 'ln -s /root/.docker/config.json F', 2, '(Permission denied)'),
    ("link to bob's", f'ln -s {BOBS} F', 2, 'read as alice (Permission denied)'),
    ('link to nothing in /etc', 'ln -s /etc/new.json F', 1, '(Permission denied)'),
    ('link to zero', 'ln -s /dev/zero F', 2, 'is not a plain file, not a file'),
    ('link to full', 'ln -s /dev/full F', 2, 'is not a plain file, not a file'),
    ('link to our ledger', f'ln -s {STATE}/ledger.json F', 2, '(Permission denied)'),
    ('loop', 'ln -s config.json F', 2, '(Too many levels of symbolic links)'),
    ('fifo', 'mkfifo F', 2, 'is not a plain file, not a file'),
    ('folder', 'mkdir F', 2, 'is a folder, not a file'),
    (
        'sparse file',
        'truncate -s 1T F',
        2,
        'is larger than 16 MiB, the most that is read',
    ),
    ('forbidden file', 'touch F; chmod 0 F', 2, 'read as alice (Permission denied)'),
    ("folder: root's", 'ln -sfn /root/.docker D', 2, '(Permission denied)'),
    ("folder: bob's", 'ln -sfn /home/bob/.docker D', 2, '(Permission denied)'),
    ('folder: /etc', 'ln -sfn /etc D', 1, 'could not be written (Permission denied)'),
    ('folder: our state', f'ln -sfn {STATE} D', 2, 'alice (Permission denied)'),
    ('folder: a file', 'touch D', 2, '(Not a directory)'),
    ('folder: a loop', 'ln -sfn .docker D', 2, '(Too many levels of symbolic links)'),
    ('folder: forbidden', 'mkdir -m 0 D', 2, 'alice (Permission denied)'),
)


@pytest.mark.parametrize(
    ('script', 'code', 'message'),
    [pytest.param(*place, id=name) for name, *place in PLACES],
)
def test_what_stands_there_is_refused(host, script, code, message):
    tool(
        host,
        'configure',
        '--user',
        'bob',
        '--proxy-for=client',
        '--no-proxy',
        '.lab',
        check=True,
    )
    before = outside(host)
    folder = '/home/alice/.docker'
    lead = f'mkdir {folder} && ' if ' D' not in script else ''
    alice(
        host, lead + script.replace(' F', f' {CONFIG_JSON}').replace(' D', f' {folder}')
    )

    done = tool(host, 'configure', *ALICE, '--user', 'bob')

    assert (done.returncode, done.stdout) == (code, '')
    assert f'error: {CONFIG_JSON}' in done.stderr
    assert message in done.stderr
    assert done.stderr.count('error: ') == 1
    assert 'nothing was written' in done.stderr or 'as it was' in done.stderr
    assert_no_secret_in(done.stderr)
    assert [line for line in outside(host) if BOBS not in line] == [
        line for line in before if BOBS not in line
    ]
    assert host.run('find /home/alice ! -user alice').stdout == ''
    assert tool(host, 'doctor', '--only', 'unfinished-run').returncode == 0
    tool(host, 'unconfigure', check=True)
    assert host.read(BOBS) == LOGIN % SECRETS["bob's login"]


@pytest.mark.parametrize(
    ('path', 'message'),
    (
        pytest.param('/etc/shadow', 'as alice (Permission denied)', id='shadow'),
        pytest.param('/etc/passwd', 'belongs to uid 0, not to alice', id='passwd'),
        pytest.param(BOBS, 'as alice (Permission denied)', id='bob'),
    ),
)
def test_hard_links_are_refused(host, path, message):
    """fs.protected_hardlinks keeps her from making them; root does so for her."""
    alice(host, 'mkdir ~/.docker')
    assert host.run(['ln', path, CONFIG_JSON], user='alice', check=False).returncode
    before = outside(host)
    host.run(['ln', path, CONFIG_JSON])
    done = tool(host, 'configure', *ALICE)
    assert done.returncode == 2
    assert message in done.stderr
    assert_no_secret_in(done.stderr)
    host.run(['rm', CONFIG_JSON])
    assert outside(host) == before


def test_the_state_is_closed_to_her(host):
    """She can neither come first, nor look, nor hold the lock, nor guess a name."""
    for script in (f'mkdir {STATE}', f'ln -s /tmp {STATE}'):
        assert host.run(script, user='alice', check=False).returncode == 1
    words = ['registry-host', 'configure', *ALICE, '--mirror', MIRROR]
    script = 'umask 0; exec "$@"'
    host.run(['sh', '-c', script, 'sh', *words, '--confirm-within', '60'])
    listing = host.run(f"find {STATE} -printf '%P %y %m %U:%G\\n'").stdout
    assert sorted(listing.splitlines()) == [
        ' d 700 0:0',
        'checkpoints d 700 0:0',
        'checkpoints/1.json f 600 0:0',
        'ledger.json f 600 0:0',
        'pending.json f 600 0:0',
    ]
    for script in (f'ls {STATE}', f'cat {STATE}/ledger.json', f'flock {STATE} true'):
        denied = host.run(script, user='alice', check=False)
        assert 'Permission denied' in denied.stderr
    tool(host, 'confirm', check=True)
    unfinished(
        host, 'configure', '--user', 'alice', '--proxy-for=client', '--no-proxy', '.lab'
    )
    found = host.run(f'stat -c "%a %U" {STATE}/journal.json').stdout
    assert found == '600 root\n'
    tool(host, 'undo', check=True)


# All at once


@pytest.fixture(scope='module')
def attacked(shared):
    """Over a thousand runs of root's under attack, and what the host was around it."""
    host = shared
    host.run('mkdir -p /home/alice/.links && chown alice: /home/alice/.links')
    for kind, path in (('shadow', '/etc/shadow'), ('passwd', '/etc/passwd')):
        for number in range(40):
            host.run(['ln', path, f'/home/alice/.links/{kind}-{number}'])
    for number in range(40):
        host.run(['ln', BOBS, f'/home/alice/.links/bob-{number}'])
    result = {'before': outside(host), 'links': host.run('stat -c %h /etc/shadow')}
    attacker = start(host, 'python3', '/srv/attacker.py', 'kill')
    alone = host.run(
        f'python3 /srv/driver.py {ROUNDS_ALONE} alice 2>&1', timeout_s=600
    ).stdout
    result['after'] = outside(host)
    both = host.run(
        f'python3 /srv/driver.py {ROUNDS_WITH_BOB} alice bob 2>&1', timeout_s=600
    ).stdout
    stop(host, attacker, signal='USR1')
    result['tricks'] = int(host.run('tail -qn 1 /tmp/*.log').stdout)
    result['output'] = alone + both
    result['ends'] = [json.loads(text.splitlines()[-1]) for text in (alone, both)]
    result['honest'] = tool(host, 'configure', *ALICE, '--user', 'bob')
    result['doctor'] = tool(host, 'doctor', '--only', 'unfinished-run')
    result['hers'] = host.run(
        'find /home/alice -path /home/alice/.links -prune -o ! -user alice -print'
    ).stdout
    result['unconfigured'] = tool(host, 'unconfigure')
    result['finally'] = outside(host)
    result['bobs'] = host.read(BOBS)
    host.run(f'rm -rf /home/alice/.links /home/alice/.docker {STATE}')
    return result


def test_nothing_outside_is_touched(attacked):
    assert attacked['after'] == attacked['before']
    # Bob's file was changed and put back, so that it is another inode by now.
    assert [line for line in attacked['finally'] if BOBS not in line] == [
        line for line in attacked['before'] if BOBS not in line
    ]
    assert attacked['bobs'] == LOGIN % SECRETS["bob's login"]
    assert attacked['hers'] == ''


def test_nothing_is_told(attacked):
    assert_no_secret_in(attacked['output'])


def test_an_honest_run_afterwards(attacked):
    assert attacked['honest'].returncode == 0, attacked['honest'].stderr
    assert attacked['doctor'].stdout.startswith('ok: ')
    assert attacked['unconfigured'].returncode == 0


def test_some_runs_are_done_and_none_holds_up_the_host(attacked, capsys):
    with capsys.disabled():
        for end in attacked['ends']:
            rounds, seconds = sum(end['ends'].values()), end['seconds']
            print(f'\n  {rounds} rounds in {seconds} s: {end["ends"]}', end=' ')
    assert attacked['tricks'] > TRICKS
    ends = [end['ends'] for end in attacked['ends']]
    assert sum(map(sum, (end.values() for end in ends))) >= 1000
    assert all(end['0 done'] > 10 for end in ends)
    names = {name.partition(' ')[2] for end in ends for name in end}
    assert not names & {'recovery-incomplete', 'locked', 'state-unusable'}


def test_no_attack_is_a_bug_to_us(attacked):
    names = {name for end in attacked['ends'] for name in end['ends']}
    assert {name for name in names if 'bug' in name} == set()


# An unfinished run, and a user who does not want it to be taken back


def assert_not_held_up(host):
    done = tool(host, 'configure', '--insecure-registry', 'other.lab:1')
    assert done.returncode == 0, done.stderr
    assert tool(host, 'doctor', '--only', 'unfinished-run').returncode == 0


def test_a_link_of_hers_that_leads_elsewhere_since(host):
    alice(host, 'mkdir one two; ln -s one ~/.docker; echo {} >one/config.json')
    alice(host, 'cp one/config.json two')
    unfinished(host, 'configure', *ALICE)
    alice(host, 'ln -sfn two ~/.docker')
    assert_not_held_up(host)


def test_a_null_of_hers_where_an_object_was(host):
    tool(host, 'configure', *ALICE, check=True)
    unfinished(host, 'unconfigure')
    alice(host, f'mkdir -p ~/.docker; echo \'{{"proxies": null}}\' >{CONFIG_JSON}')
    assert_not_held_up(host)


def test_a_disk_that_she_has_filled(host):
    """A home on a file system of its own, as homes are where there are many."""
    host.run(
        'mkdir /home/alice/.docker && mount -t tmpfs -o size=64k,uid=1000,gid=1000 '
        'tmpfs /home/alice/.docker'
    )
    alice(host, f'echo {{}} >{CONFIG_JSON}')
    unfinished(host, 'configure', *ALICE)
    alice(host, 'cat /dev/zero >~/.docker/big || true')
    assert_not_held_up(host)


def test_a_change_on_approval_goes_back_whatever_she_does(host):
    # Long enough for her to come first on a machine that others use too.
    words = (*ALICE, '--mirror', MIRROR, '--confirm-within', '8')
    tool(host, 'configure', *words, check=True)
    alice(host, f'rm {CONFIG_JSON}; mkdir {CONFIG_JSON}')
    wait_until(host, f'test ! -e {STATE}/pending.json')
    assert_not_held_up(host)
    assert host.mirrors() == []


def test_unconfigure_withdraws_from_all_others(host):
    tool(host, 'configure', *ALICE, '--user', 'bob', '--mirror', MIRROR, check=True)
    alice(host, f'rm {CONFIG_JSON}; mkfifo {CONFIG_JSON}')
    done = tool(host, 'unconfigure', '--no-probe')
    assert CONFIG_JSON in done.stdout + done.stderr
    assert host.mirrors() == []
    assert host.read(BOBS) == LOGIN % SECRETS["bob's login"]


# What root is told, and told to do


def test_undo_shows_no_secret_of_a_torn_file(host):
    alice(host, 'mkdir ~/.docker')
    content = LOGIN % SECRETS["alice's own login"]
    host.write(CONFIG_JSON, content, mode='600', owner='alice:alice')
    tool(host, 'configure', *ALICE, check=True)
    torn = content[: content.index('"\n\t\t}')]
    host.write(CONFIG_JSON, torn, mode='600', owner='alice:alice')
    done = tool(host, 'undo')
    assert done.returncode == 1
    assert CONFIG_JSON in done.stderr
    assert_no_secret_in(done.stdout + done.stderr)


@pytest.mark.parametrize(
    ('content', 'words'),
    (
        pytest.param(
            '{"a": [1,\x1b]0;title\x07 ]', ('undo',), id='escape-in-what-is-not-json'
        ),
        pytest.param(
            '{"proxies": {"default": {"noProxy": "\x9b2Jfake\u202e"}}}',
            ('configure', *ALICE, '--diff', '--check'),
            id='c1-and-bidi-in-json',
        ),
    ),
)
def test_no_file_of_hers_commands_roots_terminal(host, content, words):
    tool(host, 'configure', *ALICE, check=True)
    host.write(CONFIG_JSON, content, mode='600', owner='alice:alice')
    spawn = 'import pty, sys; pty.spawn(sys.argv[1:])'
    env = {'NO_COLOR': '1', 'TERM': 'xterm'}
    command = ['python3', '-c', spawn, 'registry-host', *words]
    shown = host.run(command, env=env, check=False).stdout
    assert CONFIG_JSON in shown
    assert [char for char in shown if char in '\x1b\x07\x9b\u202e'] == []


def test_no_remedy_lends_root_to_a_link_of_hers(host):
    """She looks what root is told to run, and swaps her file before it is run."""
    alice(host, 'mkdir ~/.docker')
    host.write(CONFIG_JSON, LOGIN % 'YTpsb2dpbg==', mode='644', owner='alice:alice')
    tool(host, 'configure', *ALICE, check=True)
    before = outside(host)
    host.run(['chown', 'bob:', CONFIG_JSON])
    told = envelope(tool(host, 'doctor', '--format=json').stdout)
    alice(host, f'mv ~/.docker ~/old; mkdir ~/.docker; ln -s /etc/passwd {CONFIG_JSON}')
    remedies = [r for finding in told['findings'] for r in texts(finding)]
    assert any(f'chmod 600 {CONFIG_JSON}' in remedy for remedy in remedies)
    for remedy in remedies:
        if remedy.startswith(('chmod ', 'chown ', 'runuser -u alice ')):
            host.run(remedy, check=False)
    assert outside(host) == before


def test_a_report_ends_soon_with_any_file_of_hers(host):
    """Of lines that are alike, so that a diff compares each with very many."""
    make = (
        'import random\n'
        'words = [f"{n:03}" for n in range(110)]\n'
        'lines = (f\'"{random.choice(words)}",\\n\' for _ in range(400_000))\n'
        'print(\'{"x": [\' + "".join(lines) + \'0]}\')\n'
    )
    alice(host, 'mkdir ~/.docker')
    host.write(CONFIG_JSON, host.run(['python3', '-c', make]).stdout)
    host.run(['chown', 'alice:', CONFIG_JSON])
    began = time.monotonic()
    words = ['registry-host', 'configure', *ALICE, '--format=json']
    host.run(['timeout', '20', *words], check=False)
    assert time.monotonic() - began < 15


# Whose program, whose process, whose folder


def test_a_setuid_program_by_the_name_of_dockerd_is_no_engine(host):
    host.run('systemctl stop docker')
    start(host, 'python3', '/srv/dockerd.py', '/etc/nologin')
    wait_until(host, 'test -e /home/alice/engine.sock && pgrep -x dockerd >/dev/null')
    assert host.run('stat -c %U /proc/$(pgrep -x dockerd)').stdout == 'root\n'
    before = outside(host)
    tool(host, 'configure', '--mirror', MIRROR, '--no-probe')
    added = set(outside(host)) - set(before)
    host.run('rm -f /etc/nologin')
    assert not [line for line in added if 'nologin' in line]


def test_a_child_that_is_killed_amid_its_answer_is_no_bug(host):
    """The answer is larger than a pipe, so most of its life a child writes it."""
    alice(host, 'mkdir ~/.docker')
    write = 'import sys; open(sys.argv[1], "wb").write(bytes(4 << 20))'
    host.run(['python3', '-c', write, CONFIG_JSON], user='alice')
    attacker = start(host, 'python3', '/srv/attacker.py', 'late')
    shown = host.run('python3 /srv/driver.py 60 alice 2>&1').stdout
    stop(host, attacker)
    ends = json.loads(shown.splitlines()[-1])['ends']
    assert {name for name in ends if 'bug' in name} == set()


def test_a_child_that_cannot_be_killed_holds_nothing_of_roots(host):
    """A read that her own file system never answers; `cat` waits for the end of us."""
    host.run('mkdir /home/alice/.docker')
    start(
        host,
        'python3',
        '/srv/fuse.py',
        '/home/alice/.docker',
        '1000',
        '20',
        user='root',
    )
    wait_until(host, 'grep -q "alice/.docker fuse" /proc/mounts')
    began = time.monotonic()
    shown = host.run('python3 /srv/driver.py 1 alice 2>&1 | cat').stdout
    assert json.loads(shown.splitlines()[-1])['ends'] == {'2': 1}
    assert time.monotonic() - began < 10


def test_a_child_that_died_is_said_to_have_died(host):
    """Not "cannot be read as alice (None)"."""
    alice(host, 'mkdir ~/.docker')
    write = 'import sys; open(sys.argv[1], "wb").write(bytes(4 << 20))'
    host.run(['python3', '-c', write, CONFIG_JSON], user='alice')
    attacker = start(host, 'python3', '/srv/attacker.py', 'late')
    shown = host.run('python3 /srv/driver.py 40 alice 2>&1').stdout
    stop(host, attacker)
    assert '(None)' not in shown
