"""What flags add, what --replace and unconfigure take away, and how it is reported."""

from __future__ import annotations

import json
import os

import pytest
from places import DAEMON_JSON, RESOLV_CONF

from registry_host import cli
from registry_host.plan import selectors
from registry_host.transaction import managed

ALICES = '/home/alice/.docker/config.json'
ROOTS = '/root/.docker/config.json'
SETTINGS = '/etc/registry-host/settings.toml'
CLIENT = ('--proxy-for', 'client')


def configured(root, *words):
    ended = root.run('configure', *words)
    assert ended.code == 0, ended.err
    return ended.out


def withdrawn(root, *words):
    ended = root.run('unconfigure', *words)
    assert ended.code == 0, ended.err
    return ended.out


def daemon(root):
    return json.loads(root.read(DAEMON_JSON))


def proxies(root, path=ALICES):
    return json.loads(root.read(path))['proxies']['default']


def test_the_command_line_takes_the_areas_that_can_be_withdrawn():
    assert tuple(selectors._REMOVALS) == cli.SELECTORS


# configure


def test_flags_add_and_two_playbooks_agree(root):
    root.write(DAEMON_JSON, '{"registry-mirrors": ["https://foreign"]}')
    one = ('--mirror=http://a:5000', '--insecure-registry=a:1')
    other = ('--mirror=http://b:5000', '--insecure-registry=b:1')
    configured(root, *one)
    out = configured(root, *other)
    assert '- ' not in out
    expected = ['http://a:5000', 'http://b:5000', 'https://foreign']
    for flags in (one, other, one):
        assert daemon(root)['registry-mirrors'] == expected
        assert sorted(daemon(root)['insecure-registries']) == ['a:1', 'b:1']
        assert configured(root, *flags).startswith('nothing to do')


def test_what_stood_in_front_by_hand_is_moved_by_a_new_entry_alone(root):
    configured(root, '--mirror=http://a')
    root.write(DAEMON_JSON, '{"registry-mirrors": ["https://foreign", "http://a"]}')
    assert configured(root, '--mirror=http://a').startswith('nothing to do')
    configured(root, '--mirror=http://b')
    assert daemon(root)['registry-mirrors'] == [
        'http://a',
        'http://b',
        'https://foreign',
    ]


def test_what_was_taken_out_by_hand_does_not_come_back_with_something_else(root):
    configured(root, '--mirror=http://a', '--insecure-registry=a:1')
    root.write(DAEMON_JSON, '{"insecure-registries": ["a:1"]}')
    configured(root, '--mirror=http://b')
    assert daemon(root)['registry-mirrors'] == ['http://b']


def test_no_proxy_is_added_to_and_a_proxy_is_replaced(root):
    user = (*CLIENT, '--user=alice')
    configured(root, *user, '--http-proxy=http://u:hunter2@p:1', '--no-proxy=.a')
    out = configured(root, *user, '--http-proxy=http://q:1', '--no-proxy=.b,.c')
    assert out == (
        f'updated {ALICES} (alice)\n'
        '  - proxies.http-proxy  http://xxxxx:xxxxx@p:1  (added by run 1)\n'
        '  + proxies.http-proxy  http://q:1\n'
        '  + proxies.no-proxy    .b\n'
        '  + proxies.no-proxy    .c\n'
        f'to undo it: {root.as_root} undo 2\n'
    )
    assert proxies(root)['httpProxy'] == 'http://q:1'
    assert sorted(proxies(root)['noProxy'].split(',')) == ['.a', '.b', '.c']
    configured(root, *user, '--no-proxy=.d', '--no-proxy=.e')
    assert sorted(proxies(root)['noProxy'].split(',')) == [
        '.a', '.b', '.c', '.d', '.e',
    ]  # fmt: skip


def test_users_are_added_to(root):
    for user in ('alice', 'root'):
        configured(root, *CLIENT, '--user', user, '--http-proxy=http://p:1')
    assert proxies(root) == proxies(root, ROOTS) == {'httpProxy': 'http://p:1'}


def test_replace_names_the_whole_list_in_this_order(root):
    configured(root, '--mirror=http://a', '--insecure-registry=r:1')
    configured(root, '--mirror=http://b')
    out = configured(root, '--replace', '--mirror=http://c', '--mirror=http://b')
    assert out.startswith(
        f'updated {DAEMON_JSON}\n'
        '  - registry-mirrors  http://a  (added by run 1)\n'
        '  + registry-mirrors  http://c\n'
    )
    assert daemon(root) == {
        'registry-mirrors': ['http://c', 'http://b'],
        'insecure-registries': ['r:1'],
    }


def test_replace_with_nothing_is_bad_input(root):
    root.write(SETTINGS, 'registry-mirrors = ["http://a"]\n')
    ended = root.run('configure', '--replace', '--format=json')
    assert (ended.code, ended.codes) == (2, ['replace-nothing'])


@pytest.mark.parametrize(
    ('flag', 'area'),
    (
        ('--mirror', 'unconfigure mirrors'),
        ('--registry-mirror', 'unconfigure mirrors'),
        ('--insecure-registry', 'unconfigure insecure-registries'),
        ('--http-proxy', 'unconfigure proxies http-proxy'),
        ('--https-proxy', 'unconfigure proxies https-proxy'),
        ('--no-proxy', 'unconfigure proxies no-proxy'),
        ('--nameserver', 'unconfigure dns nameservers'),
        ('--dns-search', 'unconfigure dns search'),
        ('--engine-dns', 'unconfigure dns engine-dns'),
    ),
)
@pytest.mark.parametrize('value', ('', ' ', '\t'))
def test_an_unset_variable_withdraws_nothing(root, flag, area, value):
    configured(root, '--mirror=http://a', '--proxy-for=client', '--no-proxy=.a')
    before = root.snapshot()
    reader = CLIENT if 'proxy' in flag else ()
    for how in ((), ('--replace',)):
        ended = root.run('configure', *reader, flag, value, *how)
        assert ended.code == 2
        shown = {'--mirror': '--registry-mirror'}.get(flag, flag)
        assert ended.err.startswith(
            f'error: {shown}: the value is empty (an unset variable?); unconfigure '
            'withdraws what is managed; nothing was written\n'
            f'hint:  {root.as_root} {area}\n'
        )
    assert root.snapshot() == before


@pytest.mark.parametrize('words', (('--user', ''), ('-f', ''), ('--proxy-for', '')))
def test_other_empty_values_are_bad_input_too(root, words):
    before = root.snapshot()
    ended = root.run('configure', '--no-proxy=.a', *CLIENT, *words)
    assert (ended.code, ended.out) == (2, '')
    assert root.snapshot() == before


def test_a_proxy_without_its_reader_is_bad_input(root):
    before = root.snapshot()
    for command in ('configure', 'validate'):
        ended = root.run(command, '--http-proxy=http://p:1')
        state = '; nothing was written' if command == 'configure' else ''
        assert (ended.code, ended.err) == (
            2,
            "error: --http-proxy: needs --proxy-for, to tell Docker's own proxy from "
            'that of containers: --proxy-for engine is for pulls, and needs a restart '
            'of Docker; with --proxy-for client every container and build of the user '
            f'gets it, password included{state}\n'
            f'hint:  {root.program} {command} --http-proxy=http://p:1 --proxy-for '
            'engine\n',
        )
    alone = root.run('configure', '--proxy-for=engine', '--format=json')
    assert (alone.code, alone.codes) == (2, ['proxy-for-alone'])
    assert root.snapshot() == before


def test_a_fourth_nameserver_names_replace(root):
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')
    configured(root, '--nameserver=9.9.9.1', '--nameserver=9.9.9.2')
    configured(root, '--engine-dns=9.9.9.1', '--engine-dns=9.9.9.2')
    before = root.snapshot()
    for flag in ('--nameserver', '--engine-dns'):
        kind = flag.removeprefix('--')
        ended = root.run('configure', flag, '9.9.9.3', flag, '9.9.9.4')
        assert (ended.code, ended.err) == (
            2,
            f'error: {flag}: only three nameservers are ever asked, and 9.9.9.1, '
            '9.9.9.2 are managed already; --replace has these take their place; '
            f'nothing was written\nhint:  {root.as_root} configure --replace {flag} '
            f'9.9.9.3 {flag} 9.9.9.4\n',
        ), kind
        assert root.snapshot() == before
    replaced = ('--replace', '--nameserver=9.9.9.3', '--nameserver=9.9.9.4')
    out = configured(root, *replaced)
    assert '  - dns.nameservers  9.9.9.1  (added by run 1)\n' in out
    assert root.read(RESOLV_CONF) == (
        'nameserver 9.9.9.3\nnameserver 9.9.9.4\nnameserver 192.0.2.1\n'
    )


# A settings file


def test_a_settings_file_is_the_whole_declaration_and_says_what_it_removes(root):
    configured(root, '--mirror=http://a', '--insecure-registry=r:1')
    root.write(SETTINGS, 'registry-mirrors = ["http://a"]\n')
    forecast = root.run('configure', '--check')
    assert forecast.code == 3
    assert forecast.out == (
        f'would update {DAEMON_JSON}\n'
        '  - insecure-registries  r:1  (added by run 1)\n'
        'would reload the engine\n'
    ).replace('would reload the engine\n', forecast.out.splitlines(True)[-1])
    (change,) = root.run('configure', '--format=json').json['changes']
    assert change['removed'] == [
        {'setting': 'insecure-registries', 'value': 'r:1', 'run': '1'}
    ]
    assert daemon(root) == {'registry-mirrors': ['http://a']}


def test_flags_beside_a_settings_file_warn_of_the_next_run_from_it(root):
    root.write(SETTINGS, 'registry-mirrors = ["http://a"]\n')
    configured(root)
    warning = (
        f'warning: {SETTINGS} does not name registry-mirrors http://b, '
        'insecure-registries r:1: the next run from that file withdraws it '
        'unless it is added there\n'
    )
    flags = ('--mirror=http://b', '--mirror=http://A/', '--insecure-registry=r:1')
    assert configured(root, *flags).startswith(warning)
    # As long as it is so, whether there is something to do or not.
    assert configured(root, *flags).startswith(warning)
    assert 'warning' not in configured(root, '--mirror=http://a')
    configured(root)
    assert daemon(root) == {'registry-mirrors': ['http://a']}


def test_flags_beside_a_settings_file_that_is_none(root):
    root.write(SETTINGS, 'registry-mirrors = "http://a"\n')
    assert configured(root, '--mirror=http://b').startswith(
        f'warning: {SETTINGS} cannot be read as settings, so whether it agrees with '
        f'this run is not known\nhint:  {root.program} validate\n'
    )


def test_what_the_settings_file_brings_back_is_said(root):
    root.write(SETTINGS, 'registry-mirrors = ["http://a", "http://b"]\n')
    configured(root)
    warning = (
        f'warning: {SETTINGS} names registry-mirrors http://b: the next run from that '
        f'file brings it back unless it is removed there\n'
    )
    assert withdrawn(root, 'mirrors', 'http://b').startswith(warning)
    assert 'names registry-mirrors http://a, registry-mirrors http://b:' in withdrawn(
        root
    )


# unconfigure


@pytest.fixture
def full(root):
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')
    root.write(DAEMON_JSON, '{"registry-mirrors": ["https://foreign"]}')
    configured(
        root, '--mirror=http://a', '--mirror=http://b', '--insecure-registry=r:1',
        '--insecure-registry=r:2', '--nameserver=9.9.9.1', '--nameserver=9.9.9.2',
        '--dns-search=a.example', '--dns-search=b.example', '--engine-dns=9.9.9.1',
        '--http-proxy=http://u:hunter2@p:1', '--https-proxy=http://q:1',
        '--no-proxy=.a,.b', '--proxy-for=both', '--user=alice', '--user=root',
    )  # fmt: skip
    return root


def everything(root):
    """All that is managed, by file and setting."""
    ledger = json.loads(root.read('/var/lib/registry-host/ledger.json'))
    return {
        (entry['path'], name): key['ours']
        for entry in ledger['applied']
        for name, key in entry['keys'].items()
        if key['ours']
    }


@pytest.mark.parametrize(
    ('words', 'gone'),
    (
        (('mirrors',), {'registry-mirrors': ['http://a', 'http://b']}),
        (('mirrors', 'http://A:80/'), {'registry-mirrors': ['http://a']}),
        (('insecure-registries', 'r:2'), {'insecure-registries': ['r:2']}),
        (
            ('proxies',),
            {
                'http-proxy': ['http://u:hunter2@p:1'],
                'https-proxy': ['http://q:1'],
                'no-proxy': ['.a', '.b'],
            },
        ),
        (('proxies', 'https-proxy'), {'https-proxy': ['http://q:1']}),
        (('proxies', 'http://p:1'), {'http-proxy': ['http://u:hunter2@p:1']}),
        (
            ('proxies', 'http://p:1', 'http://q:1', '.B'),
            {
                'http-proxy': ['http://u:hunter2@p:1'],
                'https-proxy': ['http://q:1'],
                'no-proxy': ['.b'],
            },
        ),
        (
            ('dns',),
            {
                'nameservers': ['9.9.9.1', '9.9.9.2'],
                'search': ['a.example', 'b.example'],
                'engine-dns': ['9.9.9.1'],
            },
        ),
        (('dns', '9.9.9.1'), {'nameservers': ['9.9.9.1'], 'engine-dns': ['9.9.9.1']}),
        (('dns', '9.9.9.2', 'B.example.'), {
            'nameservers': ['9.9.9.2'], 'search': ['b.example'],
        }),
        (('dns', 'engine-dns'), {'engine-dns': ['9.9.9.1']}),
    ),
    ids=' '.join,
)  # fmt: skip
def test_a_selection_is_withdrawn_and_nothing_else(full, words, gone):
    before = everything(full)
    expected = {}
    for (path, name), texts in before.items():
        left = [value for value in texts if value not in gone.get(name, ())]
        if left:
            expected[path, name] = left
    out = withdrawn(full, *words)
    assert everything(full) == expected
    for name, values in gone.items():
        for value in values:
            shown = value.replace('u:hunter2', 'xxxxx:xxxxx')
            line = f'{shown}  (added by run 1)'
            assert any(
                name.removesuffix('-dns') in row and row.endswith(line)
                for row in out.splitlines()
            ), (name, value, out)
    again = withdrawn(full, *words)
    assert 'nothing to do: ' in again
    assert full.run('undo').code == 0
    assert everything(full) == before


@pytest.mark.parametrize(
    ('reader', 'paths'),
    (
        ('engine', {ALICES, ROOTS}),
        ('client', {DAEMON_JSON}),
        ('both', set()),
    ),
)
def test_proxies_of_one_reader_are_withdrawn(full, reader, paths):
    withdrawn(full, 'proxies', '--proxy-for', reader)
    left = {path for path, name in everything(full) if name == 'http-proxy'}
    assert left == paths


def test_one_user_is_withdrawn(full):
    out = withdrawn(full, 'users', 'alice')
    assert f'deleted {ALICES} (alice)\n' in out
    left = {path for path, name in everything(full) if name == 'http-proxy'}
    assert left == {DAEMON_JSON, ROOTS}
    withdrawn(full, 'users')
    left = {path for path, name in everything(full) if name == 'http-proxy'}
    assert left == {DAEMON_JSON}


def test_exclusive_is_withdrawn_and_the_nameservers_stay(root):
    root.write(RESOLV_CONF, 'nameserver 192.0.2.1\n')
    configured(root, '--nameserver=9.9.9.9', '--dns-exclusive')
    out = withdrawn(root, 'dns', 'exclusive')
    assert '  - dns.exclusive  true  (added by run 1)\n' in out
    assert root.read(RESOLV_CONF) == 'nameserver 9.9.9.9\nnameserver 192.0.2.1\n'


@pytest.mark.parametrize(
    ('words', 'value'),
    (
        (('mirrors', 'https://foreign'), 'https://foreign'),
        (('mirrors', 'http://never'), 'http://never'),
        (('insecure-registries', 'never:1'), 'never:1'),
        (('proxies', '.never'), '.never'),
        (('proxies', 'http://never:1'), 'http://never:1'),
        (('dns', '192.0.2.1'), '192.0.2.1'),
        (('dns', 'never.example'), 'never.example'),
        (('users', 'bob'), 'bob'),
    ),
)
def test_what_is_not_managed_stays_and_is_told(full, words, value):
    before = full.snapshot()
    out = withdrawn(full, *words)
    assert (
        f'info: {value} is not managed by registry-host on this host, so there is '
        'nothing to withdraw\n'
    ) in out
    assert 'nothing to do: ' in out
    assert full.snapshot() == before


def test_a_value_is_withdrawn_however_it_is_typed_and_its_foreign_twin_stays(root):
    """What is typed is read as configure reads it; what stands in the file is not."""
    foreign = {
        'registry-mirrors': ['HTTP://M:5000'],
        'insecure-registries': ['R.LAB:1'],
    }
    root.write(DAEMON_JSON, json.dumps(foreign))
    configured(root, '--mirror=http://m:5000', '--insecure-registry=r.lab:1')
    out = withdrawn(root, 'mirrors', 'HTTP://M:5000')
    out += withdrawn(root, 'insecure-registries', 'R.LAB:1')
    assert 'not managed' not in out
    assert daemon(root) == foreign


@pytest.mark.parametrize(
    ('words', 'codes'),
    (
        (('mirrors', 'http://a/v2'), ['mirror-path']),
        (('mirrors', ''), ['value-empty']),
        (('users', 'alice', ''), ['value-empty']),
        (('insecure-registries', '*'), ['insecure-host']),
        (('mirrors', 'http://a', '--proxy-for=engine'), ['proxy-for-alone']),
        (('--proxy-for=engine',), ['proxy-for-alone']),
        (('mirror',), ['usage']),
    ),
)
def test_bad_selections(full, words, codes):
    before = full.snapshot()
    ended = full.run('unconfigure', *words, '--format=json')
    assert (ended.code, ended.codes) == (2, codes)
    assert full.snapshot() == before


def test_who_added_what_is_gone_with_its_run(root):
    """Of a run that is no longer in the history, its number is not known."""
    configured(root, '--mirror=http://a')
    (root.path / 'var/lib/registry-host/checkpoints/1.json').unlink()
    out = withdrawn(root)
    assert '  - registry-mirrors  http://a  (added by an earlier run)\n' in out


def test_a_ledger_damaged_inside_a_checkpoint_hides_no_outcome(root):
    """Which run had added an entry is told where it is known; the change stands."""
    configured(root, '--mirror', 'http://a')
    configured(root, '--mirror', 'http://b')
    name = root.path / 'var/lib/registry-host/checkpoints/1.json'
    record = json.loads(name.read_text())
    record['ledgers'] = [None, 'e30=']
    name.write_text(json.dumps(record))
    ended = root.run('unconfigure', 'mirrors')
    assert ended.code == 0, ended.err
    assert '  - registry-mirrors  http://a  (added by an earlier run)\n' in ended.out
    assert '  - registry-mirrors  http://b  (added by run 2)\n' in ended.out


def test_a_value_that_no_utf8_holds_is_looked_for():
    content = managed._Content(b'{"a": "http://h\xff"}')
    assert os.fsdecode(b'http://h\xff') in content
    assert os.fsdecode(b'http://g\xff') not in content


@pytest.mark.parametrize('value', ('http://m:1', 'a b', 'c,d', 'q"r'))
def test_a_value_is_found_however_it_is_written(value):
    written = json.dumps({'list': [value]}).encode()
    assert value in managed._Content(written)
    assert value not in managed._Content(b'{"list": []}')
