"""A strategy for resolv.conf files that are good, odd or broken."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

ADDRESSES = (
    '9.9.9.9',
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '010.0.0.1',
    '10.2',
    '2001:DB8::1',
    'fe80::1%eth0',
    'fe80::1%7',
    '9.9.9.9:53',
    '9.9.9.9#',
    'dns.example',
)
DOMAINS = ('lan', 'LAN.', 'corp.example', '.', '#', 'x' * 60, 'y' * 200, 'caf\udce9')
OPTIONS = ('rotate', 'ndots:5', 'ndots: 3', 'timeout:99', 'no-reload', 'foo')


def _line(keyword: str, words: Sequence[str]) -> st.SearchStrategy[str]:
    return st.tuples(
        st.sampled_from(('', '', '', '', ' ', '\t', '\ufeff')),
        st.just(keyword),
        st.sampled_from((' ', ' ', '\t', '  ', '')),
        st.lists(st.sampled_from(words), max_size=4).map(' '.join),
        st.sampled_from(('', '', '', ' ', ' # text', '\0', '\x0b')),
    ).map(''.join)


_LINES = st.one_of(
    _line('nameserver', ADDRESSES),
    _line('nameserver', ADDRESSES),
    _line('search', DOMAINS),
    _line('domain', DOMAINS),
    _line('options', OPTIONS),
    st.sampled_from(('', '# text', '; text', 'sortlist 10.0.0.0/8', 'foo bar')),
)


@st.composite
def _contents(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(_LINES, max_size=7))
    endings = ('\n',) if draw(st.booleans()) else ('\n', '\r\n', '\r\n')
    text = ''.join(line + draw(st.sampled_from(endings)) for line in lines)
    last = draw(st.just('') | _LINES)
    return (text + last).encode('utf-8', 'surrogateescape')


CONTENTS = _contents()
