"""Nameservers of a file that is nobody's, and of those that are not."""

from __future__ import annotations

import json

import pytest
from envelope import service
from places import RESOLV_CONF

from registry_host.resolver.owner import Evidence, decide
from registry_host.resolver.steps import steps

THEIRS = '# by hand\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:2\n'


def configured(root, *words):
    ended = root.run('configure', *words)
    assert ended.code == 0, ended.err
    return ended


def test_ours_first_and_theirs_behind(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '9.9.9.9')
    assert root.read(RESOLV_CONF) == THEIRS.replace(
        'nameserver 192.0.2.1', 'nameserver 9.9.9.9\nnameserver 192.0.2.1'
    )
    configured(root, '--nameserver', '9.9.9.10')
    assert root.read(RESOLV_CONF) == THEIRS.replace(
        'nameserver 192.0.2.1',
        'nameserver 9.9.9.9\nnameserver 9.9.9.10\nnameserver 192.0.2.1',
    )
    configured(root, '--replace', '--nameserver', '9.9.9.10')
    assert '9.9.9.9\n' not in root.read(RESOLV_CONF)
    assert root.run('unconfigure', 'dns', 'nameservers').code == 0
    assert root.read(RESOLV_CONF) == THEIRS


def test_what_falls_off_is_told(root):
    root.write(RESOLV_CONF, THEIRS)
    ended = configured(root, '--nameserver', '9.9.9.9', '--nameserver', '2620:fe::fe')
    told = 'warning: the nameserver 192.0.2.2 is not asked any more\n'
    assert told in ended.out
    assert 'nameserver 192.0.2.2\n' in root.read(RESOLV_CONF)


def test_exclusive_and_back(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '192.0.2.2', '--dns-exclusive')
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 192.0.2.2\noptions ndots:2\n'
    )
    configured(root, '--nameserver', '9.9.9.9')
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 9.9.9.9\nnameserver 192.0.2.2\noptions ndots:2\n'
    )
    configured(root, '--no-dns-exclusive')
    assert root.read(RESOLV_CONF) == THEIRS.replace(
        'nameserver 192.0.2.1', 'nameserver 9.9.9.9\nnameserver 192.0.2.1'
    )
    configured(root, '--dns-exclusive')
    assert root.read(RESOLV_CONF) == '# by hand\nnameserver 9.9.9.9\noptions ndots:2\n'
    root.run('unconfigure')
    assert root.read(RESOLV_CONF) == THEIRS


def test_undo_keeps_the_lines_of_others_and_what_was_exclusive(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '9.9.9.9', '--dns-exclusive')
    configured(root, '--replace', '--nameserver', '9.9.9.10')
    root.write(RESOLV_CONF, root.read(RESOLV_CONF) + '# later\n')
    root.run('undo')
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 9.9.9.9\noptions ndots:2\n# later\n'
    )
    root.run('undo')
    assert root.read(RESOLV_CONF) == THEIRS + '# later\n'


def test_undo_to_a_line_of_theirs_that_was_exclusive(root):
    """What was asked stood there already, so that none of ours is to come back."""
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '192.0.2.2', '--dns-exclusive')
    configured(root, '--replace', '--nameserver', '9.9.9.9', '--dns-exclusive')
    root.write(RESOLV_CONF, root.read(RESOLV_CONF) + '# later\n')
    assert root.run('undo').code == 0
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 192.0.2.2\noptions ndots:2\n# later\n'
    )


@pytest.mark.parametrize('words', ((), ('--replace',), ('--dns-search', 'a.b')))
def test_nobody_left_to_ask(root, words):
    root.write(RESOLV_CONF, THEIRS)
    before = root.snapshot()
    ended = root.run('configure', '--dns-exclusive', *words, '--format=json')
    assert (ended.code, ended.codes) == (2, ['dns-exclusive-alone'])
    assert root.snapshot() == before


def test_nobody_left_to_ask_in_the_settings_file(root):
    root.write('/etc/registry-host/settings.toml', '[dns]\nexclusive = true\n')
    ended = root.run('configure')
    assert (ended.code, ended.err) == (
        2,
        'error: /etc/registry-host/settings.toml: dns.exclusive: leaves no nameserver '
        'to ask: none is named; name one by --nameserver, or as nameservers in the '
        'settings file; nothing was written\n',
    )


def test_settings_file(root):
    root.write(RESOLV_CONF, THEIRS)
    settings = {'dns': {'nameservers': ['9.9.9.9'], 'search': ['corp.example']}}
    root.write('/etc/registry-host/settings.json', json.dumps(settings))
    configured(root)
    assert 'search corp.example\n' in root.read(RESOLV_CONF)
    root.write('/etc/registry-host/settings.json', '{}')
    configured(root)
    assert root.read(RESOLV_CONF) == THEIRS


@pytest.mark.parametrize(
    ('words', 'code', 'hint'),
    (
        pytest.param(('9.9.9.9:53',), 'nameserver-address', '9.9.9.9', id='port'),
        pytest.param(('dns.example',), 'nameserver-address', '', id='name'),
        pytest.param(('::',), 'nameserver-address', '', id='nobody'),
        pytest.param(('1.1.1.1 ',), 'nameserver-address', '1.1.1.1', id='blank'),
        pytest.param(
            ('1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'),
            'nameserver-beyond',
            '',
            id='four',
        ),
    ),
)
def test_what_is_no_nameserver(root, words, code, hint):
    root.write(RESOLV_CONF, THEIRS)
    before = root.snapshot()
    flags = [flag for word in words for flag in ('--nameserver', word)]
    ended = root.run('configure', *flags, '--format=json')
    assert ended.code == 2
    (error,) = ended.json['errors']
    assert (error['code'], error['hint']) == (code, hint)
    assert root.snapshot() == before


def test_loopback_is_told(root):
    root.write(RESOLV_CONF, THEIRS)
    ended = configured(root, '--nameserver', '127.0.0.1')
    assert 'containers have no nameserver at this address' in ended.out


NOTE = '# By registry-host, which takes it out again: registry-host unconfigure\n'
STUB = '../run/systemd/resolve/stub-resolv.conf'
DROP_IN = '/etc/systemd/resolved.conf.d/90-registry-host.conf'


def resolved(root):
    root.write('/etc/x', '')
    (root.path / 'etc/resolv.conf').symlink_to(STUB)


def network_manager(root):
    root.write('/run/NetworkManager/resolv.conf', THEIRS)
    (root.path / 'etc').mkdir(exist_ok=True)
    (root.path / 'etc/resolv.conf').symlink_to('../run/NetworkManager/resolv.conf')


def debian_resolvconf(root):
    root.write('/sbin/resolvconf', '# This file is part of the resolvconf package.\n')
    root.write('/etc/resolvconf/resolv.conf.d/head', '# Dynamic\n')
    (root.path / 'etc/resolv.conf').symlink_to('../run/resolvconf/resolv.conf')


def openresolv(root):
    root.write('/sbin/resolvconf', '# openresolv\n')
    root.write('/etc/resolvconf.conf', 'resolv_conf=/etc/resolv.conf')
    root.write(RESOLV_CONF, '# Generated by resolvconf\nsearch a.example\n')


def dhcpcd(root):
    wants = '/etc/systemd/system/multi-user.target.wants/dhcpcd.service'
    root.write(wants, '')
    root.write('/etc/dhcpcd.conf', 'hostname\n')
    root.write(RESOLV_CONF, '# Generated by dhcpcd\nnameserver 192.0.2.1\n')


def dhclient(root):
    root.write('/var/lib/dhcp/dhclient.eth0.leases', 'lease {}\n')
    root.write('/etc/dhcp/dhclient-enter-hooks.d/debug', '')
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')


def netconfig(root):
    root.write('/sbin/netconfig', '')
    root.write('/etc/sysconfig/network/config', 'NETCONFIG_DNS_POLICY="auto"\n')
    root.write('/run/netconfig/resolv.conf', 'search a.example\n')
    (root.path / 'etc/resolv.conf').symlink_to('../run/netconfig/resolv.conf')


ADDITIVE = ('--nameserver', '9.9.9.9', '--nameserver', '9.9.9.10')
EXCLUSIVE = ('--nameserver', '9.9.9.9', '--dns-exclusive', '--dns-search', 'b.example')


@pytest.mark.parametrize(
    ('owner', 'words', 'path', 'expected'),
    (
        pytest.param(
            resolved,
            ADDITIVE,
            DROP_IN,
            f'{NOTE}[Resolve]\nDNS=\nDNS=9.9.9.9 9.9.9.10\n',
            id='resolved',
        ),
        pytest.param(
            resolved,
            EXCLUSIVE,
            DROP_IN,
            f'{NOTE}[Resolve]\nDNS=\nDNS=9.9.9.9\nDomains=b.example ~.\n',
            id='resolved-exclusive',
        ),
        pytest.param(
            network_manager,
            ADDITIVE,
            '/etc/NetworkManager/conf.d/90-registry-host.conf',
            f'{NOTE}[global-dns]\noptions=ndots:2\n[global-dns-domain-*]\n'
            'servers=9.9.9.9,9.9.9.10,192.0.2.1,192.0.2.2\n',
            id='network-manager',
        ),
        pytest.param(
            network_manager,
            EXCLUSIVE,
            '/etc/NetworkManager/conf.d/90-registry-host.conf',
            f'{NOTE}[global-dns]\nsearches=b.example\noptions=ndots:2\n'
            '[global-dns-domain-*]\nservers=9.9.9.9\n',
            id='network-manager-exclusive',
        ),
        pytest.param(
            debian_resolvconf,
            ADDITIVE,
            '/etc/resolvconf/resolv.conf.d/head',
            '# Dynamic\nnameserver 9.9.9.9\nnameserver 9.9.9.10\n',
            id='resolvconf',
        ),
        pytest.param(
            debian_resolvconf,
            ('--dns-search', 'b.example'),
            '/etc/resolvconf/resolv.conf.d/base',
            'search b.example\n',
            id='resolvconf-search',
        ),
        pytest.param(
            openresolv,
            ADDITIVE,
            '/etc/resolvconf.conf',
            f'resolv_conf=/etc/resolv.conf\n{NOTE}'
            'name_servers="9.9.9.9 9.9.9.10${name_servers:+ $name_servers}"',
            id='openresolv',
        ),
        pytest.param(
            openresolv,
            EXCLUSIVE,
            '/etc/resolvconf.conf',
            f'resolv_conf=/etc/resolv.conf\n{NOTE}name_servers="9.9.9.9"\n'
            'search_domains="b.example a.example${search_domains:+ $search_domains}"\n'
            'name_servers_append=\ndeny_interfaces="*"',
            id='openresolv-exclusive',
        ),
        pytest.param(
            netconfig,
            ('--nameserver', '9.9.9.9'),
            '/etc/sysconfig/network/config',
            f'NETCONFIG_DNS_POLICY="auto"\n{NOTE}NETCONFIG_DNS_STATIC_SERVERS="9.9.9.9'
            '${NETCONFIG_DNS_STATIC_SERVERS:+ $NETCONFIG_DNS_STATIC_SERVERS}"\n',
            id='netconfig',
        ),
        pytest.param(
            netconfig,
            EXCLUSIVE,
            '/etc/sysconfig/network/config',
            f'NETCONFIG_DNS_POLICY="auto"\n{NOTE}NETCONFIG_DNS_STATIC_SERVERS="9.9.9.9"'
            '\nNETCONFIG_DNS_STATIC_SEARCHLIST="b.example a.example'
            '${NETCONFIG_DNS_STATIC_SEARCHLIST:+ $NETCONFIG_DNS_STATIC_SEARCHLIST}"\n'
            'NETCONFIG_DNS_POLICY="STATIC"\n',
            id='netconfig-exclusive',
        ),
        pytest.param(
            dhcpcd,
            ADDITIVE,
            '/etc/resolv.conf.head',
            'nameserver 9.9.9.9\nnameserver 9.9.9.10\n',
            id='dhcpcd',
        ),
        pytest.param(
            dhcpcd,
            EXCLUSIVE,
            '/etc/dhcpcd.conf',
            f'{NOTE}static domain_name_servers=9.9.9.9\n'
            'static domain_search=b.example\nhostname\n',
            id='dhcpcd-exclusive',
        ),
        pytest.param(
            dhclient,
            ('--nameserver', '9.9.9.9'),
            '/etc/dhcp/dhclient-enter-hooks.d/90-registry-host',
            f'{NOTE}test -z "$new_domain_name_servers" || '
            'new_domain_name_servers="9.9.9.9 $new_domain_name_servers"\n'
            'test -z "$new_dhcp6_name_servers" || '
            'new_dhcp6_name_servers="9.9.9.9 $new_dhcp6_name_servers"\n',
            id='dhclient',
        ),
        pytest.param(
            dhclient,
            ('--nameserver', '9.9.9.9'),
            RESOLV_CONF,
            'nameserver 9.9.9.9\nnameserver 192.0.2.1\n',
            id='dhclient-now',
        ),
        pytest.param(
            dhclient,
            ('--dns-search', 'b.example'),
            '/etc/dhcp/dhclient-enter-hooks.d/90-registry-host',
            f'{NOTE}test -z '
            '"$new_domain_name$new_domain_search$new_domain_name_servers" || '
            'new_domain_search="b.example ${new_domain_search:-$new_domain_name}"\n'
            'test -z "$new_dhcp6_domain_search" || '
            'new_dhcp6_domain_search="b.example $new_dhcp6_domain_search"\n',
            id='dhclient-search',
        ),
    ),
)
def test_in_the_words_of_the_owner(root, owner, words, path, expected):
    """In, not twice, with another list, withdrawn, undone: the bytes are as before."""
    owner(root)
    before = {k: v[2] for k, v in root.snapshot().items()}
    configured(root, *words)
    assert root.read(path) == expected
    again = configured(root, *words)
    assert again.out.startswith('nothing to do')
    configured(root, '--nameserver', '9.9.9.11')
    assert '9.9.9.11' in '\n'.join(root.read(name) for name in _configs(root))
    assert root.run('unconfigure', 'dns').code == 0
    assert _without_state(root) == before
    root.run('undo')
    root.run('undo')
    assert root.read(path) == expected
    root.run('undo')
    assert _without_state(root) == before


def _configs(root):
    return [
        str(file.relative_to(root.path))
        for file in (root.path / 'etc').rglob('*')
        if file.is_file()
    ]


def _without_state(root):
    return {
        name: content
        for name, (_, _, content) in root.snapshot().items()
        if '/var/lib/registry-host/' not in name
    }


def test_resolved_keeps_the_servers_that_its_own_files_name(root):
    resolved(root)
    root.write('/etc/systemd/resolved.conf', '[Resolve]\nDNS=192.0.2.1\n#DNS=1.1.1.1\n')
    root.write('/run/systemd/resolved.conf.d/10-a.conf', '[Resolve]\nDNS=192.0.2.2\n')
    root.write('/usr/lib/systemd/resolved.conf.d/10-a.conf', '[Resolve]\nDNS=\n')
    root.write('/etc/systemd/resolved.conf.d/99-b.conf', '[Resolve]\nDNS=192.0.2.9\n')
    configured(root, '--nameserver', '9.9.9.9')
    assert 'DNS=\nDNS=9.9.9.9 192.0.2.1 192.0.2.2\n' in root.read(DROP_IN)


@pytest.mark.parametrize(
    'word', ('$(id)', '`id`', 'a";id;"', "a'", 'a\\', 'a$b', 'a,b', '\x1b[31m')
)
def test_what_a_lease_says_reaches_no_script(root, word):
    openresolv(root)
    root.write(RESOLV_CONF, f'# Generated by resolvconf\nsearch a.example {word}\n')
    configured(root, *EXCLUSIVE)
    text = root.read('/etc/resolvconf.conf')
    assert 'search_domains="b.example a.example${' in text
    assert word not in text


def test_resolved_joins_lines(root):
    resolved(root)
    text = '[Resolve]\nDNS=192.0.2.1 \\\n  192.0.2.2\n'
    root.write('/etc/systemd/resolved.conf', text)
    configured(root, '--nameserver', '9.9.9.9')
    assert 'DNS=\nDNS=9.9.9.9 192.0.2.1 192.0.2.2\n' in root.read(DROP_IN)


def test_undo_where_others_have_changed_what_is_read_by_the_way(root):
    resolved(root)
    configured(root, '--nameserver', '9.9.9.9')
    root.write('/etc/systemd/resolved.conf', '[Resolve]\nDNS=192.0.2.1\n')
    configured(root, '--replace', '--nameserver', '9.9.9.10')
    root.write(DROP_IN, root.read(DROP_IN) + '# theirs\n')
    assert root.run('undo').code == 0
    assert root.read(DROP_IN) == (
        f'{NOTE}[Resolve]\nDNS=\nDNS=9.9.9.9 192.0.2.1\n# theirs\n'
    )


def test_an_owner_that_is_stopped_and_will_start_again(root):
    """Its header is left in the file, and it will write that again."""
    root.write(RESOLV_CONF, '# Generated by NetworkManager\nnameserver 192.0.2.1\n')
    evidence = Evidence(
        text=root.read(RESOLV_CONF), enabled=frozenset({'network-manager'})
    )
    owned = decide(evidence)
    assert (owned.owner, owned.rivals) == ('static', ('network-manager',))
    assert steps(owned, '9.9.9.9') == (
        'sudo systemctl enable --now NetworkManager',
        'sudo registry-host configure --nameserver 9.9.9.9',
    )


def test_what_falls_off_is_told_for_an_owner_too(root):
    network_manager(root)
    ended = configured(root, *ADDITIVE)
    assert 'warning: the nameserver 192.0.2.2 is not asked any more\n' in ended.out


def test_an_address_that_network_manager_does_not_take_is_told(root):
    network_manager(root)
    root.write('/run/NetworkManager/resolv.conf', 'nameserver fe80::1%1\n')
    ended = configured(root, '--nameserver', '9.9.9.9')
    assert (
        'info: fe80::1%1 stays after the managed nameservers, whatever leases bring\n'
        in ended.out
    )
    assert 'the nameserver fe80::1%1 is not asked any more: Network' in ended.out


def test_the_forecast_names_the_owner_and_the_place(root):
    resolved(root)
    ended = root.run('configure', '--nameserver', '9.9.9.9', '--check')
    assert ended.code == 3
    assert ended.out == (
        'info: /etc/resolv.conf: resolved (stub): /etc/resolv.conf is a link that '
        'leads to /run/systemd/resolve/stub-resolv.conf; there is no file; it is not '
        'known whether systemd-resolved is active\n'
        f'would create {DROP_IN}\n'
        '  + dns.nameservers  9.9.9.9\n'
    )


@pytest.mark.parametrize('is_there', (False, True))
def test_exclusive_needs_three_of_resolvconf(root, is_there):
    debian_resolvconf(root)
    if is_there:
        configured(root, '--nameserver', '9.9.9.9')
    before = root.snapshot()
    words = ('--nameserver', '9.9.9.9', '--dns-exclusive', '--format=json')
    ended = root.run('configure', *words)
    assert ended.code == 2
    assert ended.codes == ['dns-exclusive-short']
    assert root.snapshot() == before


def test_our_lines_altered_by_hand_are_not_overwritten(root):
    openresolv(root)
    configured(root, '--nameserver', '9.9.9.9')
    text = root.read('/etc/resolvconf.conf').replace('9.9.9.9$', '9.9.9.8$')
    root.write('/etc/resolvconf.conf', text)
    ended = root.run('configure', '--nameserver', '9.9.9.10', '--format=json')
    assert ended.code == 2
    assert ended.codes == ['resolver-lines-changed']
    assert root.read('/etc/resolvconf.conf') == text


def test_undo_in_the_wrong_order_names_what_was_asked(root):
    dhclient(root)
    configured(root, '--nameserver', '9.9.9.9')
    configured(root, '--nameserver', '9.9.9.10')
    ended = root.run('undo', '1')
    assert ended.code == 1
    place = '/etc/dhcp/dhclient-enter-hooks.d/90-registry-host'
    assert f'has changed "nameservers" in {place} since' in ended.err


def test_the_owner_has_changed_since(root):
    """What the old one was told goes, and the new one is told."""
    resolved(root)
    configured(root, '--nameserver', '9.9.9.9')
    (root.path / 'etc/resolv.conf').unlink()
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '9.9.9.9')
    assert not (root.path / DROP_IN.lstrip('/')).exists()
    assert 'nameserver 9.9.9.9\n' in root.read(RESOLV_CONF)


def test_a_file_that_is_kept_by_somebody_is_not_touched(root):
    root.write(RESOLV_CONF, '# generated by tailscale\nnameserver 100.100.100.100\n')
    wants = '/etc/systemd/system/multi-user.target.wants/tailscaled.service'
    root.write(wants, '')
    before = root.snapshot()
    ended = root.run('configure', '--nameserver', '9.9.9.9', '--mirror', 'http://m')
    assert ended.code == 2
    assert (
        f'error: {RESOLV_CONF}: is managed by tailscale, which registry-host cannot '
        'configure: '
    ) in ended.err
    assert 'give 9.9.9.9 to tailscale' in ended.err
    assert root.snapshot() == before


def test_what_is_not_named_stays(root):
    resolved(root)
    configured(root, *EXCLUSIVE)
    configured(root, '--dns-search', 'c.example')
    managed = 'DNS=\nDNS=9.9.9.9\n'
    domains = 'Domains=b.example c.example'
    assert root.read(DROP_IN) == f'{NOTE}[Resolve]\n{managed}{domains} ~.\n'
    configured(root, '--no-dns-exclusive')
    assert root.read(DROP_IN) == f'{NOTE}[Resolve]\n{managed}{domains}\n'
    root.write(DROP_IN, root.read(DROP_IN) + '# theirs\n')
    assert root.run('undo').code == 0
    assert root.read(DROP_IN) == (f'{NOTE}[Resolve]\n{managed}{domains} ~.\n# theirs\n')


def test_ours_of_before_are_not_taken_for_those_of_others(root):
    network_manager(root)
    configured(root, '--nameserver', '9.9.9.9')
    shown = 'nameserver 9.9.9.9\n' + THEIRS
    root.write('/run/NetworkManager/resolv.conf', shown)
    configured(root, '--nameserver', '9.9.9.10')
    path = '/etc/NetworkManager/conf.d/90-registry-host.conf'
    assert 'servers=9.9.9.9,9.9.9.10,192.0.2.1,192.0.2.2\n' in root.read(path)


def test_a_second_run_changes_nothing_of_what_is_remembered(root):
    dhclient(root)
    configured(root, '--dns-search', 'b.example')
    configured(root, '--nameserver', '9.9.9.9')
    before = root.snapshot()
    assert configured(root, '--nameserver', '9.9.9.9').out.startswith('nothing to do')
    assert root.snapshot() == before


def test_an_empty_list_of_resolveds_forgets_those_before(root):
    resolved(root)
    root.write('/etc/systemd/resolved.conf', '[Resolve]\nDNS=192.0.2.1\n')
    text = '[Resolve]\nDNS=\nDNS=192.0.2.2\n'
    root.write('/etc/systemd/resolved.conf.d/10-a.conf', text)
    configured(root, '--nameserver', '9.9.9.9')
    assert 'DNS=\nDNS=9.9.9.9 192.0.2.2\n' in root.read(DROP_IN)


def test_a_file_that_a_reboot_empties_is_not_written(root):
    root.write('/run/custom/resolv.conf', THEIRS)
    (root.path / 'etc/resolv.conf').symlink_to('/run/custom/resolv.conf')
    before = root.snapshot()
    ended = root.run('configure', '--nameserver', '9.9.9.9')
    assert ended.code == 2
    told = (
        f'{RESOLV_CONF}: is a link to /run/custom/resolv.conf, which a reboot empties: '
    )
    assert told in ended.err
    assert "sed -i '0,/^nameserver/" in ended.err
    assert root.snapshot() == before


def test_a_dhclient_without_hooks_is_told_by_hand(root):
    root.write('/var/lib/dhcp/dhclient.eth0.leases', 'lease {}\n')
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')
    ended = root.run('configure', '--nameserver', '9.9.9.9')
    assert ended.code == 2
    assert 'is managed by dhclient, which has no ' in ended.err
    line = "echo 'supersede domain-name-servers 9.9.9.9;' | "
    line += root.as_root.removesuffix(root.program) + 'tee -a '
    assert f'hint:  {line}/etc/dhcp/dhclient.conf && ' in ended.err


def test_an_engine_must_restart_to_see_systemd_resolved_alone(root):
    """It looks once if the file names 127.0.0.53 alone."""
    root.write(RESOLV_CONF, THEIRS)
    words = ('--nameserver', '127.0.0.53', '--dns-exclusive', '--format=json')
    ended = root.run('configure', *words)
    assert service(ended.json) == ('restart', 'none', 'none')
