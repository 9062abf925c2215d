from __future__ import annotations

import pytest

from registry_host.errors import argv_of, counted, pasted_by, repeat_with, repeated


@pytest.mark.parametrize(
    ('remedy', 'argv'),
    (
        ('sudo registry-host undo 7', ('sudo', 'registry-host', 'undo', '7')),
        ("df -h '/a b'", ('df', '-h', '/a b')),
        ("chmod 600 /r'/home/a b/x'", ('chmod', '600', '/r/home/a b/x')),
        ("ls -l '/a?b&c'", ('ls', '-l', '/a?b&c')),
        ("mv -T a 'a: b'", ('mv', '-T', 'a', 'a: b')),
        # Words are no command, and what only a shell can do is not one either.
        ('or: systemctl restart docker', ()),
        ('is there room? df -h /var', ()),
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
    ('hint', 'line', 'expected', 'instead'),
    (
        (repeat_with('sudo'), 'sudo registry-host undo', 'sudo registry-host undo', ''),
        (
            repeat_with('sudo'),
            'registry-host --root /r undo',
            'sudo registry-host --root /r undo',
            '',
        ),
        (repeat_with(''), 'sudo registry-host undo', 'sudo registry-host undo', ''),
        (
            f'ls\n{repeat_with("--no-probe")}',
            'sudo registry-host undo',
            'ls\nsudo registry-host undo --no-probe',
            '',
        ),
        (
            f'ls\n{repeat_with("--no-probe")}',
            '',
            'ls',
            'run the same command with --no-probe',
        ),
        (repeat_with(''), '', '', 'run the same command again'),
        ('ls', 'sudo registry-host undo', 'ls', ''),
        ('ls', '', 'ls', ''),
    ),
)
def test_a_hint_to_repeat_the_command(hint, line, expected, instead):
    assert repeated(hint, line) == (expected, instead)


@pytest.mark.parametrize(
    ('text', 'name', 'expected'),
    (
        ('sudo a && sudo b', 'root', 'a && b'),
        ('echo x | sudo tee /f', 'root', 'echo x | tee /f'),
        ('sudo -u alice a /f', 'root', 'runuser -u alice -- a /f'),
        ('sudo "${EDITOR:-vi}" /f', 'root', '"${EDITOR:-vi}" /f'),
        ('ls /a/sudo /etc/sudo x', 'root', 'ls /a/sudo /etc/sudo x'),
        ('sudo a', 'alice', 'sudo a'),
        ('sudo -u alice a', 'alice', 'a'),
        ('sudo -u bob a', 'alice', 'sudo -u bob a'),
    ),
)  # fmt: skip
def test_sudo_is_asked_of_those_who_need_it(text, name, expected):
    assert pasted_by(name, text) == expected


def test_a_number_stands_with_its_noun():
    found = [counted(n, 'container') for n in (0, 1, 2)]
    assert found == ['0 containers', '1 container', '2 containers']
