"""No secret and no escape comes out on a terminal, wherever a person has put it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import CONFIG_JSON, DAEMON_JSON
from roots import PASSWD, Root

from registry_host.redact import conceal, learn, redact_words
from registry_host.reporting.output import Paint, printable, printable_json

SETTINGS_TOML = '/etc/registry-host/settings.toml'
SETTINGS_JSON = '/etc/registry-host/settings.json'
# Colours of our own, and what the terminal makes of a line feed.
OWN = re.compile(r'\x1b\[(0|31|32|33|36)m|\r\n')
FORBIDDEN = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]')


def on_terminal(tmp_path, cases):
    """Run command lines on a terminal; what each printed, and its exit code."""
    mark = f'mark-{os.urandom(8).hex()}'
    file = tmp_path / f'{mark}.json'
    file.write_text(
        json.dumps(
            [[os.fsencode(w).decode('latin-1') for w in words] for words in cases]
        )
    )
    master, slave = pty.openpty()
    environ = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path), 'NO_COLOR': ''}
    process = subprocess.Popen(
        [sys.executable, Path(__file__).parents[1] / 'onpty.py', file],
        stdin=slave, stdout=slave, stderr=slave, env=environ,
    )  # fmt: skip
    os.close(slave)
    output = bytearray()
    while True:
        try:
            output += os.read(master, 65536)
        except OSError:  # Its last end was closed.
            break
    os.close(master)
    assert process.wait() == 0
    parts = re.split(rf'\r\n{mark} (-?\d+)\r\n', output.decode())
    assert len(parts) == 2 * len(cases) + 1, output[-2000:]
    return list(zip(parts[::2], map(int, parts[1::2]), strict=False))


@pytest.fixture
def roots(tmp_path, capsys):
    """Makes root folders, each by the files that are put into it."""

    def make(files=None):
        number = len(list(tmp_path.glob('root*')))
        root = Root(tmp_path / f'root{number}', capsys)
        root.write('/etc/passwd', PASSWD)
        (root.path / 'home/alice/.docker').mkdir(parents=True)
        for path, content in (files or {}).items():
            root.write(path, content)
        return root

    return make


# Secrets

MARKER = 's3cr3t-Marker'
URL = f'http://alice:{MARKER}@proxy.example:3128'
# Every place where a person may put a proxy's URL by mistake.
LINES = (
    ('configure', '--http-proxy', '--https-proxy', URL),
    ('configure', URL),
    ('configure', '--http-proxy', URL, URL),
    (URL,),
    (f'--{URL}',),
    ('configure', f'--{URL}'),
    ('configure', f'--http-proxi={URL}'),
    ('configure', f'--proxy={URL}'),
    ('configure', f'--format={URL}', '--mirror', 'http://m'),
    ('configure', '--format', URL),
    ('configure', '--proxy-for', URL, '--no-proxy', 'a'),
    ('configure', f'--restart={URL}'),
    ('configure', f'--lock-timeout={URL}'),
    ('configure', f'--confirm-within={URL}'),
    ('configure', '--check', URL, '--diff'),
    ('configure', '-f', URL),
    ('configure', f'-f{URL}'),
    ('configure', '--settings', URL),
    ('configure', f'--mirror={URL}'),
    ('configure', f'--insecure-registry={URL}'),
    ('configure', f'--nameserver={URL}'),
    ('configure', f'--dns-search={URL}'),
    ('configure', f'--engine-dns={URL}'),
    ('configure', '--proxy-for=client', f'--no-proxy={URL}'),
    ('configure', '--proxy-for=client', '--no-proxy=a', f'--user={URL}'),
    ('configure', '--proxy-for=client', f'--http-proxy=alice:{MARKER}@p:1'),
    ('configure', '--proxy-for=client', f'--http-proxy=HTTP://a:{MARKER}@p:x'),
    ('configure', '--proxy-for=client', '--http-proxy', f'socks5://{MARKER}@p:1/x'),
    ('configure', '--http-proxy', 'http://alice:' + MARKER, 'more@p:1'),
    ('configure', '--http-proxy=http://alice:my', f'{MARKER}@p:1'),
    ('configure', '--http-proxy', 'http://alice:my', MARKER, 'x@p:1'),
    ('configure', '--http-proxy', f'http://alice:"{MARKER}\'@p:1'),
    ('configure', '--http-proxy', f'http://alice:{MARKER}#/?@p:1'),
    ('unconfigure', 'mirrors', URL),
    ('unconfigure', 'proxies', URL),
    ('unconfigure', 'dns', URL),
    ('unconfigure', 'users', URL),
    ('unconfigure', URL),
    ('undo', URL),
    ('confirm', URL),
    ('history', f'--format={URL}'),
    ('doctor', '--only', URL),
    ('doctor', f'--skip={URL}'),
    ('doctor', URL),
    ('validate', '--daemon-json', URL),
    ('validate', '--http-proxy', URL),
    ('validate', '--mirror', URL),
    ('reload', URL),
)
ROOT_LINES = (('--root', URL, 'configure'), (f'--root={URL}', 'doctor'))


@pytest.mark.parametrize('output_format', ('text', 'json'))
def test_no_secret_of_a_command_line_is_shown(tmp_path, roots, output_format):
    root = roots()
    lines = [('--root', str(root.path), *words) for words in LINES] + list(ROOT_LINES)
    more = (f'--format={output_format}',)
    ended = on_terminal(tmp_path, [(*words, *more) for words in lines])
    bad = {}
    for words, (shown, code) in zip(lines, ended, strict=True):
        assert code in (0, 1, 2), (words, shown)
        assert shown.strip(), words
        if MARKER in shown or 'Marker' in shown:
            bad[words] = shown
    assert bad == {}
    # Nor in what is kept of them.
    for file in (root.path / 'var').rglob('*.json'):
        document = json.loads(file.read_text())
        assert MARKER not in json.dumps([document.get('line'), document.get('by')])
    print(f'\n  {len(lines)} misplaced command lines ({output_format})', end=' ')


@pytest.mark.parametrize(
    'secret', ('a', 'ab', 'p@ss', 'x/y', '%41b', 'ö', 'a b', '"', "'")
)
def test_a_short_secret_is_shown_in_no_message(tmp_path, roots, secret):
    """These are found by where they stand alone."""
    root = f'--root={roots().path}'
    marked = f'Q{secret}Q'
    url = f'http://u:{marked}@p:1'
    lines = [
        (root, *words)
        for words in (
            ('configure', url), ('configure', '--http-proxy', '--https-proxy', url),
            ('configure', f'--format={url}'), (url,), ('configure', f'--{url}'),
            ('doctor', '--only', url), ('configure', '-f', url),
            ('configure', f'--mirror={url}'), ('configure', f'--http-proxy={url}'),
            ('configure', '--proxy-for=client', f'--no-proxy={url}'),
        )
    ]  # fmt: skip
    for words, (shown, code) in zip(lines, on_terminal(tmp_path, lines), strict=True):
        assert code == 2, words
        assert marked not in shown, (words, shown)


FILES = {
    'url-as-key.toml': f'"{URL}" = 1\n',
    'url-in-a-table.toml': f'[proxies]\n"{URL}" = "x"\n',
    'url-as-for.toml': f'[proxies]\nfor = "{URL}"\n',
    'url-in-for.toml': f'[proxies]\nno-proxy = "a"\nfor = ["{URL}"]\n',
    'url-as-list.toml': f'[proxies]\nhttp-proxy = ["{URL}"]\n',
    'bare-url.toml': f'[proxies]\nhttp-proxy = {URL}\n',
    'twice.toml': f'[x]\n"{URL}" = 1\n"{URL}" = 2\n',
    'table-twice.toml': f'["{URL}"]\n["{URL}"]\n',
    'in-line.toml': f'x = {{"{URL}" = 1, "{URL}" = 2}}\n',
    'no-quote.toml': f'[proxies]\nhttp-proxy = "{URL}\n',
    'as-mirror.toml': f'registry-mirrors = ["{URL}"]\n',
    'as-mirrors.toml': f'registry-mirrors = "{URL}"\n',
    'exclusive.toml': f'[dns]\nexclusive = "{URL}"\n',
    'no-for.toml': f'[proxies]\nhttp-proxy = "{URL}"\n',
    'url-as-key.json': json.dumps({URL: 1}),
    'url-in-a-table.json': json.dumps({'proxies': {URL: 1}}),
    'url-as-for.json': json.dumps({'proxies': {'for': URL}}),
    'bare-url.json': f'{{"proxies": {{"http-proxy": {URL}}}}}',
    'twice.json': f'{{"{URL}": 1, "{URL}": 2}}',
    'trailing.json': f'{{}} {URL}',
    'no-quote.json': f'{{"proxies": {{"http-proxy": "{URL}}}}}',
    'comment.json': f'{{// {URL}\n}}',
    'list.json': json.dumps([URL]),
}


@pytest.mark.parametrize(
    ('output_format', 'secret'), (('text', MARKER), ('json', MARKER), ('text', 'Q1Z'))
)
def test_no_secret_of_a_file_is_shown(tmp_path, roots, output_format, secret):
    """A short one is found by where it stands alone."""
    root = roots()
    lines = []
    for name, content in FILES.items():
        root.write(f'/{name}', content.replace(MARKER, secret))
        for command in ('configure', 'validate'):
            words = ('--root', str(root.path), command, '-f', f'{root.path}/{name}')
            lines.append((*words, f'--format={output_format}'))
        daemon = ('validate', '--daemon-json', f'{root.path}/{name}')
        lines.append((*daemon, f'--format={output_format}'))
    bad = {}
    for words, (shown, code) in zip(lines, on_terminal(tmp_path, lines), strict=True):
        assert code in (0, 2), (words, shown)
        if secret in shown:
            bad[words] = shown
    assert bad == {}
    print(f'\n  {len(lines)} runs on {len(FILES)} files ({output_format})', end=' ')


# Escapes

EVIL = '\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnp\u2066\u2028\x7f\u200b'
EVIL_TEXT = json.dumps(EVIL)[1:-1]


def evil_cases(roots):
    """Files, links, names and arguments with what would command a terminal."""
    everything = (('configure', '--mirror', 'http://m', '--diff'), ('doctor',),
                  ('unconfigure',), ('history',), ('undo', '--diff'))  # fmt: skip
    client = (
        'configure',
        '--proxy-for=client',
        '--user=alice',
        '--no-proxy=a',
        '--diff',
    )
    for path, content in (
        (DAEMON_JSON, f'{{"{EVIL_TEXT}": 1}}'),
        (DAEMON_JSON, f'{{"registry-mirrors": ["{EVIL_TEXT}"]}}'),
        (DAEMON_JSON, f'{{"registry-mirrors": "{EVIL_TEXT}"}}'),
        (DAEMON_JSON, f'{{"insecure-registries": ["{EVIL_TEXT}:1"]}}'),
        (DAEMON_JSON, f'{{"labels": ["{EVIL}"]}}'),
        (DAEMON_JSON, f'{{"labels": ["{EVIL_TEXT}"]}}'),
        (DAEMON_JSON, f'{{"log-level": "{EVIL_TEXT}"}}'),
        (DAEMON_JSON, f'{{"proxies": {{"http-proxy": "{EVIL_TEXT}"}}}}'),
        (DAEMON_JSON, f'{{"proxies": {{"{EVIL_TEXT}": "x"}}}}'),
        (DAEMON_JSON, f'{{"runtimes": {{"{EVIL_TEXT}": {{}}}}}}'),
        (DAEMON_JSON, f'{{"dns": ["{EVIL_TEXT}"]}}'),
        (DAEMON_JSON, f'{{"a": 1, {EVIL}}}'),
        (DAEMON_JSON, f'{{"a": 1}} {EVIL}'),
        (DAEMON_JSON, f'{{"{EVIL_TEXT}": 1, "{EVIL_TEXT}": 2}}'),
        (DAEMON_JSON, EVIL),
        (CONFIG_JSON, f'{{"{EVIL_TEXT}": 1}}'),
        (CONFIG_JSON, f'{{"auths": {{"{EVIL_TEXT}": {{"auth": 1}}}}}}'),
        (CONFIG_JSON, f'{{"proxies": {{"{EVIL_TEXT}": {{"httpProxy": 1}}}}}}'),
        (CONFIG_JSON, f'{{"proxies": {{"default": {{"httpProxy": "{EVIL_TEXT}"}}}}}}'),
        (CONFIG_JSON, f'{{"proxies": {{"default": {{"noProxy": "{EVIL_TEXT}"}}}}}}'),
        (
            CONFIG_JSON,
            f'{{"proxies": {{"unix:///var/run/docker.sock": "{EVIL_TEXT}"}}}}',
        ),
        (CONFIG_JSON, f'{{"HttpHeaders": {{"{EVIL_TEXT}": "{EVIL_TEXT}"}}}}'),
        (CONFIG_JSON, f'{{"proxies": {{}}, "Proxies": {{"{EVIL_TEXT}": 1}}}}'),
        (CONFIG_JSON, EVIL),
        ('/etc/resolv.conf', f'nameserver 192.0.2.1\nsearch {EVIL}\n'),
        ('/etc/resolv.conf', f'nameserver {EVIL}\noptions {EVIL}\n{EVIL} x\n'),
        ('/etc/resolv.conf', f'# Generated by {EVIL}\nnameserver 192.0.2.1\n'),
        (SETTINGS_TOML, f'"{EVIL_TEXT}" = 1\n'.replace('\\u', '\\u')),
        (SETTINGS_TOML, f'registry-mirrors = ["{EVIL_TEXT}"]\n'),
        (SETTINGS_TOML, f'[proxies]\nfor = ["{EVIL_TEXT}"]\n'),
        (SETTINGS_TOML, f'[dns]\nsearch = ["{EVIL_TEXT}"]\n'),
        (SETTINGS_TOML, f'x = {EVIL}\n'),
        (SETTINGS_JSON, f'{{"{EVIL_TEXT}": 1}}'),
        (SETTINGS_JSON, f'{{"client": {{"users": ["{EVIL_TEXT}"]}}}}'),
        (SETTINGS_JSON, f'{{"proxies": {{"no-proxy": "{EVIL_TEXT}"}}}}'),
        (SETTINGS_JSON, f'{{"a": {EVIL}}}'),
    ):
        root = roots({path: content})
        for words in (*everything[:3], client, ('configure', '--nameserver=9.9.9.9')):
            yield root, words
        if 'settings' in path:
            yield root, ('configure',)
            yield root, ('validate', '-f', f'{root.path}{path}')
        if path == DAEMON_JSON:
            yield root, ('validate', '--daemon-json', f'{root.path}{path}')
    # Names, links and homes.
    home = f'/home/{EVIL}'.replace('\u2028', '')
    passwd = f'root:x:0:0:root:/root:/bin/sh\nkim{EVIL}:x:0:0::{home}:/bin/sh\n'
    passwd += f'alice:x:0:0::{home}:/bin/sh\n'
    root = roots({'/etc/passwd': passwd, f'{home}/.docker/config.json': '{'})
    for user in ('alice', 'root'):
        yield root, (*client[:2], f'--user={user}', '--no-proxy=a', '--diff')
    yield root, ('doctor',)
    root = roots()
    (root.path / 'etc/docker').mkdir()
    (root.path / 'etc/docker/daemon.json').symlink_to(f'/nowhere/{EVIL}')
    (root.path / 'etc/resolv.conf').symlink_to(f'../run/{EVIL}/resolv.conf')
    for words in (*everything, ('configure', '--nameserver=9.9.9.9')):
        yield root, words
    # Arguments: those that a kernel takes.
    word = EVIL.replace('\0', '')
    root = roots()
    for words in (
        ('configure', word), ('configure', f'--{word}'), (word,),
        ('doctor', '--only', word),
        ('configure', '--mirror', word), ('configure', '--insecure-registry', word),
        ('configure', '--nameserver', word), ('configure', '--dns-search', word),
        ('configure', '--proxy-for=client', '--no-proxy', word), ('undo', word),
        ('configure', '--proxy-for=client', '--http-proxy', word),
        ('unconfigure', word),
        ('configure', '--proxy-for=client', '--no-proxy=a', '--user', word),
        ('configure', '-f', word), ('validate', '--daemon-json', word), ('-x', word),
        ('configure', f'--format={word}'), ('unconfigure', 'mirrors', word),
        ('unconfigure', 'dns', word), ('unconfigure', 'users', word), ('confirm', word),
        ('configure', '--mirror', 'http://m\nerror: x'),
        ('doctor', '--only', 'a\nok: b'),
        ('configure', '--mirror', 'http://m\udcff'), ('configure', '-f', '\udcff'),
    ):  # fmt: skip
        yield root, words
    # What an earlier run says of itself.
    root = roots({DAEMON_JSON: '{}'})
    assert root.run('configure', '--mirror', 'http://m').code == 0
    path = '/var/lib/registry-host/checkpoints/1.json'
    document = json.loads(root.read(path))
    document |= {'line': f'x {EVIL}', 'by': EVIL, 'started': EVIL, 'command': EVIL}
    document['files'] = [[EVIL, EVIL]]
    root.write(path, json.dumps(document), 0o600)
    for words in (('history',), ('undo', '--check'), ('undo',)):
        yield root, words


@pytest.mark.parametrize('output_format', ('text', 'json'))
def test_no_escape_reaches_the_terminal(tmp_path, roots, output_format):
    cases = [
        ('--root', str(root.path), *words, f'--format={output_format}')
        for root, words in evil_cases(roots)
    ]
    bad = {}
    for words, (shown, code) in zip(cases, on_terminal(tmp_path, cases), strict=True):
        assert code in (0, 1, 2, 3), (words, shown)
        left = FORBIDDEN.findall(OWN.sub('\n', shown))
        # An argument's line feed is no line of ours.
        forged = re.findall(r'^(?:error: x|ok: b)', OWN.sub('\n', shown), re.MULTILINE)
        if left or forged:
            bad[words[2:]] = (left, shown)
    assert bad == {}
    print(f'\n  {len(cases)} runs ({output_format})', end=' ')


# The door itself


def test_colours_are_ours_alone():
    paint = Paint(is_coloured=True)
    line = f'{paint("error:", "red")} \x1b[31mtheirs\x1b[0m'
    assert printable(line) == '\x1b[31merror:\x1b[0m \\x1b[31mtheirs\\x1b[0m'
    assert Paint(is_coloured=False)('x', 'red') == 'x'


def test_what_is_plain_stays():
    for text in ('é ü 你好 → …', '\tindented', 'a@b.example', 'i@sha256:' + '0' * 64):
        assert printable(text) == text
    assert printable('a\nb\u202e\x9b\ud800') == r'a\nb\u202e\x9b\ud800'


def test_json_stays_json():
    document = {'a\u202e': ['\x1b', '\x7f', '\x9b', '\ud800', '\U000e0001', 'é', '\n']}
    text = printable_json(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(text) == document
    assert not FORBIDDEN.search(text)
    text.encode()


@pytest.mark.parametrize(
    ('words', 'shown'),
    (
        (('--user', 'a@corp.example'), ('--user', 'a@corp.example')),
        (('--http-proxy', 't0ken@p:1'), ('--http-proxy', 'xxxxx:xxxxx@p:1')),
        (
            ('--http-proxy', 'http://u:my', 'pass', 'x@p:1'),
            ('--http-proxy', 'http://xxxxx:xxxxx', 'xxxxx:xxxxx', 'xxxxx:xxxxx@p:1'),
        ),
        (
            ('--mirror', 'http://m:5000', '--user', 'a@b'),
            ('--mirror', 'http://m:5000', '--user', 'a@b'),
        ),
        (('i/n@sha256:' + 'a' * 64,), ('i/n@sha256:' + 'a' * 64,)),
    ),
)
def test_words_are_masked_by_where_they_stand(words, shown):
    assert tuple(redact_words(words)) == shown


def test_known_secrets_are_taken_out_in_every_form():
    learn('http://u:Zw%40lf"xy@p')
    for form in ('Zw%40lf"xy', 'Zw@lf"xy', 'Zw%40lf%22xy', 'Zw@lf\\"xy'):
        assert conceal(f'a {form} b') == 'a xxxxx b'
    learn('http://u:short@p')
    assert conceal('short') == 'short'
