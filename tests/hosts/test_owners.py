"""What doctor tells of each host's nameservers, and that it holds if it is done."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from lab import GATEWAY, Lab, OwnerHost
from owners import OWNERS, SITE_NAME

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


@pytest.fixture(params=OWNERS)
def owned(lab: Lab, request: pytest.FixtureRequest) -> Iterator[OwnerHost]:
    booted = lab.host(request.param)
    yield booted
    booted.close()


def findings(host, check):
    done = host.run(f'registry-host doctor --only {check} --format=json', check=False)
    return json.loads(done.stdout)['findings']


def test_doctor_tells_the_owner_and_how_to_change_its_nameservers(owned):
    name = owned.owner.name
    (finding,) = findings(owned, 'nameserver-owner')
    assert finding['message'].startswith(f'/etc/resolv.conf: {TOLD[name]}: ')
    assert finding['severity'] == 'ok'

    owned.run(f'registry-host configure --no-probe --mirror {MIRROR}')
    assert not owned.knows('registry.lab')
    error, told = findings(owned, 'mirror-resolves')
    assert error['severity'] == 'error'
    assert error['message'].endswith('does not resolve registry.lab: NXDOMAIN')
    assert told['message'].startswith('to have this host ask a nameserver that knows')
    if name == 'bind-mounted':
        assert 'docker run --dns NAMESERVER' in told['remedy'][0]
        return
    for step in told['remedy']:
        owned.run(step.replace('NAMESERVER', GATEWAY))
    # Programs in Go look at the file again after five seconds (net/dnsclient_unix.go).
    pull = 'for i in $(seq 8); do docker pull -q hello && exit; sleep 1; done; exit 1'
    assert 'docker.io/library/hello' in owned.run(pull).stdout
    told = findings(owned, 'mirror-resolves')
    assert 'error' not in {finding['severity'] for finding in told}

    # A boot of the lab has ended when this name is known.
    owned.lab.add_name(SITE_NAME, GATEWAY)
    owned.cut_power()
    owned.boot()
    if owned.owner.renew:
        owned.renew_lease()
    assert owned.knows('registry.lab')
    (finding,) = findings(owned, 'nameserver-owner')
    assert finding['message'].startswith(f'/etc/resolv.conf: {TOLD[name]}: ')
