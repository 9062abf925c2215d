"""What a hint may be: a command of a program that hosts have, or a plain value."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import cache

# What Debian has by priority or Docker brings; systemd's, for hosts that have it; and
# those of DNS managers, told only where they are found.
PROGRAMS = frozenset(
    'apt-get cat chattr chmod chown df docker dockerd echo findmnt free getent '
    'journalctl kill ls lsattr mkdir mv namei nmcli printf registry-host resolvconf '
    'resolvectl rm sed sh stat systemctl tail tee update-ca-certificates'.split()
)
_EDITOR = '${EDITOR:-vi}'
_PLACEHOLDER = re.compile(r'[A-Z]{3,}(:[A-Z]+)?')


def wrong_with(hint: str) -> str:
    """Say why a hint does not work when it is pasted; '' if it does."""
    return next(filter(None, map(_wrong_with, hint.split('\n'))), '')


@cache
def _wrong_with(line: str) -> str:
    if not line or _is_value(line):
        return ''
    parsed = subprocess.run(['sh', '-n', '-c', line], capture_output=True, check=False)
    if parsed.returncode:
        return f'no shell takes {line!r}'
    lexer = shlex.shlex(line, posix=True, punctuation_chars='|&;<>')
    lexer.whitespace_split = True
    command: list[str] = []
    for word in (*lexer, ';'):
        if word.strip('|&;'):
            command.append(word)
            continue
        program = _program(command)
        if program not in PROGRAMS and program != _EDITOR:
            return f'{program!r} is no program that every host has: {line!r}'
        command = []
    if any(map(_PLACEHOLDER.fullmatch, shlex.split(line))):
        return f'a word is for a person to fill in: {line!r}'
    return ''


def _program(words: list[str]) -> str:
    """The program of a simple command, behind those that start it for another."""
    rest = list(words)
    while rest and rest[0] in ('sudo', 'runuser', 'env'):
        rest.pop(0)
        if rest[:1] == ['-u']:
            rest = rest[2:]
        rest = rest[rest[:1] == ['--'] :]
        while rest and re.match(r'[A-Z_]+=', rest[0]):
            rest.pop(0)
    return rest[0] if rest else ''


def _is_value(line: str) -> bool:
    """A word with no end of a sentence, a string of JSON, or a line of TOML."""
    if re.fullmatch(r'[^\s"\']*[^\s"\',;:?]', line):
        return line not in ('sudo', *PROGRAMS) and not _PLACEHOLDER.search(line)
    text = re.sub('^[a-z-]+ = ', '', line)
    try:
        return isinstance(json.loads(text), str | list)
    except ValueError:
        return False
