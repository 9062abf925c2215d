"""Root at work while a user attacks: many commands in one process, on a host.

Calls the command line's own entry, prints all that it says, and last how often it ended
in which way.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import time
from collections import Counter

sys.path.insert(0, '/opt/registry-host')

from registry_host.cli import main as registry_host
from registry_host.host import privileges


def words_of(number: int, users: list[str]) -> list[str]:
    """The command of one round; every other one is told in JSON."""
    if number % 5 == 3:
        words = ['undo']
    elif number % 11 == 10:
        words = ['unconfigure']
    else:
        some = users[: 1 + number % len(users)]
        words = ['configure', '--proxy-for=client', '--http-proxy']
        words.append(f'http://proxy{number}.lab:1')
        words += [word for user in some for word in ('--user', user)]
    return [*words, '--diff', *(['--format=json'] if number % 2 else [])]


def end_of(words: list[str]) -> str:
    """Run one command, print all that it says, and name how it ended."""
    output = io.StringIO()
    code: object = None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            registry_host(words)
        except SystemExit as stop:
            code = stop.code
    told = output.getvalue()
    print(told)
    if bug := re.search(r'a bug in .*\): (\S+ at \S+:\d+)', told):
        return f'{code} bug: {bug[1]}'
    if code == 0:
        is_changed = '"changed": true' in told or 'to undo it: ' in told
        return '0 done' if is_changed else '0 nothing to do'
    reason = re.search(r'"code": "(.*)"', told)
    return f'{code} {reason[1]}' if reason else f'{code}'


def main() -> None:
    rounds, *users = sys.argv[1:]
    # Patient with an honest user; here one is stopped on purpose, again and again.
    privileges.TIMEOUT_S = privileges.KILL_TIMEOUT_S = 0.3
    began = time.monotonic()
    ends = Counter(end_of(words_of(number, users)) for number in range(int(rounds)))
    print()
    print(json.dumps({'seconds': round(time.monotonic() - began, 1), 'ends': ends}))


main()
