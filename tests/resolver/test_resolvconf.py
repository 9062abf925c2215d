from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import load
from resolvfiles import CONTENTS

from registry_host.resolver.resolvconf import READERS, nameservers, parse, view
from registry_host.settings.nameservers import address_key

RECORDED = load('resolvconf')
CASES = RECORDED['cases']
INTERFACES = RECORDED['interfaces']


def content_of(case):
    return case['content'].encode('utf-8', 'surrogateescape')


def named(address):
    """Spell a zone as the file does; the C libraries show the interface's number."""
    host, percent, zone = address.rpartition('%')
    names = {str(number): name for name, number in INTERFACES.items()}
    return f'{host}%{names.get(zone, zone)}' if percent else address


def text_of(domain):
    return domain.encode('iso8859-1').decode('utf-8', 'backslashreplace')


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('case', CASES, ids=[case['name'] for case in CASES])
def test_as_real_readers_see_it(case, reader):
    expected = dict(case[reader])
    expected['nameservers'] = [named(text) for text in expected['nameservers']]
    expected['search'] = [text_of(domain) for domain in expected['search']]
    seen = view(parse(content_of(case)), reader, set(INTERFACES))
    # What was recorded of glibc is `_res`.
    search = seen.legacy_search if reader == 'glibc' else seen.search
    measured = {
        'nameservers': list(seen.nameservers),
        'search': list(search),
        'ndots': seen.ndots,
        'timeout': seen.timeout_s,
        'attempts': seen.attempts,
        'flags': sorted(seen.flags),
        'unknownOpt': bool(seen.unknown),
        'useTCP': 'use-vc' in seen.flags,
        'rotate': 'rotate' in seen.flags,
    }
    if 'flags' in expected:
        expected['flags'].sort()
    assert {key: measured[key] for key in expected} == expected


@pytest.mark.parametrize(
    ('content', 'reader', 'expected'),
    (
        pytest.param(b'', 'glibc', (), id='default-is-loopback'),
        pytest.param(
            b'nameserver fe80::1%eth9\n', 'musl', ('fe80::1%eth9',), id='zone-unknown'
        ),
        pytest.param(
            b'#' * 253 + b'\nnameserver ::1 ' + b'#' * 240 + b'\n',
            'musl',
            (),
            id='musl-drops-a-line-of-255',
        ),
        pytest.param(
            b'nameserver ::1 ' + b'#' * 239 + b'\n',
            'musl',
            ('::1',),
            id='musl-reads-a-line-of-254',
        ),
        pytest.param(
            b'#' * 65536 + b'\nnameserver ::1\n',
            'go',
            (),
            id='go-stops-at-a-line-of-64-kib',
        ),
        pytest.param(
            b'#' * 65535 + b'\nnameserver ::1\n',
            'go',
            ('::1',),
            id='go-reads-behind-less',
        ),
        pytest.param(
            b'#' * 65536 + b'\nnameserver ::1\n', 'glibc', ('::1',), id='glibc-goes-on'
        ),
        pytest.param(b'#\0' * 70000, 'glibc', (), id='nothing-but-nul'),
    ),
)
def test_nameservers(content, reader, expected):
    found = nameservers(parse(content), reader)
    assert tuple(nameserver.address for nameserver in found) == expected
    seen = view(parse(content), reader)
    assert seen.is_default is not bool(expected)


def test_nameservers_beyond_the_third_are_listed_and_not_seen():
    conf = parse(b'nameserver ::1\n\nnameserver ::2\nnameserver ::3\nnameserver ::4\n')
    assert nameservers(conf, 'musl')[3] == (5, '::4')
    assert view(conf, 'musl').nameservers == ('::1', '::2', '::3')


@pytest.mark.parametrize(
    ('content', 'lines'),
    (
        pytest.param(b'', (0, 0, 0), id='none'),
        pytest.param(b'search a\n\ndomain b\n', (3, 3, 3), id='last'),
        pytest.param(b'search a\nsearch \n', (1, 2, 2), id='a-blank-one-clears'),
        pytest.param(b'search a\n search b\n', (1, 1, 2), id='indented-for-go'),
    ),
)
def test_line_that_the_search_list_comes_from(content, lines):
    conf = parse(content)
    assert tuple(view(conf, reader).search_line for reader in READERS) == lines


@pytest.mark.parametrize(
    ('search', 'kept', 'is_fatal'),
    (
        pytest.param('a b c d e f g', 6, False, id='six'),
        pytest.param('x' * 255, 1, False, id='256-bytes'),
        pytest.param('x' * 256, 0, True, id='first-too-long'),
        pytest.param('lan ' + 'x' * 251, 2, False, id='fits'),
        pytest.param('lan ' + 'x' * 252, 1, True, id='second-too-long'),
        pytest.param('x' * 55 + ' ' + 'y' * 200, 1, True, id='behind-56-bytes'),
        pytest.param('x' * 56 + ' ' + 'y' * 200, 1, False, id='behind-57-bytes'),
        pytest.param('a b c d e f ' + 'x' * 256, 6, False, id='seventh-too-long'),
    ),
)
def test_search_list_that_glibc_has_no_room_for(search, kept, is_fatal):
    conf = parse(f'search {search}\n'.encode())
    seen = view(conf, 'glibc')
    assert seen.search == tuple(search.split())
    assert seen.legacy_search == seen.search[:kept]
    assert seen.is_fatal is is_fatal
    assert not view(conf, 'go').is_fatal


def test_what_go_does_not_know_has_its_name():
    conf = parse(b'options rotate edns0 no-aaaa\nsortlist 10.0.0.0\nlookup file\n')
    assert view(conf, 'go').unknown == ('edns0', 'no-aaaa', 'sortlist')


@pytest.mark.parametrize(
    ('address', 'key'),
    (
        pytest.param('2001:DB8:0::A', '2001:db8::a', id='one-spelling'),
        pytest.param('fe80::1%eth0', 'fe80::1%eth0', id='zone-is-kept'),
        pytest.param('fe80::1%', 'fe80::1%', id='empty-zone'),
    ),
)
def test_address_key(address, key):
    assert address_key(address) == key


@pytest.mark.parametrize(
    'content',
    (
        pytest.param(b'', id='empty'),
        pytest.param(b'\n\n', id='blank'),
        pytest.param(b'\xef\xbb\xbfa\r\nb\rc', id='bom-crlf-cr-unterminated'),
        pytest.param(b'a\0b\x0b\x0c\x1c\x85\xe9\xff\n', id='what-splitlines-splits-at'),
        pytest.param(b'x' * 70000 + b'\ny', id='long'),
    ),
)
def test_renders_the_very_bytes(content):
    assert parse(content).render() == content


@given(CONTENTS | st.binary())
@settings(deadline=None)
def test_any_file_is_read(content):
    conf = parse(content)
    assert conf.render() == content
    assert all(view(conf, reader).nameservers for reader in READERS)


@given(
    CONTENTS, st.binary().map(lambda junk: junk.replace(b'\0', b'').replace(b'\n', b''))
)
@settings(deadline=None)
def test_a_bad_line_breaks_no_other(content, junk):
    # A NUL does, to musl: it skips the line behind.
    good = content.replace(b'\0', b'') + b'\nnameserver 192.0.2.53\n'
    after = parse(good + b'~' + junk + b'\nnameserver 192.0.2.54\n')
    for reader in READERS:
        before = nameservers(parse(good), reader)
        line = len(after.lines)
        assert nameservers(after, reader) == (*before, (line, '192.0.2.54'))
