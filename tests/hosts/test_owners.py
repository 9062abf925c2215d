"""Nameservers set through whoever keeps them, on a booted host of each owner."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from envelope import envelope
from lab import GATEWAY, Lab, OwnerHost
from owners import OWNERS, SITE_ALONE, SITE_NAME
from places import RESOLV_CONF
from services import wait_for

MIRROR = 'http://registry.lab:5000'
# As doctor names them: owner, and its mode in brackets.
TOLD = {
    'resolved-stub': 'resolved (stub)',
    'resolved-uplink': 'resolved (uplink)',
    'network-manager': 'network-manager (default)',
    'network-manager-resolved': 'resolved (stub)',
    'resolvconf': 'resolvconf',
    'openresolv': 'openresolv',
    'dhclient': 'dhclient',
    'dhcpcd': 'dhcpcd',
    'static': 'static',
    'immutable': 'immutable',
    'bind-mounted': 'container',
}
REFUSED = ('immutable', 'bind-mounted')
RESTART = {
    'resolved-stub': 'systemctl restart systemd-resolved',
    'resolved-uplink': 'systemctl restart systemd-resolved',
    'network-manager': 'systemctl restart NetworkManager',
    'network-manager-resolved': 'systemctl restart NetworkManager systemd-resolved',
    'resolvconf': 'systemctl restart resolvconf; resolvconf -u',
    'openresolv': 'resolvconf -u',
    'dhclient': 'ifdown host0; ifup host0',
    'dhcpcd': 'systemctl restart dhcpcd',
    'static': 'true',
}
# All that the host may have of ours, or that we may have taken from it.
ALL = (
    'cd /etc; cat resolv.conf; ls systemd; stat -c "%A %u %g %s %N" resolv.conf* '
    'systemd/resolved.conf.d/* NetworkManager/conf.d/* dhcp/dhclient-enter-hooks.d/* '
    'resolvconf/resolv.conf.d/*; '
    'cat resolvconf.conf dhcpcd.conf resolvconf/resolv.conf.d/*; true'
)


@pytest.fixture(params=[name for name in OWNERS if name not in REFUSED])
def owned(lab: Lab, request: pytest.FixtureRequest) -> Iterator[OwnerHost]:
    booted = lab.host(request.param)
    yield booted
    booted.close()


@pytest.fixture(params=REFUSED)
def refused(lab: Lab, request: pytest.FixtureRequest) -> Iterator[OwnerHost]:
    booted = lab.host(request.param)
    yield booted
    booted.close()


def tool(host, *words, check=True):
    return host.run(['registry-host', *words], check=check)


def findings(host, check):
    done = tool(host, 'doctor', '--only', check, '--format=json', check=False)
    return envelope(done.stdout)['findings']


def seen(host):
    return host.run(ALL).stdout


def assert_seen(host, expected):
    """A DNS manager may write the file a moment after it was told, and not at once."""
    with contextlib.suppress(TimeoutError):
        wait_for('the file', lambda: seen(host) == expected, timeout_s=10)
    assert seen(host) == expected


def comes_to_know(host, name):
    """Whether the host finds a name; for a moment it may not, after a new lease."""
    with contextlib.suppress(TimeoutError):
        wait_for(name, lambda: host.knows(name), timeout_s=10)
        return True
    return False


def pulls(host):
    done = host.run('docker rmi -f hello; docker pull -q hello', check=False)
    return 'docker.io/library/hello:latest' in done.stdout.splitlines()


def test_through_the_owner_and_back(owned):
    """As doctor says; over a restart of the owner, a lease, a reboot; and undone."""
    tool(owned, 'configure', '--no-probe', '--mirror', MIRROR)
    (finding,) = findings(owned, 'nameserver-owner')
    assert finding['message'].startswith(
        f'{RESOLV_CONF}: {TOLD[owned.owner.name]}: /etc/resolv.conf is a '
    )
    assert finding['severity'] == 'ok'
    assert not pulls(owned)
    error, told = findings(owned, 'mirror-resolves')
    assert error['message'].endswith('does not resolve registry.lab: NXDOMAIN')
    command = 'sudo registry-host configure --nameserver NAMESERVER'
    assert told['message'].endswith(f'registry.lab (NAMESERVER): {command}')
    assert told['remedy'] == []

    owned.start_container('bystander')
    before = seen(owned)
    done = owned.run(command.replace('NAMESERVER', GATEWAY))
    assert finding['message'] in done.stdout
    assert 'docker restart bystander\n' in done.stdout
    # At once, though the engine has asked the others a moment ago.
    assert pulls(owned)
    # A static program, which knows no nsswitch.conf; behind the bridge, where no server
    # of the host's loopback can be asked, and with the host's own view.
    for network in ('bridge', 'host'):
        shown = owned.in_container('nslookup', 'registry.lab', network=network)
        assert f'Address: {GATEWAY}\n' in shown.replace('Address 1: ', 'Address: ')
    assert 'error' not in {f['severity'] for f in findings(owned, 'mirror-resolves')}
    again = tool(owned, 'configure', '--nameserver', GATEWAY)
    assert again.stdout.startswith('nothing to do')

    owned.run(RESTART[owned.owner.name])
    if owned.owner.renew:
        owned.renew_lease()
    assert comes_to_know(owned, 'registry.lab')
    assert comes_to_know(owned, SITE_NAME)
    owned.cut_power()
    # A boot of the lab has ended when this name is known; ours may be asked first.
    owned.lab.add_name(SITE_NAME, GATEWAY)
    owned.boot()
    assert pulls(owned)

    owned.run('docker start bystander')
    done = tool(owned, 'undo', '--no-probe')
    assert_seen(owned, before)
    assert not owned.knows('registry.lab')
    assert tool(owned, 'undo', '--no-probe', check=False).returncode == 0


def test_where_it_cannot_be_done_the_steps_are_told(refused):
    name = refused.owner.name
    before = refused.run(f'ls -l {RESOLV_CONF}; cat {RESOLV_CONF}').stdout
    words = ('--mirror', MIRROR, '--nameserver', GATEWAY)
    done = tool(refused, 'configure', *words, check=False)
    assert done.returncode == 2
    told = f'error: {RESOLV_CONF}: is managed by {TOLD[name]}, which registry-host '
    assert told in done.stderr
    assert refused.run(f'ls -l {RESOLV_CONF}; cat {RESOLV_CONF}').stdout == before
    assert refused.run('test -e /etc/docker/daemon.json', check=False).returncode == 1
    if name == 'bind-mounted':
        assert done.stderr.endswith(
            f'; give {GATEWAY} to the container where that is started, as docker run '
            '--dns does; nothing was written\n'
        )
        return
    assert 'nothing was written\nhint:  ' in done.stderr
    tool(refused, 'configure', '--no-probe', '--mirror', MIRROR)
    refused.run(done.stderr.partition('hint:  ')[2])
    assert pulls(refused)
    # There is nothing to do, so there is nothing to refuse.
    assert tool(refused, 'configure', *words).stdout.startswith('nothing to do')


ASKED = 'cat /etc/resolv.conf /run/systemd/resolve/resolv.conf; true'


@pytest.mark.parametrize('name', ('static', 'resolved-stub', 'dhcpcd'))
def test_a_change_that_cuts_names_off_goes_back_by_itself(lab, name):
    host = lab.host(name)
    try:
        before = seen(host)
        words = ('--nameserver', '10.99.0.254', '--dns-exclusive')
        refused = tool(host, 'configure', *words, check=False)
        assert refused.returncode == 1
        assert 'no answer within 2 s' in refused.stderr
        assert_seen(host, before)
        tool(host, 'configure', *words, '--no-probe', '--confirm-within', '4')
        assert '10.99.0.254' in host.run(ASKED).stdout
        script = 'for i in $(seq 150); do test -e $0 || exit 0; sleep 0.1; done; exit 1'
        host.run(['sh', '-c', script, '/var/lib/registry-host/pending.json'])
        assert_seen(host, before)
        assert host.knows(SITE_NAME)
    finally:
        host.close()


KILL = 'kill -9 $(cat /run/run.pid)'
BOTH = f'registry-host configure --mirror {MIRROR} --nameserver {GATEWAY}'


def test_power_cut_while_the_owner_is_told(lab):
    """The files are written, and nobody has been told; the host boots with them."""
    host = lab.host('resolved-stub')
    try:
        before = seen(host)
        unit = '/run/systemd/system/systemd-resolved.service.d/test.conf'
        host.write(unit, f'[Service]\nExecStartPre=!/bin/sh -c "{KILL}"\n')
        host.run('systemctl daemon-reload')
        host.run(f"sh -c 'echo $$ >/run/run.pid; exec {BOTH}'", check=False)
        assert GATEWAY in seen(host) + host.run('cat /etc/systemd/*.d/90*').stdout
        host.cut_power()
        host.boot()
        assert host.knows('registry.lab')
        mended = tool(host, 'undo').stdout
        assert 'had not ended: the old file is back' in mended
        assert_seen(host, before)
        assert not host.knows('registry.lab')
        assert host.knows(SITE_NAME)
    finally:
        host.close()


def test_a_lease_between_a_killed_run_and_its_recovery(lab):
    """The client writes the file with our part in it; theirs stays, and ours goes."""
    host = lab.host('dhclient')
    try:
        before = seen(host)
        host.drop_in('ExecReload=', f'ExecReload=/bin/sh -c "{KILL}"')
        host.run(f"sh -c 'echo $$ >/run/run.pid; exec {BOTH}'", check=False)
        host.drop_in()
        host.renew_lease()
        host.run(f'echo "# theirs" >>{RESOLV_CONF}')
        assert comes_to_know(host, 'registry.lab')
        mended = tool(host, 'configure', '--insecure-registry', 'x.lab:1').stdout
        assert 'had not ended: the old file is back' in mended
        assert '# theirs\n' in host.read(RESOLV_CONF)
        host.run(f"sed -i '/# theirs/d' {RESOLV_CONF}")
        assert_seen(host, before)
    finally:
        host.close()


def test_an_owner_that_does_not_take_it_is_told_of_the_old_file(lab):
    """A later file of the administrator's counts more than ours."""
    host = lab.host('network-manager')
    try:
        other = '[global-dns-domain-*]\nservers=10.99.0.3\n'
        host.write('/etc/NetworkManager/conf.d/zz-corp.conf', other)
        host.run('nmcli general reload')
        before = seen(host)
        done = host.run(BOTH, check=False)
        assert done.returncode == 1
        assert (
            'NetworkManager was told, but has this host ask 10.99.0.3; the old file '
            'is back\n'
        ) in done.stderr
        assert_seen(host, before)
        assert host.mirrors() == []
    finally:
        host.close()


# What the host asks, and where it looks up short names, as programs see it.
USES = (
    'cat /run/systemd/resolve/resolv.conf /etc/resolv.conf 2>/dev/null; '
    'resolvectl domain 2>/dev/null; true'
)


# Where others are asked all the same, and how that is told.
NOT_ALONE = {
    'resolved-uplink': '10.99.0.3 is still asked after the managed nameservers, by ',
    'network-manager-resolved': 'names of site.example are still asked of the ',
    'resolvconf': '',
}


def test_search_domains_and_no_other_nameservers(owned):
    """Live, in the words of each owner; the lease's own domain stays."""
    name = owned.owner.name
    before = seen(owned)
    words = ['--nameserver', GATEWAY, '--dns-search', 'corp.example', '--no-probe']
    is_alone = name not in NOT_ALONE
    if name != 'resolvconf':
        words.append('--dns-exclusive')
    done = tool(owned, 'configure', *words)
    assert NOT_ALONE.get(name, '') in done.stdout
    shown = owned.run(USES).stdout
    assert 'corp.example' in shown
    assert ('site.example' in shown) == ('site.example' in before)
    assert owned.knows('registry.lab')
    assert owned.knows(SITE_ALONE) != is_alone
    if owned.owner.renew:
        owned.renew_lease()
        wait_for('domain', lambda: 'corp.example' in owned.run(USES).stdout)
        assert comes_to_know(owned, 'registry.lab')
        assert owned.knows(SITE_ALONE) != is_alone
    assert tool(owned, 'configure', *words).stdout.startswith('nothing to do')
    tool(owned, 'unconfigure')
    assert_seen(owned, before)
    assert owned.knows(SITE_ALONE)


def test_an_owner_that_was_stopped_since_is_not_started_by_an_undo(lab):
    host = lab.host('resolved-stub')
    try:
        words = ('configure', '--no-probe', '--nameserver')
        tool(host, *words, GATEWAY)
        tool(host, *words, '10.99.0.77', '--replace')
        host.run('systemctl disable --now systemd-resolved')
        done = tool(host, 'undo')
        assert 'updated /etc/systemd/resolved.conf.d/90-registry-host.conf' in (
            done.stdout
        )
        state = host.run('systemctl is-active systemd-resolved', check=False).stdout
        assert state == 'inactive\n'
        refused = tool(host, *words, GATEWAY, '--dns-search', 'a.example', check=False)
        assert refused.returncode == 2
        assert 'systemctl enable --now systemd-resolved' in refused.stderr
    finally:
        host.close()


def test_a_manager_that_cannot_be_told_of_the_old_file_holds_up_nothing(lab):
    """Told of new nameservers, it takes them; told of the old file, it fails."""
    host = lab.host('network-manager')
    try:
        before = seen(host)
        script = '#!/bin/sh\ntest ! -e /run/told || { echo boo >&2; exit 1; }\n'
        script += '>/run/told\nexec /usr/bin/nmcli "$@"\n'
        host.write('/usr/local/bin/nmcli', script, mode='755')
        words = ('--nameserver', GATEWAY, '--mirror', 'http://registry.lab:5000')
        host.drop_in('ExecReload=', 'ExecReload=false')
        done = tool(host, 'configure', *words, check=False)
        assert done.returncode == 1
        assert (
            'the old file is back; NetworkManager could not be told (nmcli general '
            'reload: boo), and may still use the nameservers of this run' in done.stderr
        )
        assert 'hint:  nmcli general reload\n' in done.stderr
        host.drop_in()
        later = tool(host, 'configure', '--insecure-registry', 'registry.lab:5002')
        assert 'warning: NetworkManager could not be told to read its files again' in (
            later.stdout
        )
        assert '  + insecure-registries  registry.lab:5002\n' in later.stdout
        host.run('rm /usr/local/bin/nmcli')
        told = tool(host, 'undo').stdout
        assert 'info: NetworkManager has read its files again' in told
        assert_seen(host, before)
        assert 'NetworkManager' not in tool(host, 'undo').stdout
    finally:
        host.close()


def test_a_hung_manager_holds_up_nothing(lab):
    host = lab.host('openresolv')
    try:
        before = seen(host)
        program = '/usr/local/sbin/resolvconf'
        script = '#!/bin/sh\ntest ! -e /run/hang || sleep 60\n'
        host.write(program, f'{script}exec /sbin/resolvconf "$@"\n', mode='755')
        host.run('touch /run/hang')
        nameserver = ('configure', '--no-probe', '--nameserver', GATEWAY)
        done = tool(host, *nameserver, check=False)
        assert done.returncode == 1
        assert (
            'resolvconf -u: no end within 10 s; the old file is back; ' in done.stderr
        )
        assert 'hint:  resolvconf -u\n' in done.stderr
        doctor = tool(host, 'doctor', '--only', 'unfinished-run', check=False).stdout
        assert 'could not be told to read its files again' in doctor
        # A run about something else goes on after a short try.
        words = ('configure', '--no-probe', '--insecure-registry', 'registry.lab:5002')
        began = time.monotonic()
        later = tool(host, *words)
        assert time.monotonic() - began < 10
        assert 'could not be told to read its files again (resolvconf -u: no end' in (
            later.stdout
        )
        assert tool(host, *words, '--check', check=False).returncode == 3
        undone = tool(host, 'undo')
        assert 'undid run' in undone.stdout
        host.run('rm /run/hang')
        told = tool(host, 'undo', check=False).stdout
        assert 'has read its files again, as it could not be told to before' in told
        assert_seen(host, before)
        # And the other way: what is withdrawn stays withdrawn.
        tool(host, *nameserver)
        host.run('touch /run/hang')
        gone = tool(host, 'unconfigure')
        assert 'could not be told to read its files again' in gone.stdout
        host.run('rm /run/hang')
        assert 'has read its files again' in tool(host, 'unconfigure').stdout
        assert_seen(host, before)
    finally:
        host.close()
