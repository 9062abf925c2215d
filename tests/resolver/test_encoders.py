"""No value reaches another program's language as anything but itself."""

from __future__ import annotations

import ctypes
import json
import subprocess

import pytest
from test_dns_manager import (
    DROP_IN,
    debian_resolvconf,
    dhclient,
    dhcpcd,
    netconfig,
    network_manager,
    openresolv,
    resolved,
)

from registry_host.errors import ConfigError
from registry_host.resolver import encoders
from registry_host.resolver.managerfiles import (
    BASE,
    DHCLIENT,
    DHCPCD,
    DHCPCD_HEAD,
    HEAD,
    NETCONFIG,
    NETWORK_MANAGER,
    OPENRESOLV,
)
from registry_host.resolver.resolvconf import parse, view

# What is accepted, in the language of each DNS manager
VALUES = ('fe80::1%eth0.1', '2620:fe::fe', '9.9.9.9')

DOMAINS = ('corp.example', 'xn--bcher-kva.example')

FLAGS = tuple(f'--nameserver={v}' for v in VALUES) + tuple(
    f'--dns-search={d}' for d in DOMAINS
)

# The last door
EVIL = (
    '$(id>pwned)',
    '`id>pwned`',
    'a b',
    'a"',
    "a'",
    'a\\',
    'a;b',
    'a\nb',
    '',
    '#a',
    'é',
)

ENCODERS = (
    encoders.shell,
    encoders.keyfile,
    encoders.systemd,
    encoders.dhcpcd,
    encoders.dhclient_conf,
    lambda words: encoders.resolv_conf(words[0]).decode(),
)


def sourced(root, path, *names, shell='dash', **environ):
    """Have a shell source a file; the variables, and that nothing else was run."""
    script = f'set -eu\n. {root.path}{path}\n' + ''.join(
        f'printf "%s\\n" "${{{name}-}}"\n' for name in names
    )
    done = subprocess.run(
        [shell, '-c', script],
        env=environ,
        cwd=root.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not (root.path / 'pwned').exists()
    return [line.split() for line in done.stdout.split('\n')[:-1]]


def configured(root, *flags):
    ended = root.run('configure', *flags)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize('shell', ('dash', 'bash'))
def test_a_shell_reads_openresolvs_and_netconfigs_file(root, shell):
    openresolv(root)
    configured(root, *FLAGS)
    names = ('name_servers', 'search_domains')
    expected = [list(VALUES), list(DOMAINS)]
    assert sourced(root, OPENRESOLV, *names, shell=shell) == expected
    behind = [[*expected[0], '192.0.2.1'], [*expected[1], 'a.example']]
    found = sourced(
        root, OPENRESOLV, *names, shell=shell,
        name_servers='192.0.2.1', search_domains='a.example',
    )  # fmt: skip
    assert found == behind


@pytest.mark.parametrize('shell', ('dash', 'bash'))
def test_a_shell_reads_netconfigs_file(root, shell):
    netconfig(root)
    configured(root, *FLAGS)
    names = ('NETCONFIG_DNS_STATIC_SERVERS', 'NETCONFIG_DNS_STATIC_SEARCHLIST')
    assert sourced(root, NETCONFIG, *names, shell=shell) == [
        list(VALUES),
        list(DOMAINS),
    ]


@pytest.mark.parametrize('shell', ('dash', 'bash'))
def test_a_shell_reads_dhclients_hook(root, shell):
    dhclient(root)
    configured(root, *FLAGS)
    names = ('new_domain_name_servers', 'new_domain_search')
    lease = {'new_domain_name_servers': '192.0.2.1', 'new_domain_search': 'a.example'}
    # The hook is sourced by a script without -u, which the empty variables need.
    script = root.path / DHCLIENT.lstrip('/')
    script.write_text('set +u\n' + script.read_text())
    assert sourced(root, DHCLIENT, *names, shell=shell, **lease) == [
        [*VALUES, '192.0.2.1'],
        [*DOMAINS, 'a.example'],
    ]


def test_glib_reads_network_managers_file(root):
    network_manager(root)
    configured(root, *FLAGS)
    section, glib = b'global-dns-domain-*', ctypes.CDLL('libglib-2.0.so.0')
    glib.g_key_file_new.restype = ctypes.c_void_p
    glib.g_key_file_get_string_list.restype = ctypes.POINTER(ctypes.c_char_p)
    file = ctypes.c_void_p(glib.g_key_file_new())
    path = f'{root.path}{NETWORK_MANAGER}'.encode()
    glib.g_key_file_set_list_separator(file, ctypes.c_char(b','))
    assert glib.g_key_file_load_from_file(file, path, 0, None) == 1

    def strings(group, key):
        size = ctypes.c_size_t()
        found = glib.g_key_file_get_string_list(
            file, group, key, ctypes.byref(size), None
        )
        return [found[at].decode() for at in range(size.value)]

    without_zone = [value for value in VALUES if '%' not in value]
    # Those of others stay behind.
    assert strings(section, b'servers')[:2] == without_zone
    assert strings(b'global-dns', b'searches') == list(DOMAINS)


def test_resolved_and_dhcpcd_read_their_files(root):
    resolved(root)
    configured(root, *FLAGS)
    lines = root.read(DROP_IN).splitlines()
    assert f'DNS={" ".join(VALUES)}' in lines
    assert f'Domains={" ".join(DOMAINS)}' in lines


def test_the_lines_of_resolv_conf_are_read_by_every_reader(root):
    for prepare, path, more in (
        (debian_resolvconf, HEAD, BASE),
        (dhcpcd, DHCPCD_HEAD, DHCPCD),
    ):
        prepare(root)
        configured(root, *FLAGS)
        conf = parse(root.read(path).encode())
        for reader in ('glibc', 'musl', 'go'):
            assert list(view(conf, reader, ('eth0.1',)).nameservers) == list(VALUES)
        assert all(domain in root.read(more).split('=')[-1] for domain in DOMAINS)
        for name in ('sbin', 'etc', 'var'):
            subprocess.run(['rm', '-r', root.path / name], check=False)
        root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')


@pytest.mark.parametrize('encode', ENCODERS)
def test_an_encoder_refuses_what_is_more_than_a_word(encode):
    for word in EVIL:
        with pytest.raises(ConfigError) as caught:
            encode([word])
        assert caught.value.problems[0].code == 'text-unsafe'
    for word in (*VALUES, *DOMAINS):
        assert encode([word]) == word


@pytest.mark.parametrize('prepare', (openresolv, netconfig, dhclient))
@pytest.mark.parametrize('word', EVIL[:2])
def test_what_a_ledger_says_reaches_no_script(root, prepare, word):
    """A root folder may have come with its state folder."""
    prepare(root)
    configured(root, '--nameserver=9.9.9.9')
    ledger = '/var/lib/registry-host/ledger.json'
    text = root.read(ledger).replace('"9.9.9.9"', json.dumps(word), 1)
    root.write(ledger, text, 0o600)
    before = root.snapshot()
    ended = root.run('configure', '--dns-search=a.example', '--format=json')
    assert (ended.code, ended.codes) == (2, ['text-unsafe'])
    assert root.snapshot() == before
