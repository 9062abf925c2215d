"""Every value has its alphabet, and what is outside of it is named."""

from __future__ import annotations

import json

import pytest
from places import CONFIG_JSON, DAEMON_JSON

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
