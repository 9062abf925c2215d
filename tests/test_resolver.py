"""Nameservers of a file that is nobody's, and of those that are not."""

from __future__ import annotations

import json

import pytest

RESOLV_CONF = '/etc/resolv.conf'
THEIRS = '# by hand\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:2\n'


def configured(root, *words):
    ended = root.run('configure', *words)
    assert ended.code == 0, ended.err
    return ended


def test_ours_first_and_theirs_behind(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '9.9.9.9')
    assert root.read(RESOLV_CONF) == THEIRS.replace(
        'nameserver 192.0.2.1', 'nameserver 9.9.9.9\nnameserver 192.0.2.1'
    )
    configured(root, '--nameserver', '9.9.9.10')
    assert '9.9.9.9\n' not in root.read(RESOLV_CONF)
    configured(root, '--nameserver', '')
    assert root.read(RESOLV_CONF) == THEIRS


def test_what_falls_off_is_told(root):
    root.write(RESOLV_CONF, THEIRS)
    ended = configured(root, '--nameserver', '9.9.9.9', '--nameserver', '2620:fe::fe')
    told = 'warning: the nameserver 192.0.2.2 is not asked any more\n'
    assert told in ended.out
    assert 'nameserver 192.0.2.2\n' in root.read(RESOLV_CONF)


def test_exclusive_and_back(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '192.0.2.2', '--dns-exclusive')
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 192.0.2.2\noptions ndots:2\n'
    )
    configured(root, '--nameserver', '9.9.9.9')
    assert root.read(RESOLV_CONF) == THEIRS.replace(
        'nameserver 192.0.2.1', 'nameserver 9.9.9.9\nnameserver 192.0.2.1'
    )
    configured(root, '--nameserver', '9.9.9.9', '--dns-exclusive')
    root.run('unconfigure')
    assert root.read(RESOLV_CONF) == THEIRS


def test_undo_keeps_the_lines_of_others_and_what_was_exclusive(root):
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '9.9.9.9', '--dns-exclusive')
    configured(root, '--nameserver', '9.9.9.10')
    root.write(RESOLV_CONF, root.read(RESOLV_CONF) + '# later\n')
    root.run('undo')
    assert root.read(RESOLV_CONF) == (
        '# by hand\nnameserver 9.9.9.9\noptions ndots:2\n# later\n'
    )
    root.run('undo')
    assert root.read(RESOLV_CONF) == THEIRS + '# later\n'


def test_undo_to_a_line_of_theirs_that_was_exclusive(root):
    """What was asked stood there already, so that none of ours is to come back."""
    root.write(RESOLV_CONF, THEIRS)
    configured(root, '--nameserver', '192.0.2.2', '--dns-exclusive')
    configured(root, '--nameserver', '9.9.9.9', '--dns-exclusive')
    root.write(RESOLV_CONF, root.read(RESOLV_CONF) + '# later\n')
    assert root.run('undo').code == 0
    assert '9.9.9.9' not in root.read(RESOLV_CONF)
    assert '192.0.2.2\noptions ndots:2\n# later\n' in root.read(RESOLV_CONF)


@pytest.mark.parametrize('command', ('configure', 'validate'))
@pytest.mark.parametrize('words', ((), ('--nameserver', ''), ('--dns-search', 'a.b')))
def test_nobody_left_to_ask(root, command, words):
    root.write(RESOLV_CONF, THEIRS)
    before = root.snapshot()
    ended = root.run(command, '--dns-exclusive', *words, '--format=json')
    assert (ended.code, ended.codes) == (2, ['dns-exclusive-alone'])
    assert root.snapshot() == before


def test_nobody_left_to_ask_in_the_settings_file(root):
    root.write('/etc/registry-host/settings.toml', '[dns]\nexclusive = true\n')
    ended = root.run('configure')
    assert (ended.code, ended.err) == (
        2,
        'error: /etc/registry-host/settings.toml: dns.exclusive: leaves no nameserver '
        'to ask: none is named; nothing was written\n'
        'hint:  name one too: --nameserver IP, or nameservers in the settings file\n',
    )


def test_settings_file(root):
    root.write(RESOLV_CONF, THEIRS)
    settings = {'dns': {'nameservers': ['9.9.9.9'], 'search': ['corp.example']}}
    root.write('/etc/registry-host/settings.json', json.dumps(settings))
    configured(root)
    assert 'search corp.example\n' in root.read(RESOLV_CONF)
    root.write('/etc/registry-host/settings.json', '{}')
    configured(root)
    assert root.read(RESOLV_CONF) == THEIRS


@pytest.mark.parametrize(
    ('words', 'code', 'hint'),
    (
        pytest.param(('9.9.9.9:53',), 'nameserver-address', '9.9.9.9', id='port'),
        pytest.param(('dns.example',), 'nameserver-address', '', id='name'),
        pytest.param(('::',), 'nameserver-address', '', id='nobody'),
        pytest.param(('1.1.1.1 ',), 'nameserver-address', '1.1.1.1', id='blank'),
        pytest.param(
            ('1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'),
            'nameserver-beyond',
            '',
            id='four',
        ),
    ),
)
def test_what_is_no_nameserver(root, words, code, hint):
    root.write(RESOLV_CONF, THEIRS)
    before = root.snapshot()
    flags = [flag for word in words for flag in ('--nameserver', word)]
    ended = root.run('configure', *flags, '--format=json')
    assert ended.code == 2
    (error,) = ended.json['errors']
    assert (error['code'], error['hint']) == (code, hint)
    assert root.snapshot() == before


def test_loopback_is_told(root):
    root.write(RESOLV_CONF, THEIRS)
    ended = configured(root, '--nameserver', '127.0.0.1')
    assert 'containers have no nameserver at this address' in ended.out


def test_a_file_that_is_kept_by_somebody_is_not_touched(root):
    link = root.path / 'etc/resolv.conf'
    root.write('/run/systemd/resolve/stub-resolv.conf', 'nameserver 127.0.0.53\n')
    link.symlink_to('../run/systemd/resolve/stub-resolv.conf')
    before = root.snapshot()
    ended = root.run('configure', '--nameserver', '9.9.9.9', '--mirror', 'http://m')
    assert ended.code == 2
    assert f'error: {RESOLV_CONF}: is kept by resolved, not by hand: ' in ended.err
    assert 'DNS=9.9.9.9' in ended.err
    assert root.snapshot() == before
    assert link.is_symlink()
