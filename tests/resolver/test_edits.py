from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from resolvfiles import CONTENTS

from registry_host.resolver.edits import Removed, Unseen, with_nameservers, with_search
from registry_host.resolver.resolvconf import READERS, parse, view
from registry_host.settings.nameservers import address_key

ALL = READERS
LIBC = ('glibc', 'musl')


def nameservers_put(content, wanted, applied=(), *, is_exclusive=False, removed=()):
    return with_nameservers(
        parse(content), wanted, applied, is_exclusive=is_exclusive, removed=removed
    )


def search_put(content, wanted, applied=(), removed=()):
    return with_search(parse(content), wanted, applied, removed=removed)


# Nameservers


@pytest.mark.parametrize(
    ('content', 'wanted', 'applied', 'result', 'managed'),
    (
        pytest.param(
            b'', ['9.9.9.9'], [], b'nameserver 9.9.9.9\n', ['9.9.9.9'], id='empty-file'
        ),
        pytest.param(
            b'# by hand\nnameserver ::1\nsearch lan\n',
            ['9.9.9.9', '9.9.9.8'],
            [],
            b'# by hand\nnameserver 9.9.9.9\nnameserver 9.9.9.8\nnameserver ::1\n'
            b'search lan\n',
            ['9.9.9.9', '9.9.9.8'],
            id='where-the-first-one-stood',
        ),
        pytest.param(
            b'sortlist 10.0.0.0/255.0.0.0\nfoo  bar\n',
            ['9.9.9.9'],
            [],
            b'sortlist 10.0.0.0/255.0.0.0\nfoo  bar\nnameserver 9.9.9.9\n',
            ['9.9.9.9'],
            id='else-at-the-end',
        ),
        pytest.param(
            b'# by hand\noptions rotate',
            ['9.9.9.9'],
            [],
            b'# by hand\nnameserver 9.9.9.9\noptions rotate',
            ['9.9.9.9'],
            id='in-front-of-a-line-without-a-line-feed',
        ),
        pytest.param(
            b' nameserver ::1\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9\n nameserver ::1\n',
            ['9.9.9.9'],
            id='in-front-of-one-that-go-alone-sees',
        ),
        pytest.param(
            b'nameserver 9.9.9.9:53\noptions rotate\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9:53\noptions rotate\nnameserver 9.9.9.9\n',
            ['9.9.9.9'],
            id='a-line-without-an-address-is-none',
        ),
        pytest.param(
            b'nameserver 9.9.9.9 # by hand\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9 # by hand\n',
            [],
            id='an-equal-one-serves',
        ),
        pytest.param(
            b'nameserver 2001:DB8:0::1\n',
            ['2001:db8::1'],
            [],
            b'nameserver 2001:DB8:0::1\n',
            [],
            id='however-it-is-spelled',
        ),
        pytest.param(
            b'nameserver ::1\nnameserver 9.9.9.9\n',
            ['9.9.9.8', '9.9.9.9'],
            [],
            b'nameserver 9.9.9.8\nnameserver ::1\nnameserver 9.9.9.9\n',
            ['9.9.9.8'],
            id='where-it-stands',
        ),
        pytest.param(
            b'nameserver 010.0.0.1\n',
            ['8.0.0.1'],
            [],
            b'nameserver 8.0.0.1\nnameserver 010.0.0.1\n',
            ['8.0.0.1'],
            id='one-that-go-does-not-see-does-not-serve',
        ),
        pytest.param(
            b'nameserver ::1\nnameserver ::2\nnameserver ::3\nnameserver 9.9.9.9\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9\nnameserver ::1\nnameserver ::2\nnameserver ::3\n'
            b'nameserver 9.9.9.9\n',
            ['9.9.9.9'],
            id='nor-one-beyond-the-third',
        ),
        pytest.param(
            b'nameserver ::1\nnameserver ::2\nnameserver 9.9.9.9\n',
            ['9.9.9.8', '9.9.9.9'],
            [],
            b'nameserver 9.9.9.8\nnameserver 9.9.9.9\nnameserver ::1\nnameserver ::2\n'
            b'nameserver 9.9.9.9\n',
            ['9.9.9.8', '9.9.9.9'],
            id='nor-one-that-ours-push-out',
        ),
        pytest.param(
            b'nameserver 9.9.9.9\nnameserver ::1\n',
            ['9.9.9.8'],
            ['9.9.9.9'],
            b'nameserver 9.9.9.8\nnameserver ::1\n',
            ['9.9.9.8'],
            id='replaced',
        ),
        pytest.param(
            b'nameserver 9.9.9.9\nnameserver 9.9.9.8\nnameserver ::1\n',
            ['9.9.9.8', '9.9.9.9'],
            ['9.9.9.9', '9.9.9.8'],
            b'nameserver 9.9.9.8\nnameserver 9.9.9.9\nnameserver ::1\n',
            ['9.9.9.8', '9.9.9.9'],
            id='new-order',
        ),
        pytest.param(
            b'nameserver 9.9.9.9\nnameserver 9.9.9.9\n',
            [],
            ['9.9.9.9'],
            b'nameserver 9.9.9.9\n',
            [],
            id='the-first-of-a-double-is-ours',
        ),
        pytest.param(
            b'nameserver 9.9.9.9 # mine now\n',
            [],
            ['9.9.9.9'],
            b'nameserver 9.9.9.9 # mine now\n',
            [],
            id='one-that-somebody-touched-is-theirs',
        ),
        pytest.param(
            b'nameserver 9.9.9.9\noptions rotate\n',
            ['9.9.9.9'],
            ['9.9.9.9'],
            b'nameserver 9.9.9.9\noptions rotate\n',
            ['9.9.9.9'],
            id='ours-stay-where-they-stand',
        ),
        pytest.param(
            b'nameserver ::1\r\nsearch lan\r\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9 \r\nnameserver ::1\r\nsearch lan\r\n',
            ['9.9.9.9'],
            id='carriage-returns-are-kept-from-the-address',
        ),
        pytest.param(
            b'nameserver ::1\r\n# text\n',
            ['9.9.9.9'],
            [],
            b'nameserver 9.9.9.9\nnameserver ::1\r\n# text\n',
            ['9.9.9.9'],
            id='mixed-endings',
        ),
    ),
)
def test_nameservers(content, wanted, applied, result, managed):
    edited = nameservers_put(content, wanted, applied)
    assert edited.conf.render() == result
    assert list(edited.managed) == managed


@pytest.mark.parametrize(
    ('content', 'wanted', 'unseen'),
    (
        pytest.param(
            b'nameserver ::1\nnameserver ::2\n', ['9.9.9.9'], (), id='three-are-seen'
        ),
        pytest.param(
            b'nameserver ::1\nnameserver ::2\nnameserver ::3\nnameserver ::4\n',
            ['9.9.9.9', '9.9.9.8'],
            (Unseen('::2', ALL), Unseen('::3', ALL)),
            id='not-seen-any-longer',
        ),
        pytest.param(
            b' nameserver ::1\nnameserver ::2\nnameserver ::3\n',
            ['9.9.9.9'],
            (Unseen('::3', ('go',)),),
            id='by-one-reader',
        ),
        pytest.param(
            b'', ['::1', '::2', '::3', '::4'], (Unseen('::4', ALL),), id='fourth-wanted'
        ),
        pytest.param(
            b'#\0\n', ['::1', '::2'], (Unseen('::1', ('musl',)),), id='behind-a-nul'
        ),
        pytest.param(
            b'#' * 65536 + b'\n', ['::1'], (Unseen('::1', ('go',)),), id='behind-64-kib'
        ),
    ),
)
def test_nameservers_that_are_not_seen(content, wanted, unseen):
    assert nameservers_put(content, wanted).unseen == unseen


@pytest.mark.parametrize(
    ('content', 'wanted', 'result', 'managed', 'removed'),
    (
        pytest.param(
            b'nameserver ::1\nsearch lan\nnameserver ::2\n',
            ['9.9.9.9'],
            b'nameserver 9.9.9.9\nsearch lan\n',
            ('9.9.9.9',),
            (
                Removed((0, 0), b'nameserver ::1\n'),
                Removed((1, 1), b'nameserver ::2\n'),
            ),
            id='others-are-removed',
        ),
        pytest.param(
            b'nameserver ::1\nnameserver 9.9.9.9\n',
            ['9.9.9.9'],
            b'nameserver 9.9.9.9\n',
            (),
            (Removed((0, 0), b'nameserver ::1\n'),),
            id='but-for-one-that-serves',
        ),
        pytest.param(
            b'nameserver 010.0.0.1\n',
            ['8.0.0.1'],
            b'nameserver 8.0.0.1\n',
            ('8.0.0.1',),
            (Removed((0, 0), b'nameserver 010.0.0.1\n'),),
            id='for-all-readers',
        ),
        pytest.param(
            b' nameserver ::1\nnameserver nope\n',
            ['9.9.9.9'],
            b'nameserver 9.9.9.9\nnameserver nope\n',
            ('9.9.9.9',),
            (Removed((0, 0), b' nameserver ::1\n'),),
            id='what-any-reader-sees',
        ),
        pytest.param(
            b'nameserver ::1\n', [], b'nameserver ::1\n', (), (), id='nothing-wanted'
        ),
    ),
)
def test_exclusive(content, wanted, result, managed, removed):
    edited = nameservers_put(content, wanted, is_exclusive=True)
    assert edited.conf.render() == result
    assert edited.managed == managed
    assert edited.removed == removed
    assert edited.unseen == ()


@pytest.mark.parametrize(
    ('now', 'result'),
    (
        pytest.param(
            b'# first\nnameserver 9.9.9.9\nsearch lan\n',
            b'# first\nnameserver ::1\nsearch lan\n',
            id='in-its-place',
        ),
        pytest.param(
            b'# first\nnameserver 9.9.9.9\nsearch lan',
            b'# first\nnameserver ::1\nsearch lan',
            id='an-editor-took-the-last-line-feed',
        ),
        pytest.param(
            b'nameserver 9.9.9.9\n', b'nameserver ::1\n', id='lines-went-in-between'
        ),
        pytest.param(
            b'# first\nnameserver 9.9.9.9\nsearch lan\nnameserver ::1\n',
            b'# first\nsearch lan\nnameserver ::1\n',
            id='somebody-put-it-back',
        ),
        pytest.param(
            b'# by dhclient\nnameserver ::2\n',
            b'# by dhclient\nnameserver ::2\n',
            id='written-anew',
        ),
    ),
)
def test_what_exclusive_removed_comes_back(now, result):
    before = b'# first\nnameserver ::1\nsearch lan\n'
    edited = nameservers_put(before, ['9.9.9.9'], is_exclusive=True)
    assert edited.conf.render() == b'# first\nnameserver 9.9.9.9\nsearch lan\n'
    withdrawn = nameservers_put(now, [], edited.managed, removed=edited.removed)
    assert withdrawn.conf.render() == result


def test_a_last_line_comes_back_as_the_last():
    before = b'options rotate\nnameserver ::1'
    edited = nameservers_put(before, ['9.9.9.9'], is_exclusive=True)
    assert edited.conf.render() == b'options rotate\nnameserver 9.9.9.9\n'
    now = edited.conf.render() + b'# text'
    withdrawn = nameservers_put(now, [], edited.managed, removed=edited.removed)
    assert withdrawn.conf.render() == b'options rotate\n# text\nnameserver ::1'


@pytest.mark.parametrize(
    'wanted',
    (
        pytest.param('dns.example', id='name'),
        pytest.param('10.2', id='short'),
        pytest.param('9.9.9.9:53', id='port'),
        pytest.param('fe80::1%eth0\nnameserver ::2', id='line-feed-in-a-zone'),
        pytest.param('fe80::1%eth0 x', id='blank-in-a-zone'),
    ),
)
def test_what_is_no_address_is_refused(wanted):
    with pytest.raises(ValueError, match='address'):
        nameservers_put(b'', [wanted])


# Search


@pytest.mark.parametrize(
    ('content', 'wanted', 'applied', 'result', 'managed'),
    (
        pytest.param(
            b'nameserver ::1\n',
            ['lan', 'corp.example'],
            [],
            b'nameserver ::1\nsearch lan corp.example\n',
            ['lan', 'corp.example'],
            id='none-before',
        ),
        pytest.param(
            b'options rotate',
            ['lan'],
            [],
            b'search lan\noptions rotate',
            ['lan'],
            id='in-front-of-a-line-without-a-line-feed',
        ),
        pytest.param(
            b'search old\nsearch \ta  b # x\n',
            ['lan'],
            [],
            b'search old\nsearch \tlan a  b # x\n',
            ['lan'],
            id='into-the-last-line',
        ),
        pytest.param(
            b'search a Lan.\n',
            ['lan'],
            [],
            b'search a Lan.\n',
            [],
            id='an-equal-one-serves',
        ),
        pytest.param(
            b'search .\n',
            ['lan'],
            [],
            b'search lan .\n',
            ['lan'],
            id='none-but-the-root',
        ),
        pytest.param(
            b'domain a.example\nnameserver ::1\n',
            ['lan'],
            [],
            b'domain a.example\nsearch lan a.example\nnameserver ::1\n',
            ['lan', 'a.example'],
            id='domain-is-repeated-behind-it',
        ),
        pytest.param(
            b'nameserver ::1\ndomain a.example',
            ['lan'],
            [],
            b'nameserver ::1\nsearch lan a.example\n',
            ['lan', 'a.example'],
            id='and-replaced-if-it-lacks-a-line-feed',
        ),
        pytest.param(
            b'search a\n search b\n',
            ['lan'],
            [],
            b'search a\n search b\nsearch lan a b\n',
            ['lan', 'a', 'b'],
            id='where-readers-disagree-all-are-repeated',
        ),
        pytest.param(
            b'search a\nsearch \n',
            ['lan'],
            [],
            b'search a\nsearch \nsearch lan a\n',
            ['lan', 'a'],
            id='behind-a-blank-one',
        ),
        pytest.param(
            b'search a\n#\0\nsearch b\n',
            ['lan'],
            [],
            b'search a\n#\0\nsearch b\nsearch lan b a\n',
            ['lan', 'b', 'a'],
            id='behind-one-that-musl-skips',
        ),
        pytest.param(
            b'domain a\r\n',
            ['lan'],
            [],
            b'domain a\r\nsearch lan a\n',
            ['lan', 'a'],
            id='a-carriage-return-is-not-repeated',
        ),
        pytest.param(
            b'search a\r\n',
            ['lan'],
            [],
            b'search lan a\r\n',
            ['lan'],
            id='carriage-returns-stay',
        ),
        pytest.param(
            b'# text\r\n',
            ['lan'],
            [],
            b'# text\r\nsearch lan\n',
            ['lan'],
            id='and-none-is-added',
        ),
        pytest.param(
            b'search lan corp a\n',
            ['corp'],
            ['lan', 'corp'],
            b'search corp a\n',
            ['corp'],
            id='replaced',
        ),
        pytest.param(
            b'search a lan\n', [], ['lan'], b'search a\n', [], id='moved-by-hand'
        ),
        pytest.param(
            b'search lan a\nsearch lan a\n',
            [],
            ['lan'],
            b'search lan a\nsearch a\n',
            [],
            id='ours-is-in-the-last-line',
        ),
        pytest.param(
            b'search a\n', [], ['lan'], b'search a\n', [], id='removed-by-hand'
        ),
        pytest.param(
            b'search lan\nnameserver ::1\n',
            ['lan'],
            ['lan'],
            b'search lan\nnameserver ::1\n',
            ['lan'],
            id='a-line-of-ours-stays-where-it-stands',
        ),
    ),
)
def test_search(content, wanted, applied, result, managed):
    edited = search_put(content, wanted, applied)
    assert edited.conf.render() == result
    assert list(edited.managed) == managed
    assert edited.unseen == ()


@pytest.mark.parametrize(
    ('content', 'wanted', 'unseen'),
    (
        pytest.param(
            f'search {"a" * 120} {"b" * 120}\n'.encode(),
            ['lan.example'],
            (
                Unseen('lan.example', ('musl',)),
                Unseen('a' * 120, ('musl',)),
                Unseen('b' * 120, ('musl',)),
            ),
            id='musl-drops-a-long-line',
        ),
        pytest.param(
            f'search {"b" * 250}\n'.encode(),
            ['lan.example'],
            (Unseen('lan.example', LIBC), Unseen('b' * 250, ('glibc',))),
            id='glibc-aborts',
        ),
        pytest.param(
            'domain café\n'.encode(), ['lan'], (Unseen('café', ALL),), id='not-repeated'
        ),
    ),
)
def test_domains_that_are_not_seen(content, wanted, unseen):
    assert search_put(content, wanted).unseen == unseen


def test_a_line_that_was_replaced_does_not_come_back_into_a_new_file():
    edited = search_put(b'domain a', ['lan'])
    assert edited.removed == (Removed((0, 0), b'domain a'),)
    again = search_put(b'search b\n', [], edited.managed, edited.removed)
    assert again.conf.render() == b'search b\n'


@pytest.mark.parametrize('wanted', ('', 'a b', 'a\n', 'caf\xe9'))
def test_what_is_no_domain_is_refused(wanted):
    with pytest.raises(ValueError, match='domain'):
        search_put(b'', [wanted])


# Both


ASKED_NAMESERVERS = st.lists(
    st.sampled_from(('9.9.9.9', '8.0.0.1', '10.0.0.2', '2001:db8::1', 'fe80::1%eth0')),
    unique=True,
    max_size=4,
)
ASKED_DOMAINS = st.lists(
    st.sampled_from(('lan', 'corp.example', 'new.example', 'z' * 90)),
    unique=True,
    max_size=3,
)


class Host:
    """A file, and what is remembered between the edits of it."""

    def __init__(self, content):
        self.conf = parse(content)
        self.nameservers = self.search = None

    def put_nameservers(self, wanted, *, is_exclusive):
        last = self.nameservers
        self.nameservers = with_nameservers(
            self.conf,
            wanted,
            last.managed if last else (),
            is_exclusive=is_exclusive,
            removed=last.removed if last else (),
        )
        self.conf = self.nameservers.conf

    def put_search(self, wanted):
        last = self.search
        self.search = with_search(
            self.conf,
            wanted,
            last.managed if last else (),
            removed=last.removed if last else (),
        )
        self.conf = self.search.conf


EDITS = st.lists(
    st.tuples(st.just('nameservers'), ASKED_NAMESERVERS, st.booleans())
    | st.tuples(st.just('search'), ASKED_DOMAINS, st.just(False)),
    max_size=4,
)


@given(CONTENTS, EDITS, st.booleans())
@settings(deadline=None)
def test_withdrawing_gives_back_the_first_bytes(content, edits, is_search_first):
    host = Host(content)
    for kind, wanted, is_exclusive in edits:
        if kind == 'search':
            host.put_search(wanted)
        else:
            host.put_nameservers(wanted, is_exclusive=is_exclusive)
    if is_search_first:
        host.put_search([])
    host.put_nameservers([], is_exclusive=True)
    host.put_search([])
    assert host.conf.render() == content
    assert host.nameservers[1:] == host.search[1:] == ((), (), ())


@given(CONTENTS, ASKED_NAMESERVERS, ASKED_DOMAINS, st.booleans(), st.booleans())
@example(b'domain a\nnameserver ::1\n', ['9.9.9.9'], ['lan'], True, False)
@example(b'domain a\nnameserver ::1\n# text\n', ['9.9.9.9'], ['lan'], True, True)
@example(b'nameserver ::1\ndomain a\n', ['9.9.9.9'], ['lan'], True, False)
@example(b'# text\r\n', ['9.9.9.9'], ['lan'], False, False)
@example(b'# text\ndomain a', ['9.9.9.9'], ['lan'], False, False)
@example(b'# text\ndomain a', ['9.9.9.9'], ['lan'], False, True)
@example(b'# text\n', ['9.9.9.9'], ['lan'], False, True)
@settings(deadline=None)
def test_asking_again_changes_nothing(
    content, nameservers, search, is_exclusive, is_search_first
):
    # What musl skips behind a NUL depends on what stands there.
    host = Host(content.replace(b'\0', b''))
    if is_search_first:
        host.put_search(search)
    host.put_nameservers(nameservers, is_exclusive=is_exclusive)
    if not is_search_first:
        host.put_search(search)
    before = (host.conf, host.nameservers[1:], host.search[1:])
    host.put_nameservers(nameservers, is_exclusive=is_exclusive)
    assert (host.conf, host.nameservers[1:], host.search[1:]) == before
    host.put_search(search)
    assert (host.conf, host.nameservers[1:], host.search[1:]) == before


@given(CONTENTS, ASKED_NAMESERVERS, st.booleans())
@settings(deadline=None)
def test_every_reader_sees_the_wanted_or_it_is_said(content, wanted, is_exclusive):
    edited = nameservers_put(content, wanted, is_exclusive=is_exclusive)
    unseen = {
        (found.text, reader) for found in edited.unseen for reader in found.readers
    }
    for reader in READERS:
        seen = set(map(address_key, view(edited.conf, reader).nameservers))
        missing = {address for address in wanted if address not in seen}
        assert {(address, reader) for address in missing} <= unseen
        if b'\0' not in content and len(wanted) <= 3:
            assert not missing


@given(CONTENTS, ASKED_NAMESERVERS, st.booleans())
@settings(deadline=None)
def test_the_other_lines_stay_in_their_order(content, wanted, is_exclusive):
    edited = nameservers_put(content, wanted, is_exclusive=is_exclusive)
    managed = [b'nameserver ' + text.encode() for text in edited.managed]
    left = [line for line in edited.conf.lines if line.rstrip() not in managed]
    gone = [found.line for found in edited.removed]
    before = parse(content).lines
    foreign = [
        line for line in before if line.rstrip() not in managed and line not in gone
    ]
    assert left == foreign
    at = [i for i, line in enumerate(edited.conf.lines) if line.rstrip() in managed]
    assert (
        at[: len(managed)] == list(range(at[0], at[0] + len(managed)))
        if managed
        else True
    )
