from __future__ import annotations

import pytest

from registry_host.errors import argv_of, repeat_with, repeated


@pytest.mark.parametrize(
    ('remedy', 'argv'),
    (
        ('sudo registry-host undo 7', ('sudo', 'registry-host', 'undo', '7')),
        ("df -h '/a b'", ('df', '-h', '/a b')),
        ("chmod 600 /r'/home/a b/x'", ('chmod', '600', '/r/home/a b/x')),
        ("curl -sI 'http://h/v2/?a=b&c'", ('curl', '-sI', 'http://h/v2/?a=b&c')),
        # Words that lead to it.
        ('or: systemctl restart docker', ('systemctl', 'restart', 'docker')),
        ('is there room? df -h /var', ('df', '-h', '/var')),
        ("to go on: mv -T a 'a: b'", ('mv', '-T', 'a', 'a: b')),
        # A choice is no command, and what only a shell can do is not one either.
        ('sudo registry-host confirm, or take it back: sudo registry-host undo', ()),
        ('upgrade to 29.3, or restart it afterwards: systemctl restart docker', ()),
        ('chown root: /a && chmod go-w /a', ()),
        ('df -h /a; findmnt -T /a', ()),
        ('cp a $HOME', ()),
        ('docker pull a\nrun the same command with --no-probe', ()),
        # For a person to fill in.
        ('registry-host configure --nameserver NAMESERVER', ()),
        # Advice, and values.
        ('the same command with --restart always, at a time that suits', ()),
        ('run it with sudo', ()),
        ('name the user: --user NAME', ()),
        ('http://m:5000', ()),
        ('add it to /etc/registry-host/settings.toml', ()),
        ("it's not quoted", ()),
        ('sudo', ()),
        ('', ()),
    ),
)  # fmt: skip
def test_a_remedy_that_is_one_command_has_its_words(remedy, argv):
    assert argv_of(remedy) == argv


@pytest.mark.parametrize(
    ('hint', 'line', 'expected'),
    (
        (repeat_with('sudo'), 'sudo registry-host undo', 'sudo registry-host undo'),
        (
            f'ls\n{repeat_with("--no-probe")}',
            'sudo registry-host undo',
            'ls\nsudo registry-host undo --no-probe',
        ),
        (repeat_with('--no-probe'), '', 'run the same command with --no-probe'),
        ('ls', 'sudo registry-host undo', 'ls'),
    ),
)
def test_a_hint_to_repeat_the_command(hint, line, expected):
    assert repeated(hint, line) == expected
