"""Several writers at once: our own runs, docker logins, and a lock with its holder."""

from __future__ import annotations

import itertools
import json

from places import CONFIG_JSON, DAEMON_JSON

ROUNDS = 20
# Each writes an area of its own: what one run loses of another's shows at once.
RUNS = (
    '--no-probe --mirror http://m{0}.lab',
    '--insecure-registry r{0}.lab:1',
    '--user alice --proxy-for=client --http-proxy http://alice{0}.lab:1',
    '--user alice --proxy-for=client --https-proxy http://alice{0}.lab:2',
    '--user alice --proxy-for=client --no-proxy .alice{0}.lab',
    '--user bob --proxy-for=client --http-proxy http://bob{0}.lab:1',
    '--user bob --proxy-for=client --https-proxy http://bob{0}.lab:2',
    '--user bob --proxy-for=client --no-proxy .bob{0}.lab',
)


# Runs of the command as forks of one process: a start of Python and its imports take
# longer than a run, and keep the runs apart.
FORKS = """
import os, shlex, sys
sys.path[0] = '/opt/registry-host'
import registry_host.commands.configure, registry_host.transaction.apply
import registry_host.registry.insecure_probe, psutil
from registry_host.cli import main
pids = []
for number, line in enumerate(sys.argv[1:]):
    pids.append(os.fork())
    if pids[-1] == 0:
        out = os.open(f'/run/out.{number}', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = 70
        try:
            main(shlex.split(line))
        except SystemExit as end:
            code = end.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
for pid in pids:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def runs_at_once(host, lines):
    """Run registry-host side by side with each line of words; the exit codes."""
    done = host.run(['python3', '-c', FORKS, *lines], timeout_s=300)
    return [int(line) for line in done.stdout.split()]


def at_once(host, commands):
    """Run shell commands side by side; their exit codes, in order."""
    script = ''.join(f'({command}) >/run/out.{n} 2>&1 & p{n}=$!\n'
                     for n, command in enumerate(commands))  # fmt: skip
    script += ''.join(f'wait $p{n}; echo $?\n' for n in range(len(commands)))
    return [int(line) for line in host.run(script, timeout_s=300).stdout.split()]


def document(host, path):
    return json.loads(host.read(path))


def proxies(host, user):
    path = f'/home/{user}/.docker/config.json'
    return document(host, path)['proxies']['default']


def test_eight_runs_at_once_lose_nothing(newest):
    newest.run('useradd --create-home bob')
    newest.write(DAEMON_JSON, '{"labels": ["a=b"], "registry-mirrors": ["https://t"]}')
    newest.restart_engine()
    for number in range(ROUNDS):
        lines = [f'configure --lock-timeout 100 {w.format(number)}' for w in RUNS]
        codes = runs_at_once(newest, lines)
        assert codes == [0] * len(RUNS), newest.run('cat /run/out.*').stdout
        # Lists are added to; a proxy is replaced.
        numbers = range(number + 1)
        mirrors = [f'http://m{n}.lab' for n in numbers] + ['https://t']
        insecure = {f'r{n}.lab:1' for n in numbers}
        found = document(newest, DAEMON_JSON)
        assert set(found.pop('insecure-registries')) == insecure
        assert found == {'labels': ['a=b'], 'registry-mirrors': mirrors}
        for user in ('alice', 'bob'):
            found = proxies(newest, user)
            no_proxy = {f'.{user}{n}.lab' for n in numbers}
            assert set(found.pop('noProxy').split(',')) == no_proxy
            assert found == {
                'httpProxy': f'http://{user}{number}.lab:1',
                'httpsProxy': f'http://{user}{number}.lab:2',
            }
        assert newest.mirrors() == [f'{mirror}/' for mirror in mirrors]
        assert newest.insecure() >= insecure
    left = newest.run('ls -A /var/lib/registry-host').stdout.split()
    # None of them was proved: --no-probe.
    assert sorted(left) == ['checkpoints', 'ledger.json', 'unproved.json']
    assert newest.run('registry-host doctor --only unfinished-run').returncode == 0


def test_a_run_that_waits_too_long_says_so(newest):
    newest.run('mkdir -p -m 700 /var/lib/registry-host')
    hold = 'flock /var/lib/registry-host sleep 3'
    words = 'registry-host configure --no-probe --mirror http://m.lab --lock-timeout'
    codes = at_once(newest, [hold, f'sleep 0.5; {words} 0.2', f'sleep 0.5; {words} 20'])
    assert codes == [0, 75, 0]
    assert newest.read('/run/out.1') == (
        'error: /var/lib/registry-host: another run is changing this host; '
        'nothing was written\n'
        f'hint:  {words} 0.2 --lock-timeout 600\n'
    )


def test_a_lock_ends_with_its_holder(newest):
    """SIGKILL, while a child works as the user: the next run is not held up."""
    newest.run('mkfifo /home/alice/hold; chown alice: /home/alice/hold')
    script = (
        'import os, signal, sys, threading; sys.path.insert(0, "/opt/registry-host");'
        'from registry_host.host.host import Host; host = Host();'
        'alice = host.find_user(name="alice");'
        'threading.Timer(1, os.kill, (os.getpid(), signal.SIGKILL)).start();'
        'lock = host.lock(); lock.__enter__();'
        'host._as(alice, lambda: open("/home/alice/hold").read())'
    )
    done = newest.run(['python3', '-c', script], check=False)
    assert done.returncode in (-9, 137)
    # The child is told of the end by the kernel, and takes a moment.
    gone = 'for i in $(seq 50); do pgrep -u alice python3 || exit 0; sleep 0.1; done'
    assert newest.run(f'({gone}; exit 1) >/dev/null', check=False).returncode == 0
    words = 'configure --no-probe --mirror http://m.lab --lock-timeout 0'
    newest.run(f'registry-host {words}')


# docker login, which knows nothing of our lock

LOGIN = 'docker login --username u --password-stdin registry.lab:5002'


def logged_in(host):
    return set(document(host, CONFIG_JSON).get('auths', {}))


def test_login_and_configure_lose_nothing_of_each_other(host):
    host.run('registry-host configure --insecure-registry registry.lab:5002')
    host.run('install -d -o alice -g alice -m 700 /home/alice/.docker')
    pauses = itertools.cycle(('0', '0.05', '0.1', '0.15', '0.2', '0.3'))
    for number in range(ROUNDS):
        host.run(f'rm -rf {CONFIG_JSON}')
        host.write(
            CONFIG_JSON, '{"auths": {"other.lab": {}}}', mode='600', owner='alice'
        )
        proxy = f'http://p{number}.lab:1'
        become = (
            'setpriv --reuid=alice --regid=alice --init-groups env HOME=/home/alice'
        )
        login = f'echo secret | {become} {LOGIN}'
        ours = (
            'registry-host configure --user alice --proxy-for=client '
            f'--http-proxy {proxy}'
        )
        codes = at_once(host, [login, f'sleep {next(pauses)}; {ours}'])
        assert codes == [0, 0], host.run('cat /run/out.*').stdout
        assert logged_in(host) == {'other.lab', 'registry.lab:5002'}
        assert proxies(host, 'alice') == {'httpProxy': proxy}
        assert host.run(['stat', '-c', '%U %a', CONFIG_JSON]).stdout == 'alice 600\n'


def test_a_login_that_waits_for_its_password(newest):
    """It has read the file before us, and writes it after: ours is put in again."""
    newest.run('registry-host configure --insecure-registry registry.lab:5002')
    newest.run('install -d -o alice -g alice -m 700 /home/alice/.docker')
    newest.write(CONFIG_JSON, '{"auths": {}}', mode='600', owner='alice')
    become = 'setpriv --reuid=alice --regid=alice --init-groups env HOME=/home/alice'
    ours = 'registry-host configure --user alice --proxy-for=client --http-proxy http://p.lab:1'
    slow = f'(sleep 2; echo secret) | {become} {LOGIN}'
    codes = at_once(newest, [slow, f'sleep 0.5; {ours}'])
    assert codes == [0, 0], newest.run('cat /run/out.*').stdout
    assert logged_in(newest) == {'registry.lab:5002'}
    assert proxies(newest, 'alice') == {'httpProxy': 'http://p.lab:1'}

    # One that takes too long is told of; it writes last, and the next run mends.
    slow = f'(sleep 9; echo secret) | {become} {LOGIN}'
    ours = ours.replace('p.lab', 'q.lab')
    codes = at_once(newest, [slow, f'sleep 0.5; {ours}'])
    assert codes == [0, 0], newest.run('cat /run/out.*').stdout
    told = newest.read('/run/out.1')
    assert 'warning: a docker login of alice is under way' in told
    newest.run(ours)
    assert proxies(newest, 'alice') == {'httpProxy': 'http://q.lab:1'}
