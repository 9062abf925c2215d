from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_host.errors import SettingsError
from registry_host.host.host import Host
from registry_host.settings.areas import AREAS, Operation
from registry_host.settings.asked import read_asked
from registry_host.settings.load import load
from registry_host.settings.shape import digest_of

TREE = Path(__file__).resolve().parents[2]


def ask(tmp_path, content, name='settings.toml', flags=None, is_replacing=False):
    file = tmp_path / name
    file.write_text(content)
    asked = read_asked(
        Host(str(tmp_path)),
        file=str(file),
        flags=flags or {},
        is_replacing=is_replacing,
    )
    return load(asked)


def problems(tmp_path, content, name='settings.toml', flags=None):
    with pytest.raises(SettingsError) as caught:
        ask(tmp_path, content, name, flags)
    prefix = f'{tmp_path}/'
    return [
        (
            problem.code,
            problem.where.removeprefix(prefix),
            problem.message,
            problem.hint,
        )
        for problem in caught.value.problems
    ]


def test_whole_file(tmp_path):
    settings = ask(
        tmp_path,
        'registry-mirrors = ["http://A:5000/", "http://a:5000"]\n'
        'insecure-registries = ["10.1.0.0/8"]\n'
        '[proxies]\nhttp-proxy = "http://p:1"\nfor = ["client"]\n'
        '[client]\nusers = ["alice", "alice"]\n',
    )
    assert list(map(str, settings.mirrors)) == ['http://a:5000']
    assert list(map(str, settings.insecure)) == ['10.0.0.0/8']
    assert str(settings.http_proxy) == 'http://p:1'
    assert settings.users == ('alice',)
    assert settings.named == AREAS
    assert settings.is_declaration


@pytest.mark.parametrize(
    ('is_replacing', 'mirrors', 'no_proxy'),
    (
        pytest.param(False, ['http://file', 'http://flag'], 'a,b', id='added'),
        pytest.param(True, ['http://flag'], 'b', id='replaced'),
    ),
)
def test_flags_join_the_file(tmp_path, is_replacing, mirrors, no_proxy):
    content = (
        'registry-mirrors = ["http://file"]\n[proxies]\nno-proxy = "a"\n'
        'http-proxy = "http://old:1"\nfor = ["client"]\n'
    )
    flags = {
        'registry-mirrors': ['http://flag'],
        'http-proxy': 'http://p:1',
        'no-proxy': 'b',
        'for': ['engine'],
    }
    settings = ask(tmp_path, content, flags=flags, is_replacing=is_replacing)
    assert list(map(str, settings.mirrors)) == mirrors
    assert (str(settings.no_proxy), str(settings.http_proxy)) == (
        no_proxy,
        'http://p:1',
    )
    assert settings.proxy_for == {'engine'}
    assert settings.is_declaration


@pytest.mark.parametrize('is_replacing', (False, True))
def test_flags_alone_name_their_own_areas(tmp_path, is_replacing):
    flags = {'insecure-registries': ['r:1'], 'registry-mirrors': ['http://m']}
    asked = read_asked(
        Host(str(tmp_path)), file=None, flags=flags, is_replacing=is_replacing
    )
    settings = load(asked)
    assert settings.named == {'insecure-registries', 'registry-mirrors'}
    assert not settings.is_declaration
    operation = Operation.REPLACE if is_replacing else Operation.ADD
    assert settings.operation_on('registry-mirrors') is operation


UNSET = (
    'the value is empty (an unset variable?); leave it out to withdraw what is managed'
)


@pytest.mark.parametrize(
    ('content', 'where', 'code'),
    (
        ('registry-mirrors = [""]', 'registry-mirrors[0]', 'value-empty'),
        ('registry-mirrors = [" "]', 'registry-mirrors[0]', 'value-empty'),
        ('insecure-registries = ["r", ""]', 'insecure-registries[1]', 'value-empty'),
        (
            '[proxies]\nhttp-proxy = ""\nfor = ["client"]',
            'proxies.http-proxy',
            'value-empty',
        ),
        (
            '[proxies]\nno-proxy = " "\nfor = ["client"]',
            'proxies.no-proxy',
            'value-empty',
        ),
        ('[dns]\nnameservers = [""]', 'dns.nameservers[0]', 'value-empty'),
        ('[dns]\nsearch = [""]', 'dns.search[0]', 'value-empty'),
        ('[dns]\nengine = [""]', 'dns.engine[0]', 'value-empty'),
    ),
)
def test_an_empty_value_is_bad_input(tmp_path, content, where, code):
    ((found, place, message, hint),) = problems(tmp_path, content)
    assert (found, place) == (code, f'settings.toml: {where}')
    assert (message, hint) == (UNSET, '')


@pytest.mark.parametrize('table', ('', 'for = []\n'))
def test_a_proxy_is_for_the_engine_or_for_containers(tmp_path, table):
    content = f'[proxies]\nno-proxy = "a"\n{table}'
    assert problems(tmp_path, content) == [
        (
            'proxy-for-missing',
            'settings.toml: proxies.no-proxy',
            "needs `for`, to tell Docker's own proxy from that of containers: for = "
            '["engine"] is for pulls, and needs a restart of Docker; with for = '
            '["client"] every container and build of the user gets it, password '
            'included',
            'for = ["engine"]',
        )
    ]


def test_nameservers_of_containers_are_an_area_of_their_own(tmp_path):
    """They are called `engine`, and so is whose the proxies are."""
    host = Host(str(tmp_path))
    for flags, named, engine_dns in (
        ({'engine': ['9.9.9.9', '9.9.9.9']}, {'engine-dns'}, ('9.9.9.9',)),
        ({'for': ['engine'], 'no-proxy': 'a'}, {'no-proxy'}, ()),
    ):
        asked = read_asked(host, file=None, flags=flags)
        settings = load(asked)
        assert (settings.named, settings.engine_dns) == (named, engine_dns)
        assert not settings.has_dns
    content = '[dns]\nengine = ["9.9.9.9", "1.1.1.1:53"]\n'
    assert problems(tmp_path, content) == [
        (
            'engine-dns-address',
            'settings.toml: dns.engine[1]',
            "'1.1.1.1:53': a nameserver is an IP address, without a port",
            '1.1.1.1',
        )
    ]


def test_every_violation_at_once_with_its_place(tmp_path):
    content = (
        'registry-mirror = ["x"]\nregistry-mirrors = "http://m"\n'
        'insecure-registries = ["r:1", 2]\n'
        '[proxies]\nhttp_proxy = "http://u:hunter2@p"\nfor = ["engines"]\n'
        '[client]\nusers = [""]\n'
    )
    found = problems(tmp_path, content)
    assert {message for code, _, message, _ in found if code.endswith('-key')} == {
        'unknown key; did you mean registry-mirrors?',
        'unknown key; did you mean http-proxy?',
    }
    assert sorted((code, where) for code, where, _, _ in found) == [
        ('settings-type', 'settings.toml: client.users[0]'),
        ('settings-type', 'settings.toml: insecure-registries[1]'),
        ('settings-type', 'settings.toml: registry-mirrors'),
        ('settings-unknown-key', 'settings.toml: proxies.http_proxy'),
        ('settings-unknown-key', 'settings.toml: registry-mirror'),
        ('settings-value', 'settings.toml: proxies.for[0]'),
    ]
    assert 'hunter2' not in repr(found)


def test_json_settings_have_line_and_column(tmp_path):
    content = '{\n  "registry-mirrors": [\n    "http://ok",\n    "http://h/v2"\n  ]\n}'
    assert problems(tmp_path, content, 'settings.json') == [
        (
            'mirror-path',
            'settings.json:4:5: registry-mirrors[1]',
            "'http://h/v2': a mirror is a root address, without a path",
            'http://h',
        )
    ]


@pytest.mark.parametrize(
    ('content', 'name', 'code', 'where'),
    (
        pytest.param('a = [', 'settings.toml', 'settings-syntax', 1, id='toml'),
        pytest.param('{"a": }', 'settings.json', 'json-missing-value', 1, id='json'),
        pytest.param('[]', 'settings.json', 'json-not-object', 1, id='json-array'),
    ),
)
def test_syntax(tmp_path, content, name, code, where):
    ((found, place, _, _),) = problems(tmp_path, content, name)
    assert found == code
    assert place.startswith(f'{name}:{where}:')


def test_toml_that_is_not_utf8(tmp_path):
    file = tmp_path / 'settings.toml'
    file.write_bytes(b'a = "\xff"')
    with pytest.raises(SettingsError, match='not UTF-8'):
        read_asked(Host(str(tmp_path)), file=str(file), flags={})


def test_known_settings_do_not_meet_the_schema_again(tmp_path):
    asked = read_asked(
        Host(str(tmp_path)), file=None, flags={'no-proxy': 'a', 'for': ['client']}
    )
    odd = asked._replace(document={**asked.document, 'no-such-key': 1})
    with pytest.raises(SettingsError, match='unknown key'):
        load(odd)
    known = digest_of(odd.document)
    assert load(odd, checked=[known]).digest == known


def test_the_sample_is_valid_with_and_without_its_comments(tmp_path):
    sample = (TREE / 'templates/settings.toml').read_text()
    assert ask(tmp_path, sample).mirrors
    whole = sample.replace('\n#[', '\n[').replace('\n#h', '\nh')
    whole = whole.replace('\n#n', '\nn').replace('\n#u', '\nu')
    whole = whole.replace('\n#e', '\ne').replace('\n#f', '\nf')
    settings = ask(tmp_path, whole)
    assert settings.users == ('alice',)
    assert settings.http_proxy
    assert settings.engine_dns


def test_the_schema_describes_every_key():
    text = (TREE / 'registry_host/settings/schema.json').read_text()

    def keys(schema):
        for name, part in schema.get('properties', {}).items():
            assert part.get('description') or part.get('properties'), name
            keys(part)

    keys(json.loads(text))
