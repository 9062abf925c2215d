"""A host without a way to Docker Hub, made to pull step by step."""

from __future__ import annotations

import json

from owners import SITE
from places import RESOLV_CONF

MIRROR = 'http://registry.lab:5000'
PUSH = 'registry.lab:5002'
CONFIGURE = ('registry-host', 'configure')


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def found(report, check):
    return [f['severity'] for f in report['findings'] if f['check'] == check]


def made_to_pull(host):
    """Each step is done, and none is called a proof that is none."""
    report = ran(host, *CONFIGURE, '--nameserver', '10.99.0.1')
    assert found(report, 'nameserver-hub') == ['warning']
    assert found(report, 'pulls') == ['warning']
    assert found(ran(host, *CONFIGURE, '--mirror', MIRROR), 'pulls') == ['ok']
    report = ran(host, *CONFIGURE, '--insecure-registry', PUSH)
    assert found(report, 'pulls') == ['ok']
    assert 'Downloaded newer image' in host.run(['docker', 'pull', 'hello']).stdout
    again = ran(host, *CONFIGURE, '--insecure-registry', PUSH)
    assert (again['changed'], again['findings']) == (False, [])
    doctor = ran(host, 'registry-host', 'doctor')
    return [f['message'] for f in doctor['findings'] if f['severity'] == 'warning']


def test_nameserver_then_mirror_then_insecure_registry(host):
    host.write(RESOLV_CONF, '')
    assert made_to_pull(host) == []


def test_a_mirror_right_after_its_nameserver(host):
    """An engine looks at resolv.conf once in five seconds, and is given the time."""
    host.write(RESOLV_CONF, f'nameserver {SITE}\n')
    host.restart_engine()
    host.run(['docker', 'pull', 'registry.lab:5000/x'], check=False)
    ran(host, *CONFIGURE, '--nameserver', '10.99.0.1', '--no-probe')
    host.run(['docker', 'pull', 'registry.lab:5000/x'], check=False)
    report = ran(host, *CONFIGURE, '--mirror', MIRROR)
    assert found(report, 'pulls') == ['ok']


def test_all_in_one_run(newest):
    """The nameserver before it does not know the registry, which is not its fault."""
    newest.write(RESOLV_CONF, f'nameserver {SITE}\n')
    words = ('--nameserver', '10.99.0.1', '--mirror', MIRROR)
    report = ran(newest, *CONFIGURE, *words, '--insecure-registry', PUSH)
    assert found(report, 'insecure-unreachable') == ['skipped']
    assert found(report, 'pulls') == ['ok']


def test_beside_a_nameserver_that_is_gone(newest):
    newest.write(RESOLV_CONF, 'nameserver 10.99.0.254\n')
    (message,) = made_to_pull(newest)
    assert 'nameserver 10.99.0.254' in message


def test_a_nameserver_that_does_not_answer_is_not_written(newest):
    newest.write(RESOLV_CONF, '')
    report = ran(newest, *CONFIGURE, '--nameserver', '10.99.0.254', code=1)
    assert [error['code'] for error in report['errors']] == ['nameserver-dead']
    assert newest.read(RESOLV_CONF) == ''
