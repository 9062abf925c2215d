from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resolvfiles import CONTENTS

from registry_host.resolver.resolvconf import parse
from registry_host.resolver.traps import Trap, traps

BEYOND = 'is beyond the third nameserver: not asked by'
RETURNS = (
    'glibc takes the carriage return at the end of {} for a part of the address or '
    'domain'
)
HANGS = 'glibc reads this sortlist for ever: every lookup hangs'
TEXTS = {
    'byte-order-mark': (
        'a byte order mark hides the first word of the file from all readers'
    ),
    'leading-blank': (
        'glibc and musl ignore a line that begins with a blank; Go does not'
    ),
    'no-reload': 'no-reload: programs that run already do not see changes of the file',
    'search-too-long': (
        'a domain is too long: glibc aborts every program that looks up a name'
    ),
    'sortlist-endless': HANGS,
}


def trap(code, line):
    return Trap(code, line, TEXTS[code])


@pytest.mark.parametrize(
    ('content', 'found'),
    (
        pytest.param(
            b'# text\nsearch lan\nnameserver 10.0.0.1 # text\noptions rotate\n',
            (),
            id='none',
        ),
        pytest.param(
            b'nameserver ::1\nnameserver ::2\nnameserver ::3\nnameserver ::4\n',
            (Trap('nameserver-beyond-third', 4, f'::4 {BEYOND} glibc, musl and Go'),),
            id='four',
        ),
        pytest.param(
            b'nameserver 10.2\nnameserver ::2\nnameserver ::3\nnameserver ::4\n',
            (
                Trap(
                    'readers-disagree',
                    1,
                    "'10.2' is 10.0.0.2 to glibc and musl, nothing to Go",
                ),
                Trap('nameserver-beyond-third', 4, f'::4 {BEYOND} glibc and musl'),
            ),
            id='four-to-some',
        ),
        pytest.param(
            b'nameserver 2001:DB8::1\nnameserver ::2\nnameserver 2001:db8::1\n',
            (
                Trap(
                    'nameserver-repeated',
                    3,
                    '2001:db8::1 stands in line 1 too; each takes a place of three',
                ),
            ),
            id='repeated',
        ),
        pytest.param(
            b'nameserver ::1\r\nsearch lan\r\noptions rotate\r\n',
            (Trap('carriage-return', 1, RETURNS.format('2 lines')),),
            id='carriage-returns',
        ),
        pytest.param(
            b'# text\r\nnameserver ::1 \r\ndomain lan\r\n',
            (Trap('carriage-return', 3, RETURNS.format('this line')),),
            id='carriage-return-set-apart',
        ),
        pytest.param(
            b'search lan \r\n',
            (Trap('carriage-return', 1, RETURNS.format('this line')),),
            id='which-does-not-help-a-search-line',
        ),
        pytest.param(
            b'\xef\xbb\xbfnameserver ::1\n',
            (trap('byte-order-mark', 1),),
            id='byte-order-mark',
        ),
        pytest.param(
            b'\tnameserver ::1\n # text\n  foo\n',
            (trap('leading-blank', 1),),
            id='leading-blank',
        ),
        pytest.param(
            b'options rotate no-reload\nsearch no-reload\n',
            (trap('no-reload', 1),),
            id='no-reload',
        ),
        pytest.param(
            b'nameserver fe80::1%eth9\nnameserver fe80::1%eth0\n',
            (
                Trap(
                    'readers-disagree',
                    1,
                    "'fe80::1%eth9' is fe80::1 to glibc, nothing to musl, "
                    'fe80::1%eth9 to Go',
                ),
            ),
            id='zone-that-does-not-exist',
        ),
        pytest.param(
            b'sortlist 10.0.0.0/255.0.0.0\nsortlist 10.0.0.0/255.0.0.0\r\n',
            (trap('sortlist-endless', 2),),
            id='sortlist-with-a-carriage-return',
        ),
        pytest.param(
            b'nameserver ::1\nsearch lan ' + b'x' * 252 + b'\n',
            (trap('search-too-long', 2),),
            id='search-too-long',
        ),
    ),
)
def test_traps(content, found):
    assert traps(parse(content), {'eth0'}) == found


PORT = ('nameserver-port', ': a port or brackets make it no address to any reader')
COMMENT = ('glued-comment', ': a comment that is not set apart makes it no address')
INVALID = ('nameserver-invalid', ' is an address to no reader')


@pytest.mark.parametrize(
    ('word', 'kind'),
    (
        pytest.param('9.9.9.9:53', PORT, id='v4-port'),
        pytest.param('[::1]:53', PORT, id='v6-port'),
        pytest.param('[::1]', PORT, id='brackets'),
        pytest.param('9.9.9.9#53', PORT, id='hash-and-port'),
        pytest.param('9.9.9.9#', COMMENT, id='hash'),
        pytest.param('::1;x', COMMENT, id='semicolon'),
        pytest.param('9.9.9.9#dns.example', COMMENT, id='hash-and-name'),
        pytest.param('', INVALID, id='none'),
        pytest.param('dns.example', INVALID, id='name'),
        pytest.param('::1,::2', INVALID, id='list'),
        pytest.param('caf\xe9', INVALID, id='not-ascii'),
    ),
)
@pytest.mark.parametrize('ending', ('\n', '\t \n', '\r\n', ''))
def test_a_nameserver_to_nobody(word, kind, ending):
    found = traps(parse(f'# text\nnameserver {word}{ending}'.encode()))
    code, text = kind
    assert Trap(code, 2, f'{word!r}{text}') in found
    assert [trap.code for trap in found if trap.code != 'carriage-return'] == [code]


def test_a_long_word_is_cut():
    (trap,) = traps(parse(b'nameserver ' + b'x' * 70000))
    assert trap.message == f"'{'x' * 60}…' is an address to no reader"


# Each was given to res_ninit() of glibc 2.36.
@pytest.mark.parametrize(
    ('sortlist', 'is_endless'),
    (
        pytest.param(b'sortlist 10.0.0.0', False, id='unended'),
        pytest.param(b'sortlist \n', False, id='blank'),
        pytest.param(b'sortlist 10.0.0.0/255.0.0.0 10.1.0.0;x\n', False, id='comment'),
        pytest.param(b'sortlist x y\n', False, id='no-addresses'),
        pytest.param(b'sortlist 10.0.0.0/\n', False, id='no-mask'),
        pytest.param(b'sortlist 10.0.0.0/8/8\n', False, id='two-masks'),
        pytest.param(b'sortlist 10.0.0.0 \r\n', True, id='carriage-return'),
        pytest.param(b'sortlist 10.0.0.0\x0b\n', True, id='vertical-tab'),
        pytest.param(b'sortlist 10.0.0.0 caf\xc3\xa9\n', True, id='not-ascii'),
        pytest.param(b'sortlist x/8\n', True, id='mask-of-no-address'),
        pytest.param(b'sortlist &\n', True, id='ampersand'),
        pytest.param(b'sortlist 10.0.0.0\0\r\n', False, id='behind-a-nul'),
        pytest.param(b'sortlist\r\n', False, id='no-keyword'),
    ),
)
def test_endless_sortlist(sortlist, is_endless):
    expected = (Trap('sortlist-endless', 1, HANGS),) if is_endless else ()
    assert traps(parse(sortlist)) == expected


@given(CONTENTS | st.binary())
@settings(deadline=None)
def test_traps_are_in_the_file(content):
    conf = parse(content)
    lines = [trap.line for trap in traps(conf, {'eth0'})]
    assert lines == sorted(lines)
    assert all(1 <= line <= len(conf.lines) for line in lines)
