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

DAEMON_JSON = '/etc/docker/daemon.json'
CONFIG_JSON = '/home/alice/.docker/config.json'
CHARACTERS = (
    '$', '\\', '`', '"', "'", ';', '#', ' # ', '\n', '\0', '\x1b', '\u202e', '\ud800',
    '\udcff', '\x9b', '\x7f', '\u2028', '\u200b', '$(id>pwned)', '`id>pwned`', '%s',
    '&', '|', '\r\n', '\t',
)  # fmt: skip
# Each setting: its flag, its place in a document, the text before, within and after
# which a character is put, and where an accepted value is found again.
SETTINGS = {
    '--registry-mirror': (('registry-mirrors',), 'http://m.example:5000', DAEMON_JSON),
    '--insecure-registry': (('insecure-registries',), 'r.example:5000', DAEMON_JSON),
    '--http-proxy': (('proxies', 'http-proxy'), 'http://u:p@p.example:1', CONFIG_JSON),
    '--https-proxy': (('proxies', 'https-proxy'), 'http://p.example:1', CONFIG_JSON),
    '--no-proxy': (('proxies', 'no-proxy'), '.corp.example', CONFIG_JSON),
    '--nameserver': (('dns', 'nameservers'), 'fe80::1%eth0', '/etc/resolv.conf'),
    '--dns-search': (('dns', 'search'), 'corp.example', '/etc/resolv.conf'),
    '--engine-dns': (('dns', 'engine'), '9.9.9.9', DAEMON_JSON),
    '--user': (('client', 'users'), 'alice', CONFIG_JSON),
}
PROXIES = {'--http-proxy', '--https-proxy', '--no-proxy'}


def variants(text):
    """A value with each character in front, within and behind."""
    middle = len(text) - 2
    for odd in CHARACTERS:
        for value in (odd + text, text[:middle] + odd + text[middle:], text + odd):
            yield odd, value


def document_of(flag, value):
    path, _, _ = SETTINGS[flag]
    is_text = flag in PROXIES
    inner = value if is_text else [value]
    document = {path[-1]: inner}
    if flag in PROXIES:
        document['for'] = ['client']
    for name in reversed(path[:-1]):
        document = {name: document}
    if flag in PROXIES:
        document['client'] = {'users': ['alice']}
    if flag == '--user':
        document['proxies'] = {'no-proxy': '.a', 'for': ['client']}
    return document


def toml_of(document):
    """Each table on a line; TOML escapes as JSON does, but knows no surrogates."""
    lines = [f'{k} = {json.dumps(v)}' for k, v in document.items() if k[:4] == 'regi']
    lines += [f'{k} = {json.dumps(v)}' for k, v in document.items() if k[:4] == 'inse']
    for table in ('proxies', 'dns', 'client'):
        for name, value in document.get(table, {}).items():
            lines.append(f'{table}.{name} = {json.dumps(value)}')
    return '\n'.join(lines) + '\n'


def words_of(flag, value):
    if flag == '--user':
        return ('--proxy-for=client', '--no-proxy=.a', f'{flag}={value}')
    more = ('--proxy-for=client', '--user=alice') if flag in PROXIES else ()
    return (*more, f'{flag}={value}')


@pytest.mark.parametrize('how', ('flag', 'json', 'toml'))
@pytest.mark.parametrize('flag', SETTINGS)
def test_every_setting_has_its_alphabet(root, flag, how):
    """Odd text is refused, said so in plain characters; the rest is read back."""
    root.write('/etc/resolv.conf', 'nameserver 192.0.2.1\n')
    (root.path / 'etc/docker').mkdir()
    _, text, file = SETTINGS[flag]
    before = root.snapshot()
    refused = accepted = 0
    for odd, value in variants(text):
        if how == 'flag':
            ended = root.run('configure', *words_of(flag, value))
        else:
            document = document_of(flag, value)
            content = json.dumps(document) if how == 'json' else toml_of(document)
            settings = root.path / f'settings.{how}'
            settings.write_text(content)
            ended = root.run('configure', '-f', str(settings))
            settings.unlink()
        shown = ended.out + ended.err
        assert not any(c in shown for c in '\0\x1b\x9b\x7f\u202e\u2028\ud800\udcff'), (
            value
        )
        if ended.code == 0:
            accepted += 1
            assert odd not in ('\0', '\x1b', '\u202e', '\ud800', '\udcff', '\x9b'), (
                value
            )
            found = json.loads(root.read(file))['proxies']['default']['noProxy']
            assert found == ','.join(part.strip() for part in value.split(','))
            assert root.run('unconfigure').code == 0
        else:
            refused += 1
            assert (ended.code, ended.out) == (2, ''), (value, ended)
            assert 'nothing was written' in ended.err
        kept = {k: v[2] for k, v in root.snapshot().items() if '/var/lib/' not in k}
        assert kept == {k: v[2] for k, v in before.items()}
    print(f'\n  {flag} as {how}: {refused} refused, {accepted} accepted', end=' ')
    assert refused > 3 * accepted


@pytest.mark.parametrize(
    ('flag', 'value', 'message'),
    (
        (
            '--no-proxy',
            '.a\u202e',
            r"--no-proxy: '.a\u202e': holds U+202E, which no value may hold",
        ),
        (
            '--registry-mirror',
            'http://m\udcff',
            r"--registry-mirror: 'http://m\udcff': holds the byte 0xFF, which is not "
            'UTF-8, which no value may hold',
        ),
        (
            '--no-proxy',
            'a$b',
            "--no-proxy: 'a$b': 'a$b' holds '$', which no host has",
        ),
        (
            '--nameserver',
            'fe80::1%$(id>pwned)',
            "--nameserver: 'fe80::1%$(id>pwned)': a zone is the name of an interface, "
            'behind a link-local address',
        ),
        (
            '--nameserver',
            '2620:fe::fe%eth0',
            "--nameserver: '2620:fe::fe%eth0': a zone is the name of an interface, "
            'behind a link-local address',
        ),
        ('--user', '-x', "--user: '-x': is not the name of a user"),
        ('--user', '../root', "--user: '../root': is not the name of a user"),
        ('--user', 'a:b', "--user: 'a:b': is not the name of a user"),
    ),
)
def test_the_message_names_the_character(root, flag, value, message):
    for command, state in (('configure', '; nothing was written'), ('validate', '')):
        ended = root.run(command, *words_of(flag, value))
        assert ended.code == 2
        assert f'error: {message}{state}\n' in ended.err


def test_zones_of_interfaces_are_accepted(root):
    for zone in ('eth0', 'br-1', '2', 'a' * 15, 'wlan0.1', '_x'):
        assert root.run('validate', f'--nameserver=fe80::1%{zone}').code == 0
    for zone in ('', 'a' * 16, '-x', 'a/b', 'a b', 'é'):
        assert root.run('validate', f'--nameserver=fe80::1%{zone}').code == 2


# What is accepted, in the language of each DNS manager

VALUES = ('fe80::1%eth0.1', '2620:fe::fe', '9.9.9.9')
DOMAINS = ('corp.example', 'xn--bcher-kva.example')
FLAGS = tuple(f'--nameserver={v}' for v in VALUES) + tuple(
    f'--dns-search={d}' for d in DOMAINS
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
