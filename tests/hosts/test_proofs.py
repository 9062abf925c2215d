"""A host that could pull still can, and what is said of one that cannot."""

from __future__ import annotations

import pytest
from envelope import envelope, is_live
from places import DAEMON_JSON

MIRROR = 'http://registry.lab:5000'
# In words, for the command has a password.
AROUND = 'run the same command with --no-proxy registry.lab, or '
HELLO = 'library/hello-world:latest'
CONFIGURE = ('registry-host', 'configure')
PROXIES = {'silent': 3129, 'login': 3130, 'refuses': 3131, 'nobody': 3999}


@pytest.fixture(scope='session')
def proxies(lab):
    """Proxies that are of no use, each in its own way."""
    for mode, port in PROXIES.items():
        if mode != 'nobody':
            lab.start_proxy(mode, port)
    return {
        mode: f'http://u:hunter2@10.99.0.1:{port}' for mode, port in PROXIES.items()
    }


@pytest.fixture(scope='session')
def empty(lab):
    """A registry to push to, which has nothing."""
    return f'http://{lab.start_registry("empty", 5010).endpoint}'


@pytest.fixture(params=('trixie', 'forky'), ids=('26.1-trixie', '28.5-forky'))
def modern(lab, request):
    booted = lab.host(request.param)
    yield booted
    booted.close()


def ran(host, *words, code=0):
    done = host.run([*words, '--format=json'], check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert 'hunter2' not in done.stdout + done.stderr
    return envelope(done.stdout)


def found(report, check):
    of_check = [f for f in report['findings'] if f['check'] == check]
    return [(f['severity'], f['message']) for f in of_check]


def can_pull(host, image='hello'):
    return host.run(['docker', 'pull', image], check=False).returncode == 0


def with_mirror(host):
    report = ran(host, *CONFIGURE, '--mirror', MIRROR)
    ((severity, message),) = found(report, 'pulls')
    assert severity == 'ok'
    assert message.startswith(f'Docker resolves {HELLO}, as for a pull: sha256:')
    return report


def test_a_mirror_is_proved_by_the_engine_itself(host):
    with_mirror(host)
    again = ran(host, *CONFIGURE, '--mirror', MIRROR)
    assert (again['changed'], again['findings']) == (False, [])
    assert can_pull(host)


def test_what_a_host_has_pulled_is_asked_for(host):
    with_mirror(host)
    assert can_pull(host)
    report = ran(host, *CONFIGURE, '--insecure-registry', 'registry.lab:5002')
    ((severity, message),) = found(report, 'pulls')
    assert (severity, 'library/hello:latest' in message) == ('ok', True)


def test_a_mirror_without_the_image_is_told_of(host, empty):
    report = ran(host, *CONFIGURE, '--mirror', empty)
    ((severity, message),) = found(report, 'mirror-content')
    assert severity == 'warning'
    assert message.startswith(f'{empty}: answers, but does not have {HELLO} (404): ')
    ((severity, message),) = found(report, 'pulls')
    assert severity in ('skipped', 'warning')
    doctor = ran(host, 'registry-host', 'doctor')
    assert ('warning', True) in [
        (severity, HELLO in message)
        for severity, message in found(doctor, 'mirror-content')
    ]


NO_USE = (
    ('nobody', 'proxy-unreachable', '(Connection refused)', ''),
    ('login', 'proxy-login', 'demands a login', ''),
    ('refuses', 'proxy-unreachable', 'answers 503', AROUND),
    ('silent', 'mirror-unreachable', 'by way of the proxy', AROUND),
)


def test_proxies_that_are_no_use_are_named(modern, proxies):
    """Before anything is written; the mirror is not blamed for its proxy."""
    with_mirror(modern)
    before = modern.read(DAEMON_JSON)
    for mode, code, words, hint in NO_USE:
        flags = ('--http-proxy', proxies[mode], '--proxy-for=engine')
        report = ran(modern, *CONFIGURE, *flags, code=1)
        errors = {error['code']: error for error in report['errors']}
        error = errors[code]
        place = f'10.99.0.1:{PROXIES[mode]}'
        assert words in error['message'], mode
        assert f'http://xxxxx:xxxxx@{place}' in error['message'], mode
        assert hint in (error['hint'] or error['message']), mode
        assert 'getent' not in error['hint'], mode
        assert 'run the same command with ' in error['message'], mode
        now = modern.read(DAEMON_JSON), report['changed']
        assert now == (before, False), mode
        assert can_pull(modern), mode


def test_a_proxy_of_the_unit_is_named_too(host):
    """The engine goes by its proxy, whatever this process has or has not."""
    host.drop_in('Environment=HTTP_PROXY=http://10.99.0.1:3999')
    host.restart_engine()
    report = ran(host, *CONFIGURE, '--mirror', MIRROR, code=1)
    (error,) = report['errors']
    assert error['code'] == 'proxy-unreachable'
    assert 'the proxy http://10.99.0.1:3999' in error['message']


def test_a_proxy_that_works_is_gone_by(modern, lab):
    proxy = ('--http-proxy', 'http://u:hunter2@proxy.lab:3128', '--proxy-for=engine')
    asked = lab.proxy_log.read_text().count(f'GET {MIRROR}')
    report = ran(modern, *CONFIGURE, '--mirror', MIRROR, *proxy)
    assert found(report, 'pulls')[0][0] == 'ok'
    assert lab.proxy_log.read_text().count(f'GET {MIRROR}') > asked


def test_a_run_that_breaks_pulls_is_rolled_back(host):
    """The only way that there is to the image is withdrawn."""
    with_mirror(host)
    before = host.read(DAEMON_JSON)
    report = ran(host, 'registry-host', 'unconfigure', 'mirrors', code=1)
    (error,) = report['errors']
    assert error['code'] == 'pull-failed'
    assert error['message'].startswith(
        f'Docker: could pull {HELLO} before, and cannot with this change: '
    )
    assert 'the old file is back; the engine is as it was' in error['message']
    assert host.read(DAEMON_JSON) == before
    assert can_pull(host)
    ran(host, 'registry-host', 'unconfigure', 'mirrors', '--no-probe')
    assert host.mirrors() == []


def test_no_image_is_asked_for_if_none_is_wanted(newest):
    report = ran(newest, *CONFIGURE, '--mirror', MIRROR, '--probe-image', '')
    assert report['findings'] == []
    words = ('--mirror', MIRROR, '--probe-image', 'quay.io/x/y')
    report = ran(newest, *CONFIGURE, *words, code=2)
    assert report['errors'][0]['code'] == 'probe-image'


def test_what_no_file_names_any_more_is_told_by_doctor(host):
    with_mirror(host)
    host.run(['rm', DAEMON_JSON])
    ((severity, message),) = found(ran(host, 'registry-host', 'doctor'), 'live-lists')
    assert severity == 'warning'
    assert 'neither a file nor a flag names' in message
    assert MIRROR in message
    reloaded = ran(host, 'registry-host', 'reload')
    assert not is_live(reloaded)
    assert found(reloaded, 'live-unnamed') == [
        (
            'warning',
            'the engine uses registry-mirrors that neither a file nor a flag names, '
            'until its next restart',
        )
    ]
    host.restart_engine()
    assert is_live(ran(host, 'registry-host', 'reload'))
